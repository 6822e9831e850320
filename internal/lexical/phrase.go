package lexical

import (
	"context"
	"slices"
)

// phraseWord is a term at a distance from the first of its phrase.
type phraseWord struct {
	id     uint32
	offset int
}

// phrase is terms at distances from the first.
type phrase []phraseWord

// reader finds phrases in records, reading each record once for all of them.
type reader struct {
	places map[uint32]int // of the terms that are looked for
	marks  marks
	found  [][]int64 // by place: where the record has the term
	full   bool      // found has anything
}

// newReader makes a reader for the terms of phrases.
func newReader(phrases ...[]phrase) *reader {
	r := &reader{places: map[uint32]int{}}
	for _, list := range phrases {
		for _, ph := range list {
			for _, w := range ph {
				if _, ok := r.places[w.id]; !ok {
					r.places[w.id] = len(r.places)
					r.marks.set(w.id)
				}
			}
		}
	}
	r.found = make([][]int64, len(r.places))
	return r
}

// read reads a record.
func (r *reader) read(record []byte) {
	if r.full {
		for i := range r.found {
			r.found[i] = r.found[i][:0]
		}
		r.full = false
	}
	for t := readTokens(record); t.next(); {
		if !r.marks.may(t.id) {
			continue
		}
		if i, ok := r.places[t.id]; ok {
			r.found[i] = append(r.found[i], int64(t.field)<<40+int64(t.position))
			r.full = true
		}
	}
}

// has says whether the record that was read has a phrase: its words at their
// distances, within one field. Words are compared by their stems.
func (r *reader) has(ph phrase) bool {
	rarest := ph[0]
	for _, w := range ph {
		switch n := len(r.found[r.places[w.id]]); {
		case n == 0:
			return false
		case n < len(r.found[r.places[rarest.id]]):
			rarest = w
		}
	}
	for _, at := range r.found[r.places[rarest.id]] {
		start := at - int64(rarest.offset)
		if !slices.ContainsFunc(ph, func(w phraseWord) bool {
			_, ok := slices.BinarySearch(r.found[r.places[w.id]], start+int64(w.offset))
			return !ok
		}) {
			return true
		}
	}
	return false
}

// demands are the phrases and exclusions of a plan, in one part of the index.
type demands struct {
	p *plan
	// having are the documents that have all words of all phrases, nil where there
	// are none; banned those with an excluded word.
	having, banned []uint64
	// must and mustNot are those of several words, and the documents that have all
	// of them.
	must    []phrase
	mustNot []candidates
	reader  *reader
}

// candidates are the documents of a part that have all words of a phrase.
type candidates struct {
	phrase phrase
	bits   []uint64
}

// demands finds what a part has of a plan's phrases and exclusions.
func (v *part) demands(ctx context.Context, p *plan) (*demands, error) {
	d := &demands{p: p}
	var required phrase
	for _, ph := range p.must {
		required = append(required, ph...)
		if len(ph) > 1 {
			d.must = append(d.must, ph)
		}
	}
	var err error
	if len(required) > 0 {
		if d.having, err = v.all(ctx, required); err != nil {
			return nil, err
		}
	}
	for _, ph := range p.mustNot {
		found, err := v.all(ctx, ph)
		if err != nil {
			return nil, err
		}
		switch {
		case len(ph) > 1:
			d.mustNot = append(d.mustNot, candidates{ph, found})
		case d.banned == nil:
			d.banned = found
		default:
			for i := range found {
				d.banned[i] |= found[i]
			}
		}
	}
	if len(d.must)+len(d.mustNot) > 0 {
		d.reader = newReader(p.must, p.mustNot)
	}
	return d, nil
}

// meets says whether a document has what it must, and nothing that it must not.
func (d *demands) meets(v *part, doc uint32) bool {
	at, bit := doc>>6, uint64(1)<<(doc&63)
	if d.having != nil && d.having[at]&bit == 0 || d.banned != nil && d.banned[at]&bit != 0 {
		return false
	}
	read := false
	for _, ph := range d.must {
		if !read {
			d.reader.read(v.record(doc))
			read = true
		}
		if !d.reader.has(ph) {
			return false
		}
	}
	for _, c := range d.mustNot {
		if c.bits[at]&bit == 0 {
			continue
		}
		if !read {
			d.reader.read(v.record(doc))
			read = true
		}
		if d.reader.has(c.phrase) {
			return false
		}
	}
	return true
}

// all marks the documents that have all words of a phrase. Each list of postings
// is read once, the shortest first, and none once no document is left.
func (v *part) all(ctx context.Context, ph phrase) ([]uint64, error) {
	ids := make([]uint32, len(ph))
	for i, w := range ph {
		ids[i] = w.id
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	lists := make([]list, len(ids))
	for i, id := range ids {
		lists[i] = v.list(id)
	}
	slices.SortStableFunc(lists, func(a, b list) int { return a.count - b.count })
	var left, more []uint64
	for i := range lists {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i == 0 {
			left = make([]uint64, (v.len()+63)/64)
			v.mark(left, &lists[i])
			continue
		}
		if more == nil {
			more = make([]uint64, len(left))
		}
		clear(more)
		v.mark(more, &lists[i])
		any := uint64(0)
		for j := range left {
			left[j] &= more[j]
			any |= left[j]
		}
		if any == 0 {
			break
		}
	}
	return left, nil
}

// mark marks the documents of a list.
func (v *part) mark(marked []uint64, l *list) {
	var cur cursor
	cur.open(*l, nil)
	cur.each(0, uint32(v.len()), func(docs, _ []uint32) {
		for _, doc := range docs {
			marked[doc>>6] |= 1 << (doc & 63)
		}
	})
}
