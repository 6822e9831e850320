package filter

import (
	"strings"

	"go.einride.tech/aip/filtering"
)

// checker gives names and types their meaning.
type checker struct{ known known }

// check turns structure into a predicate, with negations moved to the leaves:
// what is left above them, AND and OR, keeps supersets supersets.
func (c checker) check(s *syntax, negated bool) (*node, error) {
	switch s.kind {
	case syntaxNot:
		return c.check(s.kids[0], !negated)
	case syntaxAnd, syntaxOr:
		n := &node{op: nodeAnd}
		if (s.kind == syntaxOr) != negated {
			n.op = nodeOr
		}
		for _, kid := range s.kids {
			k, err := c.check(kid, negated)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, k)
		}
		return n, nil
	case syntaxBare:
		return c.bare(s.value, negated)
	}
	if s.arg != nil {
		return c.check(spread(s, s.arg), negated)
	}
	l, err := c.compare(s)
	if err != nil {
		return nil, err
	}
	return &node{op: nodeLeaf, leaf: l, negated: negated != (s.op == filtering.TokenTypeNotEquals)}, nil
}

// spread turns field = (a OR b) into field = a OR field = b.
func spread(s, arg *syntax) *syntax {
	if arg.kind == syntaxBare {
		return &syntax{kind: syntaxCompare, path: s.path, op: s.op, value: arg.value}
	}
	out := &syntax{kind: arg.kind}
	for _, kid := range arg.kids {
		out.kids = append(out.kids, spread(s, kid))
	}
	return out
}

// bare looks for a word or phrase in title and abstract.
func (c checker) bare(w word, negated bool) (*node, error) {
	name := w.text
	if w.dot >= 0 {
		name = w.text[:w.dot]
	}
	if f := c.known.byName[name]; f != nil && !w.quoted && (w.dot < 0 || f.keyed) {
		return nil, faultAt(w.column, "the field %s is compared with nothing; write %s, or %q in quotation marks to look for the word", name, example(f), w.text)
	}
	n := &node{op: nodeOr}
	if negated {
		n.op = nodeAnd
	}
	for _, name := range []string{"title", "abstract"} {
		l := &leaf{field: c.known.byName[name], column: w.column}
		if err := words(l, w); err != nil {
			return nil, err
		}
		n.kids = append(n.kids, &node{op: nodeLeaf, leaf: l, negated: negated})
	}
	return n, nil
}

// words makes the leaf look for a phrase.
func words(l *leaf, w word) error {
	if strings.HasPrefix(w.text, "*") && strings.Trim(w.text, "*") != "" {
		return faultAt(w.column, "words are looked for whole or by their beginning (graph*); a * cannot come first")
	}
	p := phraseOf(w.text)
	switch {
	case len(p.words) == 0:
		return faultAt(w.column, "%s has no letter or digit to look for", clip(w.text))
	case len(p.words) > MaxPhraseWords:
		return faultAt(w.column, "the phrase has %d words; the limit is %d", len(p.words), MaxPhraseWords)
	}
	l.phrase, l.accepts, l.inWords = &p, p.in, true
	return nil
}

// compare types one comparison with a value.
func (c checker) compare(s *syntax) (*leaf, error) {
	l, value, err := c.subject(s)
	if err != nil {
		return nil, err
	}
	f := l.field
	equality := s.op == filtering.TokenTypeEquals || s.op == filtering.TokenTypeNotEquals || s.op == filtering.TokenTypeHas
	if value.text == "*" && equality && f.kind != kindBool {
		l.any, l.days, l.times, l.numbers = true, anyDate(), anyTime(), anyNumber()
		return l, nil
	}
	if !equality && (f.kind == kindBool || f.kind == kindText && !f.ordered) {
		return nil, faultAt(value.column, "%s has no order, so %s cannot compare it; write %s", f.name, s.op, example(f))
	}
	switch f.kind {
	case kindNumber:
		return l, l.asNumber(s.op, value)
	case kindDate:
		return l, l.asDate(s.op, value)
	case kindTime:
		return l, l.asTime(s.op, value)
	case kindBool:
		return l, l.asBool(value)
	}
	return l, l.asText(s.op, value, equality)
}

// subject finds what a comparison is about: a field, and the key of a map. The
// value that comes back is "*" for signals:NAME.
func (c checker) subject(s *syntax) (*leaf, word, error) {
	p := s.path
	if p.quoted && p.dot < 0 {
		return nil, word{}, faultAt(p.column, "a field is expected left of %s, not a string; fields are %s", s.op, c.known.list())
	}
	name, key := p.text, ""
	if p.dot >= 0 {
		name, key = p.text[:p.dot], p.text[p.dot+1:]
	}
	f := c.known.byName[name]
	switch {
	case f == nil:
		return nil, word{}, faultAt(p.column, "there is no field %s%s; fields are %s", clip(name), c.known.hint(name), c.known.list())
	case !f.keyed && p.dot >= 0:
		return nil, word{}, faultAt(p.column, "the field %s has no parts, so %s names nothing; write %s", name, clip(p.text), example(f))
	case f.keyed && p.dot < 0 && s.op == filtering.TokenTypeHas && s.value.text != "*":
		return &leaf{field: f, key: s.value.text, column: p.column}, word{text: "*"}, nil
	case f.keyed && key == "":
		return nil, word{}, faultAt(p.column, "%s needs a name after it; write %s, or %s:NAME for papers that have one", name, example(f), name)
	}
	return &leaf{field: f, key: key, column: p.column}, s.value, nil
}

func (l *leaf) asNumber(op filtering.TokenType, w word) error {
	v, ok := parseNumber(w.text)
	if !ok {
		return faultAt(w.column, "%s is compared with a number, not %s; write %s", l.field.name, clip(w.text), example(l.field))
	}
	l.numbers = numbers(op, v, w.text)
	l.number(op, w.text)
	return nil
}

func (l *leaf) asDate(op filtering.TokenType, w word) error {
	d, ok := parseDate(w.text)
	if !ok {
		return faultAt(w.column, "%s is compared with a date YYYY, YYYY-MM or YYYY-MM-DD, not %s; write %s", l.field.name, clip(w.text), example(l.field))
	}
	ordered := op != filtering.TokenTypeEquals && op != filtering.TokenTypeNotEquals && op != filtering.TokenTypeHas
	if d.Year == 0 && (ordered || l.field.name == "date") {
		return faultAt(w.column, "the date %s lacks its year; only listed_date, with = or !=, can be compared with one", clip(w.text))
	}
	if l.field.name == "date" {
		l.days = days(op, d)
	} else {
		l.listed(op, d)
	}
	return nil
}

func (l *leaf) asTime(op filtering.TokenType, w word) error {
	at, ok := parseTime(w.text)
	if !ok {
		return faultAt(w.column, "%s is compared with an RFC 3339 time or a date, not %s; write %s", l.field.name, clip(w.text), example(l.field))
	}
	l.times = instants(op, at)
	return nil
}

func (l *leaf) asBool(w word) error {
	if w.text != "true" && w.text != "false" {
		return faultAt(w.column, "%s is compared with true or false, not %s", l.field.name, clip(w.text))
	}
	l.equal(w.text)
	return nil
}

func (l *leaf) asText(op filtering.TokenType, w word, equality bool) error {
	f := l.field
	if _, ok := parseNumber(w.text); ok && f.ordered && !w.quoted && op != filtering.TokenTypeHas {
		l.number(op, w.text)
		return nil
	}
	switch {
	case !equality:
		l.ordered(op, w.text)
	case strings.TrimSpace(w.text) == "" && !f.keyed:
		return faultAt(w.column, "nothing has an empty %s; write NOT %s:* for papers without one", f.name, f.name)
	case f.words && op == filtering.TokenTypeHas:
		return words(l, w)
	default:
		l.equal(f.bareValue(w.text))
	}
	return nil
}

// example is a comparison that the field takes.
func example(f *field) string {
	switch f.name {
	case "year":
		return "year >= 2020"
	case "date", "listed_date":
		return f.name + " >= 2024-03-17"
	case "create_time", "update_time":
		return f.name + ` >= "2024-03-17T12:00:00Z"`
	case "signals":
		return "signals.NAME > 10"
	case "truncated":
		return "truncated = true"
	case "metadata":
		return `metadata.NAME = "value"`
	case "category":
		return `category = "cs.CL"`
	}
	if f.words {
		return f.name + `:"some words" or ` + f.name + ` = "value"`
	}
	return f.name + ` = "value"`
}
