package catalog

import (
	"context"
	"time"

	"akin/internal/paper"
)

// The capabilities by which the changes of collections are followed.
const (
	CapChanges    Capability = "changes"
	CapWordCounts Capability = "word-counts"
	CapWaiter     Capability = "waiter"
)

// Waiter lets callers wait for changes. Without it, whoever follows a collection looks
// from time to time.
type Waiter interface {
	// Wait returns once a collection has gone beyond a sequence number, or with the
	// error of ctx.
	Wait(ctx context.Context, collection string, after uint64) error
}

// Changes tells what changed in a collection, up to the sequence number of the view.
// Without it there are no feeds.
type Changes interface {
	// Changed gives up to limit changes after a sequence number, in order. It fails with
	// paper.FailedPrecondition and ReasonChangesTrimmed where they are not kept any more,
	// and with ReasonChangesAhead where there have not been so many.
	Changed(ctx context.Context, after uint64, limit int) ([]LogEntry, error)
	// CreatedSince gives up to limit papers that came at or after a time, the newest
	// first. It reads few papers.
	CreatedSince(ctx context.Context, since time.Time, limit int) ([]paper.Ref, error)
}

// Reasons of errors about changes that cannot be told.
const (
	ReasonChangesTrimmed = "CHANGES_TRIMMED"
	ReasonChangesAhead   = "CHANGES_AHEAD"
)

// LogEntry is one change of a collection.
type LogEntry struct {
	Sequence uint64
	paper.Ref
	Deleted bool
	// Fields are the parts of the paper that changed, or may have: all of a new one.
	Fields paper.Fields
}

// WordCounts tells which terms papers and texts have. Without it, feeds go by vectors
// alone, and feeds by words are refused.
type WordCounts interface {
	// WordCounts is parallel to refs; the zero value stands for a paper that is not there.
	WordCounts(ctx context.Context, refs []paper.Ref) ([]Counted, error)
	// TextTerms gives the terms of a text in their order, each once. Their names mean the
	// same for ever, their numbers as long as the catalog is open.
	TextTerms(ctx context.Context, text string) ([]TextTerm, error)
	// TermIDs gives the numbers of terms by their names; found is false for one that no
	// paper had yet.
	TermIDs(ctx context.Context, names []string) (ids []uint32, found []bool, err error)
	// TermNamesOf gives the names of terms by their numbers.
	TermNamesOf(ctx context.Context, ids []uint32) ([]string, error)
	// Frequencies gives how many papers have each of some terms, by number.
	Frequencies(ctx context.Context, ids []uint32) ([]uint32, error)
}

// Counted is how often a paper has its terms, those of the title counting more, in order
// of their numbers, and how long it is.
type Counted struct {
	Terms  []TermCount
	Length uint32
}

// TermCount is a term of a paper.
type TermCount struct {
	ID    uint32
	Count uint32
}

// TextTerm is a term of a text.
type TextTerm struct {
	Name  string
	Count int
	// Joined says that it is another form of terms that are there as well.
	Joined bool
}
