package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"akin/internal/kv"
	"akin/internal/paper"
)

// Checkpoint describes a copy of a store as of one commit: what its
// manifest.json says.
type Checkpoint struct {
	// Format is the version of the data directory, see docs/format/store.md.
	Format int `json:"format"`
	// Program is the version of the program that made it.
	Program     string                 `json:"program"`
	CreateTime  time.Time              `json:"create_time"`
	Point       kv.Point               `json:"point"`
	Collections []CheckpointCollection `json:"collections"`
	Files       []kv.CopiedFile        `json:"files"`
}

// CheckpointCollection is a collection of a Checkpoint.
type CheckpointCollection struct {
	Name     string `json:"name"`
	ID       uint32 `json:"id"`
	Sequence uint64 `json:"sequence"`
	Papers   int    `json:"papers"`
}

// Bytes is the size of all files.
func (c *Checkpoint) Bytes() (n int64) {
	for _, f := range c.Files {
		n += f.Size
	}
	return n
}

// Checkpoint copies the store, as of an acknowledged commit, into the new
// directory dst; reads and writes go on meanwhile. Files that do not change any
// more are linked where the file system can, so that it takes little time and
// space. dst is there whole or not at all. program is the version to note.
func (s *Store) Checkpoint(ctx context.Context, dst, program string) (*Checkpoint, error) {
	c := &Checkpoint{Format: kv.FormatVersion, Program: program, CreateTime: s.clock()}
	read := func(snap *kv.Snapshot) error {
		c.Point = snap.Point()
		collections, err := loadCollections(snap)
		for _, name := range slices.Sorted(maps.Keys(collections)) {
			coll := collections[name]
			c.Collections = append(c.Collections, CheckpointCollection{
				Name: name, ID: coll.ID, Sequence: coll.state.Sequence, Papers: int(coll.state.Papers),
			})
		}
		return err
	}
	err := s.db.Checkpoint(ctx, dst, read, func(files []kv.CopiedFile) any {
		c.Files = files
		return c
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// VerifyCheckpoint reads a checkpoint and compares every file with its digest.
// A difference is an error of kind DataLoss that names the file.
func VerifyCheckpoint(ctx context.Context, dir string) (*Checkpoint, error) {
	return decodeCheckpoint(kv.VerifyCheckpoint(ctx, dir, nil))
}

// Restore makes a data directory of a checkpoint, verifying each file. The
// directory must hold no store; with replace, what is akin's in it is removed
// once the copy is whole and in place. No server may have it open. The restored
// store begins a new epoch with its first write, so that nothing derived from
// what came after the checkpoint is believed.
func Restore(ctx context.Context, checkpoint, dataDir string, replace bool) (*Checkpoint, error) {
	return decodeCheckpoint(kv.Restore(ctx, checkpoint, dataDir, replace, nil))
}

func decodeCheckpoint(manifest []byte, err error) (*Checkpoint, error) {
	if err != nil {
		return nil, err
	}
	var c Checkpoint
	if err := json.Unmarshal(manifest, &c); err != nil {
		return nil, &paper.Error{
			Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
			Message: fmt.Sprintf("the manifest of the snapshot makes no sense: %v; use another snapshot", err),
		}
	}
	return &c, nil
}

// AcceptLoss makes a store that is refused as damaged, because acknowledged
// writes are missing, usable again as it is: what can be read is kept, what
// cannot is given up, and a new epoch begins. No server may have it open. It
// is an error of kind FailedPrecondition if nothing is missing, and of DataLoss
// if what is left is not a state that there was. See [kv.AcceptLoss].
func AcceptLoss(ctx context.Context, dataDir string, o Options) (kv.Loss, error) {
	if err := ctx.Err(); err != nil {
		return kv.Loss{}, err
	}
	return kv.AcceptLoss(dataDir, o.kv())
}

// Writable is nil if the store takes writes, and otherwise the error that they
// get: why not, and the remedy. It takes constant time.
func (s *Store) Writable() error { return s.db.Writable() }

// Room is an error while the disk is nearly full: changes are refused until it is not.
func (s *Store) Room() error { return s.db.Room() }

// Refusal is the error that a change would get now, of either; nil if it would be taken.
func (s *Store) Refusal() error { return s.db.Refusal() }

// Damage is the first damage of a file that was found since the opening, by the
// opening itself, by a read, or by the check of the tables that runs in the
// background after it; nil if none was. It takes constant time.
func (s *Store) Damage() error { return s.db.Damage() }
