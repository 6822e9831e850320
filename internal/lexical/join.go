package lexical

import (
	"encoding/binary"
	"math"
	"slices"
)

// join makes a segment of the live papers of segments, which are those of the sources. It
// gives what build does, of the postings that there are instead of all words anew, which
// takes a part of the time.
func join(segments []*segment, sources []source) *segment {
	parts := make([]part, len(segments))
	for i, s := range segments {
		parts[i] = part{segment: s, numbers: make([]uint32, s.len())}
		for local := range parts[i].numbers {
			parts[i].numbers[local] = gone
		}
	}
	n := uint32(0)
	out := &segment{docs: gathered(sources, func(source int, local uint32) {
		parts[source].numbers[local] = n
		n++
	})}
	out.joinPostings(parts)
	return out
}

// gone is the new number of what is dead.
const gone = math.MaxUint32

// part is a segment that is joined with others: the new numbers of its papers, and the
// place of its next term.
type part struct {
	*segment
	numbers []uint32
	at      int
}

// next gives the number of the part's next term, and whether there is one.
func (p *part) next() (uint32, bool) {
	if p.at == len(p.terms) {
		return 0, false
	}
	return p.terms[p.at], true
}

// joinPostings makes the postings of the parts' terms, in the order of their numbers.
func (s *segment) joinPostings(parts []part) {
	most, size := 0, packSlack
	for i := range parts {
		most, size = max(most, len(parts[i].terms)), size+len(parts[i].postings)
	}
	s.terms, s.starts, s.postings = make([]uint32, 0, most), make([]uint32, 0, most), make([]byte, 0, size)
	var postings []posting
	var ids, tfs []uint32
	for {
		least, any := uint32(math.MaxUint32), false
		for i := range parts {
			if term, ok := parts[i].next(); ok {
				least, any = min(least, term), true
			}
		}
		if !any {
			break
		}
		postings = postings[:0]
		for i := range parts {
			if term, ok := parts[i].next(); ok && term == least {
				postings = parts[i].take(postings)
			}
		}
		if !slices.IsSorted(postings) { // papers of several parts lie between each other
			slices.Sort(postings)
		}
		if len(postings) == 0 {
			continue
		}
		ids, tfs = ids[:0], tfs[:0]
		for _, p := range postings {
			ids, tfs = append(ids, uint32(p>>32)), append(tfs, uint32(p))
		}
		s.terms, s.starts = append(s.terms, least), append(s.starts, uint32(len(s.postings)))
		s.postings = appendPostings(s.postings, ids, tfs, s.lengths)
	}
	s.postings = append(s.postings, make([]byte, packSlack)...)
}

// posting is a paper's number and, below it, a frequency.
type posting uint64

// take appends the postings of the part's next term, under their new numbers, without the
// dead.
func (p *part) take(out []posting) []posting {
	put := func(doc, tf uint32) {
		if n := p.numbers[doc]; n != gone {
			out = append(out, posting(n)<<32|posting(tf))
		}
	}
	raw := p.postings[p.starts[p.at]:]
	p.at++
	count, n := binary.Uvarint(raw)
	full := int(count) / blockLen
	l := list{headers: raw[n : n+full*headerLen], data: raw[n+full*headerLen:]}
	for b := range full {
		var ids, tfs [blockLen]uint32
		l.readDocs(b, &ids)
		l.readTFs(b, &tfs)
		for i, doc := range ids {
			put(doc, tfs[i])
		}
	}
	tail, next := l.behind(full)
	for range int(count) % blockLen {
		var doc, tf uint32
		doc, tf, tail = cutPosting(tail, next)
		next = doc + 1
		put(doc, tf)
	}
	return out
}
