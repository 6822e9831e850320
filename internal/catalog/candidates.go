package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"akin/internal/ann"
	"akin/internal/lexical"
	"akin/internal/rank"
	"akin/internal/vec"
)

// Words is the lexical part of a query.
type Words struct {
	Text string
	// Typed reads the syntax of searches: "phrases", -exclusions, prefix*.
	// Otherwise the text is a bag of words.
	Typed bool
}

func (w Words) query(k int, keep *roaring.Bitmap) lexical.Query {
	q := lexical.Query{Text: w.Text, Mode: lexical.ModeText, K: k}
	if w.Typed {
		q.Mode = lexical.ModeSearch
	}
	if keep != nil { // a nil pointer in an interface would be a filter
		q.Keep = keep
	}
	return q
}

// Blend asks for the papers that are near a vector, or have a query's words, or
// both.
type Blend struct {
	// Neighbors is the semantic side; without a vector there is none.
	Neighbors
	// Words is the lexical side; without text there is none.
	Words Words
	// K, of Neighbors, is how many each side brings in.
}

// Blended are the candidates that the two sides brought in, in no order that
// means anything, each with both scores.
type Blended struct {
	// Hits have the cosine as Semantic (0 without a vector) and BM25 as Lexical
	// (0 without text, and for papers that have none of the words).
	Hits []rank.Hit
	// Terms are the words that were looked for.
	Terms []string
	Found
}

// Blend finds candidates for a ranking that weighs meaning and words.
func (c *Embedded) Blend(ctx context.Context, collection string, q Blend) (*Blended, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	kept, err := c.keepBy(ctx, l, q.Filter, q.AsOf)
	if err != nil {
		return nil, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	out := &Blended{Found: l.before(kept)}
	var words lexical.Result
	var beside errgroup.Group // the words, on another core
	if q.Words.Text != "" {
		beside.Go(guarded(func() (err error) {
			words, err = l.words.Search(ctx, q.Words.query(q.K, kept))
			return err
		}))
	}
	var nearErr error
	if q.Vector != nil {
		out.Found, nearErr = l.near(ctx, q.Neighbors, kept)
	}
	if err := errors.Join(beside.Wait(), nearErr); err != nil {
		return nil, err
	}
	ordinals := make([]uint32, len(out.Found.Hits))
	for i, h := range out.Found.Hits {
		ordinals[i] = h.Ordinal
	}
	known := make(map[uint32]float64)
	out.Terms = words.Terms
	for _, h := range words.Hits {
		ordinals = append(ordinals, h.Ordinal)
		known[h.Ordinal] = h.Score
	}
	slices.Sort(ordinals)
	ordinals = slices.Compact(ordinals)
	if err := c.score(ctx, l, q, ordinals, known, out); err != nil {
		return nil, err
	}
	return out, nil
}

// guarded makes a panic of a goroutine an error, as the server makes it of those of
// its callers.
func guarded(f func() error) func() error {
	return func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return f()
	}
}

// strategy names a plan. The caller holds the read lock.
func (l *live) strategy(plan ann.Plan) Strategy {
	switch {
	case !l.walks || plan == ann.PlanScan:
		return ExactScan
	case plan == ann.PlanFilteredWalk:
		return FilteredGraphWalk
	default:
		return GraphWalk
	}
}

// score gives every candidate both scores, of which those of the words may be
// known, and leaves out what the words forbid. The caller holds the read lock.
func (c *Embedded) score(ctx context.Context, l *live, q Blend, ordinals []uint32, known map[uint32]float64, out *Blended) error {
	semantic, err := c.cosines(ctx, l, q.Vector, ordinals)
	if err != nil {
		return err
	}
	var unknown []uint32
	for _, o := range ordinals {
		if _, ok := known[o]; !ok {
			unknown = append(unknown, o)
		}
	}
	forbidden := make(map[uint32]bool)
	if q.Words.Text != "" {
		scores, err := l.words.Score(ctx, q.Words.query(1, nil), unknown)
		if err != nil {
			return err
		}
		for i, o := range unknown {
			known[o] = scores[i]
		}
	}
	if q.Words.Typed { // what the words found is allowed
		allowed, err := l.words.Allows(ctx, q.Words.query(1, nil), unknown)
		if err != nil {
			return err
		}
		for i, o := range unknown {
			forbidden[o] = !allowed[i]
		}
	}
	for i, o := range ordinals {
		if math.IsNaN(float64(semantic[i])) || forbidden[o] {
			continue
		}
		out.Hits = append(out.Hits, rank.Hit{ID: l.ids[o], Ordinal: o, Semantic: float64(semantic[i]), Lexical: known[o]})
	}
	slices.SortFunc(out.Hits, func(a, b rank.Hit) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// cosines compares a vector with those of ordinals: 0 without a vector, NaN where
// a paper has none. The caller holds the read lock.
func (c *Embedded) cosines(ctx context.Context, l *live, vector []float32, ordinals []uint32) ([]float32, error) {
	out := make([]float32, len(ordinals))
	if vector == nil {
		return out, nil
	}
	if scorer, ok := l.index.(ann.Scorer); ok {
		return out, scorer.Scores(out, vector, ordinals)
	}
	vectors, err := c.storedVectors(ctx, l, ordinals)
	if err != nil {
		return nil, err
	}
	for i, v := range vectors {
		out[i] = float32(math.NaN())
		if v != nil {
			out[i] = vec.Dot(vector, v)
		}
	}
	return out, nil
}

// Match is a word that a query and a paper share.
type Match = lexical.Match

// Matches tells which words of a query papers have: parallel to ordinals, nil for
// a paper that is not there.
func (c *Embedded) Matches(_ context.Context, collection string, words Words, ordinals []uint32) ([][]Match, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	out := make([][]Match, len(ordinals))
	for i, o := range ordinals {
		// A paper that was deleted meanwhile has none.
		if found, err := l.words.MatchedTerms(words.query(1, nil), o); err == nil {
			out[i] = found
		}
	}
	return out, nil
}

// SharedTerms gives the words of a text that a query has too, as the text writes
// them.
func SharedTerms(query, text string) []string { return lexical.Shared(query, text) }
