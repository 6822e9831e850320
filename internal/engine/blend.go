package engine

import (
	"context"
	"strconv"
	"strings"
	"time"

	catalog "akin/internal/catalog/local"
	"akin/internal/rank"
)

// semanticWeight is the semantic side's share of a hybrid score, in searches and
// more like this; docs/quality.md has what it was chosen by.
const semanticWeight = 0.6

// blend says how a query weighs meaning and words.
func (q *query) blend(mode Mode, fusion Fusion) {
	q.mode, q.fusion = mode, fusion
	q.parts = append(q.parts, strconv.Itoa(int(mode)), strconv.Itoa(int(fusion)))
}

// wordsOf is the lexical side of more like this: the words of the query papers,
// or of the text.
func (e *asking) wordsOf(ctx context.Context, collection string, examples []Example) (catalog.Words, error) {
	if t := examples[0].Text; t != nil {
		return catalog.Words{Text: t.Title + "\n" + t.Abstract}, nil
	}
	records, err := e.catalog.Get(ctx, collection, idsOf(examples))
	if err != nil {
		return catalog.Words{}, err
	}
	var text strings.Builder
	for i := range records {
		text.WriteString(records[i].Title + "\n" + records[i].Abstract + "\n")
	}
	return catalog.Words{Text: text.String()}, nil
}

// blended ranks by meaning and words, or by words alone.
func (e *asking) blended(ctx context.Context, q *query, list *pinned) (catalog.Found, error) {
	ask := catalog.Blend{Neighbors: q.neighbors(nil, MaxResults+len(q.leaveOut))}
	var err error
	if q.mode == Hybrid {
		if ask.Vector, err = q.vector(ctx, q.collection, &list.answer); err != nil {
			return catalog.Found{}, err
		}
	}
	begin := time.Now()
	defer func() { list.answer.Timing.Search = time.Since(begin) }()
	if ask.Words, err = q.words(ctx, q.collection); err != nil {
		return catalog.Found{}, err
	}
	list.words = ask.Words
	got, err := e.catalog.Blend(ctx, q.collection, ask)
	if err != nil {
		return catalog.Found{}, err
	}
	found := got.Found
	found.Hits = got.Hits
	q.fuse(found.Hits, len(got.Terms) > 0)
	rank.Sort(found.Hits)
	return found, nil
}

// fuse sets the scores of candidates. A query none of whose words is in any
// paper goes by meaning alone.
func (q *query) fuse(hits []rank.Hit, words bool) {
	semantic, lexical := make([]float64, len(hits)), make([]float64, len(hits))
	for i, h := range hits {
		semantic[i], lexical[i] = h.Semantic, h.Lexical
	}
	scores := lexical
	switch {
	case q.mode == Lexical:
	case !words:
		scores = semantic
	case q.fusion == RRF:
		scores = rank.FuseRRF(semantic, lexical)
	default:
		scores = rank.FuseZ(semantic, lexical, semanticWeight)
	}
	for i := range hits {
		hits[i].Score = scores[i]
	}
}
