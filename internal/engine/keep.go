package engine

import (
	"context"
	"time"

	catalog "akin/internal/catalog/local"
)

// Keeper looks after what a catalog has on disk. Its methods take long; they tell
// how far they are.
type Keeper interface {
	// Verify compares all that the catalog has with itself.
	Verify(ctx context.Context, progress catalog.Progress) (*catalog.Verification, error)
	// CreateSnapshot copies the store to the snapshot of a name.
	CreateSnapshot(ctx context.Context, name string, progress catalog.Progress) (catalog.Snapshot, error)
	// Snapshots lists the snapshots, the newest first.
	Snapshots(ctx context.Context) ([]catalog.Snapshot, error)
	// VerifySnapshot reads a snapshot.
	VerifySnapshot(ctx context.Context, name string, progress catalog.Progress) (*catalog.Verification, error)
}

// Verify compares all that the catalog has with itself.
func (e *Engine) Verify(ctx context.Context, progress catalog.Progress) (*catalog.Verification, error) {
	if err := e.needCatalog(); err != nil {
		return nil, err
	}
	return e.catalog.Verify(ctx, progress)
}

// CreateSnapshot copies the store to the snapshot of a name; "" makes one of the
// time. What can be known to be wrong is an error of check, before anything runs.
func (e *Engine) CreateSnapshot(name string) (run func(context.Context, catalog.Progress) (catalog.Snapshot, error), err error) {
	if err := e.needCatalog(); err != nil {
		return nil, err
	}
	if name == "" {
		name = catalog.NewSnapshotName(time.Now())
	}
	if err := catalog.CheckSnapshotName("name", name); err != nil {
		return nil, err
	}
	return func(ctx context.Context, progress catalog.Progress) (catalog.Snapshot, error) {
		return e.catalog.CreateSnapshot(ctx, name, progress)
	}, nil
}

// Snapshots lists the snapshots, the newest first.
func (e *Engine) Snapshots(ctx context.Context) ([]catalog.Snapshot, error) {
	if err := e.needCatalog(); err != nil {
		return nil, err
	}
	return e.catalog.Snapshots(ctx)
}

// VerifySnapshot reads a snapshot.
func (e *Engine) VerifySnapshot(ctx context.Context, name string, progress catalog.Progress) (*catalog.Verification, error) {
	if err := e.needCatalog(); err != nil {
		return nil, err
	}
	return e.catalog.VerifySnapshot(ctx, name, progress)
}
