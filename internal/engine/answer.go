package engine

import (
	"time"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/paper"
	"akin/internal/rank"
)

// Answer is a page of results.
type Answer struct {
	Results       []Result
	NextPageToken string
	Strategy      catalog.Strategy
	Candidates    int
	Visited       int
	// Selectivity is the share of the collection that the filter keeps.
	Selectivity float64
	// QueryTokens and Truncated say what was read of a text; QueryTokens is 0
	// where there was none.
	QueryTokens int
	Truncated   bool
	// Operators is what became of those of a search.
	Operators Operators
	// Names are the parts of a search that were understood as names.
	Names []Name
	// Negations are its parts that say in words what is not meant.
	Negations []Negation
	// Corrections are its words that were read as others.
	Corrections []Correction
	// Nearness says that nothing is near a search.
	Nearness Nearness
	// Empty is what left no paper on the page; 0 where there is one.
	Empty LimitReason
	// Limits say what kept papers out of a list that is shorter than a page.
	Limits []Limit
	// Groups are those of the whole list, in the order of their best results.
	Groups []Group
	// Sequence is the state that the list was made of.
	Sequence uint64
	Timing   Timing
	// Lacking are the capabilities of the catalog without which the answer is
	// another, in order of name.
	Lacking []catalog.Capability
}

// Result is one paper of an answer.
type Result struct {
	Record paper.Record
	Rank   int
	Score  float64
	// Semantic and Lexical are what a score is made of: a cosine and BM25, 0 where
	// the query did not go by it.
	Semantic, Lexical float64
	// Group is the key of the result's group, where there are groups.
	Group string
	// Recency is the decay of the paper's age, where it was asked for.
	Recency float64
	Vector  []float32
	// DrivenBy tells which examples of a recommendation the score comes from,
	// those first that add most.
	DrivenBy []rank.Contribution
	// Matches are the words of the query that the paper has.
	Matches []catalog.WordMatch
	// Collapsed are the papers that this one stands for, best ranked first.
	Collapsed []catalog.Collapsed
	// Evidence are the sentences that speak for the paper, the nearest first.
	Evidence []Evidence
}

// Timing says where the time of a query went.
type Timing struct {
	embed.Timing
	Search, Hydrate time.Duration
}
