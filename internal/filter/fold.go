package filter

import (
	"strings"
	"unicode/utf8"

	"akin/internal/text/unify"
)

// foldedPrefix says whether s, but for the case of ASCII letters, begins with
// prefix, which is in lower case.
func foldedPrefix(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}

// phrase is what field:"some words" looks for: whole words, one right after the
// other, whatever signs and spaces are between them.
type phrase struct {
	words []string // as unify.Plain makes them
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

// wordsOf gives the words of a text as they are compared.
func wordsOf(text string) []string {
	text = unify.Plain(text)
	var words []string
	for from, to := unify.NextWord(text, 0); from < len(text); from, to = unify.NextWord(text, to) {
		words = append(words, text[from:to])
	}
	return words
}

// in says whether the phrase occurs in a text.
func (p phrase) in(text string) bool {
	if !ascii(text) { // the case of ASCII is no matter to takes, and most text is that
		text = unify.Plain(text)
	}
	matched := 0
	for from, to := unify.NextWord(text, 0); from < len(text); from, to = unify.NextWord(text, to) {
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

// may says whether a plain text has the letters of all words, without which it
// cannot have the phrase.
func (p phrase) may(text string) bool {
	for _, w := range p.words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// takes says whether a word of a text can be the phrase's i-th.
func (p phrase) takes(i int, word string) bool {
	return foldedPrefix(word, p.words[i]) && (len(word) == len(p.words[i]) || p.open && i == len(p.words)-1)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
