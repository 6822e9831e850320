package engine

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"akin/internal/paper"
	"akin/internal/rank"
)

// recency blends the scores of a list with how new its papers are, if that is
// asked for, and orders it anew. Equal scores keep to relevance, then to ids.
func (a *asking) recency(ctx context.Context, d *draft) error {
	weight := d.query.options.Recency
	if weight == 0 || len(d.hits) == 0 {
		return nil
	}
	hits := d.hits
	scores := make([]float64, len(hits))
	for i, h := range hits {
		scores[i] = h.Score
	}
	dates, err := a.attributes().Dates(ctx, refsOf(hits))
	if err != nil {
		return err
	}
	halfLife := cmp.Or(d.query.options.HalfLifeDays, DefaultHalfLifeDays)
	decays := rank.Decays(d.query.options.ages(dates, time.Now()), halfLife)
	relevance := make(map[string]float64, len(hits))
	d.decays = make(map[string]float64, len(hits))
	for i, score := range rank.Freshen(scores, decays, weight) {
		h := &hits[i]
		relevance[h.ID], d.decays[h.ID] = h.Score, decays[i]
		h.Score = score
	}
	slices.SortFunc(hits, func(a, b rank.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(relevance[b.ID], relevance[a.ID]), cmp.Compare(a.ID, b.ID))
	})
	return nil
}

// ages gives the ages in days that papers of those dates have at the day of
// AsOf, or now; NaN without a year. A date that is not known to the day counts
// from the first day that it can be, as in filters.
func (o *ResultOptions) ages(dates []paper.Date, now time.Time) []float64 {
	if d, err := paper.ParseDate(o.AsOf); err == nil && !d.IsZero() {
		now = firstDay(d)
	}
	// In seconds: a Duration ends at 292 years.
	today := now.UTC().Truncate(24 * time.Hour).Unix()
	out := make([]float64, len(dates))
	for i, d := range dates {
		if out[i] = math.NaN(); d.Year != 0 {
			out[i] = float64(today-firstDay(d).Unix()) / (24 * 60 * 60)
		}
	}
	return out
}

// firstDay is the first day that a date with a year can be.
func firstDay(d paper.Date) time.Time {
	return time.Date(d.Year, time.Month(max(d.Month, 1)), max(d.Day, 1), 0, 0, 0, 0, time.UTC)
}
