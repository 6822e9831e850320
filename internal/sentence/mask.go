package sentence

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The mark that stands for a full stop that ends nothing: Annex 29 breaks
// neither before nor after it.
const continued = ','

// longestFormula is how far a formula may reach, in bytes; a dollar sign whose
// partner is further away is money.
const longestFormula = 400

// longestRun is how many characters other than letters and digits may follow each
// other within a sentence. From each closing mark or space of a run after a full
// stop, Annex 29 looks ahead for the next letter, so that the time of long runs
// would be the square of their length.
const longestRun = 16

// citation is a reference that follows the full stop it belongs before.
var citation = regexp.MustCompile(`[.?!]\s?\[[0-9][0-9,;\s–-]{0,40}\]`)

// mask gives the text with each byte that would wrongly make or hide a border
// replaced by another one, at the same place.
func mask(text string) []byte {
	m := []byte(text)
	maskLines(m, text)
	maskFormulas(m, text)
	for _, at := range citation.FindAllStringIndex(text, -1) {
		m[at[0]], m[at[1]-1] = continued, '.'
	}
	for i := range len(text) {
		if m[i] != text[i] {
			continue
		}
		switch m[i] {
		case '.':
			switch {
			case inside(text, i):
				m[i] = continued
			case glued(text, i):
				m[i] = '\n'
			case i > 0 && text[i-1] == ' ' && i+1 < len(text) && text[i+1] == ' ':
				m[i+1] = '\n' // words . words, as old collections have it
			}
		case '!', '?':
			if r := following(text, i+1); unicode.IsLower(r) { // Yahoo! news, n! is
				m[i] = continued
			}
		}
	}
	maskRuns(m, text)
	return m
}

// maskRuns ends sentences in runs that are too long.
func maskRuns(m []byte, text string) {
	run := 0
	for i, r := range text {
		if run++; unicode.IsLetter(r) || unicode.IsNumber(r) {
			run = 0
		}
		if run <= longestRun {
			continue
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		for k := range size - 1 {
			m[i+k] = ' ' // no border within a character
		}
		m[i+size-1] = '\n'
		run = 0
	}
}

// maskLines makes space of line breaks that only wrap, and line breaks of space
// before a bullet.
func maskLines(m []byte, text string) {
	for i := range len(text) {
		switch {
		case text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n':
			m[i] = ' '
		case text[i] == '\n' || text[i] == '\r':
			rest := strings.TrimLeft(text[i+1:min(len(text), i+64)], " \t\r")
			if !strings.HasPrefix(rest, "\n") && !bullet(rest) {
				m[i] = ' '
			}
		case text[i] == ' ' && (strings.HasPrefix(text[i+1:], "• ") || strings.HasPrefix(text[i+1:], "▪ ")):
			m[i] = '\n'
		}
	}
}

// bullet says whether a line begins an item of a list.
func bullet(line string) bool {
	r, size := utf8.DecodeRuneInString(line)
	if strings.ContainsRune("-*•▪·–", r) {
		return strings.HasPrefix(line[size:], " ")
	}
	digits := len(line) - len(strings.TrimLeft(line, "0123456789"))
	return digits > 0 && digits < 3 && len(line) > digits+1 && (line[digits] == '.' || line[digits] == ')') && line[digits+1] == ' '
}

// maskFormulas takes the marks out of TeX formulas. A dollar sign opens one if
// no space follows it, and closes one if none is before it and no digit after.
func maskFormulas(m []byte, text string) {
	for i := 0; i < len(text); i++ {
		end := formula(text, i)
		if end < 0 {
			continue
		}
		last := byte(0)
		for k := i; k < end; k++ {
			switch text[k] {
			case '.', '?', '!':
				m[k] = continued
			}
			if c := text[k]; c != '$' && c != ' ' && c != '\\' && c != ')' && c != ']' {
				last = c
			}
		}
		if last == '.' { // the sentence ends in the formula
			m[end-1] = '.'
		}
		i = end - 1
	}
}

// formula gives the end of the formula that begins at a byte, or -1.
func formula(text string, at int) int {
	rest := text[at:min(len(text), at+longestFormula)]
	for _, pair := range [][2]string{{"$$", "$$"}, {`\(`, `\)`}, {`\[`, `\]`}} {
		if strings.HasPrefix(rest, pair[0]) {
			if n := strings.Index(rest[2:], pair[1]); n >= 0 {
				return at + 2 + n + 2
			}
			return -1
		}
	}
	if len(rest) < 3 || rest[0] != '$' || rest[1] == ' ' || at > 0 && text[at-1] == '\\' {
		return -1
	}
	for n := 1; n < len(rest); n++ {
		if rest[n] != '$' || rest[n-1] == '\\' {
			continue
		}
		if rest[n-1] == ' ' || at+n+1 < len(text) && '0' <= text[at+n+1] && text[at+n+1] <= '9' {
			return -1
		}
		return at + n + 1
	}
	return -1
}

// inside says whether a full stop belongs to an abbreviation, an initial or the
// number of an item, so that the sentence goes on after it.
func inside(text string, dot int) bool {
	word := wordBefore(text, dot)
	plain := strings.ToLower(strings.ReplaceAll(word, ".", ""))
	switch {
	case word == "":
		return false
	case never[plain]:
		return true
	case initials(word), sometimes[plain]:
		return !starts(text[dot+1:])
	}
	return item(text, dot-len(word), word)
}

// wordBefore gives what stands before a full stop: letters, digits and the full
// stops between them.
func wordBefore(text string, dot int) string {
	const longest = 16
	at := dot
	for at > 0 && dot-at < longest {
		r, size := utf8.DecodeLastRuneInString(text[:at])
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' {
			break
		}
		at -= size
	}
	return text[at:dot]
}

// glued says whether a full stop ends a sentence that the next one follows without
// a space, as where a page lost its line breaks: a small letter, a digit or a
// closing mark before it, a capital after it, and no name with full stops.
func glued(text string, dot int) bool {
	next, size := utf8.DecodeRuneInString(text[dot+1:])
	if !unicode.IsUpper(next) {
		return false
	}
	word, _, _ := strings.Cut(text[dot+1:min(len(text), dot+40)], " ")
	if at := strings.IndexAny(word, "./@_("); at >= 0 && at < len(word)-1 {
		return false
	}
	if after, _ := utf8.DecodeRuneInString(text[dot+1+size:]); unicode.IsUpper(after) && len(word) < 3 {
		return false
	}
	before := wordBefore(text, dot)
	if before == "" {
		return dot > 0 && strings.IndexByte(")]%\"'", text[dot-1]) >= 0
	}
	last, _ := utf8.DecodeLastRuneInString(before)
	return !strings.Contains(before, ".") && (unicode.IsDigit(last) || unicode.IsLower(last) && len(before) > 2)
}

// initials says whether a word is A, or U.S, or J.-P's last letter.
func initials(word string) bool {
	for part := range strings.SplitSeq(word, ".") {
		r, size := utf8.DecodeRuneInString(part)
		if size != len(part) || !unicode.IsUpper(r) {
			return false
		}
	}
	return true
}

// item says whether a word is the number of an item of a list: a small number at
// the start of the text, or after a mark.
func item(text string, at int, word string) bool {
	if len(word) > 2 || strings.Trim(word, "0123456789") != "" {
		return false
	}
	before := strings.TrimRight(text[:at], " \t\r\n")
	return before == "" || at > 0 && text[at-1] == '\n' || len(before) < at && strings.ContainsRune(".:;,", rune(before[len(before)-1]))
}

// following gives the first character after the space at a place.
func following(text string, at int) rune {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(text[at:min(len(text), at+16)], " \t\r\n"))
	return r
}

// starts says whether a text begins with a word that often begins a sentence and
// is seldom part of a name.
func starts(text string) bool {
	text = strings.TrimLeft(text[:min(len(text), 48)], " \t\r\n")
	end := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
	if end < 0 {
		end = len(text)
	}
	return starters[text[:end]]
}

// Words before a full stop that does not end a sentence, without full stops and
// in small letters.
//
//nolint:gochecknoglobals // constant tables
var (
	never     = set("eg ie cf vs viz fig figs eq eqs eqn eqns thm thms chap dr prof mr mrs ms")
	sometimes = set("al sec secs ref refs tab prop def lem ch resp approx pp inc ltd jr sr dept univ wrt aka iid jan feb mar apr jun jul aug sept oct nov dec eds phd")
	starters  = set("The We In This Our It These Those There They That A An To However For By As Here Although Moreover Furthermore While When Using Such Both Finally First Results Recent Recently Many Most Existing Unlike Thus Therefore Hence Also But With On At From Each Its")
)

func set(words string) map[string]bool {
	out := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		out[w] = true
	}
	return out
}
