package store

import (
	"errors"
	"fmt"

	"akin/internal/kv"
	"akin/internal/paper"
)

// Reasons of this package's errors, besides those of packages paper and kv.
const (
	// ReasonChangesTrimmed: the log no longer holds what was asked for.
	ReasonChangesTrimmed = "CHANGES_TRIMMED"
	// ReasonChangesAhead: the log does not yet hold what was asked for.
	ReasonChangesAhead = "CHANGES_AHEAD"
)

// Errors to test for with errors.Is. What the store returns wraps them in a
// *paper.Error that has a kind, a reason and a sentence.
var (
	// ErrClosed is returned by calls after, and iterations during, Close.
	ErrClosed = kv.ErrClosed
	// ErrReadOnly is returned by writes to a store that cannot be written.
	ErrReadOnly = kv.ErrReadOnly
	// ErrTrimmed is returned by Changes when asked from before what the log
	// still holds; the consumer must rebuild from a Snapshot.
	ErrTrimmed = errors.New("store: changes were trimmed")
	// ErrAhead is returned by Changes when asked from after the last sequence:
	// the consumer followed another history, for example before a backup was
	// restored, and must rebuild from a Snapshot.
	ErrAhead = errors.New("store: changes asked for are in the future")
)

// damagedKey is [kv.Damaged] for the value of one key.
func damagedKey(key []byte, cause error) error {
	what, metadata := describeKey(key)
	return kv.Damaged(what, metadata, cause)
}

func collectionUnknown(name string) error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: paper.ReasonCollectionUnknown,
		ResourceType: "collection", ResourceName: name,
		Message: fmt.Sprintf("collection %q does not exist; create it, or list the collections there are", name),
	}
}
