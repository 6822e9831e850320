package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"akin/internal/access"
	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/kv"
	"akin/internal/paper"
	"akin/internal/store"
)

// What looking after a data directory gives.
type (
	// Verification is what a verification found.
	Verification = catalog.Verification
	// Snapshot is a copy of a store.
	Snapshot = catalog.Snapshot
	// Loss is what a store has lost of what it acknowledged.
	Loss = kv.Loss
	// Progress takes how far something is.
	Progress = catalog.Progress
)

// Directories within a data directory.
const (
	indexesDir   = "indexes"
	snapshotsDir = "snapshots"
	lockFile     = "LOCK.akin"
)

// indexesOf is where a data directory keeps what is derived from its store.
func indexesOf(data string) string { return filepath.Join(data, indexesDir) }

// snapshots is where snapshots are kept.
func (c Config) snapshots() string {
	if c.Snapshots != "" {
		return c.Snapshots
	}
	return filepath.Join(c.Data, snapshotsDir)
}

// Verify compares what is in a data directory that no server uses with each other,
// and changes nothing. It needs no model.
func Verify(ctx context.Context, config Config, log *slog.Logger, progress Progress) (found *Verification, err error) {
	// What is damaged is told as a difference, beside the others.
	s, err := store.Open(config.Data, store.Options{Logger: log, ReadOnlyOnDamage: true, Beside: beside()})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return local.VerifyStored(ctx, s, indexesOf(config.Data), progress)
}

// AcceptLoss makes a data directory usable again that is refused because writes are
// missing which were acknowledged; what is missing is given up.
func AcceptLoss(ctx context.Context, config Config, log *slog.Logger) (Loss, error) {
	return store.AcceptLoss(ctx, config.Data, store.Options{Logger: log})
}

// CreateSnapshot makes a snapshot of a data directory that no server uses.
func CreateSnapshot(ctx context.Context, config Config, log *slog.Logger, name string, progress Progress) (made Snapshot, err error) {
	s, err := store.Open(config.Data, store.Options{Logger: log, Beside: beside()})
	if err != nil {
		return Snapshot{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if name == "" {
		name = catalog.NewSnapshotName(time.Now())
	}
	defer func() {
		err = errors.Join(err, config.auditLocal(log, access.Event{Action: "snapshot.create", Snapshot: name}, err))
	}()
	return local.CreateSnapshot(ctx, local.SnapshotSource{Store: s, Dir: config.snapshots(), Program: config.Version}, name, progress)
}

// ListSnapshots lists the snapshots of a data directory, the newest first.
func ListSnapshots(config Config) ([]Snapshot, error) {
	return local.ListSnapshots(config.snapshots())
}

// VerifySnapshot reads a snapshot of a data directory.
func VerifySnapshot(ctx context.Context, config Config, name string, progress Progress) (*Verification, error) {
	return local.VerifySnapshot(ctx, config.snapshots(), name, progress)
}

// Restored says what RestoreSnapshot did.
type Restored struct {
	Snapshot Snapshot
	// Aside is where the directory that was there before is kept; empty if none was.
	Aside string
}

// RestoreSnapshot makes the data directory of a snapshot, without any index: the
// first start makes them anew. A directory that holds anything is only replaced with
// force, and kept under another name beside it; its snapshots move to the new one. No
// server may be using it.
func RestoreSnapshot(ctx context.Context, config Config, name string, force bool) (done Restored, err error) {
	data, err := filepath.Abs(config.Data)
	if err != nil {
		return done, fmt.Errorf("data directory %s: %w", config.Data, err)
	}
	from, err := local.SnapshotPath(config.snapshots(), name)
	if err != nil {
		return done, err
	}
	defer func() {
		log := slog.New(slog.DiscardHandler)
		err = errors.Join(err, config.auditLocal(log, access.Event{Action: "snapshot.restore", Snapshot: name}, err))
	}()
	// Before anything is moved.
	if _, err := store.VerifyCheckpoint(ctx, from); err != nil {
		return done, err
	}
	empty, err := isEmpty(data)
	if err != nil {
		return done, err
	}
	if !empty {
		if !force {
			return done, holdsData(data)
		}
		if done.Aside, err = putAside(data); err != nil {
			return done, err
		}
		// The snapshot may have been within what moved.
		if inside, err := filepath.Rel(data, mustAbs(from)); err == nil && filepath.IsLocal(inside) {
			from = filepath.Join(done.Aside, inside)
		}
		defer func() {
			if err != nil {
				err = takeBack(data, &done, err)
			}
		}()
	}
	c, err := store.Restore(ctx, from, data, false)
	if err != nil {
		return done, err
	}
	done.Snapshot = Snapshot{Name: name, CreateTime: c.CreateTime, Bytes: uint64(max(0, c.Bytes()))}
	for _, one := range c.Collections {
		if one.Name == paper.DefaultCollection {
			done.Snapshot.Papers, done.Snapshot.Sequence = uint32(max(0, one.Papers)), one.Sequence
		}
	}
	if done.Aside == "" {
		return done, nil
	}
	for _, dir := range []string{accessDir, snapshotsDir} {
		err := os.Rename(filepath.Join(done.Aside, dir), filepath.Join(data, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return done, fmt.Errorf("the snapshot is restored, but the folder %s stays in %s; move it to %s: %w", dir, done.Aside, data, err)
		}
	}
	return done, nil
}

func mustAbs(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("data directory %s: %w", dir, err)
	}
	// Keys are of no store, and stay.
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == accessDir })
	return len(entries) == 0, nil
}

func holdsData(data string) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: "NOT_EMPTY",
		Message: fmt.Sprintf("%s is not empty; restore into another directory, or with --force, which keeps what is there under another name beside it", data),
	}
}

// putAside renames a data directory that nobody uses, and gives its new name.
func putAside(data string) (aside string, err error) {
	lock := flock.New(filepath.Join(data, lockFile))
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return "", fmt.Errorf("lock %s: %w", data, err)
	case !ok:
		return "", &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonDataLocked,
			Message: fmt.Sprintf("another akin has the data directory %s open; stop it first", data),
		}
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	aside = data + ".before-" + time.Now().UTC().Format("20060102T150405.000Z")
	if _, err := os.Lstat(aside); err == nil {
		return "", fmt.Errorf("%s is there already; try again", aside)
	}
	if err := os.Rename(data, aside); err != nil {
		return "", fmt.Errorf("put the data directory aside: %w; if it is a mount point, restore into another directory", err)
	}
	return aside, nil
}

// takeBack undoes putAside after something failed, if nothing is in the way.
func takeBack(data string, done *Restored, cause error) error {
	if _, err := os.Lstat(filepath.Join(data, "store")); err == nil {
		return cause // restored, and something else failed
	}
	err := os.RemoveAll(data) // what Restore may have begun
	if err == nil {
		err = os.Rename(done.Aside, data)
	}
	if err != nil {
		return fmt.Errorf("%w; what was there before is in %s, and could not be put back: %w", cause, done.Aside, err)
	}
	done.Aside = ""
	return cause
}
