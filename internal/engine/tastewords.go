package engine

import (
	"context"

	"akin/internal/catalog"
	"akin/internal/rank"
)

const (
	// tasteWeight is the semantic side's share of a hybrid taste; docs/quality.md
	// has what it was chosen by.
	tasteWeight = 0.5
	// usualPapers is how many papers of the collection say how similarities are
	// spread.
	usualPapers = 500
)

// exampleTerms gives the tf-idf vectors of examples, parallel to them; nil for those
// that are texts, or not there.
func exampleTerms(ctx context.Context, c catalog.Terms, examples []Example) ([][]rank.Term, error) {
	known, err := c.Terms(ctx, catalog.Refs(idsOf(examples)...))
	if err != nil {
		return nil, err
	}
	out := make([][]rank.Term, len(examples))
	for i, x := range examples {
		if x.Text == nil {
			out[i], known = known[0], known[1:]
		}
	}
	return out, nil
}

// hybridTaste makes the scores of a taste, and tells what each example contributes. Two
// things speak for a paper: how near its vector is to the likes, and how many words it
// shares with them. Each is measured in deviations from its mean over a sample of the
// collection, so that one does not outweigh the other, and the two are weighed. What a
// dislike takes away is taken away after that, so that it raises nothing. Examples that
// are texts have no part in the words. Where the likes are of several interests, each
// gets its share (interests.go). Where the catalog has no sample, papers are scored by
// vectors alone; where it tells no words, interests are.
func (a *asking) hybridTaste(ctx context.Context, r *recommend, t *tasted, p *pool) ([][]rank.Contribution, error) {
	var c catalog.Terms
	if len(idsOf(r.Positive)) > 0 {
		c, _ = a.terms()
	}
	sampler, samples := a.sampler()
	if !samples {
		return p.judge(ctx, t.bench(nil, 1, rank.TopLikes))
	}
	usual, err := a.background(ctx, sampler, usualPapers)
	if err != nil {
		return nil, err
	}
	i := newInterested(t, usual)
	words, err := i.likedWords(ctx, c, r.Positive)
	if err != nil {
		return nil, err
	}
	reference, err := i.measure(ctx, c, words, usual, nil)
	if err != nil {
		return nil, err
	}
	spreads := reference.spreads()
	papers, err := i.measure(ctx, c, words, p, spreads)
	if err != nil {
		return nil, err
	}
	if c != nil {
		for at, score := range rank.FuseTaste(papers.all, reference.all, papers.penalty, tasteWeight) {
			p.hits[at].Score, p.hits[at].Lexical = score, papers.all.Words[at]
		}
	}
	i.share(p, papers, spreads)
	return papers.parts, nil
}
