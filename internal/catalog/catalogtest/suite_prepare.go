package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"akin/internal/catalog"
	"akin/internal/paper"
)

func prepareChecks() []check {
	return []check{
		{"prepared changes are those changes", preparedChanges},
		{"what was prepared of another text is not used", preparedOtherwise},
		{"changes are prepared beside others", preparedBeside},
		{"preparing may be refused", preparedNothing},
	}
}

// preparer is the catalog, if it prepares.
func (s *suite) preparer() catalog.Preparer {
	s.Helper()
	p, ok := s.catalog.(catalog.Preparer)
	if !ok {
		s.Skip("the catalog does all work of a change when it is its turn")
	}
	return p
}

// prepare has changes prepared.
func (s *suite) prepare(p catalog.Preparer, changes []catalog.Mutation) {
	s.Helper()
	var of []*catalog.Mutation
	for i := range changes {
		of = append(of, &changes[i])
	}
	if err := p.Prepare(s.Context(), s.collection, of); err != nil {
		s.Fatal(err)
	}
}

// answers are what a view says of the papers of library and of some words.
func (s *suite) answers(v catalog.View) (out []any) {
	s.Helper()
	for i, word := range words() {
		found := must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Vector: vectorOf(i), Words: catalog.Words{Text: word + " survey"}, K: 20}))
		out = append(out, word, idsOf(found.Hits), s.list(v, catalog.Listing{Filter: fmt.Sprintf("year = %d", 2010+i)}))
	}
	return append(out, s.list(v, catalog.Listing{}), v.Info().Papers, v.Info().Sequence)
}

// Prepared changes make what they would make without, and preparing alone changes nothing.
func preparedChanges(s *suite) {
	p := s.preparer()
	changes := library()
	before := s.view().Info()
	s.prepare(p, changes)
	s.same("preparing", []any{s.view().Info().Papers, s.view().Info().Sequence}, []any{before.Papers, before.Sequence})
	s.apply(changes...)
	prepared := s.answers(s.view())
	// All go and come again, unprepared: two sequence numbers a paper.
	var gone []catalog.Mutation
	for _, m := range changes {
		gone = append(gone, remove(m.Paper.ID))
	}
	s.apply(gone...)
	s.apply(library()...)
	plain := s.answers(s.view())
	last := len(plain) - 1
	s.same("answers", plain[:last], prepared[:last])
}

// What a change says may become another before it is applied.
func preparedOtherwise(s *suite) {
	p := s.preparer()
	changes := []catalog.Mutation{put("a", "glacier", 1), put("b", "turbine", 2)}
	changes[0].Paper.Authors = []paper.Author{{Name: "Ada Lovelace"}}
	s.prepare(p, changes)
	changes[0].Paper.Title = "violin"
	changes[0].Paper.Authors = []paper.Author{{Name: "Emmy Noether"}}
	changes[1].Prepared = changes[0].Prepared // of another paper
	s.apply(changes...)
	v := s.view()
	for word, want := range map[string][]string{"violin": {"a"}, "turbine": {"b"}, "glacier": {}} {
		found := must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Words: catalog.Words{Text: word}, K: 5}))
		s.same(word, idsOf(found.Hits), want)
	}
	s.same("author", s.list(v, catalog.Listing{Filter: `author = "Emmy Noether"`}), []string{"a"})
	// What is none of the catalog's is not used either.
	odd := put("c", "meteor", 3)
	odd.Prepared = "nothing that a catalog made"
	s.apply(odd)
	s.same("odd", s.get(s.view(), "c")[0].Title, "meteor")
}

// Many prepare at once, while others are applied.
func preparedBeside(s *suite) {
	p := s.preparer()
	const groups, size = 6, 40
	var all [groups][]catalog.Mutation
	var work sync.WaitGroup
	for g := range groups {
		for i := range size {
			m := put(fmt.Sprintf("g%d-%d", g, i), words()[i%len(words())]+fmt.Sprintf(" w%dx%d", g, i), g*size+i)
			all[g] = append(all[g], m)
		}
		work.Go(func() {
			var of []*catalog.Mutation
			for i := range all[g] {
				of = append(of, &all[g][i])
			}
			if err := p.Prepare(s.Context(), s.collection, of); err != nil {
				s.Error(err)
			}
		})
	}
	for i, m := range library() {
		if _, _, err := s.catalog.Apply(s.Context(), s.collection, []catalog.Mutation{m}); err != nil {
			s.Error(i, err)
		}
	}
	work.Wait()
	for g := range all {
		s.apply(all[g]...)
	}
	v := s.view()
	s.same("papers", v.Info().Papers, groups*size+len(library()))
	for g := range groups {
		found := must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Words: catalog.Words{Text: fmt.Sprintf("w%dx7", g)}, K: 5}))
		s.same("found", idsOf(found.Hits), []string{fmt.Sprintf("g%d-7", g)})
	}
}

// A context that has ended, a collection that is not there, and nothing to prepare.
func preparedNothing(s *suite) {
	p := s.preparer()
	one := put("a", "glacier", 1)
	ended, end := context.WithCancel(s.Context())
	end()
	if err := p.Prepare(ended, s.collection, []*catalog.Mutation{&one}); !errors.Is(err, context.Canceled) {
		s.Errorf("ended: %v", err)
	}
	s.fault("no collection", p.Prepare(s.Context(), "none", []*catalog.Mutation{&one}), paper.NotFound)
	if err := p.Prepare(s.Context(), s.collection, nil); err != nil {
		s.Error(err)
	}
	s.apply(one)
	s.same("papers", s.view().Info().Papers, 1)
}
