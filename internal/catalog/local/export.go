package local

import (
	"context"
	"iter"

	"akin/internal/filter"
	"akin/internal/paper"
	"akin/internal/store"
)

// Export is all papers of a collection at one sequence. It belongs to one
// goroutine and must be closed.
type Export struct {
	Stats
	snapshot *store.Snapshot
	keep     *filter.Filter // nil keeps all
}

// exportPage is how many records are read at a time.
const exportPage = 256

// Close gives the state back.
func (e *Export) Close() { e.snapshot.Close() }

// Records iterates over the records that the filter keeps, in order of id. After
// an error it ends.
func (e *Export) Records(ctx context.Context) iter.Seq2[*paper.Record, error] {
	return func(yield func(*paper.Record, error) bool) {
		for after := ""; ; {
			page, err := e.snapshot.List(ctx, after, exportPage)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range page {
				if e.keep.Match(r) && !yield(r, nil) {
					return
				}
			}
			if len(page) < exportPage {
				return
			}
			after = page[len(page)-1].ID
		}
	}
}

// Vector gives the vector of the record with the ordinal, float32 [dim].
func (e *Export) Vector(ctx context.Context, ordinal uint32) ([]float32, error) {
	return e.snapshot.Vector(ctx, ordinal)
}

// Export opens the papers of a collection at one sequence that an AIP-160 filter
// keeps; "" keeps all.
func (c *Embedded) Export(_ context.Context, collection, text string) (*Export, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	keep, err := filter.Parse(text)
	if err != nil {
		return nil, err
	}
	snapshot, err := c.config.Store.Snapshot(l.name)
	if err != nil {
		return nil, err
	}
	return &Export{Stats: Stats{Papers: uint32(snapshot.Count()), Sequence: snapshot.Sequence()}, snapshot: snapshot, keep: keep}, nil
}
