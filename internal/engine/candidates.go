package engine

import (
	"context"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/rank"
)

// candidates is the first stage: what the query finds, best first.
func (a *asking) candidates(ctx context.Context, d *draft) error {
	var err error
	if d.query.asksNothing {
		d.kept = a.info.Papers
	} else {
		err = d.query.asked.candidates(ctx, a, d)
	}
	d.answer.Candidates = len(d.hits)
	return err
}

// depth is how many candidates are asked for: enough to find something beside the
// query's own papers.
func (d *draft) depth() int { return MaxResults + len(d.own) }

// nearest finds what is near one vector, and ranks it by the cosine.
func (a *asking) nearest(ctx context.Context, d *draft, vector []float32) error {
	defer d.searching()()
	ctx, end := a.stage(ctx, "candidates")
	defer end()
	found, err := a.view.Nearest(ctx, catalog.Nearest{
		Probes: []catalog.Probe{{Vector: vector, K: d.depth()}}, Exact: d.query.options.Exact, Restriction: d.query.options.restriction(),
	})
	d.take(found)
	return err
}

const (
	// semanticWeight is the semantic side's share of a hybrid score by z-scores.
	semanticWeight = 0.6
	// lexicalWeight is what the greatest lexical score of a list counts against a
	// cosine of 1, where cosines use their range (rank.Usual); docs/quality.md has what it
	// was chosen by.
	lexicalWeight = 0.4
)

// hybrid finds what is near a vector or has words, and ranks it by both; without a
// vector, by words alone.
func (a *asking) hybrid(ctx context.Context, d *draft, vector []float32, words catalog.Words) error {
	d.words = words
	ctx, end := a.stage(ctx, "candidates")
	defer end()
	found, err := a.view.Hybrid(ctx, catalog.Hybrid{
		Vector: vector, Words: words, K: d.depth(), Exact: d.query.options.Exact, Restriction: d.query.options.restriction(),
	})
	if err != nil {
		return err
	}
	a.statistics(words)
	d.take(found)
	err = a.fuse(ctx, d.hits, d.query.mode, d.query.fusion, len(found.Terms) > 0)
	rank.Sort(d.hits)
	return err
}

// fuse sets the scores of candidates. A query none of whose words is in any
// paper goes by meaning alone.
func (a *asking) fuse(ctx context.Context, hits []rank.Hit, mode Mode, fusion Fusion, words bool) error {
	semantic, lexical := make([]float64, len(hits)), make([]float64, len(hits))
	for i, h := range hits {
		semantic[i], lexical[i] = h.Semantic, h.Lexical
	}
	scores := lexical
	switch {
	case mode == Lexical:
	case !words:
		scores = semantic
	case fusion == RRF:
		scores = rank.FuseRRF(semantic, lexical)
	case fusion == ZScore:
		scores = rank.FuseZ(semantic, lexical, semanticWeight)
	default:
		usual, err := a.usual(ctx)
		if err != nil {
			return err
		}
		scores = rank.FuseRelative(semantic, lexical, lexicalWeight*usual.Room())
	}
	for i := range hits {
		hits[i].Score = scores[i]
	}
	return nil
}

// embedOne embeds the text of a query and notes what was read of it.
func embedOne(ctx context.Context, model Model, out *Answer, text string, role embed.Role) ([]float32, error) {
	got, timing, err := model.Embed(ctx, []string{text}, embed.Options{Role: role})
	if err != nil {
		return nil, err
	}
	out.QueryTokens, out.Truncated, out.Timing.Timing = got[0].Tokens, got[0].Truncated, timing
	return got[0].Vector, nil
}
