package kv

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"akin/internal/paper"
)

// Reasons of this package's errors, besides those of package paper.
const (
	// ReasonReadOnly: a write failed earlier; the directory must be opened again.
	ReasonReadOnly = "STORE_READ_ONLY"
	// ReasonDiskFull: there is too little space for a change; there may be again.
	ReasonDiskFull = "DISK_FULL"
	// ReasonDamaged: something that was acknowledged cannot be read.
	ReasonDamaged = "STORE_DAMAGED"
	// ReasonNotEmpty: a snapshot would be restored over a store.
	ReasonNotEmpty = "DATA_DIRECTORY_NOT_EMPTY"
	// ReasonFileLimit: the process may open too few files.
	ReasonFileLimit = "FILE_LIMIT"
	// ReasonForeignDirectory: the directory holds something else than akin's.
	ReasonForeignDirectory = "NOT_A_DATA_DIRECTORY"
	// ReasonNoData: there is no data directory and none was to be created.
	ReasonNoData = "DATA_NOT_FOUND"
)

// Errors to test for with errors.Is. What this package returns wraps them in a
// *paper.Error that has a kind, a reason and a sentence.
var (
	// ErrClosed is returned by calls after, and iterations during, Close.
	ErrClosed = errors.New("store: closed")
	// ErrReadOnly is returned by writes after a write failed.
	ErrReadOnly = errors.New("store: read-only")
	// ErrDiskFull is returned by writes while the disk is nearly full.
	ErrDiskFull = errors.New("store: the disk is nearly full")
)

// errDamagedStore is the cause of refusals to open.
var errDamagedStore = fmt.Errorf("%w: damaged", ErrReadOnly)

// refusesWrites says that an error is of a disk or directory that takes no
// writes, though it can be read.
func refusesWrites(err error) bool {
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EACCES, syscall.EPERM} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// reasonOf is what the system said, in brackets, if it is in the error.
func reasonOf(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		return " (" + number.Error() + ")"
	}
	return ""
}

// unwritableError is what writers are told of a directory that could only be
// opened for reading.
func unwritableError(cause error) error {
	remedy := "make it writable"
	if errors.Is(cause, syscall.ENOSPC) || errors.Is(cause, syscall.EDQUOT) {
		remedy = "the disk is full: free some space"
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonReadOnly,
		Message: fmt.Sprintf("the data directory could only be opened for reading%s; %s and restart akin", reasonOf(cause), remedy),
		Cause:   errors.Join(ErrReadOnly, cause),
	}
}

func closedError() error {
	return &paper.Error{
		Kind: paper.Unavailable, Reason: paper.ReasonStopping,
		Message: "the store is closed; the server is stopping",
		Cause:   ErrClosed,
	}
}

func readOnlyError(cause error) error {
	remedy := "look at the log for the cause, repair the disk"
	if errors.Is(cause, syscall.ENOSPC) || errors.Is(cause, syscall.EDQUOT) {
		remedy = "the disk is full: free some space"
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonReadOnly,
		Message: fmt.Sprintf("a write to the data directory failed%s, so that it is read-only now; %s and restart akin; everything that was acknowledged is safe", reasonOf(cause), remedy),
		Cause:   errors.Join(ErrReadOnly, cause),
	}
}

// Damaged is the error for stored bytes that cannot be what was written.
// what names the value for people, for example `record of ordinal 7`.
func Damaged(what string, metadata map[string]string, cause error) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message:  fmt.Sprintf("the stored %s is damaged; run akin verify to see what else is, then delete and import the paper again, or restore a snapshot with akin snapshot restore", what),
		Metadata: metadata,
		Cause:    cause,
	}
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
			Message: "a file of the data directory is damaged or missing; run akin verify to see what, then restore a snapshot with akin snapshot restore, or import the papers anew",
			Cause:   fmt.Errorf("%s: %w", op, err),
		}
	default:
		return fmt.Errorf("kv: %s: %w", op, err)
	}
}
