package local

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"akin/internal/ann"
	"akin/internal/paper"
	"akin/internal/store"
)

// maybeBuild starts building a graph when the collection has grown out of exact
// scans. The caller holds c.writing.
func (c *collection) maybeBuild() {
	w := &c.writing
	if !c.config.Index.graph() || w.building || w.index.walks || int(w.papers) < c.config.GraphFrom {
		return
	}
	w.building = true
	c.jobs.Go(func() {
		c.awaitBulk(c.ctx)
		begin := time.Now()
		err := c.buildGraph(c.ctx)
		if c.ctx.Err() == nil {
			c.config.Done("graph_build", time.Since(begin), err)
		}
		if err != nil && c.ctx.Err() == nil {
			// Exact scans go on answering, slower and never wrong; the next
			// change tries again.
			c.config.Log.Error("building the graph failed", "error", err)
			w.Lock()
			w.building = false
			w.Unlock()
			return
		}
		if c.ctx.Err() == nil {
			c.save()
			debug.FreeOSMemory() // what the import and the build took beside what is kept
		}
	})
}

const (
	// bulkGroup is from how many changes on a group is one of a large import, which counts
	// as over when none came for bulkPause, or bulkPauses times as long as the last two
	// were apart, but not longer than longestPause: on a machine that has much to do,
	// groups come slowly.
	bulkGroup    = 256
	bulkPause    = time.Second
	bulkPauses   = 4
	longestPause = 20 * time.Second
	// bulkMost is up to how many papers the end of a large import is waited for:
	// scans of more would take longer than its end is worth.
	bulkMost = 200_000
)

// bulkGroup notes that a group of a large import has come. The caller holds the lock.
func (w *writing) bulkGroup(now time.Time) {
	if w.bulkLeft(now) > 0 {
		w.apart = now.Sub(w.bulk)
	} else {
		w.apart = 0 // the first of another import
	}
	w.bulk = now
}

// bulkLeft is for how long a large import still counts as under way, unless another group
// comes. The caller holds the lock.
func (w *writing) bulkLeft(now time.Time) time.Duration {
	return min(max(bulkPause, bulkPauses*w.apart), longestPause) - now.Sub(w.bulk)
}

// awaitBulk waits until no large import is under way. A graph that is built meanwhile
// takes the cores from it, and the vectors that come one group at a time take longer
// than all at once; scans answer until then.
func (c *collection) awaitBulk(ctx context.Context) {
	w := &c.writing
	for {
		w.Lock()
		left, papers := w.bulkLeft(time.Now()), w.papers
		w.Unlock()
		if left <= 0 || papers >= bulkMost {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(left):
		}
	}
}

// buildGraph builds a graph from a snapshot beside the index that answers,
// catches up with the changes since, and puts it in that index's place.
func (c *collection) buildGraph(ctx context.Context) error {
	w := &c.writing
	snapshot, err := c.config.Store.Snapshot(c.name)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	c.config.Log.Info("building the graph", "papers", snapshot.Count())
	c.building.begin(snapshot.Count())
	defer c.building.end()
	graph, err := ann.NewGraph(c.space.Dimension, ann.Options{
		Capacity: snapshot.Count(), LVQ: c.config.Index == LVQIndex, AlwaysWalk: c.config.alwaysWalk,
	})
	if err != nil {
		return err
	}
	if err := fillGraph(ctx, snapshot, graph, &c.building); err != nil {
		return err
	}
	// Most of the way without holding writers back, the rest with.
	sequence, err := c.catchUp(ctx, graph, snapshot.Sequence())
	if err != nil {
		return err
	}
	w.Lock()
	defer w.Unlock()
	if _, err := c.catchUp(ctx, graph, sequence); err != nil {
		return err
	}
	c.replace(graph, true)
	if err := c.publish(); err != nil {
		return err
	}
	w.building, w.saved = false, 0
	c.config.Log.Info("the graph answers now", "papers", graph.Len())
	return nil
}

// buildBatch is how many vectors are handed to the graph at a time, which it
// inserts on all cores.
const buildBatch = 4096

// fillGraph inserts all vectors, on all cores.
func fillGraph(ctx context.Context, snapshot *store.Snapshot, graph *ann.Graph, b *building) error {
	var ordinals []uint32
	var vectors [][]float32
	flush := func() error {
		err := graph.UpsertMany(ctx, ordinals, vectors, 0)
		b.has.Add(int64(len(ordinals)))
		ordinals, vectors = ordinals[:0], vectors[:0]
		return err
	}
	for v, err := range snapshot.Vectors(ctx) {
		if err != nil {
			return err
		}
		ordinals, vectors = append(ordinals, v.Ordinal), append(vectors, slices.Clone(v.Values)) // only lent
		if len(ordinals) == buildBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// catchUp applies the changes after a sequence number to an index and gives the
// last one. A graph takes the vectors of many changes at once, on all cores.
func (c *collection) catchUp(ctx context.Context, index ann.Index, after uint64) (uint64, error) {
	s, name := c.config.Store, c.name
	p := catchingUp{index: index, vectors: make(map[uint32][]float32)}
	for change, err := range s.Changes(ctx, name, after) {
		if err != nil {
			return after, err
		}
		after = change.Sequence
		if change.Operation == store.Put && !change.Embedded {
			continue
		}
		if change.Operation == store.Delete {
			if err := p.delete(ctx, change.Ordinal); err != nil {
				return after, err
			}
			continue
		}
		vector, err := s.Vector(ctx, name, change.Ordinal)
		if paper.KindOf(err) == paper.NotFound {
			continue // deleted since; that change comes later
		}
		if err != nil {
			return after, err
		}
		if err := p.upsert(ctx, change.Ordinal, vector); err != nil {
			return after, err
		}
	}
	return after, p.flush(ctx)
}

// catchingUp gathers vectors for an index. Each ordinal is in it once, with what it has now.
type catchingUp struct {
	index    ann.Index
	ordinals []uint32
	vectors  map[uint32][]float32
}

func (p *catchingUp) upsert(ctx context.Context, ordinal uint32, vector []float32) error {
	if p.vectors[ordinal] == nil {
		p.ordinals = append(p.ordinals, ordinal)
	}
	if p.vectors[ordinal] = vector; len(p.ordinals) < buildBatch {
		return nil
	}
	return p.flush(ctx)
}

func (p *catchingUp) delete(ctx context.Context, ordinal uint32) error {
	err := p.flush(ctx)
	if err == nil {
		_, err = p.index.Delete(ordinal)
	}
	return err
}

func (p *catchingUp) flush(ctx context.Context) error {
	ordinals := p.ordinals
	p.ordinals = nil
	defer clear(p.vectors)
	if graph, ok := p.index.(*ann.Graph); ok && len(ordinals) > 1 {
		vectors := make([][]float32, len(ordinals))
		for i, o := range ordinals {
			vectors[i] = p.vectors[o]
		}
		return graph.UpsertMany(ctx, ordinals, vectors, 0)
	}
	for _, o := range ordinals {
		if err := p.index.Upsert(o, p.vectors[o]); err != nil {
			return err
		}
	}
	return nil
}

// reload loads the vectors from the store into a new index, after the one there failed,
// which answers until the caller, who holds c.writing, publishes the new one.
func (c *collection) reload() error {
	snapshot, err := c.config.Store.Snapshot(c.name)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	index, err := c.loadVectors(c.ctx, snapshot)
	if err != nil {
		return err
	}
	c.replace(index, c.config.Index == CoderIndex)
	return nil
}
