package kv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"akin/internal/paper"
)

// Witness keeps what is committed in another place, too, before it is acknowledged, so
// that it survives the loss of the directory.
type Witness interface {
	// Witness makes changes (see [Batch.Changes]) durable in the other place, and gives a
	// note of how far that has come, which the database keeps with the changes. After an
	// error it is asked for the same changes again before any others, unless the error is
	// ErrNotWitnessed.
	Witness(ctx context.Context, changes []byte) (note []byte, err error)
}

// ErrNotWitnessed is in errors of a Witness that has certainly not kept anything of the
// changes.
var ErrNotWitnessed = errors.New("kv: nothing was kept in the other place")

// doubt is a batch of which nobody knows whether the other place has it.
type doubt struct {
	batch   *Batch
	changes []byte
}

// Attach has every commit from now on witnessed that changes keys from lower up to upper,
// exclusive. Where that fails, the commit gets the error, and may yet happen: it is tried
// again when the next writer begins, who has to wait for it. settled is then called, for
// what was made of the state before does not know of the change; it must not wait for a
// writer's turn. Attach is called once, before there are other writers.
func (db *DB) Attach(w Witness, lower, upper []byte, settled func()) {
	db.witness, db.lower, db.upper, db.settled = w, lower, upper, settled
}

// witnessed has a batch witnessed. The caller has the writer's turn.
func (db *DB) witnessed(ctx context.Context, batch *Batch) error {
	if db.witness == nil {
		return nil
	}
	changes, err := batch.Changes(db.lower, db.upper)
	if err != nil || len(changes) == 0 {
		return err
	}
	note, err := db.witness.Witness(ctx, changes)
	if err != nil {
		if !errors.Is(err, ErrNotWitnessed) {
			db.doubt = &doubt{batch, changes}
		}
		return err
	}
	return batch.SetNote(note)
}

// settle finishes the commit that is in doubt, if there is one. The caller has the
// writer's turn.
func (db *DB) settle(ctx context.Context) error {
	d := db.doubt
	if d == nil {
		return nil
	}
	note, err := db.witness.Witness(ctx, d.changes)
	if err == nil {
		err = d.batch.SetNote(note)
	}
	if err != nil {
		return err
	}
	db.doubt = nil
	snap, err := db.commit(d.batch)
	if err != nil {
		return err
	}
	snap.Close()
	db.log.Warn("kv: a change was kept that its caller was told may not have been")
	if db.settled != nil {
		db.settled()
	}
	return nil
}

// SetNote puts the note of a Witness into the batch.
func (b *Batch) SetNote(note []byte) error { return b.Set(noteKey(), Seal(noteKey(), note)) }

// RemoveNote takes the note away: the database is no more of the other place.
func (b *Batch) RemoveNote() error { return b.Delete(noteKey()) }

// Note is the note of the last commit that was witnessed; nil if there is none.
func (s *Snapshot) Note() (note []byte, err error) {
	_, err = s.Lookup(noteKey(), func(value []byte) error {
		payload, err := Unseal(noteKey(), value)
		if err != nil {
			return damagedKey(noteKey(), err)
		}
		note = append([]byte{}, payload...)
		return nil
	})
	return note, err
}

// The kinds of changes in their encoded form: docs/format/beside.md.
const (
	changeSet    = 1
	changeDelete = 2
	changeRange  = 3
)

// Changes encodes the changes of a batch to keys from lower up to upper, exclusive; nil if
// there are none. [Batch.Replay] makes the same of them elsewhere.
func (b *Batch) Changes(lower, upper []byte) (out []byte, err error) {
	for r := b.b.Reader(); ; {
		kind, key, value, ok, err := r.Next()
		if err != nil {
			return nil, wrapBatch(err)
		}
		if !ok {
			return out, nil
		}
		if string(key) < string(lower) || string(key) >= string(upper) {
			continue
		}
		switch kind {
		case pebble.InternalKeyKindSet:
			out = AppendChange(out, key, value)
		case pebble.InternalKeyKindDelete:
			out = appendBytes(append(out, changeDelete), key)
		case pebble.InternalKeyKindRangeDelete:
			out = appendBytes(appendBytes(append(out, changeRange), key), value)
		default:
			return nil, fmt.Errorf("kv: a batch has a change of the kind %v, which is not told on", kind)
		}
	}
}

// AppendChange encodes that a key has a value, as Changes does.
func AppendChange(out, key, value []byte) []byte {
	return appendBytes(appendBytes(append(out, changeSet), key), value)
}

func appendBytes(out, b []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(b))), b...)
}

// Replay adds changes to the batch that Changes encoded with the same bounds. What is not
// as that makes it is an error, of kind DataLoss; the batch is then of no use.
func (b *Batch) Replay(changes, lower, upper []byte) error {
	within := func(key []byte) bool { return string(key) >= string(lower) && string(key) <= string(upper) }
	for rest := changes; len(rest) > 0; {
		kind := rest[0]
		key, tail, ok := cutBytes(rest[1:])
		var value []byte
		if ok && (kind == changeSet || kind == changeRange) {
			value, tail, ok = cutBytes(tail)
		}
		if !ok || !within(key) || kind == changeRange && !within(value) {
			return badChanges(len(changes) - len(rest))
		}
		var err error
		switch kind {
		case changeSet:
			err = b.Set(key, value)
		case changeDelete:
			err = b.Delete(key)
		case changeRange:
			err = b.DeleteRange(key, value)
		default:
			return badChanges(len(changes) - len(rest))
		}
		if err != nil {
			return err
		}
		rest = tail
	}
	return nil
}

func cutBytes(b []byte) (cut, rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, false
	}
	return b[used : used+int(n)], b[used+int(n):], true
}

func badChanges(at int) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message: fmt.Sprintf("changes that were kept elsewhere are damaged: at byte %d they are not as akin writes them", at),
	}
}
