package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/kv"
	"akin/internal/paper"
)

func TestApplyOutcomes(t *testing.T) {
	s := openMem(t, vfs.NewMem())
	a := fullPaper("arXiv:1/2 %:x")
	listed := a.Clone()
	listed.ListedDates = append(listed.ListedDates, paper.Date{Year: 2026, Month: 4, Day: 1})
	retitled := a.Clone()
	retitled.Title = "Another title"

	steps := []struct {
		name     string
		group    []Mutation
		results  []Result
		ordinals []uint32
		revs     []uint64
		seqs     []uint64
	}{
		{"create two", []Mutation{upsert(a), upsert(testPaper("b", "b"))}, []Result{Created, Created}, []uint32{0, 1}, []uint64{1, 1}, []uint64{1, 2}},
		{"import again", []Mutation{upsert(a)}, []Result{Unchanged}, []uint32{0}, []uint64{1}, []uint64{0}},
		{"one more listing, no vector", []Mutation{{Upsert: &Upsert{Paper: listed}}}, []Result{Updated}, []uint32{0}, []uint64{2}, []uint64{3}},
		{"new text", []Mutation{upsert(retitled)}, []Result{Updated}, []uint32{0}, []uint64{3}, []uint64{4}},
		{"delete, missing", []Mutation{remove("b"), remove("b"), remove("zz")}, []Result{Deleted, NotFound, NotFound}, []uint32{1, 0, 0}, []uint64{1, 0, 0}, []uint64{5, 0, 0}},
		{"come back", []Mutation{upsert(testPaper("b", "b"))}, []Result{Created}, []uint32{2}, []uint64{1}, []uint64{6}},
		{
			"one id repeatedly",
			[]Mutation{upsert(testPaper("c", "1")), upsert(testPaper("c", "2")), upsert(testPaper("c", "2")), remove("c"), upsert(testPaper("c", "3"))},
			[]Result{Created, Updated, Unchanged, Deleted, Created},
			[]uint32{3, 3, 3, 3, 4},
			[]uint64{1, 2, 2, 2, 1},
			[]uint64{7, 8, 0, 9, 10},
		},
		{"nothing", nil, []Result{}, nil, nil, nil},
	}
	for _, step := range steps {
		got := apply(t, s, step.group...)
		if len(got) != len(step.results) {
			t.Fatalf("%s: %d outcomes", step.name, len(got))
		}
		for i, o := range got {
			if o.Result != step.results[i] || o.Record.Ordinal != step.ordinals[i] || o.Record.Revision != step.revs[i] || o.Sequence != step.seqs[i] {
				t.Errorf("%s: outcome %d is %v ordinal %d revision %d sequence %d", step.name, i, o.Result, o.Record.Ordinal, o.Record.Revision, o.Sequence)
			}
		}
		verified(t, s)
	}
	if n := must(s.Count(papers))(t); n != 3 {
		t.Errorf("count is %d", n)
	}
	got := must(s.Get(context.Background(), papers, a.ID))(t)
	if !reflect.DeepEqual(got.Paper, retitled) {
		t.Errorf("got %+v\nwant %+v", got.Paper, retitled)
	}
	if got.EmbedDigest != paper.EmbedDigest(got.Title, got.Abstract) || got.ContentDigest != ContentDigest(&retitled) {
		t.Error("digests differ")
	}
	if !got.UpdateTime.After(got.CreateTime) || got.CreateTime.Location() != time.UTC {
		t.Errorf("times %v, %v", got.CreateTime, got.UpdateTime)
	}
}

// What describes the embedding stays when the vector does.
func TestUpsertWithoutVectorKeepsIt(t *testing.T) {
	ctx := context.Background()
	s := openMem(t, vfs.NewMem())
	p := testPaper("a", "long enough to be truncated")
	first := apply(t, s, upsert(p))[0].Record
	p.Venue = "V"
	got := apply(t, s, Mutation{Upsert: &Upsert{Paper: p, TokenCount: 99}})[0].Record
	if got.TokenCount != first.TokenCount || !got.Truncated || got.Venue != "V" {
		t.Errorf("got %+v", got)
	}
	if v := must(s.Vector(ctx, papers, got.Ordinal))(t); !slices.Equal(v, vectorFor(p)) {
		t.Errorf("vector is %v", v)
	}
	var embedded []bool
	for c, err := range s.Changes(ctx, papers, 0) {
		if err != nil {
			t.Fatal(err)
		}
		embedded = append(embedded, c.Embedded)
	}
	if !slices.Equal(embedded, []bool{true, false}) {
		t.Errorf("embedded %v", embedded)
	}
}

func TestApplyRefuses(t *testing.T) {
	s := openMem(t, vfs.NewMem())
	ok := testPaper("ok", "x")
	apply(t, s, upsert(ok))
	changed := testPaper("ok", "y")
	with := func(p paper.Paper, v []float32) Mutation { return Mutation{Upsert: &Upsert{Paper: p, Vector: v}} }
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	huge := testPaper("huge", "x")
	for i := range 700 {
		huge.URLs = append(huge.URLs, strings.Repeat("u", 16<<10-i))
	}
	var tooMany []Mutation
	for range MaxGroup + 1 {
		tooMany = append(tooMany, remove("x"))
	}
	big := paper.Paper{Title: "Big", Abstract: strings.Repeat("x", 200<<10)}
	var tooLarge []Mutation
	for i := range MaxGroupBytes/(200<<10) + 1 {
		p := big
		p.ID = ids(1000)[i]
		tooLarge = append(tooLarge, upsert(p))
	}
	cases := []struct {
		name, field string
		group       []Mutation
	}{
		{"new without vector", "mutations[0].upsert.vector", []Mutation{with(testPaper("n", "n"), nil)}},
		{"changed text without vector", "mutations[1].upsert.vector", []Mutation{remove("zz"), with(changed, nil)}},
		{"vector too short", "mutations[0].upsert.vector", []Mutation{with(changed, []float32{1})}},
		{"vector empty", "mutations[0].upsert.vector", []Mutation{with(changed, []float32{})}},
		{"vector not a number", "mutations[0].upsert.vector", []Mutation{with(changed, []float32{1, nan, 1, 1})}},
		{"vector infinite", "mutations[0].upsert.vector", []Mutation{with(changed, []float32{1, 1, 1, inf})}},
		{"negative tokens", "mutations[0].upsert.token_count", []Mutation{{Upsert: &Upsert{Paper: changed, Vector: vectorFor(changed), TokenCount: -1}}}},
		{"invalid paper", "mutations[0].title", []Mutation{with(paper.Paper{ID: "x"}, vectorFor(ok))}},
		{"neither", "mutations[0].delete", []Mutation{{}}},
		{"both", "mutations[0].delete", []Mutation{{Upsert: &Upsert{Paper: ok}, Delete: "x"}}},
		{"record too large", "mutations[0].upsert.paper", []Mutation{upsert(huge)}},
		{"too many", "mutations", tooMany},
		{"group too large", "mutations", tooLarge},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Apply(context.Background(), papers, c.group)
			var e *paper.Error
			if !errors.As(err, &e) || e.Kind != paper.Invalid || len(e.Violations) == 0 || e.Violations[0].Field != c.field {
				t.Fatalf("got %v", err)
			}
		})
	}
	_, err := s.Apply(context.Background(), papers, []Mutation{upsert(testPaper("good", "g")), {}})
	if err == nil || must(s.LastSequence(papers))(t) != 1 || must(s.Count(papers))(t) != 1 {
		t.Errorf("a part of a refused group is there: %v", err)
	}
	if _, err := s.Apply(context.Background(), "unknown", nil); paper.KindOf(err) != paper.NotFound {
		t.Errorf("unknown collection: %v", err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Apply(canceled, papers, []Mutation{upsert(changed)}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	verified(t, s)
}

func TestOrdinalsRunOut(t *testing.T) {
	s := openMem(t, vfs.NewMem())
	c := *s.current.collections[papers]
	c.state.NextOrdinal = MaxOrdinal
	s.current.collections = with(s.current.collections, &c)
	if got := apply(t, s, upsert(testPaper("last", "x")))[0]; got.Record.Ordinal != MaxOrdinal {
		t.Fatalf("ordinal is %d", got.Record.Ordinal)
	}
	_, err := s.Apply(context.Background(), papers, []Mutation{upsert(testPaper("more", "x"))})
	if paper.KindOf(err) != paper.FailedPrecondition {
		t.Fatalf("got %v", err)
	}
	apply(t, s, remove("last"))
}

func TestReads(t *testing.T) {
	ctx := context.Background()
	s := openMem(t, vfs.NewMem())
	all := ids(25)
	for i := len(all) - 1; i >= 0; i-- { // ordinals run against ids
		apply(t, s, upsert(testPaper(all[i], all[i])))
	}
	apply(t, s, remove(all[3]))
	want := slices.Delete(slices.Clone(all), 3, 4)

	var listed []string
	for cursor := ""; ; {
		page := must(s.List(ctx, papers, cursor, 7))(t)
		for _, r := range page {
			listed = append(listed, r.ID)
		}
		if len(page) < 7 {
			break
		}
		cursor = page[len(page)-1].ID
	}
	if !slices.Equal(listed, want) {
		t.Errorf("listed %v", listed)
	}
	if page := must(s.List(ctx, papers, all[3], 1))(t); page[0].ID != all[4] {
		t.Errorf("after a deleted id comes %s", page[0].ID)
	}
	for _, limit := range []int{0, -1, MaxPage + 1} {
		if _, err := s.List(ctx, papers, "", limit); paper.KindOf(err) != paper.Invalid {
			t.Errorf("limit %d: %v", limit, err)
		}
	}

	many := must(s.GetMany(ctx, papers, []string{all[5], all[3], all[5], "zz"}))(t)
	if many[0].ID != all[5] || many[1] != nil || many[2].ID != all[5] || many[3] != nil {
		t.Errorf("GetMany gave %v", many)
	}
	byOrdinal := must(s.ByOrdinals(ctx, papers, []uint32{0, 21, 999}))(t)
	if byOrdinal[0].ID != all[24] || byOrdinal[1] != nil || byOrdinal[2] != nil {
		t.Errorf("ByOrdinals gave %v", byOrdinal)
	}
	if _, err := s.Get(ctx, papers, all[3]); paper.KindOf(err) != paper.NotFound {
		t.Errorf("deleted paper: %v", err)
	}
	if _, err := s.Vector(ctx, papers, 21); paper.KindOf(err) != paper.NotFound {
		t.Errorf("deleted vector: %v", err)
	}
	if _, err := s.Get(ctx, "unknown", "x"); paper.KindOf(err) != paper.NotFound {
		t.Errorf("unknown collection: %v", err)
	}

	sn := must(s.Snapshot(papers))(t)
	defer sn.Close()
	next := uint32(0)
	for r, err := range sn.Records(ctx) {
		if err != nil || r.Ordinal < next {
			t.Fatalf("records: %v, %v", r, err)
		}
		next = r.Ordinal + 1
	}
	n := 0
	for v, err := range sn.Vectors(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		r := must(sn.ByOrdinals(ctx, []uint32{v.Ordinal}))(t)[0]
		if !slices.Equal(v.Values, vectorFor(r.Paper)) {
			t.Errorf("vector of %s is %v", r.ID, v.Values)
		}
		n++
	}
	if n != len(want) || next != sn.NextOrdinal() || sn.Count() != n || sn.Sequence() != 26 {
		t.Errorf("%d vectors, next ordinal %d, count %d, sequence %d", n, next, sn.Count(), sn.Sequence())
	}
	for range sn.Vectors(ctx) {
		break // leaves nothing open
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range sn.Vectors(canceled) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
	}
}

// A snapshot does not see what comes after it, however much is compacted.
func TestSnapshotStands(t *testing.T) {
	ctx := context.Background()
	s := openMem(t, vfs.NewMem())
	apply(t, s, upsert(testPaper("a", "1")), upsert(testPaper("b", "1")))
	sn := must(s.Snapshot(papers))(t)
	apply(t, s, upsert(testPaper("a", "2")), remove("b"), upsert(testPaper("c", "1")))
	if err := s.TrimChanges(ctx, papers, 4); err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if r := must(sn.Get(ctx, "a"))(t); r.Title != "On 1" || sn.Count() != 2 || sn.Sequence() != 2 {
		t.Errorf("snapshot sees %q, %d papers, sequence %d", r.Title, sn.Count(), sn.Sequence())
	}
	must(sn.Get(ctx, "b"))(t)
	n := 0
	for _, err := range sn.Changes(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("snapshot sees %d changes", n)
	}
	a, b := must(sn.Get(ctx, "a"))(t), must(sn.Get(ctx, "b"))(t)
	if got := must(sn.Ordinals(ctx, []string{"b", "c", "a", ""}))(t); !slices.Equal(got, []uint32{b.Ordinal, NoOrdinal, a.Ordinal, NoOrdinal}) {
		t.Errorf("snapshot sees ordinals %v", got)
	}
	sn.Close()
	sn.Close()
	if _, err := sn.Get(ctx, "a"); !errors.Is(err, ErrClosed) {
		t.Errorf("closed snapshot: %v", err)
	}
}

func TestChanges(t *testing.T) {
	ctx := context.Background()
	s := openMem(t, vfs.NewMem())
	apply(t, s, upsert(testPaper("a", "1")), upsert(testPaper("b", "1")))
	apply(t, s, upsert(testPaper("a", "2")), remove("b"))
	want := []Change{
		{1, "a", 0, Put, 1, true, paper.AllFields},
		{2, "b", 1, Put, 1, true, paper.AllFields},
		{3, "a", 0, Put, 2, true, paper.FieldText | paper.FieldUpdateTime},
		{4, "b", 1, Delete, 1, false, 0},
	}
	collect := func(after uint64) ([]Change, error) {
		var got []Change
		for c, err := range s.Changes(ctx, papers, after) {
			if err != nil {
				return got, err
			}
			got = append(got, c)
		}
		return got, nil
	}
	for after := range uint64(5) {
		if got := must(collect(after))(t); !slices.Equal(got, want[after:]) {
			t.Errorf("after %d: %v", after, got)
		}
	}
	if _, err := collect(5); !errors.Is(err, ErrAhead) || paper.KindOf(err) != paper.FailedPrecondition {
		t.Errorf("ahead: %v", err)
	}
	for _, upTo := range []uint64{0, 3, 1} { // trimming back is nothing
		if err := s.TrimChanges(ctx, papers, upTo); err != nil {
			t.Fatal(err)
		}
		verified(t, s)
	}
	if _, err := collect(2); !errors.Is(err, ErrTrimmed) || paper.KindOf(err) != paper.FailedPrecondition {
		t.Errorf("trimmed: %v", err)
	}
	if got := must(collect(3))(t); !slices.Equal(got, want[3:]) {
		t.Errorf("after 3: %v", got)
	}
	if err := s.TrimChanges(ctx, papers, math.MaxUint64); err != nil {
		t.Fatal(err)
	}
	if got := must(collect(4))(t); len(got) != 0 || verified(t, s).Changes != 0 {
		t.Errorf("after 4: %v", got)
	}
	if got := apply(t, s, upsert(testPaper("c", "1")))[0]; got.Sequence != 5 {
		t.Errorf("sequence is %d", got.Sequence)
	}
	for _, err := range s.Changes(ctx, "unknown", 0) {
		if paper.KindOf(err) != paper.NotFound {
			t.Errorf("unknown collection: %v", err)
		}
	}
}

func TestCollections(t *testing.T) {
	ctx := context.Background()
	mem := vfs.NewMem()
	s := openMem(t, mem)
	first := must(s.Collection(papers))(t)
	if again := must(s.EnsureCollection(ctx, papers, testSpace()))(t); again != first {
		t.Errorf("ensured %+v, was %+v", again, first)
	}
	other := testSpace()
	other.Dimension = 8
	_, err := s.EnsureCollection(ctx, papers, other)
	var e *paper.Error
	if !errors.As(err, &e) || e.Reason != paper.ReasonSpaceMismatch || e.Metadata["have"] != testSpace().Fingerprint() {
		t.Errorf("other space: %v", err)
	}
	for _, name := range []string{"", "Ä", strings.Repeat("x", 65)} {
		if _, err := s.EnsureCollection(ctx, name, other); paper.KindOf(err) != paper.Invalid {
			t.Errorf("name %q: %v", name, err)
		}
	}
	for _, n := range []int{0, -1, MaxDimension + 1} {
		other.Dimension = n
		if _, err := s.EnsureCollection(ctx, "x", other); paper.KindOf(err) != paper.Invalid {
			t.Errorf("dimension %d: %v", n, err)
		}
	}

	// Two collections share nothing, and a dropped one leaves nothing.
	must(s.EnsureCollection(ctx, "notes", testSpace()))(t)
	p := testPaper("a", "same id")
	apply(t, s, upsert(p))
	must(s.Apply(ctx, "notes", []Mutation{upsert(p), upsert(testPaper("b", "b"))}))(t)
	if got := must(s.Collections())(t); len(got) != 2 || got[0].Name != "notes" || got[1] != first {
		t.Errorf("collections %+v", got)
	}
	if err := s.DropCollection(ctx, papers); err != nil {
		t.Fatal(err)
	}
	if err := s.DropCollection(ctx, papers); paper.KindOf(err) != paper.NotFound {
		t.Errorf("dropped twice: %v", err)
	}
	if r := verified(t, s); r.Papers != 2 || r.Vectors != 2 || r.Changes != 2 || r.Collections != 1 {
		t.Errorf("report %+v", r)
	}
	anew := must(s.EnsureCollection(ctx, papers, testSpace()))(t)
	if anew.ID <= first.ID || must(s.Count(papers))(t) != 0 || must(s.LastSequence(papers))(t) != 0 {
		t.Errorf("made anew: %+v", anew)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s2 := openMem(t, mem)
	if got := must(s2.Collections())(t); len(got) != 2 || got[1] != anew {
		t.Errorf("reopened: %+v", got)
	}
}

func TestClose(t *testing.T) {
	ctx := context.Background()
	s := openMem(t, vfs.NewMem())
	for _, id := range ids(10) {
		apply(t, s, upsert(testPaper(id, id)))
	}
	sn := must(s.Snapshot(papers))(t)
	closed := make(chan error, 1)
	var got error
	for _, err := range sn.Records(ctx) {
		if err != nil {
			got = err
			break
		}
		if closed != nil && s.db.Closing() == nil {
			go func() { closed <- s.Close() }()
			for s.db.Closing() == nil {
				time.Sleep(time.Millisecond)
			}
			// A call inside an iteration while closing must not block.
			if _, err := s.Get(ctx, papers, "p:001"); !errors.Is(err, ErrClosed) {
				t.Errorf("nested read: %v", err)
			}
		}
	}
	if !errors.Is(got, ErrClosed) || paper.KindOf(got) != paper.Unavailable {
		t.Errorf("iteration ended with %v", got)
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	sn.Close()
	_, applyErr := s.Apply(ctx, papers, nil)
	_, getErr := s.Get(ctx, papers, "x")
	_, ensureErr := s.EnsureCollection(ctx, papers, testSpace())
	_, verifyErr := s.Verify(ctx)
	_, listErr := s.Collections()
	_, snapErr := sn.Get(ctx, "x")
	for i, err := range []error{applyErr, getErr, ensureErr, verifyErr, listErr, snapErr, s.Compact(ctx), s.TrimChanges(ctx, papers, 1), s.DropCollection(ctx, papers)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("call %d after close: %v", i, err)
		}
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sub", "data")
	s := must(Open(dir, testOptions()))(t)
	_, err := Open(dir, testOptions())
	var e *paper.Error
	if !errors.As(err, &e) || e.Kind != paper.FailedPrecondition || e.Reason != paper.ReasonDataLocked ||
		!strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--server") {
		t.Errorf("second open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = must(Open(dir, Options{}))(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	mem := vfs.NewMem()
	openMem(t, mem)
	if _, err := Open("/data", testOptions().WithFS(mem)); !errors.As(err, &e) || e.Reason != paper.ReasonDataLocked {
		t.Errorf("second open in memory: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	write := func(name, text string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	made := func(then func(t *testing.T, dir string)) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			s := must(Open(dir, testOptions()))(t)
			must(s.EnsureCollection(context.Background(), papers, testSpace()))(t)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			then(t, dir)
		}
	}
	without := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := []struct {
		name    string
		prepare func(t *testing.T, dir string)
		create  bool
		kind    paper.Kind
		reason  string
		ok      bool
	}{
		{name: "missing", prepare: without("."), kind: paper.NotFound, reason: kv.ReasonNoData},
		{name: "empty", prepare: without("x"), kind: paper.NotFound, reason: kv.ReasonNoData},
		{name: "empty to create", prepare: without("x"), create: true, ok: true},
		{name: "mount point to create", prepare: write("lost+found/x", ""), create: true, ok: true},
		{name: "somebody's files", prepare: write("thesis.tex", "x"), create: true, kind: paper.FailedPrecondition, reason: kv.ReasonForeignDirectory},
		{name: "somebody's store", prepare: write("store/apples", "x"), create: true, kind: paper.FailedPrecondition, reason: kv.ReasonForeignDirectory},
		{name: "somebody's FORMAT", prepare: write("FORMAT", "hard disk"), create: true, kind: paper.FailedPrecondition, reason: kv.ReasonForeignDirectory},
		{name: "newer", prepare: made(write("FORMAT", "akin-data 99 whatever it is then\n")), kind: paper.Unsupported, reason: paper.ReasonUnsupported},
		{name: "FORMAT damaged", prepare: made(write("FORMAT", "akin-data 1 00000000\n")), kind: paper.DataLoss, reason: paper.ReasonCorrupt},
		{name: "FORMAT cut", prepare: made(write("FORMAT", "akin-data 1")), kind: paper.DataLoss, reason: paper.ReasonCorrupt},
		{name: "FORMAT lost", prepare: made(without("FORMAT")), ok: true},
		{name: "FORMAT lost, beside files of the program", prepare: made(func(t *testing.T, dir string) {
			write("model.json", "{}")(t, dir)
			without("FORMAT")(t, dir)
		}), ok: true},
		{name: "FORMAT of something else, beside a store", prepare: made(write("FORMAT", "hard disk")), create: true, kind: paper.DataLoss, reason: paper.ReasonCorrupt},
		{name: "store lost", prepare: made(without("store")), create: true, kind: paper.DataLoss, reason: paper.ReasonCorrupt},
		{name: "store emptied, FORMAT lost", prepare: made(func(t *testing.T, dir string) {
			without("store")(t, dir)
			without("FORMAT")(t, dir)
			write("store/LOCK", "")(t, dir)
		}), create: true, kind: paper.DataLoss, reason: paper.ReasonCorrupt},
		{name: "store emptied", prepare: made(func(t *testing.T, dir string) {
			without("store")(t, dir)
			write("store/LOCK", "")(t, dir)
		}), create: true, kind: paper.DataLoss, reason: paper.ReasonCorrupt},
		{name: "creation cut short", prepare: write("store.tmp/MANIFEST-000001", "x"), kind: paper.NotFound, reason: kv.ReasonNoData},
		{name: "creation cut short, to create", prepare: write("store.tmp/MANIFEST-000001", "x"), create: true, ok: true},
		{name: "somebody's store.tmp", prepare: write("store.tmp/apples", "x"), create: true, kind: paper.FailedPrecondition, reason: kv.ReasonForeignDirectory},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			c.prepare(t, dir)
			o := testOptions()
			o.Create = c.create
			s, err := Open(dir, o)
			if c.ok {
				if err != nil {
					t.Fatal(err)
				}
				verified(t, s)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				return
			}
			var e *paper.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Reason != c.reason || !strings.Contains(err.Error(), dir) {
				t.Fatalf("got %v", err)
			}
		})
	}
	// A newer mark inside Pebble is refused, too.
	dir := t.TempDir()
	s := must(Open(dir, testOptions()))(t)
	type format struct {
		Magic   string `cbor:"1,keyasint"`
		Version uint32 `cbor:"2,keyasint"`
	}
	key := []byte{0x01}
	value := must(kv.SealCBOR(key, format{Magic: "akin-data", Version: 99}))(t)
	behind(t, s, func(b *kv.Batch) error { return b.Set(key, value) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, testOptions()); paper.KindOf(err) != paper.Unsupported {
		t.Errorf("newer mark: %v", err)
	}
}

func TestOptionsReportAllFaults(t *testing.T) {
	_, err := Open("x", Options{CacheBytes: -1, MemTableBytes: 3})
	if err == nil || !strings.Contains(err.Error(), "CacheBytes") || !strings.Contains(err.Error(), "MemTableBytes") {
		t.Errorf("got %v", err)
	}
}

// Deleting, trimming and compacting leaves nothing of a text in any file.
func TestDeleteErasesFromDisk(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s := must(Open(dir, testOptions()))(t)
	defer s.Close()
	must(s.EnsureCollection(ctx, papers, testSpace()))(t)
	const text = "q7Zk2PxW9vRt4LmB8cNd" // does not compress
	p := testPaper("secret-"+text, text)
	apply(t, s, upsert(p), upsert(testPaper("keep", "keep")))
	if err := s.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if !grep(t, filepath.Join(dir, "store"), text, ".sst") {
		t.Fatal("the text is not where it is looked for; the test shows nothing")
	}
	apply(t, s, remove(p.ID))
	if err := s.TrimChanges(ctx, papers, math.MaxUint64); err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	// Obsolete files are removed in the background.
	deadline := time.Now().Add(5 * time.Minute)
	for grep(t, dir, text, ".sst", ".log", ".blob") {
		if time.Now().After(deadline) {
			t.Fatal("the deleted text is still on disk")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// grep says whether a file with one of the suffixes below dir holds the text.
func grep(t *testing.T, dir, text string, suffixes ...string) (found bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || entry != nil && entry.IsDir() {
			return nil
		}
		if !slices.Contains(suffixes, filepath.Ext(path)) {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		found = found || bytes.Contains(b, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
