package local

import (
	"sync/atomic"

	"akin/internal/catalog"
)

// building is how far a graph is that is being built. It may be read at any time.
type building struct {
	// of is how many vectors it will have, 0 while none is built; has how many it has.
	of, has atomic.Int64
}

func (b *building) begin(of int) {
	b.has.Store(0)
	b.of.Store(int64(max(of, 1)))
}

func (b *building) end() { b.of.Store(0) }

// now says whether a graph is being built, and how much of it is done.
func (b *building) now() (done float64, building bool) {
	of := b.of.Load()
	if of == 0 {
		return 0, false
	}
	return min(float64(b.has.Load())/float64(of), 1), true
}

// Indexes implements catalog.Indexes.
func (v *view) Indexes() []catalog.IndexState {
	vectors := catalog.IndexState{Name: catalog.IndexVectors, Answers: "scan", Sequence: v.sequence}
	if v.index.walks {
		vectors.Answers = "graph"
	}
	vectors.Done, vectors.Building = v.collection.building.now()
	return []catalog.IndexState{vectors, {Name: catalog.IndexWords, Sequence: v.sequence}}
}
