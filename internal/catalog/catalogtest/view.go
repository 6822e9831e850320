package catalogtest

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	"akin/internal/catalog"
	"akin/internal/filter"
	"akin/internal/paper"
	"akin/internal/rank"
)

// view is a state of a collection, with every capability.
type view struct {
	*state
	of     *Memory
	closed atomic.Bool
}

// errClosed is a fault of the caller's program.
var errClosed = errors.New("catalogtest: the view was closed")

func (v *view) before(ctx context.Context, call string) error {
	if v.closed.Load() {
		return errClosed
	}
	return v.of.before(ctx, call)
}

// Info implements catalog.View.
func (v *view) Info() catalog.Info {
	return catalog.Info{Collection: v.name, Space: v.space, Papers: uint32(len(v.entries)), Sequence: v.sequence}
}

// Close implements catalog.View.
func (v *view) Close() {
	if !v.closed.Swap(true) {
		v.of.open.Add(-1)
	}
}

// find gives the entry that a reference names, or nil.
func (v *view) find(ref paper.Ref) *entry {
	e := v.byID[ref.ID]
	if e == nil || ref.Handle != 0 && ref.Handle != e.Handle {
		return nil
	}
	return e
}

// each makes one value a reference; the zero value for a paper that is not there.
func each[T any](v *view, refs []paper.Ref, of func(e *entry) T) []T {
	out := make([]T, len(refs))
	for i, ref := range refs {
		if e := v.find(ref); e != nil {
			out[i] = of(e)
		}
	}
	return out
}

// copied gives the caller a record of its own.
func (e *entry) copied() *paper.Record {
	r := *e.Record
	r.Paper = r.Clone()
	return &r
}

// Get implements catalog.Papers.
func (v *view) Get(ctx context.Context, refs []paper.Ref) ([]*paper.Record, error) {
	if err := v.before(ctx, "Get"); err != nil {
		return nil, err
	}
	return each(v, refs, (*entry).copied), nil
}

// Vectors implements catalog.Papers.
func (v *view) Vectors(ctx context.Context, refs []paper.Ref) ([][]float32, error) {
	if err := v.before(ctx, "Vectors"); err != nil {
		return nil, err
	}
	return each(v, refs, func(e *entry) []float32 { return e.vector }), nil
}

// List implements catalog.Papers.
func (v *view) List(ctx context.Context, from catalog.Listing) iter.Seq2[*paper.Record, error] {
	return func(yield func(*paper.Record, error) bool) {
		keep, err := filter.Parse(from.Filter)
		if err == nil {
			err = v.before(ctx, "List")
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for _, e := range v.entries {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if e.ID > from.After && keep.Match(e.Record) && !yield(e.copied(), nil) {
				return
			}
		}
	}
}

// restricted gives the entries that count, in order of id.
func (v *view) restricted(r catalog.Restriction) ([]*entry, error) {
	keep, err := filter.Parse(r.Filter)
	if err != nil {
		return nil, err
	}
	until := &filter.Filter{}
	if r.AsOf != "" {
		if until, err = filter.Parse("date <= " + r.AsOf); err != nil {
			return nil, err
		}
	}
	var kept []*entry
	for _, e := range v.entries {
		if keep.Match(e.Record) && until.Match(e.Record) {
			kept = append(kept, e)
		}
	}
	return kept, nil
}

// found is an answer before anything is looked for.
func (v *view) found(kept []*entry, exact bool) catalog.Found {
	f := catalog.Found{Strategy: catalog.ExactScan, Kept: uint32(len(kept))}
	if !exact && v.of.options.Strategy != 0 {
		f.Strategy = v.of.options.Strategy
	}
	return f
}

// Nearest implements catalog.Finder.
func (v *view) Nearest(ctx context.Context, q catalog.Nearest) (catalog.Found, error) {
	if err := v.before(ctx, "Nearest"); err != nil {
		return catalog.Found{}, err
	}
	kept, err := v.restricted(q.Restriction)
	if err != nil {
		return catalog.Found{}, err
	}
	found := v.found(kept, q.Exact)
	union := make(map[*entry]float64)
	for _, p := range q.Probes {
		found.Visited += len(kept)
		for _, e := range best(kept, p.K, func(e *entry) float64 { return cosine(p.Vector, e.vector) }) {
			near := cosine(p.Vector, e.vector)
			if other, ok := union[e]; ok {
				near = max(near, other)
			}
			union[e] = near
		}
	}
	for e, near := range union {
		found.Hits = append(found.Hits, rank.Hit{ID: e.ID, Handle: e.Handle, Score: near, Semantic: near})
	}
	rank.Sort(found.Hits)
	return found, nil
}

// best gives the k entries with the highest scores; ties break by id.
func best(entries []*entry, k int, score func(e *entry) float64) []*entry {
	scores := make(map[*entry]float64, len(entries))
	for _, e := range entries {
		scores[e] = score(e)
	}
	entries = slices.SortedFunc(slices.Values(entries), func(a, b *entry) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), strings.Compare(a.ID, b.ID))
	})
	return entries[:min(max(k, 0), len(entries))]
}

func cosine(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// Hybrid implements catalog.Finder.
func (v *view) Hybrid(ctx context.Context, q catalog.Hybrid) (catalog.Found, error) {
	if err := v.before(ctx, "Hybrid"); err != nil {
		return catalog.Found{}, err
	}
	kept, err := v.restricted(q.Restriction)
	if err != nil {
		return catalog.Found{}, err
	}
	found := v.found(kept, q.Exact)
	asked := v.read(q.Words)
	found.Terms = asked.known()
	near := func(e *entry) float64 { return 0 }
	candidates := make(map[*entry]bool)
	if q.Vector != nil {
		near = func(e *entry) float64 { return cosine(q.Vector, e.vector) }
		found.Visited = len(kept)
		for _, e := range best(kept, q.K, near) {
			candidates[e] = true
		}
	}
	having := slices.DeleteFunc(slices.Clone(kept), func(e *entry) bool { return !asked.found(&e.words) })
	for _, e := range best(having, q.K, func(e *entry) float64 { return asked.score(&e.words) }) {
		candidates[e] = true
	}
	for _, e := range kept { // in order of id
		if candidates[e] && asked.allows(&e.words) {
			found.Hits = append(found.Hits, rank.Hit{ID: e.ID, Handle: e.Handle, Semantic: near(e), Lexical: asked.score(&e.words)})
		}
	}
	return found, nil
}
