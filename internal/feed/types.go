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
	// Since is the change of the collection after which papers are matched.
	Since uint64
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

// Progress is what a feed has sent so far. The zero value is that of a new feed.
type Progress struct {
	// Last is the cursor of the newest item; the next one has the next number.
	Last uint64
	// Items is how many are kept.
	Items int
	// Day is the day (UTC) of the newest item, in days since 1970, and DayItems how many
	// that day had.
	Day, DayItems int
	// LimitTime is when the daily limit last left a paper out.
	LimitTime time.Time
}

// Calibration is what a feed is matched by: made of a background of papers of its
// collection, and frozen until it is made anew.
type Calibration struct {
	// Version is that of the rules it was made by.
	Version int
	// Space is the fingerprint of the space of Vector.
	Space string
	// Sequence and Papers are the state of the collection it was made of, Background how
	// many of its papers stood for all.
	Sequence   uint64
	Papers     uint32
	Background int
	// Made is when; LibraryTime is when the feed's library had last changed.
	Made, LibraryTime time.Time
	// Vector is float32 [dim], unit length; nil where meaning has no part.
	Vector []float32
	// Terms are the words, with what each counts; AverageLength scales how long a paper
	// is.
	Terms         []Term
	AverageLength float64
	// Semantic, Lexical and Offset make the score: Semantic times the cosine, plus Lexical
	// times what the words count, plus Offset.
	Semantic, Lexical, Offset float64
	// Threshold is the least score that matches.
	Threshold float64
	// Best are the best scores of the background, the best first: a percentile is read
	// off them.
	Best []float32
	// Waits says why nothing can match now; 0 if something can.
	Waits Wait
}

// Wait says why a feed cannot match anything.
type Wait int

// The reasons to wait. Their numbers are on disk.
const (
	// WaitsForNothing: it matches.
	WaitsForNothing Wait = iota
	// WaitsForPapers: the collection has too few papers to compare with.
	WaitsForPapers
	// WaitsForLikes: the library has no liked paper that the collection has.
	WaitsForLikes
	// WaitsForLibrary: there is no such library.
	WaitsForLibrary
	// WaitsForPaper: the collection has not got the feed's paper.
	WaitsForPaper
	// WaitsForWords: the feed goes by words, and no paper has any of them.
	WaitsForWords
)

// Term is a word of a feed and what it counts.
type Term struct {
	Name   string
	Weight float64
}

// Percentile says where a score stands among those of the background, of 100.
func (c *Calibration) Percentile(score float64) float64 {
	if c.Background == 0 {
		return 0
	}
	above := 0
	for above < len(c.Best) && float64(c.Best[above]) > score {
		above++
	}
	return 100 * (1 - float64(above)/float64(c.Background))
}

// Following is how far a collection was matched.
type Following struct {
	// Cursor is the last change that was, and Time when.
	Cursor uint64
	Time   time.Time
	// GapFrom and GapTo are the changes of the last gap: the log did not reach back so far,
	// and papers that changed since were looked for instead, at GapTime. Zero if there was
	// none.
	GapFrom, GapTo uint64
	GapTime        time.Time
}

// Share is the part of the background that a breadth lets through.
func (b Breadth) Share() float64 {
	switch b {
	case Strict:
		return 0.0002
	case Focused:
		return 0.0005
	case Wide:
		return 0.005
	case Broad:
		return 0.02
	case BreadthDefault, Balanced:
	}
	return 0.001
}
