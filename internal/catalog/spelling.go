package catalog

import "context"

// CapSpelling is the capability of Spelling.
const CapSpelling Capability = "spelling"

// MostSpelled is how many words a text has at most of which Spelling tells.
const MostSpelled = 32

// Spelling tells which words of a text the collection hardly has. Without it, nothing is
// corrected.
type Spelling interface {
	// Rare gives the words of a short text that at most some papers have, in the order
	// of the text, each with the words of papers that are near it; known is how many
	// other words it has, stop words aside. A long text has none.
	Rare(ctx context.Context, text string, papers int) (rare []RareWord, known int, err error)
}

// RareWord is a word that hardly any paper has.
type RareWord struct {
	// Start and End are its bytes in the text, Papers how many papers have it.
	Start, End int
	Papers     int
	// Near are words that more papers have, the nearest first; of a word that papers have,
	// those one edit away that begin alike, if it is long.
	Near []NearWord
}

// NearWord is a word of papers, Edits away: each is a letter more, less, or another, or
// two that change places.
type NearWord struct {
	Word   string
	Edits  int
	Papers int
}
