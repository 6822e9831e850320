package lexical

import "slices"

// in says whether a paper has the phrase: its words at their distances, within
// one field. Words are compared by their stems.
func (ph phrase) in(record []byte) bool {
	found := make([][]int64, len(ph))
	for t := readTokens(record); t.next(); {
		for i, w := range ph {
			if w.id == t.id {
				found[i] = append(found[i], int64(t.field)<<40+int64(t.position-w.offset))
			}
		}
	}
	starts := found[0]
	for _, places := range found[1:] {
		starts = slices.DeleteFunc(starts, func(at int64) bool {
			_, ok := slices.BinarySearch(places, at)
			return !ok
		})
	}
	return len(starts) > 0
}

// candidates are the documents of a segment that have all words of a phrase.
type candidates struct {
	phrase phrase
	bits   []uint64
}

// match says whether a document has the phrase.
func (c *candidates) match(v *view, doc uint32) bool {
	return c.bits[doc>>6]&(1<<(doc&63)) != 0 && (len(c.phrase) == 1 || c.phrase.in(v.record(doc)))
}

// constrain finds the candidates of all phrases in a segment.
func (p *plan) constrain(v *view) (must, mustNot []candidates) {
	for _, ph := range p.must {
		must = append(must, v.candidates(ph))
	}
	for _, ph := range p.mustNot {
		mustNot = append(mustNot, v.candidates(ph))
	}
	return must, mustNot
}

// candidates intersects the postings of a phrase's words.
func (v *view) candidates(ph phrase) candidates {
	c := candidates{phrase: ph}
	for _, w := range ph {
		bits := make([]uint64, (v.len()+63)/64)
		var cur cursor
		cur.open(v.list(w.id), nil)
		cur.each(0, uint32(v.len()), func(docs, _ []uint32) {
			for _, doc := range docs {
				bits[doc>>6] |= 1 << (doc & 63)
			}
		})
		if c.bits == nil {
			c.bits = bits
			continue
		}
		for i := range bits {
			c.bits[i] &= bits[i]
		}
	}
	return c
}
