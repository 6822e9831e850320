package engine

import "time"

// ResultOptions are what all queries share. A field shapes the list, and a page
// token fits no request with another value of it, unless it is tagged key:"-".
//
// To add an option: the field here, its line in check, and the stage that uses it.
type ResultOptions struct {
	// PageSize is how many results to return; 0 means DefaultPageSize.
	PageSize  int    `key:"-"`
	PageToken string `key:"-"`
	// MinScore leaves out results below a cosine; nil keeps all.
	MinScore *float64
	// Exact compares every vector.
	Exact       bool
	WithVectors bool `key:"-"`
	// Filter is an AIP-160 filter; "" keeps all papers.
	Filter string
	// AsOf keeps papers that had appeared by a day, YYYY-MM-DD; "" keeps all.
	AsOf string
	// Diversity, from 0 to 1, reorders the first results so that they differ.
	Diversity float64
	// Explain asks for the words that each result shares with the query.
	Explain bool `key:"-"`
	// Recency, from 0 to 1, is how much newer papers come first.
	Recency float64
	// HalfLifeDays is the age at which a paper counts half for recency; 0 means
	// DefaultHalfLifeDays.
	HalfLifeDays float64
	// GroupBy is what results are grouped by, with at most GroupSize results a
	// group; 0 means DefaultGroupSize.
	GroupBy   GroupBy
	GroupSize int
	// KeepVersions keeps near-duplicates and versions of one work as results of
	// their own; otherwise the best ranked of them stands for all.
	KeepVersions bool
	// Evidence asks for the sentences that speak for each result of the page.
	Evidence bool `key:"-"`
	// Fits is asked for each result of a page, in order, whether it still fits
	// beside what else the answer has; one that does not begins the next page. Nil
	// means that all do.
	Fits func(*Answer, *Result) bool `key:"-"`
}

// SearchRequest is a free-text query.
type SearchRequest struct {
	Collection string
	Query      string
	Mode       Mode
	Fusion     Fusion
	// Rerank is how many of the first results are ordered anew by their
	// sentences; 0 is off.
	Rerank int
	// Syntax says whether the signs in Query are operators.
	Syntax Syntax
	// Verbatim takes the words as they are typed: none is a name, or corrected.
	Verbatim bool
	ResultOptions
}

// Syntax says whether the signs in a query are operators.
type Syntax int

// The syntaxes.
const (
	// SyntaxAuto counts operators in short queries, but for phrases that leave nothing;
	// in longer text phrases raise.
	SyntaxAuto Syntax = iota
	// SyntaxOn always counts them.
	SyntaxOn
	// SyntaxOff never does.
	SyntaxOff
)

// Operators is what became of the operators of a query.
type Operators int

// What can become of them.
const (
	// NoOperators: the query has none.
	NoOperators Operators = iota
	// OperatorsCounted: phrases must be there, exclusions must not.
	OperatorsCounted
	// OperatorsRaised: phrases raise, exclusions are words.
	OperatorsRaised
	// PhrasesDropped: they left nothing, and the phrases need not be there.
	PhrasesDropped
	// OperatorsIgnored: the request turned them off.
	OperatorsIgnored
)

// Mode is what a query goes by.
type Mode int

// The modes.
const (
	// Hybrid weighs meaning and words.
	Hybrid Mode = iota
	// Semantic goes by meaning: the cosine of vectors.
	Semantic
	// Lexical goes by words: BM25.
	Lexical
)

// Fusion is how the two sides of a hybrid query become one list.
type Fusion int

// The fusions.
const (
	// Relative adds the lexical score, as a share of the list's greatest, to the
	// cosine (rank.FuseRelative).
	Relative Fusion = iota
	// ZScore adds up standardised scores (rank.FuseZ).
	ZScore
	// RRF adds up reciprocal ranks (rank.FuseRRF).
	RRF
)

// SimilarRequest asks for more like papers of the collection, or like a text.
type SimilarRequest struct {
	Collection  string
	PaperIDs    []string
	Text        *Text
	IncludeSelf bool
	Mode        Mode
	Fusion      Fusion
	// Rerank is as for a search.
	Rerank int
	ResultOptions
}

// Example is a liked or disliked paper or text.
type Example struct {
	PaperID string
	Text    *Text
	// Weight is how much it counts; 0 means 1.
	Weight float64
	// Time is when it was liked or disliked; zero counts as the newest.
	Time time.Time
}

// RecommendRequest is a taste.
type RecommendRequest struct {
	Collection string
	Positive   []Example
	Negative   []Example
	// Strategy is how examples become a ranking; 0 is HybridMean.
	Strategy RecommendStrategy
	// HalfLifeDays halves an example's weight for every so many days that it is
	// older than the newest one; 0 is off.
	HalfLifeDays float64
	// Exclude are ids of papers that are no results, nor are other versions of them; ids
	// that are not in the collection exclude nothing.
	Exclude []string
	ResultOptions
}

// RecommendStrategy is how liked and disliked examples become a ranking.
type RecommendStrategy int

// The strategies.
const (
	// HybridMean weighs TopMean of vectors and the words shared with all likes, and
	// gives every interest among the likes its share of the list (interests.go).
	HybridMean RecommendStrategy = iota
	// TopMean ranks by the mean of the three greatest similarities to likes,
	// less a share of the greatest one to a dislike (rank.Contributions).
	TopMean
	// MeanVector ranks by the cosine to the mean of the likes moved away from
	// the mean of the dislikes (rank.MeanVector).
	MeanVector
	// BestScore is TopMean with the one greatest similarity.
	BestScore
	// SVM ranks by the distance to the hyperplanes of support vector machines
	// (rank.Bag).
	SVM
)
