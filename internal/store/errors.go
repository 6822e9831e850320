package store

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"akin/internal/paper"
)

// Reasons of this package's errors, besides those of package paper.
const (
	// ReasonReadOnly: a write failed earlier; the store must be opened again.
	ReasonReadOnly = "STORE_READ_ONLY"
	// ReasonChangesTrimmed: the log no longer holds what was asked for.
	ReasonChangesTrimmed = "CHANGES_TRIMMED"
	// ReasonChangesAhead: the log does not yet hold what was asked for.
	ReasonChangesAhead = "CHANGES_AHEAD"
	// ReasonForeignDirectory: the directory holds something else than akin's.
	ReasonForeignDirectory = "NOT_A_DATA_DIRECTORY"
	// ReasonNoData: there is no data directory and none was to be created.
	ReasonNoData = "DATA_NOT_FOUND"
)

// Errors to test for with errors.Is. What the store returns wraps them in a
// *paper.Error that has a kind, a reason and a sentence.
var (
	// ErrClosed is returned by calls after, and iterations during, Close.
	ErrClosed = errors.New("store: closed")
	// ErrReadOnly is returned by writes after a write failed.
	ErrReadOnly = errors.New("store: read-only after a failed write")
	// ErrTrimmed is returned by Changes when asked from before what the log
	// still holds; the consumer must rebuild from a Snapshot.
	ErrTrimmed = errors.New("store: changes were trimmed")
	// ErrAhead is returned by Changes when asked from after the last sequence:
	// the consumer followed another history, for example before a backup was
	// restored, and must rebuild from a Snapshot.
	ErrAhead = errors.New("store: changes asked for are in the future")
)

func closedError() error {
	return &paper.Error{
		Kind: paper.Unavailable, Reason: paper.ReasonStopping,
		Message: "the store is closed; the server is stopping",
		Cause:   ErrClosed,
	}
}

func readOnlyError(cause error) error {
	remedy := "look at the log for the cause, repair the disk"
	if errors.Is(cause, syscall.ENOSPC) {
		remedy = "the disk is full: free some space"
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonReadOnly,
		Message: fmt.Sprintf("a write to the data directory failed, so that it is read-only now; %s and restart akin; everything that was acknowledged is safe", remedy),
		Cause:   errors.Join(ErrReadOnly, cause),
	}
}

// damaged is the error for stored bytes that cannot be what was written.
// what names the value for people, for example `record of ordinal 7`.
func damaged(what string, metadata map[string]string, cause error) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message:  fmt.Sprintf("the stored %s is damaged; verify the data directory to see what else is, then delete and import the paper again, or restore a snapshot", what),
		Metadata: metadata,
		Cause:    cause,
	}
}

// damagedKey is damaged for the value of one key.
func damagedKey(key []byte, cause error) error {
	what, metadata := describeKey(key)
	return damaged(what, metadata, cause)
}

// pebbleError classifies what Pebble returned from a read.
func pebbleError(op string, err error) error {
	var known *paper.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known), paper.Canceled(err):
		return err
	case pebble.IsCorruptionError(err):
		return &paper.Error{
			Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
			Message: "a file of the data directory is damaged or missing; verify the data directory, then restore a snapshot or import the papers anew",
			Cause:   fmt.Errorf("%s: %w", op, err),
		}
	default:
		return fmt.Errorf("store: %s: %w", op, err)
	}
}

func collectionUnknown(name string) error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: paper.ReasonCollectionUnknown,
		ResourceType: "collection", ResourceName: name,
		Message: fmt.Sprintf("collection %q does not exist; create it, or list the collections there are", name),
	}
}
