package catalogtest

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

// Newest implements catalog.Days.
func (v *view) Newest(ctx context.Context, from catalog.Newest) iter.Seq2[catalog.OfDay, error] {
	return func(yield func(catalog.OfDay, error) bool) {
		kept, err := v.restricted(catalog.Restriction{Filter: from.Filter})
		if err == nil {
			err = v.before(ctx, "Newest")
		}
		if err != nil {
			yield(catalog.OfDay{}, err)
			return
		}
		slices.SortFunc(kept, func(a, b *entry) int {
			return cmp.Or(b.Day().Compare(a.Day()), strings.Compare(a.ID, b.ID))
		})
		for _, e := range kept {
			if err := ctx.Err(); err != nil {
				yield(catalog.OfDay{}, err)
				return
			}
			if from.Comes(e.Day(), e.ID) && !yield(catalog.OfDay{Ref: e.Ref(), Day: e.Day()}, nil) {
				return
			}
		}
	}
}

// CountDays implements catalog.Days.
func (v *view) CountDays(ctx context.Context, filter string) ([]catalog.DayCount, error) {
	if err := v.before(ctx, "CountDays"); err != nil {
		return nil, err
	}
	kept, err := v.restricted(catalog.Restriction{Filter: filter})
	if err != nil {
		return nil, err
	}
	counts := make(map[paper.Date]uint32)
	for _, e := range kept {
		counts[e.Day()]++
	}
	var out []catalog.DayCount
	for day, n := range counts {
		out = append(out, catalog.DayCount{Day: day, Papers: n})
	}
	slices.SortFunc(out, func(a, b catalog.DayCount) int { return b.Day.Compare(a.Day) })
	return out, nil
}

// Signalled implements catalog.Days.
func (v *view) Signalled(ctx context.Context, filter string) iter.Seq2[rank.Signalled, error] {
	return func(yield func(rank.Signalled, error) bool) {
		kept, err := v.restricted(catalog.Restriction{Filter: filter})
		if err == nil {
			err = v.before(ctx, "Signalled")
		}
		if err != nil {
			yield(rank.Signalled{}, err)
			return
		}
		for _, e := range kept {
			if s := rank.SignalledOf(e.Record); len(s.Signals) > 0 && !yield(s, nil) {
				return
			}
		}
	}
}
