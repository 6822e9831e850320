package catalogtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"akin/internal/catalog"
	"akin/internal/paper"
)

func applyChecks() []check {
	return []check{
		{"outcomes", outcomes},
		{"one id twice", sameIDTwice},
		{"unchanged", unchanged},
		{"kept vector", keptVector},
		{"all or none", allOrNone},
		{"nothing to apply", nothingToApply},
		{"ids of all kinds", oddIDs},
		{"reimport", reimport},
		{"records are the caller's", ownRecords},
		{"random changes", randomChanges},
	}
}

func changesOf(outcomes []catalog.Outcome) (out []catalog.Change) {
	for _, o := range outcomes {
		out = append(out, o.Change)
	}
	return out
}

func outcomes(s *suite) {
	got, first := s.apply(put("a", "glacier", 1), put("b", "turbine", 2), put("c", "violin", 3))
	s.same("created", changesOf(got), []catalog.Change{catalog.Created, catalog.Created, catalog.Created})
	if first == 0 || got[1].Record.ID != "b" || got[1].Record.Title != "turbine" || got[1].Record.Revision != 1 {
		s.Errorf("sequence %d, %+v", first, got[1].Record)
	}
	got, second := s.apply(remove("a"), put("b", "copper", 4), put("c", "violin", 3), remove("nobody"), put("d", "orchid", 5))
	s.same("changes", changesOf(got), []catalog.Change{catalog.Deleted, catalog.Updated, catalog.Unchanged, catalog.Missing, catalog.Created})
	s.same("ids", []string{got[0].Record.ID, got[3].Record.ID}, []string{"a", "nobody"})
	if b := got[1].Record; second <= first || got[0].Record.Title != "" || b.Revision != 2 || b.Title != "copper" || b.UpdateTime.Before(b.CreateTime) {
		s.Errorf("sequence %d after %d, %+v", second, first, got)
	}
	s.same("unchanged", got[2].Record.Revision, 1)
	v := s.view()
	s.same("info", []any{v.Info().Papers, v.Info().Sequence}, []any{3, second})
	s.same("list", s.list(v, catalog.Listing{}), []string{"b", "c", "d"})
	s.same("vectors", s.vectors(v, "a", "b", "c", "d"), [][]float32{nil, vectorOf(4), vectorOf(3), vectorOf(5)})
}

// Where an id stands twice, each change meets what those before it left.
func sameIDTwice(s *suite) {
	got, _ := s.apply(put("a", "glacier", 1), put("a", "turbine", 2), put("a", "turbine", 2), remove("a"), remove("a"), put("a", "violin", 3))
	s.same("changes", changesOf(got), []catalog.Change{
		catalog.Created, catalog.Updated, catalog.Unchanged, catalog.Deleted, catalog.Missing, catalog.Created,
	})
	v := s.view()
	s.same("papers", v.Info().Papers, 1)
	a := s.get(v, "a")[0]
	if a == nil || a.Title != "violin" || a.Revision != 1 {
		s.Errorf("left: %+v", a)
	}
	s.same("vector", s.vectors(v, "a"), [][]float32{vectorOf(3)})
}

// What is there already takes no sequence number.
func unchanged(s *suite) {
	given := library()
	_, first := s.apply(given...)
	got, second := s.apply(given...)
	for _, o := range got {
		if o.Change != catalog.Unchanged || o.Record.Revision != 1 {
			s.Errorf("%+v", o)
		}
	}
	s.same("sequence", second, first)
	_, third := s.apply(remove("nobody"))
	s.same("sequence after deleting nothing", third, first)
	s.same("sequence of the view", s.view().Info().Sequence, first)
}

// A paper whose text is the same may come without a vector, and keeps it.
func keptVector(s *suite) {
	first := put("a", "glacier", 1)
	first.Truncated = true
	s.apply(first, put("b", "turbine", 2))
	again := catalog.Mutation{Paper: first.Paper}
	again.Paper.Venue = "Elsewhere"
	got, _ := s.apply(again)
	r := got[0].Record
	s.same("kept", []any{got[0].Change, r.TokenCount, r.Truncated, r.Revision, r.Venue}, []any{catalog.Updated, 5, true, 2, "Elsewhere"})
	v := s.view()
	s.same("vector", s.vectors(v, "a"), [][]float32{vectorOf(1)})
	found := must[catalog.Found](s)(v.Nearest(s.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: vectorOf(1), K: 1}}}))
	s.same("nearest", s.ranked(v, found.Hits, vectorOf(1)), []string{"a"})
	s.same("by the new venue", s.list(v, catalog.Listing{Filter: "venue = Elsewhere"}), []string{"a"})
}

func allOrNone(s *suite) {
	_, sequence := s.apply(put("a", "glacier", 1), put("b", "turbine", 2))
	long := put("x", "copper", 9)
	long.Vector = make([]float32, dimension+1)
	broken := put("x", "copper", 9)
	broken.Vector[3] = float32(math.NaN())
	other := catalog.Mutation{Paper: paper.Paper{ID: "a", Title: "another glacier"}}
	for name, bad := range map[string]catalog.Mutation{
		"a new paper without a vector":    {Paper: paper.Paper{ID: "x", Title: "copper"}},
		"another text without a vector":   other,
		"a vector of another length":      long,
		"a vector that is not finite":     broken,
		"a paper that is not valid":       {Paper: paper.Paper{ID: "x"}, Vector: vectorOf(3)},
		"a paper with an id that is none": {Paper: paper.Paper{ID: " x ", Title: "copper"}, Vector: vectorOf(3)},
	} {
		_, _, err := s.catalog.Apply(s.Context(), s.collection, []catalog.Mutation{put("new", "orchid", 3), remove("b"), bad})
		s.fault(name, err, paper.Invalid)
		v := s.view()
		s.same(name, []any{s.list(v, catalog.Listing{}), v.Info().Papers, v.Info().Sequence, s.get(v, "a")[0].Title},
			[]any{[]string{"a", "b"}, 2, sequence, "glacier"})
		found := must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Vector: vectorOf(3), Words: catalog.Words{Text: "orchid copper"}, K: 9}))
		s.same(name, idsOf(found.Hits), []string{"a", "b"})
	}
}

func nothingToApply(s *suite) {
	_, sequence := s.apply(put("a", "glacier", 1))
	_, after := s.apply()
	s.same("sequence", after, sequence)
}

// Ids are any text: order is that of their bytes.
func oddIDs(s *suite) {
	ids := []string{"arXiv:2112.09118", "hep-th/9901001", "a b", "ä", "Z", "z", "a%2Fb", "中文", "a", "a\"b"}
	for i, id := range ids {
		s.apply(put(id, "glacier", i))
	}
	v := s.view()
	for i, id := range ids {
		s.same(id, []any{s.get(v, id)[0].ID, s.vectors(v, id)[0]}, []any{id, vectorOf(i)})
	}
	slices.Sort(ids)
	s.same("list", s.list(v, catalog.Listing{}), ids)
	s.same("after", s.list(v, catalog.Listing{After: "a b"}), ids[slices.Index(ids, "a b")+1:])
}

// A paper that comes again after it was deleted is a new one.
func reimport(s *suite) {
	s.apply(library()...)
	s.apply(remove("p03"))
	s.same("deleted", s.get(s.view(), "p03"), []*paper.Record{nil})
	again := put("p03", "marble survey", 60)
	got, _ := s.apply(again)
	s.same("again", []any{got[0].Change, got[0].Record.Revision}, []any{catalog.Created, 1})
	v := s.view()
	s.same("papers", v.Info().Papers, len(library()))
	found := must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Words: catalog.Words{Text: "marble lattice"}, K: 9}))
	s.same("its words are those of now", idsOf(found.Hits), []string{"p03"})
	found = must[catalog.Found](s)(v.Nearest(s.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: vectorOf(60), K: 1}}}))
	s.same("its vector is that of now", s.ranked(v, found.Hits, vectorOf(60)), []string{"p03"})
}

// Callers may write to the records that they get, and to what they gave.
func ownRecords(s *suite) {
	given := put("a", "glacier", 1)
	given.Paper.Categories = []string{"cs.CL"}
	s.apply(given)
	given.Paper.Categories[0], given.Vector[0] = "changed", 9
	v := s.view()
	r := s.get(v, "a")[0]
	s.same("categories", r.Categories, []string{"cs.CL"})
	s.same("vector", s.vectors(v, "a")[0], vectorOf(1))
	r.Title, r.Categories[0] = "changed", "changed"
	for _, r := range collect(s, v.List(s.Context(), catalog.Listing{})) {
		r.Venue = "changed"
	}
	again := s.get(v, "a")[0]
	s.same("again", []any{again.Title, again.Categories, again.Venue}, []any{"glacier", []string{"cs.CL"}, ""})
}

// Whatever is done, the catalog holds and finds what a plain model does.
func randomChanges(s *suite) {
	const steps, papers = 60, 25
	r := rand.New(rand.NewPCG(14, 2))
	m := make(model)
	sequence := uint64(0)
	for step := range steps {
		var group []catalog.Mutation
		var want []catalog.Change
		for range 1 + r.IntN(4) {
			c := randomChange(r, fmt.Sprintf("p%02d", r.IntN(papers)), m)
			group = append(group, c)
			want = append(want, m.change(c))
		}
		got, now := s.apply(group...)
		s.same(fmt.Sprintf("changes of step %d", step), changesOf(got), want)
		moved := slices.ContainsFunc(want, func(c catalog.Change) bool { return c != catalog.Unchanged && c != catalog.Missing })
		if now < sequence || (now > sequence) != moved {
			s.Errorf("step %d: the sequence goes from %d to %d after %v", step, sequence, now, want)
		}
		sequence = now
		if step%5 == 0 || step == steps-1 {
			s.holds(m, sequence, r)
		}
		if s.Failed() {
			return
		}
	}
}

// randomChange deletes a paper, or gives it a text, with or without a vector.
func randomChange(r *rand.Rand, id string, m model) catalog.Mutation {
	old, there := m[id]
	switch n := r.IntN(10); {
	case n < 3:
		return remove(id)
	case n < 5 && there: // other attributes, the same text
		c := catalog.Mutation{Paper: old.Clone()}
		c.Paper.Venue = []string{"Alpha", "Beta", "Gamma", ""}[r.IntN(4)]
		return c
	case n < 6 && there: // all the same
		return catalog.Mutation{Paper: old.Clone(), Vector: old.vector}
	}
	c := put(id, words()[r.IntN(12)]+" "+words()[r.IntN(12)], r.IntN(1000))
	c.Paper.Venue = []string{"Alpha", "Beta", "Gamma"}[r.IntN(3)]
	c.Paper.PublishDate = paper.Date{Year: 2000 + r.IntN(20), Month: 1 + r.IntN(12)}
	c.TokenCount = 2 + r.IntN(9)
	return c
}

// holds compares the catalog with a model.
func (s *suite) holds(m model, sequence uint64, r *rand.Rand) {
	s.Helper()
	v := s.view()
	defer v.Close()
	s.same("info", []any{v.Info().Papers, v.Info().Sequence}, []any{len(m), sequence})
	for _, restriction := range []catalog.Restriction{{}, {Filter: "venue = Beta"}, {AsOf: "2010-03-31"}} {
		kept := m.kept(restriction)
		if restriction.AsOf == "" {
			s.same("list", s.list(v, catalog.Listing{Filter: restriction.Filter}), kept)
		}
		probe := vectorOf(r.IntN(1000))
		found := must[catalog.Found](s)(v.Nearest(s.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: probe, K: 100}}, Restriction: restriction}))
		got := s.ranked(v, found.Hits, probe)
		slices.Sort(got)
		s.same("nearest", []any{got, found.Kept}, []any{kept, len(kept)})
		word := words()[r.IntN(12)]
		found = must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Words: catalog.Words{Text: word}, K: 100, Restriction: restriction}))
		having := slices.DeleteFunc(kept, func(id string) bool { return !slices.Contains(split(m[id].Title), word) })
		s.same("papers with "+word, idsOf(found.Hits), having)
	}
	for id, want := range m {
		got := s.get(v, id)[0]
		if got == nil {
			s.Errorf("%s is not there", id)
			continue
		}
		s.same(id, []any{got.Paper, got.Revision, got.TokenCount, s.vectors(v, id)[0]}, []any{want.Paper, want.Revision, want.TokenCount, want.vector})
	}
}
