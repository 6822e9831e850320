package dedup

import "akin/internal/text/unify"

// eachWord calls f with the words of a text, as filters and searches compare them:
// without case and accents, and single letters of scripts without spaces. The bytes
// are only lent.
func eachWord(text string, f func(word []byte)) {
	text = unify.Plain(text)
	var word []byte
	for from, to := unify.NextWord(text, 0); from < len(text); from, to = unify.NextWord(text, to) {
		word = append(word[:0], text[from:to]...)
		f(word)
	}
}
