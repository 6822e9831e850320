package local

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/store"
)

// MaxSnapshots is how many snapshots a directory may have, so that nobody can fill
// a disk with them from afar.
const MaxSnapshots = 100

const (
	// checkpointFile describes a snapshot.
	checkpointFile = "manifest.json"
	// mostCheckpoint is how long it may be.
	mostCheckpoint = 64 << 20
)

// SnapshotSource says what a snapshot is made of and where it goes.
type SnapshotSource struct {
	Store *store.Store
	// Dir is the directory of snapshots; it is made if it is missing.
	Dir string
	// Program is the version of the program, which the snapshot keeps.
	Program string
}

// CreateSnapshot copies a store to the snapshot of a name, and reads the copy to
// see that it is whole.
func CreateSnapshot(ctx context.Context, from SnapshotSource, name string, progress catalog.Progress) (catalog.Snapshot, error) {
	if err := catalog.CheckSnapshotName("name", name); err != nil {
		return catalog.Snapshot{}, err
	}
	if err := os.MkdirAll(from.Dir, 0o755); err != nil {
		return catalog.Snapshot{}, fmt.Errorf("make the directory of snapshots: %w", err)
	}
	path := filepath.Join(from.Dir, name)
	if _, err := os.Lstat(path); err == nil {
		return catalog.Snapshot{}, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: catalog.ReasonSnapshotExists,
			Message: fmt.Sprintf("there is a snapshot %q already; give another name, or remove its directory", name),
		}
	}
	all, err := ListSnapshots(from.Dir)
	if err != nil {
		return catalog.Snapshot{}, err
	}
	if len(all) >= MaxSnapshots {
		return catalog.Snapshot{}, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: "TOO_MANY_SNAPSHOTS",
			Message: fmt.Sprintf("there are %d snapshots, and the limit is %d; remove the directories of old ones", len(all), MaxSnapshots),
		}
	}
	progress("copy", 0, 0)
	if _, err := from.Store.Checkpoint(ctx, path, from.Program); err != nil {
		return catalog.Snapshot{}, err
	}
	progress("verify", 0, 0)
	made, err := store.VerifyCheckpoint(ctx, path)
	if err != nil {
		return catalog.Snapshot{}, err
	}
	return toSnapshot(name, made), nil
}

// toSnapshot describes a checkpoint.
func toSnapshot(name string, c *store.Checkpoint) catalog.Snapshot {
	s := catalog.Snapshot{Name: name, CreateTime: c.CreateTime, Bytes: uint64(max(0, c.Bytes()))}
	for _, one := range c.Collections {
		if one.Name == paper.DefaultCollection {
			s.Papers, s.Sequence = uint32(max(0, one.Papers)), one.Sequence
		}
	}
	return s
}

// ListSnapshots lists the snapshots of a directory, the newest first, by what their
// descriptions say. A directory that is not there has none.
func ListSnapshots(dir string) ([]catalog.Snapshot, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	var all []catalog.Snapshot
	for _, entry := range entries {
		if !entry.IsDir() || catalog.CheckSnapshotName("name", entry.Name()) != nil {
			continue
		}
		c, err := readCheckpoint(filepath.Join(dir, entry.Name()))
		if err != nil {
			all = append(all, catalog.Snapshot{Name: entry.Name(), Fault: err.Error()})
			continue
		}
		all = append(all, toSnapshot(entry.Name(), c))
	}
	slices.SortFunc(all, func(a, b catalog.Snapshot) int {
		return cmp.Or(b.CreateTime.Compare(a.CreateTime), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// readCheckpoint reads the description of a snapshot, and nothing else of it.
func readCheckpoint(dir string) (*store.Checkpoint, error) {
	path := filepath.Join(dir, checkpointFile)
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("it has no description: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > mostCheckpoint {
		return nil, fmt.Errorf("%s is no file of up to %d bytes", path, mostCheckpoint)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read its description: %w", err)
	}
	defer f.Close()
	c := new(store.Checkpoint)
	if err := json.NewDecoder(io.LimitReader(f, mostCheckpoint)).Decode(c); err != nil {
		return nil, fmt.Errorf("read its description: %w", err)
	}
	return c, nil
}

// SnapshotPath is where the snapshot of a name is, or an error of kind NotFound.
func SnapshotPath(dir, name string) (string, error) {
	if err := catalog.CheckSnapshotName("snapshot", name); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return "", &paper.Error{
			Kind: paper.NotFound, Reason: catalog.ReasonSnapshotUnknown, ResourceType: "snapshot", ResourceName: name,
			Message: fmt.Sprintf("there is no snapshot %q; `akin snapshot list` shows those there are", name),
		}
	}
	return path, nil
}

// VerifySnapshot reads all of a snapshot and says what is wrong with it.
func VerifySnapshot(ctx context.Context, dir, name string, progress catalog.Progress) (*catalog.Verification, error) {
	path, err := SnapshotPath(dir, name)
	if err != nil {
		return nil, err
	}
	progress("verify", 0, 0)
	v := new(report)
	v.part(PartSnapshot).Checked = 0
	c, err := store.VerifyCheckpoint(ctx, path)
	switch {
	case paper.KindOf(err) == paper.DataLoss:
		v.differ(PartSnapshot, remedySnapshot, "%v", err)
		return &v.found, nil
	case err != nil:
		return nil, err
	}
	s := toSnapshot(name, c)
	v.found.Papers, v.found.Sequence = s.Papers, s.Sequence
	v.part(PartSnapshot).Checked = uint64(len(c.Files))
	return &v.found, nil
}

const remedySnapshot = "the snapshot cannot be restored: remove its directory, and make another one with `akin snapshot create`"

// CreateSnapshot implements catalog.Snapshots.
func (c *Catalog) CreateSnapshot(ctx context.Context, name string, progress catalog.Progress) (catalog.Snapshot, error) {
	if err := c.hasSnapshots(); err != nil {
		return catalog.Snapshot{}, err
	}
	c.snapshots.Lock() // so that none is made beyond the limit
	defer c.snapshots.Unlock()
	return CreateSnapshot(ctx, SnapshotSource{Store: c.config.Store, Dir: c.config.Snapshots, Program: c.config.Program}, name, progress)
}

// Snapshots implements catalog.Snapshots.
func (c *Catalog) Snapshots(context.Context) ([]catalog.Snapshot, error) {
	if err := c.hasSnapshots(); err != nil {
		return nil, err
	}
	return ListSnapshots(c.config.Snapshots)
}

// VerifySnapshot implements catalog.Snapshots.
func (c *Catalog) VerifySnapshot(ctx context.Context, name string, progress catalog.Progress) (*catalog.Verification, error) {
	if err := c.hasSnapshots(); err != nil {
		return nil, err
	}
	return VerifySnapshot(ctx, c.config.Snapshots, name, progress)
}

func (c *Catalog) hasSnapshots() error {
	if c.config.Snapshots != "" {
		return nil
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: catalog.ReasonNoSnapshots,
		Message: "this server keeps no snapshots: it was started without a directory for them",
	}
}
