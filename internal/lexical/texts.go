package lexical

import (
	"hash/maphash"
	"math"
	"unsafe"
)

// texts are short texts by number, one behind another in memory: a text takes two bytes
// beside its own, where a string takes sixteen and one in a map some fifty. Nothing is ever
// taken out or changed, so that a copy is a snapshot.
type texts struct {
	bytes []byte
	// bases are where blocks of texts begin, ends where each text ends in its block.
	bases []uint64
	ends  []uint16
}

// textBlock is how many texts a block has: as many as cannot have more than 64 KiB.
const textBlock = (1 << 16) / 2 / maxTermBytes

// len is how many texts there are.
func (t *texts) len() int { return len(t.ends) }

// at gives a text that there is. It shares the memory, which never changes.
func (t *texts) at(n uint32) string {
	base, from := t.bases[n/textBlock], uint64(0)
	if n%textBlock > 0 {
		from = uint64(t.ends[n-1])
	}
	return viewOf(t.bytes[base+from : base+uint64(t.ends[n])])
}

// viewOf gives bytes that never change as text, without copying them.
func viewOf(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // the same bytes, and their number
}

// add puts a text of at most twice maxTermBytes behind the others and gives its number; what
// is longer is cut.
func (t *texts) add(text []byte) uint32 {
	n := uint32(len(t.ends))
	if n%textBlock == 0 {
		t.bases = append(t.bases, uint64(len(t.bytes)))
	}
	t.bytes = append(t.bytes, text[:min(len(text), 2*maxTermBytes-1)]...)
	t.ends = append(t.ends, uint16(uint64(len(t.bytes))-t.bases[n/textBlock]))
	return n
}

// grow makes room for texts that have so many bytes in all.
func (t *texts) grow(n, size int) {
	t.bytes = append(make([]byte, 0, len(t.bytes)+size), t.bytes...)
	t.ends = append(make([]uint16, 0, len(t.ends)+n), t.ends...)
	t.bases = append(make([]uint64, 0, (len(t.ends)+n)/textBlock+1), t.bases...)
}

// namer finds the numbers of texts, each of which is there once. It is open tables (Knuth,
// The Art of Computer Programming, 6.4, algorithm L) of numbers, beside each of which are
// four bits of the text's hash: most of the texts that are not the one are never looked at.
// There are many small tables, so that nobody waits for a large one that grows.
type namer struct {
	texts
	seed   maphash.Seed
	tables [nameTables]nameTable
}

// nameTable is a table of some of the texts.
type nameTable struct {
	slots []uint32
	n     int
}

const (
	nameTables = 64
	// numberBits are those of a slot that are the number, of which there are no more than
	// maxTerms.
	numberBits = 28
	numberMask = 1<<numberBits - 1
	// noNumber is what no slot of a number is: its mark is below 15.
	noNumber   = math.MaxUint32
	leastSlots = 8
)

func newNamer() *namer { return &namer{seed: maphash.MakeSeed()} }

// place gives where the search for a text begins in its table, and the mark beside its
// number.
func (n *namer) place(text []byte) (t *nameTable, at int, mark uint32) {
	hash := maphash.Bytes(n.seed, text)
	t = &n.tables[hash>>32%nameTables]
	return t, int(hash & math.MaxUint32 * uint64(len(t.slots)) >> 32), uint32(hash>>40) % 15 << numberBits
}

// find gives the number of a text.
func (n *namer) find(text []byte) (number uint32, ok bool) {
	t, at, mark := n.place(text)
	if len(t.slots) == 0 {
		return 0, false
	}
	for t.slots[at] != noNumber {
		if slot := t.slots[at]; slot&^numberMask == mark && n.at(slot&numberMask) == string(text) {
			return slot & numberMask, true
		}
		if at++; at == len(t.slots) {
			at = 0
		}
	}
	return 0, false
}

// named is find of what is a string already.
func (n *namer) named(text string) (number uint32, ok bool) { return n.find([]byte(text)) }

// put adds a text that find does not find.
func (n *namer) put(text []byte) uint32 {
	t, _, _ := n.place(text)
	if 4*(t.n+1) > 3*len(t.slots) {
		n.spread(t, max(leastSlots, len(t.slots)*3/2))
	}
	t.n++
	number := n.add(text)
	n.enter(number)
	return number
}

func (n *namer) enter(number uint32) {
	t, at, mark := n.place(bytesIn(n.at(number)))
	for t.slots[at] != noNumber {
		if at++; at == len(t.slots) {
			at = 0
		}
	}
	t.slots[at] = mark | number
}

// bytesIn gives the bytes of a text, which nobody may change.
func bytesIn(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s)) //nolint:gosec // the same bytes, and their number
}

// spread gives a table so many places.
func (n *namer) spread(t *nameTable, size int) {
	before := t.slots
	t.slots = make([]uint32, size)
	for i := range t.slots {
		t.slots[i] = noNumber
	}
	for _, slot := range before {
		if slot != noNumber {
			n.enter(slot & numberMask)
		}
	}
}

// expect makes room for so many texts that have so many bytes in all, of which there are
// none yet.
func (n *namer) expect(count, size int) {
	n.grow(count, size)
	const part, spare = 7, 10 // of the places are taken
	for i := range n.tables {
		n.spread(&n.tables[i], max(leastSlots, count/nameTables*spare/part+leastSlots))
	}
}
