package kv

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// Snapshot is one acknowledged state of a database. It must be closed; while
// open, it keeps what was deleted since from being compacted away. It is safe
// for concurrent use, except that Close must come last. After DB.Close it must
// not be read: calls that use one are bracketed by [DB.Enter] and [DB.Leave].
type Snapshot struct {
	db     *DB
	view   *view
	closed bool // guarded by db.mu
}

// view is what snapshots of the same state share. Pebble shows a commit to
// readers before it is on disk; since every read goes through a view, and a
// view is made only once the commit is acknowledged, no reader, and nothing
// derived from what it read, sees a change that a crash could take back.
type view struct {
	snap    *pebble.Snapshot
	history History
	refs    int // guarded by db.mu
}

// publish makes what is committed visible to readers. The caller is the writer.
func (db *DB) publish(h History) {
	v := &view{snap: db.pebble.NewSnapshot(), history: h, refs: 1}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.live[v] = struct{}{}
	if db.current != nil {
		db.dropLocked(db.current)
	}
	db.current = v
}

// Snapshot opens the last acknowledged state. The caller has called Enter, or
// has the writer's turn.
func (db *DB) Snapshot() *Snapshot {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.current.refs++
	return &Snapshot{db: db, view: db.current}
}

// Clone opens the same state once more.
func (s *Snapshot) Clone() *Snapshot {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	s.view.refs++
	return &Snapshot{db: s.db, view: s.view}
}

// Close gives the snapshot back. Further calls do nothing.
func (s *Snapshot) Close() {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.db.dropLocked(s.view)
	}
}

func (db *DB) dropLocked(v *view) {
	v.refs--
	if v.refs == 0 {
		db.discardLocked(v)
	}
}

// discardLocked closes a view's snapshot, unless DB.Close has done so before.
func (db *DB) discardLocked(v *view) {
	if _, open := db.live[v]; !open {
		return
	}
	delete(db.live, v)
	if err := v.snap.Close(); err != nil {
		db.log.Warn("kv: close snapshot", "err", err)
	}
}

// Point is the place in the history of the database that the snapshot sees.
func (s *Snapshot) Point() Point { return s.view.history.Point() }

// Lookup calls fn with the value of a key, if there is one; fn must not keep it.
func (s *Snapshot) Lookup(key []byte, fn func(value []byte) error) (found bool, err error) {
	return lookup(s.view.snap, key, fn)
}

// Scan calls fn for the keys from lower up to upper, exclusive; nil means no
// bound. fn must not keep what it gets; its error ends the scan.
func (s *Snapshot) Scan(ctx context.Context, lower, upper []byte, fn func(key, value []byte) error) error {
	return scan(ctx, s.view.snap, lower, upper, fn)
}

// Walk calls fn for each key in order. What fn returns, unless nil, is where to
// go on: a key behind the one it got.
func (s *Snapshot) Walk(ctx context.Context, fn func(key []byte) (skip []byte)) error {
	it, err := s.view.snap.NewIter(nil)
	if err != nil {
		return pebbleError("iterate", err)
	}
	for ok := it.First(); ok; {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, it.Close())
		}
		skip := fn(it.Key())
		if skip == nil {
			ok = it.Next()
		} else {
			ok = it.SeekGE(skip)
		}
	}
	return errors.Join(pebbleError("iterate", it.Error()), pebbleError("iterate", it.Close()))
}

// lookup is Snapshot.Lookup on any reader.
func lookup(r pebble.Reader, key []byte, fn func(value []byte) error) (found bool, err error) {
	value, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, pebbleError("read", err)
	}
	err = fn(value)
	return true, errors.Join(err, pebbleError("read", closer.Close()))
}

// scan is Snapshot.Scan on any reader.
func scan(ctx context.Context, r pebble.Reader, lower, upper []byte, fn func(key, value []byte) error) (err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return pebbleError("iterate", err)
	}
	defer func() { err = errors.Join(err, pebbleError("iterate", it.Close())) }()
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return pebbleError("iterate", err)
		}
		if err := fn(it.Key(), value); err != nil {
			return err
		}
	}
	return pebbleError("iterate", it.Error())
}
