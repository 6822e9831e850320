package catalog

import (
	"cmp"
	"context"
	"math"
	"slices"

	"akin/internal/ann"
	"akin/internal/paper"
	"akin/internal/rank"
)

// Probe is one of several vectors whose neighbours are wanted, and how many.
type Probe struct {
	Vector []float32
	K      int
}

// Recall finds the papers nearest to any of several vectors, with their own
// vectors, for a ranking that compares them in its own way. Of q, the options
// count; its vector and K are those of the probes in turn.
func (c *Embedded) Recall(ctx context.Context, collection string, q Neighbors, probes []Probe) (Recalled, error) {
	l, err := c.of(collection)
	if err != nil {
		return Recalled{}, err
	}
	keep, err := c.keepBy(ctx, l, q.Filter, q.AsOf)
	if err != nil {
		return Recalled{}, err
	}
	var out Recalled
	seen := make(map[uint32]bool)
	for _, p := range probes {
		q.Vector, q.K = p.Vector, p.K
		l.mu.RLock()
		found, err := l.near(ctx, q, keep)
		l.mu.RUnlock()
		if err != nil {
			return Recalled{}, err
		}
		out.Strategy, out.Sequence, out.Kept = max(out.Strategy, found.Strategy), found.Sequence, found.Kept
		out.Visited += found.Visited
		for _, h := range found.Hits {
			if !seen[h.Ordinal] {
				seen[h.Ordinal] = true
				out.Hits = append(out.Hits, h)
			}
		}
	}
	slices.SortFunc(out.Hits, func(a, b rank.Hit) int { return cmp.Compare(a.ID, b.ID) })
	return out, c.attach(ctx, l, &out)
}

// attach adds the vectors of the hits, and drops a paper that has none because it
// was deleted meanwhile.
func (c *Embedded) attach(ctx context.Context, l *live, out *Recalled) error {
	ordinals := make([]uint32, len(out.Hits))
	for i, h := range out.Hits {
		ordinals[i] = h.Ordinal
	}
	l.mu.RLock()
	vectors, err := c.vectors(ctx, l, ordinals)
	l.mu.RUnlock()
	if err != nil {
		return err
	}
	kept := 0
	for i, v := range vectors {
		if v != nil {
			out.Hits[kept] = out.Hits[i]
			out.Vectors = append(out.Vectors, v)
			kept++
		}
	}
	out.Hits = out.Hits[:kept]
	return nil
}

// Background picks n papers, or all if there are fewer, by a digest of their
// ordinals: always the same ones, of which some give way while the collection
// grows. The hits are in the order of those digests.
func (c *Embedded) Background(ctx context.Context, collection string, n int) (Recalled, error) {
	l, err := c.of(collection)
	if err != nil {
		return Recalled{}, err
	}
	var out Recalled
	l.mu.RLock()
	out.Sequence, out.Kept = l.sequence, l.papers
	for _, o := range sampleOf(l.ids, int(l.papers), n) {
		out.Hits = append(out.Hits, rank.Hit{ID: l.ids[o], Ordinal: o})
	}
	l.mu.RUnlock()
	return out, c.attach(ctx, l, &out)
}

// sampleOf gives the n ordinals with the least digests, of those that have an id.
func sampleOf(ids []string, papers, n int) []uint32 {
	// Digests are spread evenly: those below this are hardly ever fewer than n.
	most := uint64(math.MaxUint64)
	if want := float64(n) + 8*math.Sqrt(float64(n)) + 16; want < float64(papers) {
		most = uint64(want / float64(papers) * math.MaxUint64)
	}
	var out []uint32
	for {
		out = out[:0]
		for o, id := range ids {
			if id != "" && mix(uint32(o)) <= most {
				out = append(out, uint32(o))
			}
		}
		if len(out) >= min(n, papers) || most == math.MaxUint64 {
			break
		}
		most = math.MaxUint64
	}
	slices.SortFunc(out, func(a, b uint32) int { return cmp.Compare(mix(a), mix(b)) })
	return out[:min(n, len(out))]
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, Fast splittable
// pseudorandom number generators, 2014), which gives every number another one.
func mix(ordinal uint32) uint64 {
	z := (uint64(ordinal) + 1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// terms is the tf-idf vector of a paper; nil where there is none.
func (l *live) terms(ordinal uint32) []rank.Term {
	found, err := l.words.Vector(ordinal)
	if err != nil { // the paper was deleted meanwhile
		return nil
	}
	out := make([]rank.Term, len(found))
	for i, t := range found {
		out[i] = rank.Term{ID: t.ID, Weight: t.Weight}
	}
	return out
}

// Terms gives the tf-idf vectors of those ids that are there.
func (c *Embedded) Terms(ctx context.Context, collection string, ids []string) (map[string][]rank.Term, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	records, err := c.Get(ctx, collection, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]rank.Term, len(records))
	for i := range records {
		out[records[i].ID] = l.terms(records[i].Ordinal)
	}
	return out, nil
}

// vectors gives the vectors of ordinals, nil where there is none: of the index,
// or, where that keeps none that can be asked for, of the store. The caller holds
// the read lock.
func (c *Embedded) vectors(ctx context.Context, l *live, ordinals []uint32) ([][]float32, error) {
	scorer, ok := l.index.(ann.Scorer)
	if !ok {
		return c.storedVectors(ctx, l, ordinals)
	}
	out := make([][]float32, len(ordinals))
	for i, o := range ordinals {
		out[i], _ = scorer.Vector(o)
	}
	return out, nil
}

// storedVectors is vectors by the store alone.
func (c *Embedded) storedVectors(ctx context.Context, l *live, ordinals []uint32) ([][]float32, error) {
	out := make([][]float32, len(ordinals))
	snapshot, err := c.config.Store.Snapshot(l.name)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	for i, o := range ordinals {
		v, err := snapshot.Vector(ctx, o)
		if err != nil && !missing(err) {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func missing(err error) bool { return paper.KindOf(err) == paper.NotFound }
