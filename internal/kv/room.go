package kv

import (
	"fmt"
	"time"

	"akin/internal/paper"
)

const (
	// mostRoom is how much of a disk must be free for a change to be taken, and
	// roomShare the part of a small disk that is enough: room for the tables in memory
	// that are still to be flushed, and for what compactions write before they remove
	// what they read. A write that fails all the same shuts the fence.
	mostRoom  = 256 << 20
	roomShare = 20
	// roomRetry is when whoever was refused may ask again.
	roomRetry = 30 * time.Second
)

// Room is an error while the disk is nearly full, when no change is taken. It asks each
// time, so that changes are taken again once there is space.
func (db *DB) Room() error {
	usage, err := db.fs.GetDiskUsage(db.dir)
	if err != nil {
		return nil //nolint:nilerr // not every file system tells; then the write itself does
	}
	least := min(mostRoom, usage.TotalBytes/roomShare)
	if usage.AvailBytes >= least {
		return nil
	}
	return &paper.Error{
		Kind: paper.Exhausted, Reason: ReasonDiskFull, RetryAfter: roomRetry,
		Message: fmt.Sprintf("the disk of the data directory is nearly full: %s are free, and a change needs %s; free some space, and try again: nothing need be restarted, and what was acknowledged is safe",
			mebibytes(usage.AvailBytes), mebibytes(least)),
		Cause: ErrDiskFull,
	}
}

// room is Room for the writer; it logs when that changes.
func (db *DB) room() error {
	err := db.Room()
	if full := err != nil; full != db.full {
		db.full = full
		if full {
			db.log.Error("kv: nothing is written until there is space again", "err", err)
		} else {
			db.log.Info("kv: there is space on the disk again; writes go on")
		}
	}
	return err
}

func mebibytes(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
