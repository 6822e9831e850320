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
	"akin/internal/catalog"
	"akin/internal/lexical"
	"akin/internal/rank"
	"akin/internal/vec"
)

// read reads the words of a query.
func (v *view) read(w catalog.Words) (*lexical.Reading, error) {
	mode := lexical.ModeText
	switch {
	case w.Typed:
		mode = lexical.ModeSearch
	case w.Marked:
		mode = lexical.ModeMarked
	}
	return v.words.Read(lexical.Query{Text: w.Text, Mode: mode})
}

// setOf makes a set of what a filter keeps; nil is all. (A nil pointer in an
// interface would be a filter.)
func setOf(keep *roaring.Bitmap) lexical.Set {
	if keep == nil {
		return nil
	}
	return keep
}

// Hybrid implements catalog.Finder.
func (v *view) Hybrid(ctx context.Context, q catalog.Hybrid) (catalog.Found, error) {
	keep, err := v.keepBy(ctx, q.Restriction)
	if err != nil {
		return catalog.Found{}, err
	}
	var asked *lexical.Reading // nil without words
	if q.Words.Text != "" {
		if asked, err = v.read(q.Words); err != nil {
			return catalog.Found{}, err
		}
	}
	near, words, err := v.bothSides(ctx, q, asked, keep)
	if err != nil {
		return catalog.Found{}, err
	}
	if near, err = v.beyondExcluded(ctx, q, asked, keep, near); err != nil {
		return catalog.Found{}, err
	}
	out := v.before(keep)
	if q.Vector != nil {
		out.Strategy, out.Visited = near.Strategy, near.Visited
	}
	out.Terms = words.Terms
	ordinals := make([]uint32, 0, len(near.Hits)+len(words.Hits))
	for _, h := range near.Hits {
		ordinals = append(ordinals, h.Handle-1)
	}
	for _, h := range words.Hits {
		ordinals = append(ordinals, h.Ordinal)
	}
	slices.Sort(ordinals)
	out.Hits, err = v.score(ctx, q, asked, slices.Compact(ordinals), near.Hits, words.Hits)
	return out, err
}

// bothSides asks both indexes for candidates at the same time.
func (v *view) bothSides(
	ctx context.Context, q catalog.Hybrid, asked *lexical.Reading, keep *roaring.Bitmap,
) (near catalog.Found, words lexical.Result, err error) {
	var beside errgroup.Group // the words, on another core
	if asked != nil {
		beside.Go(guarded(func() (err error) {
			words, err = asked.Search(ctx, q.K, setOf(keep))
			return err
		}))
	}
	if q.Vector != nil {
		near, err = v.near(ctx, catalog.Probe{Vector: q.Vector, K: q.K}, q.Exact, keep)
	}
	wordsErr := beside.Wait()
	return near, words, errors.Join(wordsErr, err)
}

// fewAllowed is which part of the nearest papers at least are no answer where a query
// excludes so many that those behind them are looked for.
const fewAllowed = 0.9

// beyondExcluded looks for the nearest papers among those that a query does not exclude,
// where that leaves few of the nearest of all.
func (v *view) beyondExcluded(ctx context.Context, q catalog.Hybrid, asked *lexical.Reading, keep *roaring.Bitmap, near catalog.Found) (catalog.Found, error) {
	if asked == nil || !asked.Excludes() || q.Vector == nil || len(near.Hits) < q.K {
		return near, nil
	}
	ordinals := make([]uint32, len(near.Hits))
	for i, h := range near.Hits {
		ordinals[i] = h.Handle - 1
	}
	may, err := asked.Allows(ctx, ordinals)
	if err != nil {
		return near, err
	}
	excluded := 0
	for _, ok := range may {
		if !ok {
			excluded++
		}
	}
	if float64(excluded) < fewAllowed*float64(len(may)) {
		return near, nil
	}
	allowed, err := asked.Allowed(ctx, setOf(keep))
	if err != nil {
		return near, err
	}
	return v.near(ctx, catalog.Probe{Vector: q.Vector, K: q.K}, q.Exact, roaring.BitmapOf(allowed...))
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

// score gives every candidate both scores, of which those of the vector are known of what
// is near it and those of the words of what the words found, and leaves out what the words
// forbid; asked is nil without words. The hits are in order of id.
func (v *view) score(
	ctx context.Context, q catalog.Hybrid, asked *lexical.Reading, ordinals []uint32, near []rank.Hit, found []lexical.Hit,
) ([]rank.Hit, error) {
	semantic, err := v.weighNear(ctx, q.Vector, ordinals, near)
	if err != nil {
		return nil, err
	}
	words, err := weighWords(ctx, asked, q.Words.Typed, ordinals, found)
	if err != nil {
		return nil, err
	}
	hits := make([]rank.Hit, 0, len(ordinals))
	for i, o := range ordinals {
		if math.IsNaN(float64(semantic[i])) || math.IsNaN(words[i]) {
			continue
		}
		h := v.hit(o)
		h.Semantic, h.Lexical = float64(semantic[i]), words[i]
		hits = append(hits, h)
	}
	rank.SortByID(hits)
	return hits, nil
}

// weighWords gives the scores by words of candidates, whose ordinals are sorted: those
// that are known of what the words found, and those of the others. NaN is what a typed
// query does not allow; what its words found it does.
func weighWords(ctx context.Context, asked *lexical.Reading, typed bool, ordinals []uint32, found []lexical.Hit) ([]float64, error) {
	out := make([]float64, len(ordinals))
	if asked == nil {
		return out, nil
	}
	known := slices.Clone(found)
	slices.SortFunc(known, func(a, b lexical.Hit) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
	unknown, places := make([]uint32, 0, len(ordinals)), make([]int, 0, len(ordinals))
	for i, o := range ordinals {
		if len(known) > 0 && known[0].Ordinal == o {
			out[i], known = known[0].Score, known[1:]
			continue
		}
		unknown, places = append(unknown, o), append(places, i)
	}
	scores, err := asked.Score(ctx, unknown)
	if err != nil {
		return nil, err
	}
	var may []bool // nil is all
	if typed {
		if may, err = asked.Allows(ctx, unknown); err != nil {
			return nil, err
		}
	}
	for i, at := range places {
		out[at] = scores[i]
		if may != nil && !may[i] {
			out[at] = math.NaN()
		}
	}
	return out, nil
}

// weighNear gives the cosines of candidates, whose ordinals are sorted, as cosines does:
// those that are known of what was found near the vector, and those of the others. One of 1
// or -1 may have been cut off there, so that it is computed again.
func (v *view) weighNear(ctx context.Context, vector []float32, ordinals []uint32, near []rank.Hit) ([]float32, error) {
	if vector == nil || len(near) == 0 {
		return v.cosines(ctx, vector, ordinals)
	}
	out := make([]float32, len(ordinals))
	known := make([]uint64, 0, len(near)) // an ordinal, and the place of its hit
	for i, h := range near {
		if math.Abs(h.Semantic) < 1 {
			known = append(known, uint64(h.Handle-1)<<32|uint64(i))
		}
	}
	slices.Sort(known)
	unknown, places := make([]uint32, 0, len(ordinals)), make([]int, 0, len(ordinals))
	for i, o := range ordinals {
		if len(known) > 0 && uint32(known[0]>>32) == o {
			out[i], known = float32(near[uint32(known[0])].Semantic), known[1:]
			continue
		}
		unknown, places = append(unknown, o), append(places, i)
	}
	others, err := v.cosines(ctx, vector, unknown)
	for i, at := range places {
		if err == nil {
			out[at] = others[i]
		}
	}
	return out, err
}

// cosines compares a vector with those of ordinals: 0 without a vector, NaN where
// a paper has none.
func (v *view) cosines(ctx context.Context, vector []float32, ordinals []uint32) ([]float32, error) {
	out := make([]float32, len(ordinals))
	if vector == nil {
		return out, nil
	}
	scorer, ok := v.index.Index.(ann.Scorer)
	if ok {
		if err := scorer.Scores(out, vector, ordinals); err != nil {
			return nil, err
		}
	}
	for i, o := range ordinals {
		if ok && !math.IsNaN(float64(out[i])) && !v.changedSince(o) {
			continue
		}
		was, err := v.stored(ctx, o)
		if err != nil {
			return nil, err
		}
		out[i] = float32(math.NaN())
		if was != nil {
			out[i] = vec.Dot(vector, was)
		}
	}
	return out, nil
}
