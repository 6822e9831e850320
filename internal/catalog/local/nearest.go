package local

import (
	"context"
	"math"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/ann"
	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
	"akin/internal/vec"
)

// Nearest implements catalog.Finder.
func (v *view) Nearest(ctx context.Context, q catalog.Nearest) (catalog.Found, error) {
	keep, err := v.keepBy(ctx, q.Restriction)
	if err != nil {
		return catalog.Found{}, err
	}
	out := v.before(keep)
	places := make(map[uint32]int) // of handles in out.Hits
	for i, p := range q.Probes {
		found, err := v.near(ctx, p, q.Exact, keep)
		if err != nil {
			return catalog.Found{}, err
		}
		out.Strategy, out.Visited = max(out.Strategy, found.Strategy), out.Visited+found.Visited
		if len(q.Probes) == 1 {
			out.Hits = found.Hits
			break
		}
		out.Hits = merge(out.Hits, found.Hits, places, i == len(q.Probes)-1)
	}
	rank.Sort(out.Hits)
	return out, nil
}

// merge puts what another probe found to what those before it did, each paper once and
// with the greatest of its scores. places are where the handles of hits are; the last
// probe's need not be remembered.
func merge(hits, more []rank.Hit, places map[uint32]int, last bool) []rank.Hit {
	for _, h := range more {
		at, known := places[h.Handle]
		switch {
		case !known:
			if !last {
				places[h.Handle] = len(hits)
			}
			hits = append(hits, h)
		case h.Score > hits[at].Score:
			hits[at] = h
		}
	}
	return hits
}

// before is an answer before anything is looked for, among what a restriction keeps;
// nil is all.
func (v *view) before(keep *roaring.Bitmap) catalog.Found {
	found := catalog.Found{Strategy: catalog.ExactScan, Kept: v.papers}
	if keep != nil {
		found.Kept = uint32(keep.GetCardinality())
	}
	return found
}

// near finds neighbours among what a restriction keeps; nil is all. Papers that were
// changed since the view was opened have the score that they had then. The hits are in
// no order.
func (v *view) near(ctx context.Context, p catalog.Probe, exact bool, keep *roaring.Bitmap) (catalog.Found, error) {
	query := ann.Query{Vector: p.Vector, K: p.K, Exact: exact}
	if keep != nil { // a nil pointer in an interface would be a filter
		query.Keep = keep
	}
	if graph, ok := v.index.Index.(*ann.Graph); ok && graph.LVQ() {
		query.Read = v.storedMany
	}
	got, err := v.index.Search(ctx, query)
	if err != nil {
		return catalog.Found{}, err
	}
	hits, err := v.then(ctx, p, got.Neighbors)
	return catalog.Found{Hits: hits, Strategy: v.strategy(got.Plan), Visited: got.Visited}, err
}

// strategy names a plan.
func (v *view) strategy(plan ann.Plan) catalog.Strategy {
	switch {
	case !v.index.walks || plan == ann.PlanScan:
		return catalog.ExactScan
	case plan == ann.PlanFilteredWalk:
		return catalog.FilteredGraphWalk
	default:
		return catalog.GraphWalk
	}
}

// then makes hits of neighbours, as they were when the view was opened: without those of
// later, and those that changed since with their score of then, if they were among the
// nearest with that.
func (v *view) then(ctx context.Context, p catalog.Probe, neighbors []ann.Neighbor) ([]rank.Hit, error) {
	hits := make([]rank.Hit, 0, len(neighbors))
	var changed []rank.Hit
	least := math.Inf(-1)
	for _, n := range neighbors { // best first
		h := v.hit(n.Ordinal)
		h.Score, h.Semantic = float64(n.Score), float64(n.Score)
		switch {
		case h.ID == "":
		case v.changedSince(n.Ordinal):
			changed = append(changed, h)
		default:
			hits = append(hits, h)
			if len(neighbors) == p.K {
				least = h.Score
			}
		}
	}
	for _, h := range changed {
		was, err := v.stored(ctx, h.Handle-1)
		if err != nil {
			return nil, err
		}
		if was == nil {
			continue
		}
		if h.Score = float64(vec.Dot(p.Vector, was)); h.Score >= least {
			h.Semantic = h.Score
			hits = append(hits, h)
		}
	}
	return hits, nil
}

// hit begins a hit of a paper; without an id if it is not there.
func (v *view) hit(ordinal uint32) rank.Hit {
	return rank.Hit{ID: v.ids.at(ordinal), Handle: handleOf(ordinal)}
}

// changedSince says that the index has another vector of a paper by now.
func (v *view) changedSince(ordinal uint32) bool {
	return v.collection.vectors.after(ordinal, v.sequence)
}

// lookStride is how many papers are looked at between looks at the context, where each
// takes little.
const lookStride = 64

// vectors gives the vectors of ordinals, nil where there is none: of the index, or,
// where that keeps none that can be asked for or has another by now, of the store.
func (v *view) vectors(ctx context.Context, ordinals []uint32) ([][]float32, error) {
	scorer, ok := v.index.Index.(ann.Scorer)
	out := make([][]float32, len(ordinals))
	for from := 0; from < len(ordinals); from += lookStride {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		some := ordinals[from:min(from+lookStride, len(ordinals))]
		if ok {
			scorer.Vectors(out[from:], some)
		}
		for i, o := range some {
			switch {
			case v.ids.at(o) == "":
				out[from+i] = nil
			case out[from+i] == nil || v.changedSince(o):
				var err error
				if out[from+i], err = v.stored(ctx, o); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

// vectorOf gives the vector of a paper, nil if it has none.
func (v *view) vectorOf(ctx context.Context, ordinal uint32) ([]float32, error) {
	vectors, err := v.vectors(ctx, []uint32{ordinal})
	if err != nil {
		return nil, err
	}
	return vectors[0], nil
}

// stored gives the vector of a paper from the store, as it was when the view was opened;
// nil where there is none.
func (v *view) stored(ctx context.Context, ordinal uint32) ([]float32, error) {
	vector, err := v.snapshot.Vector(ctx, ordinal)
	if paper.KindOf(err) == paper.NotFound {
		return nil, nil
	}
	return vector, err
}

// storedMany is stored of several papers: parallel to their ordinals.
func (v *view) storedMany(ctx context.Context, ordinals []uint32) ([][]float32, error) {
	out := make([][]float32, len(ordinals))
	for i, o := range ordinals {
		if i%lookStride == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var err error
		if out[i], err = v.stored(ctx, o); err != nil {
			return nil, err
		}
	}
	return out, nil
}
