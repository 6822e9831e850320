package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"akin/internal/kv"
	"akin/internal/paper"
)

// Collection describes a named set of papers.
type Collection struct {
	Name string
	// ID is the number that the collection's keys carry. It is never given
	// again: a collection that is dropped and made anew has another, so that a
	// derived file can tell which of the two it belongs to.
	ID uint32
	// Space is what the vectors are embedded into.
	Space paper.Space
	// CreateTime is the store's clock, in UTC.
	CreateTime time.Time
}

// collection is a Collection with what changes; values are not written to once
// they are in a view.
type collection struct {
	Collection
	spaceID uint32
	state   storedState
}

type storedCollection struct {
	ID      uint32 `cbor:"1,keyasint"`
	Created int64  `cbor:"2,keyasint"` // nanoseconds since 1970, UTC
	Space   uint32 `cbor:"3,keyasint"` // id of the current space
}

type storedState struct {
	Papers      uint64 `cbor:"1,keyasint"`
	NextOrdinal uint64 `cbor:"2,keyasint"` // wider than an ordinal: it goes one past the last
	Sequence    uint64 `cbor:"3,keyasint"` // of the last change
	Trimmed     uint64 `cbor:"4,keyasint"` // the last change that the log has lost
}

type storedSpace struct {
	Fingerprint     string `cbor:"1,keyasint"`
	Model           string `cbor:"2,keyasint"`
	ModelDigest     string `cbor:"3,keyasint"`
	TokenizerDigest string `cbor:"4,keyasint"`
	Pooling         string `cbor:"5,keyasint"`
	Template        string `cbor:"6,keyasint"`
	QueryPrefix     string `cbor:"7,keyasint"`
	DocumentPrefix  string `cbor:"8,keyasint"`
	MaxTokens       int64  `cbor:"9,keyasint"`
	Dimension       int64  `cbor:"10,keyasint"`
	Precision       string `cbor:"11,keyasint"`
}

type storedCounter struct {
	Next uint32 `cbor:"1,keyasint"`
}

func packSpace(s paper.Space) storedSpace {
	return storedSpace{
		Fingerprint: s.Fingerprint(),
		Model:       s.Model, ModelDigest: s.ModelDigest, TokenizerDigest: s.TokenizerDigest,
		Pooling: s.Pooling, Template: s.Template,
		QueryPrefix: s.QueryPrefix, DocumentPrefix: s.DocumentPrefix,
		MaxTokens: int64(s.MaxTokens), Dimension: int64(s.Dimension), Precision: s.Precision,
	}
}

// unpack refuses a dimension that vectors cannot have, since readers allocate
// by it. Whether the fingerprint is still computed as it was is for Verify.
func (s *storedSpace) unpack() (paper.Space, error) {
	space := paper.Space{
		Model: s.Model, ModelDigest: s.ModelDigest, TokenizerDigest: s.TokenizerDigest,
		Pooling: s.Pooling, Template: s.Template,
		QueryPrefix: s.QueryPrefix, DocumentPrefix: s.DocumentPrefix,
		MaxTokens: int(s.MaxTokens), Dimension: int(s.Dimension), Precision: s.Precision,
	}
	return space, checkDimension(space.Dimension)
}

func checkDimension(n int) error {
	if n < 1 || n > MaxDimension {
		return paper.InvalidField("space.dimension", "is %d; it must be between 1 and %d", n, MaxDimension)
	}
	return nil
}

// firstSpace is the id of a collection's first space; 0 is left to mean none.
const firstSpace = 1

// EnsureCollection returns the collection, made if it does not exist. One that
// exists in another space is an error of paper.SpaceMismatch; ask Collection
// for the space it has. A creation is on disk when the call returns.
func (s *Store) EnsureCollection(ctx context.Context, name string, space paper.Space) (Collection, error) {
	return s.EnsureCollectionAt(ctx, name, space, 0)
}

// EnsureCollectionAt is EnsureCollection whose new collection begins behind a sequence
// number, as if its log had lost all changes up to there: for a copy of papers whose
// followers are to go on.
func (s *Store) EnsureCollectionAt(ctx context.Context, name string, space paper.Space, sequence uint64) (Collection, error) {
	if err := paper.ValidateCollection(name); err != nil {
		return Collection{}, err
	}
	if err := checkDimension(space.Dimension); err != nil {
		return Collection{}, err
	}
	switch c, err := s.Collection(name); {
	case err == nil:
		return c, sameSpace(c.Space, space)
	case paper.KindOf(err) != paper.NotFound:
		return Collection{}, err
	}
	end, err := s.db.Begin(ctx)
	if err != nil {
		return Collection{}, err
	}
	defer end()
	if c, ok := s.current.collections[name]; ok { // made while this call waited
		return c.Collection, sameSpace(c.Space, space)
	}
	return s.createCollection(name, space, sequence)
}

func sameSpace(have, want paper.Space) error {
	if have == want {
		return nil
	}
	return paper.SpaceMismatch(have, want)
}

// createCollection is EnsureCollection's writing part; the caller is the writer.
func (s *Store) createCollection(name string, space paper.Space, sequence uint64) (Collection, error) {
	id, err := s.nextCollection()
	if err != nil {
		return Collection{}, err
	}
	c := &collection{
		Collection: Collection{Name: name, ID: id, Space: space, CreateTime: s.clock()},
		spaceID:    firstSpace,
		state:      storedState{Sequence: sequence, Trimmed: sequence},
	}
	batch := s.db.NewBatch()
	err = errors.Join(
		batch.SetCBOR(nextCollectionKey(), storedCounter{Next: id + 1}),
		batch.SetCBOR(collectionKey(name), storedCollection{ID: id, Created: c.CreateTime.UnixNano(), Space: firstSpace}),
		batch.SetCBOR(stateKey(id), c.state),
		batch.SetCBOR(spaceKey(id, firstSpace), packSpace(space)),
	)
	if err != nil {
		return Collection{}, err
	}
	if err := s.commit(batch, with(s.current.collections, c)); err != nil {
		return Collection{}, err
	}
	return c.Collection, nil
}

// clock is the time to store: UTC, and without what a round trip would lose.
func (s *Store) clock() time.Time { return time.Unix(0, s.now().UnixNano()).UTC() }

// nextCollection reads the id of the next collection; they begin at 1.
func (s *Store) nextCollection() (uint32, error) {
	var next storedCounter
	found, err := get(s.current.snap, nextCollectionKey(), &next)
	switch {
	case err != nil:
		return 0, err
	case !found:
		return 1, nil
	case next.Next == 0:
		return 0, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
			Message: "all 2^32 ids of collections were given; export to a new data directory",
		}
	}
	return next.Next, nil
}

// Collection returns the collection with the name, or an error of kind
// NotFound.
func (s *Store) Collection(name string) (Collection, error) {
	if err := s.db.Enter(); err != nil {
		return Collection{}, err
	}
	defer s.db.Leave()
	v := s.acquire()
	defer v.release()
	c, err := v.collection(name)
	if err != nil {
		return Collection{}, err
	}
	return c.Collection, nil
}

// Collections returns all collections, by name.
func (s *Store) Collections() ([]Collection, error) {
	if err := s.db.Enter(); err != nil {
		return nil, err
	}
	defer s.db.Leave()
	v := s.acquire()
	defer v.release()
	all := make([]Collection, 0, len(v.collections))
	for c := range maps.Values(v.collections) {
		all = append(all, c.Collection)
	}
	slices.SortFunc(all, func(a, b Collection) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// DropCollection removes a collection with its papers, vectors and changes, at
// once for new readers; open Snapshots keep it. A name that does not exist is
// an error of kind NotFound. The removal is on disk when the call returns; the
// space is free again after compactions.
func (s *Store) DropCollection(ctx context.Context, name string) error {
	end, err := s.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	c, err := s.current.collection(name)
	if err != nil {
		return err
	}
	batch := s.db.NewBatch()
	err = batch.Delete(collectionKey(name))
	for _, prefix := range collectionPrefixes() {
		all := under(prefix, c.ID)
		err = errors.Join(err, batch.DeleteRange(all, kv.After(all)))
	}
	if err != nil {
		return fmt.Errorf("store: drop collection: %w", err)
	}
	rest := maps.Clone(s.current.collections)
	delete(rest, name)
	return s.commit(batch, rest)
}

// loadCollections reads what Open must know. The state of every collection is
// needed to write to it, so that a damaged one fails the opening.
func loadCollections(r *kv.Snapshot) (map[string]*collection, error) {
	all := map[string]*collection{}
	prefix := []byte{prefixCollection}
	err := r.Scan(context.Background(), prefix, kv.After(prefix), func(key, value []byte) error {
		c, err := loadCollection(r, key, value)
		if err != nil {
			return err
		}
		all[c.Name] = c
		return nil
	})
	return all, err
}

func loadCollection(r *kv.Snapshot, key, value []byte) (*collection, error) {
	var stored storedCollection
	if err := unsealCBOR(key, value, &stored); err != nil {
		return nil, err
	}
	c := &collection{spaceID: stored.Space, Collection: Collection{
		Name: string(key[1:]), ID: stored.ID, CreateTime: time.Unix(0, stored.Created).UTC(),
	}}
	if err := mustGet(r, stateKey(c.ID), &c.state); err != nil {
		return nil, err
	}
	var space storedSpace
	at := spaceKey(c.ID, c.spaceID)
	if err := mustGet(r, at, &space); err != nil {
		return nil, err
	}
	var err error
	if c.Space, err = space.unpack(); err != nil {
		return nil, damagedKey(at, err)
	}
	return c, nil
}
