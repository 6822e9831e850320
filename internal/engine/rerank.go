package engine

import (
	"context"
	"time"

	"akin/internal/rank"
)

// rerank orders the first hits anew by their sentences (rank.Rerank).
func (a *asking) rerank(ctx context.Context, d *draft) error {
	hits := d.hits[:min(len(d.hits), d.query.rerank)]
	if len(hits) < 2 {
		return nil
	}
	begin := time.Now()
	refs := refsOf(hits)
	records, err := a.view.Get(ctx, refs)
	if err != nil {
		return err
	}
	texts := make([]Text, len(refs)) // empty for those deleted meanwhile
	for i, r := range records {
		if r != nil {
			texts[i] = Text{r.Title, r.Abstract}
		}
	}
	compared, err := a.readBoth(ctx, d.query, d.drivers, refs, texts)
	if err != nil {
		return err
	}
	near := make([]float64, len(hits))
	for i, c := range compared {
		var source [][]float32
		if c.with != nil {
			source = c.with.vectors
		}
		near[i] = rank.SentenceSimilarity(source, c.result.vectors)
	}
	rank.Rerank(hits, near)
	d.answer.Timing.Search += time.Since(begin)
	return nil
}
