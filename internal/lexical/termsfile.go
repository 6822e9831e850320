package lexical

import (
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// encode gives the file of a lexicon: terms in the order of their numbers, each
// with the word that is shown for it, and all words in order. A term that no
// live paper has keeps its number and loses its name.
func (l *lexicon) encode() []byte {
	raw := make([]byte, headLen)
	raw = binary.AppendUvarint(raw, uint64(len(l.terms)))
	for i, term := range l.terms {
		shown := l.shown[i]
		if l.df.at(uint32(i)) == 0 {
			term, shown = goneTerm(i), ""
		}
		raw = appendString(raw, term)
		if shown == strings.TrimPrefix(term, idMark) {
			shown = ""
		}
		raw = appendString(raw, shown)
	}
	words := slices.Sorted(maps.Keys(l.words))
	words = slices.DeleteFunc(words, func(w string) bool { return l.df.at(l.words[w]) == 0 })
	raw = binary.AppendUvarint(raw, uint64(len(words)))
	for _, w := range words {
		raw = appendString(raw, w)
		raw = binary.AppendUvarint(raw, uint64(l.words[w]))
	}
	return frame(kindTerms, raw)
}

// goneTerm is the name in the file of a term that no live paper has: one that no
// word and no identifier is.
func goneTerm(id int) string { return idMark + "\x00" + strconv.Itoa(id) }

// decodeLexicon reads the file of a lexicon. Frequencies are left at 0.
func decodeLexicon(name string, raw []byte) (*lexicon, error) {
	body, err := unframe(name, kindTerms, raw)
	if err != nil {
		return nil, err
	}
	d := &decoder{name: name, raw: body, text: string(body)}
	n := int(d.uvarint("terms", min(maxTerms, uint64(len(body)))))
	l := &lexicon{terms: make([]string, 0, n), shown: make([]string, 0, n), stems: make(map[string]uint32, n)}
	l.df.grow(n)
	for i := 0; i < n && d.err == nil; i++ {
		term, shown := d.part(maxTermBytes), d.part(maxTermBytes)
		if shown == "" {
			shown = strings.TrimPrefix(term, idMark)
		}
		l.stems[term] = uint32(i)
		l.terms, l.shown = append(l.terms, term), append(l.shown, shown)
	}
	if len(l.stems) != len(l.terms) {
		d.failf("has a term twice")
	}
	words := int(d.uvarint("words", min(maxTerms, uint64(len(body)))))
	l.words, l.sorted = make(map[string]uint32, words), make([]string, 0, words)
	for i := 0; i < words && d.err == nil; i++ {
		w := d.part(maxTermBytes)
		id := d.uvarint("as a term's number", max(uint64(n), 1)-1)
		if i > 0 && d.err == nil && w <= l.sorted[i-1] || n == 0 {
			d.failf("has words that are not in order")
			break
		}
		l.words[w] = uint32(id)
		l.sorted = append(l.sorted, w)
	}
	return l, d.done()
}
