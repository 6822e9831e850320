// Package titleid makes up the id of a paper whose source gives none.
//
// The rule is for ever, since ids are what clients keep: "title:" and the
// first 16 hex digits of SHA-256 over the title after Unicode NFKC, case
// folding, and turning every run of characters that are neither letters nor
// digits into one space, trimmed. A paper without a title gets "abstract:" and
// the same digits of its abstract. It lives beside package paper because the
// normalisation needs golang.org/x/text. All functions are safe for
// concurrent use.
package titleid

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Prefix begins every id that is made from a title.
const Prefix = "title:"

// AbstractPrefix begins every id that is made from an abstract.
const AbstractPrefix = "abstract:"

// Normalize gives the form of the title that is hashed.
func Normalize(title string) string {
	folded := cases.Fold().String(norm.NFKC.String(title))
	return strings.Join(strings.FieldsFunc(folded, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), " ")
}

// New gives the id for a title. Titles that differ only in case, punctuation,
// white space or compatibility forms share one id.
func New(title string) string {
	sum := sha256.Sum256([]byte(Normalize(title)))
	return Prefix + hex.EncodeToString(sum[:8])
}

// NewAbstract gives the id for a paper that has an abstract alone.
func NewAbstract(abstract string) string {
	sum := sha256.Sum256([]byte(Normalize(abstract)))
	return AbstractPrefix + hex.EncodeToString(sum[:8])
}
