package catalog

import (
	"context"
	"time"

	"akin/internal/paper"
)

// Snapshot is a copy of a store under a name.
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

// CreateSnapshot TBD.
func (c *Embedded) CreateSnapshot(ctx context.Context, name string, progress Progress) (Snapshot, error) {
	return Snapshot{}, paper.Invalidf("TBD")
}

// Snapshots TBD.
func (c *Embedded) Snapshots(ctx context.Context) ([]Snapshot, error) {
	return nil, paper.Invalidf("TBD")
}

// VerifySnapshot TBD.
func (c *Embedded) VerifySnapshot(ctx context.Context, name string, progress Progress) (*Verification, error) {
	return nil, paper.Invalidf("TBD")
}
