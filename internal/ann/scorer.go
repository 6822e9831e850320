package ann

import (
	"math"
	"slices"

	"akin/internal/vec"
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
	for i, o := range ordinals {
		dst[i] = float32(math.NaN())
		if slot, ok := r.slots.get(o); ok && !r.lvq {
			dst[i] = vec.Dot(query, r.at(slot))
		}
	}
	return nil
}

func (r *rows) copyOf(ordinal uint32) ([]float32, bool) {
	slot, ok := r.slots.get(ordinal)
	if !ok || r.lvq {
		return nil, false
	}
	return slices.Clone(r.at(slot)), true
}
