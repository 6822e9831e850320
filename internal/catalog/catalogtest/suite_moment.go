package catalogtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

func momentChecks() []check {
	return []check{
		{"a view does not change", viewStays},
		{"views see what was acknowledged", acknowledged},
		{"views are of one moment under writes", underWrites},
	}
}

// An old view answers from its state, whatever happened since.
func viewStays(s *suite) {
	given := library()
	_, sequence := s.apply(given...)
	old := s.view()
	// Nothing was asked of it yet.
	s.apply(remove("p01"), put("p02", "granite survey", 80), put("new", "turbine survey", 1))
	s.same("info", old.Info(), catalog.Info{Collection: s.collection, Space: s.space, Papers: uint32(len(given)), Sequence: sequence})
	s.same("list", s.list(old, catalog.Listing{}), modelOf(given).kept(catalog.Restriction{}))
	s.same("by title", s.list(old, catalog.Listing{Filter: "title:protein"}), []string{"p02"})
	records := s.get(old, "p01", "p02", "new")
	if records[0] == nil || records[1] == nil || records[1].Title != "protein survey" || records[2] != nil {
		s.Errorf("there are %v", records)
	}
	s.same("vectors", s.vectors(old, "p01", "p02", "new"), [][]float32{vectorOf(1), vectorOf(2), nil})
	found := must[catalog.Found](s)(old.Nearest(s.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: vectorOf(2), K: 50}}}))
	s.ranked(old, found.Hits, vectorOf(2))
	s.asItWas(found.Hits, given, "p01", "p02")
	s.same("kept", found.Kept, len(given))
	found = must[catalog.Found](s)(old.Hybrid(s.Context(), catalog.Hybrid{Vector: vectorOf(2), Words: catalog.Words{Text: "protein granite"}, K: 50}))
	s.asItWas(found.Hits, given, "p01", "p02")
	for _, h := range found.Hits {
		if (h.Lexical > 0) != (h.ID == "p02") {
			s.Errorf("a word of another state: %+v", h)
		}
	}
	now := s.view()
	s.same("now", s.list(now, catalog.Listing{Filter: "title:turbine OR title:granite OR title:protein"}), []string{"new", "p02"})
}

// asItWas expects hits of all papers that were there, but for some of those that were
// changed since.
func (s *suite) asItWas(hits []rank.Hit, given []catalog.Mutation, changed ...string) {
	s.Helper()
	m := modelOf(given)
	for _, h := range hits {
		if was, ok := m[h.ID]; !ok || !alike(h.Semantic, cosine(vectorOf(2), was.vector)) {
			s.Errorf("%+v is not as it was", h)
		}
		delete(m, h.ID)
	}
	for id := range m {
		if !slices.Contains(changed, id) {
			s.Errorf("%s is not found", id)
		}
	}
}

// A view that is opened after changes were acknowledged has them, whoever made them.
func acknowledged(s *suite) {
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 8 {
				id := fmt.Sprintf("w%d-%d", w, i)
				_, sequence, err := s.catalog.Apply(s.Context(), s.collection, []catalog.Mutation{put(id, "glacier", w*8+i)})
				if err != nil {
					s.Error(err)
					return
				}
				v, err := s.catalog.View(s.Context(), s.collection)
				if err != nil {
					s.Error(err)
					return
				}
				if r, err := v.Get(s.Context(), catalog.Refs(id)); err != nil || r[0] == nil || v.Info().Sequence < sequence {
					s.Errorf("%s is not there, %v, in a view at %d after %d", id, err, v.Info().Sequence, sequence)
				}
				v.Close()
			}
		})
	}
	writers.Wait()
	s.same("papers", s.view().Info().Papers, 32)
}

// Writers change all papers at once, again and again: each view has those of one time,
// whatever it is asked, and later views are of later times.
func underWrites(s *suite) {
	const papers, rounds = 12, 15
	tell := func(round int) []catalog.Mutation {
		var group []catalog.Mutation
		for i := range papers {
			c := put(fmt.Sprintf("p%02d", i), words()[round%2]+" survey", round*papers+i)
			c.Paper.Venue = fmt.Sprintf("Round%d", round)
			ofRound(&c.Paper, round)
			group = append(group, c)
		}
		if round%3 == 0 { // and some come and go
			return append(group, remove("extra"))
		}
		extra := put("extra", words()[round%2]+" survey", 5000+round)
		extra.Paper.Venue = group[0].Paper.Venue
		ofRound(&extra.Paper, round)
		return append(group, extra)
	}
	s.apply(tell(0)...)
	var beside sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		beside.Go(func() {
			last := uint64(0)
			for {
				select {
				case <-done:
					return
				default:
					last = s.oneMoment(last)
				}
			}
		})
	}
	for round := 1; round <= rounds; round++ {
		s.apply(tell(round)...)
	}
	close(done)
	beside.Wait()
}

// oneMoment looks at a view in every way, and gives its sequence number.
func (s *suite) oneMoment(last uint64) uint64 {
	v, err := s.catalog.View(s.Context(), s.collection)
	if err != nil {
		s.Error(err)
		return last
	}
	defer v.Close()
	i := v.Info()
	if i.Sequence < last {
		s.Errorf("a view at %d after one at %d", i.Sequence, last)
	}
	var venue, title string
	var ids []string
	for r, err := range v.List(s.Context(), catalog.Listing{}) {
		switch {
		case err != nil:
			s.Error(err)
			return last
		case venue != "" && r.Venue != venue:
			s.Errorf("%s is of %s, others of %s", r.ID, r.Venue, venue)
		}
		venue, title = r.Venue, r.Title
		ids = append(ids, r.ID)
	}
	if len(ids) != int(i.Papers) {
		s.Errorf("%d papers of %d", len(ids), i.Papers)
	}
	vectors, err := v.Vectors(s.Context(), catalog.Refs(ids...))
	if err != nil || slices.ContainsFunc(vectors, func(v []float32) bool { return v == nil }) {
		s.Errorf("not all vectors are there: %v", err)
		return last
	}
	only := catalog.Restriction{Filter: "venue = " + venue}
	near, err := v.Nearest(s.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: vectorOf(3), K: 50}}, Restriction: only})
	s.ofMoment("nearest", i, ids, vectors, near, err)
	both, err := v.Hybrid(s.Context(), catalog.Hybrid{Vector: vectorOf(3), Words: catalog.Words{Text: strings.Fields(title)[0]}, K: 50, Restriction: only})
	s.ofMoment("hybrid", i, ids, vectors, both, err)
	for _, h := range both.Hits {
		if h.Lexical <= 0 {
			s.Errorf("the words of another moment: %+v", h)
		}
	}
	s.capabilitiesOfMoment(v, ids, venue, strings.Fields(title)[0])
	return i.Sequence
}

// capabilitiesOfMoment expects that a view whose papers are all of one venue, and have
// one word, says so in every way that it can.
func (s *suite) capabilitiesOfMoment(v catalog.View, ids []string, venue, word string) {
	refs, n := catalog.Refs(ids...), len(ids)
	words := catalog.Words{Text: `"` + word + `"`, Typed: true}
	if c, ok := v.(catalog.Attributes); ok {
		venues, err := c.Venues(s.Context(), refs)
		if others := slices.DeleteFunc(venues, func(v string) bool { return v == venue }); err != nil || len(others) > 0 {
			s.Errorf("venues of another moment than %s: %v, %v", venue, others, err)
		}
	}
	if c, ok := v.(catalog.Counter); ok {
		counts, err := c.CountValues(s.Context(), "venue", "", 9)
		if err != nil || len(counts) != 1 || counts[0] != (catalog.ValueCount{Value: venue, Papers: uint64(n)}) {
			s.Errorf("the counts of another moment than %s: %+v, %v", venue, counts, err)
		}
	}
	if c, ok := v.(catalog.Funnel); ok {
		left, err := c.Funnel(s.Context(), catalog.Conditions{Restriction: catalog.Restriction{Filter: "venue = " + venue}, Words: words})
		if err != nil || left.Papers != n || left.Filtered != n || len(left.Words) != 1 || left.Words[0].Left != n {
			s.Errorf("what is left of %d is of another moment: %+v, %v", n, left, err)
		}
	}
	if c, ok := v.(catalog.Matcher); ok {
		allowed, err := c.Allows(s.Context(), words, refs)
		if err != nil || len(allowed) != n || slices.Contains(allowed, false) {
			s.Errorf("%s is allowed of another moment: %v, %v", word, allowed, err)
		}
	}
	if c, ok := v.(catalog.Rechecker); ok {
		list := catalog.MadeBy{Restriction: catalog.Restriction{Filter: "venue = " + venue}, Words: words, Sequence: v.Info().Sequence}
		records, err := c.Still(s.Context(), list, refs)
		if err != nil || len(records) != n || slices.ContainsFunc(records, func(r *paper.Record) bool { return r == nil || r.Venue != venue }) {
			s.Errorf("records of another moment: %v, %v", records, err)
		}
	}
	if c, ok := v.(catalog.Days); ok {
		s.daysOfMoment(c, ids, venue)
	}
}

func (s *suite) ofMoment(what string, i catalog.Info, ids []string, vectors [][]float32, found catalog.Found, err error) {
	if err != nil || found.Kept != i.Papers {
		s.Errorf("%s: %d of %d papers kept, %v", what, found.Kept, i.Papers, err)
	}
	for _, h := range found.Hits {
		if at := slices.Index(ids, h.ID); at < 0 || !alike(h.Semantic, cosine(vectorOf(3), vectors[at])) {
			s.Errorf("%s: a hit of another moment: %+v", what, h)
		}
	}
}
