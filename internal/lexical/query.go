package lexical

import (
	"akin/internal/paper"
)

// Set is a set of ordinals, such as the papers that a filter keeps.
type Set = paper.Set

// DefaultMaxTerms is how many terms of a long text are looked for.
const DefaultMaxTerms = 100

// Query asks for papers by their words.
type Query struct {
	Text string
	// Mode says whether Text has a syntax.
	Mode Mode
	// K is how many papers to return, at least 1.
	K int
	// Keep leaves out all other ordinals; nil keeps all.
	Keep Set
	// MaxTerms is how many words count, the weightiest by count × idf; phrases,
	// prefixes and identifiers are not counted. 0 means DefaultMaxTerms; less
	// than 0 means all.
	MaxTerms int
}

func (q Query) maxTerms() int {
	switch {
	case q.MaxTerms == 0:
		return DefaultMaxTerms
	case q.MaxTerms < 0:
		return int(^uint(0) >> 1)
	}
	return q.MaxTerms
}

func (q Query) check() error {
	if q.K < 1 {
		return paper.InvalidField("k", "is %d; ask for at least 1 paper", q.K)
	}
	return nil
}

// Hit is a paper that a search found.
type Hit struct {
	Ordinal uint32
	// Score is BM25's, without the constant factor k1+1: at most the sum of the
	// weights of the query's terms. Scores of different queries, and of
	// different states of the index, do not compare.
	Score float64
}

// Result is the answer to a [Query].
type Result struct {
	// Hits are best first; equal scores are in the order of ordinals.
	Hits []Hit
	// Terms are the words of the query that were looked for, the weightiest
	// first, as the query writes them; words that no paper has are left out.
	Terms []string
	// Dropped are the words that were left out because of MaxTerms.
	Dropped []string
}
