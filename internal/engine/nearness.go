package engine

import (
	"context"
	"math"
	"slices"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

// Nearness says whether there is anything near a query.
type Nearness int

// What there can be.
const (
	// NearEnough: there is, or nobody knows.
	NearEnough Nearness = iota
	// NoWords: the query has no words, or only such as are in every text.
	NoWords
	// UnknownWords: no paper has most of its words, and by meaning nothing is near.
	UnknownWords
	// NothingNear: the nearest paper is no nearer than papers of the collection are to
	// each other.
	NothingNear
)

// surelyNear is a cosine that is near in every collection, where cosines use their range
// (rank.Usual).
const surelyNear = 0.4

// rarePart is of how many papers of a collection one has a word that texts of its language
// hardly have.
const rarePart = 5000

// tellNearness says that nothing is near a query, by its vector and its words. Results
// stay what they are.
func (s *search) tellNearness(ctx context.Context, a *asking, d *draft) error {
	if s.Mode == Lexical || s.titled || len(d.hits) == 0 || len(d.answer.Names) > 0 {
		return nil
	}
	strange, err := a.strange(ctx, s.typed.Asked)
	if err != nil {
		return err
	}
	if strange {
		d.answer.Nearness = UnknownWords
		return nil
	}
	nearest := math.Inf(-1)
	for _, h := range d.hits {
		nearest = max(nearest, h.Semantic)
	}
	usual, err := a.usual(ctx)
	if err != nil || nearest >= usual.Cosine(surelyNear) {
		return err
	}
	unknown, known := 0, 1
	if speller, ok := a.view.(catalog.Spelling); ok {
		rare, others, err := speller.Rare(ctx, s.typed.Asked, 0)
		if err != nil {
			return err
		}
		unknown, known = len(rare), others
	}
	d.answer.Nearness = farness(s.typed.Asked, nearest, usual, unknown, known)
	if d.answer.Nearness == NothingNear && unknown == 0 && known > 1 {
		titled, err := a.allInTitle(ctx, s.typed.Asked, known, refsOf(d.hits[:min(len(d.hits), titlesAsked)]))
		if err != nil || titled {
			d.answer.Nearness = NearEnough
		}
		return err
	}
	return nil
}

// titlesAsked is of how many papers the titles are compared with a query that seems far.
const titlesAsked = 10

// allInTitle says whether one of some papers has all words of a text in its title, of which
// there are so many: "beta VAE" is what such a paper is about, however far its vector is.
func (a *asking) allInTitle(ctx context.Context, text string, words int, refs []paper.Ref) (bool, error) {
	found, err := a.matcher().Matches(ctx, catalog.Words{Text: text}, refs)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(found, func(matches []catalog.WordMatch) bool {
		inTitle := 0
		for _, m := range matches {
			if m.Title > 0 {
				inTitle++
			}
		}
		return inTitle >= words
	}), nil
}

// farness says what a query lacks whose nearest paper is not surely near, of whose words
// some are unknown to the collection and others known.
func farness(text string, nearest float64, usual rank.Usual, unknown, known int) Nearness {
	switch wordless := unknown+known == 0; {
	case wordless && wordsIn(text) <= catalog.MostSpelled:
		return NoWords
	case usual == rank.Usual{}:
		return NearEnough
	case unknown > 0 && known == 0:
		return UnknownWords // what is left is chance
	case nearest >= usual.Mean+usual.Deviation: // as one in six pairs of papers are
		return NearEnough
	case nearest >= surelyNear && unknown == 0:
		// Papers are all alike, by the model or by what they are about; which, nobody knows.
		return NearEnough
	case unknown > 2*known:
		return UnknownWords
	}
	return NothingNear
}

// strange says whether a text is in another language than English, and the collection
// too: many of its words are in hardly any paper. A model of English finds something near
// all the same, by words that look alike.
func (a *asking) strange(ctx context.Context, text string) (bool, error) {
	speller, ok := a.view.(catalog.Spelling)
	if !ok || !foreign(text) {
		return false, nil
	}
	rare, others, err := speller.Rare(ctx, text, int(a.info.Papers)/rarePart)
	return len(rare) > 0 && 2*len(rare) >= others, err
}
