package local

import (
	"context"
	"iter"
	"sync/atomic"

	"akin/internal/catalog"
	"akin/internal/filter"
	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/store"
)

// view implements catalog.View and all its capabilities: a state of a collection that a
// query has got hold of, with its words and attributes.
type view struct {
	*state
	collection *collection
	words      *lexical.View
	attributes *filter.View
	kept       kept
	closed     atomic.Bool
}

var (
	_ catalog.View       = (*view)(nil)
	_ catalog.Attributes = (*view)(nil)
	_ catalog.Terms      = (*view)(nil)
	_ catalog.Sampler    = (*view)(nil)
	_ catalog.Versions   = (*view)(nil)
	_ catalog.Namer      = (*view)(nil)
	_ catalog.Syntax     = (*view)(nil)
	_ catalog.Matcher    = (*view)(nil)
	_ catalog.Funnel     = (*view)(nil)
	_ catalog.Rechecker  = (*view)(nil)
	_ catalog.Counter    = (*view)(nil)
	_ catalog.Duplicates = (*view)(nil)
	_ catalog.Days       = (*view)(nil)
	_ catalog.Derived    = (*view)(nil)
	_ catalog.Indexes    = (*view)(nil)
	_ catalog.Mentions   = (*view)(nil)
	_ catalog.Spelling   = (*view)(nil)
	_ catalog.Changes    = (*view)(nil)
	_ catalog.WordCounts = (*view)(nil)
)

// Info implements catalog.View.
func (v *view) Info() catalog.Info {
	return catalog.Info{Collection: v.collection.name, Space: v.collection.space, Papers: v.papers, Sequence: v.sequence}
}

// Close implements catalog.View.
func (v *view) Close() {
	if !v.closed.Swap(true) {
		v.release()
		v.collection.showing.holders.Done()
	}
}

// none is the ordinal of no paper. Whatever is asked for it, it is not there.
const none = store.NoOrdinal

// handleOf gives the handle of an ordinal.
func handleOf(ordinal uint32) uint32 { return ordinal + 1 }

// ref names the paper of an ordinal.
func (v *view) ref(ordinal uint32) paper.Ref {
	return paper.Ref{ID: v.ids.at(ordinal), Handle: handleOf(ordinal)}
}

// handled gives the ordinal of a paper by its handle; none where there is no such paper,
// or another one.
func (v *view) handled(r paper.Ref) uint32 {
	if o := r.Handle - 1; r.Handle != 0 && r.ID != "" && v.ids.at(o) == r.ID {
		return o
	}
	return none
}

// ordinals finds papers, from memory where they have handles: parallel to refs, none for
// a paper that is not there.
func (v *view) ordinals(ctx context.Context, refs []paper.Ref) ([]uint32, error) {
	out := make([]uint32, len(refs))
	var named []string // without handles
	for i, r := range refs {
		if r.Handle == 0 {
			named = append(named, r.ID)
		} else {
			out[i] = v.handled(r)
		}
	}
	if named == nil {
		return out, nil
	}
	found, err := v.named(ctx, named)
	if err != nil {
		return nil, err
	}
	for i, r := range refs {
		if r.Handle == 0 {
			out[i], found = found[0], found[1:]
		}
	}
	return out, nil
}

// Get implements catalog.Papers.
func (v *view) Get(ctx context.Context, refs []paper.Ref) ([]*paper.Record, error) {
	ordinals := make([]uint32, 0, len(refs))
	var named []string // without handles
	for _, r := range refs {
		if r.Handle == 0 {
			named = append(named, r.ID)
		} else {
			ordinals = append(ordinals, v.handled(r))
		}
	}
	records, err := v.records(ctx, ordinals)
	if err != nil || named == nil {
		return records, err
	}
	found, err := v.snapshot.GetMany(ctx, named)
	if err != nil {
		return nil, err
	}
	withHandles(found)
	out := make([]*paper.Record, len(refs))
	for i, r := range refs {
		from := &records
		if r.Handle == 0 {
			from = &found
		}
		out[i], *from = (*from)[0], (*from)[1:]
	}
	return out, nil
}

// records reads papers, with their handles: parallel to ordinals, nil for one that is
// not there.
func (v *view) records(ctx context.Context, ordinals []uint32) ([]*paper.Record, error) {
	records, err := v.snapshot.ByOrdinals(ctx, ordinals)
	withHandles(records)
	return records, err
}

// withHandles sets the handles of records that are there.
func withHandles(records []*paper.Record) {
	for _, r := range records {
		if r != nil {
			r.Handle = handleOf(r.Ordinal)
		}
	}
}

const (
	// firstRead and mostRead are how many records a list reads at a time, at first and
	// at most: a page of a hundred reads few that it does not need.
	firstRead = 64
	mostRead  = 256
)

// List implements catalog.Papers.
func (v *view) List(ctx context.Context, from catalog.Listing) iter.Seq2[*paper.Record, error] {
	return func(yield func(*paper.Record, error) bool) {
		keep, err := filter.Parse(from.Filter)
		if err != nil {
			yield(nil, err)
			return
		}
		chunk, read := firstRead, 0
		if !keep.All() { // what is kept may lie far apart
			chunk = mostRead
		}
		for after := from.After; ; {
			some, err := v.snapshot.List(ctx, after, chunk)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range some {
				r.Handle = handleOf(r.Ordinal)
				if keep.Match(r) && !yield(r, nil) {
					return
				}
			}
			if len(some) < chunk {
				return
			}
			after, read = some[len(some)-1].ID, read+len(some)
			chunk = max(chunk, min(read, mostRead))
		}
	}
}

// Vectors implements catalog.Papers.
func (v *view) Vectors(ctx context.Context, refs []paper.Ref) ([][]float32, error) {
	ordinals, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, err
	}
	return v.vectors(ctx, ordinals)
}
