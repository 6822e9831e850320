package store

import (
	"context"
	"log/slog"
	"time"

	"akin/internal/kv"
)

// Limits of what one call may hand over. They bound memory, and what a reader
// of the files must be ready for.
const (
	// MaxGroup is the most mutations of one Apply.
	MaxGroup = 10_000
	// MaxGroupBytes is the most encoded bytes of one Apply.
	MaxGroupBytes = 64 << 20
	// MaxRecordBytes is the most bytes of one encoded paper.
	MaxRecordBytes = 8 << 20
	// MaxDimension is the most components of a vector.
	MaxDimension = 16_384
	// MaxPage is the most records that List returns at once.
	MaxPage = 10_000
	// MaxOrdinal is the last ordinal that is given; the one above is left to
	// indexes as a mark for "none".
	MaxOrdinal = 1<<32 - 2
	// NoOrdinal is that mark.
	NoOrdinal = MaxOrdinal + 1
)

// Options say how to open a store. The zero value opens an existing directory
// with modest memory and without logging.
type Options struct {
	// Create makes the directory, or fills an empty one, where there is no
	// data yet.
	Create bool
	// ReadOnlyOnDamage opens what can be read of a damaged store, for reading
	// only, instead of refusing it.
	ReadOnlyOnDamage bool
	// Logger gets what Pebble reports; nil discards it.
	Logger *slog.Logger
	// CacheBytes is the size of the cache of uncompressed blocks, in bytes;
	// 0 means 64 MiB.
	CacheBytes int64
	// MemTableBytes is the size of a table in memory before it is flushed, in
	// bytes; 0 means 16 MiB. Up to four are held while a flush is under way.
	MemTableBytes int
	// CheckAfter is how long after the opening the check of all tables begins, in the
	// background.
	CheckAfter time.Duration
	// Now is the clock of create and update times; nil means time.Now.
	Now func() time.Time
	// Beside are other rooms that keep something in the same database, by the first
	// bytes of their keys, from 0x20 to 0x2f: Verify asks them, and takes keys of a room
	// that is not here for what nothing writes.
	Beside []Beside

	// fs is the seam that tests break; nil means the operating system.
	fs kv.FS
}

// Beside is a room whose keys are beside those of the store.
type Beside struct {
	// Prefixes are the first bytes of its keys.
	Prefixes []byte
	// Verify tells fault what is wrong with what the room keeps, as of a state. Its
	// error is for a verification that could not be finished.
	Verify func(ctx context.Context, snap *kv.Snapshot, fault func(error)) error
}

// WithFS puts the store on another file system: one of a test that breaks it, or cuts the
// power.
func (o Options) WithFS(fs kv.FS) Options {
	o.fs = fs
	return o
}

// kv gives what package kv wants to know.
func (o Options) kv() kv.Options {
	return kv.Options{
		Create: o.Create, ReadOnlyOnDamage: o.ReadOnlyOnDamage, Logger: o.Logger,
		CacheBytes: o.CacheBytes, MemTableBytes: o.MemTableBytes, CheckAfter: o.CheckAfter, FS: o.fs,
	}
}
