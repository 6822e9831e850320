package engine

import (
	"context"
	"time"

	"akin/internal/catalog"
)

// What looks after a catalog takes long, and tells how far it is.

// Verify compares all that the catalog has with itself.
func (e *Engine) Verify(ctx context.Context, progress catalog.Progress) (*catalog.Verification, error) {
	c, err := e.verifier()
	if err != nil {
		return nil, err
	}
	return c.Verify(ctx, progress)
}

// CreateSnapshot makes a copy of what the catalog has under a name; "" makes one of
// the time. What can be known to be wrong is an error of check, before anything runs.
func (e *Engine) CreateSnapshot(name string) (run func(context.Context, catalog.Progress) (catalog.Snapshot, error), err error) {
	c, err := e.snapshots()
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = catalog.NewSnapshotName(time.Now())
	}
	if err := catalog.CheckSnapshotName("name", name); err != nil {
		return nil, err
	}
	return func(ctx context.Context, progress catalog.Progress) (catalog.Snapshot, error) {
		return c.CreateSnapshot(ctx, name, progress)
	}, nil
}

// Snapshots lists the snapshots, the newest first.
func (e *Engine) Snapshots(ctx context.Context) ([]catalog.Snapshot, error) {
	c, err := e.snapshots()
	if err != nil {
		return nil, err
	}
	return c.Snapshots(ctx)
}

// VerifySnapshot reads a snapshot.
func (e *Engine) VerifySnapshot(ctx context.Context, name string, progress catalog.Progress) (*catalog.Verification, error) {
	c, err := e.snapshots()
	if err != nil {
		return nil, err
	}
	return c.VerifySnapshot(ctx, name, progress)
}
