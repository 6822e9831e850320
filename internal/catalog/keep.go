package catalog

import (
	"context"
	"regexp"
	"time"

	"akin/internal/paper"
)

// The capabilities of catalogs, each with the interface of its name.
const (
	CapVerifier  Capability = "verifier"
	CapSnapshots Capability = "snapshots"
)

// Progress takes how far something is: what it is at, how many are done and how many
// there are, 0 if nobody knows.
type Progress func(step string, done, total uint64)

// Verifier compares what a catalog has with itself. Without it that is refused.
type Verifier interface {
	// Verify takes long, and tells how far it is.
	Verify(ctx context.Context, progress Progress) (*Verification, error)
}

// Snapshots keeps copies of what a catalog has. Without it they are refused.
type Snapshots interface {
	// CreateSnapshot makes a copy under a name that is a plain name of a file.
	CreateSnapshot(ctx context.Context, name string, progress Progress) (Snapshot, error)
	// Snapshots lists the copies, the newest first.
	Snapshots(ctx context.Context) ([]Snapshot, error)
	// VerifySnapshot reads a copy.
	VerifySnapshot(ctx context.Context, name string, progress Progress) (*Verification, error)
}

// Verification is what a verification found.
type Verification struct {
	Papers   uint32
	Sequence uint64
	Parts    []VerifiedPart
	// Differences are what is not as it should be, at most 100 of each part.
	Differences []Difference
}

// VerifiedPart is one thing that was looked at.
type VerifiedPart struct {
	Name string
	// Checked is how many things of it were compared.
	Checked uint64
	// Skipped says what was not looked at, and why.
	Skipped string
	// Differences counts also those that are not listed.
	Differences uint64
}

// Difference is one thing that is not as it should be, and what to do about it.
type Difference struct {
	Part, Description, Remedy string
}

// Sound says that nothing differs.
func (v *Verification) Sound() bool { return len(v.Differences) == 0 }

// Snapshot is a copy of what a catalog has, under a name.
type Snapshot struct {
	Name       string
	CreateTime time.Time
	// Papers and Sequence are of the default collection.
	Papers   uint32
	Sequence uint64
	// Bytes are those of its files.
	Bytes uint64
	// Fault says why it cannot be restored; "" for a good one.
	Fault string
}

// Reasons of errors about snapshots.
const (
	ReasonSnapshotExists  = "SNAPSHOT_EXISTS"
	ReasonSnapshotUnknown = "SNAPSHOT_NOT_FOUND"
	ReasonNoSnapshots     = "NO_SNAPSHOTS"
)

var snapshotName = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,63}$`)

// CheckSnapshotName says what is wrong with the name of a snapshot: it must be a plain
// name of a file.
func CheckSnapshotName(field, name string) error {
	if snapshotName.MatchString(name) {
		return nil
	}
	return paper.InvalidField(field, "is %.80q; it must be 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', and not begin with '.' or '-'", name)
}

// NewSnapshotName is the name of a snapshot that nobody named.
func NewSnapshotName(now time.Time) string { return now.UTC().Format("20060102T150405Z") }
