package kv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/paper"
)

// tableRate is how many bytes of tables are read in a second by the check in
// the background, so that it takes little from the queries.
const tableRate = 32 << 20

// filterPolicy is that of the bloom filters: 10 bits a key.
func filterPolicy() pebble.FilterPolicy { return bloom.FilterPolicy(10) }

// CheckTables reads every block of the tables on disk and compares it with its
// checksum. The faults are errors of kind DataLoss that name the file; the
// error is for a check that could not be finished. Reads and writes go on.
func (db *DB) CheckTables(ctx context.Context) (faults []error, err error) {
	if err := db.inflight.enter(); err != nil {
		return nil, err
	}
	defer db.inflight.leave()
	return db.checkTables(ctx, 0)
}

// checkTables is CheckTables, at most at the rate in bytes a second; 0 is
// without bound.
func (db *DB) checkTables(ctx context.Context, rate int64) (faults []error, err error) {
	names, err := db.tables()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		err := checkTable(ctx, db.fs, db.fs.PathJoin(db.dir, storeDir, name), rate)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil || db.Closing() != nil:
			return faults, errors.Join(ctx.Err(), db.Closing())
		case errors.Is(err, os.ErrNotExist):
			// A compaction has replaced it, or else it is lost.
			if now, err := db.tables(); err != nil || !slices.Contains(now, name) {
				continue
			}
		case !pebble.IsCorruptionError(err) && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
			return faults, fmt.Errorf("kv: check table %s: %w", name, err)
		}
		faults = append(faults, damagedTable(name, err))
	}
	return faults, nil
}

func damagedTable(name string, cause error) error {
	file := storeDir + "/" + name
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message: fmt.Sprintf("the file %s of the data directory is damaged: %s; what it holds cannot be read or only in part; "+
			"restore a snapshot with akin snapshot restore, or import the papers anew into a new directory", file, firstLine(cause)),
		Metadata: map[string]string{"file": file},
		Cause:    cause,
	}
}

// tables lists the tables that are in use.
func (db *DB) tables() ([]string, error) {
	levels, err := db.pebble.SSTables()
	if err != nil {
		return nil, pebbleError("list tables", err)
	}
	var names []string
	for _, level := range levels {
		for i := range level {
			names = append(names, fmt.Sprintf("%06d.sst", uint64(level[i].BackingSSTNum)))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// checkTable reads the blocks of one table.
func checkTable(ctx context.Context, fs vfs.FS, path string, rate int64) error {
	file, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(&pacedFile{File: file, ctx: ctx, rate: rate})
	if err != nil {
		return errors.Join(err, file.Close())
	}
	policy := filterPolicy()
	r, err := sstable.NewReader(ctx, readable, sstable.ReaderOptions{
		Filters: map[string]pebble.FilterPolicy{policy.Name(): policy},
	})
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

// pacedFile reads no faster than its rate, and not at all once ctx has ended.
type pacedFile struct {
	vfs.File
	ctx  context.Context //nolint:containedctx // Pebble's interface has no room for it
	rate int64
	debt time.Duration
}

func (f *pacedFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	if f.rate > 0 {
		f.debt += time.Duration(int64(len(p)) * int64(time.Second) / f.rate)
		if f.debt > 10*time.Millisecond {
			timer := time.NewTimer(f.debt)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-f.ctx.Done():
				return 0, f.ctx.Err()
			}
			f.debt = 0
		}
	}
	return f.File.ReadAt(p, off)
}

// watch checks the tables once, in the background, some time after the opening. What is
// found is logged, and told by Damage.
func (db *DB) watch(after time.Duration) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	db.stopWatch = func() {
		stop()
		<-done
	}
	go func() {
		defer close(done)
		select {
		case <-time.After(after):
		case <-ctx.Done():
			return
		}
		faults, err := db.checkTables(ctx, tableRate)
		for _, fault := range faults {
			db.damaged(fault)
		}
		if err != nil && ctx.Err() == nil {
			db.log.Warn("kv: the tables could not be checked", "err", err)
		}
	}()
}

// cameUpon is damaged for what Pebble reports. While it is opened or closed
// behind a shut fence, it reads back tables whose writing was dropped.
func (db *DB) cameUpon(fault error) {
	if !db.fence.dropping() {
		db.damaged(fault)
	}
}

// damaged notes and logs that a file is damaged.
func (db *DB) damaged(fault error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.damage != nil && db.damage.Error() == fault.Error() {
		return // each read comes upon it again
	}
	db.log.Error("kv: a file is damaged", "err", fault)
	if db.damage == nil {
		db.damage = fault
	}
}

// Damage is the first damage of a file that was found since the opening, by
// the opening itself, by a read, or by the check in the background; nil if
// none was. The database goes on with what can be read.
func (db *DB) Damage() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.damage
}
