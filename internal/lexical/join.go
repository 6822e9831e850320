package lexical

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// inTurn joins segments of which nothing is dead and each has only greater ordinals than
// the one before, in whichever order they are given: as an import makes them. Their
// postings are put one behind the other, which takes a part of what it takes to make them
// anew, and gives the same. It gives nil for other segments.
func inTurn(segments []*segment, sources []source) *segment {
	for _, s := range sources {
		if s.dead.n > 0 || s.docs.len() == 0 {
			return nil
		}
	}
	segments = slices.Clone(segments)
	slices.SortFunc(segments, func(a, b *segment) int { return cmp.Compare(a.ordinals[0], b.ordinals[0]) })
	papers, bytes := 0, 0
	for i, s := range segments {
		if i > 0 && s.ordinals[0] <= segments[i-1].ordinals[segments[i-1].len()-1] {
			return nil
		}
		papers, bytes = papers+s.len(), bytes+len(s.records)
	}
	if len(segments) < 2 || bytes > math.MaxUint32 {
		return nil
	}
	out := &segment{docs: docs{
		ordinals: make([]uint32, 0, papers), lengths: make([]uint16, 0, papers),
		offsets: append(make([]uint32, 0, papers+1), 0), records: make([]byte, 0, bytes),
	}}
	parts := make([]part, len(segments))
	for i, s := range segments {
		parts[i] = part{s, uint32(out.len()), 0}
		base := uint32(len(out.records))
		out.ordinals, out.lengths = append(out.ordinals, s.ordinals...), append(out.lengths, s.lengths...)
		out.records = append(out.records, s.records...)
		for _, end := range s.offsets[1:] {
			out.offsets = append(out.offsets, base+end)
		}
	}
	out.join(parts)
	return out
}

// part is a segment that is joined with others: its first paper's new number, and the
// place of its next term.
type part struct {
	*segment
	first uint32
	at    int
}

// join makes the postings of the parts' terms, in the order of their numbers.
func (s *segment) join(parts []part) {
	most, size := 0, packSlack
	for i := range parts {
		most, size = max(most, len(parts[i].terms)), size+len(parts[i].postings)
	}
	s.terms, s.starts = make([]uint32, 0, most), make([]uint32, 0, most)
	s.postings = make([]byte, 0, size)
	var ids, tfs []uint32
	for {
		least, any := uint32(math.MaxUint32), false
		for i := range parts {
			if p := &parts[i]; p.at < len(p.terms) && p.terms[p.at] <= least {
				least, any = p.terms[p.at], true
			}
		}
		if !any {
			break
		}
		ids, tfs = ids[:0], tfs[:0]
		for i := range parts {
			if p := &parts[i]; p.at < len(p.terms) && p.terms[p.at] == least {
				ids, tfs = appendDecoded(ids, tfs, p.postings[p.starts[p.at]:], p.first)
				p.at++
			}
		}
		s.terms, s.starts = append(s.terms, least), append(s.starts, uint32(len(s.postings)))
		s.postings = appendPostings(s.postings, ids, tfs, s.lengths)
	}
	s.postings = append(s.postings, make([]byte, packSlack)...)
}

// appendDecoded appends the documents of encoded postings, which count from first, and
// their frequencies.
func appendDecoded(ids, tfs []uint32, raw []byte, first uint32) (_, _ []uint32) {
	count, n := binary.Uvarint(raw)
	full := int(count) / blockLen
	l := list{headers: raw[n : n+full*headerLen], data: raw[n+full*headerLen:]}
	tail, next := l.data, uint32(0)
	for b := range full {
		var block [blockLen]uint32
		l.readDocs(b, &block)
		for _, doc := range block {
			ids = append(ids, first+doc)
		}
		l.readTFs(b, &block)
		tfs = append(tfs, block[:]...)
		h := l.header(b)
		tail = l.data[int(binary.LittleEndian.Uint32(h[4:]))+packedLen(int(h[8]))+packedLen(int(h[9])):]
		next = l.last(b) + 1
	}
	for range int(count) % blockLen {
		gap, n := binary.Uvarint(tail)
		tail = tail[n:]
		tf := uint64(1)
		if gap&1 == 0 {
			tf, n = binary.Uvarint(tail)
			tail = tail[n:]
		}
		doc := next + uint32(gap>>1)
		ids, tfs, next = append(ids, first+doc), append(tfs, uint32(tf)), doc+1
	}
	return ids, tfs
}
