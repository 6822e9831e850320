package lexical

import (
	"unicode/utf8"

	uax29 "github.com/blevesearch/segment"
)

// segment takes a folded text apart at the borders of Unicode Annex 29. Most text is
// ASCII, whose few rules are here; the rest goes to the segmenter, from one space to
// another: nothing joins what stands on both sides of a space, unless a mark stands on it.
func (a *analyser) segment(text []byte) {
	for at := 0; at < len(text); {
		plain := plainUntil(text, at)
		a.segmentASCII(text, at, plain)
		if at = plain; at == len(text) {
			return
		}
		end := foreignUntil(text, at)
		a.segmentForeign(text, at, end)
		at = end
	}
}

// plainUntil gives the end of the ASCII that begins at a place: of the text, or before a
// word that has other characters as well.
func plainUntil(text []byte, at int) int {
	foreign := at
	for foreign < len(text) && text[foreign] < utf8.RuneSelf {
		foreign++
	}
	if foreign == len(text) {
		return foreign
	}
	for i := foreign - 2; i >= at; i-- {
		if text[i] == ' ' {
			return i + 1
		}
	}
	return at
}

// foreignUntil gives the next space with ASCII behind it, after a character that is none;
// from a place before such a character.
func foreignUntil(text []byte, at int) int {
	seen := false
	for i := at; i < len(text); i++ {
		seen = seen || text[i] >= utf8.RuneSelf
		if seen && text[i] == ' ' && (i+1 == len(text) || text[i+1] < utf8.RuneSelf) {
			return i
		}
	}
	return len(text)
}

// segmentForeign leaves a part of a text to the segmenter; its only error is a bad start
// state.
func (a *analyser) segmentForeign(text []byte, at, end int) {
	tokens, types, _, err := uax29.SegmentWordsDirect(text[at:end], a.tokens[:0], a.types[:0])
	a.tokens, a.types = tokens[:0], types[:0]
	if err != nil {
		return
	}
	for i, t := range tokens {
		switch {
		case at < a.behind: // signs of the word before
		case types[i] == uax29.None && !unspaced(t):
			a.between(t)
		default:
			a.token(t, at)
		}
		at += len(t)
	}
}

// The classes of ASCII that Annex 29 tells apart. All others stand alone.
const (
	asciiOther = iota
	asciiLetter
	asciiDigit
	asciiLine   // joins words (ExtendNumLet)
	asciiColon  // between letters (MidLetter)
	asciiComma  // between digits (MidNum)
	asciiPeriod // between letters and between digits (MidNumLet, Single_Quote)
)

// asciiClasses are the classes by character.
var asciiClasses = classesOfASCII() //nolint:gochecknoglobals // a constant table

func classesOfASCII() (classes [256]uint8) {
	for c := byte('a'); c <= 'z'; c++ {
		classes[c], classes[c-'a'+'A'] = asciiLetter, asciiLetter
	}
	for c := byte('0'); c <= '9'; c++ {
		classes[c] = asciiDigit
	}
	classes['_'], classes[':'], classes[','], classes[';'] = asciiLine, asciiColon, asciiComma, asciiComma
	classes['.'], classes['\''] = asciiPeriod, asciiPeriod
	return classes
}

// segmentASCII takes ASCII apart that ends at the end of the text or behind a space.
func (a *analyser) segmentASCII(text []byte, at, end int) {
	for at < end {
		first := at
		simple := true // letters and digits alone
		for ; at < end; at++ {
			class := asciiClasses[text[at]]
			if class == asciiLetter || class == asciiDigit {
				continue
			}
			if class == asciiOther || class != asciiLine && !joins(text, at, end, class) {
				break
			}
			simple = false
		}
		switch {
		case first < a.behind: // signs of the word before
			if at == first {
				at++
			}
		case at == first:
			if a.pending() {
				a.between(text[at : at+1])
			}
			at++
		case simple && !a.pending() && a.whole(text, first, at):
			a.simple(text[first:at], first)
		default:
			a.token(text[first:at], first)
		}
	}
}

// joins says whether a character of a class that joins what is alike does.
func joins(text []byte, at, end int, class uint8) bool {
	if at == 0 || at+1 >= end {
		return false
	}
	before, behind := asciiClasses[text[at-1]], asciiClasses[text[at+1]]
	switch {
	case before != behind:
		return false
	case before == asciiLetter:
		return class != asciiComma
	}
	return before == asciiDigit && class != asciiColon
}

// pending says whether there are words that are not put out yet.
func (a *analyser) pending() bool { return len(a.chain) > 0 || len(a.run) > 0 }

// whole says whether a word of letters and digits is all of its compound, and has no signs
// that may belong to it.
func (a *analyser) whole(text []byte, start, end int) bool {
	if start > 0 && text[start-1] == '.' || end-start > maxWordBytes {
		return false
	}
	if end == len(text) {
		return true
	}
	switch text[end] {
	case '-', '+', '#', '*', '^':
		return false
	}
	return true
}

// simple puts out a word that is whole, as token, endChain and put do.
func (a *analyser) simple(t []byte, at int) {
	w := word{text: t, start: at, end: at + len(t), position: a.position}
	w.formula = variable(t) && (a.folded.formula(w.start, w.end) || beside(a.folded.text, w.start, w.end))
	a.position++
	a.emit(w)
}
