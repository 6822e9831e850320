package engine

import (
	"context"
	"iter"
	"strings"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

// Order is the order of a list of papers.
type Order int

// The orders.
const (
	// ByID is ascending order of id.
	ByID Order = iota
	// ByDay is the newest day first, and within a day ascending order of id.
	ByDay
	// ByTrend is what trends first, and behind it the newest; MaxResults in all.
	ByTrend
)

// Trend windows, in minutes.
const (
	TrendDay   = 24 * 60
	TrendWeek  = 7 * TrendDay
	TrendMonth = 30 * TrendDay
)

// List asks for a page of papers.
type List struct {
	Collection string
	// Filter is an AIP-160 filter; "" keeps all.
	Filter string
	Order  Order
	// Day keeps the papers of one day. For ByTrend it is the last one of the window,
	// and papers of later days are left out.
	Day paper.Date
	// Window is how many minutes ByTrend looks back, 0 for TrendWeek; Signal is the
	// one that counts, "" for any.
	Window int
	Signal string
	// After is the Next of the page before; "" is the first page.
	After string
	// Size is how many papers at most; 0 means DefaultListSize.
	Size int
	// Fits is asked for each paper, in order, whether it still fits, with its trend in
	// a list by trend; nil means that all do.
	Fits func(*paper.Record, rank.Trend) bool
}

// Listed is a page of papers.
type Listed struct {
	Papers []paper.Record
	// Trends are parallel to the papers of ByTrend; zero for those that do not trend.
	Trends []rank.Trend
	// Next is where to go on from, empty at the end: for ByID the last id. For ByTrend
	// it names a list that is kept for PageTTL.
	Next string
	// Total is how many papers there are, whatever the filter.
	Total uint32
}

// listSize defaults and checks how many items a page has.
func listSize(size int) (int, error) {
	switch {
	case size < 0:
		return 0, paper.InvalidField("page_size", "is %d; it must not be negative (0 means %d, at most %d)", size, DefaultListSize, MaxPageSize)
	case size == 0:
		return DefaultListSize, nil
	}
	return min(size, MaxPageSize), nil
}

// check says what is wrong with the request, and defaults it.
func (q *List) check() (err error) {
	if q.Size, err = listSize(q.Size); err != nil {
		return err
	}
	if q.Order != ByTrend {
		switch {
		case q.Window != 0:
			return paper.InvalidField("window", "is set, which only a list in the order of \"trending\" has; leave it out, or ask for that order")
		case q.Signal != "":
			return paper.InvalidField("signal", "is %.80q, which only counts in the order of \"trending\"; leave it out, or ask for that order", q.Signal)
		}
		return nil
	}
	switch {
	case len(q.Signal) > paper.MaxFieldBytes:
		return paper.InvalidField("signal", "has %d bytes; names of signals have at most %d", len(q.Signal), paper.MaxFieldBytes)
	case !q.Day.IsZero() && q.Day.Day == 0:
		return paper.InvalidField("day", "is %v; the window of a trending list ends with a whole date, as 2026-03-17", q.Day)
	case q.Window == 0:
		q.Window = TrendWeek
	}
	return nil
}

// List gives a page of the papers that a filter keeps.
func (e *Engine) List(ctx context.Context, q List) (Listed, error) {
	if err := q.check(); err != nil {
		return Listed{}, err
	}
	a, err := e.ask(ctx, q.Collection)
	if err != nil {
		return Listed{}, err
	}
	defer a.close()
	switch {
	case q.Order == ByTrend:
		return a.listByTrend(ctx, &q)
	case q.Order == ByDay:
		return a.listByDay(ctx, &q, q.After)
	case !q.Day.IsZero():
		// Within one day, the order by day is that of ids.
		after := q.After
		if after != "" {
			after = placeOf(q.Day, after)
		}
		out, err := a.listByDay(ctx, &q, after)
		_, out.Next, _ = strings.Cut(out.Next, " ")
		return out, err
	}
	return a.listByID(ctx, &q)
}

func (a *asking) listByID(ctx context.Context, q *List) (Listed, error) {
	out := Listed{Total: a.info.Papers}
	after := q.After
	for r, err := range a.view.List(ctx, catalog.Listing{Filter: q.Filter, After: after}) {
		if err != nil {
			return Listed{}, err
		}
		if len(out.Papers) == q.Size || q.Fits != nil && !q.Fits(r, rank.Trend{}) { // there is a next page
			out.Next = after
			return out, nil
		}
		out.Papers = append(out.Papers, *r)
		after = r.ID
	}
	return out, nil
}

// placeOf is the place of a paper in a list by day.
func placeOf(day paper.Date, id string) string { return day.String() + " " + id }

// readPlace undoes placeOf.
func readPlace(place string) (day paper.Date, id string, err error) {
	text, id, ok := strings.Cut(place, " ")
	day, err = paper.ParseDate(text)
	if !ok || err != nil || day.Year == 0 || id == "" {
		return day, id, badToken("is none that this list gave")
	}
	return day, id, nil
}

func (a *asking) listByDay(ctx context.Context, q *List, after string) (out Listed, err error) {
	from := catalog.Newest{Filter: q.Filter, Day: q.Day}
	if after != "" {
		if from.AfterDay, from.AfterID, err = readPlace(after); err != nil {
			return Listed{}, err
		}
	}
	out.Total = a.info.Papers
	for some, err := range chunks(a.days().Newest(ctx, from), min(q.Size+1, readChunk)) {
		if err != nil {
			return Listed{}, err
		}
		refs := make([]paper.Ref, len(some))
		for i, p := range some {
			refs[i] = p.Ref
		}
		records, err := a.view.Get(ctx, refs)
		if err != nil {
			return Listed{}, err
		}
		for i, r := range records {
			if r == nil { // it cannot be in one view
				continue
			}
			if len(out.Papers) == q.Size || q.Fits != nil && !q.Fits(r, rank.Trend{}) {
				out.Next = after
				return out, nil
			}
			out.Papers = append(out.Papers, *r)
			after = placeOf(some[i].Day, r.ID)
		}
	}
	return out, nil
}

// chunks gives what a sequence gives, up to n at a time.
func chunks[T any](seq iter.Seq2[T, error], n int) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		var some []T
		for item, err := range seq {
			if err != nil {
				yield(nil, err)
				return
			}
			if some = append(some, item); len(some) == n {
				if !yield(some, nil) {
					return
				}
				some = nil
			}
		}
		if len(some) > 0 {
			yield(some, nil)
		}
	}
}

// ListDays asks for a page of days.
type ListDays struct {
	Collection string
	// Filter is an AIP-160 filter; "" keeps all.
	Filter string
	// From is the newest day to list, and Before is newer than any; the zero date is
	// none.
	From, Before paper.Date
	// Size is how many days at most; 0 means DefaultListSize.
	Size int
}

// ListedDays is a page of days.
type ListedDays struct {
	// Days are the newest first, each with papers.
	Days []catalog.DayCount
	// Newer is the nearest day that is newer than those asked for; zero if there is
	// none.
	Newer paper.Date
	// More says that there are older ones.
	More bool
	// Papers is how many the filter keeps, of all days.
	Papers uint32
}

// ListDays gives a page of the days that papers have.
func (e *Engine) ListDays(ctx context.Context, q ListDays) (out ListedDays, err error) {
	size, err := listSize(q.Size)
	if err != nil {
		return out, err
	}
	a, err := e.ask(ctx, q.Collection)
	if err != nil {
		return out, err
	}
	defer a.close()
	all, err := a.days().CountDays(ctx, q.Filter)
	if err != nil {
		return out, err
	}
	for _, day := range all {
		out.Papers += day.Papers
	}
	for len(all) > 0 {
		day := all[0].Day
		if (q.From.IsZero() || day.Compare(q.From) <= 0) && (q.Before.IsZero() || day.Compare(q.Before) < 0) {
			break
		}
		out.Newer, all = day, all[1:]
	}
	out.Days, out.More = all[:min(size, len(all))], len(all) > size
	return out, nil
}
