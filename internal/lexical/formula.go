package lexical

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"
)

// Letters and numbers of formulas are words to searches, which ask for them (B meson,
// $k$-means), and none to what compares whole texts.

// variable says whether a folded word may be a letter or a number of a formula: one
// letter, or the name of a Greek one, with or without an index, or a number.
func variable(w []byte) bool {
	if len(w) > maxWordBytes {
		return false
	}
	name := w
	for len(name) > 0 && (digit(name[len(name)-1]) || name[len(name)-1] == '.') {
		name = name[:len(name)-1]
	}
	if len(name) == 0 {
		return len(w) > 0
	}
	r, size := utf8.DecodeRune(name)
	if size == len(name) {
		return unicode.IsLetter(r) && !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
	}
	return greekLetter(bytes.TrimPrefix(name, []byte("var")))
}

// greekLetter says whether a word is the name of a letter, one of greekNames: each word of
// each text is asked, hence not by a list.
func greekLetter(w []byte) bool {
	switch string(w) {
	case "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu",
		"nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega":
		return true
	}
	return false
}

// beside says whether a letter or a number stands beside a sign of formulas: n = 2, O(n),
// x^2.
func beside(text []byte, start, end int) bool {
	before, behind := text[:start], text[end:]
	if isSign(lastRune(before), "^_|") || isSign(firstRune(behind), "^_|") {
		return true
	}
	if isSign(lastRune(bytes.TrimRight(before, " ")), relations) || isSign(firstRune(bytes.TrimLeft(behind, " ")), relations) {
		return true
	}
	return !number(text[start:end]) && (isSign(lastRune(before), "(") || isSign(firstRune(behind), "(") || isSign(firstRune(behind), ")") && inCall(before))
}

// relations are signs of formulas that stand between letters and numbers.
const relations = "=<>≤≥≈∼≪≫≠∈×·√∞±"

// mostInCall is how many bytes the arguments of a function have at most.
const mostInCall = 40

// inCall says whether a text ends within the arguments of a function, as O(n log.
func inCall(text []byte) bool {
	near := text[max(0, len(text)-mostInCall):]
	open := bytes.LastIndexByte(near, '(')
	return open > 0 && bytes.LastIndexByte(near, ')') < open && alphanumeric(lastRune(near[:open]))
}

func isSign(r rune, signs string) bool {
	return r != utf8.RuneError && slices.Contains([]rune(signs), r)
}

func firstRune(b []byte) rune { r, _ := utf8.DecodeRune(b); return r }

func lastRune(b []byte) rune { r, _ := utf8.DecodeLastRune(b); return r }
