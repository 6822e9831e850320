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
	"regexp"
	"slices"
	"time"

	"akin/internal/paper"
	"akin/internal/store"
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

// MaxSnapshots is how many snapshots a directory may have, so that nobody can fill
// a disk with them from afar.
const MaxSnapshots = 100

// Reasons of errors about snapshots.
const (
	ReasonSnapshotExists  = "SNAPSHOT_EXISTS"
	ReasonSnapshotUnknown = "SNAPSHOT_NOT_FOUND"
	ReasonNoSnapshots     = "NO_SNAPSHOTS"
)

const (
	// checkpointFile describes a snapshot.
	checkpointFile = "manifest.json"
	// mostCheckpoint is how long it may be.
	mostCheckpoint = 64 << 20
)

var snapshotName = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,63}$`)

// CheckSnapshotName says what is wrong with the name of a snapshot: it must be a
// plain name of a file.
func CheckSnapshotName(field, name string) error {
	if snapshotName.MatchString(name) {
		return nil
	}
	return paper.InvalidField(field, "is %.80q; it must be 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', and not begin with '.' or '-'", name)
}

// NewSnapshotName is the name of a snapshot that nobody named.
func NewSnapshotName(now time.Time) string { return now.UTC().Format("20060102T150405Z") }

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
func CreateSnapshot(ctx context.Context, from SnapshotSource, name string, progress Progress) (Snapshot, error) {
	if err := CheckSnapshotName("name", name); err != nil {
		return Snapshot{}, err
	}
	if err := os.MkdirAll(from.Dir, 0o755); err != nil {
		return Snapshot{}, fmt.Errorf("make the directory of snapshots: %w", err)
	}
	path := filepath.Join(from.Dir, name)
	if _, err := os.Lstat(path); err == nil {
		return Snapshot{}, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonSnapshotExists,
			Message: fmt.Sprintf("there is a snapshot %q already; give another name, or remove its directory", name),
		}
	}
	all, err := ListSnapshots(from.Dir)
	if err != nil {
		return Snapshot{}, err
	}
	if len(all) >= MaxSnapshots {
		return Snapshot{}, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: "TOO_MANY_SNAPSHOTS",
			Message: fmt.Sprintf("there are %d snapshots, and the limit is %d; remove the directories of old ones", len(all), MaxSnapshots),
		}
	}
	progress("copy", 0, 0)
	if _, err := from.Store.Checkpoint(ctx, path, from.Program); err != nil {
		return Snapshot{}, err
	}
	progress("verify", 0, 0)
	made, err := store.VerifyCheckpoint(ctx, path)
	if err != nil {
		return Snapshot{}, err
	}
	return toSnapshot(name, made), nil
}

// toSnapshot describes a checkpoint.
func toSnapshot(name string, c *store.Checkpoint) Snapshot {
	s := Snapshot{Name: name, CreateTime: c.CreateTime, Bytes: uint64(max(0, c.Bytes()))}
	for _, one := range c.Collections {
		if one.Name == paper.DefaultCollection {
			s.Papers, s.Sequence = uint32(max(0, one.Papers)), one.Sequence
		}
	}
	return s
}

// ListSnapshots lists the snapshots of a directory, the newest first, by what their
// descriptions say. A directory that is not there has none.
func ListSnapshots(dir string) ([]Snapshot, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	var all []Snapshot
	for _, entry := range entries {
		if !entry.IsDir() || !snapshotName.MatchString(entry.Name()) {
			continue
		}
		c, err := readCheckpoint(filepath.Join(dir, entry.Name()))
		if err != nil {
			all = append(all, Snapshot{Name: entry.Name(), Fault: err.Error()})
			continue
		}
		all = append(all, toSnapshot(entry.Name(), c))
	}
	slices.SortFunc(all, func(a, b Snapshot) int {
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
	if err := CheckSnapshotName("snapshot", name); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return "", &paper.Error{
			Kind: paper.NotFound, Reason: ReasonSnapshotUnknown, ResourceType: "snapshot", ResourceName: name,
			Message: fmt.Sprintf("there is no snapshot %q; `akin snapshot list` shows those there are", name),
		}
	}
	return path, nil
}

// VerifySnapshot reads all of a snapshot and says what is wrong with it.
func VerifySnapshot(ctx context.Context, dir, name string, progress Progress) (*Verification, error) {
	path, err := SnapshotPath(dir, name)
	if err != nil {
		return nil, err
	}
	progress("verify", 0, 0)
	v := new(Verification)
	v.part(PartSnapshot).Checked = 0
	c, err := store.VerifyCheckpoint(ctx, path)
	switch {
	case paper.KindOf(err) == paper.DataLoss:
		v.differ(PartSnapshot, remedySnapshot, "%v", err)
		return v, nil
	case err != nil:
		return nil, err
	}
	s := toSnapshot(name, c)
	v.Papers, v.Sequence = s.Papers, s.Sequence
	v.part(PartSnapshot).Checked = uint64(len(c.Files))
	return v, nil
}

const remedySnapshot = "the snapshot cannot be restored: remove its directory, and make another one with `akin snapshot create`"

// CreateSnapshot copies the store to the snapshot of a name.
func (c *Embedded) CreateSnapshot(ctx context.Context, name string, progress Progress) (Snapshot, error) {
	if err := c.hasSnapshots(); err != nil {
		return Snapshot{}, err
	}
	c.snapshots.Lock() // so that none is made beyond the limit
	defer c.snapshots.Unlock()
	return CreateSnapshot(ctx, SnapshotSource{Store: c.config.Store, Dir: c.config.Snapshots, Program: c.config.Program}, name, progress)
}

// Snapshots lists the snapshots, the newest first.
func (c *Embedded) Snapshots(context.Context) ([]Snapshot, error) {
	if err := c.hasSnapshots(); err != nil {
		return nil, err
	}
	return ListSnapshots(c.config.Snapshots)
}

// VerifySnapshot reads a snapshot.
func (c *Embedded) VerifySnapshot(ctx context.Context, name string, progress Progress) (*Verification, error) {
	if err := c.hasSnapshots(); err != nil {
		return nil, err
	}
	return VerifySnapshot(ctx, c.config.Snapshots, name, progress)
}

func (c *Embedded) hasSnapshots() error {
	if c.config.Snapshots != "" {
		return nil
	}
	return &paper.Error{Kind: paper.FailedPrecondition, Reason: ReasonNoSnapshots, Message: "this server keeps no snapshots: it was started without a directory for them"}
}
