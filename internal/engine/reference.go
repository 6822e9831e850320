package engine

import (
	"context"
	"slices"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"akin/internal/catalog"
	"akin/internal/paper"
)

const (
	// exactUntil is the size of a collection up to which earlier papers are found
	// by exact scans, so that a later paper never changes an answer about the
	// past. Beyond, the graph is walked where that is cheaper.
	exactUntil = 100_000
	// noveltyReferences is how many references are kept, one a collection and
	// day.
	noveltyReferences = 16
	// noveltyDrift: a reference is made anew after one change for so many papers.
	noveltyDrift = 10
)

// reference is the distances of a sample from its own past, sorted.
type reference struct {
	distances []float64
	sequence  uint64
	papers    uint32
}

// referenceKey names a reference: distances of two spaces do not compare.
type referenceKey struct {
	collection string
	space      string // its fingerprint
	asOf       string
}

// references keeps what novelties are compared with.
type references struct {
	kept *expirable.LRU[referenceKey, *reference]
	// making is held by whoever makes one: it keeps a core busy.
	making chan struct{}
}

func newReferences() references {
	return references{kept: expirable.NewLRU[referenceKey, *reference](noveltyReferences, nil, 0), making: make(chan struct{}, 1)}
}

// past finds the k nearest papers that had appeared by a day.
func (a *asking) past(ctx context.Context, vector []float32, until string, papers uint32, k int) (catalog.Found, error) {
	return a.view.Nearest(ctx, catalog.Nearest{
		Probes: []catalog.Probe{{Vector: vector, K: k}}, Exact: papers <= exactUntil,
		Restriction: catalog.Restriction{AsOf: until},
	})
}

// reference gives the distances of a sample of the collection as of a day, made
// when they are first asked for, and anew when the collection has changed much.
// Where the catalog draws no samples, it is empty.
func (a *asking) reference(ctx context.Context, asOf string) (*reference, error) {
	r := &reference{sequence: a.info.Sequence, papers: a.info.Papers}
	sampler, ok := a.sampler()
	if !ok {
		return r, nil
	}
	key := referenceKey{a.info.Collection, a.info.Space.Fingerprint(), asOf}
	fresh := func() (*reference, bool) {
		kept, ok := a.references.kept.Get(key)
		return kept, ok && (kept.sequence >= r.sequence || (r.sequence-kept.sequence)*noveltyDrift <= uint64(kept.papers))
	}
	if kept, ok := fresh(); ok {
		return kept, nil
	}
	select {
	case a.references.making <- struct{}{}:
		defer func() { <-a.references.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if kept, ok := fresh(); ok { // somebody else was faster
		return kept, nil
	}
	if err := a.measure(ctx, r, sampler, asOf); err != nil {
		return nil, err
	}
	a.references.kept.Add(key, r)
	return r, nil
}

// measure draws the sample of a reference, and finds how far each of its papers is
// from what came before it.
func (a *asking) measure(ctx context.Context, r *reference, sampler catalog.Sampler, asOf string) error {
	sample, err := sampler.Dated(ctx, asOf, NoveltySample)
	if err != nil {
		return err
	}
	refs := make([]paper.Ref, len(sample))
	for i := range sample {
		refs[i] = sample[i].Ref
	}
	vectors, err := a.view.Vectors(ctx, refs)
	if err != nil {
		return err
	}
	records, err := a.view.Get(ctx, refs)
	if err != nil {
		return err
	}
	for i, v := range vectors {
		if records[i] != nil && records[i].Kind() != paper.IsPaper {
			continue
		}
		until, reason := dayBefore(sample[i].Date)
		if v == nil || reason != NoveltyKnown {
			continue
		}
		found, err := a.past(ctx, v, until, r.papers, NoveltyNeighbors)
		if err != nil {
			return err
		}
		if len(found.Hits) == NoveltyNeighbors {
			r.distances = append(r.distances, distance(found.Hits))
		}
	}
	slices.Sort(r.distances)
	return nil
}
