package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/rank"
)

// diary are papers of some days of March 2021, with votes that all grew since then.
func diary() []paper.Paper {
	of := func(id string, day int, votes float64) paper.Paper {
		p := paper.Paper{ID: id, Title: "alpha " + id, Venue: "North", PublishDate: paper.Date{Year: 2021, Month: 3, Day: day}}
		if votes > 0 {
			p.Signals = map[string]float64{"votes": votes}
		}
		return p
	}
	return []paper.Paper{of("a", 4, 10), of("b", 4, 90), of("c", 9, 0), of("d", 9, 30), of("e", 2, 1000), of("f", 1, 0)}
}

// pages lists all, some at a time.
func (r *rig) pages(q engine.List) (ids []string) {
	r.Helper()
	for range 100 {
		got, err := r.List(r.Context(), q)
		if err != nil {
			r.Fatalf("%+v: %v", q, err)
		}
		if trends := q.Order == engine.ByTrend; trends && len(got.Trends) != len(got.Papers) || !trends && got.Trends != nil {
			r.Errorf("%d trends of %d papers", len(got.Trends), len(got.Papers))
		}
		for _, p := range got.Papers {
			ids = append(ids, p.ID)
		}
		if q.After = got.Next; q.After == "" {
			break
		}
	}
	return ids
}

func march(day int) paper.Date { return paper.Date{Year: 2021, Month: 3, Day: day} }

func TestOrders(t *testing.T) {
	full := newRig(t, diary()...)
	for name, r := range map[string]*rig{"full": full, "without days": newRig(t, diary()...).lacking(catalog.CapDays), "bare": newRig(t, diary()...).bare()} {
		for _, test := range []struct {
			q    engine.List
			want string
		}{
			{engine.List{Order: engine.ByDay}, "c d a b e f"},
			{engine.List{Order: engine.ByDay, Day: march(4)}, "a b"},
			{engine.List{Day: march(9)}, "c d"},
			{engine.List{Day: march(3)}, ""},
			{engine.List{Order: engine.ByDay, Filter: "signals.votes > 20"}, "d b e"},
			{engine.List{Order: engine.ByTrend}, "e b d a c f"},
			{engine.List{Order: engine.ByTrend, Signal: "votes", Window: engine.TrendDay}, "e b d a c f"},
			{engine.List{Order: engine.ByTrend, Signal: "nothing"}, "c d a b e f"},
			{engine.List{Order: engine.ByTrend, Filter: "date < 2021-03-09"}, "e b a f"},
			{engine.List{Order: engine.ByTrend, Day: march(4)}, "e b a f"},
			{engine.List{Order: engine.ByTrend, Day: paper.Date{Year: 2020, Month: 1, Day: 1}}, ""},
			{engine.List{Order: engine.ByTrend, Day: paper.Date{Year: 9999, Month: 12, Day: 31}}, "e b d a c f"},
		} {
			for _, size := range []int{0, 1, 2, 6} {
				test.q.Size = size
				got := r.pages(test.q)
				r.same(fmt.Sprintf("%s: %+v", name, test.q), strings.Join(got, " "), test.want)
			}
			fits := 0
			test.q.Fits = func(*paper.Record, rank.Trend) bool { fits++; return fits%3 != 0 } // two a page
			got := r.pages(test.q)
			r.same(fmt.Sprintf("%s: what fits of %+v", name, test.q), strings.Join(got, " "), test.want)
		}
	}
	got, err := full.List(t.Context(), engine.List{Order: engine.ByTrend, Size: 1})
	if err != nil || got.Trends[0].Signal != "votes" || got.Trends[0].Gain <= 0 || got.Trends[0].Score <= 0 || got.Total != 6 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestListsThatAreRefused(t *testing.T) {
	r := newRig(t, diary()...)
	next := func(q engine.List) string {
		got, err := r.List(t.Context(), q)
		if err != nil || got.Next == "" {
			t.Fatalf("%+v, %v", got, err)
		}
		return got.Next
	}
	trend := next(engine.List{Order: engine.ByTrend, Size: 2})
	for words, q := range map[string]engine.List{
		"page_size is -1":       {Order: engine.ByDay, Size: -1},
		"window is set":         {Order: engine.ByDay, Window: engine.TrendDay},
		`signal is "x"`:         {Signal: "x"},
		"signal has":            {Order: engine.ByTrend, Signal: strings.Repeat("x", paper.MaxFieldBytes+1)},
		"day is 2021-03;":       {Order: engine.ByTrend, Day: paper.Date{Year: 2021, Month: 3}},
		"filter":                {Order: engine.ByTrend, Filter: "("},
		"filter ":               {Order: engine.ByDay, Filter: "("},
		"page_token is unknown": {Order: engine.ByTrend, After: trend, Window: engine.TrendDay},
		"of another request":    {Order: engine.ByTrend, After: trend, Day: march(9)},
		"page_token is none":    {Order: engine.ByTrend, After: "nothing"},
		"page_token is none t":  {Order: engine.ByDay, After: "nothing"},
		"page_token is none th": {Order: engine.ByDay, After: "--03-04 a"},
	} {
		_, err := r.List(t.Context(), q)
		r.refused(fmt.Sprintf("%+v", q), err, paper.Invalid, strings.TrimSpace(words))
	}
	_, err := r.ListDays(t.Context(), engine.ListDays{Size: -1})
	r.refused("days", err, paper.Invalid, "page_size is -1")
	_, err = r.ListDays(t.Context(), engine.ListDays{Filter: "("})
	r.refused("days", err, paper.Invalid, "filter")
}

// Pages by day go on behind the last paper whatever is written meanwhile; those of a
// trending list are of the list that the first one made.
func TestListsUnderWrites(t *testing.T) {
	change := func(r *rig) {
		risen := diary()[0]
		risen.Signals["votes"] = 1e9
		r.put(risen, paper.Paper{ID: "new", Title: "alpha", PublishDate: paper.Date{Year: 2022}}, paper.Paper{ID: "aa", Title: "alpha", PublishDate: march(4)})
		r.erase("b", "e")
	}
	for order, want := range map[engine.Order]string{engine.ByDay: "c d a | aa f", engine.ByTrend: "e b d | a c f"} {
		r := newRig(t, diary()...)
		first, err := r.List(t.Context(), engine.List{Order: order, Size: 3})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, p := range first.Papers {
			ids = append(ids, p.ID)
		}
		change(r)
		rest := r.pages(engine.List{Order: order, Size: 1, After: first.Next})
		r.same(fmt.Sprint(order), strings.Join(append(append(ids, "|"), rest...), " "), want)
	}
	r := newRig(t, diary()...)
	first, err := r.List(t.Context(), engine.List{Order: engine.ByTrend, Filter: "venue = North", Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	moved := diary()[3]
	moved.Venue = "South"
	r.put(moved)
	r.erase("b")
	rest := r.pages(engine.List{Order: engine.ByTrend, Filter: "venue = North", Size: 2, After: first.Next})
	r.same("what the filter keeps no more", strings.Join(rest, " "), "a c f")
}

// Imports keep signals as they go: the same again is nothing, more is a change that
// embeds nothing, and what was seen stays when another source does not say it.
func TestSignalsOfImports(t *testing.T) {
	r := newRig(t)
	first := diary()[1]
	first.ListedDates = []paper.Date{{Month: 3, Day: 17}}
	importing := func(p paper.Paper) (catalog.Change, uint64) {
		t.Helper()
		got, err := r.imported(t.Context(), engine.Incoming{Paper: p})
		if err != nil || len(got) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		return got[0].Results[0].Change, got[0].Sequence
	}
	step := func(what string, p paper.Paper, change catalog.Change, sequence uint64) {
		t.Helper()
		got, at := importing(p)
		r.same(what, []any{got, at}, []any{change, sequence})
	}
	step("first", first, catalog.Created, 1)
	r.model.embeddedTexts()
	step("again", first, catalog.Unchanged, 1)
	more := first.Clone()
	more.Signals["votes"] = 100
	step("more", more, catalog.Updated, 2)
	step("more again", more, catalog.Unchanged, 2)
	less := more.Clone()
	less.Signals, less.ListedDates = nil, nil
	step("of another source", less, catalog.Updated, 3)
	step("of another source again", less, catalog.Unchanged, 3)
	if texts := r.model.embeddedTexts(); len(texts) != 0 {
		t.Errorf("embedded again: %q", texts)
	}
	found, _, err := r.Get(t.Context(), "", []string{"b"})
	if err != nil || len(found) != 1 || found[0].Revision != 3 {
		t.Fatalf("%+v, %v", found, err)
	}
	if seen := found[0].Sightings(); len(seen) != 1 || seen[0].Seen[len(seen[0].Seen)-1].Value != 100 {
		t.Errorf("seen were %+v", seen)
	}
	if day := found[0].Day(); day.Year < 2025 || day.Month != 3 || day.Day != 17 {
		t.Errorf("its day is %v", day)
	}
}

func TestListDays(t *testing.T) {
	for name, r := range map[string]*rig{"full": newRig(t, diary()...), "bare": newRig(t, diary()...).bare()} {
		for _, test := range []struct {
			q    engine.ListDays
			want string
		}{
			{engine.ListDays{}, "[{2021-03-09 2} {2021-03-04 2} {2021-03-02 1} {2021-03-01 1}]  false"},
			{engine.ListDays{Size: 2}, "[{2021-03-09 2} {2021-03-04 2}]  true"},
			{engine.ListDays{Size: 2, Before: march(4)}, "[{2021-03-02 1} {2021-03-01 1}] 2021-03-04 false"},
			{engine.ListDays{Size: 1, From: march(4)}, "[{2021-03-04 2}] 2021-03-09 true"},
			{engine.ListDays{Size: 1, From: march(3)}, "[{2021-03-02 1}] 2021-03-04 true"},
			{engine.ListDays{From: paper.Date{Year: 1999}}, "[] 2021-03-01 false"},
			{engine.ListDays{Filter: "signals.votes > 20"}, "[{2021-03-09 1} {2021-03-04 1} {2021-03-02 1}]  false"},
		} {
			got, err := r.ListDays(t.Context(), test.q)
			r.same(fmt.Sprintf("%s: %+v", name, test.q), []any{got.Days, got.Newer, got.More, err}, "["+test.want+" <nil>]")
		}
	}
}
