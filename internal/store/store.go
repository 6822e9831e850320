package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Store is an open data directory. Open makes it; Close must be called.
type Store struct {
	dir    string
	log    *slog.Logger
	now    func() time.Time
	db     *pebble.DB
	fence  *fence
	unlock io.Closer
	gate   gate

	// writer is full while a write is planned and committed. It is a channel
	// rather than a mutex so that waiting for it can be given up.
	writer chan struct{}
	// commits counts goroutines in Pebble's commit; Close joins them.
	commits sync.WaitGroup

	mu   sync.Mutex // guards the fields below and every view's refs
	live map[*view]struct{}
	// current is written by the writer, who may therefore read it without mu.
	current *view
}

// view is one acknowledged state: a Pebble snapshot and what is known of the
// collections in it. Pebble shows a commit to readers before it is on disk;
// since every read goes through a view, and a view is made only once the
// commit is acknowledged, no reader, and no index derived from what it read,
// sees a change that a crash could take back.
type view struct {
	snap        *pebble.Snapshot
	collections map[string]*collection // not written to once published
	refs        int
}

// publish makes what is committed visible to readers. The caller is the writer.
func (s *Store) publish(collections map[string]*collection) {
	v := &view{snap: s.db.NewSnapshot(), collections: collections, refs: 1}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[v] = struct{}{}
	if s.current != nil {
		s.dropLocked(s.current)
	}
	s.current = v
}

// acquire takes the current view, to be given back with release.
func (s *Store) acquire() *view {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.refs++
	return s.current
}

func (s *Store) release(v *view) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocked(v)
}

func (s *Store) dropLocked(v *view) {
	v.refs--
	if v.refs == 0 {
		s.discardLocked(v)
	}
}

// discardLocked closes a view's snapshot, unless Close has done so before.
func (s *Store) discardLocked(v *view) {
	if _, open := s.live[v]; !open {
		return
	}
	delete(s.live, v)
	if err := v.snap.Close(); err != nil {
		s.log.Warn("store: close snapshot", "err", err)
	}
}

// begin takes the writer's turn, or says why there is none. The function that
// it returns gives the turn back.
func (s *Store) begin(ctx context.Context) (end func(), err error) {
	if err := s.gate.enter(); err != nil {
		return nil, err
	}
	select {
	case s.writer <- struct{}{}:
	case <-ctx.Done():
		s.gate.leave()
		return nil, fmt.Errorf("store: wait for the writer: %w", ctx.Err())
	}
	end = func() {
		<-s.writer
		s.gate.leave()
	}
	if err := s.fence.causeOf(ctx.Err()); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// commit writes a batch, synced, and publishes the collections as they are
// after it. Unless it returns nil, nothing was acknowledged: the store is then
// read-only, and the batch may or may not be there at the next opening.
//
// Pebble's commit cannot be given up, and waits for as long as its flushes
// fail. It runs in a goroutine of its own, so that a shut fence lets go of the
// caller.
func (s *Store) commit(batch *pebble.Batch, collections map[string]*collection) error {
	done := make(chan error, 1)
	s.commits.Go(func() { done <- batch.Commit(pebble.Sync) })
	select {
	case err := <-done:
		if err != nil {
			s.fence.fail(fmt.Errorf("commit: %w", err))
		}
	case <-s.fence.shut:
	}
	// Asked after the commit: a write of it that was dropped has shut the
	// fence before Pebble returned.
	if err := s.fence.causeOf(nil); err != nil {
		return err
	}
	s.publish(collections)
	if err := batch.Close(); err != nil {
		s.log.Warn("store: close batch", "err", err)
	}
	return nil
}

// with copies a map of collections and puts c in it.
func with(collections map[string]*collection, c *collection) map[string]*collection {
	changed := maps.Clone(collections)
	changed[c.Name] = c
	return changed
}

// Dir is the data directory.
func (s *Store) Dir() string { return s.dir }

// Compact rewrites the files until what was deleted is gone from them, except
// for what an open Snapshot can still see. It takes as long as reading and
// writing all data; reads and writes go on meanwhile. It returns ctx's error
// if that ends first, and a read-only error if a write fails.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.gate.enter(); err != nil {
		return err
	}
	defer s.gate.leave()
	if err := s.fence.causeOf(nil); err != nil {
		return err
	}
	done := make(chan error, 1)
	// Pebble waits uninterruptedly for a flush, which waits behind a shut
	// fence until Close: hence the goroutine, which Close joins.
	s.commits.Go(func() { done <- s.compact(ctx) })
	var err error
	select {
	case err = <-done:
	case <-s.fence.shut:
	}
	return s.fence.causeOf(pebbleError("compact", err))
}

func (s *Store) compact(ctx context.Context) error {
	if err := s.db.Flush(); err != nil {
		return err
	}
	return s.db.Compact(ctx, []byte{prefixFormat}, []byte{prefixEnd}, false)
}

// Close waits for calls under way, ends iterations, releases the directory and
// makes every Snapshot invalid. Everything acknowledged is on disk before, so
// an error of Close loses nothing. Further calls of Close return nil at once.
func (s *Store) Close() error {
	if !s.gate.close() {
		return nil
	}
	s.fence.release()
	s.commits.Wait()
	s.mu.Lock()
	for v := range s.live {
		s.discardLocked(v)
	}
	s.mu.Unlock()
	shut := s.fence.err() != nil
	err := s.db.Close()
	if shut {
		// Pebble's bookkeeping is not worth reporting after dropped writes.
		err = nil
	} else if cause := s.fence.err(); cause != nil {
		err = errors.Join(err, cause)
	}
	if err := errors.Join(err, s.unlock.Close()); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// collection finds a collection of a view by name.
func (v *view) collection(name string) (*collection, error) {
	if c, ok := v.collections[name]; ok {
		return c, nil
	}
	return nil, collectionUnknown(name)
}
