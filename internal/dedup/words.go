package dedup

import (
	"unicode/utf8"

	"akin/internal/text/unify"
)

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

// The constants of FNV-1a of 64 bits (Fowler, Noll and Vo).
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func fnvBytes(h uint64, s []byte) uint64 {
	for _, c := range s {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

// wordBytes leads from a character of ASCII to what it is in a word: itself in lower
// case, or 0 where it is in none.
var wordBytes = bytesOfWords() //nolint:gochecknoglobals // a constant table

func bytesOfWords() (of [256]byte) {
	for c := range byte(utf8.RuneSelf) {
		if unify.InWord(rune(c)) {
			of[c] = unify.Plain(string(rune(c)))[0]
		}
	}
	return of
}

// eachHash calls f with the FNV-1a hashes of the words that eachWord gives.
func eachHash(text string, f func(hash uint64)) {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			eachWord(text, func(word []byte) { f(fnvBytes(fnvOffset, word)) })
			return
		}
	}
	for i := 0; i < len(text); {
		if wordBytes[text[i]] == 0 {
			i++
			continue
		}
		from, h := i, uint64(fnvOffset)
		for ; i < len(text) && wordBytes[text[i]] != 0; i++ {
			h = (h ^ uint64(wordBytes[text[i]])) * fnvPrime
		}
		if i == from+1 && i < len(text) && (text[i] == '+' || text[i] == '#') { // C++, C#
			_, to := unify.NextWord(text, from)
			h, i = fnvBytes(h, []byte(text[i:to])), to
		}
		f(h)
	}
}
