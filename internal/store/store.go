package store

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"akin/internal/kv"
)

// Store is an open data directory. Open makes it; Close must be called.
type Store struct {
	db  *kv.DB
	now func() time.Time
	// beside are the other rooms with keys in the database.
	beside []Beside

	mu sync.Mutex // guards current
	// current is the last acknowledged state. It is written by the writer, who
	// may therefore read it without mu.
	current *view
}

// view is one acknowledged state: a snapshot and what is known of the
// collections in it.
type view struct {
	snap        *kv.Snapshot
	collections map[string]*collection // not written to once published
}

// Open opens the data directory dir and takes it for this process. The errors
// have these kinds: FailedPrecondition with paper.ReasonDataLocked if another
// process has it; NotFound if there is no data and Options.Create is false;
// FailedPrecondition with kv.ReasonForeignDirectory if it holds something else;
// Unsupported if a newer akin wrote it; DataLoss if it is damaged.
func Open(dir string, o Options) (*Store, error) {
	db, err := kv.Open(dir, o.kv())
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, now: o.Now, beside: o.Beside}
	if s.now == nil {
		s.now = time.Now
	}
	snap := db.Snapshot()
	collections, err := loadCollections(snap)
	if err != nil {
		snap.Close()
		return nil, errors.Join(err, db.Close())
	}
	s.current = &view{snap: snap, collections: collections}
	return s, nil
}

// publish makes what is committed visible to readers. The caller is the writer.
func (s *Store) publish(snap *kv.Snapshot, collections map[string]*collection) {
	s.mu.Lock()
	old := s.current
	s.current = &view{snap: snap, collections: collections}
	s.mu.Unlock()
	old.snap.Close()
}

// acquire takes the current view, to be given back with release.
func (s *Store) acquire() *view {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &view{snap: s.current.snap.Clone(), collections: s.current.collections}
}

func (v *view) release() { v.snap.Close() }

// commit writes a batch, synced, and publishes the collections as they are
// after it; see [kv.DB.Commit].
func (s *Store) commit(batch *kv.Batch, collections map[string]*collection) error {
	snap, err := s.db.Commit(batch)
	if err != nil {
		return err
	}
	s.publish(snap, collections)
	return nil
}

// with copies a map of collections and puts c in it.
func with(collections map[string]*collection, c *collection) map[string]*collection {
	changed := maps.Clone(collections)
	changed[c.Name] = c
	return changed
}

// DB is the database, for rooms that keep something beside the store: under keys from
// 0x20 to 0x2f (see Options.Beside), and no longer than until the store is closed.
func (s *Store) DB() *kv.DB { return s.db }

// BesideKeys bounds the keys of those rooms; upper is exclusive.
func BesideKeys() (lower, upper []byte) { return []byte{prefixBeside}, []byte{prefixEnd} }

// Moved tells the store of a commit that another room made: the state after it, which
// becomes the store's. Otherwise an older one would keep what that room deleted on
// disk. The caller has the writer's turn.
func (s *Store) Moved(snap *kv.Snapshot) { s.publish(snap, s.current.collections) }

// Dir is the data directory.
func (s *Store) Dir() string { return s.db.Dir() }

// Figures say how the store is; see [kv.DB.Figures].
func (s *Store) Figures() kv.Figures { return s.db.Figures() }

// Holds is nil if the point, which a derived file says that it was made from,
// is in the past of this store. Otherwise the error says why not, in words
// that follow on "is refused: ". See [kv.History.Holds].
func (s *Store) Holds(p kv.Point) error { return s.db.Holds(p) }

// Compact rewrites the files until what was deleted is gone from them, except
// for what an open Snapshot can still see. It takes as long as reading and
// writing all data; reads and writes go on meanwhile. It returns ctx's error
// if that ends first, and a read-only error if a write fails.
func (s *Store) Compact(ctx context.Context) error {
	return s.db.Compact(ctx, []byte{0}, []byte{prefixEnd})
}

// Close waits for calls under way, ends iterations, releases the directory and
// makes every Snapshot invalid. Everything acknowledged is on disk before, so
// an error of Close loses nothing. Further calls of Close return nil at once.
func (s *Store) Close() error { return s.db.Close() }

// collection finds a collection of a view by name.
func (v *view) collection(name string) (*collection, error) {
	if c, ok := v.collections[name]; ok {
		return c, nil
	}
	return nil, collectionUnknown(name)
}
