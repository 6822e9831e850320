package match

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"akin/internal/text/unify"
)

// name is a person's name as names are compared: without case, accents and punctuation,
// the given names first. "Lovelace, Ada K." and "Ada King Lovelace" may be one person.
type name struct {
	given  []string
	family string
	shown  string
}

// suffixes are no family names.
func suffix(word string) bool { return slices.Contains([]string{"jr", "sr", "ii", "iii", "iv"}, word) }

// readName takes a name apart; one without letters has no family name.
func readName(text string) name {
	n := name{shown: text}
	family, given, inverted := strings.Cut(text, ",")
	words := nameWords(family)
	if inverted {
		if before := nameWords(given); len(before) > 0 && !suffix(before[0]) {
			words = append(before, words...)
		}
	}
	for len(words) > 1 && suffix(words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	if len(words) == 0 {
		return n
	}
	n.given, n.family = words[:len(words)-1], words[len(words)-1]
	return n
}

func nameWords(text string) []string {
	return strings.FieldsFunc(unify.Plain(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) })
}

// key is what names of one person have in common at least: the family name, and the
// initial of the first name.
func (n *name) key() string {
	if len(n.given) == 0 {
		return n.family
	}
	_, size := utf8.DecodeRuneInString(n.given[0])
	return n.family + "\x00" + n.given[0][:size]
}

// same says whether two names can be one person's: one family name, first names of which
// one may be the other's initial, and further names that do not contradict each other,
// some of which one of the two may leave out.
func (n *name) same(o *name) bool {
	if n.family == "" || n.family != o.family || (len(n.given) == 0) != (len(o.given) == 0) {
		return false
	}
	if len(n.given) == 0 {
		return true
	}
	few, many := n.given, o.given
	if len(few) > len(many) {
		few, many = many, few
	}
	if !sameWord(few[0], many[0]) {
		return false
	}
	at := 1
	for _, word := range few[1:] {
		for at < len(many) && !sameWord(word, many[at]) {
			at++
		}
		if at == len(many) {
			return false
		}
		at++
	}
	return true
}

// sameWord says whether two given names are one, or one is the other's initial.
func sameWord(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return a == b || utf8.RuneCountInString(a) == 1 && strings.HasPrefix(b, a)
}

// IsName says whether a text can be a person's name.
func IsName(text string) bool {
	n := readName(text)
	return n.family != ""
}
