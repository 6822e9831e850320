package store

import (
	"context"
	"errors"
	"time"

	"akin/internal/kv"
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

// Checkpoint copies the store, as of its last acknowledged commit, into the
// new directory dst; reads and writes go on meanwhile. Files that do not change
// any more are linked where the file system can, so that it takes little time
// and space. dst is there whole or not at all. program is the version to note.
func (s *Store) Checkpoint(ctx context.Context, dst, program string) (*Checkpoint, error) {
	return nil, errors.ErrUnsupported
}

// VerifyCheckpoint reads a checkpoint and compares every file with its digest.
// A difference is an error of kind DataLoss that names the file.
func VerifyCheckpoint(ctx context.Context, dir string) (*Checkpoint, error) {
	return nil, errors.ErrUnsupported
}

// Restore makes a data directory of a checkpoint, after verifying it. The
// directory must be missing or empty; with replace, it may hold akin's data,
// which is kept beside the new under another name until the new is in place,
// and then removed. No server may have it open. The restored store begins a
// new epoch, so that nothing derived from what came after is believed.
func Restore(ctx context.Context, checkpoint, dataDir string, replace bool) (*Checkpoint, error) {
	return nil, errors.ErrUnsupported
}

// AcceptLoss makes a store that is refused as damaged, because acknowledged
// writes are missing, usable again as it is: what can be read is kept, what
// cannot is given up, and a new epoch begins. No server may have it open. It
// is an error of kind FailedPrecondition if nothing is missing.
func AcceptLoss(ctx context.Context, dataDir string, o Options) (kv.Loss, error) {
	return kv.Loss{}, errors.ErrUnsupported
}

// Writable is nil if the store takes writes, and otherwise the error that they
// get: why not, and the remedy. It takes constant time.
func (s *Store) Writable() error { return s.db.Writable() }
