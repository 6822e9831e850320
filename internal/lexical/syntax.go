package lexical

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mode says how the text of a query is read.
type Mode int

const (
	// ModeSearch reads what a person typed: "exact phrase", -excluded,
	// -"excluded phrase", prefix*; everything else is a bag of words. A * leaves
	// the last word of a phrase and of what is excluded open, too.
	ModeSearch Mode = iota
	// ModeText reads a pasted text, such as an abstract: all of it is words.
	ModeText
)

// clauseKind is what a part of a query asks for.
type clauseKind int

const (
	clauseWords clauseKind = iota
	clausePhrase
	clausePrefix
	clauseNot // a word or a phrase that must not be there
)

// clause is a part of a query.
type clause struct {
	kind clauseKind
	text string
}

// parse reads the text of a query. There are no errors: what is no syntax is
// words, so an unbalanced quotation mark counts for nothing.
func parse(text string, mode Mode) []clause {
	if mode == ModeText {
		return []clause{{clauseWords, text}}
	}
	var clauses []clause
	var words strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		if unicode.IsSpace(r) {
			words.WriteByte(' ')
			text = text[size:]
			continue
		}
		c, rest, ok := clauseAt(text)
		if ok {
			clauses = append(clauses, c)
			words.WriteByte(' ') // what stands around it is not one word
			text = rest
			continue
		}
		end := strings.IndexFunc(text, unicode.IsSpace)
		if end < 0 {
			end = len(text)
		}
		words.WriteString(text[:end])
		text = text[end:]
	}
	if bag := strings.TrimSpace(words.String()); bag != "" {
		clauses = append(clauses, clause{clauseWords, bag})
	}
	return clauses
}

// Split tells what a typed query asks for from what it excludes, each in the order
// and the words of the query: the first without the signs of the syntax, the second
// as a query of its own. A query without any syntax is asked as it is.
func Split(text string) (asked, excluded string) {
	var in, out []string
	plain := true
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if unicode.IsSpace(r) {
			rest = rest[size:]
			continue
		}
		c, after, ok := clauseAt(rest)
		if !ok {
			c.text, after = untilSpace(rest)
		}
		plain = plain && !ok
		switch {
		case c.kind == clauseNot:
			out = append(out, rest[:len(rest)-len(after)])
		case strings.TrimSpace(c.text) != "":
			stem, _ := opened(c.text)
			in = append(in, strings.TrimSpace(stem))
		}
		rest = after
	}
	if plain {
		return text, ""
	}
	return strings.Join(in, " "), strings.Join(out, " ")
}

// clauseAt reads a clause that is not words, at the beginning of text.
func clauseAt(text string) (c clause, rest string, ok bool) {
	if phrase, rest, ok := quoted(text); ok {
		return clause{clausePhrase, phrase}, rest, true
	}
	if excluded, found := strings.CutPrefix(text, "-"); found {
		if phrase, rest, ok := quoted(excluded); ok {
			return clause{clauseNot, phrase}, rest, true
		}
		if r, _ := utf8.DecodeRuneInString(excluded); unicode.IsLetter(r) || unicode.IsNumber(r) {
			word, rest := untilSpace(excluded)
			return clause{clauseNot, word}, rest, true
		}
		return clause{}, "", false
	}
	word, rest := untilSpace(text)
	if stem, found := strings.CutSuffix(word, "*"); found && utf8.RuneCountInString(stem) >= minPrefix && !strings.ContainsAny(stem, `*"`) {
		return clause{clausePrefix, stem}, rest, true
	}
	return clause{}, "", false
}

// minPrefix is how many characters a prefix needs.
const minPrefix = 2

// quoted reads text in quotation marks, straight or curved.
func quoted(text string) (inside, rest string, ok bool) {
	for _, marks := range [][2]string{{`"`, `"`}, {"“", "”"}} {
		if after, found := strings.CutPrefix(text, marks[0]); found {
			return strings.Cut(after, marks[1])
		}
	}
	return "", "", false
}

func untilSpace(text string) (word, rest string) {
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		return text, ""
	}
	return text[:end], text[end:]
}
