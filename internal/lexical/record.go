package lexical

import (
	"encoding/binary"
	"math"
	"slices"
)

// field is a part of a paper's text.
type field int

const (
	fieldTitle field = iota
	fieldAbstract
	fieldID
	// Stop words stand in fields of their own, behind the others, under their
	// numbers rather than those of terms. Only phrases read them.
	fieldTitleStops
	fieldAbstractStops
	fields
)

// text gives the field of a paper that a token is from.
func (f field) text() field {
	if f >= fieldTitleStops {
		return f - fieldTitleStops
	}
	return f
}

// titleWeight is how often a word of the title counts (BM25F with one length
// for both fields; Robertson and Zaragoza, 2009, section 3.6). Measured: see
// docs/adr.
const titleWeight = 3

// fieldWeight is how often a word of the field counts in tf and length.
func fieldWeight(f field) uint32 {
	switch f {
	case fieldTitle:
		return titleWeight
	case fieldAbstract:
		return 1
	}
	return 1
}

// token is a term at a place of a paper.
type token struct {
	id    uint32
	field field
	// position counts from the field's beginning.
	position int
	// fresh says that no earlier token has this position: it counts for the
	// paper's length.
	fresh bool
}

// A record is a paper's tokens in their order: what phrases, term vectors,
// deletions and merges read. It begins with the number of tokens of each field.
// A token is a varint of its term and two bits: how far the position moves, 1,
// 2, 0, or 3 for "see the varint behind".

// appendRecord encodes tokens, which are sorted by field and position.
func appendRecord(out []byte, tokens []token) []byte {
	var counts [fields]uint64
	for _, t := range tokens {
		counts[t.field]++
	}
	for _, n := range counts {
		out = binary.AppendUvarint(out, n)
	}
	at, in := -1, fieldTitle
	for _, t := range tokens {
		if t.field != in {
			at, in = -1, t.field
		}
		step := t.position - at
		at = t.position
		switch step {
		case 1:
			out = binary.AppendUvarint(out, uint64(t.id)<<2)
		case 2:
			out = binary.AppendUvarint(out, uint64(t.id)<<2|1)
		case 0:
			out = binary.AppendUvarint(out, uint64(t.id)<<2|2)
		default:
			out = binary.AppendUvarint(out, uint64(t.id)<<2|3)
			out = binary.AppendUvarint(out, uint64(step))
		}
	}
	return out
}

// tokens reads a record.
type tokens struct {
	raw    []byte
	counts [fields]uint64
	last   field
	token
}

// readTokens begins to read the terms of a record, before the first.
func readTokens(raw []byte) tokens { return readUntil(raw, fieldID) }

// readUntil begins to read the fields of a record up to the last one given.
func readUntil(raw []byte, last field) tokens {
	t := tokens{raw: raw, last: last}
	t.position = -1
	for f := range t.counts {
		t.counts[f] = t.varint()
	}
	return t
}

// varint reads a number; a damaged one reads as 0 and ends the record.
func (t *tokens) varint() uint64 {
	if len(t.raw) > 0 && t.raw[0] < 0x80 {
		n := t.raw[0]
		t.raw = t.raw[1:]
		return uint64(n)
	}
	n, size := binary.Uvarint(t.raw)
	if size <= 0 {
		t.raw = nil
		return 0
	}
	t.raw = t.raw[size:]
	return n
}

// next moves to the next token and says whether there is one.
func (t *tokens) next() bool {
	for t.counts[t.field] == 0 {
		if t.field == t.last {
			return false
		}
		t.field++
		t.position = -1
	}
	if len(t.raw) == 0 {
		return false
	}
	t.counts[t.field]--
	n := t.varint()
	t.id = uint32(n >> 2)
	step := 1
	switch n & 3 {
	case 1:
		step = 2
	case 2:
		step = 0
	case 3:
		step = int(t.varint() & math.MaxUint32)
	}
	t.fresh = step != 0
	t.position += step
	return true
}

// termCount is a term of a paper and its weighted frequency.
type termCount struct {
	id uint32
	tf uint16
}

// tallier counts the terms of records, reusing its memory.
type tallier struct {
	all    []uint64 // term << 32 | weight
	counts []termCount
}

// tally gives the terms of a record in the order of their numbers, valid until
// the next call, and the paper's weighted length; both are capped at 65,535.
func (y *tallier) tally(raw []byte) (counts []termCount, length uint16) {
	return y.tallyFields(raw, fieldID)
}

// tallyFields is tally of the fields up to the last one given.
func (y *tallier) tallyFields(raw []byte, last field) (counts []termCount, length uint16) {
	y.all, y.counts = y.all[:0], y.counts[:0]
	total := uint32(0)
	for t := readUntil(raw, last); t.next(); {
		w := fieldWeight(t.field)
		if t.fresh && t.field != fieldID {
			total += w
		}
		y.all = append(y.all, uint64(t.id)<<32|uint64(w))
	}
	slices.Sort(y.all)
	for i := 0; i < len(y.all); {
		id, tf := uint32(y.all[i]>>32), uint32(0)
		for ; i < len(y.all) && uint32(y.all[i]>>32) == id; i++ {
			tf += uint32(y.all[i])
		}
		y.counts = append(y.counts, termCount{id, capped(tf)})
	}
	return y.counts, capped(total)
}

func capped(n uint32) uint16 { return uint16(min(n, math.MaxUint16)) }
