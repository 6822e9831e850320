// Package sentence splits a text into sentences and says where they are.
//
// The boundaries are those of Unicode Annex 29, after what does not end a
// sentence in a paper's abstract is masked: the full stops of abbreviations,
// initials, formulas and numbered lists, single line breaks, and full stops that
// a citation follows. Masking keeps every byte at its place, so that offsets are
// those of the text itself.
//
// Split is a pure function and safe for concurrent use. It is made for English
// and knows the marks of other scripts (。！？ and such); the abbreviations of
// other languages are not known.
package sentence

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

const (
	// Most is how many sentences of a text are found; what comes after them
	// belongs to none.
	Most = 64
	// MaxBytes is where a longer sentence is cut, at a space if there is one: it
	// is about what a model of 256 tokens reads.
	MaxBytes = 1000
)

// Span is a sentence's place: the bytes from Start up to End.
type Span struct {
	Start, End int
}

// Of gives the sentence itself.
func (s Span) Of(text string) string { return text[s.Start:s.End] }

// Split finds the sentences of a text: in order, without overlap, without the
// space around them, each of at most MaxBytes and on borders of characters.
// Everything but space is in one of them, up to the limit of Most.
func Split(text string) []Span {
	var found []Span
	masked, state := string(mask(text)), -1
	for at := 0; at < len(text) && len(found) <= Most; {
		var segment string
		segment, masked, state = uniseg.FirstSentenceInString(masked, state)
		s := trim(text, Span{at, at + len(segment)})
		at += len(segment)
		switch last := len(found) - 1; {
		case s.Start == s.End:
		case last >= 0 && !worded(s.Of(text)) && s.End-found[last].Start <= MaxBytes:
			found[last].End = s.End // a lone mark belongs to what it follows
		default:
			found = cut(found, text, s)
		}
	}
	return found[:min(len(found), Most)]
}

// trim leaves out the space around a sentence.
func trim(text string, s Span) Span {
	s.End = s.Start + len(strings.TrimRightFunc(s.Of(text), unicode.IsSpace))
	s.Start = s.End - len(strings.TrimLeftFunc(s.Of(text), unicode.IsSpace))
	return s
}

// worded says whether a text has a letter or a digit.
func worded(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// cut adds a sentence to a list, in pieces if it is too long.
func cut(list []Span, text string, s Span) []Span {
	for s.End-s.Start > MaxBytes {
		at := s.Start + MaxBytes
		for !utf8.RuneStart(text[at]) && at > s.Start+MaxBytes-utf8.UTFMax {
			at--
		}
		if space := strings.LastIndexByte(text[s.Start:at], ' '); space > MaxBytes/2 {
			at = s.Start + space
		}
		if piece := trim(text, Span{s.Start, at}); piece.Start < piece.End {
			list = append(list, piece)
		}
		s = trim(text, Span{at, s.End})
	}
	if s.Start < s.End {
		list = append(list, s)
	}
	return list
}
