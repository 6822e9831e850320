package followtest

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"akin/internal/follow"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/source/zotero"
)

// Run tests shelves, which make gives empty.
func Run(t *testing.T, open func(*testing.T) follow.Shelves) {
	for name, test := range map[string]func(*testing.T, follow.Shelves){
		"keeps what is put": keeps, "all or nothing": allOrNothing, "removes with the other side": removes, "of its own state": ownState,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func at() time.Time { return time.Date(2026, 3, 1, 2, 3, 4, 5, time.UTC) }

func bindings() []follow.Binding {
	return []follow.Binding{
		{
			LibraryID: 1, Source: follow.Source{Zotero: &follow.Zotero{Library: zotero.Library{ID: 7}, Include: []string{"a", "ä"}, Exclude: []string{"b"}}},
			Mark: library.Liked, Tags: []string{"x"}, Every: time.Hour, CreateTime: at(), UpdateTime: at().Add(1),
			State: follow.State{
				Version: 12, Scope: "s", Account: 7, FullTime: at(), TryTime: at(), SyncTime: at(), ChangeTime: at(), NextTime: at(),
				Failures: 2, Failure: "f", Reason: "R", Items: 3, Found: 2, LeftOut: 1, Missing: []string{"b"}, Sequence: 9, LookTime: at(),
			},
		},
		{LibraryID: 2, Source: follow.Source{Zotero: &follow.Zotero{Library: zotero.Library{Group: true, ID: 1 << 40}}}, CreateTime: at(), UpdateTime: at()},
		{
			LibraryID: 1 << 31, Source: follow.Source{File: &follow.File{Path: "/a b/ü.bib", Format: "bibtex"}},
			CreateTime: at(), UpdateTime: at(), State: follow.State{Digest: "d"},
		},
	}
}

func items() []follow.Item {
	return []follow.Item{
		{Key: "A", PaperID: "arXiv:1", By: librarian.ByDOI, Identity: "i", Note: "n"},
		{Key: "B", Title: "t", DOI: "10.1/x", ArxivID: "1", ID: "title:1", Name: "n", Date: "2020?", Unreadable: "u", Why: "w", Line: 4, Identity: "j"},
	}
}

func gifts() []library.Gift {
	return []library.Gift{
		{PaperID: "arXiv:1", Mark: library.Liked, Note: "n", Tags: []string{"a", "b"}, Created: true, Since: at(), MarkTime: at(), Own: library.FieldNote},
		{PaperID: "z/ü", Declined: true},
	}
}

func fill(t *testing.T, s follow.Shelves) {
	t.Helper()
	if err := s.Change(t.Context(), func(w follow.Writer) error {
		for _, b := range bindings() {
			if err := w.PutBinding(&b); err != nil {
				return err
			}
		}
		for _, i := range items() {
			if err := errors.Join(w.PutItem(1, &i), w.PutItem(2, &i)); err != nil {
				return err
			}
		}
		for _, g := range gifts() {
			if err := w.PutGift(1, &g); err != nil {
				return err
			}
		}
		return w.PutRest("zotero.example:1", at())
	}); err != nil {
		t.Fatal(err)
	}
}

// seen is all that shelves have of bindings.
type seen struct {
	bindings []follow.Binding
	items    map[uint32][]follow.Item
	gifts    map[uint32][]library.Gift
	rest     time.Time
}

func look(t *testing.T, r follow.Reader) (out seen) {
	t.Helper()
	var err error
	if out.bindings, err = r.Bindings(); err != nil {
		t.Fatal(err)
	}
	out.items, out.gifts = map[uint32][]follow.Item{}, map[uint32][]library.Gift{}
	for _, id := range []uint32{1, 2, 3} {
		for i, err := range r.Items(id) {
			if err != nil {
				t.Fatal(err)
			}
			out.items[id] = append(out.items[id], i)
		}
		for g, err := range r.Gifts(id) {
			if err != nil {
				t.Fatal(err)
			}
			out.gifts[id] = append(out.gifts[id], g)
		}
	}
	if out.rest, err = r.Rest("zotero.example:1"); err != nil {
		t.Fatal(err)
	}
	return out
}

func now(t *testing.T, s follow.Shelves) (out seen) {
	t.Helper()
	if err := s.Follow(t.Context(), func(r follow.Reader) error {
		out = look(t, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func keeps(t *testing.T, s follow.Shelves) {
	if got := now(t, s); len(got.bindings)+len(got.items)+len(got.gifts) != 0 || !got.rest.IsZero() {
		t.Errorf("empty shelves have %+v", got)
	}
	fill(t, s)
	want := seen{bindings(), map[uint32][]follow.Item{1: items(), 2: items()}, map[uint32][]library.Gift{1: gifts()}, at()}
	if got := now(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if err := s.Follow(t.Context(), func(r follow.Reader) error {
		for _, want := range bindings() {
			if b, found, err := r.Binding(want.LibraryID); err != nil || !found || !reflect.DeepEqual(b, want) {
				t.Errorf("%+v, %v, %v", b, found, err)
			}
		}
		if _, found, err := r.Binding(77); err != nil || found {
			t.Errorf("%v, %v", found, err)
		}
		for _, err := range r.Items(1) {
			if err != nil {
				t.Error(err)
			}
			break // a walk may end early
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func allOrNothing(t *testing.T, s follow.Shelves) {
	fill(t, s)
	before := now(t, s)
	fail := errors.New("no")
	err := s.Change(t.Context(), func(w follow.Writer) error {
		l := library.Library{Owner: "o", Name: "x", Collection: "papers"}
		return errors.Join(w.PutLibrary(&l), w.RemoveBinding(1), w.PutRest("zotero.example:1", at().Add(1)), fail)
	})
	if !errors.Is(err, fail) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.Change(ctx, func(w follow.Writer) error {
		if _, ok := s.(*Memory); ok {
			return context.Canceled
		}
		cancel()
		return w.RemoveBinding(1)
	}); err == nil {
		t.Error("a call that ended changed something")
	}
	cancel()
	if after := now(t, s); !reflect.DeepEqual(after, before) {
		t.Errorf("%+v", after)
	}
	// A library and its binding change in one step.
	if err := s.Change(t.Context(), func(w follow.Writer) error {
		l := library.Library{Owner: "o", Name: "x", Collection: "papers"}
		return errors.Join(w.PutLibrary(&l), w.PutBinding(&follow.Binding{LibraryID: l.ID, Source: follow.Source{File: &follow.File{Path: "/x"}}}),
			w.PutEntry(l.ID, &library.Entry{PaperID: "p"}))
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Follow(t.Context(), func(r follow.Reader) error {
		l, found, err := r.Library("o", "x")
		_, entry, entryErr := r.Entry(l.ID, "p")
		if !found || !entry {
			t.Errorf("%v, %v", found, entry)
		}
		return errors.Join(err, entryErr)
	}); err != nil {
		t.Error(err)
	}
}

func removes(t *testing.T, s follow.Shelves) {
	fill(t, s)
	if err := s.Change(t.Context(), func(w follow.Writer) error {
		return errors.Join(w.RemoveBinding(1), w.RemoveItem(2, "A"), w.RemoveItem(2, "none"), w.RemoveGift(2, "none"))
	}); err != nil {
		t.Fatal(err)
	}
	got := now(t, s)
	if len(got.bindings) != 2 || len(got.items[1])+len(got.gifts[1]) != 0 || len(got.items[2]) != 1 || got.items[2][0].Key != "B" {
		t.Errorf("%+v", got)
	}
}

// What is read is one state, whatever is written meanwhile.
func ownState(t *testing.T, s follow.Shelves) {
	fill(t, s)
	if err := s.Follow(t.Context(), func(r follow.Reader) error {
		before := look(t, r)
		if err := s.Change(t.Context(), func(w follow.Writer) error { return w.RemoveBinding(1) }); err != nil {
			return err
		}
		if after := look(t, r); !reflect.DeepEqual(after, before) {
			t.Errorf("%+v", after)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if err := s.Change(t.Context(), func(w follow.Writer) error {
		before := look(t, w)
		if err := w.RemoveBinding(2); err != nil {
			return err
		}
		if after := look(t, w); !reflect.DeepEqual(after, before) {
			t.Errorf("a writer reads its own changes: %+v", after)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
