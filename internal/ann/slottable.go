package ann

// slotTable maps ordinals to slots. Ordinals are given out in order by the store,
// so pages of them take 4 bytes for each, where a map takes 20, and are looked up
// in order by filters in a few nanoseconds. Ordinals that are far apart cost a
// page each.
type slotTable struct {
	near []*slotPage // pages of the ordinals below nearOrdinals
	far  map[uint32]*slotPage
	size int
}

const (
	pageBits     = 10
	pageSize     = 1 << pageBits
	nearOrdinals = 1 << 28
)

type slotPage struct {
	slots [pageSize]uint32 // noSlot where there is none
	used  int
}

func newSlotTable() *slotTable { return &slotTable{far: make(map[uint32]*slotPage)} }

// len returns the number of ordinals.
func (t *slotTable) len() int { return t.size }

func (t *slotTable) page(ordinal uint32) *slotPage {
	number := ordinal >> pageBits
	if ordinal >= nearOrdinals {
		return t.far[number]
	}
	if int(number) >= len(t.near) {
		return nil
	}
	return t.near[number]
}

// get returns the slot of an ordinal.
func (t *slotTable) get(ordinal uint32) (slot uint32, ok bool) {
	p := t.page(ordinal)
	if p == nil {
		return 0, false
	}
	slot = p.slots[ordinal%pageSize]
	return slot, slot != noSlot
}

// at returns the slot of an ordinal that is there.
func (t *slotTable) at(ordinal uint32) uint32 {
	slot, _ := t.get(ordinal)
	return slot
}

// set puts an ordinal in a slot.
func (t *slotTable) set(ordinal, slot uint32) {
	p := t.page(ordinal)
	if p == nil {
		p = t.addPage(ordinal >> pageBits)
	}
	at := &p.slots[ordinal%pageSize]
	if *at == noSlot {
		p.used++
		t.size++
	}
	*at = slot
}

func (t *slotTable) addPage(number uint32) *slotPage {
	p := new(slotPage)
	for i := range p.slots {
		p.slots[i] = noSlot
	}
	if number >= nearOrdinals>>pageBits {
		t.far[number] = p
		return p
	}
	for int(number) >= len(t.near) {
		t.near = append(t.near, nil)
	}
	t.near[number] = p
	return p
}

// remove takes an ordinal out. A page that nothing is left on is given back.
func (t *slotTable) remove(ordinal uint32) {
	p := t.page(ordinal)
	if p == nil || p.slots[ordinal%pageSize] == noSlot {
		return
	}
	p.slots[ordinal%pageSize] = noSlot
	t.size--
	if p.used--; p.used > 0 {
		return
	}
	if ordinal >= nearOrdinals {
		delete(t.far, ordinal>>pageBits)
	} else {
		t.near[ordinal>>pageBits] = nil
	}
}

// renumbered returns a copy with moved[slot] in place of each slot.
func (t *slotTable) renumbered(moved []uint32) *slotTable {
	to := &slotTable{near: make([]*slotPage, len(t.near)), far: make(map[uint32]*slotPage, len(t.far)), size: t.size}
	for number, p := range t.near {
		to.near[number] = p.renumbered(moved)
	}
	for number, p := range t.far {
		to.far[number] = p.renumbered(moved)
	}
	return to
}

func (p *slotPage) renumbered(moved []uint32) *slotPage {
	if p == nil {
		return nil
	}
	to := &slotPage{used: p.used}
	for i, slot := range p.slots {
		to.slots[i] = slot
		if slot != noSlot {
			to.slots[i] = moved[slot]
		}
	}
	return to
}

// bytes is the memory of the table, about.
func (t *slotTable) bytes() int64 {
	pages := int64(len(t.far))
	for _, p := range t.near {
		if p != nil {
			pages++
		}
	}
	return pages*(4*pageSize+8) + 8*int64(len(t.near)+2*len(t.far))
}
