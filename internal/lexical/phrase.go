package lexical

import (
	"math"
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
}

// phrase is words at distances from the first.
type phrase []slot

// phrase makes a phrase of a text, whose last word may be left open by a *, and
// adds its terms if they shall count. It says whether all of its words are known.
func (x *Index) phrase(p *plan, a *analyser, text string, count bool) (ph phrase, known bool) {
	text, open := opened(text)
	words := a.heard(text)
	known = true
	for i, w := range words {
		s := slot{offset: w.position - words[0].position}
		id, ok := x.lexicon.word([]byte(w.text))
		ok = ok && x.lexicon.df[id] > 0
		switch n := stopWord([]byte(w.text)); {
		case open && i == len(words)-1:
			s.ids = x.openWord(p, w.text, count)
			known = known && len(s.ids) > 0
		case n != 0:
			s.ids, s.stop = []uint32{n}, true
		case !ok:
			known = false
		default:
			s.ids = []uint32{id}
			if count {
				p.add(weighted{id: id, count: 1, kept: true, surface: w.surface})
			}
		}
		ph = append(ph, s)
	}
	return ph, known
}

// heardWord is a word of a phrase.
type heardWord struct {
	text, surface string
	position      int
}

// heard gives the words of a text, each once.
func (a *analyser) heard(text string) (words []heardWord) {
	a.words(text, func(w word) {
		if !w.beside() {
			words = append(words, heardWord{string(w.text), a.surface(text, w), w.position})
		}
	})
	return words
}

// openWord gives all terms that have a word that begins so, sorted.
func (x *Index) openWord(p *plan, begin string, count bool) []uint32 {
	ids := x.lexicon.prefixed(begin, math.MaxInt)
	if count {
		for _, id := range ids[:min(len(ids), maxPrefixed)] {
			p.add(weighted{id: id, count: 1, kept: true, surface: x.lexicon.shown[id]})
		}
	}
	slices.Sort(ids)
	return ids
}

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

// stops says whether the phrase has a stop word.
func (ph phrase) stops() bool {
	return slices.ContainsFunc(ph, func(s slot) bool { return s.stop })
}

// is says whether a token can stand for a word.
func (s *slot) is(t *token) bool {
	if s.stop != (t.field >= fieldTitleStops) {
		return false
	}
	if len(s.ids) == 1 {
		return s.ids[0] == t.id
	}
	_, ok := slices.BinarySearch(s.ids, t.id)
	return ok
}

// in says whether a paper has the phrase: its words at their distances, within
// one field. Words are compared by their stems.
func (ph phrase) in(record []byte) bool {
	last := fieldID
	if ph.stops() {
		last = fieldAbstractStops
	}
	found := make([][]int64, len(ph))
	for t := readUntil(record, last); t.next(); {
		for i := range ph {
			if ph[i].is(&t.token) {
				found[i] = append(found[i], int64(t.field.text())<<40+int64(t.position-ph[i].offset))
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

// candidates are the documents of a segment that have all words of a phrase but
// for stop words, which have no postings.
type candidates struct {
	phrase phrase
	bits   []uint64
}

// match says whether a document has the phrase.
func (c *candidates) match(v *view, doc uint32) bool {
	return c.bits[doc>>6]&(1<<(doc&63)) != 0 && (len(c.phrase) == 1 && !c.phrase[0].stop || c.phrase.in(v.record(doc)))
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

// candidates intersects what a phrase's words are in.
func (v *view) candidates(ph phrase) candidates {
	c := candidates{phrase: ph, bits: make([]uint64, (v.len()+63)/64)}
	for i := range c.bits {
		c.bits[i] = math.MaxUint64
	}
	for _, s := range ph {
		if s.stop {
			continue
		}
		bits := make([]uint64, len(c.bits))
		for _, id := range s.ids {
			v.mark(bits, id)
		}
		for i := range bits {
			c.bits[i] &= bits[i]
		}
	}
	return c
}

// mark sets the bits of the documents that have a term.
func (v *view) mark(bits []uint64, id uint32) {
	var cur cursor
	cur.open(v.list(id), nil)
	cur.each(0, uint32(v.len()), func(docs, _ []uint32) {
		for _, doc := range docs {
			bits[doc>>6] |= 1 << (doc & 63)
		}
	})
}
