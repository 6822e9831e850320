package unify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// InWord says whether a character belongs to a word: letters, numbers, and the marks
// on them.
func InWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
}

// prolonged is the sign that makes a vowel of Kana long (データ), which Unicode counts
// to no script.
const prolonged = 'ー'

// Unspaced says whether a character is a letter, or the mark on one, of a script in
// which spaces don't show where words begin and end: Han, Kana, Thai, Lao, Khmer and
// Myanmar, which have none, and Hangul, in which endings stick to words (정보를 is 정보
// with one). Each of their letters, with the marks on it, counts as a word: filters
// and the comparison of texts take them one by one, searches in pairs as well. So
// what is looked for is found inside of a longer run, without a dictionary.
func Unspaced(r rune) bool {
	return r >= 0x0e00 && (r == prolonged || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) && unicode.In(r, unicode.L, unicode.M, unicode.Nl))
}

// NextWord finds the first word of a text at or after byte i; from is len(s) where
// there is none. Words are runs of what [InWord] says, and single letters of what
// [Unspaced] does; the signs of C++ and C# are part of them. The text is in the form
// of [Plain], or its words are put into that.
func NextWord(s string, i int) (from, to int) {
	for i < len(s) {
		if s[i] < utf8.RuneSelf { // most text is
			if InWord(rune(s[i])) {
				return i, wordEnd(s, i)
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if InWord(r) {
			return i, wordEnd(s, i)
		}
		i += n
	}
	return len(s), len(s)
}

// wordEnd gives the end of a word.
func wordEnd(s string, i int) int {
	from := i
	r, n := utf8.DecodeRuneInString(s[i:])
	if i += n; Unspaced(r) {
		return i + marksLen(s[i:])
	}
	for ; i < len(s); i += n {
		if n = 1; s[i] < utf8.RuneSelf {
			if !InWord(rune(s[i])) {
				break
			}
			continue
		}
		if r, n = utf8.DecodeRuneInString(s[i:]); !InWord(r) || Unspaced(r) {
			break
		}
	}
	for _, sign := range []string{"++", "#"} {
		rest, found := strings.CutPrefix(s[i:], sign)
		next, _ := utf8.DecodeRuneInString(rest)
		if found && i == from+1 && !digit(s[from]) && !unicode.IsLetter(next) {
			return i + len(sign)
		}
	}
	return i
}

// marksLen is how many bytes the marks take that a text begins with: those of the
// letter before it.
func marksLen(s string) int {
	at := 0
	for at < len(s) && s[at] >= utf8.RuneSelf {
		r, n := utf8.DecodeRuneInString(s[at:])
		if !unicode.IsMark(r) {
			break
		}
		at += n
	}
	return at
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
