// Package unify makes different spellings of one text the same, so that what is
// compared in a filter and what is looked for in a search agree.
//
// # Duty
//
// [Canon] is for values that must be equal: canonically equivalent texts (Unicode
// Annex 15) become one, and invisible characters vanish. [Fold] takes their case
// away as well. [Plain] is for words: it also strips accents and vowel marks and
// replaces characters by what they are compatible with. [Next] is Plain one step at
// a time, for callers that keep track of places. [NextWord] gives the words of a text,
// and [Unspaced] says in which scripts each letter is one. [Spelling] gives one spelling of
// words that British and American write differently, for searches alone.
//
// # Concurrency
//
// All functions are pure.
//
// # Caveats
//
// Nothing here knows languages: ä is a, and not ae.
package unify

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Canon gives the composed form of a text (NFC) without invisible characters: soft
// hyphens, joiners, marks of direction, and selectors of variants.
func Canon(s string) string {
	if ascii(s) {
		return s
	}
	return norm.NFC.String(strings.Map(visible, s))
}

// Fold is [Canon] without case. Letters with two lower-case forms, as σ and ς, are
// one.
func Fold(s string) string {
	if ascii(s) {
		return lower(s)
	}
	return norm.NFC.String(strings.Map(foldRune, Canon(s)))
}

// Plain gives a text as words are compared: in lower case, without accents and
// vowel marks, each character replaced by what it is compatible with (NFKC).
func Plain(s string) string {
	if ascii(s) {
		return lower(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for at := 0; at < len(s); {
		if c := s[at]; c < utf8.RuneSelf {
			b.WriteByte(lowerByte(c))
			at++
			continue
		}
		out, size := Next(s, at)
		b.WriteString(out)
		at += size
	}
	return b.String()
}

// Next gives what [Plain] makes of the character beyond ASCII that stands at a
// byte of s, with the marks that belong to it, and how many bytes those have.
func Next(s string, at int) (out string, size int) {
	r, n := utf8.DecodeRuneInString(s[at:])
	if r == utf8.RuneError && n == 1 {
		return "", 1
	}
	if replaced, ok := special(r); ok {
		return replaced, n
	}
	if visible(r) < 0 || unicode.Is(unicode.Cc, r) {
		return "", n
	}
	if d, ok := raised(r); ok && at > 0 && '0' <= s[at-1] && s[at-1] <= '9' {
		return "^" + d, n // 10⁶ is not 106
	}
	size = max(norm.NFKC.NextBoundaryInString(s[at:], true), n)
	segment := s[at : at+size]
	if marked(r) {
		return strip(segment), size
	}
	return strings.ToLower(norm.NFKC.String(segment)), size
}

// strip takes the marks off a letter.
func strip(segment string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(segment) {
		if unicode.Is(unicode.M, r) || visible(r) < 0 {
			continue
		}
		if same, ok := special(r); ok {
			b.WriteString(same)
			continue
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// marked says whether the marks of a letter say how it sounds, rather than which
// letter it is; a mark that stands alone is one of those.
func marked(r rune) bool {
	return unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Arabic, unicode.Hebrew, unicode.Syriac) ||
		unicode.Is(unicode.M, r) && unicode.Is(unicode.Inherited, r)
}

// visible gives -1 for characters that nobody sees.
func visible(r rune) rune {
	if r < utf8.RuneSelf || !unicode.In(r, unicode.Cf, unicode.Variation_Selector) && r != 0x034f {
		return r
	}
	return -1
}

// foldRune goes through upper case, so that letters with two lower-case forms
// (σ and ς, s and ſ) become one.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		return rune(lowerByte(byte(r)))
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

// raised gives the digit that a superscript is.
func raised(r rune) (string, bool) {
	switch {
	case r == '¹':
		return "1", true
	case r == '²' || r == '³':
		return string('2' + r - '²'), true
	case r == '⁰' || '⁴' <= r && r <= '⁹':
		return string('0' + r - '⁰'), true
	case r == '⁻':
		return "-", true
	}
	return "", false
}

// special gives what stands for letters that do not decompose, for letters that
// are written in several ways, and for signs.
func special(r rune) (string, bool) {
	switch r {
	case '‐', '‑', '‒', '–', '−', '־':
		return "-", true
	case '’', '‘', 'ʼ', '＇':
		return "'", true
	case '™', '℠', '®', '©', '℗', 'Ⓡ', 'Ⓒ', '🄯', '🅪', '🅫', '🅬', 0x85:
		return " ", true // beside a word, and no part of it
	case '♯':
		return "#", true
	case '∗', '⋆': // as A* is written in formulas
		return "*", true
	case 'ß', 'ẞ':
		return "ss", true
	case 'ø', 'Ø':
		return "o", true
	case 'ł', 'Ł':
		return "l", true
	case 'đ', 'Đ', 'ð', 'Ð':
		return "d", true
	case 'æ', 'Æ':
		return "ae", true
	case 'œ', 'Œ':
		return "oe", true
	case 'þ', 'Þ':
		return "th", true
	case 'ı', 'İ':
		return "i", true
	case 'µ':
		return "μ", true
	case 'ς':
		return "σ", true
	}
	return arabic(r)
}

// arabic gives one form for letters that Arabic and Persian keyboards write
// differently, and nothing for the line that stretches a word.
func arabic(r rune) (string, bool) {
	switch r {
	case 0x0640:
		return "", true
	case 0x0649, 0x06cc:
		return "\u064a", true
	case 0x06a9:
		return "\u0643", true
	case 0x0629:
		return "\u0647", true
	}
	return "", false
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
