package ann

import (
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

const (
	// noSlot is no slot's number.
	noSlot = math.MaxUint32
	// mostSlots is how many there can be: pool.go keeps two flags beside a slot.
	mostSlots = 1 << 30
)

// rows is a table of vectors of one dimension. A row is known by its slot, its
// position; the ordinals are what callers know. Several ordinals may share one
// row.
//
// Beside each vector is its int8 form (see [vec.Quantize]), if the table is
// coded: a quarter of the memory to wait for, and close enough to tell which
// vectors are worth comparing in full.
type rows struct {
	dimension int
	coded     bool
	vectors   []float32           // shape [slots, dimension], those of mapped left out
	mapped    []float32           // the first slots' vectors, in a file
	codes     []int8              // shape [slots, dimension] if coded
	lvq       bool                // no vectors, but residuals beside the codes
	residuals []uint8             // shape [slots, vec.ResidualBytes(dimension)] if lvq
	scales    []float32           // of codes
	ordinals  []uint32            // of each slot, the first
	sharers   map[uint32][]uint32 // slot -> its further ordinals, where there are any
	shared    int                 // ordinals in sharers
	state     []slotState         // of each slot
	slots     *slotTable          // ordinal -> slot, of live slots only
	// version counts the changes of vectors, and touched says by which each slot's
	// changed last; 0 for those behind its end. layout counts how often the slots
	// were numbered anew. Both may begin anew at 0 without harm.
	version, layout uint32
	touched         []uint32
}

func newRows(dimension int, coded bool) rows {
	return rows{
		dimension: dimension, coded: coded,
		slots: newSlotTable(), sharers: make(map[uint32][]uint32),
	}
}

// follow makes a table the next layout of another.
func (r *rows) follow(before *rows) {
	r.version, r.layout = before.version+1, before.layout+1
	r.touched = nil
}

// touch notes that a slot's vector changes.
func (r *rows) touch(slot uint32) {
	r.version++
	if n := int(slot) + 1 - len(r.touched); n > 0 {
		r.touched = append(r.touched, make([]uint32, n)...)
	}
	r.touched[slot] = r.version
}

// changed says whether a slot's vector changed since a version.
func (r *rows) changed(slot, version uint32) bool {
	return int(slot) < len(r.touched) && r.touched[slot] != 0 && int32(r.touched[slot]-version) > 0
}

// live returns the number of live slots.
func (r *rows) live() int { return r.slots.len() - r.shared }

// share puts an ordinal that is nowhere yet in a live slot beside others.
func (r *rows) share(slot, ordinal uint32) {
	r.sharers[slot] = append(r.sharers[slot], ordinal)
	r.shared++
	r.slots.set(ordinal, slot)
}

// release takes an ordinal out of its slot. If it was the only one there, the
// slot still names it and must not stay live.
func (r *rows) release(ordinal uint32) {
	slot := r.slots.at(ordinal)
	r.slots.remove(ordinal)
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

// sample estimates how many ordinals a filter keeps from some rows.
func (r *rows) sample(keep Set) int {
	const most = 512
	asked, kept := 0, 0
	for slot := 0; slot < len(r.state); slot += 1 + len(r.state)/most {
		if r.state[slot] != slotLive {
			continue
		}
		asked++
		if r.keeps(uint32(slot), keep) {
			kept++
		}
	}
	return r.slots.len() * kept / max(1, asked)
}

// at returns the vector of a slot.
func (r *rows) at(slot uint32) []float32 {
	vectors, from := r.vectors, int(slot)*r.dimension-len(r.mapped)
	if from < 0 {
		vectors, from = r.mapped, from+len(r.mapped)
	}
	return vectors[from : from+r.dimension : from+r.dimension]
}

// code returns the int8 form of a slot's vector.
func (r *rows) code(slot uint32) []int8 {
	from := int(slot) * r.dimension
	return r.codes[from : from+r.dimension : from+r.dimension]
}

// grow makes room for n more rows.
func (r *rows) grow(n int) {
	if r.lvq {
		r.residuals = slices.Grow(r.residuals, n*vec.ResidualBytes(r.dimension))
	} else {
		r.vectors = slices.Grow(r.vectors, n*r.dimension)
	}
	r.ordinals = slices.Grow(r.ordinals, n)
	r.state = slices.Grow(r.state, n)
	r.touched = slices.Grow(r.touched, len(r.state)+n-len(r.touched))
	if r.coded {
		r.codes = slices.Grow(r.codes, n*r.dimension)
		r.scales = slices.Grow(r.scales, n)
	}
}

// add appends a row and returns its slot.
func (r *rows) add(ordinal uint32, vector []float32, state slotState) (uint32, error) {
	if len(r.state) == mostSlots {
		return 0, fullError(len(r.state))
	}
	slot := uint32(len(r.state))
	if !r.lvq {
		r.vectors = append(r.vectors, vector...)
	}
	r.ordinals = append(r.ordinals, ordinal)
	r.state = append(r.state, state)
	r.touch(slot)
	if r.coded {
		r.codes = append(r.codes, make([]int8, r.dimension)...)
		r.scales = append(r.scales, 0)
		if r.lvq {
			r.residuals = append(r.residuals, make([]uint8, vec.ResidualBytes(r.dimension))...)
		}
		r.encode(slot, vector)
	}
	return slot, nil
}

// put writes a row over a free slot.
func (r *rows) put(slot, ordinal uint32, vector []float32, state slotState) {
	if !r.lvq {
		copy(r.at(slot), vector)
	}
	r.touch(slot)
	r.ordinals[slot], r.state[slot] = ordinal, state
	if r.coded {
		r.encode(slot, vector)
	}
}

// wipe forgets what a free slot held, so that no copy of it is saved.
func (r *rows) wipe(slot uint32) {
	if r.lvq {
		clear(r.residual(slot))
	} else {
		clear(r.at(slot))
	}
	if r.coded {
		clear(r.code(slot))
		r.scales[slot] = 0
	}
}
