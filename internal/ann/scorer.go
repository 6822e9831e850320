package ann

import (
	"math"
	"slices"
)

// Scores implements [Scorer].
func (e *Exact) Scores(dst, query []float32, ordinals []uint32) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.rows.scores(dst, query, ordinals)
}

// Vector implements [Scorer].
func (e *Exact) Vector(ordinal uint32) (vector []float32, found bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.rows.copyOf(ordinal)
}

// Vectors implements [Scorer].
func (e *Exact) Vectors(dst [][]float32, ordinals []uint32) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	e.rows.copies(dst, ordinals)
}

// Scores implements [Scorer].
func (g *Graph) Scores(dst, query []float32, ordinals []uint32) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.rows.scores(dst, query, ordinals)
}

// Vector implements [Scorer].
func (g *Graph) Vector(ordinal uint32) (vector []float32, found bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.rows.copyOf(ordinal)
}

// Vectors implements [Scorer].
func (g *Graph) Vectors(dst [][]float32, ordinals []uint32) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	g.rows.copies(dst, ordinals)
}

// Has says whether there is a vector under an ordinal.
func (g *Graph) Has(ordinal uint32) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	_, ok := g.rows.slots.get(ordinal)
	return ok
}

// Holds says whether the vector under an ordinal is this one, as far as the graph keeps it:
// of one without float32 vectors, whether it is kept in the same codes.
func (g *Graph) Holds(ordinal uint32, vector []float32) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	slot, ok := g.rows.slots.get(ordinal)
	return ok && len(vector) == g.dimension && g.rows.holds(slot, vector)
}

func (r *rows) scores(dst, query []float32, ordinals []uint32) error {
	if err := checkVector("vector", query, r.dimension); err != nil {
		return err
	}
	slots, places := make([]uint32, 0, len(ordinals)), make([]int, 0, len(ordinals))
	for i, o := range ordinals {
		if slot, ok := r.slots.get(o); ok && !r.lvq {
			slots, places = append(slots, slot), append(places, i)
		} else {
			dst[i] = float32(math.NaN())
		}
	}
	scores := make([]float32, len(slots))
	r.inFull(query, slots, scores)
	for i, at := range places {
		dst[at] = scores[i]
	}
	return nil
}

// copyRoom is how many copies of vectors share memory.
const copyRoom = 256

// copies sets dst to copies of vectors, nil where there is none.
func (r *rows) copies(dst [][]float32, ordinals []uint32) {
	var room []float32
	for i, o := range ordinals {
		dst[i] = nil
		slot, ok := r.slots.get(o)
		if !ok || r.lvq {
			continue
		}
		if len(room)+r.dimension > cap(room) {
			room = make([]float32, 0, min(copyRoom, len(ordinals)-i)*r.dimension)
		}
		from := len(room)
		room = append(room, r.at(slot)...)
		dst[i] = room[from:len(room):len(room)]
	}
}

func (r *rows) copyOf(ordinal uint32) ([]float32, bool) {
	slot, ok := r.slots.get(ordinal)
	if !ok || r.lvq {
		return nil, false
	}
	return slices.Clone(r.at(slot)), true
}
