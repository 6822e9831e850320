package store

import (
	"context"

	"akin/internal/paper"
)

// The reads below are those of a Snapshot that is opened for the one call:
// they see the last acknowledged state.

// Get returns the record with the id, or paper.MissingPaper.
func (s *Store) Get(ctx context.Context, collection, id string) (*paper.Record, error) {
	return read(s, collection, func(sn *Snapshot) (*paper.Record, error) { return sn.Get(ctx, id) })
}

// GetMany is [Snapshot.GetMany] on the current state.
func (s *Store) GetMany(ctx context.Context, collection string, ids []string) ([]*paper.Record, error) {
	return read(s, collection, func(sn *Snapshot) ([]*paper.Record, error) { return sn.GetMany(ctx, ids) })
}

// ByOrdinals is [Snapshot.ByOrdinals] on the current state.
func (s *Store) ByOrdinals(ctx context.Context, collection string, ordinals []uint32) ([]*paper.Record, error) {
	return read(s, collection, func(sn *Snapshot) ([]*paper.Record, error) { return sn.ByOrdinals(ctx, ordinals) })
}

// List is [Snapshot.List] on the current state.
func (s *Store) List(ctx context.Context, collection, afterID string, limit int) ([]*paper.Record, error) {
	return read(s, collection, func(sn *Snapshot) ([]*paper.Record, error) { return sn.List(ctx, afterID, limit) })
}

// Vector is [Snapshot.Vector] on the current state.
func (s *Store) Vector(ctx context.Context, collection string, ordinal uint32) ([]float32, error) {
	return read(s, collection, func(sn *Snapshot) ([]float32, error) { return sn.Vector(ctx, ordinal) })
}

// Count is how many papers the collection has. It takes constant time.
func (s *Store) Count(collection string) (int, error) {
	return read(s, collection, func(sn *Snapshot) (int, error) { return sn.Count(), nil })
}

// LastSequence is the sequence of the collection's last acknowledged change; 0
// before the first. It takes constant time.
func (s *Store) LastSequence(collection string) (uint64, error) {
	return read(s, collection, func(sn *Snapshot) (uint64, error) { return sn.Sequence(), nil })
}

func read[T any](s *Store, collection string, fn func(*Snapshot) (T, error)) (T, error) {
	sn, err := s.Snapshot(collection)
	if err != nil {
		var none T
		return none, err
	}
	defer sn.Close()
	return fn(sn)
}
