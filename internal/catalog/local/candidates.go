package local

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

func (w Words) query() lexical.Query {
	if w.Typed {
		return lexical.Query{Text: w.Text, Mode: lexical.ModeSearch}
	}
	return lexical.Query{Text: w.Text, Mode: lexical.ModeText}
}

// Check says what a query's words ask too much of, before anything is looked for.
func (w Words) Check() error {
	if !w.Typed {
		return nil
	}
	return lexical.CheckText(w.Text)
}

// setOf makes a set of what a filter keeps; nil is all. (A nil pointer in an
// interface would be a filter.)
func setOf(keep *roaring.Bitmap) lexical.Set {
	if keep == nil {
		return nil
	}
	return keep
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

// Blend implements View: it finds candidates for a ranking that weighs meaning and
// words.
func (v *view) Blend(ctx context.Context, collection string, q Blend) (*Blended, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	kept, err := m.keepBy(ctx, q.Filter, q.AsOf)
	if err != nil {
		return nil, err
	}
	out := &Blended{Found: m.before(kept)}
	var asked *lexical.Reading // nil without words
	if q.Words.Text != "" {
		if asked, err = m.words.Read(q.Words.query()); err != nil {
			return nil, err
		}
	}
	var words lexical.Result
	var beside errgroup.Group // the words, on another core
	if asked != nil {
		beside.Go(guarded(func() (err error) {
			words, err = asked.Search(ctx, q.K, setOf(kept))
			return err
		}))
	}
	var nearErr error
	if q.Vector != nil {
		out.Found, nearErr = m.near(ctx, q.Neighbors, kept)
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
	if err := m.score(ctx, q, asked, ordinals, known, out); err != nil {
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

// strategy names a plan.
func (m *moment) strategy(plan ann.Plan) Strategy {
	switch {
	case !m.index.walks || plan == ann.PlanScan:
		return ExactScan
	case plan == ann.PlanFilteredWalk:
		return FilteredGraphWalk
	default:
		return GraphWalk
	}
}

// score gives every candidate both scores, of which those of the words may be
// known, and leaves out what the words forbid; asked is nil without words.
func (m *moment) score(ctx context.Context, q Blend, asked *lexical.Reading, ordinals []uint32, known map[uint32]float64, out *Blended) error {
	semantic, err := m.cosines(ctx, q.Vector, ordinals)
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
	if asked != nil {
		scores, err := asked.Score(ctx, unknown)
		if err != nil {
			return err
		}
		for i, o := range unknown {
			known[o] = scores[i]
		}
	}
	if asked != nil && q.Words.Typed { // what the words found is allowed
		allowed, err := asked.Allows(ctx, unknown)
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
		out.Hits = append(out.Hits, rank.Hit{ID: m.ids.at(o), Ordinal: o, Semantic: float64(semantic[i]), Lexical: known[o]})
	}
	slices.SortFunc(out.Hits, func(a, b rank.Hit) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// cosines compares a vector with those of ordinals: 0 without a vector, NaN where
// a paper has none.
func (m *moment) cosines(ctx context.Context, vector []float32, ordinals []uint32) ([]float32, error) {
	out := make([]float32, len(ordinals))
	if vector == nil {
		return out, nil
	}
	scorer, ok := m.index.Index.(ann.Scorer)
	if ok {
		if err := scorer.Scores(out, vector, ordinals); err != nil {
			return nil, err
		}
	}
	for i, o := range ordinals {
		if ok && !math.IsNaN(float64(out[i])) && !m.live.vectors.after(o, m.sequence) {
			continue
		}
		then, err := m.stored(ctx, o)
		if err != nil {
			return nil, err
		}
		out[i] = float32(math.NaN())
		if then != nil {
			out[i] = vec.Dot(vector, then)
		}
	}
	return out, nil
}

// Match is a word that a query and a paper share.
type Match = lexical.Match

// Matches implements View: parallel to ordinals, nil for a paper that is not there.
func (v *view) Matches(ctx context.Context, collection string, words Words, ordinals []uint32) ([][]Match, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	asked, err := m.words.Read(words.query())
	if err != nil {
		return nil, err
	}
	return asked.Matches(ctx, ordinals)
}

// SharedTerms gives the words of a text that a query has too, as the text writes
// them.
func SharedTerms(query, text string) []string { return lexical.Shared(query, text) }
