package engine

import (
	"context"
	"math"
	"slices"
	"time"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// leastWeight is what age leaves of an example's weight.
const leastWeight = 1e-6

// Recommend answers a taste.
func (e *Engine) Recommend(ctx context.Context, req RecommendRequest) (*Answer, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	// What is done to the weights of examples is no part of the key, since it follows
	// from the request.
	aged := recommend{RecommendRequest: req}
	aged.Positive, aged.Negative = slices.Clone(req.Positive), slices.Clone(req.Negative)
	if err := aged.age(); err != nil {
		return nil, err
	}
	level(aged.Positive, aged.Negative)
	if err := req.ResultOptions.check(); err != nil {
		return nil, err
	}
	a, err := e.ask(ctx, req.Collection)
	if err != nil {
		return nil, err
	}
	defer a.close()
	req.Collection = a.info.Collection
	return a.answer(ctx, &query{
		key: keyOf(req), collection: req.Collection, options: req.ResultOptions, ownField: "positive", asked: &aged,
	})
}

// check says what is wrong with the examples.
func (r *RecommendRequest) check() error {
	if len(r.Positive) == 0 {
		return paper.InvalidField("positive", "is empty; give 1 to %d liked papers", MaxExamples)
	}
	if err := checkExamples("positive", r.Positive); err != nil {
		return err
	}
	if err := checkExamples("negative", r.Negative); err != nil {
		return err
	}
	if n := len(r.Exclude); n > MaxExclude {
		return paper.InvalidField("exclude", "has %d items; the limit is %d", n, MaxExclude)
	}
	return distinct(r.Positive, r.Negative)
}

// recommend is a taste whose examples have the weights that they count with.
type recommend struct{ RecommendRequest }

// identify implements asked. Under whatever names, no example may stand twice.
func (r *recommend) identify(ctx context.Context, a *asking) error {
	if err := a.identify(ctx, namedExamples("positive", r.Positive), namedExamples("negative", r.Negative)); err != nil {
		return err
	}
	return distinct(r.Positive, r.Negative)
}

// own implements asked.
func (r *recommend) own() (ids []string, texts []catalog.Text) {
	all := slices.Concat(r.Positive, r.Negative)
	return append(idsOf(all), r.Exclude...), textsOf(all)
}

// candidates implements asked.
func (r *recommend) candidates(ctx context.Context, a *asking, d *draft) error {
	if r.Strategy == MeanVector {
		vector, err := a.combine(ctx, "positive", r.Positive, "negative", r.Negative)
		if err != nil {
			return err
		}
		return a.nearest(ctx, d, vector)
	}
	return a.taste(ctx, d, r)
}

// evidenceSources implements asked: results are compared with what is liked.
func (r *recommend) evidenceSources(ctx context.Context, a *asking, by drivers, results []paper.Ref) ([]*evidenceSource, error) {
	return a.exampleSources(ctx, r.Positive, by, results)
}

// age lowers the weights of examples by how much older they are than the newest.
func (r *RecommendRequest) age() error {
	if r.HalfLifeDays == 0 {
		return nil
	}
	if math.IsNaN(r.HalfLifeDays) || r.HalfLifeDays < 0 || r.HalfLifeDays > MaxHalfLifeDays {
		return paper.InvalidField("half_life_days", "is %v; it must be above 0 and at most %d days, or 0, which is off", r.HalfLifeDays, MaxHalfLifeDays)
	}
	var newest time.Time
	for _, list := range [][]Example{r.Positive, r.Negative} {
		for _, x := range list {
			if x.Time.After(newest) {
				newest = x.Time
			}
		}
	}
	if newest.IsZero() {
		return paper.InvalidField("half_life_days", "is %v, but no example has a time; say when they were liked, or leave it out", r.HalfLifeDays)
	}
	for _, list := range [][]Example{r.Positive, r.Negative} {
		for i := range list {
			x := &list[i]
			if x.Weight == 0 {
				x.Weight = 1
			}
			if !x.Time.IsZero() {
				x.Weight *= math.Max(leastWeight, math.Exp2(-newest.Sub(x.Time).Hours()/24/r.HalfLifeDays))
			}
		}
	}
	return nil
}

// level makes the heaviest like count 1, since only the ratios of their weights
// matter, and nothing less than a millionth of that.
func level(likes, dislikes []Example) {
	heaviest := 0.0
	for _, x := range likes {
		heaviest = math.Max(heaviest, x.weight())
	}
	for i := range likes {
		likes[i].Weight = math.Max(leastWeight, likes[i].weight()/heaviest)
	}
	for i := range dislikes {
		dislikes[i].Weight = math.Max(leastWeight, dislikes[i].weight())
	}
}
