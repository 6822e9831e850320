package catalogtest

import (
	"context"
	"errors"
	"slices"
	"time"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// changes holds the log to what was applied.
func changes(s *suite, of func() catalog.Changes) {
	s.apply(put("a", "alpha", 1), put("b", "beta", 2))
	listed := put("a", "alpha", 1)
	listed.Paper.Venue = "somewhere"
	s.apply(listed, remove("b"))
	s.apply(put("a", "another", 3))
	type entry struct {
		id      string
		deleted bool
		fields  paper.Fields
	}
	want := []entry{
		{"a", false, paper.AllFields},
		{"b", false, paper.AllFields},
		{"a", false, paper.FieldVenue | paper.FieldUpdateTime},
		{"b", true, 0},
		{"a", false, paper.FieldText | paper.FieldVenue | paper.FieldUpdateTime},
	}
	for after := range uint64(len(want)) {
		for _, limit := range []int{1, 2, 100} {
			got := must[[]catalog.LogEntry](s)(of().Changed(s.Context(), after, limit))
			var entries []entry
			for i, e := range got {
				if e.Sequence != after+uint64(i)+1 {
					s.Errorf("after %d: the sequence of change %d is %d", after, i, e.Sequence)
				}
				entries = append(entries, entry{e.ID, e.Deleted, e.Fields})
			}
			s.same("changes", entries, want[after:min(int(after)+limit, len(want))])
		}
	}
	if got := must[[]catalog.LogEntry](s)(of().Changed(s.Context(), 5, 9)); len(got) != 0 {
		s.Errorf("after the last: %v", got)
	}
	_, err := of().Changed(s.Context(), 6, 9)
	var fault *paper.Error
	if !errors.As(err, &fault) || fault.Reason != catalog.ReasonChangesAhead {
		s.Errorf("after what is to come: %v", err)
	}
}

// createdSince finds papers by when they came.
func createdSince(s *suite, of func() catalog.Changes) {
	begin := time.Now().Add(-time.Minute)
	s.apply(put("a", "alpha", 1), put("b", "beta", 2))
	s.apply(remove("a"), put("c", "gamma", 3))
	s.same("since the beginning", refIDs(must[[]paper.Ref](s)(of().CreatedSince(s.Context(), begin, 9))), []string{"c", "b"})
	s.same("the newest", refIDs(must[[]paper.Ref](s)(of().CreatedSince(s.Context(), begin, 1))), []string{"c"})
	s.same("since later", refIDs(must[[]paper.Ref](s)(of().CreatedSince(s.Context(), time.Now().Add(time.Hour), 9))), []string(nil))
}

// wordCounts holds counts to texts: the terms of a text are those of a paper that has it.
func wordCounts(s *suite, of func() catalog.WordCounts) {
	s.apply(put("a", "graph graph networks", 1), put("b", "graph", 2))
	counts := parallel[catalog.Counted](s, 3)(of().WordCounts(s.Context(), catalog.Refs("a", "nobody", "b")))
	if len(counts[1].Terms) != 0 || counts[1].Length != 0 {
		s.Errorf("nobody has %v", counts[1])
	}
	terms := must[[]catalog.TextTerm](s)(of().TextTerms(s.Context(), "networks graph unheard graph"))
	names := make([]string, len(terms))
	for i, t := range terms {
		names[i] = t.Name
	}
	if len(terms) != 3 || terms[1].Count != 2 || terms[0].Count != 1 {
		s.Fatalf("terms are %v", terms)
	}
	ids, found, err := of().TermIDs(s.Context(), names)
	if err != nil || !slices.Equal(found, []bool{true, true, false}) {
		s.Fatalf("%v, %v, %v", ids, found, err)
	}
	back := must[[]string](s)(of().TermNamesOf(s.Context(), ids[:2]))
	s.same("names of numbers", back, names[:2])
	s.same("frequencies", must[[]uint32](s)(of().Frequencies(s.Context(), ids[:2])), []uint32{1, 2})
	count := func(c catalog.Counted, id uint32) uint32 {
		i, ok := slices.BinarySearchFunc(c.Terms, id, func(t catalog.TermCount, id uint32) int { return int(int64(t.ID) - int64(id)) })
		if !ok {
			return 0
		}
		return c.Terms[i].Count
	}
	if g, n := count(counts[0], ids[1]), count(counts[0], ids[0]); g != 2*n || n == 0 || count(counts[2], ids[0]) != 0 || counts[0].Length <= counts[2].Length {
		s.Errorf("counts are %+v", counts)
	}
}

// waits waits for changes.
func waits(s *suite) {
	w, ok := s.catalog.(catalog.Waiter)
	if !ok {
		s.Skip("there is no Waiter")
	}
	_, sequence := s.apply(put("a", "alpha", 1))
	if err := w.Wait(s.Context(), paper.DefaultCollection, sequence-1); err != nil {
		s.Errorf("for what was: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- w.Wait(s.Context(), paper.DefaultCollection, sequence) }()
	s.apply(put("b", "beta", 2))
	if err := <-done; err != nil {
		s.Errorf("for a change: %v", err)
	}
	if err := w.Wait(canceled(s), paper.DefaultCollection, sequence+1); !errors.Is(err, context.Canceled) {
		s.Errorf("given up: %v", err)
	}
}
