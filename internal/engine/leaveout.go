package engine

import (
	"context"
	"slices"

	"akin/internal/rank"
)

// leaveOut takes the query's own papers out of a list, and what min_score refuses.
func (a *asking) leaveOut(ctx context.Context, d *draft) (err error) {
	if d.tally.own, err = a.takeOutOwn(ctx, d); err != nil {
		return err
	}
	least := d.query.options.MinScore
	if least == nil {
		return nil
	}
	d.hits = slices.DeleteFunc(d.hits, func(h rank.Hit) bool {
		if !below(h.Semantic, *least) {
			return false
		}
		if d.tally.belowScore == 0 || h.Semantic > d.tally.bestRefused {
			d.tally.bestRefused = h.Semantic
		}
		d.tally.belowScore++
		return true
	})
	return nil
}

// takeOutOwn takes the query's own papers out of a list, those that it names and
// those that have one of its texts, and says how many it took out. It may be called
// again.
func (a *asking) takeOutOwn(ctx context.Context, d *draft) (int, error) {
	own := d.ownSet()
	if _, texts := d.query.asked.own(); len(texts) > 0 && len(d.hits) > 0 {
		same, err := a.versions().SameTexts(ctx, texts, refsOf(d.hits))
		if err != nil {
			return 0, err
		}
		for i, h := range d.hits {
			if same[i] && !own[h.ID] {
				own[h.ID] = true
				d.own = append(d.own, h.ID)
			}
		}
	}
	before := len(d.hits)
	d.hits = slices.DeleteFunc(d.hits, func(h rank.Hit) bool { return own[h.ID] })
	return before - len(d.hits), nil
}

// ownSet are the ids in own.
func (d *draft) ownSet() map[string]bool {
	set := make(map[string]bool, len(d.own))
	for _, id := range d.own {
		set[id] = true
	}
	return set
}

// below says whether a cosine is less than another by more than sums of float32
// are wrong, so that a paper's own cosine is not below 1.
func below(cosine, least float64) bool { return cosine < least-cosineError }

const cosineError = 1e-6
