package lexical

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// segment is a part of the index that never changes; which of its papers are
// dead is kept outside. Papers are in the order of their ordinals.
type segment struct {
	docs
	// terms are sorted; the postings of terms[i] begin at starts[i].
	terms    []uint32
	starts   []uint32
	postings []byte
	// name is the file that holds the segment, or empty.
	name string
}

// list gives the postings of a term.
func (s *segment) list(id uint32, room *listRoom) list {
	i, ok := slices.BinarySearch(s.terms, id)
	if !ok {
		return list{}
	}
	return openList(s.postings[s.starts[i]:], room)
}

// count gives the number of a term's postings.
func (s *segment) count(id uint32) int {
	i, ok := slices.BinarySearch(s.terms, id)
	if !ok {
		return 0
	}
	n, _ := binary.Uvarint(s.postings[s.starts[i]:])
	return int(n)
}

// source is papers to build a segment from, and which of them are dead.
type source struct {
	docs *docs
	dead bitset
}

// build makes a segment of the live papers of the sources. An ordinal must be
// alive in one of them only. terms is how many terms there are.
func build(sources []source, terms int) *segment {
	seg := &segment{docs: gathered(sources, func(int, uint32) {})}
	seg.invert(terms)
	return seg
}

// gathered are the live papers of the sources, in the order of their ordinals. put is told
// of each in that order.
func gathered(sources []source, put func(source int, local uint32)) docs {
	type place struct {
		ordinal uint32
		source  int
		local   uint32
	}
	var places []place
	size := 0
	for i, s := range sources {
		for local, ordinal := range s.docs.ordinals {
			if !s.dead.has(uint32(local)) {
				places = append(places, place{ordinal, i, uint32(local)})
				size += len(s.docs.record(uint32(local)))
			}
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.ordinal, b.ordinal) })
	out := docs{
		ordinals: make([]uint32, 0, len(places)),
		lengths:  make([]uint16, 0, len(places)),
		offsets:  append(make([]uint32, 0, len(places)+1), 0),
		records:  make([]byte, 0, size),
	}
	for _, p := range places {
		d := sources[p.source].docs
		out.add(p.ordinal, d.lengths[p.local], d.record(p.local))
		put(p.source, p.local)
	}
	return out
}

// invert makes the postings from the records, in two passes: count, then fill.
func (s *segment) invert(terms int) {
	ends := make([]uint32, terms+1)
	seen := make([]uint32, terms) // the last paper that had the term, from 1
	for local := range uint32(s.len()) {
		for t := readTokens(s.record(local)); t.next(); {
			if seen[t.id] != local+1 {
				seen[t.id] = local + 1
				ends[t.id]++
			}
		}
	}
	total, present := uint32(0), 0
	for id, n := range ends {
		ends[id] = total
		total += n
		if n > 0 {
			present++
		}
	}
	docs, tfs := make([]uint32, total), make([]uint32, total)
	clear(seen)
	for local := range uint32(s.len()) {
		for t := readTokens(s.record(local)); t.next(); {
			if seen[t.id] != local+1 {
				seen[t.id] = local + 1
				docs[ends[t.id]] = local
				ends[t.id]++ // in the end, where the term's postings end
			}
			tf := &tfs[ends[t.id]-1]
			*tf = uint32(capped(*tf + fieldWeight(t.field)))
		}
	}
	s.terms, s.starts = make([]uint32, 0, present), make([]uint32, 0, present)
	from := uint32(0)
	for id, end := range ends[:terms] {
		if end == from {
			continue
		}
		s.terms = append(s.terms, uint32(id))
		s.starts = append(s.starts, uint32(len(s.postings)))
		s.postings = appendPostings(s.postings, docs[from:end], tfs[from:end], s.lengths)
		from = end
	}
	s.postings = append(s.postings, make([]byte, packSlack)...)
}
