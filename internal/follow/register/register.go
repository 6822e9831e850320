// Package register keeps bindings of libraries in the database of the store, under keys
// of its own, so that one commit changes a library together with what is known of what
// it follows, and one snapshot has both.
//
// A Register is safe for concurrent use: reads see the last acknowledged state and wait
// for nothing; writes are made one after the other, and wait for those of the store.
// The bytes are described in docs/format/bindings.md.
package register

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"akin/internal/follow"
	"akin/internal/kv"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/library/shelf"
	"akin/internal/paper"
	"akin/internal/source/zotero"
)

// Register implements follow.Shelves.
type Register struct {
	db    *kv.DB
	moved func(*kv.Snapshot)
}

var _ follow.Shelves = (*Register)(nil)

// New makes a Register over a database, which stays the caller's. moved gets the state
// after each commit, to be closed by it, before the next writer's turn; nil closes it.
func New(db *kv.DB, moved func(*kv.Snapshot)) *Register {
	if moved == nil {
		moved = (*kv.Snapshot).Close
	}
	return &Register{db, moved}
}

// Follow implements follow.Shelves.
func (s *Register) Follow(ctx context.Context, fn func(follow.Reader) error) error {
	if err := s.db.Enter(); err != nil {
		return err
	}
	defer s.db.Leave()
	snap := s.db.Snapshot()
	defer snap.Close()
	return fn(&reader{Reader: shelf.ReaderOf(ctx, s.db, snap), state: state{ctx: ctx, db: s.db, snap: snap}})
}

// Change implements follow.Shelves.
func (s *Register) Change(ctx context.Context, fn func(follow.Writer) error) error {
	end, err := s.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	snap := s.db.Snapshot()
	defer snap.Close()
	batch := s.db.NewBatch()
	w := &writer{Writer: shelf.WriterOf(ctx, s.db, snap, batch), state: state{ctx: ctx, db: s.db, snap: snap}, batch: batch}
	if err := fn(w); err != nil {
		return err
	}
	if batch.Empty() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	after, err := s.db.Commit(batch)
	if err != nil {
		return err
	}
	s.moved(after)
	return nil
}

// reader implements follow.Reader over one state.
type reader struct {
	library.Reader
	state
}

// writer implements follow.Writer: it reads the state before, and gathers changes.
type writer struct {
	library.Writer
	state
	batch *kv.Batch
}

// state reads bindings of one state.
type state struct {
	ctx  context.Context //nolint:containedctx // of the one call that it lives in
	db   *kv.DB
	snap *kv.Snapshot
}

// Bindings implements follow.Bindings.
func (s *state) Bindings() (all []follow.Binding, err error) {
	prefix := []byte{prefix, kindBinding}
	var harmed error // that of the first
	err = s.snap.Scan(s.ctx, prefix, kv.After(prefix), func(key, value []byte) error {
		b, err := decodeBinding(key, value)
		if err != nil && harmed == nil {
			harmed = err
		}
		if err == nil {
			all = append(all, b)
		}
		return s.db.Closing()
	})
	if err == nil {
		err = harmed
	}
	return all, err
}

// Binding implements follow.Bindings.
func (s *state) Binding(libraryID uint32) (b follow.Binding, found bool, err error) {
	key := keyOf(kindBinding, libraryID)
	found, err = s.snap.Lookup(key, func(value []byte) error {
		b, err = decodeBinding(key, value)
		return err
	})
	return b, found, err
}

// Rest implements follow.Bindings.
func (s *state) Rest(host string) (until time.Time, err error) {
	key := restKey(host)
	_, err = s.snap.Lookup(key, func(value []byte) error {
		var stored storedRest
		err := unseal(key, value, &stored)
		until = kv.TimeOf(stored.Until)
		return err
	})
	return until, err
}

// errStop ends a scan without an error.
var errStop = errors.New("stop")

// Items implements follow.Sides.
func (s *state) Items(libraryID uint32) iter.Seq2[follow.Item, error] {
	return walk(s, kindItem, libraryID, decodeItem)
}

// Gifts implements follow.Sides.
func (s *state) Gifts(libraryID uint32) iter.Seq2[library.Gift, error] {
	return walk(s, kindGift, libraryID, decodeGift)
}

// walk iterates over what there is of a kind for a library.
func walk[T any](s *state, kind byte, libraryID uint32, decode func(key, value []byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		prefix := keyOf(kind, libraryID)
		err := s.snap.Scan(s.ctx, prefix, kv.After(prefix), func(key, value []byte) error {
			if err := s.db.Closing(); err != nil {
				return err
			}
			v, err := decode(key, value)
			if err != nil {
				return err
			}
			if !yield(v, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			var none T
			yield(none, err)
		}
	}
}

// PutBinding implements follow.Binder.
func (w *writer) PutBinding(b *follow.Binding) error {
	return w.batch.SetCBOR(keyOf(kindBinding, b.LibraryID), packBinding(b))
}

// RemoveBinding implements follow.Binder.
func (w *writer) RemoveBinding(libraryID uint32) error {
	for _, kind := range []byte{kindItem, kindGift} {
		prefix := keyOf(kind, libraryID)
		if err := w.batch.DeleteRange(prefix, kv.After(prefix)); err != nil {
			return err
		}
	}
	return w.batch.Delete(keyOf(kindBinding, libraryID))
}

// PutRest implements follow.Binder.
func (w *writer) PutRest(host string, until time.Time) error {
	return w.batch.SetCBOR(restKey(host), storedRest{Until: kv.Nanos(until)})
}

// PutItem implements follow.Filler.
func (w *writer) PutItem(libraryID uint32, i *follow.Item) error {
	return w.batch.SetCBOR(append(keyOf(kindItem, libraryID), i.Key...), storedItem{
		PaperID: i.PaperID, By: uint8(i.By), Identity: i.Identity, Title: i.Title, DOI: i.DOI, ArxivID: i.ArxivID, ID: i.ID, Name: i.Name, Date: i.Date,
		Unreadable: i.Unreadable, Why: i.Why, Line: int64(i.Line), Note: i.Note,
	})
}

// RemoveItem implements follow.Filler.
func (w *writer) RemoveItem(libraryID uint32, key string) error {
	return w.batch.Delete(append(keyOf(kindItem, libraryID), key...))
}

// PutGift implements follow.Filler.
func (w *writer) PutGift(libraryID uint32, g *library.Gift) error {
	return w.batch.SetCBOR(append(keyOf(kindGift, libraryID), g.PaperID...), storedGift{
		Mark: uint8(g.Mark), Note: g.Note, Tags: g.Tags, Created: g.Created, Since: kv.Nanos(g.Since), Marked: kv.Nanos(g.MarkTime),
		Own: uint8(g.Own), Declined: g.Declined,
	})
}

// RemoveGift implements follow.Filler.
func (w *writer) RemoveGift(libraryID uint32, paperID string) error {
	return w.batch.Delete(append(keyOf(kindGift, libraryID), paperID...))
}

// The first byte of a key is prefix, the second says what it is. Numbers are big endian.
const (
	prefix = 0x28

	kindBinding = 1 // library's id -> binding
	kindItem    = 2 // library's id, key of the other side -> item
	kindGift    = 3 // library's id, paper id -> gift
	kindRest    = 4 // host -> until when to rest
)

const head = 2 + 4

func keyOf(kind byte, libraryID uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefix, kind}, libraryID)
}

func restKey(host string) []byte { return append([]byte{prefix, kindRest}, host...) }

// libraryOf gives the library that a key is about.
func libraryOf(key []byte) uint32 { return binary.BigEndian.Uint32(key[2:]) }

type storedRest struct {
	Until int64 `cbor:"1,keyasint"` // nanoseconds since 1970, UTC; so are all times
}

type storedBinding struct {
	Kind    uint8    `cbor:"1,keyasint"` // 1 a user, 2 a group of Zotero, 3 a file
	Number  uint64   `cbor:"2,keyasint,omitempty"`
	Include []string `cbor:"3,keyasint,omitempty"`
	Exclude []string `cbor:"4,keyasint,omitempty"`
	Path    string   `cbor:"5,keyasint,omitempty"`
	Format  string   `cbor:"6,keyasint,omitempty"`
	Mark    uint8    `cbor:"7,keyasint,omitempty"`
	Tags    []string `cbor:"8,keyasint,omitempty"`
	Every   int64    `cbor:"9,keyasint,omitempty"`
	Created int64    `cbor:"10,keyasint"`
	Updated int64    `cbor:"11,keyasint"`

	Version  uint64   `cbor:"12,keyasint,omitempty"`
	Scope    string   `cbor:"13,keyasint,omitempty"`
	Digest   string   `cbor:"14,keyasint,omitempty"`
	Account  uint64   `cbor:"15,keyasint,omitempty"`
	Full     int64    `cbor:"16,keyasint,omitempty"` // 0 is none; so are all times that may be missing
	Tried    int64    `cbor:"17,keyasint,omitempty"`
	Synced   int64    `cbor:"18,keyasint,omitempty"`
	Changed  int64    `cbor:"19,keyasint,omitempty"`
	Next     int64    `cbor:"20,keyasint,omitempty"`
	Failures int64    `cbor:"21,keyasint,omitempty"`
	Failure  string   `cbor:"22,keyasint,omitempty"`
	Reason   string   `cbor:"23,keyasint,omitempty"`
	Items    int64    `cbor:"24,keyasint,omitempty"`
	Found    int64    `cbor:"25,keyasint,omitempty"`
	LeftOut  int64    `cbor:"26,keyasint,omitempty"`
	Missing  []string `cbor:"27,keyasint,omitempty"`
	Sequence uint64   `cbor:"28,keyasint,omitempty"`
	Looked   int64    `cbor:"29,keyasint,omitempty"`
}

type storedItem struct {
	PaperID    string `cbor:"1,keyasint,omitempty"`
	By         uint8  `cbor:"2,keyasint,omitempty"`
	Identity   string `cbor:"3,keyasint,omitempty"`
	Title      string `cbor:"4,keyasint,omitempty"`
	DOI        string `cbor:"5,keyasint,omitempty"`
	ArxivID    string `cbor:"6,keyasint,omitempty"`
	ID         string `cbor:"7,keyasint,omitempty"`
	Name       string `cbor:"8,keyasint,omitempty"`
	Date       string `cbor:"9,keyasint,omitempty"`
	Unreadable string `cbor:"10,keyasint,omitempty"`
	Why        string `cbor:"11,keyasint,omitempty"`
	Line       int64  `cbor:"12,keyasint,omitempty"`
	Note       string `cbor:"13,keyasint,omitempty"`
}

type storedGift struct {
	Mark     uint8    `cbor:"1,keyasint,omitempty"`
	Note     string   `cbor:"2,keyasint,omitempty"`
	Tags     []string `cbor:"3,keyasint,omitempty"`
	Created  bool     `cbor:"4,keyasint,omitempty"`
	Since    int64    `cbor:"5,keyasint,omitempty"`
	Marked   int64    `cbor:"6,keyasint,omitempty"`
	Own      uint8    `cbor:"7,keyasint,omitempty"`
	Declined bool     `cbor:"8,keyasint,omitempty"`
}

// The kinds of what is followed.
const (
	storedUser  = 1
	storedGroup = 2
	storedFile  = 3
)

func packBinding(b *follow.Binding) storedBinding {
	out := storedBinding{
		Mark: uint8(b.Mark), Tags: b.Tags, Every: int64(b.Every), Created: kv.Nanos(b.CreateTime), Updated: kv.Nanos(b.UpdateTime),
		Version: b.Version, Scope: b.Scope, Digest: b.Digest, Account: b.Account,
		Full: kv.Nanos(b.FullTime), Tried: kv.Nanos(b.TryTime), Synced: kv.Nanos(b.SyncTime),
		Changed: kv.Nanos(b.ChangeTime), Next: kv.Nanos(b.NextTime), Failures: int64(b.Failures), Failure: b.Failure, Reason: b.Reason,
		Items: int64(b.Items), Found: int64(b.Found), LeftOut: int64(b.LeftOut), Missing: b.Missing, Sequence: b.Sequence, Looked: kv.Nanos(b.LookTime),
	}
	switch {
	case b.File != nil:
		out.Kind, out.Path, out.Format = storedFile, b.File.Path, b.File.Format
	case b.Zotero != nil:
		out.Kind, out.Number, out.Include, out.Exclude = storedUser, b.Zotero.ID, b.Zotero.Include, b.Zotero.Exclude
		if b.Zotero.Group {
			out.Kind = storedGroup
		}
	}
	return out
}

func decodeBinding(key, value []byte) (b follow.Binding, err error) {
	if len(key) != head {
		return b, damaged(key, kv.ErrKeyShape)
	}
	var s storedBinding
	if err := unseal(key, value, &s); err != nil {
		return b, err
	}
	b = follow.Binding{
		LibraryID: libraryOf(key), Mark: library.Mark(s.Mark), Tags: s.Tags, Every: time.Duration(s.Every),
		CreateTime: kv.TimeOf(s.Created), UpdateTime: kv.TimeOf(s.Updated),
		State: follow.State{
			Version: s.Version, Scope: s.Scope, Digest: s.Digest, Account: s.Account,
			FullTime: kv.TimeOf(s.Full), TryTime: kv.TimeOf(s.Tried), SyncTime: kv.TimeOf(s.Synced),
			ChangeTime: kv.TimeOf(s.Changed), NextTime: kv.TimeOf(s.Next), Failures: int(s.Failures), Failure: s.Failure, Reason: s.Reason,
			Items: int(s.Items), Found: int(s.Found), LeftOut: int(s.LeftOut), Missing: s.Missing, Sequence: s.Sequence, LookTime: kv.TimeOf(s.Looked),
		},
	}
	switch s.Kind {
	case storedFile:
		b.File = &follow.File{Path: s.Path, Format: s.Format}
	case storedUser, storedGroup:
		b.Zotero = &follow.Zotero{Library: zotero.Library{Group: s.Kind == storedGroup, ID: s.Number}, Include: s.Include, Exclude: s.Exclude}
	default:
		return b, damaged(key, fmt.Errorf("it follows something of kind %d", s.Kind))
	}
	return b, nil
}

func decodeItem(key, value []byte) (i follow.Item, err error) {
	if len(key) <= head {
		return i, damaged(key, kv.ErrKeyShape)
	}
	var s storedItem
	if err := unseal(key, value, &s); err != nil {
		return i, err
	}
	return follow.Item{
		Key: string(key[head:]), PaperID: s.PaperID, By: librarian.By(s.By), Identity: s.Identity, Title: s.Title, DOI: s.DOI, ArxivID: s.ArxivID, ID: s.ID,
		Name: s.Name, Date: s.Date, Unreadable: s.Unreadable, Why: s.Why, Line: int(s.Line), Note: s.Note,
	}, nil
}

func decodeGift(key, value []byte) (g library.Gift, err error) {
	if len(key) <= head {
		return g, damaged(key, kv.ErrKeyShape)
	}
	var s storedGift
	if err := unseal(key, value, &s); err != nil {
		return g, err
	}
	return library.Gift{
		PaperID: string(key[head:]), Mark: library.Mark(s.Mark), Note: s.Note, Tags: s.Tags, Created: s.Created,
		Since: kv.TimeOf(s.Since), MarkTime: kv.TimeOf(s.Marked),
		Own: library.Fields(s.Own), Declined: s.Declined,
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
	what := "record"
	if len(key) > 1 {
		switch key[1] {
		case kindBinding:
			what = "binding of a library"
		case kindItem:
			what = "entry of what a library follows"
		case kindGift:
			what = "record of what a library was given"
		case kindRest:
			what = "time until which a server asked for rest"
		}
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: cause,
		Message: fmt.Sprintf("the stored %s is damaged: %v; run akin verify to see what else is, then unbind the library and bind it again, "+
			"or restore a snapshot with akin snapshot restore", what, cause),
	}
}
