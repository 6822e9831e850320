package local

import (
	"runtime"

	"golang.org/x/sync/errgroup"

	"akin/internal/dedup"
	"akin/internal/paper"
)

// hashing makes the keys of a collection on all cores while it is read.
type hashing struct {
	keys  []dedup.Key
	batch []*paper.Record
	work  errgroup.Group
}

// hashBatch is how many papers a goroutine takes.
const hashBatch = 512

func newHashing(keys []dedup.Key) *hashing {
	h := &hashing{keys: keys}
	h.work.SetLimit(runtime.GOMAXPROCS(0))
	return h
}

func (h *hashing) add(r *paper.Record) {
	if h.batch = append(h.batch, r); len(h.batch) == hashBatch {
		h.flush()
	}
}

func (h *hashing) flush() {
	batch := h.batch
	h.batch = nil
	h.work.Go(func() error {
		for _, r := range batch {
			h.keys[r.Ordinal] = dedup.KeyOf(&r.Paper)
		}
		return nil
	})
}

// wait ends it: the keys of all papers are there.
func (h *hashing) wait() {
	h.flush()
	h.work.Wait() //nolint:errcheck // there are no errors
}
