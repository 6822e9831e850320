package engine

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"akin/internal/paper"
	"akin/internal/rank"
)

// The half-life of recency, in days.
const (
	DefaultHalfLifeDays = 365
	// MaxHalfLifeDays is that of likes as well.
	MaxHalfLifeDays = 36_500
)

// checkShape says what is wrong with the options that shape a list.
func (o *ResultOptions) checkShape() error {
	if r := o.Recency; math.IsNaN(r) || r < 0 || r > 1 {
		return paper.InvalidField("recency", "is %v; it must be between 0, which is off, and 1", r)
	}
	if d := o.HalfLifeDays; math.IsNaN(d) || d < 0 || d > MaxHalfLifeDays {
		return paper.InvalidField("recency_half_life_days", "is %v; it must be above 0 and at most %d (0 means %d)", d, MaxHalfLifeDays, DefaultHalfLifeDays)
	}
	return o.checkGroups()
}

// shapeKey has what of the options shapes a list.
func (o *ResultOptions) shapeKey() []string {
	return []string{number(o.Recency), number(o.HalfLifeDays), strconv.Itoa(int(o.GroupBy)), strconv.Itoa(o.GroupSize)}
}

// freshen blends the scores of a list with the recency of its papers, if that is
// asked for, and orders it anew. Equal scores keep to relevance, then to ids.
func (e *asking) freshen(ctx context.Context, q *query, hits []rank.Hit) error {
	if q.options.Recency == 0 || len(hits) == 0 {
		return nil
	}
	scores := make([]float64, len(hits))
	for i, h := range hits {
		scores[i] = h.Score
	}
	dates, err := e.catalog.Dates(ctx, q.collection, ordinalsOf(hits))
	if err != nil {
		return err
	}
	halfLife := cmp.Or(q.options.HalfLifeDays, DefaultHalfLifeDays)
	decays := rank.Decays(q.options.ages(dates, time.Now()), halfLife)
	relevance := make(map[string]float64, len(hits))
	decayOf := make(map[string]float64, len(hits))
	for i, score := range rank.Freshen(scores, decays, q.options.Recency) {
		h := &hits[i]
		relevance[h.ID], decayOf[h.ID] = h.Score, decays[i]
		h.Score = score
	}
	slices.SortFunc(hits, func(a, b rank.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(relevance[b.ID], relevance[a.ID]), cmp.Compare(a.ID, b.ID))
	})
	q.decays = decayOf
	return nil
}

// keepDecays pins the recency of the hits that are left.
func (l *pinned) keepDecays(q *query) {
	if q.decays == nil {
		return
	}
	l.decays = make([]float64, len(l.hits))
	for i, h := range l.hits {
		l.decays[i] = q.decays[h.ID]
	}
}

// shape fills in what a result has by its place in the list.
func (l *pinned) shape(r *Result) {
	at := r.Rank - 1
	if l.decays != nil {
		r.Recency = l.decays[at]
	}
	if l.groupOf != nil {
		r.Group = l.answer.Groups[l.groupOf[at]].Key
	}
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
