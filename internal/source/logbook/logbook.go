// Package logbook keeps what sources know in the database of the store, under keys of
// its own, so that one snapshot has papers and checkpoints: a backup that is restored
// fetches again what it lacks.
//
// A Logbook is safe for concurrent use: reads see the last acknowledged state and wait
// for nothing; writes are made one after the other, and wait for those of the store. The
// bytes are described in docs/format/sources.md.
package logbook

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"akin/internal/kv"
	"akin/internal/paper"
	"akin/internal/source"
)

// prefix is the first byte of all keys. Behind it: what is kept, the length of the
// source's name in two bytes, big endian, the name, the key.
const prefix = 0x27

// Logbook implements source.Book.
type Logbook struct {
	db    *kv.DB
	moved func(*kv.Snapshot)
}

var _ source.Book = (*Logbook)(nil)

// New makes a Logbook over a database, which stays the caller's. moved gets the state
// after each commit, to be closed by it; nil closes it.
func New(db *kv.DB, moved func(*kv.Snapshot)) *Logbook {
	if moved == nil {
		moved = (*kv.Snapshot).Close
	}
	return &Logbook{db, moved}
}

// Read implements source.Book.
func (l *Logbook) Read(ctx context.Context, fn func(source.Reader) error) error {
	if err := l.db.Enter(); err != nil {
		return err
	}
	defer l.db.Leave()
	snap := l.db.Snapshot()
	defer snap.Close()
	return fn(&reader{ctx: ctx, db: l.db, snap: snap})
}

// Write implements source.Book.
func (l *Logbook) Write(ctx context.Context, fn func(source.Writer) error) error {
	end, err := l.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	snap := l.db.Snapshot()
	defer snap.Close()
	w := &writer{reader: reader{ctx: ctx, db: l.db, snap: snap}, batch: l.db.NewBatch()}
	if err := fn(w); err != nil {
		return err
	}
	if w.batch.Empty() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	after, err := l.db.Commit(w.batch)
	if err != nil {
		return err
	}
	l.moved(after)
	return nil
}

// reader implements source.Reader over one state.
type reader struct {
	ctx  context.Context //nolint:containedctx // of the one call that it lives in
	db   *kv.DB
	snap *kv.Snapshot
}

// Get implements source.Reader.
func (r *reader) Get(what source.What, name, key string, into any) (bool, error) {
	if err := r.ctx.Err(); err != nil {
		return false, err
	}
	at := keyOf(what, name, key)
	return r.snap.Lookup(at, func(value []byte) error { return unseal(at, value, into) })
}

// Each implements source.Reader.
func (r *reader) Each(what source.What, name string, fn func(key string, read func(any) error) error) error {
	below := keyOf(what, name, "")
	return r.snap.Scan(r.ctx, below, kv.After(below), func(key, value []byte) error {
		if err := r.db.Closing(); err != nil {
			return err
		}
		return fn(string(key[len(below):]), func(into any) error { return unseal(key, value, into) })
	})
}

// writer implements source.Writer: it reads the state before, and gathers changes.
type writer struct {
	reader
	batch *kv.Batch
}

// Put implements source.Writer.
func (w *writer) Put(what source.What, name, key string, value any) error {
	if len(name) > math.MaxUint16 {
		return paper.Invalidf("the name of a source has %d bytes", len(name))
	}
	payload, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("logbook: encode: %w", err)
	}
	at := keyOf(what, name, key)
	return w.batch.Set(at, kv.Seal(at, payload))
}

// Remove implements source.Writer.
func (w *writer) Remove(what source.What, name, key string) error {
	return w.batch.Delete(keyOf(what, name, key))
}

// Clear implements source.Writer.
func (w *writer) Clear(what source.What, name string) error {
	below := keyOf(what, name, "")
	return w.batch.DeleteRange(below, kv.After(below))
}

func keyOf(what source.What, name, key string) []byte {
	at := binary.BigEndian.AppendUint16([]byte{prefix, byte(what)}, uint16(len(name)))
	return append(append(at, name...), key...)
}

// namesOf takes a key apart.
func namesOf(at []byte) (what source.What, name, key string, ok bool) {
	const head = 1 + 1 + 2
	if len(at) < head {
		return 0, "", "", false
	}
	n := int(binary.BigEndian.Uint16(at[2:]))
	if len(at) < head+n {
		return 0, "", "", false
	}
	return source.What(at[1]), string(at[head : head+n]), string(at[head+n:]), true
}

// unseal reads what Put wrote.
func unseal(key, value []byte, into any) error {
	payload, err := kv.Unseal(key, value)
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(payload))
		d.DisallowUnknownFields()
		err = d.Decode(into)
	}
	if err != nil {
		return damaged(key, err)
	}
	return nil
}

// damaged is the error for a stored value that cannot be what was written.
func damaged(key []byte, cause error) error {
	text := "note of a source"
	metadata := map[string]string{}
	if what, name, of, ok := namesOf(key); ok {
		text = fmt.Sprintf("%s of source %q", sort(what), name)
		if name == "" {
			text = fmt.Sprintf("%s %q", sort(what), of)
		}
		metadata["source"] = name
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Metadata: metadata, Cause: cause,
		Message: fmt.Sprintf("the stored %s is damaged: %v; run akin verify to see what else is, then delete the source and make it anew, "+
			"or restore a snapshot with akin snapshot restore; no paper is touched by it", text, cause),
	}
}

func sort(what source.What) string {
	switch what {
	case source.KeptConfig:
		return "description of the source"
	case source.KeptState:
		return "state"
	case source.KeptRun:
		return "run"
	case source.KeptRefusal:
		return "refused record"
	case source.KeptHost:
		return "site"
	case source.KeptSaid:
		return "memory of a paper"
	case source.KeptFile:
		return "file"
	case source.KeptImported:
		return "imported file"
	}
	return "something unknown"
}

// Prefixes are the first bytes of the keys that sources are kept under.
func Prefixes() []byte { return []byte{prefix} }

// Verify reads all that sources know of a state: that each value is whole, and of a known
// sort. It tells fault what is wrong; its error is for a verification that could not be
// finished.
func Verify(ctx context.Context, snap *kv.Snapshot, fault func(error)) error {
	below := []byte{prefix}
	return snap.Scan(ctx, below, kv.After(below), func(key, value []byte) error {
		what, name, _, ok := namesOf(key)
		into := what.New()
		if !ok || into == nil {
			fault(damaged(key, errors.New("its key is of no known sort")))
			return nil
		}
		if err := unseal(key, value, into); err != nil {
			fault(err)
			return nil
		}
		if s, ok := into.(*source.State); ok && s.Name != name {
			fault(damaged(key, fmt.Errorf("it is that of source %q", s.Name)))
		}
		return nil
	})
}
