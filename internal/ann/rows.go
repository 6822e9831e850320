package ann

import (
	"context"
	"math"
	"slices"

	"akin/internal/vec"
)

// slotState says what a slot of a table holds.
type slotState uint8

const (
	slotFree      slotState = iota // nothing; nobody links to it
	slotReserved                   // a vector on its way in: not linked, not found
	slotLive                       // a vector that can be found
	slotDead                       // deleted: routes searches, is never a result
	slotCondemned                  // deleted, and the sweep under way is unlinking it
)

// noSlot is no slot's number.
const noSlot = math.MaxUint32

// scanStride is how many rows are compared between looks at the context.
const scanStride = 4096

// rows is a table of vectors of one dimension in one piece of memory. A row is
// known by its slot, its position; the ordinals are what callers know. Several
// ordinals may share one row.
type rows struct {
	dimension int
	vectors   []float32           // shape [slots, dimension]
	ordinals  []uint32            // of each slot, the first
	sharers   map[uint32][]uint32 // slot -> its further ordinals, where there are any
	shared    int                 // ordinals in sharers
	state     []slotState         // of each slot
	slots     map[uint32]uint32   // ordinal -> slot, of live slots only
}

func newRows(dimension int) rows {
	return rows{dimension: dimension, slots: make(map[uint32]uint32), sharers: make(map[uint32][]uint32)}
}

// live returns the number of live slots.
func (r *rows) live() int { return len(r.slots) - r.shared }

// share puts an ordinal that is nowhere yet in a live slot beside others.
func (r *rows) share(slot, ordinal uint32) {
	r.sharers[slot] = append(r.sharers[slot], ordinal)
	r.shared++
	r.slots[ordinal] = slot
}

// release takes an ordinal out of its slot. If it was the only one there, the
// slot still names it and must not stay live.
func (r *rows) release(ordinal uint32) {
	slot := r.slots[ordinal]
	delete(r.slots, ordinal)
	others := r.sharers[slot]
	if len(others) == 0 {
		return
	}
	last := others[len(others)-1]
	if r.ordinals[slot] == ordinal {
		r.ordinals[slot] = last
	} else {
		others[slices.Index(others, ordinal)] = last
	}
	r.shared--
	if others = others[:len(others)-1]; len(others) == 0 {
		delete(r.sharers, slot)
	} else {
		r.sharers[slot] = others
	}
}

// keeps says whether a filter, or nil, keeps any ordinal of a slot.
func (r *rows) keeps(slot uint32, keep Set) bool {
	if keep == nil || keep.Contains(r.ordinals[slot]) {
		return true
	}
	if r.shared == 0 {
		return false
	}
	for _, ordinal := range r.sharers[slot] {
		if keep.Contains(ordinal) {
			return true
		}
	}
	return false
}

// offer gives all ordinals of a slot that are kept, with the slot's score, to
// those that compete for limit places.
func (r *rows) offer(found *best, limit int, slot uint32, score float32, keep Set) {
	if ordinal := r.ordinals[slot]; keep == nil || keep.Contains(ordinal) {
		found.offer(rankOf(score, ordinal), limit)
	}
	if r.shared == 0 {
		return
	}
	for _, ordinal := range r.sharers[slot] {
		if keep == nil || keep.Contains(ordinal) {
			found.offer(rankOf(score, ordinal), limit)
		}
	}
}

// at returns the vector of a slot.
func (r *rows) at(slot uint32) []float32 {
	from := int(slot) * r.dimension
	return r.vectors[from : from+r.dimension : from+r.dimension]
}

// grow makes room for n more rows.
func (r *rows) grow(n int) {
	r.vectors = slices.Grow(r.vectors, n*r.dimension)
	r.ordinals = slices.Grow(r.ordinals, n)
	r.state = slices.Grow(r.state, n)
}

// add appends a row and returns its slot.
func (r *rows) add(ordinal uint32, vector []float32, state slotState) (uint32, error) {
	if len(r.state) == noSlot {
		return 0, fullError(len(r.state))
	}
	r.vectors = append(r.vectors, vector...)
	r.ordinals = append(r.ordinals, ordinal)
	r.state = append(r.state, state)
	return uint32(len(r.state) - 1), nil
}

// put writes a row over a free slot.
func (r *rows) put(slot, ordinal uint32, vector []float32, state slotState) {
	copy(r.at(slot), vector)
	r.ordinals[slot], r.state[slot] = ordinal, state
}

// scan compares the query with every live row that is kept, and returns the
// exact k best and how many it compared.
func (r *rows) scan(ctx context.Context, query []float32, k int, keep Set) ([]Neighbor, int, error) {
	k = min(k, len(r.slots))
	if k == 0 {
		return nil, 0, ctx.Err()
	}
	s := scanner{rows: r, query: query, k: k}
	s.found.heap = make(heap, 0, k)
	var err error
	if counted, ok := keep.(CountedSet); ok && counted.GetCardinality() < uint64(len(r.slots)) {
		err = s.overSet(ctx, counted)
	} else {
		err = s.overSlots(ctx, keep)
	}
	if err != nil {
		return nil, s.compared, err
	}
	return neighbors(s.found.sorted(make([]rank, 0, s.found.len())), k), s.compared, nil
}

// scanner is one scan under way.
type scanner struct {
	rows     *rows
	query    []float32
	k        int
	found    best
	compared int
}

// score returns the cosine of the query with a slot's vector.
func (s *scanner) score(slot uint32) float32 {
	s.compared++
	return cosine(vec.Dot(s.query, s.rows.at(slot)))
}

// overSlots goes through memory in order and asks the set about each row.
func (s *scanner) overSlots(ctx context.Context, keep Set) error {
	for at, state := range s.rows.state {
		if at%scanStride == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		slot := uint32(at)
		if state == slotLive && s.rows.keeps(slot, keep) {
			s.rows.offer(&s.found, s.k, slot, s.score(slot), keep)
		}
	}
	return nil
}

// overSet goes through the set and looks each ordinal up.
func (s *scanner) overSet(ctx context.Context, keep CountedSet) error {
	seen := 0
	var err error
	keep.Iterate(func(ordinal uint32) bool {
		if seen%scanStride == 0 {
			if err = ctx.Err(); err != nil {
				return false
			}
		}
		seen++
		if slot, ok := s.rows.slots[ordinal]; ok {
			s.found.offer(rankOf(s.score(slot), ordinal), s.k)
		}
		return true
	})
	return err
}
