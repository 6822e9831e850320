package filter

import (
	"errors"
	"io"
	"unicode/utf8"

	"go.einride.tech/aip/filtering"
)

// Limits of one filter. They bound the work of parsing, and of deciding one
// record, whatever the text.
const (
	// MaxTextBytes is the longest filter text.
	MaxTextBytes = 16 << 10
	// MaxDepth is how deep parentheses may nest.
	MaxDepth = 32
	// MaxTerms is how many comparisons and bare words a filter may have.
	MaxTerms = 256
	// MaxPhraseWords is how many words a phrase to look for may have.
	MaxPhraseWords = 64
)

// token is a token of the text that is not white space.
type token struct {
	kind   filtering.TokenType
	text   string // unquoted, where it was a string
	column int    // in characters over the whole text, from 1
	spaced bool   // white space, or nothing, comes before it
	// start and end are its bytes in the text.
	start, end int
}

// tokenEnd is the kind of the token after the last.
const tokenEnd filtering.TokenType = "END"

func (t token) comparator() bool { return t.kind.IsComparator() }

// word says whether the token can be part of a word without quotes.
func (t token) word() bool {
	switch t.kind {
	case filtering.TokenTypeText, filtering.TokenTypeNumber, filtering.TokenTypeHexNumber,
		filtering.TokenTypeDot, filtering.TokenTypeMinus:
		return true
	default:
		return t.kind.IsKeyword()
	}
}

// tokens splits the text. The last token is one of kind tokenEnd.
func tokens(text string) ([]token, error) {
	if len(text) > MaxTextBytes {
		return nil, faultAt(0, "is %d bytes long; the limit is %d; shorten it", len(text), MaxTextBytes)
	}
	var lexer filtering.Lexer
	lexer.Init(text)
	var all []token
	column, spaced := 1, true
	start := 0
	for {
		t, err := lexer.Lex()
		if errors.Is(err, io.EOF) {
			return append(all, token{kind: tokenEnd, column: column, spaced: true}), nil
		}
		if err != nil {
			return nil, lexFault(text, column, err)
		}
		if t.Type != filtering.TokenTypeWhitespace {
			value, err := t.Unquote()
			if err != nil {
				return nil, faultAt(column, "the string %s has an escape that is not one: write \\\\ for a backslash and \\\" for a quotation mark", clip(t.Value))
			}
			all = append(all, token{t.Type, value, column, spaced, start, start + len(t.Value)})
		}
		spaced = t.Type == filtering.TokenTypeWhitespace
		column += utf8.RuneCountInString(t.Value)
		start += len(t.Value)
	}
}

// lexFault tells the two faults of the lexer apart.
func lexFault(text string, column int, err error) error {
	if !utf8.ValidString(text) {
		return faultAt(column, "the text is not valid UTF-8; convert it from its encoding first")
	}
	var at interface{ Message() string }
	if errors.As(err, &at) && at.Message() == "unterminated string" {
		return faultAt(column, "the string that begins here has no closing quotation mark")
	}
	return faultAt(column, "%s", err.Error())
}
