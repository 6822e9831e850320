package lexical

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// encode gives the file of a lexicon: terms in the order of their numbers, each
// with the word that is shown for it, and all words in order. A term that no
// live paper has keeps its number and loses its name.
func (l *lexicon) encode() []byte {
	raw := make([]byte, headLen)
	raw = binary.AppendUvarint(raw, uint64(l.len()))
	for id := range uint32(l.len()) {
		term, shown := l.stems.at(id), l.name(id)
		if l.df.at(id) == 0 {
			term, shown = goneTerm(id), ""
		}
		raw = appendString(raw, term)
		if shown == strings.TrimPrefix(term, idMark) {
			shown = ""
		}
		raw = appendString(raw, shown)
	}
	ordered := l.ordered()
	live := 0
	for _, id := range l.of {
		if l.df.at(id) > 0 {
			live++
		}
	}
	raw = binary.AppendUvarint(raw, uint64(live))
	for i := range ordered.n {
		if n := ordered.number(i); l.df.at(l.of[n]) > 0 {
			raw = appendString(raw, l.words.at(n))
			raw = binary.AppendUvarint(raw, uint64(l.of[n]))
		}
	}
	return frame(kindTerms, raw)
}

// goneTerm is the name in the file of a term that no live paper has: one that no
// word and no identifier is.
func goneTerm(id uint32) string { return idMark + "\x00" + strconv.FormatUint(uint64(id), 10) }

// decodeLexicon reads the file of a lexicon. Frequencies are left at 0.
func decodeLexicon(name string, raw []byte) (*lexicon, error) {
	body, err := unframe(name, kindTerms, raw)
	if err != nil {
		return nil, err
	}
	d := &decoder{name: name, raw: body}
	l := newLexicon()
	shown := d.terms(l)
	d.words(l)
	for _, s := range shown {
		n, ok := l.words.find(s.word)
		if !ok && d.err == nil {
			d.failf("shows the word %q for a term, which is not among its words", s.word)
		}
		l.shown[s.id] = n
	}
	return l, d.done()
}

// shownWord is what is shown for a term that is not the term itself.
type shownWord struct {
	id   uint32
	word []byte
}

// terms reads the terms, and gives what is shown for them.
func (d *decoder) terms(l *lexicon) (shown []shownWord) {
	n := int(d.uvarint("terms", min(maxTerms, uint64(len(d.raw)))))
	if d.err == nil {
		size, err := d.measure(n, func(d *decoder) int {
			term := d.part()
			d.part()
			return len(term)
		})
		if err != nil {
			d.err = err
		}
		l.stems.expect(n, size)
		l.shown = make([]uint32, 0, n)
		l.df.grow(n)
	}
	for i := 0; i < n && d.err == nil; i++ {
		term, word := d.part(), d.part()
		if _, twice := l.stems.find(term); twice {
			d.failf("has a term twice")
			break
		}
		l.stems.put(term)
		if l.shown = append(l.shown, noNumber); len(word) > 0 {
			shown = append(shown, shownWord{uint32(i), word})
		}
	}
	return shown
}

// words reads the words, which are in order.
func (d *decoder) words(l *lexicon) {
	n := int(d.uvarint("words", min(maxTerms, uint64(len(d.raw)))))
	most := uint64(max(l.len(), 1) - 1)
	if d.err == nil {
		size, err := d.measure(n, func(d *decoder) int {
			w := d.part()
			d.uvarint("as a term's number", most)
			return len(w)
		})
		if err != nil {
			d.err = err
		}
		l.words.expect(n, size)
		l.of = make([]uint32, 0, n)
	}
	for i := 0; i < n && d.err == nil; i++ {
		w := d.part()
		id := d.uvarint("as a term's number", most)
		if i > 0 && d.err == nil && string(w) <= l.words.at(uint32(i-1)) || l.len() == 0 {
			d.failf("has words that are not in order")
			break
		}
		l.words.put(w)
		l.of = append(l.of, uint32(id))
	}
	l.sorted = wordOrder{n: l.words.len()}
}

// measure reads n things ahead, of which one gives the bytes that are kept.
func (d *decoder) measure(n int, one func(d *decoder) int) (size int, err error) {
	ahead := decoder{name: d.name, raw: d.raw}
	for i := 0; i < n && ahead.err == nil; i++ {
		size += one(&ahead)
	}
	return size, ahead.err
}
