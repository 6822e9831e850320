package local

import (
	"context"
	"hash/maphash"
	"sync/atomic"
)

// leastHints and mostHints are how many papers hints has room for, of which a table for few
// takes 4 KiB and the largest 8 MiB.
const (
	leastHints = 1 << 10
	mostHints  = 1 << 21
)

// hints remembers which ordinals ids had when the store was asked last, so that it is not
// asked for each paper of each request: a list of likes may name thousands. It is only ever a
// hint, which a view believes if its paper of that ordinal has the id; what collides or has
// changed is looked up again. So nothing needs to tell it of changes. It is safe for
// concurrent use.
type hints struct{ table atomic.Pointer[hintTable] }

type hintTable struct {
	seed  maphash.Seed
	slots []atomic.Uint32 // handles, by the last bits of the hash of an id
}

// of gives a table that has room for so many papers; one that is too small is left behind.
func (h *hints) of(papers uint32) *hintTable {
	t := h.table.Load()
	if t != nil && (len(t.slots) >= int(papers) || len(t.slots) == mostHints) {
		return t
	}
	size := leastHints
	for size < mostHints && size < 2*int(papers) {
		size *= 2
	}
	fresh := &hintTable{seed: maphash.MakeSeed(), slots: make([]atomic.Uint32, size)}
	h.table.CompareAndSwap(t, fresh) // if another was faster, this one is for this call alone
	return fresh
}

// slot is where the hint of an id is.
func (t *hintTable) slot(id string) *atomic.Uint32 {
	return &t.slots[maphash.String(t.seed, id)&uint64(len(t.slots)-1)]
}

// named finds papers by their ids: parallel to them, none for a paper that is not there.
func (v *view) named(ctx context.Context, ids []string) ([]uint32, error) {
	table := v.collection.hints.of(v.papers)
	out := make([]uint32, len(ids))
	var unknown []string
	var places []int
	for i, id := range ids {
		if o := table.slot(id).Load() - 1; id != "" && v.ids.at(o) == id {
			out[i] = o
		} else {
			unknown, places = append(unknown, id), append(places, i)
		}
	}
	if unknown == nil {
		return out, ctx.Err()
	}
	found, err := v.snapshot.Ordinals(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for i, o := range found {
		if out[places[i]] = o; o != none {
			table.slot(unknown[i]).Store(handleOf(o))
		}
	}
	return out, nil
}
