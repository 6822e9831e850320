package lexical

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// bulkPapers is from how many papers on those that come together become a segment of
// their own: for fewer, more segments would cost searches more than they spare.
const bulkPapers = 256

// UpsertMany is UpsertPrepared of many papers, in their order. Many become a segment,
// which takes less than half of what it takes to grow one paper by paper, and searches
// wait for the moment in which it is put beside the others.
func (x *Index) UpsertMany(ordinals []uint32, papers []*Prepared) error {
	if len(ordinals) < bulkPapers {
		for i, ordinal := range ordinals {
			if err := x.UpsertPrepared(ordinal, papers[i]); err != nil {
				return err
			}
		}
		return nil
	}
	x.write.Lock()
	defer x.write.Unlock()
	if x.closed {
		return closedError()
	}
	seg := x.bulk(ordinals, papers)
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, ordinal := range seg.ordinals {
		if d, _, _ := x.locate(ordinal); d != nil {
			x.remove(ordinal)
		}
	}
	for i, id := range seg.terms {
		n, _ := binary.Uvarint(seg.postings[seg.starts[i]:])
		x.lexicon.df.add(id, uint32(n))
	}
	for _, length := range seg.lengths {
		x.length += uint64(length)
	}
	x.papers += seg.len()
	x.lexicon.sort()
	x.segments = append(slices.Clip(x.segments), sealed{segment: seg})
	x.current = nil
	x.merger.wake()
	return nil
}

// bulk makes a segment of papers; of those with one ordinal, of the last. Words get
// their numbers in the order of the papers. The caller holds the write lock.
func (x *Index) bulk(ordinals []uint32, papers []*Prepared) *segment {
	type place struct {
		ordinal  uint32
		from, to int // in records
		at       int
	}
	places := make([]place, len(ordinals))
	var records []byte
	for i, p := range papers {
		x.number(p, x.term, x.idTerm)
		from := len(records)
		records = appendRecord(records, x.tokens)
		places[i] = place{ordinals[i], from, len(records), i}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.ordinal, b.ordinal), cmp.Compare(a.at, b.at))
	})
	seg := &segment{docs: docs{records: make([]byte, 0, len(records))}}
	for i, p := range places {
		if i+1 < len(places) && places[i+1].ordinal == p.ordinal {
			continue
		}
		record := records[p.from:p.to]
		seg.add(p.ordinal, lengthOf(record), record)
	}
	seg.invert(x.lexicon.len())
	return seg
}

// lengthOf is the weighted length of a record, as tally gives it.
func lengthOf(raw []byte) uint16 {
	total := uint32(0)
	for t := readTokens(raw); t.next(); {
		if t.fresh && t.field != fieldID {
			total += fieldWeight(t.field)
		}
	}
	return capped(total)
}
