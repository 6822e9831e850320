package engine_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/rank"
)

func TestGet(t *testing.T) {
	papers := ladder(3)
	papers[1].ArxivID, papers[1].DOI = "2101.00001", "10.1234/x"
	r := newRig(t, papers...)
	names := []string{"p03", "nobody", "arXiv:2101.00001v2", "p01", "https://doi.org/10.1234/X", "p01"}
	got, missing, err := r.Get(r.Context(), "", names)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, p := range got {
		ids = append(ids, p.ID)
	}
	r.same("found", []any{ids, missing}, []any{[]string{"p03", "p02", "p01", "p02", "p01"}, []string{"nobody"}})
	for _, n := range []int{0, engine.MaxBatch + 1} {
		_, _, err := r.Get(r.Context(), "", make([]string, n))
		r.refused(fmt.Sprint(n), err, paper.Invalid, fmt.Sprintf("ids has %d items", n))
	}
}

// Papers are handed on as they are read, and not read when nobody takes them.
func TestGetEach(t *testing.T) {
	r := newRig(t, ladder(20)...)
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprintf("p%02d", i%25+1))
	}
	at := 0
	visit := func(i int, p *paper.Record) bool {
		if i != at || p.ID != names[i] {
			t.Errorf("%s is %d, expected is %d", p.ID, i, at)
		}
		at++
		return true
	}
	missing := func(i int) {
		if i != at || names[i] <= "p20" {
			t.Errorf("%s is missing", names[i])
		}
		at++
	}
	if err := r.GetEach(r.Context(), "", names, visit, missing); err != nil || at != len(names) {
		t.Errorf("%d of %d, %v", at, len(names), err)
	}
	n := 0
	calls := r.calls(func() {
		err := r.GetEach(r.Context(), "", names, func(int, *paper.Record) bool { n++; return n < 3 }, func(int) {})
		if err != nil || n != 3 {
			t.Errorf("%d papers after it was told to stop, %v", n, err)
		}
	})
	if len(calls) > 4 {
		t.Errorf("three papers took %v", calls)
	}
}

func TestList(t *testing.T) {
	r := newRig(t, ladder(12)...)
	for _, test := range []struct {
		q    engine.List
		want string
		next string
	}{
		{engine.List{}, steps(1, 12), ""},
		{engine.List{Size: 5}, steps(1, 5), "p05"},
		{engine.List{Size: 5, After: "p05"}, steps(6, 10), "p10"},
		{engine.List{Size: 5, After: "p10"}, steps(11, 12), ""},
		{engine.List{Size: 12}, steps(1, 12), ""},
		{engine.List{Size: 11}, steps(1, 11), "p11"},
		{engine.List{Size: 5000, After: "p12"}, "", ""},
		{engine.List{Size: 2, Filter: "venue = North"}, "p03 p06", "p06"},
		{engine.List{Size: 2, Filter: "venue = North", After: "p06"}, "p09 p12", ""},
		{engine.List{Fits: func(p *paper.Record, _ rank.Trend) bool { return p.ID != "p04" }}, steps(1, 3), "p03"},
		{engine.List{After: "p02", Fits: func(p *paper.Record, _ rank.Trend) bool { return p.ID != "p03" }}, "", "p02"},
	} {
		got, err := r.List(r.Context(), test.q)
		var ids []string
		for _, p := range got.Papers {
			ids = append(ids, p.ID)
		}
		r.same(fmt.Sprintf("%+v", test.q), []any{strings.Join(ids, " "), got.Next, got.Total, err}, []any{test.want, test.next, 12, nil})
	}
	_, err := r.List(r.Context(), engine.List{Size: -1})
	r.refused("size", err, paper.Invalid, "page_size is -1")
	_, err = r.List(r.Context(), engine.List{Filter: "("})
	r.refused("filter", err, paper.Invalid, "filter")
}

func TestListOfMany(t *testing.T) {
	r := newRig(t)
	var papers []paper.Paper
	for i := range engine.MaxPageSize + 5 {
		papers = append(papers, paper.Paper{ID: fmt.Sprintf("p%05d", i), Title: "alpha"})
	}
	r.put(papers...)
	got, err := r.List(r.Context(), engine.List{Size: 5000})
	r.same("the most", []any{len(got.Papers), got.Next, err}, []any{engine.MaxPageSize, "p00999", nil})
	got, err = r.List(r.Context(), engine.List{})
	r.same("by default", []any{len(got.Papers), err}, []any{engine.DefaultListSize, nil})
}

func TestCountValues(t *testing.T) {
	r := newRig(t, ladder(12)...)
	got, err := r.CountValues(r.Context(), "", "venue", "year <= 2007", 2)
	r.same("venues", []any{got, err}, []any{[]catalog.ValueCount{{Value: "South", Papers: 3}, {Value: "North", Papers: 2}}, nil})
	_, err = r.CountValues(r.Context(), "", "title", "", 2)
	r.refused("a field that cannot be counted", err, paper.Invalid, "")
}

func TestExport(t *testing.T) {
	r := newRig(t)
	exported := func(q engine.Export) (groups []engine.Exported, ids []string) {
		t.Helper()
		err := r.Export(r.Context(), q, func(e engine.Exported) error {
			groups = append(groups, e)
			for i, p := range e.Records {
				ids = append(ids, p.ID)
				if q.Vectors && len(e.Vectors[i]) != axes {
					t.Errorf("%s comes with %d numbers", p.ID, len(e.Vectors[i]))
				}
			}
			if !q.Vectors && e.Vectors != nil || e.Space != r.model.space {
				t.Errorf("%d vectors of space %s", len(e.Vectors), e.Space.Model)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return groups, ids
	}
	groups, ids := exported(engine.Export{Vectors: true})
	r.same("of nothing", []any{len(groups), len(ids), groups[0].Total}, []any{1, 0, 0})
	var papers []paper.Paper
	for i := range 600 {
		papers = append(papers, paper.Paper{ID: fmt.Sprintf("p%03d", i), Title: "alpha", Venue: []string{"North", "South"}[i%2]})
	}
	sequence := r.put(papers...)
	for _, vectors := range []bool{false, true} {
		groups, ids = exported(engine.Export{Vectors: vectors})
		r.same("all", []any{len(ids), slices.IsSorted(ids), groups[0].Sequence, groups[0].Total}, []any{600, true, sequence, 600})
		for _, g := range groups {
			if n := len(g.Records); n > 256 || vectors && n*4*axes > 2<<20 {
				t.Errorf("%d papers in a group", n)
			}
		}
	}
	groups, ids = exported(engine.Export{Filter: "venue = North"})
	r.same("filtered", []any{len(ids), groups[0].Total}, []any{300, 600})
	stop := errors.New("stop")
	n := 0
	err := r.Export(r.Context(), engine.Export{}, func(engine.Exported) error { n++; return stop })
	r.same("an error of send", []any{errors.Is(err, stop), n}, []any{true, 1})
	err = r.Export(r.Context(), engine.Export{Filter: "("}, func(engine.Exported) error { return nil })
	r.refused("filter", err, paper.Invalid, "filter")
}

// An export is of one moment, whatever is written while it is sent.
func TestExportIsOfOneMoment(t *testing.T) {
	r := newRig(t)
	var papers []paper.Paper
	for i := range 600 {
		papers = append(papers, paper.Paper{ID: fmt.Sprintf("p%03d", i), Title: "before"})
	}
	r.put(papers...)
	n := 0
	err := r.Export(r.Context(), engine.Export{}, func(e engine.Exported) error {
		r.erase(papers[599-n].ID, papers[0].ID) // one that is still to come
		for _, p := range e.Records {
			n++
			if p.Title != "before" {
				t.Errorf("%s is %q", p.ID, p.Title)
			}
		}
		return nil
	})
	r.same("papers", []any{n, err}, []any{600, nil})
}

func TestDuplicatesAreFound(t *testing.T) {
	papers := ladder(8)
	papers[1].DOI, papers[4].DOI, papers[6].DOI = "10.1234/x", "10.1234/x", "10.1234/x"
	r := newRig(t, papers...)
	find := func(q engine.FindDuplicates) (groups []string, last engine.FoundDuplicates) {
		t.Helper()
		err := r.FindDuplicates(r.Context(), q, func(f engine.FoundDuplicates) error {
			var ids []string
			for _, d := range f.Group {
				ids = append(ids, d.Record.ID)
			}
			if ids != nil {
				groups = append(groups, strings.Join(ids, " "))
			}
			last = f
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return groups, last
	}
	groups, last := find(engine.FindDuplicates{})
	r.same("all", []any{groups, last.Total, last.Compared, last.Sequence}, []any{[]string{"p02 p05 p07"}, 8, 8, 8})
	groups, last = find(engine.FindDuplicates{Filter: "year >= 2003", MinSimilarity: ptr(1.0)})
	r.same("filtered", []any{groups, last.Total}, []any{[]string{"p05 p07"}, 6})
	for _, least := range []float64{-.1, 1.1} {
		err := r.FindDuplicates(r.Context(), engine.FindDuplicates{MinSimilarity: &least}, nil)
		r.refused("least", err, paper.Invalid, "min_similarity")
	}
	_, _, err := r.Get(r.Context(), "", []string{"p01"})
	if err != nil {
		t.Error(err)
	}
}

// A group of very many is sent in parts that begin with the same paper.
func TestGreatGroupsAreSentInParts(t *testing.T) {
	r := newRig(t)
	var papers []paper.Paper
	for i := range 2500 {
		papers = append(papers, paper.Paper{ID: fmt.Sprintf("p%04d", i), Title: "alpha", DOI: "10.1234/x"})
	}
	r.put(papers...)
	var sizes []int
	seen := make(map[string]bool)
	err := r.FindDuplicates(r.Context(), engine.FindDuplicates{}, func(f engine.FoundDuplicates) error {
		if f.Group == nil {
			return nil
		}
		sizes = append(sizes, len(f.Group))
		for i, d := range f.Group {
			if (d.Record.ID == "p0000") != (i == 0) {
				t.Errorf("%s is at %d", d.Record.ID, i)
			}
			seen[d.Record.ID] = true
		}
		return nil
	})
	r.same("parts", []any{sizes, len(seen), err}, []any{[]int{1000, 1000, 502}, 2500, nil})
}

func TestSnapshots(t *testing.T) {
	r := newRig(t, ladder(3)...)
	quiet := func(string, uint64, uint64) {}
	for _, name := range []string{"first", ""} {
		run, err := r.CreateSnapshot(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := run(r.Context(), quiet)
		if err != nil || s.Papers != 3 || name != "" && s.Name != name || s.Name == "" {
			t.Errorf("%+v, %v", s, err)
		}
	}
	list, err := r.Snapshots(r.Context())
	if err != nil || len(list) != 2 || list[1].Name != "first" {
		t.Errorf("%+v, %v", list, err)
	}
	v, err := r.VerifySnapshot(r.Context(), "first", quiet)
	if err != nil || !v.Sound() || v.Papers != 3 {
		t.Errorf("%+v, %v", v, err)
	}
	_, err = r.VerifySnapshot(r.Context(), "nobody", quiet)
	r.refused("unknown", err, paper.NotFound, "nobody")
	_, err = r.CreateSnapshot("../x")
	r.refused("a name that is none", err, paper.Invalid, "name")
	if v, err := r.Verify(r.Context(), quiet); err != nil || !v.Sound() {
		t.Errorf("%+v, %v", v, err)
	}
}

// migrating is a collection on its way to another space.
type migrating struct {
	records  []*paper.Record
	finished bool
	err      error

	mu  sync.Mutex // guards what follows
	put map[string]catalog.Mutation
}

func (m *migrating) done(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, done := m.put[id]
	return done
}

func (m *migrating) Missing(context.Context) iter.Seq2[*paper.Record, error] {
	return func(yield func(*paper.Record, error) bool) {
		for _, r := range m.records {
			if !m.done(r.ID) && !yield(r, nil) {
				return
			}
		}
		if m.err != nil {
			yield(nil, m.err)
		}
	}
}

func (m *migrating) Put(_ context.Context, records []*paper.Record, changes []catalog.Mutation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range records {
		m.put[r.ID] = changes[i]
	}
	return nil
}

func (m *migrating) Finish(context.Context) error {
	m.finished = true
	return nil
}

// Every paper is embedded anew, once, and what was done before an error is not done
// again.
func TestReembed(t *testing.T) {
	l := newLexicon()
	m := &migrating{put: make(map[string]catalog.Mutation), err: errors.New("stop")}
	for _, p := range ladder(29) {
		m.records = append(m.records, &paper.Record{Paper: p})
	}
	for range 50 {
		p := ladder(1)[0]
		p.ID = fmt.Sprintf("x%d", len(m.records))
		m.records = append(m.records, &paper.Record{Paper: p})
	}
	var done []int
	progress := func(n int) { done = append(done, n) }
	if err := engine.Reembed(t.Context(), l, m, progress); !errors.Is(err, m.err) || m.finished {
		t.Errorf("with an error: %v, finished %v", err, m.finished)
	}
	before := len(m.put)
	m.err = nil
	l.embeddedTexts()
	done = nil
	if err := engine.Reembed(t.Context(), l, m, progress); err != nil || !m.finished || len(m.put) != 79 {
		t.Errorf("%d of 79 papers, finished %v, %v", len(m.put), m.finished, err)
	}
	if n := len(l.embeddedTexts()); n != 79-before {
		t.Errorf("%d texts are embedded, %d were missing", n, 79-before)
	}
	if n := len(done); before < 79 && (n == 0 || done[n-1] != 79-before || !slices.IsSorted(done)) {
		t.Errorf("progress is %v of %d", done, 79-before)
	}
	for _, c := range m.put {
		if len(c.Vector) != axes || c.TokenCount < 3 {
			t.Errorf("%+v", c)
		}
	}
}
