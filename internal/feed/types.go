package feed

import "time"

// Mode says which scores a feed goes by.
type Mode int

// The modes. Their numbers are on disk.
const (
	// Hybrid is the default: meaning and words.
	Hybrid Mode = iota
	// Semantic goes by vectors alone.
	Semantic
	// Lexical goes by words alone.
	Lexical
)

// Query is what a feed looks for: exactly one of its fields is given.
type Query struct {
	// Text is free text, as in a search.
	Text string
	// PaperID is a paper whose like is looked for.
	PaperID string
	// Library is a library of the feed's owner, whose likes and dislikes are the taste.
	Library string
	// Authors are names of people; a paper of any of them matches, whatever its score.
	Authors []string
}

// Breadth is how much a feed lets through, in words that a person can choose. It is a
// share of the collection's background: the threshold is the score that this share of
// the background exceeds for this feed.
type Breadth int

// The breadths, the strictest first. Their numbers are on disk.
const (
	// BreadthDefault is Balanced.
	BreadthDefault Breadth = iota
	Strict
	Focused
	Balanced
	Wide
	Broad
)

// Feed is a standing query that new papers are matched against.
type Feed struct {
	// ID is the number that its items are kept under; 0 before it is kept. No other
	// feed had it or will have it.
	ID uint32
	// Owner is who it belongs to, Name unique among the owner's: the rules are those of
	// collections.
	Owner, Name string
	DisplayName string
	// Collection is whose papers are matched.
	Collection string
	Query      Query
	Mode       Mode
	// Filter is an AIP-160 filter that papers must pass; "" is none.
	Filter  string
	Breadth Breadth
	// MaxPerDay bounds how many papers a day (UTC) match, the best first as they come;
	// 0 means DefaultMaxPerDay.
	MaxPerDay int
	// CreateTime and UpdateTime are in UTC.
	CreateTime, UpdateTime time.Time
}

// ReasonKind says what brought a paper.
type ReasonKind int

// The reasons. Their numbers are on disk.
const (
	// ByText: the feed's text.
	ByText ReasonKind = iota + 1
	// ByPaper: the feed's paper.
	ByPaper
	// ByLike: a liked paper of the feed's library.
	ByLike
	// ByAuthor: one of the feed's authors.
	ByAuthor
)

// Reason is what brought a paper, and how much it had a part.
type Reason struct {
	Kind ReasonKind
	// Name is the id of the paper or like, or the author's name; "" for a text.
	Name string
	// Share is its part of the score, of 1.
	Share float64
}

// Item is a paper that matched a feed. It has the paper's id and nothing that it says.
type Item struct {
	// Cursor is the item's place among the items of its feed: it grows, and is never
	// given twice.
	Cursor  uint64
	PaperID string
	// Sequence is the change of the collection that was matched.
	Sequence uint64
	// Score is the feed's own; Cosine is in [-1, 1], 0 where it has no part.
	Score, Cosine float64
	// Percentile is where the score stands among those of the background, of 100.
	Percentile float64
	Reasons    []Reason
	// Time is when it matched, in UTC.
	Time time.Time
}
