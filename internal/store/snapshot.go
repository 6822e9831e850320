package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"akin/internal/kv"
	"akin/internal/paper"
)

// Snapshot is one acknowledged state of one collection: all its reads agree.
// It must be closed; while open, it keeps what was deleted since from being
// compacted away. It is safe for concurrent use, except that Close must come
// last. After Store.Close its reads return ErrClosed.
type Snapshot struct {
	store  *Store
	view   *view
	coll   *collection
	closed atomic.Bool
}

// Snapshot opens the current state of a collection.
func (s *Store) Snapshot(collection string) (*Snapshot, error) {
	if err := s.db.Enter(); err != nil {
		return nil, err
	}
	defer s.db.Leave()
	v := s.acquire()
	c, err := v.collection(collection)
	if err != nil {
		v.release()
		return nil, err
	}
	return &Snapshot{store: s, view: v, coll: c}, nil
}

// Close gives the snapshot back. Further calls do nothing.
func (sn *Snapshot) Close() {
	if !sn.closed.Swap(true) {
		sn.view.release()
	}
}

// Collection describes the collection.
func (sn *Snapshot) Collection() Collection { return sn.coll.Collection }

// Sequence is the last change that the snapshot has seen; 0 before the first.
func (sn *Snapshot) Sequence() uint64 { return sn.coll.state.Sequence }

// Point is the place in the history of the store that the snapshot sees. A file
// that is derived from the snapshot carries it, and is believed later only if
// [Store.Holds] it.
func (sn *Snapshot) Point() kv.Point { return sn.view.snap.Point() }

// Count is how many papers there are.
func (sn *Snapshot) Count() int { return int(sn.coll.state.Papers) }

// NextOrdinal is one above the highest ordinal that was given so far, so that
// it is the length of an array that is indexed by ordinals.
func (sn *Snapshot) NextOrdinal() uint32 { return uint32(sn.coll.state.NextOrdinal) }

// enter begins a read of the snapshot; leave ends it.
func (sn *Snapshot) enter() error {
	if err := sn.store.db.Enter(); err != nil {
		return err
	}
	if sn.closed.Load() {
		sn.store.db.Leave()
		return fmt.Errorf("store: snapshot was closed: %w", ErrClosed)
	}
	return nil
}

func (sn *Snapshot) leave() { sn.store.db.Leave() }

func (sn *Snapshot) reader() reader { return reader{r: sn.view.snap, coll: sn.coll} }

// Get returns the record with the id, or paper.MissingPaper.
func (sn *Snapshot) Get(ctx context.Context, id string) (*paper.Record, error) {
	records, err := sn.GetMany(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	if records[0] == nil {
		return nil, paper.MissingPaper(id)
	}
	return records[0], nil
}

// GetMany returns the records with the ids, in their order; nil for an id that
// the collection does not hold. A caller who merges into what is stored looks
// it up here.
func (sn *Snapshot) GetMany(ctx context.Context, ids []string) ([]*paper.Record, error) {
	return each(ctx, sn, ids, reader.byID)
}

// ByOrdinals returns the records with the ordinals, in their order; nil for an
// ordinal that belongs to no paper (any more).
func (sn *Snapshot) ByOrdinals(ctx context.Context, ordinals []uint32) ([]*paper.Record, error) {
	return each(ctx, sn, ordinals, reader.byOrdinal)
}

// Ordinals returns the ordinals of the papers with the ids, in their order; NoOrdinal
// for an id that the collection does not hold. It reads no record.
func (sn *Snapshot) Ordinals(ctx context.Context, ids []string) ([]uint32, error) {
	return each(ctx, sn, ids, func(r reader, id string) (uint32, error) {
		ordinal, found, err := r.ordinal(id)
		if !found {
			ordinal = NoOrdinal
		}
		return ordinal, err
	})
}

// each looks up one thing for every key.
func each[K, V any](ctx context.Context, sn *Snapshot, keys []K, look func(reader, K) (V, error)) ([]V, error) {
	if err := sn.enter(); err != nil {
		return nil, err
	}
	defer sn.leave()
	r := sn.reader()
	values := make([]V, len(keys))
	for i, key := range keys {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var err error
		if values[i], err = look(r, key); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// List returns up to limit records in the order of their ids' bytes, beginning
// after the id (which need not exist); "" begins at the first. A page that is
// shorter than limit is the last, and the id of a page's last record is the
// cursor of the next. The limit is 1 to MaxPage.
func (sn *Snapshot) List(ctx context.Context, afterID string, limit int) ([]*paper.Record, error) {
	if limit < 1 || limit > MaxPage {
		return nil, paper.InvalidField("page_size", "is %d; it must be between 1 and %d", limit, MaxPage)
	}
	if err := sn.enter(); err != nil {
		return nil, err
	}
	defer sn.leave()
	r := sn.reader()
	var records []*paper.Record
	// The key after id is id with a zero byte.
	lower := append(idKey(sn.coll.ID, afterID), 0)
	if afterID == "" {
		lower = under(prefixID, sn.coll.ID)
	}
	err := sn.scan(ctx, lower, kv.After(under(prefixID, sn.coll.ID)), func(key, value []byte) error {
		record, err := r.byIDEntry(key, value)
		if err != nil {
			return err
		}
		records = append(records, record)
		if len(records) == limit {
			return errStop
		}
		return nil
	})
	return records, err
}

// Records iterates over all records in the order of their ordinals. After an
// error the iteration ends.
func (sn *Snapshot) Records(ctx context.Context) iter.Seq2[*paper.Record, error] {
	prefix := under(prefixRecord, sn.coll.ID)
	return sequence(ctx, sn, prefix, kv.After(prefix), decodeRecordEntry)
}

// EachID calls f for the ids of all papers, in their order, without reading their
// records. An id is lent for the call; an error of f ends it.
func (sn *Snapshot) EachID(ctx context.Context, f func(id []byte, ordinal uint32) error) error {
	if err := sn.enter(); err != nil {
		return err
	}
	defer sn.leave()
	prefix := under(prefixID, sn.coll.ID)
	return sn.scan(ctx, prefix, kv.After(prefix), func(key, value []byte) error {
		id := key[min(collectionKeyBytes, len(key)):]
		if len(id) == 0 {
			return damagedKey(key, kv.ErrKeyShape)
		}
		ordinal, err := unsealOrdinal(key, value)
		if err != nil {
			return err
		}
		return f(id, ordinal)
	})
}

// Vector is the vector of one ordinal.
type Vector struct {
	Ordinal uint32
	// Values are the components, as many as the space has dimensions. The
	// iteration writes over them with the next vector: copy what is kept.
	Values []float32
}

// Vectors iterates over the papers' vectors in the order of their ordinals,
// for building an index as of Sequence. After an error the iteration ends.
func (sn *Snapshot) Vectors(ctx context.Context) iter.Seq2[Vector, error] {
	prefix := vectorsKey(sn.coll.ID, sn.coll.spaceID)
	return func(yield func(Vector, error) bool) {
		values := make([]float32, sn.coll.Space.Dimension)
		sequence(ctx, sn, prefix, kv.After(prefix), func(key, value []byte) (Vector, error) {
			_, ordinal, kind, ok := vectorOf(key)
			if !ok || kind != kindDocument {
				return Vector{}, damagedKey(key, kv.ErrKeyShape)
			}
			return Vector{Ordinal: ordinal, Values: values}, unsealVector(key, value, values)
		})(yield)
	}
}

// Vector returns the vector of the paper with the ordinal, or an error of kind
// NotFound.
func (sn *Snapshot) Vector(ctx context.Context, ordinal uint32) ([]float32, error) {
	if err := sn.enter(); err != nil {
		return nil, err
	}
	defer sn.leave()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	vector, err := sn.reader().vector(ordinal)
	if err == nil && vector == nil {
		err = paper.MissingPaper(fmt.Sprintf("ordinal %d", ordinal))
	}
	return vector, err
}

// scan is the function scan on the snapshot; it also ends when the store closes.
func (sn *Snapshot) scan(ctx context.Context, lower, upper []byte, fn func(key, value []byte) error) error {
	err := sn.view.snap.Scan(ctx, lower, upper, func(key, value []byte) error {
		if err := sn.store.db.Closing(); err != nil {
			return err
		}
		return fn(key, value)
	})
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

// sequence makes an iteration of a range of keys.
func sequence[T any](ctx context.Context, sn *Snapshot, lower, upper []byte, decode func(key, value []byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if err := sn.enter(); err != nil {
			yield(none, err)
			return
		}
		defer sn.leave()
		err := sn.scan(ctx, lower, upper, func(key, value []byte) error {
			item, err := decode(key, value)
			if err != nil {
				return err
			}
			if !yield(item, nil) {
				return errStop
			}
			return nil
		})
		if err != nil {
			yield(none, err)
		}
	}
}

// reader looks things up in one collection.
type reader struct {
	r    *kv.Snapshot
	coll *collection
}

// byID returns the record with the id, nil if there is none.
func (r reader) byID(id string) (*paper.Record, error) {
	ordinal, found, err := r.ordinal(id)
	if err != nil || !found {
		return nil, err
	}
	return r.mustRecord(id, ordinal)
}

// byIDEntry returns the record that an entry of the id index leads to.
func (r reader) byIDEntry(key, value []byte) (*paper.Record, error) {
	id, ok := idOf(key)
	if !ok {
		return nil, damagedKey(key, kv.ErrKeyShape)
	}
	var ordinal uint32
	if err := unsealCBOR(key, value, &ordinal); err != nil {
		return nil, err
	}
	return r.mustRecord(id, ordinal)
}

// mustRecord is byOrdinal for an ordinal that the id index names.
func (r reader) mustRecord(id string, ordinal uint32) (*paper.Record, error) {
	record, err := r.byOrdinal(ordinal)
	switch {
	case err != nil:
		return nil, err
	case record == nil:
		return nil, damagedKey(idKey(r.coll.ID, id), fmt.Errorf("there is no record with ordinal %d", ordinal))
	case record.ID != id:
		return nil, damagedKey(idKey(r.coll.ID, id), fmt.Errorf("the record with ordinal %d has id %q", ordinal, record.ID))
	}
	return record, nil
}

func (r reader) ordinal(id string) (ordinal uint32, found bool, err error) {
	found, err = get(r.r, idKey(r.coll.ID, id), &ordinal)
	return ordinal, found, err
}

// byOrdinal returns the record with the ordinal, nil if there is none.
func (r reader) byOrdinal(ordinal uint32) (record *paper.Record, err error) {
	key := recordKey(r.coll.ID, ordinal)
	_, err = r.r.Lookup(key, func(value []byte) error {
		record, err = decodeRecordEntry(key, value)
		return err
	})
	return record, err
}

func decodeRecordEntry(key, value []byte) (*paper.Record, error) {
	ordinal, ok := ordinalOf(key)
	if !ok {
		return nil, damagedKey(key, kv.ErrKeyShape)
	}
	payload, version, err := kv.UnsealVersion(key, value, trailedRecord)
	if err != nil {
		return nil, damagedKey(key, err)
	}
	record, err := decodeRecord(payload, ordinal)
	if err == nil && (record.Trail != nil) != (version == trailedRecord) {
		err = fmt.Errorf("value has version %d, which does not fit what it holds", version)
	}
	if err != nil {
		return nil, damagedKey(key, err)
	}
	return record, nil
}

// vector returns the vector of an ordinal, nil if there is none.
func (r reader) vector(ordinal uint32) (vector []float32, err error) {
	key := vectorKey(r.coll.ID, r.coll.spaceID, ordinal, kindDocument)
	_, err = r.r.Lookup(key, func(value []byte) error {
		vector = make([]float32, r.coll.Space.Dimension)
		return unsealVector(key, value, vector)
	})
	if err != nil {
		return nil, err
	}
	return vector, nil
}

// get reads a sealed struct.
func get(r *kv.Snapshot, key []byte, v any) (found bool, err error) {
	return r.Lookup(key, func(value []byte) error { return unsealCBOR(key, value, v) })
}

// mustGet is get where a missing key is damage.
func mustGet(r *kv.Snapshot, key []byte, v any) error {
	found, err := get(r, key, v)
	if err == nil && !found {
		err = damagedKey(key, errors.New("it is missing"))
	}
	return err
}

// errStop ends a scan without an error.
var errStop = errors.New("stop")
