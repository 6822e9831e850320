package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"akin/internal/kv"
	"akin/internal/paper"
)

// Migration takes a collection to another embedding space. The vectors of the
// new space are put beside those of the old one, which stay what readers see
// until Finish. It survives being interrupted: BeginMigration to the same space
// goes on where it was. Nobody may Apply to the collection meanwhile. A
// Migration is safe for concurrent use.
type Migration struct {
	store *Store
	coll  *collection // as it was when the migration began
	id    uint32      // of the new space
	space paper.Space
}

// Migrated is the vector of one paper in the new space.
type Migrated struct {
	Record *paper.Record
	// Vector is float32 [dim] of the new space.
	Vector     []float32
	TokenCount int
	Truncated  bool
}

// BeginMigration begins to take a collection to another space, or goes on with
// it. What an earlier migration to a third space left is removed. It is an
// error of kind FailedPrecondition if the collection is in that space already.
func (s *Store) BeginMigration(ctx context.Context, name string, space paper.Space) (*Migration, error) {
	if err := checkDimension(space.Dimension); err != nil {
		return nil, err
	}
	end, err := s.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	c, err := s.current.collection(name)
	if err != nil {
		return nil, err
	}
	if c.Space == space {
		return nil, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
			Message: fmt.Sprintf("collection %q is in space %.12s already", name, space.Fingerprint()),
		}
	}
	m := &Migration{store: s, coll: c, id: c.spaceID + 1, space: space}
	begun, others, err := m.begun(ctx)
	if err != nil {
		return nil, err
	}
	if begun {
		return m, nil
	}
	batch := s.db.NewBatch()
	for _, id := range others {
		prefix := vectorsKey(c.ID, id)
		if err := errors.Join(batch.Delete(spaceKey(c.ID, id)), batch.DeleteRange(prefix, kv.After(prefix))); err != nil {
			return nil, fmt.Errorf("store: begin migration: %w", err)
		}
		m.id = max(m.id, id+1)
	}
	if err := batch.SetCBOR(spaceKey(c.ID, m.id), packSpace(space)); err != nil {
		return nil, err
	}
	return m, s.commit(batch, s.current.collections)
}

// begun looks for the migration's space among those of the collection; others
// are the ids of further ones, the current one left out.
func (m *Migration) begun(ctx context.Context) (begun bool, others []uint32, err error) {
	prefix := under(prefixSpace, m.coll.ID)
	err = m.store.current.snap.Scan(ctx, prefix, kv.After(prefix), func(key, value []byte) error {
		id := binary.BigEndian.Uint32(key[len(prefix):])
		if id == m.coll.spaceID {
			return nil
		}
		var stored storedSpace
		if err := unsealCBOR(key, value, &stored); err != nil {
			return err
		}
		if space, err := stored.unpack(); err == nil && space == m.space {
			m.id, begun = id, true
		} else {
			others = append(others, id)
		}
		return nil
	})
	return begun, others, err
}

// Missing iterates over the papers that have no vector in the new space yet, in
// the order of their ordinals. After an error the iteration ends.
func (m *Migration) Missing(ctx context.Context) iter.Seq2[*paper.Record, error] {
	return func(yield func(*paper.Record, error) bool) {
		sn, err := m.store.Snapshot(m.coll.Name)
		if err != nil {
			yield(nil, err)
			return
		}
		defer sn.Close()
		for record, err := range sn.Records(ctx) {
			if err == nil {
				key := vectorKey(m.coll.ID, m.id, record.Ordinal, kindDocument)
				var found bool
				if found, err = sn.view.snap.Lookup(key, func([]byte) error { return nil }); found && err == nil {
					continue
				}
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// Put stores vectors in the new space, with what became of the texts' tokens.
// They are on disk when it returns without an error.
func (m *Migration) Put(ctx context.Context, group []Migrated) error {
	end, err := m.store.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	batch := m.store.db.NewBatch()
	for i := range group {
		g := &group[i]
		if len(g.Vector) != m.space.Dimension {
			return paper.InvalidField("vector", "of %q has %d components; the new space has %d", g.Record.ID, len(g.Vector), m.space.Dimension)
		}
		record := *g.Record
		record.TokenCount, record.Truncated = g.TokenCount, g.Truncated
		at := recordKey(m.coll.ID, record.Ordinal)
		value, _, err := sealRecord(at, &record, encodePaper(&record.Paper))
		if err != nil {
			return err
		}
		key := vectorKey(m.coll.ID, m.id, record.Ordinal, kindDocument)
		if err := errors.Join(batch.Set(at, value), batch.Set(key, sealVector(key, g.Vector))); err != nil {
			return fmt.Errorf("store: migrate: %w", err)
		}
	}
	return m.store.commit(batch, m.store.current.collections)
}

// Finish makes the new space the collection's and removes the old vectors, in
// one atomic write. It is an error of kind FailedPrecondition if a paper has no
// vector in the new space. The sequence does not change; what was derived from
// the old vectors must be built anew, which the space's fingerprint tells.
func (m *Migration) Finish(ctx context.Context) error {
	for record, err := range m.Missing(ctx) {
		if err != nil {
			return err
		}
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonSpaceMismatch,
			Message: fmt.Sprintf("paper %q has no vector in the new space yet", record.ID),
		}
	}
	s := m.store
	end, err := s.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	c, err := s.current.collection(m.coll.Name)
	if err != nil {
		return err
	}
	changed := *c
	changed.spaceID, changed.Space = m.id, m.space
	old := vectorsKey(c.ID, c.spaceID)
	batch := s.db.NewBatch()
	if err := errors.Join(
		batch.SetCBOR(collectionKey(c.Name), storedCollection{ID: c.ID, Created: c.CreateTime.UnixNano(), Space: m.id}),
		batch.Delete(spaceKey(c.ID, c.spaceID)),
		batch.DeleteRange(old, kv.After(old)),
	); err != nil {
		return fmt.Errorf("store: finish migration: %w", err)
	}
	return s.commit(batch, with(s.current.collections, &changed))
}
