package lexical

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// slot is one word of a phrase.
type slot struct {
	// ids are the terms that it may be, sorted; of a stop word, its number.
	ids  []uint32
	stop bool
	// offset is its distance from the first word.
	offset int
	// place is where a reader finds it.
	place int32
}

// phrase is words at distances from the first.
type phrase []slot

// single says that whoever has the postings of the phrase has the phrase: it is one
// word, and no stop word, which have none.
func (ph phrase) single() bool { return len(ph) == 1 && !ph[0].stop }

// opened cuts off a * that leaves the last word of a phrase open: one behind at
// least minPrefix characters, as A* is a name.
func opened(text string) (string, bool) {
	stem, ok := strings.CutSuffix(text, "*")
	if !ok {
		return text, false
	}
	long := 0
	for i := len(stem); i > 0; long++ {
		r, size := utf8.DecodeLastRuneInString(stem[:i])
		if !alphanumeric(r) && !unicode.IsMark(r) {
			break
		}
		i -= size
	}
	if long < minPrefix {
		return text, false
	}
	return stem, true
}

// spots gives the words of phrases their places.
type spots struct {
	// of leads from a term, or from a stop word, which is marked, to the places of
	// the words that it may be.
	of map[uint64][]int32
	// single has those of words that are one term.
	single map[uint64]int32
	marks  marks
	n      int32
	stops  bool // whether there are stop words
}

// stopMark tells stop words from terms.
const stopMark = 1 << 32

func (s *slot) key(id uint32) uint64 {
	if s.stop {
		return stopMark | uint64(id)
	}
	return uint64(id)
}

// place gives a word its place: its own, or that of the same word before.
func (p *spots) place(s *slot) int32 {
	if p.of == nil {
		p.of, p.single = make(map[uint64][]int32), make(map[uint64]int32)
	}
	p.stops = p.stops || s.stop
	at := p.n
	if len(s.ids) == 1 {
		if known, ok := p.single[s.key(s.ids[0])]; ok {
			return known
		}
		p.single[s.key(s.ids[0])] = at
	}
	p.n++
	for _, id := range s.ids {
		p.marks.set(id)
		key := s.key(id)
		p.of[key] = append(p.of[key], at)
	}
	return at
}

// reader finds phrases in records, reading each record once for all of them. It
// belongs to one goroutine.
type reader struct {
	*spots
	found [][]int64 // by place: where the record has the word
	full  bool      // found has anything
}

// reader gives what reads records for the plan; nil if it has no phrases.
func (p *plan) reader() *reader {
	if p.spots.n == 0 {
		return nil
	}
	return &reader{spots: &p.spots, found: make([][]int64, p.spots.n)}
}

// read reads a record.
func (r *reader) read(record []byte) {
	if r.full {
		for i := range r.found {
			r.found[i] = r.found[i][:0]
		}
		r.full = false
	}
	last := fieldID
	if r.stops {
		last = fieldAbstractStops
	}
	for t := readUntil(record, last); t.next(); {
		if !r.marks.may(t.id) {
			continue
		}
		key := uint64(t.id)
		if t.field >= fieldTitleStops {
			key |= stopMark
		}
		for _, i := range r.of[key] {
			r.found[i] = append(r.found[i], int64(t.field.text())<<40+int64(t.position))
			r.full = true
		}
	}
}

// has says whether the record that was read has a phrase: its words at their
// distances, within one field. Words are compared by their stems.
func (r *reader) has(ph phrase) bool {
	rarest := &ph[0]
	for i := range ph {
		switch n := len(r.found[ph[i].place]); {
		case n == 0:
			return false
		case n < len(r.found[rarest.place]):
			rarest = &ph[i]
		}
	}
	for _, at := range r.found[rarest.place] {
		start := at - int64(rarest.offset)
		if !slices.ContainsFunc(ph, func(s slot) bool {
			_, ok := slices.BinarySearch(r.found[s.place], start+int64(s.offset))
			return !ok
		}) {
			return true
		}
	}
	return false
}

// demands are the phrases and exclusions of a plan, in one leaf of the index.
type demands struct {
	p *plan
	// having are the documents that have all words of all phrases, nil for all
	// documents; banned those with an excluded word.
	having, banned []uint64
	// must and mustNot are those that postings do not decide.
	must    []phrase
	mustNot []candidates
	reader  *reader
}

// candidates are the documents of a leaf that have all words of a phrase but for
// stop words, which have no postings; nil bits are all documents.
type candidates struct {
	phrase phrase
	bits   []uint64
}

// demands finds what a leaf has of a plan's phrases and exclusions.
func (v *leaf) demands(ctx context.Context, p *plan) (*demands, error) {
	d := &demands{p: p}
	var required phrase
	for _, ph := range p.must {
		required = append(required, ph...)
		if !ph.single() {
			d.must = append(d.must, ph)
		}
	}
	var err error
	if d.having, err = v.all(ctx, required); err != nil {
		return nil, err
	}
	for _, ph := range p.mustNot {
		found, err := v.all(ctx, ph)
		if err != nil {
			return nil, err
		}
		switch {
		case !ph.single():
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
		d.reader = p.reader()
	}
	return d, nil
}

// meets says whether a document has what it must, and nothing that it must not.
func (d *demands) meets(v *leaf, doc uint32) bool {
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
		if c.bits != nil && c.bits[at]&bit == 0 {
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

// all marks the documents that have all words of a phrase but for stop words; nil
// is all documents. The postings of a word are read once, the rarest's first, and
// none once no document is left.
func (v *leaf) all(ctx context.Context, ph phrase) ([]uint64, error) {
	words, seen := make([]rare, 0, len(ph)), make(map[int32]bool, len(ph))
	for i := range ph {
		if s := &ph[i]; !s.stop && !seen[s.place] {
			seen[s.place] = true
			words = append(words, v.rare(s))
		}
	}
	slices.SortStableFunc(words, func(a, b rare) int { return a.count - b.count })
	var left, more []uint64
	for _, w := range words {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if left == nil {
			left, more = make([]uint64, (v.len()+63)/64), make([]uint64, (v.len()+63)/64)
			v.markAll(left, w.slot)
			continue
		}
		clear(more)
		v.markAll(more, w.slot)
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

// rare is a word of a phrase and how many postings it has.
type rare struct {
	*slot
	count int
}

func (v *leaf) rare(s *slot) rare {
	r := rare{slot: s}
	for _, id := range s.ids {
		r.count += v.count(id)
	}
	return r
}

// markAll marks the documents that have a word.
func (v *leaf) markAll(marked []uint64, s *slot) {
	var room listRoom
	for _, id := range s.ids {
		l := v.listIn(id, &room)
		v.mark(marked, &l)
	}
}

// mark marks the documents of a list.
func (v *leaf) mark(marked []uint64, l *list) {
	var cur cursor
	cur.open(*l, nil, v.lengths)
	cur.each(0, uint32(v.len()), func(docs, _ []uint32) {
		for _, doc := range docs {
			marked[doc>>6] |= 1 << (doc & 63)
		}
	})
}
