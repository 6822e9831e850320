package ann

import (
	"context"
	"sync"
)

// Exact is an [Index] that compares the query with every vector: always right,
// and in time proportional to the number of vectors. Memory is 5 bytes per
// dimension and vector plus some 15 bytes per vector.
type Exact struct {
	mu    sync.RWMutex
	rows  rows      // guarded by mu; its dimension never changes
	free  []uint32  // slots to use again; guarded by mu
	walks sync.Pool // of *walk
}

// NewExact returns an empty exact index for vectors of the given dimension. It
// compares int8 codes and then, in full, all vectors that can be among the
// nearest by a bound of the codes' error: the answers are those of [NewPlain].
func NewExact(dimension int) (*Exact, error) { return newExact(dimension, true) }

// NewPlain returns an empty exact index that compares every vector in full: the
// plain truth that everything else is tested against.
func NewPlain(dimension int) (*Exact, error) { return newExact(dimension, false) }

func newExact(dimension int, coded bool) (*Exact, error) {
	if err := checkDimension(dimension); err != nil {
		return nil, err
	}
	return &Exact{rows: newRows(dimension, coded)}, nil
}

// Upsert implements [Index].
func (e *Exact) Upsert(ordinal uint32, vector []float32) error {
	if err := checkVector("vector", vector, e.rows.dimension); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if slot, ok := e.rows.slots.get(ordinal); ok {
		e.rows.put(slot, ordinal, vector, slotLive)
		return nil
	}
	if last := len(e.free) - 1; last >= 0 {
		slot := e.free[last]
		e.free = e.free[:last]
		e.rows.put(slot, ordinal, vector, slotLive)
		e.rows.slots.set(ordinal, slot)
		return nil
	}
	slot, err := e.rows.add(ordinal, vector, slotLive)
	if err != nil {
		return err
	}
	e.rows.slots.set(ordinal, slot)
	return nil
}

// Delete implements [Index]. The next new vector takes the gap: rows stay where
// scans under way have seen them.
func (e *Exact) Delete(ordinal uint32) (existed bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &e.rows
	slot, ok := r.slots.get(ordinal)
	if !ok {
		return false, nil
	}
	r.slots.remove(ordinal)
	r.state[slot] = slotFree
	r.wipe(slot)
	e.free = append(e.free, slot)
	return true, nil
}

// Search implements [Index]. EfSearch is checked and has no effect.
func (e *Exact) Search(ctx context.Context, q Query) (Result, error) {
	if err := q.check(e.rows.dimension); err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	w, ok := e.walks.Get().(*walk)
	if !ok {
		w = &walk{codes: make([]int8, e.rows.dimension)}
	}
	defer e.walks.Put(w)
	return w.answer(ctx, &e.mu, &e.rows, q, 0)
}

// Len implements [Index].
func (e *Exact) Len() int {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.rows.slots.len()
}
