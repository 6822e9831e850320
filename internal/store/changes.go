package store

import (
	"context"
	"fmt"
	"iter"

	"akin/internal/kv"
	"akin/internal/paper"
)

// Operation is what a change did.
type Operation uint8

// The operations. Their numbers are stored.
const (
	Put    Operation = 1
	Delete Operation = 2
)

// String names the operation.
func (o Operation) String() string {
	switch o {
	case Put:
		return "PUT"
	case Delete:
		return "DELETE"
	}
	return fmt.Sprintf("Operation(%d)", uint8(o))
}

// Change is one entry of a collection's log. It has no text: who wants that
// reads the record, and finds none if the paper was deleted since.
type Change struct {
	// Sequence counts the changes of the collection, from 1, without gaps.
	Sequence  uint64
	ID        string
	Ordinal   uint32
	Operation Operation
	// Revision is that of the record put; of a deletion, of the record that
	// was deleted, or 0 if that could not be read.
	Revision uint64
	// Embedded says that a put wrote a vector: the text may have changed. If
	// not, only other fields did, which filters use but neither the graph nor
	// the lexical index.
	Embedded bool
	// Fields are the parts of the paper that a put changed, all of them for a new
	// paper. Of changes that were logged before these were, it is what they may have
	// changed; of a deletion 0.
	Fields paper.Fields
}

type storedChange struct {
	ID        string    `cbor:"1,keyasint"`
	Ordinal   uint32    `cbor:"2,keyasint"`
	Operation Operation `cbor:"3,keyasint"`
	Revision  uint64    `cbor:"4,keyasint"`
	Embedded  bool      `cbor:"5,keyasint,omitempty"`
	Fields    uint32    `cbor:"6,keyasint,omitempty"`
}

// fields are those that the change touched, or may have.
func (s *storedChange) fields() paper.Fields {
	switch {
	case s.Operation == Delete:
		return 0
	case s.Fields != 0:
		return paper.Fields(s.Fields)
	case s.Embedded:
		return paper.AllFields
	}
	return paper.AllFields &^ (paper.FieldText | paper.FieldCreation)
}

// Changes iterates over the changes after the sequence, up to what the
// snapshot has seen, in order. The first error ends the iteration: ErrTrimmed
// if the log no longer reaches back so far, ErrAhead if it is not that far yet.
// In both cases the consumer rebuilds from a snapshot and follows from its
// Sequence.
func (sn *Snapshot) Changes(ctx context.Context, afterSequence uint64) iter.Seq2[Change, error] {
	if err := sn.checkChanges(afterSequence); err != nil {
		return func(yield func(Change, error) bool) { yield(Change{}, err) }
	}
	lower := changeKey(sn.coll.ID, afterSequence+1)
	return sequence(ctx, sn, lower, kv.After(under(prefixChange, sn.coll.ID)), decodeChange)
}

func (sn *Snapshot) checkChanges(afterSequence uint64) error {
	switch state := sn.coll.state; {
	case afterSequence < state.Trimmed:
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonChangesTrimmed,
			Message: fmt.Sprintf("changes after %d were asked for, but those up to %d were trimmed; rebuild from a snapshot", afterSequence, state.Trimmed),
			Cause:   ErrTrimmed,
		}
	case afterSequence > state.Sequence:
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonChangesAhead,
			Message: fmt.Sprintf("changes after %d were asked for, but the last is %d; rebuild from a snapshot", afterSequence, state.Sequence),
			Cause:   ErrAhead,
		}
	}
	return nil
}

func decodeChange(key, value []byte) (Change, error) {
	sequence, ok := sequenceOf(key)
	if !ok {
		return Change{}, damagedKey(key, kv.ErrKeyShape)
	}
	var s storedChange
	if err := unsealCBOR(key, value, &s); err != nil {
		return Change{}, err
	}
	if s.Operation != Put && s.Operation != Delete {
		return Change{}, damagedKey(key, fmt.Errorf("unknown operation %d", s.Operation))
	}
	return Change{
		Sequence: sequence, ID: s.ID, Ordinal: s.Ordinal,
		Operation: s.Operation, Revision: s.Revision, Embedded: s.Embedded, Fields: s.fields(),
	}, nil
}

// Changes is [Snapshot.Changes] on the state at the time when the iteration
// begins.
func (s *Store) Changes(ctx context.Context, collection string, afterSequence uint64) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		sn, err := s.Snapshot(collection)
		if err != nil {
			yield(Change{}, err)
			return
		}
		defer sn.Close()
		sn.Changes(ctx, afterSequence)(yield)
	}
}

// TrimChanges removes the changes up to the sequence, inclusive; what is
// above the last counts as the last. Nothing is then left of the ids of
// papers that were deleted before. It does nothing where the log is trimmed
// further already. The removal is on disk when the call returns.
func (s *Store) TrimChanges(ctx context.Context, collection string, upTo uint64) error {
	end, err := s.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	c, err := s.current.collection(collection)
	if err != nil {
		return err
	}
	upTo = min(upTo, c.state.Sequence)
	if upTo <= c.state.Trimmed {
		return nil
	}
	changed := *c
	changed.state.Trimmed = upTo
	batch := s.db.NewBatch()
	if err := batch.DeleteRange(under(prefixChange, c.ID), changeKey(c.ID, upTo+1)); err != nil {
		return fmt.Errorf("store: trim changes: %w", err)
	}
	if err := batch.SetCBOR(stateKey(c.ID), changed.state); err != nil {
		return err
	}
	return s.commit(batch, with(s.current.collections, &changed))
}
