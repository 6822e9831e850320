package kv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// reader is what can be read from: the database or a snapshot of it.
type reader = pebble.Reader

// DB is an open data directory. Open makes it; Close must be called.
type DB struct {
	dir      string
	fs       FS
	log      *slog.Logger
	pebble   *pebble.DB
	fence    *fence
	marker   *marker // nil if denied
	unlock   io.Closer
	inflight inflight
	// denied is why nothing may be written, since the opening; nil if it may.
	denied error
	// stopWatch ends the check of the tables and waits for it; nil without one.
	stopWatch func()

	// writer is full while a write is planned and committed. It is a channel
	// rather than a mutex so that waiting for it can be given up.
	writer chan struct{}
	// commits counts goroutines in Pebble's commit; Close joins them.
	commits sync.WaitGroup

	// begun says that a commit was made since the opening, so that the epoch is
	// this opening's. It belongs to the writer.
	begun bool
	// full says that the disk was nearly full when it was last asked. It belongs to the
	// writer.
	full bool
	// witness keeps commits elsewhere, too; nil if nobody does. It is asked about keys from
	// lower up to upper. settled hears of a doubt that was settled. All are set once.
	witness      Witness
	lower, upper []byte
	settled      func()
	// doubt is what the witness may have and this database has not; nil for nothing. It
	// belongs to the writer.
	doubt *doubt

	mu   sync.Mutex // guards the fields below and every view's refs
	live map[*view]struct{}
	// current is the last acknowledged state. It is written by the writer, who
	// may therefore read it without mu.
	current *view
	damage  error
	// written is when the last commit since the opening was acknowledged.
	written time.Time
}

// Dir is the data directory.
func (db *DB) Dir() string { return db.dir }

// Enter begins a call that Close is to wait for; every nil must be followed by
// one Leave. Calls may nest: one that begins while closing is refused, with
// ErrClosed, rather than blocked.
func (db *DB) Enter() error { return db.inflight.enter() }

// Leave ends what Enter began.
func (db *DB) Leave() { db.inflight.leave() }

// Closing is an error once Close was called; iterations ask it at each step.
func (db *DB) Closing() error {
	if db.inflight.closing.Load() {
		return closedError()
	}
	return nil
}

// Holds is [History.Holds] of the last acknowledged state.
func (db *DB) Holds(p Point) error {
	db.mu.Lock()
	h := db.current.history
	db.mu.Unlock()
	return h.Holds(p)
}

// Begin takes the writer's turn, or says why there is none. The function that
// it returns gives the turn back.
func (db *DB) Begin(ctx context.Context) (end func(), err error) {
	if err := db.inflight.enter(); err != nil {
		return nil, err
	}
	select {
	case db.writer <- struct{}{}:
	case <-ctx.Done():
		db.inflight.leave()
		return nil, fmt.Errorf("kv: wait for the writer: %w", ctx.Err())
	}
	end = func() {
		<-db.writer
		db.inflight.leave()
	}
	if err := errors.Join(db.Writable(), ctx.Err()); err != nil {
		end()
		return nil, err
	}
	if err := db.room(); err != nil {
		end()
		return nil, err
	}
	if err := db.settle(ctx); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// Commit writes a batch, synced, and returns the state after it. The caller
// has the writer's turn. Unless the error is nil, nothing was acknowledged: the
// database is then read-only, and the batch may or may not be there at the next
// opening; or, where the error is of a [Witness], the database goes on, and the
// batch may be there later.
func (db *DB) Commit(batch *Batch) (*Snapshot, error) {
	if err := db.witnessed(context.Background(), batch); err != nil {
		return nil, err
	}
	return db.commit(batch)
}

// commit is Commit of what was witnessed.
//
// Pebble's commit cannot be given up, and waits for as long as its flushes
// fail. It runs in a goroutine of its own, so that a shut fence lets go of the
// caller.
func (db *DB) commit(batch *Batch) (*Snapshot, error) {
	after, err := extend(batch.b, db.current.history, !db.begun)
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	db.commits.Go(func() {
		err := batch.b.Commit(pebble.Sync)
		if err == nil && db.fence.err() == nil {
			db.marker.acknowledge(after.identity, after.commit)
		}
		done <- err
	})
	select {
	case err := <-done:
		if err != nil {
			db.fence.fail(fmt.Errorf("commit: %w", err))
		}
	case <-db.fence.shut:
	}
	// Asked after the commit: a write of it that was dropped has shut the
	// fence before Pebble returned.
	if err := db.fence.causeOf(nil); err != nil {
		return nil, err
	}
	db.begun = true
	db.publish(after)
	db.mu.Lock()
	db.written = time.Now()
	db.mu.Unlock()
	if err := batch.b.Close(); err != nil {
		db.log.Warn("kv: close batch", "err", err)
	}
	return db.Snapshot(), nil
}

// Compact rewrites the files of the keys from lower up to upper until what was
// deleted is gone from them, except for what an open Snapshot can still see.
// Reads and writes go on meanwhile. It returns ctx's error if that ends first,
// and a read-only error if a write fails.
func (db *DB) Compact(ctx context.Context, lower, upper []byte) error {
	if err := db.inflight.enter(); err != nil {
		return err
	}
	defer db.inflight.leave()
	if err := db.Writable(); err != nil {
		return err
	}
	// Ended on return: behind a shut fence, Pebble would try a compaction that
	// fails again and again, and Close would wait for it.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	// Pebble waits uninterruptedly for a flush, which waits behind a shut
	// fence until Close: hence the goroutine, which Close joins.
	db.commits.Go(func() {
		err := db.pebble.Flush()
		if err == nil {
			err = db.pebble.Compact(ctx, lower, upper, false)
		}
		done <- err
	})
	var err error
	select {
	case err = <-done:
	case <-db.fence.shut:
	}
	return db.fence.causeOf(pebbleError("compact", err))
}

// Close waits for calls under way, ends iterations, releases the directory and
// makes every Snapshot invalid. Everything acknowledged is on disk before, so
// an error of Close loses nothing. Further calls of Close return nil at once.
func (db *DB) Close() error {
	if !db.inflight.close() {
		return nil
	}
	err := db.closePebble()
	if err := errors.Join(err, db.unlock.Close()); err != nil {
		return fmt.Errorf("kv: close: %w", err)
	}
	return nil
}

// closePebble ends what is under way and closes Pebble and the mark.
func (db *DB) closePebble() error {
	if db.stopWatch != nil {
		db.stopWatch()
	}
	db.fence.release()
	db.commits.Wait()
	db.mu.Lock()
	for v := range db.live {
		db.discardLocked(v)
	}
	db.mu.Unlock()
	shut := db.fence.err() != nil
	err := db.pebble.Close()
	if shut {
		// Pebble's bookkeeping is not worth reporting after dropped writes.
		err = nil
	} else if cause := db.fence.err(); cause != nil {
		err = errors.Join(err, cause)
	}
	if db.marker != nil {
		err = errors.Join(err, db.marker.close(err == nil && !shut))
	}
	return err
}

// Writable is nil if the database takes writes, and otherwise the error that
// they get.
func (db *DB) Writable() error {
	if db.denied != nil {
		return db.denied
	}
	return db.fence.causeOf(nil)
}

// Refusal is the error that a change would get now: what [DB.Writable] or [DB.Room] says;
// nil if it would be taken.
func (db *DB) Refusal() error {
	if err := db.Writable(); err != nil {
		return err
	}
	return db.Room()
}
