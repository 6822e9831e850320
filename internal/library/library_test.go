package library_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/library"
	"akin/internal/library/librarytest"
	"akin/internal/paper"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	librarytest.Run(t, func(*testing.T) library.Shelves { return librarytest.NewMemory() })
}

// rig is Libraries over memory with a clock that goes on a second a look.
type rig struct {
	*testing.T
	*library.Libraries
	memory *librarytest.Memory
	time   time.Time
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, memory: librarytest.NewMemory(), time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	r.Libraries = library.New(r.memory, func() time.Time { r.time = r.time.Add(time.Second); return r.time })
	return r
}

func (r *rig) create(owner, name string) {
	r.Helper()
	if _, err := r.Create(r.Context(), owner, library.Library{Name: name}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) set(name string, changes ...library.Change) []library.Changed {
	r.Helper()
	done, _, err := r.Set(r.Context(), "o", library.Place{Name: name, Create: true}, changes)
	if err != nil {
		r.Fatal(err)
	}
	return done
}

func (r *rig) entry(name, id string) *library.Entry {
	r.Helper()
	found, err := r.Lookup(r.Context(), "o", name, []string{id})
	if err != nil {
		r.Fatal(err)
	}
	if len(found) == 0 {
		return nil
	}
	return &found[0].Entry
}

func like(id string) library.Change {
	return library.Change{Entry: library.Entry{PaperID: id, Mark: library.Liked}, Fields: library.FieldMark}
}

func reason(err error) string {
	var e *paper.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return fmt.Sprint(err)
}

func TestOwnersAreApart(t *testing.T) {
	r := newRig(t)
	r.create("o", "mine")
	r.create("p", "mine")
	r.create("p", "theirs")
	r.set("mine", like("a"))
	for _, err := range []error{
		func() error { _, err := r.Get(t.Context(), "o", "theirs"); return err }(),
		func() error { _, _, err := r.Entries(t.Context(), "o", "theirs"); return err }(),
		func() error { _, err := r.Delete(t.Context(), "o", "theirs", true); return err }(),
		func() error { _, err := r.Undelete(t.Context(), "o", "theirs"); return err }(),
		func() error { _, err := r.Update(t.Context(), "o", "theirs", func(*library.Library) {}); return err }(),
		func() error { _, _, _, err := r.Remove(t.Context(), "o", "theirs", []string{"a"}); return err }(),
		func() error { _, err := r.Lookup(t.Context(), "o", "theirs", []string{"a"}); return err }(),
		func() error { _, err := r.Merge(t.Context(), "o", "mine", []string{"theirs"}, false); return err }(),
		func() error { _, err := r.Merge(t.Context(), "o", "theirs", []string{"mine"}, false); return err }(),
		func() error {
			_, _, err := r.Set(t.Context(), "o", library.Place{Name: "theirs"}, []library.Change{like("a")})
			return err
		}(),
	} {
		if paper.KindOf(err) != paper.NotFound || reason(err) != library.ReasonUnknown {
			t.Errorf("%v", err)
		}
	}
	found, err := r.Lookup(t.Context(), "p", library.Any, []string{"a"})
	if err != nil || len(found) != 0 {
		t.Errorf("p finds %v, %v", found, err)
	}
	if all, err := r.List(t.Context(), "o", true); err != nil || len(all) != 1 || all[0].Counts.Liked != 1 {
		t.Errorf("o has %v, %v", all, err)
	}
	if _, err := r.List(t.Context(), "", true); err == nil {
		t.Error("nobody has libraries")
	}
}

func TestEntriesChangeInParts(t *testing.T) {
	r := newRig(t)
	r.set("x", library.Change{
		Entry: library.Entry{PaperID: "a", Mark: library.Liked, Note: "good", Tags: []string{"z", " b ", "z"}, Weight: 2}, Fields: library.AllFields, Read: true,
	})
	first := r.entry("x", "a")
	if first.Note != "good" || !slices.Equal(first.Tags, []string{"b", "z"}) || first.MarkTime.IsZero() || first.ReadTime.IsZero() {
		t.Fatalf("%+v", first)
	}
	before := r.time
	done := r.set("x", like("a"))
	if got := r.entry("x", "a"); !got.UpdateTime.Equal(first.UpdateTime) || !got.MarkTime.Equal(first.MarkTime) || done[0].Before == nil {
		t.Errorf("the same again changed it: %+v", got)
	}
	if l, _ := r.Get(t.Context(), "o", "x"); l.UpdateTime.After(before) {
		t.Error("the same again changed the library")
	}
	done = r.set("x", library.Change{Entry: library.Entry{PaperID: "a", Mark: library.Disliked}, Fields: library.FieldMark})
	got := r.entry("x", "a")
	if got.Mark != library.Disliked || got.Note != "good" || got.Weight != 2 || got.ReadTime.IsZero() || !got.MarkTime.After(first.MarkTime) || done[0].Before.Mark != library.Liked {
		t.Errorf("disliked: %+v, before %+v", got, done[0].Before)
	}
	l, _ := r.Get(t.Context(), "o", "x")
	if l.Counts.Entries != 1 || l.Counts.Disliked != 1 || l.Counts.Liked != 0 || l.Counts.Read != 1 {
		t.Errorf("counts %+v", l.Counts)
	}
	r.set("x", library.Change{Entry: library.Entry{PaperID: "a"}, Fields: library.AllFields})
	if got := r.entry("x", "a"); got.Mark != library.None || got.Note != "" || got.Tags != nil || !got.ReadTime.IsZero() || !got.MarkTime.IsZero() {
		t.Errorf("cleared: %+v", got)
	}
	// Of a paper twice, the later counts, and both are counted once.
	r.set("x", like("b"), library.Change{Entry: library.Entry{PaperID: "b", Note: "n"}, Fields: library.FieldNote})
	if l, _ := r.Get(t.Context(), "o", "x"); l.Counts.Entries != 2 || l.Counts.Liked != 1 {
		t.Errorf("counts %+v", l.Counts)
	}
}

func TestRemovedEntriesComeBack(t *testing.T) {
	r := newRig(t)
	r.set("x", library.Change{Entry: library.Entry{PaperID: "a", Mark: library.Liked, Note: "n", Tags: []string{"t"}}, Fields: library.AllFields, Read: true}, like("b"))
	was := *r.entry("x", "a")
	removed, missing, l, err := r.Remove(t.Context(), "o", "x", []string{"a", "never", "a"})
	if err != nil || len(removed) != 1 || !slices.Equal(missing, []string{"never"}) || l.Counts.Entries != 1 || l.Counts.Read != 0 {
		t.Fatalf("%v, %v, %+v, %v", removed, missing, l.Counts, err)
	}
	r.set("x", library.Change{Entry: removed[0], Fields: library.AllFields, Read: true})
	now := *r.entry("x", "a")
	now.UpdateTime = was.UpdateTime
	if fmt.Sprintf("%+v", now) != fmt.Sprintf("%+v", was) {
		t.Errorf("came back as %+v, was %+v", now, was)
	}
}

func TestDeletedLibrariesComeBack(t *testing.T) {
	r := newRig(t)
	r.set("x", like("a"))
	if _, err := r.Delete(t.Context(), "o", "x", false); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get(t.Context(), "o", "x"); reason(err) != library.ReasonUnknown || !strings.Contains(err.Error(), "undelete") {
		t.Errorf("deleted: %v", err)
	}
	if found, err := r.Lookup(t.Context(), "o", library.Any, []string{"a"}); err != nil || len(found) > 0 {
		t.Errorf("a deleted library answers: %v, %v", found, err)
	}
	if _, err := r.Create(t.Context(), "o", library.Library{Name: "x"}); reason(err) != library.ReasonExists {
		t.Errorf("its name is free: %v", err)
	}
	if all, _ := r.List(t.Context(), "o", false); len(all) != 0 {
		t.Errorf("listed %v", all)
	}
	if l, err := r.Undelete(t.Context(), "o", "x"); err != nil || l.Deleted() || r.entry("x", "a") == nil {
		t.Errorf("back: %+v, %v", l, err)
	}
	r.Delete(t.Context(), "o", "x", false)
	r.time = r.time.Add(library.Retention + time.Hour)
	if _, err := r.Undelete(t.Context(), "o", "x"); reason(err) != library.ReasonUnknown {
		t.Errorf("after its time: %v", err)
	}
	r.create("o", "x")
	if r.entry("x", "a") != nil {
		t.Error("a new library has the entries of an old one")
	}
	r.Delete(t.Context(), "o", "x", false)
	if _, err := r.Delete(t.Context(), "o", "x", true); err != nil {
		t.Errorf("erased: %v", err)
	}
	r.create("o", "x")
	r.Delete(t.Context(), "o", "x", false)
	r.time = r.time.Add(library.Retention + time.Hour)
	if err := r.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.memory.Read(t.Context(), func(s library.Reader) error {
		if all, err := s.Libraries(""); err != nil || len(all) != 0 {
			t.Errorf("left after sweeping: %v, %v", all, err)
		}
		return nil
	})
}

func TestLimits(t *testing.T) {
	r := newRig(t)
	r.create("o", "x")
	set := func(e library.Entry) error {
		_, _, err := r.Set(t.Context(), "o", library.Place{Name: "x"}, []library.Change{{Entry: e, Fields: library.AllFields}})
		return err
	}
	many := make([]string, library.MaxTags+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for field, e := range map[string]library.Entry{
		"entries[0].paper_id":    {PaperID: " x"},
		"entries[0].note":        {PaperID: "p", Note: strings.Repeat("n", library.MaxNoteBytes+1)},
		"entries[0].tags ":       {PaperID: "p", Tags: many},
		"entries[0].tags[0]":     {PaperID: "p", Tags: []string{strings.Repeat("t", library.MaxTagBytes+1)}},
		"entries[0].tags[1]":     {PaperID: "p", Tags: []string{"a", "b\nc"}},
		"entries[0].weight":      {PaperID: "p", Weight: -1},
		"entries[0].mark ":       {PaperID: "p", Mark: 9},
		"entries[0].mark_time":   {PaperID: "p", Mark: library.Liked, MarkTime: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
		"entries[0].create_time": {PaperID: "p", CreateTime: time.Date(1, 2, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if err := set(e); paper.KindOf(err) != paper.Invalid || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, name := range []string{"", "X", "a b", "-", "../x", strings.Repeat("x", 65)} {
		if _, err := r.Create(t.Context(), "o", library.Library{Name: name}); paper.KindOf(err) != paper.Invalid {
			t.Errorf("name %q: %v", name, err)
		}
	}
	if _, _, err := r.Set(t.Context(), "o", library.Place{Name: "x"}, make([]library.Change, library.MaxBatch+1)); paper.KindOf(err) != paper.Invalid {
		t.Errorf("a batch: %v", err)
	}
	additions := make([]library.Addition, library.MaxEntries)
	for i := range additions {
		additions[i].PaperID = fmt.Sprint(i)
	}
	if _, l, err := r.Add(t.Context(), "o", library.Place{Name: "x"}, additions); err != nil || l.Counts.Entries != library.MaxEntries {
		t.Fatalf("%+v, %v", l.Counts, err)
	}
	if err := set(library.Entry{PaperID: "one more"}); reason(err) != library.ReasonFull {
		t.Errorf("above the limit: %v", err)
	}
	if err := set(library.Entry{PaperID: "1", Note: "there already"}); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if l, _ := r.Get(t.Context(), "o", "x"); l.Counts.Entries != library.MaxEntries {
		t.Errorf("counts %+v", l.Counts)
	}
}

func TestBytesAreBounded(t *testing.T) {
	r := newRig(t)
	note := strings.Repeat("n", library.MaxNoteBytes)
	var err error
	for n := 0; err == nil && n < library.MaxEntries; n += library.MaxBatch {
		changes := make([]library.Change, library.MaxBatch)
		for i := range changes {
			changes[i] = library.Change{Entry: library.Entry{PaperID: fmt.Sprint(n + i), Note: note}, Fields: library.FieldNote}
		}
		_, _, err = r.Set(t.Context(), "o", library.Place{Name: "x", Create: true}, changes)
	}
	if reason(err) != library.ReasonFull {
		t.Errorf("%v", err)
	}
	if l, _ := r.Get(t.Context(), "o", "x"); l.Counts.Bytes > library.MaxBytes || l.Counts.Bytes < library.MaxBytes/2 {
		t.Errorf("counts %+v", l.Counts)
	}
}

func TestLibrariesOfAnOwnerAreBounded(t *testing.T) {
	r := newRig(t)
	r.memory.Write(t.Context(), func(w library.Writer) error {
		for i := range library.MaxLibraries - 1 {
			w.PutLibrary(&library.Library{Owner: "o", Name: fmt.Sprint("l", i), Collection: "papers"})
		}
		return nil
	})
	r.create("o", "last")
	if _, err := r.Create(t.Context(), "o", library.Library{Name: "more"}); reason(err) != library.ReasonFull {
		t.Errorf("%v", err)
	}
	r.create("p", "other")
	if _, err := r.Adopt(t.Context(), "o", "p"); reason(err) != library.ReasonFull {
		t.Errorf("adopted: %v", err)
	}
}

func TestMerge(t *testing.T) {
	r := newRig(t)
	day := func(n int) time.Time { return time.Date(2020, 1, n, 0, 0, 0, 0, time.UTC) }
	put := func(name string, e library.Entry, read bool) {
		r.set(name, library.Change{Entry: e, Fields: library.AllFields, Read: read})
	}
	put("a", library.Entry{PaperID: "p", Mark: library.Liked, MarkTime: day(5), Note: "mine", Tags: []string{"x"}, Weight: 3, CreateTime: day(3)}, false)
	put("b", library.Entry{PaperID: "p", Mark: library.Disliked, MarkTime: day(7), ReadTime: day(8), Note: "other", Tags: []string{"y"}, CreateTime: day(2)}, true)
	put("b", library.Entry{PaperID: "q", Note: "alone"}, false)
	put("c", library.Entry{PaperID: "p", Mark: library.Liked, MarkTime: day(6), Note: "other", ReadTime: day(9)}, true)
	l, err := r.Merge(t.Context(), "o", "a", []string{"b", "c"}, true)
	if err != nil || l.Counts.Entries != 2 || l.Counts.Disliked != 1 || l.Counts.Liked != 0 {
		t.Fatalf("%+v, %v", l.Counts, err)
	}
	got := r.entry("a", "p")
	if got.Mark != library.Disliked || !got.MarkTime.Equal(day(7)) || got.Weight != 0 || !got.ReadTime.Equal(day(8)) || !got.CreateTime.Equal(day(2)) ||
		got.Note != "mine\n\nother" || !slices.Equal(got.Tags, []string{"x", "y"}) {
		t.Errorf("%+v", got)
	}
	for _, name := range []string{"b", "c"} {
		if l, err := r.Undelete(t.Context(), "o", name); err != nil || l.Counts.Entries == 0 {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
	if again, err := r.Merge(t.Context(), "o", "a", []string{"b", "c"}, false); err != nil || again.Counts != l.Counts || !again.UpdateTime.Equal(l.UpdateTime) {
		t.Errorf("again: %+v, %v; was %+v", again, err, l)
	}
	if _, err := r.Create(t.Context(), "o", library.Library{Name: "d", Collection: "elsewhere"}); err != nil {
		t.Fatal(err)
	}
	for _, from := range [][]string{{"d"}, {"a"}, {"b", "b"}, nil, {"never"}} {
		if _, err := r.Merge(t.Context(), "o", "a", from, true); err == nil {
			t.Errorf("merged %v", from)
		}
	}
	put("e", library.Entry{PaperID: "p", Note: strings.Repeat("n", library.MaxNoteBytes)}, false)
	if _, err := r.Merge(t.Context(), "o", "a", []string{"e"}, true); reason(err) != library.ReasonFull || !strings.Contains(err.Error(), `"p"`) {
		t.Errorf("notes that do not fit: %v", err)
	}
	if _, err := r.Get(t.Context(), "o", "e"); err != nil {
		t.Errorf("what was not merged is gone: %v", err)
	}
}

func TestAdopt(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"a", "b", "c"} {
		r.set(name, like("p"+name))
	}
	r.Delete(t.Context(), "o", "c", false)
	r.create("key", "a")
	r.create("key", "a-2")
	got, err := r.Adopt(t.Context(), "o", "key")
	if err != nil || len(got) != 3 || got[0].From != "a" || got[0].Name != "a-3" || got[1].Name != "b" {
		t.Fatalf("%+v, %v", got, err)
	}
	_, entries, err := r.Entries(t.Context(), "key", "a-3")
	if err != nil || len(entries) != 1 || entries[0].PaperID != "pa" {
		t.Errorf("%v, %v", entries, err)
	}
	if left, err := r.List(t.Context(), "o", true); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if l, err := r.Undelete(t.Context(), "key", "c"); err != nil || l.Counts.Liked != 1 {
		t.Errorf("deleted: %+v, %v", l, err)
	}
	if again, err := r.Adopt(t.Context(), "o", "key"); err != nil || len(again) != 0 {
		t.Errorf("again: %v, %v", again, err)
	}
}

func TestAddChangesNoMark(t *testing.T) {
	r := newRig(t)
	r.set("x", library.Change{Entry: library.Entry{PaperID: "a", Mark: library.Disliked, Note: "n", Tags: []string{"t"}}, Fields: library.AllFields})
	added, l, err := r.Add(t.Context(), "o", library.Place{Name: "x"}, []library.Addition{
		{PaperID: "a", Mark: library.Liked, Note: "other", Tags: []string{"new"}}, {PaperID: "b", Mark: library.Liked}, {PaperID: "b", Mark: library.Liked},
	})
	if err != nil || !slices.Equal(added, []bool{false, true, false}) || l.Counts.Entries != 2 {
		t.Fatalf("%v, %+v, %v", added, l.Counts, err)
	}
	if got := r.entry("x", "a"); got.Mark != library.Disliked || got.Note != "n" || !slices.Equal(got.Tags, []string{"new", "t"}) {
		t.Errorf("%+v", got)
	}
}
