package kv

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Batch is a group of changes that [DB.Commit] writes whole or not at all. It
// is not safe for concurrent use.
type Batch struct{ b *pebble.Batch }

// NewBatch begins a batch. One that is not committed needs no closing.
func (db *DB) NewBatch() *Batch { return &Batch{b: db.pebble.NewBatch()} }

// Set puts a value, made with [Seal], under a key.
func (b *Batch) Set(key, value []byte) error { return wrapBatch(b.b.Set(key, value, nil)) }

// Delete removes a key.
func (b *Batch) Delete(key []byte) error { return wrapBatch(b.b.Delete(key, nil)) }

// DeleteRange removes the keys from lower up to upper, exclusive.
func (b *Batch) DeleteRange(lower, upper []byte) error {
	return wrapBatch(b.b.DeleteRange(lower, upper, nil))
}

// Len is how many bytes the batch has.
func (b *Batch) Len() int { return b.b.Len() }

// Empty says that the batch has no changes.
func (b *Batch) Empty() bool { return b.b.Empty() }

func wrapBatch(err error) error {
	if err != nil {
		return fmt.Errorf("kv: batch: %w", err)
	}
	return nil
}
