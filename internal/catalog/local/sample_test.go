package local_test

import (
	"slices"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/paper"
)

// dated is a paper of a year; every tenth has no date.
func dated(n int) catalog.Mutation {
	m := put(n, 1)
	if n%10 != 0 {
		m.Paper.PublishDate = paper.Date{Year: 2000 + n%20}
	}
	m.Paper.Venue = []string{"ICML", "NeurIPS"}[n%2]
	return m
}

// A sample is the same for the same papers, follows the day, and changes in one
// place when a paper comes.
func TestSample(t *testing.T) {
	c, stop := open(t, t.TempDir(), local.ExactIndex)
	defer stop()
	draw := func(asOf string, n int) (ids []string) {
		t.Helper()
		v := look(t, c)
		defer v.Close()
		got, err := v.Dated(t.Context(), asOf, n)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got {
			if s.Date.Year == 0 || asOf != "" && s.Date.String() > asOf {
				t.Errorf("%s of %v is drawn as of %q", s.ID, s.Date, asOf)
			}
			ids = append(ids, s.ID)
		}
		return ids
	}
	if got := draw("", 10); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	var all []catalog.Mutation
	for n := range 200 {
		all = append(all, dated(n))
	}
	apply(t, c, all...)
	if got := draw("", 1000); len(got) != 180 {
		t.Errorf("%d papers have a date", len(got))
	}
	then, now := draw("2009-12-31", 30), draw("", 30)
	if len(then) != 30 || len(now) != 30 {
		t.Fatalf("%d and %d papers drawn", len(then), len(now))
	}
	for n := range 40 {
		m := dated(1000 + n)
		m.Paper.PublishDate = paper.Date{Year: 2020}
		apply(t, c, m)
		if got := draw("2009-12-31", 30); !slices.Equal(got, then) {
			t.Fatal("a later paper changes the sample of an earlier day")
		}
		after := draw("", 30)
		lost := slices.DeleteFunc(slices.Clone(now), func(id string) bool { return slices.Contains(after, id) })
		if len(lost) > 1 {
			t.Fatalf("one paper more drives out %v", lost)
		}
		now = after
	}
}

// What the conditions leave is what finding with them keeps.
func TestFunnel(t *testing.T) {
	c, stop := open(t, t.TempDir(), local.ExactIndex)
	defer stop()
	var all []catalog.Mutation
	for n := range 100 {
		all = append(all, dated(n))
	}
	apply(t, c, all...)
	const text, day = `venue = icml AND title:paper AND id = "p00*"`, "2009-12-31"
	v := look(t, c)
	defer v.Close()
	got, err := v.Funnel(t.Context(), catalog.Conditions{
		Restriction: catalog.Restriction{Filter: text, AsOf: day}, Words: catalog.Words{Text: `paper "revision 1" -8 -16`, Typed: true}, AnyWord: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []catalog.Restriction{{Filter: text}, {Filter: text, AsOf: day}} {
		found, err := neighbors(t.Context(), c, near(vectorOf(1), 1, q))
		if err != nil {
			t.Fatal(err)
		}
		if left := map[string]int{"": got.Filtered, day: got.AsOf}[q.AsOf]; left != int(found.Kept) {
			t.Errorf("as of %q %d are left, and %d found", q.AsOf, left, found.Kept)
		}
	}
	// Of 50 even numbers, 10 have no date; of years 2000, 2002, …, 5 in 10 are early.
	if got.Papers != 100 || got.Filtered != 50 || got.AsOf != 20 || got.Undated != 10 {
		t.Errorf("remaining %+v", got)
	}
	if len(got.Parts) != 3 || got.Parts[0] != (catalog.FilterPart{Text: "venue = icml", Kept: 50}) || got.Parts[1].Kept != 100 || got.Parts[2].Kept != 100 {
		t.Errorf("parts %+v", got.Parts)
	}
	var left []int
	for _, step := range got.Words {
		left = append(left, step.Left)
	}
	if !slices.Equal(left, []int{20, 20, 19, 19}) { // 8 is of 2008; 16 is of 2016
		t.Errorf("the words leave %v", left)
	}
}
