package kv

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	defaultCacheBytes    = 64 << 20
	defaultMemTableBytes = 16 << 20
)

// FS is the file system that a database is on.
type FS = vfs.FS

// Options say how to open a database. The zero value opens an existing
// directory with modest memory and without logging.
type Options struct {
	// Create makes the directory, or fills an empty one, where there is no
	// data yet.
	Create bool
	// ReadOnlyOnDamage opens what can be read of a damaged directory, for
	// reading only, instead of refusing it.
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
	// background: what a start needs goes first. Reads check what they read.
	CheckAfter time.Duration
	// FS is the seam that tests break; nil means the operating system.
	FS FS

	// corrupt hears of damage that Pebble comes upon.
	corrupt func(error)
	// files is how many files Pebble may have open.
	files int
}

// withDefaults fills in zero values and reports all faults at once.
func (o Options) withDefaults() (Options, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = defaultMemTableBytes
	}
	o.corrupt = func(err error) { o.Logger.Error("kv: a file is damaged", "err", err) }
	var faults []error
	if o.CacheBytes < 0 {
		faults = append(faults, fmt.Errorf("CacheBytes is %d; it must not be negative", o.CacheBytes))
	}
	if o.MemTableBytes < 64<<10 || o.MemTableBytes > 1<<30 {
		faults = append(faults, fmt.Errorf("MemTableBytes is %d; it must be between 64 KiB and 1 GiB", o.MemTableBytes))
	}
	if err := errors.Join(faults...); err != nil {
		return o, fmt.Errorf("store options: %w", err)
	}
	var err error
	o.files, err = pebbleFiles(fileLimit())
	return o, err
}
