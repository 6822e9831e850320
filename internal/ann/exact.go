package ann

import (
	"context"
	"sync"
)

// Exact is an [Index] that compares the query with every vector: always right,
// and in time proportional to the number of vectors. Memory is 4 bytes per
// dimension and vector plus some 30 bytes per vector.
type Exact struct {
	mu   sync.RWMutex
	rows rows // guarded by mu; its dimension never changes
}

// NewExact returns an empty exact index for vectors of the given dimension.
func NewExact(dimension int) (*Exact, error) {
	if err := checkDimension(dimension); err != nil {
		return nil, err
	}
	return &Exact{rows: newRows(dimension)}, nil
}

// Upsert implements [Index].
func (e *Exact) Upsert(ordinal uint32, vector []float32) error {
	if err := checkVector("vector", vector, e.rows.dimension); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if slot, ok := e.rows.slots[ordinal]; ok {
		copy(e.rows.at(slot), vector)
		return nil
	}
	slot, err := e.rows.add(ordinal, vector, slotLive)
	if err != nil {
		return err
	}
	e.rows.slots[ordinal] = slot
	return nil
}

// Delete implements [Index]. The last row moves into the gap, so that rows stay
// in one piece.
func (e *Exact) Delete(ordinal uint32) (existed bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &e.rows
	slot, ok := r.slots[ordinal]
	if !ok {
		return false, nil
	}
	delete(r.slots, ordinal)
	last := uint32(len(r.state) - 1)
	if slot != last {
		r.put(slot, r.ordinals[last], r.at(last), slotLive)
		r.slots[r.ordinals[slot]] = slot
	}
	r.vectors = r.vectors[:int(last)*r.dimension]
	r.ordinals, r.state = r.ordinals[:last], r.state[:last]
	return true, nil
}

// Search implements [Index]. EfSearch is checked and has no effect.
func (e *Exact) Search(ctx context.Context, q Query) (Result, error) {
	if err := q.check(e.rows.dimension); err != nil {
		return Result{}, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	found, compared, err := e.rows.scan(ctx, q.Vector, q.K, q.Keep)
	if err != nil {
		return Result{}, err
	}
	return Result{Neighbors: found, Visited: compared, Plan: PlanScan}, nil
}

// Len implements [Index].
func (e *Exact) Len() int {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return len(e.rows.slots)
}
