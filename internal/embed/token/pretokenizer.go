package token

import (
	"slices"
	"unicode/utf8"
)

// span is a range of bytes of the text as it was given.
type span struct{ start, end int }

// preTokenizer reads normalised words from a text one at a time, as BertNormalizer
// and BertPreTokenizer would make them. It holds no more of a word than limit
// characters, however long the word is.
type preTokenizer struct {
	table *charTable
	text  string
	limit int  // longer words are only measured
	spans bool // whether to fill at

	pos     int
	rest    []action // what is left of a character that became several
	restAt  span
	pending []rune // marks that are not in order yet

	// The word that next has read.
	word  []byte // its normalised form; incomplete when chars > limit
	chars int    // its length in characters
	at    []span // where each of its characters comes from
	whole span   // where all of it comes from
}

// reset starts a new text and keeps the buffers.
func (s *preTokenizer) reset(text string, spans bool) {
	s.text, s.spans = text, spans
	s.pos, s.rest = 0, nil
}

// next reads a word. It returns false at the end of the text.
func (s *preTokenizer) next() bool {
	s.word, s.at, s.pending, s.chars = s.word[:0], s.at[:0], s.pending[:0], 0
	for {
		s.takeASCII()
		a, at, ok := s.peek()
		if !ok {
			s.settle()
			return s.chars > 0
		}
		switch a.kind() {
		case letter:
			s.settle()
			s.add(a.rune(), at)
		case mark:
			s.addMark(a.rune(), at)
		case boundary:
			s.settle()
		case space:
			if s.chars > 0 {
				s.settle()
				s.skip(at)
				return true
			}
		case alone:
			if s.chars > 0 { // it is read again as the next word
				s.settle()
				return true
			}
			s.add(a.rune(), at)
			s.skip(at)
			return true
		case several:
			s.pos = at.end
			s.rest, s.restAt = s.table.sequence(a), at
			continue
		}
		s.skip(at)
	}
}

// takeASCII reads as many ASCII word characters as there are.
func (s *preTokenizer) takeASCII() {
	if len(s.rest) > 0 {
		return
	}
	start, end := s.pos, s.pos
	for end < len(s.text) && s.text[end] < utf8.RuneSelf && s.table.ascii[s.text[end]] != 0 {
		end++
	}
	if start == end {
		return
	}
	s.settle()
	if s.chars == 0 {
		s.whole.start = start
	}
	room := max(0, s.limit-s.chars)
	s.chars += end - start
	s.whole.end = end
	s.pos = end
	for i := start; i < min(end, start+room); i++ {
		s.word = append(s.word, s.table.ascii[s.text[i]])
		if s.spans {
			s.at = append(s.at, span{i, i + 1})
		}
	}
}

// peek tells the next action without taking it, and the bytes that it is for.
func (s *preTokenizer) peek() (action, span, bool) {
	if len(s.rest) > 0 {
		return s.rest[0], s.restAt, true
	}
	if s.pos >= len(s.text) {
		return 0, span{}, false
	}
	r, size := decodeRune(s.text[s.pos:])
	a := s.table.action(r)
	if a == keep {
		a = letter | action(r)
	}
	return a, span{s.pos, s.pos + size}, true
}

// skip takes the action that peek told.
func (s *preTokenizer) skip(at span) {
	if len(s.rest) > 0 {
		s.rest = s.rest[1:]
		return
	}
	s.pos = at.end
}

// add appends a character to the word.
func (s *preTokenizer) add(r rune, at span) {
	if s.extend(at) {
		s.word = utf8.AppendRune(s.word, r)
	}
}

// addMark keeps a mark back until it is known which others it must be ordered
// with.
func (s *preTokenizer) addMark(r rune, at span) {
	if s.extend(at) {
		s.pending = append(s.pending, r)
	}
}

// extend counts a character and says whether the word still has room for it.
func (s *preTokenizer) extend(at span) bool {
	if s.chars == 0 {
		s.whole.start = at.start
	}
	s.whole.end = at.end
	s.chars++
	if s.chars > s.limit {
		return false
	}
	if s.spans {
		s.at = append(s.at, at)
	}
	return true
}

// settle puts the pending marks into canonical order (The Unicode Standard,
// definition D109) and appends them. Only marks that strip_accents leaves are
// here; those that it deletes could not have changed the order of the others.
// Where they come from is not reordered with them, so that offsets never go
// backwards.
func (s *preTokenizer) settle() {
	if len(s.pending) == 0 {
		return
	}
	if len(s.pending) > 1 {
		slices.SortStableFunc(s.pending, func(a, b rune) int {
			return int(combiningClass(a) - combiningClass(b))
		})
	}
	for _, r := range s.pending {
		s.word = utf8.AppendRune(s.word, r)
	}
	s.pending = s.pending[:0]
}

// decodeRune is [utf8.DecodeRuneInString], except that an invalid sequence is
// as long as its maximal subpart (The Unicode Standard, table 3-8), which is
// what Python and Rust replace by one U+FFFD.
func decodeRune(s string) (rune, int) {
	r, size := utf8.DecodeRuneInString(s)
	if r != utf8.RuneError || size != 1 {
		return r, size
	}
	lo, hi, need := byte(0x80), byte(0xBF), 0
	switch c := s[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c >= 0xE0 && c <= 0xEF:
		need = 2
	case c >= 0xF0 && c <= 0xF4:
		need = 3
	}
	switch s[0] { // no overlong forms, no surrogates, nothing above U+10FFFF
	case 0xE0:
		lo = 0xA0
	case 0xED:
		hi = 0x9F
	case 0xF0:
		lo = 0x90
	case 0xF4:
		hi = 0x8F
	}
	for size <= need && size < len(s) && s[size] >= lo && s[size] <= hi {
		lo, hi = 0x80, 0xBF
		size++
	}
	return r, size
}
