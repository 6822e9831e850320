package catalog

import (
	"context"

	"akin/internal/paper"
)

// CapMentions is the capability of Mentions.
const CapMentions Capability = "mentions"

// Mentions tells which names of the collection stand in a text. Without it, queries are
// words alone.
type Mentions interface {
	// Mentions gives what may name an author, a venue or a year of papers in a short
	// text, in no order; they may overlap. It judges nothing: where the words are no
	// name, it gives them all the same, with what speaks for either.
	Mentions(ctx context.Context, text string) ([]Mention, error)
	// NearNames gives words of authors' names that begin as a word does and are one edit
	// away from it, those of most papers first.
	NearNames(ctx context.Context, word string) ([]NearWord, error)
	// Keeps says which papers some filters keep: a list a filter, parallel to refs.
	Keeps(ctx context.Context, filters []string, refs []paper.Ref) ([][]bool, error)
}

// MentionField says what a mention may name.
type MentionField int

// The fields.
const (
	MentionAuthor MentionField = iota + 1
	MentionVenue
	MentionYear
)

// Mention is a place in a text that may name an author, a venue or a year.
type Mention struct {
	Field MentionField
	// Start and End are its bytes in the text, Words its words, without case and
	// accents.
	Start, End int
	Words      []string
	// Values are spellings of what it may name, those of most papers first and no
	// more than fit into a filter; All says that they are all.
	Values []string
	All    bool
	// Papers is how many papers have one of the values, Texts how many have the words
	// in title or abstract: as a phrase, or a bound of that. Common is the same of the
	// rarest single word.
	Papers, Texts, Common int
	// Whole says that a value has just these words, but for initials and middle names;
	// otherwise they are a part of it. Last counts the papers whose author has the word
	// as the last of the name.
	Whole bool
	Last  int
	// Spellings are, of a part of the names of authors, the words of the collection that
	// it stands for: of "Schoelkopf" those of Schölkopf as well.
	Spellings []string
	// Aside is how many papers have, in title or abstract, what may be no part of a name:
	// initials that stand together in capitals, as abbreviations do (Hinton GE), and a
	// word that its values have by an initial alone. It is that of the most frequent.
	Aside int
	// Coined says of a venue that it is written as no word is: ICML, NeurIPS. Alias
	// says that its values have other words: initials, or a former name.
	Coined, Alias bool
}
