package local

import (
	"context"
	"slices"

	"akin/internal/ann"
	"akin/internal/paper"
	"akin/internal/store"
)

// maybeBuild starts building a graph when the collection has grown out of exact
// scans. The caller holds live.writing.
func (c *Embedded) maybeBuild() {
	l := c.live
	if c.config.Index != GraphIndex || l.building || l.index.walks || int(l.papers) < c.config.GraphFrom {
		return
	}
	l.building = true
	c.builds.Add(1)
	go func() {
		defer c.builds.Done()
		if err := c.buildGraph(c.ctx); err != nil && c.ctx.Err() == nil {
			// Exact scans go on answering, slower and never wrong; the next
			// change tries again.
			c.config.Log.Error("building the graph failed", "error", err)
			l.writing.Lock()
			l.building = false
			l.writing.Unlock()
			return
		}
		if c.ctx.Err() == nil {
			c.save()
		}
	}()
}

// buildGraph builds a graph from a snapshot beside the index that answers,
// catches up with the changes since, and puts it in that index's place.
func (c *Embedded) buildGraph(ctx context.Context) error {
	l := c.live
	snapshot, err := c.config.Store.Snapshot(l.name)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	c.config.Log.Info("building the graph", "papers", snapshot.Count())
	graph, err := ann.NewGraph(c.config.Space.Dimension, ann.Options{Capacity: snapshot.Count()})
	if err != nil {
		return err
	}
	if err := fillGraph(ctx, snapshot, graph); err != nil {
		return err
	}
	// Most of the way without holding writers back, the rest with.
	sequence, err := c.catchUp(ctx, graph, snapshot.Sequence())
	if err != nil {
		return err
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	if _, err := c.catchUp(ctx, graph, sequence); err != nil {
		return err
	}
	c.replace(graph, true)
	if err := c.publish(); err != nil {
		return err
	}
	l.building, l.saved = false, 0
	c.config.Log.Info("the graph answers now", "papers", graph.Len())
	return nil
}

// buildBatch is how many vectors are handed to the graph at a time, which it
// inserts on all cores.
const buildBatch = 4096

// fillGraph is fill on all cores.
func fillGraph(ctx context.Context, snapshot *store.Snapshot, graph *ann.Graph) error {
	var ordinals []uint32
	var vectors [][]float32
	flush := func() error {
		err := graph.UpsertMany(ctx, ordinals, vectors, 0)
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
// last one.
func (c *Embedded) catchUp(ctx context.Context, index ann.Index, after uint64) (uint64, error) {
	s, name := c.config.Store, c.live.name
	for change, err := range s.Changes(ctx, name, after) {
		if err != nil {
			return after, err
		}
		after = change.Sequence
		if change.Operation == store.Put && !change.Embedded {
			continue
		}
		if change.Operation == store.Delete {
			if _, err := index.Delete(change.Ordinal); err != nil {
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
		if err := index.Upsert(change.Ordinal, vector); err != nil {
			return after, err
		}
	}
	return after, nil
}

// reload fills a new index after the one there failed, which answers until the
// caller, who holds live.writing, publishes it.
func (c *Embedded) reload() error {
	l := c.live
	snapshot, err := c.config.Store.Snapshot(l.name)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	index, err := c.indexOf(c.ctx, snapshot)
	if err != nil {
		return err
	}
	c.replace(index, c.config.Index == CoderIndex)
	return nil
}
