package lexical

import (
	"math"
	"slices"
)

// docs are papers under local numbers, from 0.
type docs struct {
	ordinals []uint32
	lengths  []uint16
	// offsets has one more entry than there are papers.
	offsets []uint32
	records []byte
}

func (d *docs) len() int { return len(d.ordinals) }

func (d *docs) record(local uint32) []byte {
	return d.records[d.offsets[local]:d.offsets[local+1]]
}

// add puts a paper at the end.
func (d *docs) add(ordinal uint32, length uint16, record []byte) {
	if len(d.offsets) == 0 {
		d.offsets = append(d.offsets, 0)
	}
	d.ordinals = append(d.ordinals, ordinal)
	d.lengths = append(d.lengths, length)
	d.records = append(d.records, record...)
	d.offsets = append(d.offsets, uint32(len(d.records)))
}

// find gives the local number of a paper when ordinals are sorted.
func (d *docs) find(ordinal uint32) (uint32, bool) {
	i, ok := slices.BinarySearch(d.ordinals, ordinal)
	return uint32(i), ok
}

// memory is a segment that still grows. Its slices only ever get longer, so
// that a copy of docs, or of a list, is a snapshot.
type memory struct {
	docs
	lists     map[uint32]*memoryList
	byOrdinal map[uint32]uint32
	// earlier has, of each paper, the place that it had here before, or -1.
	earlier []int32
	tallier tallier
}

// memoryList is the postings of one term.
type memoryList struct {
	docs   []uint32
	tfs    []uint32
	maxTF  uint16
	minLen uint16
}

func newMemory() *memory {
	return &memory{lists: map[uint32]*memoryList{}, byOrdinal: map[uint32]uint32{}}
}

// add puts a paper at the end and returns its terms, valid until the next call.
func (m *memory) add(ordinal uint32, record []byte) (counts []termCount, length uint16) {
	counts, length = m.tallier.tally(record)
	local := uint32(m.len())
	m.docs.add(ordinal, length, record)
	before, again := m.byOrdinal[ordinal]
	if !again {
		before = math.MaxUint32
	}
	m.earlier = append(m.earlier, int32(before))
	m.byOrdinal[ordinal] = local
	for _, c := range counts {
		l := m.lists[c.id]
		if l == nil {
			l = &memoryList{minLen: length}
			m.lists[c.id] = l
		}
		l.docs = append(l.docs, local)
		l.tfs = append(l.tfs, uint32(c.tf))
		l.maxTF, l.minLen = max(l.maxTF, c.tf), min(l.minLen, length)
	}
	return counts, length
}

// list gives a snapshot of a term's postings, of the first papers alone.
func (m *memory) list(id uint32, papers int) list {
	l := m.lists[id]
	if l == nil {
		return list{}
	}
	n, _ := slices.BinarySearch(l.docs, uint32(papers))
	return list{count: n, docs: l.docs[:n], tfs: l.tfs[:n], impacts: []impact{{l.maxTF, l.minLen}}}
}

// findAmong gives the place of an ordinal among the first papers: the last one, if
// it has been there more than once.
func (m *memory) findAmong(ordinal uint32, papers int) (local uint32, ok bool) {
	local, ok = m.byOrdinal[ordinal]
	for ok && int(local) >= papers {
		before := m.earlier[local]
		local, ok = uint32(before), before >= 0
	}
	return local, ok
}
