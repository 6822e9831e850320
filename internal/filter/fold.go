package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// fold maps a string to the form in which letters of either case are equal.
func fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.Map(foldRune, s)
		}
	}
	return s
}

// foldRune goes through upper case, so that letters with two lower-case forms
// (σ and ς, s and ſ) become one.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

// wordRune says whether a rune belongs to a word: letters, digits and the marks
// on them.
func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
}

// unspaced says whether a rune is of a script that is written without spaces
// between words. Each such letter counts as a word, so that a phrase is found
// inside a longer run.
func unspaced(r rune) bool {
	return r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// nextWord finds the first word of s at or after byte i; from is len(s) where
// there is none.
func nextWord(s string, i int) (from, to int) {
	for i < len(s) {
		if s[i] < utf8.RuneSelf { // most text is
			if wordRune(rune(s[i])) {
				return i, wordEnd(s, i)
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if wordRune(r) {
			return i, wordEnd(s, i)
		}
		i += n
	}
	return len(s), len(s)
}

func wordEnd(s string, i int) int {
	r, n := utf8.DecodeRuneInString(s[i:])
	alone := unspaced(r)
	for i += n; i < len(s); i += n {
		if n = 1; s[i] < utf8.RuneSelf && !alone {
			if !wordRune(rune(s[i])) {
				break
			}
			continue
		}
		r, n = utf8.DecodeRuneInString(s[i:])
		if !wordRune(r) || alone && !unicode.IsMark(r) || !alone && unspaced(r) {
			break
		}
	}
	return i
}

// foldedPrefix says whether s, once folded, begins with prefix, which is folded
// already; n is how many bytes of s that is.
func foldedPrefix(s, prefix string) (n int, ok bool) {
	for len(prefix) > 0 {
		if n == len(s) {
			return 0, false
		}
		if s[n] < utf8.RuneSelf {
			if byte(foldRune(rune(s[n]))) != prefix[0] {
				return 0, false
			}
			n, prefix = n+1, prefix[1:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s[n:])
		want, wantSize := utf8.DecodeRuneInString(prefix)
		if foldRune(r) != want {
			return 0, false
		}
		n, prefix = n+size, prefix[wantSize:]
	}
	return n, true
}

// phrase is what field:"some words" looks for: whole words, one right after the
// other, whatever signs and spaces are between them.
type phrase struct {
	words []string // folded
	// open says that the last word may go on (graph* finds graphs).
	open bool
	// back says, for each number of words that were found, how many of the last
	// of them begin the phrase again (Knuth, Morris and Pratt's table), so that a
	// text is read once however it repeats itself.
	back []int
}

// phraseOf reads the words of a text; none if there are none.
func phraseOf(text string) phrase {
	var p phrase
	if cut, ok := strings.CutSuffix(text, "*"); ok {
		p.open, text = true, cut
	}
	p.words = wordsOf(text)
	p.back = make([]int, len(p.words)+1)
	for i, matched := 1, 0; i < len(p.words); i++ {
		for matched > 0 && p.words[i] != p.words[matched] {
			matched = p.back[matched]
		}
		if p.words[i] == p.words[matched] {
			matched++
		}
		p.back[i+1] = matched
	}
	return p
}

// wordsOf gives the folded words of a text.
func wordsOf(text string) []string {
	var words []string
	for from, to := nextWord(text, 0); from < len(text); from, to = nextWord(text, to) {
		words = append(words, fold(text[from:to]))
	}
	return words
}

// in says whether the phrase occurs in a text.
func (p phrase) in(text string) bool {
	matched := 0
	for from, to := nextWord(text, 0); from < len(text); from, to = nextWord(text, to) {
		for matched > 0 && !p.takes(matched, text[from:to]) {
			matched = p.back[matched]
		}
		if !p.takes(matched, text[from:to]) {
			continue
		}
		if matched++; matched == len(p.words) {
			return true
		}
	}
	return false
}

// whole gives the words that stand in a text as they are, without the open one.
func (p phrase) whole() []string {
	if p.open {
		return p.words[:len(p.words)-1]
	}
	return p.words
}

// takes says whether a word of a text can be the phrase's i-th.
func (p phrase) takes(i int, word string) bool {
	n, ok := foldedPrefix(word, p.words[i])
	return ok && (n == len(word) || p.open && i == len(p.words)-1)
}
