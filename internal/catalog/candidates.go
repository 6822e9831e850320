package catalog

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

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

func (w Words) query(k int, keep ann.Set) lexical.Query {
	q := lexical.Query{Text: w.Text, Mode: lexical.ModeText, K: k}
	if w.Typed {
		q.Mode = lexical.ModeSearch
	}
	if keep != nil {
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
	// LexicalTime is how long the words took.
	LexicalTime time.Duration
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
	var keep ann.Set
	if kept != nil {
		keep = kept
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	out := &Blended{Found: Found{Sequence: l.sequence, Strategy: ExactScan, Kept: l.papers}}
	if kept != nil {
		out.Kept = uint32(kept.GetCardinality())
	}
	var ordinals []uint32
	if q.Vector != nil {
		if ordinals, err = l.near(ctx, q, keep, &out.Found); err != nil {
			return nil, err
		}
	}
	begin := time.Now()
	if q.Words.Text != "" {
		found, err := l.words.Search(ctx, q.Words.query(q.K, keep))
		if err != nil {
			return nil, err
		}
		out.Terms = found.Terms
		for _, h := range found.Hits {
			ordinals = append(ordinals, h.Ordinal)
		}
	}
	slices.Sort(ordinals)
	ordinals = slices.Compact(ordinals)
	if err := c.score(ctx, l, q, ordinals, out); err != nil {
		return nil, err
	}
	out.LexicalTime = time.Since(begin)
	return out, nil
}

// near finds the semantic candidates. The caller holds the read lock.
func (l *live) near(ctx context.Context, q Blend, keep ann.Set, found *Found) ([]uint32, error) {
	query := ann.Query{Vector: q.Vector, K: q.K, Exact: q.Exact, Keep: keep}
	got, err := l.index.Search(ctx, query)
	if err != nil {
		return nil, err
	}
	found.Visited = got.Visited
	found.Strategy = l.strategy(got.Plan)
	ordinals := make([]uint32, len(got.Neighbors))
	for i, n := range got.Neighbors {
		ordinals[i] = n.Ordinal
	}
	return ordinals, nil
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

// score gives every candidate both scores, and leaves out what the words forbid.
// The caller holds the read lock.
func (c *Embedded) score(ctx context.Context, l *live, q Blend, ordinals []uint32, out *Blended) error {
	semantic := make([]float32, len(ordinals))
	if q.Vector != nil {
		scorer, ok := l.index.(ann.Scorer)
		if !ok { // the baseline keeps no vectors that could be asked for
			scorer = stored{ctx, c, l}
		}
		if err := scorer.Scores(semantic, q.Vector, ordinals); err != nil {
			return err
		}
	}
	lexicalScores, allowed := make([]float64, len(ordinals)), []bool(nil)
	if q.Words.Text != "" {
		var err error
		if lexicalScores, err = l.words.Score(ctx, q.Words.query(1, nil), ordinals); err != nil {
			return err
		}
		if q.Words.Typed {
			if allowed, err = l.words.Allows(ctx, q.Words.query(1, nil), ordinals); err != nil {
				return err
			}
		}
	}
	for i, o := range ordinals {
		if math.IsNaN(float64(semantic[i])) || allowed != nil && !allowed[i] {
			continue
		}
		out.Hits = append(out.Hits, rank.Hit{ID: l.ids[o], Ordinal: o, Semantic: float64(semantic[i]), Lexical: lexicalScores[i]})
	}
	slices.SortFunc(out.Hits, func(a, b rank.Hit) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// Match is a word that a query and a paper share.
type Match = lexical.Match

// Matches tells which words of a query papers have, for those ids that are
// there.
func (c *Embedded) Matches(ctx context.Context, collection string, words Words, ids []string) (map[string][]Match, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	records, err := c.Get(ctx, collection, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]Match, len(records))
	for i := range records {
		// A paper that was deleted meanwhile has none.
		if found, err := l.words.MatchedTerms(words.query(1, nil), records[i].Ordinal); err == nil {
			out[records[i].ID] = found
		}
	}
	return out, nil
}

// stored scores with the vectors of the store.
type stored struct {
	ctx context.Context //nolint:containedctx // the life of one call
	c   *Embedded
	l   *live
}

// Scores implements ann.Scorer.
func (s stored) Scores(dst, query []float32, ordinals []uint32) error {
	vectors, err := s.c.vectors(s.ctx, s.l, ordinals)
	if err != nil {
		return err
	}
	for i, v := range vectors {
		dst[i] = float32(math.NaN())
		if v != nil {
			dst[i] = vec.Dot(query, v)
		}
	}
	return nil
}

// Vector implements ann.Scorer.
func (s stored) Vector(ordinal uint32) ([]float32, bool) {
	vectors, err := s.c.vectors(s.ctx, s.l, []uint32{ordinal})
	return vectors[0], err == nil && vectors[0] != nil
}
