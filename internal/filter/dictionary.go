package filter

import "iter"

// dictionary finds numbers by text that it does not keep: whoever has the numbers says
// whether one has the text. It is an open table (Knuth, The Art of Computer Programming,
// 6.4, algorithm L), which is saved and read as it is. A nil dictionary is empty and
// cannot be added to.
type dictionary struct {
	slots []dictionarySlot // a power of two, or none
	n     int              // numbers
	used  int              // slots that are not empty
}

// dictionarySlot is a place of the table.
type dictionarySlot struct {
	hash uint32
	ref  uint32 // refEmpty, refGone, or a number plus refFirst
}

const (
	refEmpty = iota
	refGone
	refFirst
)

// leastSlots is how many places a table begins with.
const leastSlots = 8

func newDictionary() *dictionary { return new(dictionary) }

// hashText is FNV-1a, folded to 32 bits. Files hold it.
func hashText(s string) uint32 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return uint32(h>>32) ^ uint32(h)
}

func (d *dictionary) len() int {
	if d == nil {
		return 0
	}
	return d.n
}

// find gives the number that has a hash and is the one.
func (d *dictionary) find(hash uint32, is func(number uint32) bool) (number uint32, ok bool) {
	if d == nil || d.n == 0 {
		return 0, false
	}
	mask := uint32(len(d.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch s := d.slots[i]; {
		case s.ref == refEmpty:
			return 0, false
		case s.ref >= refFirst && s.hash == hash && is(s.ref-refFirst):
			return s.ref - refFirst, true
		}
	}
}

// add adds a number that find does not find.
func (d *dictionary) add(hash, number uint32) {
	if 4*(d.used+1) > 3*len(d.slots) {
		d.grow()
	}
	d.put(dictionarySlot{hash, number + refFirst})
	d.n++
}

func (d *dictionary) put(s dictionarySlot) {
	mask := uint32(len(d.slots) - 1)
	i := s.hash & mask
	for d.slots[i].ref >= refFirst {
		i = (i + 1) & mask
	}
	if d.slots[i].ref == refEmpty {
		d.used++
	}
	d.slots[i] = s
}

// grow makes a new table in which half of the places are empty, at least.
func (d *dictionary) grow() {
	old, size := d.slots, leastSlots
	for size < 2*(d.n+1) {
		size *= 2
	}
	d.slots, d.used = make([]dictionarySlot, size), 0
	for _, s := range old {
		if s.ref >= refFirst {
			d.put(s)
		}
	}
}

// remove takes out a number; one that is not there is no fault.
func (d *dictionary) remove(hash, number uint32) {
	if d == nil || d.n == 0 {
		return
	}
	mask := uint32(len(d.slots) - 1)
	for i := hash & mask; d.slots[i].ref != refEmpty; i = (i + 1) & mask {
		if d.slots[i].ref == number+refFirst {
			d.slots[i].ref = refGone
			d.n--
			return
		}
	}
}

// all gives the numbers, in no order.
func (d *dictionary) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		if d == nil {
			return
		}
		for _, s := range d.slots {
			if s.ref >= refFirst && !yield(s.ref-refFirst) {
				return
			}
		}
	}
}
