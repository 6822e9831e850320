// Package shelf keeps libraries in the database of the store, under keys of its own, so
// that one commit orders what happens to papers and to libraries, and one snapshot has
// both.
//
// A Shelf is safe for concurrent use: reads see the last acknowledged state and wait
// for nothing; writes are made one after the other, and wait for those of the store.
// The bytes are described in docs/format/libraries.md.
package shelf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"

	"akin/internal/kv"
	"akin/internal/library"
	"akin/internal/paper"
)

// Shelf implements library.Shelves.
type Shelf struct {
	db    *kv.DB
	moved func(*kv.Snapshot)
}

var _ library.Shelves = (*Shelf)(nil)

// New makes a Shelf over a database, which stays the caller's. moved gets the state
// after each commit, to be closed by it, before the next writer's turn; nil closes it.
func New(db *kv.DB, moved func(*kv.Snapshot)) *Shelf {
	if moved == nil {
		moved = (*kv.Snapshot).Close
	}
	return &Shelf{db, moved}
}

// Read implements library.Shelves.
func (s *Shelf) Read(ctx context.Context, fn func(library.Reader) error) error {
	if err := s.db.Enter(); err != nil {
		return err
	}
	defer s.db.Leave()
	snap := s.db.Snapshot()
	defer snap.Close()
	return fn(&reader{ctx: ctx, db: s.db, snap: snap})
}

// Write implements library.Shelves.
func (s *Shelf) Write(ctx context.Context, fn func(library.Writer) error) error {
	end, err := s.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	snap := s.db.Snapshot()
	defer snap.Close()
	w := &writer{reader: reader{ctx: ctx, db: s.db, snap: snap}, batch: s.db.NewBatch()}
	if err := fn(w); err != nil {
		return err
	}
	if w.batch.Empty() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	after, err := s.db.Commit(w.batch)
	if err != nil {
		return err
	}
	s.moved(after)
	return nil
}

// ReaderOf reads libraries of one state of a database, for rooms that keep something
// together with them. It holds as long as the state.
func ReaderOf(ctx context.Context, db *kv.DB, snap *kv.Snapshot) library.Reader {
	return &reader{ctx: ctx, db: db, snap: snap}
}

// WriterOf is ReaderOf that puts changes into a batch, which the caller commits in the
// turn (kv.DB.Begin) that the state was taken in.
func WriterOf(ctx context.Context, db *kv.DB, snap *kv.Snapshot, batch *kv.Batch) library.Writer {
	return &writer{reader: reader{ctx: ctx, db: db, snap: snap}, batch: batch}
}

// reader implements library.Reader over one state.
type reader struct {
	ctx  context.Context //nolint:containedctx // of the one call that it lives in
	db   *kv.DB
	snap *kv.Snapshot
}

// Libraries implements library.Index.
func (r *reader) Libraries(owner string) (all []library.Library, err error) {
	prefix := []byte{prefixLibrary}
	if owner != "" {
		prefix = ownerKey(owner)
	}
	err = r.snap.Scan(r.ctx, prefix, kv.After(prefix), func(key, value []byte) error {
		l, err := decodeLibrary(key, value)
		all = append(all, l)
		return errors.Join(err, r.db.Closing())
	})
	return all, err
}

// Library implements library.Index.
func (r *reader) Library(owner, name string) (l library.Library, found bool, err error) {
	key := libraryKey(owner, name)
	found, err = r.snap.Lookup(key, func(value []byte) error {
		l, err = decodeLibrary(key, value)
		return err
	})
	return l, found, err
}

// errStop ends a scan without an error.
var errStop = errors.New("stop")

// Entries implements library.Contents.
func (r *reader) Entries(id uint32) iter.Seq2[library.Entry, error] {
	return func(yield func(library.Entry, error) bool) {
		prefix := entriesKey(id)
		err := r.snap.Scan(r.ctx, prefix, kv.After(prefix), func(key, value []byte) error {
			if err := r.db.Closing(); err != nil {
				return err
			}
			e, err := decodeEntry(key, value)
			if err != nil {
				return err
			}
			if !yield(e, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(library.Entry{}, err)
		}
	}
}

// Entry implements library.Contents.
func (r *reader) Entry(id uint32, paperID string) (e library.Entry, found bool, err error) {
	if err := r.ctx.Err(); err != nil {
		return e, false, err
	}
	key := entryKey(id, paperID)
	found, err = r.snap.Lookup(key, func(value []byte) error {
		e, err = decodeEntry(key, value)
		return err
	})
	return e, found, err
}

// writer implements library.Writer: it reads the state before, and gathers changes.
type writer struct {
	reader
	batch *kv.Batch
	// next is the next ID, once one was given; 0 before.
	next uint64
}

// PutLibrary implements library.Keeper.
func (w *writer) PutLibrary(l *library.Library) error {
	if l.ID == 0 {
		id, err := w.newID()
		if err != nil {
			return err
		}
		l.ID = id
	}
	return w.batch.SetCBOR(libraryKey(l.Owner, l.Name), packLibrary(l))
}

// newID gives an ID that was never given; they begin at 1.
func (w *writer) newID() (uint32, error) {
	if w.next == 0 {
		var stored storedCounter
		found, err := w.snap.Lookup(counterKey(), func(value []byte) error { return unseal(counterKey(), value, &stored) })
		if err != nil {
			return 0, err
		}
		if w.next = stored.Next; !found {
			w.next = 1
		}
	}
	if w.next > math.MaxUint32 {
		return 0, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported, Message: "all 2^32 ids of libraries were given",
		}
	}
	id := uint32(w.next)
	w.next++
	return id, w.batch.SetCBOR(counterKey(), storedCounter{Next: w.next})
}

// RemoveLibrary implements library.Keeper.
func (w *writer) RemoveLibrary(owner, name string) error {
	return w.batch.Delete(libraryKey(owner, name))
}

// PutEntry implements library.Filler.
func (w *writer) PutEntry(id uint32, e *library.Entry) error {
	return w.batch.SetCBOR(entryKey(id, e.PaperID), packEntry(e))
}

// RemoveEntry implements library.Filler.
func (w *writer) RemoveEntry(id uint32, paperID string) error {
	return w.batch.Delete(entryKey(id, paperID))
}

// Clear implements library.Filler.
func (w *writer) Clear(id uint32) error {
	prefix := entriesKey(id)
	return w.batch.DeleteRange(prefix, kv.After(prefix))
}

// The first byte of a key says what it is; of those kept for libraries and feeds,
// these are the libraries'. Numbers are big endian.
const (
	prefixLibrary = 0x20 // owner, name -> library
	prefixEntry   = 0x21 // library's id, paper id -> entry
	prefixCounter = 0x22 // -> the id of the next library
)

func counterKey() []byte { return []byte{prefixCounter} }

// ownerKey is the prefix of an owner's libraries: the owner's length comes first, so
// that no owner's keys are among another's.
func ownerKey(owner string) []byte {
	key := binary.BigEndian.AppendUint16([]byte{prefixLibrary}, uint16(len(owner)))
	return append(key, owner...)
}

func libraryKey(owner, name string) []byte { return append(ownerKey(owner), name...) }

func entriesKey(id uint32) []byte { return binary.BigEndian.AppendUint32([]byte{prefixEntry}, id) }

func entryKey(id uint32, paperID string) []byte { return append(entriesKey(id), paperID...) }

// namesOf takes the key of a library apart.
func namesOf(key []byte) (owner, name string, ok bool) {
	const head = 1 + 2
	if len(key) < head {
		return "", "", false
	}
	n := int(binary.BigEndian.Uint16(key[1:]))
	if len(key) <= head+n {
		return "", "", false
	}
	return string(key[head : head+n]), string(key[head+n:]), true
}

const entryHead = 1 + 4

type storedCounter struct {
	Next uint64 `cbor:"1,keyasint"`
}

type storedLibrary struct {
	ID          uint32 `cbor:"1,keyasint"`
	DisplayName string `cbor:"2,keyasint,omitempty"`
	Description string `cbor:"3,keyasint,omitempty"`
	Collection  string `cbor:"4,keyasint"`
	Created     int64  `cbor:"5,keyasint"` // nanoseconds since 1970, UTC; so are all times
	Updated     int64  `cbor:"6,keyasint"`
	Deleted     int64  `cbor:"7,keyasint,omitempty"` // 0 is none; so are all times that may be missing
	Entries     int64  `cbor:"8,keyasint,omitempty"`
	Liked       int64  `cbor:"9,keyasint,omitempty"`
	Disliked    int64  `cbor:"10,keyasint,omitempty"`
	Read        int64  `cbor:"11,keyasint,omitempty"`
	Bytes       int64  `cbor:"12,keyasint,omitempty"`
}

type storedEntry struct {
	Mark    uint8    `cbor:"1,keyasint,omitempty"`
	Marked  int64    `cbor:"2,keyasint,omitempty"`
	Read    int64    `cbor:"3,keyasint,omitempty"`
	Note    string   `cbor:"4,keyasint,omitempty"`
	Tags    []string `cbor:"5,keyasint,omitempty"`
	Weight  float64  `cbor:"6,keyasint,omitempty"`
	Created int64    `cbor:"7,keyasint"`
	Updated int64    `cbor:"8,keyasint"`
}

func packLibrary(l *library.Library) storedLibrary {
	return storedLibrary{
		ID: l.ID, DisplayName: l.DisplayName, Description: l.Description, Collection: l.Collection,
		Created: kv.Nanos(l.CreateTime), Updated: kv.Nanos(l.UpdateTime), Deleted: kv.Nanos(l.DeleteTime),
		Entries: int64(l.Counts.Entries), Liked: int64(l.Counts.Liked), Disliked: int64(l.Counts.Disliked),
		Read: int64(l.Counts.Read), Bytes: int64(l.Counts.Bytes),
	}
}

func packEntry(e *library.Entry) storedEntry {
	return storedEntry{
		Mark: uint8(e.Mark), Marked: kv.Nanos(e.MarkTime), Read: kv.Nanos(e.ReadTime), Note: e.Note, Tags: e.Tags, Weight: e.Weight,
		Created: kv.Nanos(e.CreateTime), Updated: kv.Nanos(e.UpdateTime),
	}
}

func decodeLibrary(key, value []byte) (library.Library, error) {
	owner, name, ok := namesOf(key)
	if !ok {
		return library.Library{}, damaged(key, kv.ErrKeyShape)
	}
	var s storedLibrary
	if err := unseal(key, value, &s); err != nil {
		return library.Library{}, err
	}
	return library.Library{
		ID: s.ID, Owner: owner, Name: name, DisplayName: s.DisplayName, Description: s.Description, Collection: s.Collection,
		CreateTime: kv.TimeOf(s.Created), UpdateTime: kv.TimeOf(s.Updated), DeleteTime: kv.TimeOf(s.Deleted),
		Counts: library.Counts{
			Entries: int(s.Entries), Liked: int(s.Liked), Disliked: int(s.Disliked), Read: int(s.Read), Bytes: int(s.Bytes),
		},
	}, nil
}

func decodeEntry(key, value []byte) (library.Entry, error) {
	if len(key) <= entryHead {
		return library.Entry{}, damaged(key, kv.ErrKeyShape)
	}
	var s storedEntry
	if err := unseal(key, value, &s); err != nil {
		return library.Entry{}, err
	}
	return library.Entry{
		PaperID: string(key[entryHead:]), Mark: library.Mark(s.Mark), MarkTime: kv.TimeOf(s.Marked), ReadTime: kv.TimeOf(s.Read),
		Note: s.Note, Tags: s.Tags, Weight: s.Weight, CreateTime: kv.TimeOf(s.Created), UpdateTime: kv.TimeOf(s.Updated),
	}, nil
}

// unseal reads what SetCBOR put.
func unseal(key, value []byte, v any) error {
	if err := kv.UnsealCBOR(key, value, v); err != nil {
		return damaged(key, err)
	}
	return nil
}

// damaged is the error for a stored value that cannot be what was written.
func damaged(key []byte, cause error) error {
	what := "counter of libraries"
	metadata := map[string]string{}
	switch key[0] {
	case prefixLibrary:
		owner, name, _ := namesOf(key)
		what, metadata["library"] = fmt.Sprintf("description of library %q of %q", name, owner), name
	case prefixEntry:
		what = "entry of a library"
		if len(key) > entryHead {
			id := string(key[entryHead:])
			what, metadata["id"] = fmt.Sprintf("entry of paper %q in a library", id), id
		}
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Metadata: metadata, Cause: cause,
		Message: fmt.Sprintf("the stored %s is damaged: %v; run akin verify to see what else is, then erase the library and make it anew, "+
			"or restore a snapshot with akin snapshot restore", what, cause),
	}
}
