package local

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

// Recall implements View: it finds the papers nearest to any of several vectors,
// with their own vectors, for a ranking that compares them in its own way. Of q, the
// options count; its vector and K are those of the probes in turn.
func (v *view) Recall(ctx context.Context, collection string, q Neighbors, probes []Probe) (Recalled, error) {
	m, err := v.of(collection)
	if err != nil {
		return Recalled{}, err
	}
	keep, err := m.keepBy(ctx, q.Filter, q.AsOf)
	if err != nil {
		return Recalled{}, err
	}
	var out Recalled
	seen := make(map[uint32]bool)
	for _, p := range probes {
		q.Vector, q.K = p.Vector, p.K
		found, err := m.near(ctx, q, keep)
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
	return out, m.attach(ctx, &out)
}

// attach adds the vectors of the hits, and drops a paper that has none.
func (m *moment) attach(ctx context.Context, out *Recalled) error {
	ordinals := make([]uint32, len(out.Hits))
	for i, h := range out.Hits {
		ordinals[i] = h.Ordinal
	}
	vectors, err := m.vectors(ctx, ordinals)
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

// Background implements View: it picks n papers, or all if there are fewer, by a digest of their
// ordinals: always the same ones, of which some give way while the collection
// grows. The hits are in the order of those digests.
func (v *view) Background(ctx context.Context, collection string, n int) (Recalled, error) {
	m, err := v.of(collection)
	if err != nil {
		return Recalled{}, err
	}
	var out Recalled
	out.Sequence, out.Kept = m.sequence, m.papers
	for _, o := range sampleOf(&m.ids, int(m.papers), n) {
		out.Hits = append(out.Hits, rank.Hit{ID: m.ids.at(o), Ordinal: o})
	}
	return out, m.attach(ctx, &out)
}

// sampleOf gives the n ordinals with the least digests, of those that have an id.
func sampleOf(ids *series[string], papers, n int) []uint32 {
	// Digests are spread evenly: those below this are hardly ever fewer than n.
	most := uint64(math.MaxUint64)
	if want := float64(n) + 8*math.Sqrt(float64(n)) + 16; want < float64(papers) {
		most = uint64(want / float64(papers) * math.MaxUint64)
	}
	var out []uint32
	for {
		out = out[:0]
		for o := range uint32(ids.len()) {
			if mix(o) <= most && ids.at(o) != "" {
				out = append(out, o)
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
func (m *moment) terms(ordinal uint32) []rank.Term {
	found, err := m.words.Vector(ordinal)
	if err != nil { // there is no such paper
		return nil
	}
	out := make([]rank.Term, len(found))
	for i, t := range found {
		out[i] = rank.Term{ID: t.ID, Weight: t.Weight}
	}
	return out
}

// Terms implements View.
func (v *view) Terms(ctx context.Context, collection string, ids []string) (map[string][]rank.Term, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	records, err := m.snapshot.GetMany(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]rank.Term, len(records))
	for i, r := range records {
		if i%termsStride == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if r != nil {
			out[r.ID] = m.terms(r.Ordinal)
		}
	}
	return out, nil
}

// termsStride is how many term vectors are made between looks at the context.
const termsStride = 64

// vectors gives the vectors of ordinals, nil where there is none: of the index,
// or, where that keeps none that can be asked for or has another by now, of the
// store.
func (m *moment) vectors(ctx context.Context, ordinals []uint32) ([][]float32, error) {
	scorer, ok := m.index.Index.(ann.Scorer)
	out := make([][]float32, len(ordinals))
	for i, o := range ordinals {
		if i%termsStride == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if m.ids.at(o) == "" {
			continue
		}
		if ok {
			out[i], _ = scorer.Vector(o)
		}
		if out[i] == nil || m.live.vectors.after(o, m.sequence) {
			var err error
			if out[i], err = m.stored(ctx, o); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// stored gives the vector of a paper at the moment, of the store; nil where there
// is none.
func (m *moment) stored(ctx context.Context, ordinal uint32) ([]float32, error) {
	v, err := m.snapshot.Vector(ctx, ordinal)
	if missing(err) {
		return nil, nil
	}
	return v, err
}

func missing(err error) bool { return paper.KindOf(err) == paper.NotFound }
