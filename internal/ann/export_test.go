package ann

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
)

// State prints everything that decides what a graph answers, for tests that
// compare graphs bit by bit.
func State(g *Graph) string {
	g.writer.Lock()
	defer g.writer.Unlock()
	return fmt.Sprint(g.entry, g.rows.ordinals, string(g.rows.state), g.rows.vectors,
		string(g.links.levels), g.links.base, g.links.upperAt, g.links.upper,
		g.rows.codes, g.rows.scales, g.free, g.dead, g.sweep.condemned, g.sweep.cursor)
}

// LevelOf is the highest layer that an ordinal's node has.
func LevelOf(g *Graph, ordinal uint32) int { return g.levelOf(ordinal) }

// DeleteAndStrand deletes a vector of a higher layer and leaves its node as one
// whose neighbours have all gone before it: descents reach it from the entry
// point, and nothing can be reached from it.
func DeleteAndStrand(g *Graph, ordinal uint32) {
	slot := g.rows.slots.at(ordinal)
	if _, err := g.Delete(ordinal); err != nil {
		panic(err)
	}
	for level := range int(g.links.levels[slot]) + 1 {
		g.links.set(slot, level, 0, nil)
	}
	for level := 1; level <= int(g.links.levels[g.entry]); level++ {
		if level <= int(g.links.levels[slot]) {
			g.links.set(g.entry, level, 0, []uint32{slot})
		} else {
			g.links.set(g.entry, level, 0, nil)
		}
	}
}

// SetAlwaysWalk changes the option of a graph that nobody else uses.
func SetAlwaysWalk(g *Graph, always bool) { g.options.AlwaysWalk = always }

// The order of results, for its tests.
var (
	RankOf = rankOf
	Cosine = cosine
)

// Choose picks links for a node at 0 degrees of a circle from candidates, which
// are named by their positions.
func Choose(degrees []float64, fixed []uint32, limit int) []uint32 {
	r := newRows(2, false)
	var candidates []rank
	for i, d := range degrees {
		sin, cos := math.Sincos(d * math.Pi / 180)
		if _, err := r.add(uint32(i), []float32{float32(cos), float32(sin)}, slotLive); err != nil {
			panic(err)
		}
		candidates = append(candidates, rankOf(float32(cos), uint32(i)))
	}
	var c chooser
	c.begin(&r, fixed)
	return c.fill(candidates, limit)
}

// Rank is what RankOf gives.
type Rank = rank

// Unrank takes a rank apart.
func Unrank(r rank) (score float32, number uint32) { return r.score(), r.number() }

// BestOf keeps the best of ranks as searches do.
func BestOf(ranks []rank, limit int) []rank {
	var b best
	for _, r := range ranks {
		b.offer(r, limit)
	}
	return b.sorted(nil)
}

// HeapSort sorts by pushing and popping.
func HeapSort(ranks []rank) []rank {
	var h heap
	for _, r := range ranks {
		h.push(r)
	}
	var out []rank
	for len(h) > 0 {
		out = append(out, h.pop())
	}
	return out
}

// WithHeaps answers as Search does when it walks, and never with a pool.
func WithHeaps(g *Graph, vector []float32, k, ef int) []Neighbor {
	w := g.borrow()
	p := g.rows.probeOf(vector, w.codes)
	b := beam{query: &p, ef: ef, except: noSlot}
	seed := g.descend(w, &p, 0)
	w.begin(len(g.rows.state))
	seeds := []uint32{seed, g.entry}
	if g.rows.state[seed] == slotLive {
		seeds = seeds[:1]
	}
	w.seeAll(seeds)
	if err := g.searchHeaps(context.Background(), w, &b); err != nil {
		panic(err)
	}
	g.rerank(w, &p, k, nil)
	return neighbors(w.ranks, k, nil)
}

// Codes returns what the codes of two vectors give for their cosine, and the most
// that it can be.
func Codes(a, b []float32) (similarity, most float32) {
	r := newRows(len(a), true)
	if _, err := r.add(0, a, slotLive); err != nil {
		panic(err)
	}
	p := r.probeOf(b, make([]int8, len(b)))
	var g gauge
	similarity = g.compareAll(&r, &p, []uint32{0})[0]
	return similarity, r.margin(&p).above(similarity, r.scales[0])
}

// SlotTable is what maps ordinals to slots.
type SlotTable struct{ t *slotTable }

func NewSlotTable() SlotTable                           { return SlotTable{newSlotTable()} }
func (s SlotTable) Get(ordinal uint32) (uint32, bool)   { return s.t.get(ordinal) }
func (s SlotTable) Set(ordinal, slot uint32)            { s.t.set(ordinal, slot) }
func (s SlotTable) Remove(ordinal uint32)               { s.t.remove(ordinal) }
func (s SlotTable) Len() int                            { return s.t.len() }
func (s SlotTable) Bytes() int64                        { return s.t.bytes() }
func (s SlotTable) Renumbered(moved []uint32) SlotTable { return SlotTable{s.t.renumbered(moved)} }

// Disk is what saving needs of a file system.
type (
	Disk     = disk
	DiskFile = diskFile
)

// OSDisk is the operating system's.
var OSDisk Disk = osDisk{}

// SaveTo is Save to another file system.
func SaveTo(g *Graph, d Disk, path, stamp string) error { return g.saveTo(d, path, stamp) }

// Reseal makes the checksums of a damaged file right again where they can be.
func Reseal(file []byte) {
	if len(file) < filePage {
		return
	}
	seal := func() {
		binary.LittleEndian.PutUint32(file[filePage-4:], checksum(file[:filePage-4]))
	}
	seal()
	h, err := decodeHeader(file[:filePage])
	if err != nil {
		return
	}
	at, _ := h.offsets()
	for i, n := range h.lengths() {
		if n >= 0 && at[i]+n <= int64(len(file)) {
			binary.LittleEndian.PutUint32(file[12+9*4+16+4*i:], checksum(file[at[i]:at[i]+n]))
		}
	}
	seal()
}
