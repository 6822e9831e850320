package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"akin/internal/kv"
	"akin/internal/paper"
)

// Mutation is one change to make: either Upsert or Delete is set.
type Mutation struct {
	// Upsert is what to write, or nil.
	Upsert *Upsert
	// Delete is the id of the paper to remove, or "".
	Delete string
}

// Upsert makes a paper, or replaces the one with its id as a whole.
type Upsert struct {
	// Paper must be valid. The store keeps no reference to it.
	Paper paper.Paper
	// Vector is the document vector in the collection's space. It may be nil
	// if title and abstract are those of the stored paper: then the stored
	// vector, TokenCount and Truncated stay.
	Vector []float32
	// TokenCount and Truncated describe how the text was embedded; they are
	// taken only together with Vector.
	TokenCount int
	Truncated  bool
	// Prepared is what Prepare made of the paper, or nil. What it made of another paper
	// is of no use, and no harm.
	Prepared *Prepared
}

// Result is what a mutation did.
type Result uint8

// The results.
const (
	Unchanged Result = iota // the stored paper is the same already
	Created
	Updated
	Deleted
	NotFound // there was nothing to delete
)

// String names the result in upper case, as the API does.
func (r Result) String() string {
	names := [...]string{"UNCHANGED", "CREATED", "UPDATED", "DELETED", "NOT_FOUND"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("Result(%d)", uint8(r))
}

// Outcome is what became of one mutation.
type Outcome struct {
	Result Result
	// Record is what is stored now. After a deletion it has only the ID and
	// the Ordinal and Revision that the paper had; for NotFound only the ID.
	Record paper.Record
	// Sequence is that of the change; 0 where nothing changed.
	Sequence uint64
}

// Apply makes a group of mutations, in order and all or none, and returns one
// outcome for each. They are on disk when it returns without an error.
//
// Upserting what is stored already changes nothing and consumes no sequence;
// a group that changes nothing does not write. An id may occur repeatedly: each
// mutation sees what those before it did.
//
// It is an error of kind Invalid, which names the mutation, if the group is
// larger than MaxGroup or MaxGroupBytes, a paper is not valid, a vector is
// missing, of the wrong length or not finite; of NotFound, if there is no such
// collection; of FailedPrecondition with ErrReadOnly, if the disk refuses.
func (s *Store) Apply(ctx context.Context, collection string, group []Mutation) ([]Outcome, error) {
	if err := checkGroup(group); err != nil {
		return nil, err
	}
	end, err := s.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	c, err := s.current.collection(collection)
	if err != nil {
		return nil, err
	}
	p := &plan{
		reader: reader{r: s.current.snap, coll: c},
		batch:  s.db.NewBatch(),
		state:  c.state,
		now:    s.clock(),
		seen:   make(map[string]*paper.Record, len(group)),
	}
	outcomes := make([]Outcome, len(group))
	for i := range group {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if outcomes[i], err = p.mutate(&group[i]); err != nil {
			return nil, inGroup(i, err)
		}
		if n := p.batch.Len(); n > MaxGroupBytes {
			return nil, paper.InvalidField("mutations", "have grown to %d bytes at item %d; the limit of one group is %d; split it", n, i, MaxGroupBytes)
		}
	}
	if p.batch.Empty() {
		return outcomes, nil
	}
	if err := p.batch.SetCBOR(stateKey(c.ID), p.state); err != nil {
		return nil, err
	}
	changed := *c
	changed.state = p.state
	if err := s.commit(p.batch, with(s.current.collections, &changed)); err != nil {
		return nil, err
	}
	return outcomes, nil
}

// inGroup says which mutation an error is about.
func inGroup(i int, err error) error {
	var invalid *paper.Error
	if errors.As(err, &invalid) && invalid.Kind == paper.Invalid {
		return invalid.Prefixed(fmt.Sprintf("mutations[%d].", i))
	}
	return err
}

// checkGroup finds what can be found wrong without knowing what is stored.
func checkGroup(group []Mutation) error {
	if len(group) > MaxGroup {
		return paper.InvalidField("mutations", "has %d items; the limit of one group is %d; split it", len(group), MaxGroup)
	}
	for i := range group {
		if err := checkMutation(&group[i]); err != nil {
			return inGroup(i, err)
		}
	}
	return nil
}

func checkMutation(m *Mutation) error {
	switch {
	case m.Upsert != nil && m.Delete != "":
		return paper.InvalidField("delete", "is set together with upsert; give one of them")
	case m.Upsert != nil && m.Upsert.Prepared.of(&m.Upsert.Paper):
		return nil // valid
	case m.Upsert != nil:
		return m.Upsert.Paper.Validate()
	default:
		if err := paper.ValidateID(m.Delete); err != nil {
			return paper.InvalidField("delete", "%v", err)
		}
		return nil
	}
}

// plan collects what a group writes.
type plan struct {
	reader
	batch *kv.Batch
	state storedState
	now   time.Time
	// seen is what the mutations so far left of each id; nil means nothing.
	seen map[string]*paper.Record
}

func (p *plan) mutate(m *Mutation) (Outcome, error) {
	if m.Upsert != nil {
		return p.upsert(m.Upsert)
	}
	return p.remove(m.Delete)
}

func (p *plan) upsert(u *Upsert) (Outcome, error) {
	old, err := p.existing(u.Paper.ID)
	if err != nil {
		return Outcome{}, err
	}
	made := u.Prepared
	if !made.of(&u.Paper) {
		made = prepare(&u.Paper)
	}
	if old != nil && old.ContentDigest == made.content {
		p.seen[old.ID] = old
		return Outcome{Result: Unchanged, Record: *old}, nil
	}
	if err := p.checkVector(u, old, made.embed); err != nil {
		return Outcome{}, err
	}
	record, result, err := p.revise(old)
	if err != nil {
		return Outcome{}, err
	}
	if record.Paper = made.paper; made != u.Prepared {
		record.Paper = u.Paper.Clone()
	}
	record.EmbedDigest, record.ContentDigest = made.embed, made.content
	record.Trail = paper.NextTrail(old, &record.Paper, p.now)
	if u.Vector != nil {
		record.TokenCount, record.Truncated = u.TokenCount, u.Truncated
	}
	fields := paper.AllFields
	if old != nil {
		fields = paper.ChangedFields(&old.Paper, &record.Paper)
	}
	if err := p.put(record, made.encoded, u.Vector, fields); err != nil {
		return Outcome{}, err
	}
	p.seen[record.ID] = record
	return Outcome{Result: result, Record: *record, Sequence: p.state.Sequence}, nil
}

// existing returns the record that the mutation meets, nil if there is none.
func (p *plan) existing(id string) (*paper.Record, error) {
	if record, ok := p.seen[id]; ok {
		return record, nil
	}
	return p.byID(id)
}

// revise begins the record that follows old; a new one gets an ordinal.
func (p *plan) revise(old *paper.Record) (*paper.Record, Result, error) {
	if old != nil {
		return &paper.Record{
			Ordinal: old.Ordinal, Revision: old.Revision + 1,
			CreateTime: old.CreateTime, UpdateTime: p.now,
			TokenCount: old.TokenCount, Truncated: old.Truncated,
		}, Updated, nil
	}
	if p.state.NextOrdinal > MaxOrdinal {
		return nil, Created, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
			Message: fmt.Sprintf("collection %q has given all its ordinals, which deletions do not free; export it and import it into a new collection", p.coll.Name),
		}
	}
	record := &paper.Record{Ordinal: uint32(p.state.NextOrdinal), Revision: 1, CreateTime: p.now, UpdateTime: p.now}
	p.state.NextOrdinal++
	p.state.Papers++
	return record, Created, nil
}

func (p *plan) checkVector(u *Upsert, old *paper.Record, embed paper.Digest) error {
	switch want := p.coll.Space.Dimension; {
	case u.Vector == nil && old == nil:
		return paper.InvalidField("upsert.vector", "is missing; a new paper needs one")
	case u.Vector == nil && old.EmbedDigest != embed:
		return paper.InvalidField("upsert.vector", "is missing; title or abstract have changed, so that the stored vector is not theirs")
	case u.Vector == nil:
		return nil
	case len(u.Vector) != want:
		return paper.InvalidField("upsert.vector", "has %d components; the space of collection %q has %d", len(u.Vector), p.coll.Name, want)
	case u.TokenCount < 0:
		return paper.InvalidField("upsert.token_count", "is %d; it must not be negative", u.TokenCount)
	}
	for i, x := range u.Vector {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return paper.InvalidField("upsert.vector", "has %v as component %d; all must be finite", x, i)
		}
	}
	return nil
}

// put writes a record, whose paper is encoded, its vector unless nil, and the change of
// some fields.
func (p *plan) put(record *paper.Record, encoded []byte, vector []float32, fields paper.Fields) error {
	key := recordKey(p.coll.ID, record.Ordinal)
	value, bytes, err := sealRecord(key, record, encoded)
	if err != nil {
		return err
	}
	if bytes > MaxRecordBytes {
		return paper.InvalidField("upsert.paper", "has %d bytes in all; the limit is %d; shorten its lists", bytes, MaxRecordBytes)
	}
	err = p.batch.Set(key, value)
	if record.Revision == 1 {
		err = errors.Join(err, p.batch.SetCBOR(idKey(p.coll.ID, record.ID), record.Ordinal))
	}
	if vector != nil {
		key := vectorKey(p.coll.ID, p.coll.spaceID, record.Ordinal, kindDocument)
		err = errors.Join(err, p.batch.Set(key, sealVector(key, vector)))
	}
	return errors.Join(err, p.log(storedChange{
		ID: record.ID, Ordinal: record.Ordinal, Operation: Put,
		Revision: record.Revision, Embedded: vector != nil, Fields: uint32(fields),
	}))
}

// remove deletes everything that is kept of an id. It does not need the record
// to be readable, so that a damaged one can be deleted and imported again.
func (p *plan) remove(id string) (Outcome, error) {
	none := Outcome{Result: NotFound, Record: paper.Record{Paper: paper.Paper{ID: id}}}
	gone := none.Record
	record, planned := p.seen[id]
	switch {
	case planned && record == nil:
		return none, nil
	case planned:
		gone.Ordinal, gone.Revision = record.Ordinal, record.Revision
	default:
		ordinal, found, err := p.ordinal(id)
		if err != nil {
			return Outcome{}, err
		}
		if !found {
			return none, nil
		}
		gone.Ordinal = ordinal
		if record, err := p.byOrdinal(ordinal); err == nil && record != nil {
			gone.Revision = record.Revision
		}
	}
	err := errors.Join(
		p.batch.Delete(idKey(p.coll.ID, id)),
		p.batch.Delete(recordKey(p.coll.ID, gone.Ordinal)),
		p.batch.Delete(vectorKey(p.coll.ID, p.coll.spaceID, gone.Ordinal, kindDocument)),
		p.log(storedChange{ID: id, Ordinal: gone.Ordinal, Operation: Delete, Revision: gone.Revision}),
	)
	if err != nil {
		return Outcome{}, err
	}
	p.state.Papers--
	p.seen[id] = nil
	return Outcome{Result: Deleted, Record: gone, Sequence: p.state.Sequence}, nil
}

// log takes the next sequence for a change.
func (p *plan) log(change storedChange) error {
	p.state.Sequence++
	return p.batch.SetCBOR(changeKey(p.coll.ID, p.state.Sequence), change)
}
