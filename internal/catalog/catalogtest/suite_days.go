package catalogtest

import (
	"fmt"
	"slices"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

// onDay is a paper that was published on a day.
func onDay(id string, n int, date paper.Date) catalog.Mutation {
	c := put(id, words()[n%len(words())]+" "+id, n)
	c.Paper.PublishDate = date
	return c
}

func (s *suite) newest(v catalog.Days, from catalog.Newest) (ids []string) {
	s.Helper()
	for _, r := range collect(s, v.Newest(s.Context(), from)) {
		ids = append(ids, r.ID)
	}
	return ids
}

func days(s *suite, of func() catalog.Days) {
	march := func(day int) paper.Date { return paper.Date{Year: 2021, Month: 3, Day: day} }
	listed := onDay("listed", 5, march(2))
	listed.Paper.ListedDates = []paper.Date{march(9), {Year: 2021, Month: 4, Day: 1}}
	pinned := onDay("yearless", 6, march(2))
	pinned.Paper.ListedDates = []paper.Date{{Month: 3, Day: 17}, march(17)}
	alpha := onDay("c", 3, march(4))
	alpha.Paper.Venue = "Alpha"
	s.apply(onDay("b", 1, march(4)), onDay("a", 2, march(4)), alpha, listed, pinned,
		onDay("year", 7, paper.Date{Year: 2021}), onDay("month", 8, paper.Date{Year: 2021, Month: 3}), onDay("none", 9, paper.Date{}))
	all := []string{"none", "listed", "yearless", "a", "b", "c", "month", "year"}
	s.same("all", s.newest(of(), catalog.Newest{}), all)
	s.same("of a day", s.newest(of(), catalog.Newest{Day: march(4)}), []string{"a", "b", "c"})
	s.same("of a month", s.newest(of(), catalog.Newest{Day: paper.Date{Year: 2021, Month: 3}}), []string{"month"})
	s.same("of another day", s.newest(of(), catalog.Newest{Day: march(2)}), []string{})
	s.same("until a day", s.newest(of(), catalog.Newest{Until: march(4)}), all[3:])
	s.same("filtered", s.newest(of(), catalog.Newest{Filter: `venue = "Alpha"`, Day: march(4)}), []string{"c"})
	for _, r := range collect(s, of().Newest(s.Context(), catalog.Newest{})) {
		after := s.newest(of(), catalog.Newest{AfterDay: r.Day, AfterID: r.ID})
		s.same("after "+r.ID, after, all[slices.Index(all, r.ID)+1:])
	}
	s.same("after one that is gone", s.newest(of(), catalog.Newest{AfterDay: march(4), AfterID: "aa"}), []string{"b", "c", "month", "year"})
	counts := must[[]catalog.DayCount](s)(of().CountDays(s.Context(), ""))
	s.same("days", counts[1:], []catalog.DayCount{
		{Day: paper.Date{Year: 2021, Month: 4, Day: 1}, Papers: 1},
		{Day: march(17), Papers: 1},
		{Day: march(4), Papers: 3},
		{Day: paper.Date{Year: 2021, Month: 3}, Papers: 1},
		{Day: paper.Date{Year: 2021}, Papers: 1},
	})
	s.same("days of a filter", must[[]catalog.DayCount](s)(of().CountDays(s.Context(), `venue = "Alpha"`)), []catalog.DayCount{{Day: march(4), Papers: 1}})
	_, err := of().CountDays(s.Context(), "(")
	s.onFilter("CountDays", err)
	for _, err := range of().Newest(s.Context(), catalog.Newest{Filter: "("}) {
		s.onFilter("Newest", err)
	}
	for _, err := range of().Newest(canceled(s), catalog.Newest{}) {
		if err == nil {
			s.Error("a caller that has gone was answered")
		}
		break
	}
}

// A view is of one moment, and the newest view knows what changed.
func daysChange(s *suite, of func() catalog.Days) {
	var given []catalog.Mutation
	for i := range 300 {
		given = append(given, onDay(fmt.Sprintf("p%03d", i), i, paper.Date{Year: 2020, Month: 1 + i%7, Day: 1 + i%3}))
	}
	s.apply(given...)
	before := of()
	all := s.newest(before, catalog.Newest{})
	if len(all) != 300 || len(slices.Compact(slices.Sorted(slices.Values(all)))) != 300 {
		s.Fatalf("%d papers are listed", len(all))
	}
	moved := onDay(all[250], 0, paper.Date{Year: 2022, Month: 1, Day: 1})
	s.apply(moved, remove(all[0]), remove(all[100]))
	want := slices.Concat([]string{all[250]}, all[1:100], all[101:250], all[251:])
	s.same("now", s.newest(of(), catalog.Newest{}), want)
	s.same("before", s.newest(before, catalog.Newest{}), all)
	n := uint32(0)
	for _, c := range must[[]catalog.DayCount](s)(of().CountDays(s.Context(), "")) {
		n += c.Papers
	}
	s.same("papers of all days", n, 298)
}

// ofRound gives a paper the day and the votes of a round of writes.
func ofRound(p *paper.Paper, round int) {
	p.PublishDate = paper.Date{Year: 2000 + round, Month: 1, Day: 1}
	p.Signals = map[string]float64{"votes": float64(round)}
}

// daysOfMoment expects that all papers are of the day and have the votes of one round,
// whose venue they have.
func (s *suite) daysOfMoment(c catalog.Days, ids []string, venue string) {
	var round int
	if _, err := fmt.Sscanf(venue, "Round%d", &round); err != nil {
		s.Error(err)
	}
	var p paper.Paper
	ofRound(&p, round)
	counts, err := c.CountDays(s.Context(), "")
	if err != nil || len(counts) != 1 || counts[0] != (catalog.DayCount{Day: p.PublishDate, Papers: uint32(len(ids))}) {
		s.Errorf("the days of another moment than %s: %+v, %v", venue, counts, err)
	}
	var listed []string
	for r, err := range c.Newest(s.Context(), catalog.Newest{Day: p.PublishDate}) {
		if err != nil {
			s.Error(err)
		}
		listed = append(listed, r.ID)
	}
	if !slices.Equal(listed, ids) {
		s.Errorf("papers of %v of another moment than %s: %v", p.PublishDate, venue, listed)
	}
	n := 0
	for x, err := range c.Signalled(s.Context(), "") {
		if n++; err != nil || len(x.Signals) != 1 || x.Signals[0].Seen[len(x.Signals[0].Seen)-1].Value != p.Signals["votes"] {
			s.Errorf("the signals of another moment than %s: %+v, %v", venue, x, err)
		}
	}
	if n != len(ids) {
		s.Errorf("%d of %d papers have signals", n, len(ids))
	}
}

// Signals that change are a change, embed nothing, and are remembered; the same ones
// again are nothing.
func signalled(s *suite, of func() catalog.Days) {
	voted := onDay("voted", 1, paper.Date{Year: 2021, Month: 3, Day: 4})
	voted.Paper.Signals = map[string]float64{"votes": 3, "stars": 1}
	_, first := s.apply(voted, onDay("plain", 2, paper.Date{Year: 2021}))
	again := voted
	again.Vector = nil
	outcomes, sequence := s.apply(again)
	s.same("again", []any{outcomes[0].Change, sequence}, []any{catalog.Unchanged, first})
	again.Paper.Signals = map[string]float64{"votes": 8}
	outcomes, sequence = s.apply(again)
	s.same("with more votes", []any{outcomes[0].Change, outcomes[0].Record.Revision, sequence}, []any{catalog.Updated, 2, first + 1})
	all := collect(s, of().Signalled(s.Context(), ""))
	if len(all) != 1 || all[0].ID != "voted" || all[0].Day != voted.Paper.PublishDate || all[0].Dated != voted.Paper.PublishDate || len(all[0].Signals) != 2 {
		s.Fatalf("signalled are %+v", all)
	}
	last := func(t paper.SignalTrail) float64 { return t.Seen[len(t.Seen)-1].Value }
	s.same("signals", []any{all[0].Signals[0].Name, last(all[0].Signals[0]), last(all[0].Signals[1])}, []any{"stars", 1, 8})
	got := s.get(s.view(), "voted")[0]
	s.same("of the record", rank.SignalledOf(got).Signals, all[0].Signals)
	s.same("of a filter", len(collect(s, of().Signalled(s.Context(), "year < 2000"))), 0)
	for _, err := range of().Signalled(s.Context(), "(") {
		s.onFilter("Signalled", err)
	}
	s.apply(remove("voted"))
	s.same("deleted", len(collect(s, of().Signalled(s.Context(), ""))), 0)
}
