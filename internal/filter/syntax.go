package filter

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"go.einride.tech/aip/filtering"
)

// syntax is a node of the text's structure, before names and types mean
// anything.
type syntax struct {
	kind syntaxKind
	kids []*syntax
	// For a comparison: path op value, or path op (arg). For a bare word: value.
	path  word
	op    filtering.TokenType
	value word
	arg   *syntax
	// start and end are the node's bytes in the text, negation and parentheses
	// included.
	start, end int
}

type syntaxKind int

const (
	syntaxBare syntaxKind = iota
	syntaxCompare
	syntaxAnd
	syntaxOr
	syntaxNot
)

// word is a field's path or a value as it was written.
type word struct {
	text   string
	quoted bool
	column int
	// dot is where in text the first dot between two names is, or -1.
	dot int
	// sign is the first sign that needs quotation marks and stands outside of them,
	// at signColumn; 0 if there is none.
	sign       rune
	signColumn int
}

// reader reads tokens by the grammar of AIP-160. Of its precedences one
// surprises: OR binds more tightly than AND.
type reader struct {
	tokens []token
	next   int
	depth  int
	terms  int
	// inArg is set within the parentheses of field:(a OR b), where only bare
	// words stand; subject is then "field:".
	inArg   bool
	subject string
}

// read gives the structure of a text, nil for an empty one.
func read(text string) (*syntax, error) {
	all, err := tokens(text)
	if err != nil {
		return nil, err
	}
	r := &reader{tokens: all}
	if r.peek().kind == tokenEnd {
		return nil, nil //nolint:nilnil // nothing was written, and that is no fault
	}
	s, err := r.expression()
	if err != nil {
		return nil, err
	}
	if t := r.peek(); t.kind == filtering.TokenTypeRightParen {
		return nil, faultAt(t.column, "this ) closes nothing; remove it or write the ( that it belongs to")
	} else if t.kind != tokenEnd {
		return nil, r.unexpected()
	}
	return s, nil
}

func (r *reader) peek() token { return r.tokens[r.next] }

func (r *reader) eat(kind filtering.TokenType) bool {
	if r.peek().kind != kind {
		return false
	}
	r.next++
	return true
}

// expression reads sequence {AND sequence}.
func (r *reader) expression() (*syntax, error) {
	return r.chain(syntaxAnd, r.sequence, func() bool { return r.eat(filtering.TokenTypeAnd) })
}

// sequence reads factors side by side. AIP-160 leaves open how much more than
// AND that means; here it means AND.
func (r *reader) sequence() (*syntax, error) {
	return r.chain(syntaxAnd, r.factor, func() bool {
		switch r.peek().kind {
		case tokenEnd, filtering.TokenTypeAnd, filtering.TokenTypeRightParen:
			return false
		}
		return true
	})
}

// factor reads term {OR term}.
func (r *reader) factor() (*syntax, error) {
	return r.chain(syntaxOr, r.term, func() bool { return r.eat(filtering.TokenTypeOr) })
}

// chain reads one part, and further ones while more says so.
func (r *reader) chain(kind syntaxKind, part func() (*syntax, error), more func() bool) (*syntax, error) {
	first, err := r.placed(part)
	if err != nil {
		return nil, err
	}
	kids := []*syntax{first}
	for more() {
		kid, err := r.placed(part)
		if err != nil {
			return nil, err
		}
		kids = append(kids, kid)
	}
	if len(kids) == 1 {
		return first, nil
	}
	return &syntax{kind: kind, kids: kids}, nil
}

// placed reads a part and notes where in the text it stands.
func (r *reader) placed(part func() (*syntax, error)) (*syntax, error) {
	first := r.peek()
	s, err := part()
	if err == nil {
		s.start, s.end = first.start, r.tokens[r.next-1].end
	}
	return s, err
}

// term reads [NOT | -] simple.
func (r *reader) term() (*syntax, error) {
	negated := false
	for {
		switch t := r.peek(); {
		case r.eat(filtering.TokenTypeNot):
		case t.kind == filtering.TokenTypeMinus && r.negates():
			r.next++
		default:
			s, err := r.simple()
			if err == nil && negated {
				s = &syntax{kind: syntaxNot, kids: []*syntax{s}}
			}
			return s, err
		}
		negated = !negated
	}
}

// negates says whether the hyphen that comes next is a negation: it touches what
// follows, and is not the sign of a number in a list of values.
func (r *reader) negates() bool {
	following := r.tokens[r.next+1]
	sign := r.inArg && (following.kind == filtering.TokenTypeNumber || following.kind == filtering.TokenTypeDot)
	return !following.spaced && !sign
}

// simple reads (expression) or a restriction, and sees to it that something
// separates it from what follows.
func (r *reader) simple() (*syntax, error) {
	var s *syntax
	var err error
	if r.peek().kind == filtering.TokenTypeLeftParen {
		s, err = r.composite()
	} else {
		s, err = r.restriction()
	}
	if err != nil {
		return nil, err
	}
	if t := r.peek(); !t.spaced && t.kind != filtering.TokenTypeRightParen {
		return nil, r.unexpected()
	}
	return s, nil
}

func (r *reader) composite() (*syntax, error) {
	open := r.peek()
	if r.depth++; r.depth > MaxDepth {
		return nil, faultAt(open.column, "parentheses nest deeper than %d; write the filter flatter", MaxDepth)
	}
	r.next++
	s, err := r.expression()
	if err != nil {
		return nil, err
	}
	if !r.eat(filtering.TokenTypeRightParen) {
		if r.peek().kind == tokenEnd {
			return nil, faultAt(open.column, "this ( is not closed; write the ) that belongs to it")
		}
		return nil, r.unexpected()
	}
	r.depth--
	return s, nil
}

// restriction reads path comparator value, or a bare word.
func (r *reader) restriction() (*syntax, error) {
	if r.terms++; r.terms > MaxTerms {
		return nil, faultAt(r.peek().column, "the filter has more than %d terms; split the request", MaxTerms)
	}
	left, err := r.word(r.inArg)
	if err != nil {
		return nil, err
	}
	op := r.peek()
	if !op.comparator() {
		return &syntax{kind: syntaxBare, value: left}, cmp.Or(left.signFault(r.subject), r.bareFault(left))
	}
	if err := left.signFault(""); err != nil {
		return nil, err
	}
	if r.inArg {
		return nil, faultAt(op.column, "in the parentheses after field%s only values stand, such as (a OR b)", op.kind)
	}
	r.next++
	s := &syntax{kind: syntaxCompare, path: left, op: op.kind}
	if at := r.peek(); at.kind == filtering.TokenTypeLeftParen {
		if op.kind != filtering.TokenTypeEquals && op.kind != filtering.TokenTypeHas {
			return nil, faultAt(at.column, "a list of values can stand after = and : only; write NOT %s = (…)", left.text)
		}
		r.inArg, r.subject = true, left.subject(op)
		s.arg, err = r.composite()
		r.inArg, r.subject = false, ""
		return s, err
	}
	if s.value, err = r.word(true); err != nil {
		return nil, err
	}
	return s, s.value.signFault(left.subject(op))
}

// bareFault refuses words that are most likely meant as something else.
func (r *reader) bareFault(w word) error {
	if w.quoted {
		return nil
	}
	switch upper := strings.ToUpper(w.text); upper {
	case "AND", "OR", "NOT":
		return faultAt(w.column, "%s is written in capitals: %s; in quotation marks, %q, it is a word to look for", strings.ToLower(upper), upper, w.text)
	}
	return nil
}

// word reads a string, or a run of tokens without space between them: a path
// on the left of a comparator, a value on its right. A value without quotes may
// hold dots, hyphens and colons, so that cs.CL, 2024-03-17 and arXiv:2112.09118
// can be written as they are.
func (r *reader) word(value bool) (word, error) {
	first := r.peek()
	minus := first.kind == filtering.TokenTypeMinus
	if !first.word() && first.kind != filtering.TokenTypeString || first.kind.IsKeyword() ||
		minus && (!value || r.tokens[r.next+1].spaced) {
		return word{}, r.unexpected()
	}
	w := word{quoted: first.kind == filtering.TokenTypeString, column: first.column, dot: -1}
	var text strings.Builder
	for t := first; ; t = r.peek() {
		if t.kind == filtering.TokenTypeDot && w.dot < 0 {
			w.dot = text.Len()
		}
		if at := strings.IndexFunc(t.text, needsQuotes); at >= 0 && w.sign == 0 && t.kind != filtering.TokenTypeString {
			w.sign, _ = utf8.DecodeRuneInString(t.text[at:])
			w.signColumn = t.column + utf8.RuneCountInString(t.text[:at])
		}
		text.WriteString(t.text)
		r.next++
		if following := r.peek(); following.spaced || !r.joins(w, t, following, value) {
			break
		}
	}
	w.text = text.String()
	if _, ok := parseNumber(w.text); ok && w.sign == '+' {
		w.sign = 0
	}
	return w, nil
}

// joins says whether a token that follows another without space belongs to the
// same word.
func (r *reader) joins(w word, before, t token, value bool) bool {
	switch {
	case t.kind == filtering.TokenTypeDot:
		return true
	case before.kind == filtering.TokenTypeDot:
		return t.word() || t.kind == filtering.TokenTypeString
	case before.kind == filtering.TokenTypeString:
		return false
	}
	return t.word() || value && !w.quoted && t.kind == filtering.TokenTypeHas
}

// unexpected explains why the next token cannot stand where it is.
func (r *reader) unexpected() error {
	t := r.peek()
	switch {
	case t.kind == tokenEnd:
		return faultAt(t.column, "the filter ends where a comparison such as year >= 2020, a word or ( is expected%s", r.after())
	case t.kind == filtering.TokenTypeLeftParen && !t.spaced:
		return faultAt(t.column, "there are no functions; write a comparison such as year >= 2020, or a space before (")
	case t.kind == filtering.TokenTypeComma:
		return faultAt(t.column, "a comma separates nothing here; write lists as field = (a OR b)")
	case t.kind == filtering.TokenTypeExclaim:
		return faultAt(t.column, "! stands only in !=; write NOT or - to negate")
	case t.kind == filtering.TokenTypeMinus:
		return faultAt(t.column, "- stands right before what it negates, or inside a word; put text that begins with it in quotation marks")
	case t.kind == filtering.TokenTypeEquals && r.next > 0 && r.tokens[r.next-1].kind == filtering.TokenTypeEquals:
		return faultAt(t.column, "equality is one =, not ==")
	case t.comparator(), t.kind == filtering.TokenTypeRightParen:
		return faultAt(t.column, "%s stands where a field, a value, a word or ( is expected%s", t.kind, r.after())
	case t.kind.IsKeyword():
		return faultAt(t.column, "%s stands where a field, a value, a word or ( is expected; in quotation marks it is a word", t.kind)
	case !t.spaced:
		return faultAt(t.column, "a space is expected before %s; put text with signs in quotation marks", clip(t.text))
	}
	return faultAt(t.column, "%s cannot stand here; put text with signs in quotation marks", clip(t.text))
}

// after names the token before the next, for messages about what is missing.
func (r *reader) after() string {
	if r.next == 0 {
		return ""
	}
	before := r.tokens[r.next-1]
	return ", after " + clip(before.text)
}
