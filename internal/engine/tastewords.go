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

// weighWords makes the scores of a taste hybrid. Two things speak for a paper: how
// near its vector is to the likes, and how many words it shares with them. Each is
// measured in deviations from its mean over a sample of the collection, so that one
// does not outweigh the other, and the two are weighed. What a dislike takes away is
// taken away after that, so that it raises nothing. Examples that are texts have no
// part in the words. Where the catalog tells no words, or has no sample, the scores
// stay as they are: by vectors alone.
func (a *asking) weighWords(ctx context.Context, r *recommend, t *tasted, contributions [][]rank.Contribution, p *pool) error {
	if len(idsOf(r.Positive)) == 0 {
		return nil
	}
	c, hasTerms := a.terms()
	sampler, samples := a.sampler()
	if !hasTerms || !samples {
		return nil
	}
	words, err := likedWords(ctx, c, r.Positive)
	if err != nil {
		return err
	}
	usual, err := a.background(ctx, sampler, usualPapers)
	if err != nil {
		return err
	}
	usualContributions, err := t.judge(ctx, usual, rank.TopLikes)
	if err != nil {
		return err
	}
	reference, _, err := nearAndWords(ctx, c, usualContributions, usual, words)
	if err != nil {
		return err
	}
	papers, penalty, err := nearAndWords(ctx, c, contributions, p, words)
	if err != nil {
		return err
	}
	for i, score := range rank.FuseTaste(papers, reference, penalty, tasteWeight) {
		p.hits[i].Score, p.hits[i].Lexical = score, papers.Words[i]
	}
	return nil
}

// likedWords are the words of the likes that are papers.
func likedWords(ctx context.Context, c catalog.Terms, likes []Example) (*rank.TermExamples, error) {
	all, err := exampleTerms(ctx, c, likes)
	if err != nil {
		return nil, err
	}
	var terms [][]rank.Term
	var weights []float64
	for i, x := range likes {
		if x.Text == nil {
			terms, weights = append(terms, all[i]), append(weights, x.weight())
		}
	}
	return rank.NewTermExamples(terms, weights), nil
}

// nearAndWords tells apart what likes give to the scores of papers and what
// dislikes take away, and compares the papers' words with those of the likes.
func nearAndWords(
	ctx context.Context, c catalog.Terms, contributions [][]rank.Contribution, p *pool, words *rank.TermExamples,
) (taste rank.Taste, penalty []float64, err error) {
	terms, err := c.Terms(ctx, refsOf(p.hits))
	if err != nil {
		return rank.Taste{}, nil, err
	}
	n := len(p.hits)
	taste, penalty = rank.Taste{Near: make([]float64, n), Words: make([]float64, n)}, make([]float64, n)
	var scratch []float64
	for i := range p.hits {
		for _, one := range contributions[i] {
			if one.Liked {
				taste.Near[i] += one.Value
			} else {
				penalty[i] += one.Value
			}
		}
		taste.Words[i], scratch = words.Mean(terms[i], scratch)
	}
	return taste, penalty, nil
}
