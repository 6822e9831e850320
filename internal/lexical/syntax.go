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
	// ModeMarked reads a text in which some words stand in quotation marks: all of it
	// is words, and papers that have what stands there as a phrase are raised.
	ModeMarked
)

// clauseKind is what a part of a query asks for.
type clauseKind int

const (
	clauseWords clauseKind = iota
	clausePhrase
	clausePrefix
	clauseNot  // a word or a phrase that must not be there
	clauseMark // a phrase that raises the papers that have it
)

// clause is a part of a query.
type clause struct {
	kind clauseKind
	text string
	// starred says that the * at its end is part of a name.
	starred bool
}

// parse reads the text of a query. There are no errors: what is no syntax is
// words, so an unbalanced quotation mark counts for nothing.
func parse(text string, mode Mode) []clause {
	switch mode {
	case ModeText:
		return []clause{{kind: clauseWords, text: text}}
	case ModeMarked:
		return append([]clause{{kind: clauseWords, text: text}}, marked(text)...)
	case ModeSearch:
	}
	marks := quotesOf(text)
	var clauses []clause
	var words strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		if unicode.IsSpace(r) {
			words.WriteByte(' ')
			text = text[size:]
			continue
		}
		c, rest, ok := clauseAt(text, &marks)
		if ok {
			clauses = append(clauses, c)
			words.WriteByte(' ') // what stands around it is not one word
			text = rest
			continue
		}
		var word string
		word, text = untilSpace(text)
		words.WriteString(word)
	}
	if bag := strings.TrimSpace(words.String()); bag != "" {
		clauses = append(clauses, clause{kind: clauseWords, text: bag})
	}
	return clauses
}

// Split tells what a typed query asks for from what it excludes, each in the order
// and the words of the query: the first without the signs of the syntax, the second
// as a query of its own. A query without any syntax is asked as it is.
func Split(text string) (asked, excluded string) {
	var in, out []string
	plain := true
	eachPart(text, func(part string, c clause, syntax bool) {
		name := c.kind == clausePrefix && inCapitals(c.text)
		plain = plain && (!syntax || name)
		switch {
		case name:
			in = append(in, c.text+"*")
		case c.kind == clauseNot:
			out = append(out, part)
		case strings.TrimSpace(c.text) != "":
			stem, _ := opened(c.text)
			in = append(in, strings.TrimSpace(stem))
		}
	})
	if plain {
		return text, ""
	}
	return strings.Join(in, " "), strings.Join(out, " ")
}

// Loosened gives a typed query with its phrases as words, in their places: a query that
// excludes the same and needs nothing. It is "" for a query without phrases.
func Loosened(text string) string {
	var out []string
	phrases := false
	eachPart(text, func(part string, c clause, syntax bool) {
		if syntax && c.kind == clausePhrase {
			phrases, part = true, wordsAlone(c.text)
		}
		out = append(out, part)
	})
	if !phrases {
		return ""
	}
	return strings.Join(out, " ")
}

// eachPart hands over the parts of a typed query in their order, as they are written: a
// clause where syntax says so, otherwise what stands up to the next space, which is then
// the clause's text.
func eachPart(text string, f func(part string, c clause, syntax bool)) {
	marks := quotesOf(text)
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		if unicode.IsSpace(r) {
			text = text[size:]
			continue
		}
		c, after, ok := clauseAt(text, &marks)
		if !ok {
			c.text, after = untilSpace(text)
		}
		f(text[:len(text)-len(after)], c, ok)
		text = after
	}
}

// wordsAlone gives the inside of a phrase without what would be an operator outside.
func wordsAlone(inside string) string {
	fields := strings.FieldsFunc(inside, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`"“”`, r) })
	for i, f := range fields {
		stem, _ := opened(strings.TrimLeft(f, "-"))
		fields[i] = stem
	}
	return strings.Join(fields, " ")
}

// mostMarked is how many phrases raise papers; those behind them are words alone.
const mostMarked = 16

// marked gives the phrases of a text in which they only raise.
func marked(text string) (out []clause) {
	marks := quotesOf(text)
	before := ' '
	for text != "" && len(out) < mostMarked {
		r, size := utf8.DecodeRuneInString(text)
		phrase, rest, ok := marks.inside(text)
		switch {
		case ok && !alphanumeric(before) && strings.TrimSpace(phrase) != "":
			out = append(out, clause{kind: clauseMark, text: phrase})
			before, text = r, rest
		default:
			before, text = r, text[size:]
		}
	}
	return out
}

// mostTyped is how many words a query has, those in quotation marks aside, whose signs
// are operators by themselves.
const mostTyped = 12

// Operators says whether a text has signs that can be read as operators, and whether
// it is so long that they are not: more than one line, more than mostTyped words
// outside quotation marks, or the end of a sentence.
func Operators(text string) (some, long bool) {
	text = strings.TrimSpace(text)
	marks := quotesOf(text)
	words := 0
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if unicode.IsSpace(r) {
			long = long || r == '\n'
			rest = rest[size:]
			continue
		}
		c, after, ok := clauseAt(rest, &marks)
		if !ok {
			_, after = untilSpace(rest)
			words++
		}
		// A star behind capitals may be part of a name (RRT*), and is no sign of syntax.
		some = some || ok && (c.kind != clausePrefix || !inCapitals(c.text))
		rest = after
	}
	return some, long || words > mostTyped || strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") || strings.HasSuffix(text, "!")
}

// clauseAt reads a clause that is not words, at the beginning of text.
func clauseAt(text string, marks *quotes) (c clause, rest string, ok bool) {
	if phrase, rest, ok := marks.inside(text); ok {
		return clause{kind: clausePhrase, text: phrase}, rest, true
	}
	if excluded, found := strings.CutPrefix(text, "-"); found {
		if phrase, rest, ok := marks.inside(excluded); ok {
			return clause{kind: clauseNot, text: phrase}, rest, true
		}
		if r, _ := utf8.DecodeRuneInString(excluded); unicode.IsLetter(r) || unicode.IsNumber(r) {
			word, rest := untilSpace(excluded)
			return clause{kind: clauseNot, text: word}, rest, true
		}
		return clause{}, "", false
	}
	word, rest := untilSpace(text)
	if stem, found := strings.CutSuffix(word, "*"); found && utf8.RuneCountInString(stem) >= minPrefix && !strings.ContainsAny(stem, `*"`) {
		return clause{kind: clausePrefix, text: stem}, rest, true
	}
	return clause{}, "", false
}

// minPrefix is how many characters a prefix needs.
const minPrefix = 2

// quotes are the quotation marks of a text, straight and curved.
type quotes [2]struct {
	open, closing string
	// last is how many bytes the text has from its last closing mark on, so that
	// marks that nothing closes are not looked for again and again.
	last int
}

func quotesOf(text string) quotes {
	q := quotes{{open: `"`, closing: `"`}, {open: "“", closing: "”"}}
	for i := range q {
		q[i].last = len(text) + 1
		if at := strings.LastIndex(text, q[i].closing); at >= 0 {
			q[i].last = len(text) - at
		}
	}
	return q
}

// inside reads text in quotation marks at the beginning of what is left of a text.
func (q *quotes) inside(text string) (inside, rest string, ok bool) {
	for i := range q {
		if after, found := strings.CutPrefix(text, q[i].open); found && len(after) >= q[i].last {
			return strings.Cut(after, q[i].closing)
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
