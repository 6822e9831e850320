package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"akin/internal/kv"
	"akin/internal/paper"
)

// maxFaults bounds a report; what is damaged in more places is not repaired
// one by one.
const maxFaults = 100

// Report is what Verify found.
type Report struct {
	Collections int
	Papers      int
	Vectors     int
	Changes     int
	// Faults are the first 100 of what is wrong, in no particular order.
	Faults []error
	// MoreFaults says that there were more.
	MoreFaults bool
}

// Err is nil for a sound store, and else an error of kind DataLoss that sums
// the report up.
func (r *Report) Err() error {
	if len(r.Faults) == 0 {
		return nil
	}
	count := fmt.Sprint(len(r.Faults))
	if r.MoreFaults {
		count = "more than " + count
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message:  fmt.Sprintf("verification found %s faults, the first: %v", count, r.Faults[0]),
		Metadata: map[string]string{"faults": count},
		Cause:    errors.Join(r.Faults...),
	}
}

// Verify reads everything as of the current state and checks it: that each
// value is whole, that ids, ordinals, records and vectors belong together one
// to one, that the digests are those of the papers, that counts and counters
// are right, that the change log has no gaps, and that no key belongs to
// nothing. It takes as long as reading the whole store; reads and writes go on
// meanwhile. Faults are in the report; the error is for a verification that
// could not be finished (ctx ended, a file cannot be read, the store closes).
func (s *Store) Verify(ctx context.Context) (*Report, error) {
	if err := s.db.Enter(); err != nil {
		return nil, err
	}
	defer s.db.Leave()
	v := s.acquire()
	defer v.release()
	// The libraries, say, as they are now: the state of the papers may be older.
	snap := s.db.Snapshot()
	defer snap.Close()
	c := &check{store: s, snap: v.snap, all: snap, known: map[uint32]bool{}}
	for _, name := range slices.Sorted(maps.Keys(v.collections)) {
		coll := v.collections[name]
		c.known[coll.ID] = true
		c.report.Collections++
		if err := c.collection(ctx, coll); err != nil {
			return nil, err
		}
	}
	if err := c.strays(ctx); err != nil {
		return nil, err
	}
	for _, room := range s.beside {
		if err := room.Verify(ctx, c.all, c.fault); err != nil {
			return nil, err
		}
	}
	faults, err := s.db.CheckTables(ctx)
	for _, fault := range faults {
		c.fault(fault)
	}
	return &c.report, err
}

// check is one verification under way.
type check struct {
	store  *Store
	snap   *kv.Snapshot
	all    *kv.Snapshot // for the rooms beside the store
	known  map[uint32]bool
	report Report
}

func (c *check) fault(err error) {
	if len(c.report.Faults) == maxFaults {
		c.report.MoreFaults = true
		return
	}
	c.report.Faults = append(c.report.Faults, err)
}

// faultf is fault for a key whose value is whole but wrong.
func (c *check) faultf(key []byte, format string, args ...any) {
	c.fault(damagedKey(key, fmt.Errorf(format, args...)))
}

// value sorts a read's error: damage of a value is a fault, and anything else
// ends the verification.
func (c *check) value(err error) error { return kv.Found(err, c.fault) }

// each scans all keys under a prefix.
func (c *check) each(ctx context.Context, prefix []byte, fn func(key, value []byte) error) error {
	return c.snap.Scan(ctx, prefix, kv.After(prefix), func(key, value []byte) error {
		if err := c.store.db.Closing(); err != nil {
			return err
		}
		return c.value(fn(key, value))
	})
}

func (c *check) collection(ctx context.Context, coll *collection) error {
	papers, err := c.records(ctx, coll)
	if err != nil {
		return err
	}
	ids, err := c.ids(ctx, coll)
	if err != nil {
		return err
	}
	if n := int(coll.state.Papers); n != papers || n != ids {
		c.faultf(stateKey(coll.ID), "collection %q counts %d papers, but has %d records and %d ids", coll.Name, n, papers, ids)
	}
	if err := c.vectors(ctx, coll); err != nil {
		return err
	}
	if err := c.changes(ctx, coll); err != nil {
		return err
	}
	return c.space(ctx, coll)
}

// records checks each record by itself, and that its id and its vector exist.
// Together with the number of ids, this makes ids and records one to one.
func (c *check) records(ctx context.Context, coll *collection) (n int, err error) {
	r := reader{r: c.snap, coll: coll}
	err = c.each(ctx, under(prefixRecord, coll.ID), func(key, value []byte) error {
		n++
		c.report.Papers++
		record, err := decodeRecordEntry(key, value)
		if err != nil {
			return err
		}
		c.record(coll, key, record)
		ordinal, found, err := r.ordinal(record.ID)
		switch {
		case err != nil:
			return err
		case !found:
			c.faultf(key, "the id %q is not in the index of ids", record.ID)
		case ordinal != record.Ordinal:
			c.faultf(key, "the index of ids leads from %q to ordinal %d", record.ID, ordinal)
		}
		vector, err := r.vector(record.Ordinal)
		if err == nil && vector == nil {
			c.faultf(key, "paper %q has no vector", record.ID)
		}
		// A damaged vector is counted where vectors are walked.
		if paper.KindOf(err) == paper.DataLoss {
			return nil
		}
		return err
	})
	return n, err
}

// record checks what a record says of itself.
func (c *check) record(coll *collection, key []byte, record *paper.Record) {
	if uint64(record.Ordinal) >= coll.state.NextOrdinal {
		c.faultf(key, "the next ordinal to give is %d", coll.state.NextOrdinal)
	}
	if record.Revision == 0 || record.Revision > coll.state.Sequence {
		c.faultf(key, "revision is %d after %d changes", record.Revision, coll.state.Sequence)
	}
	if ContentDigest(&record.Paper) != record.ContentDigest {
		c.faultf(key, "the content digest is not that of the paper")
	}
	if paper.EmbedDigest(record.Title, record.Abstract) != record.EmbedDigest {
		c.faultf(key, "the embedding digest is not that of the text")
	}
	if err := record.Validate(); err != nil {
		c.faultf(key, "the paper is not valid: %w", err)
	}
}

// ids counts the index of ids and checks its values.
func (c *check) ids(ctx context.Context, coll *collection) (n int, err error) {
	r := reader{r: c.snap, coll: coll}
	err = c.each(ctx, under(prefixID, coll.ID), func(key, value []byte) error {
		n++
		_, err := r.byIDEntry(key, value)
		return err
	})
	return n, err
}

// vectors checks that each vector is whole and belongs to a record.
func (c *check) vectors(ctx context.Context, coll *collection) error {
	dimensions, err := c.dimensions(ctx, coll)
	if err != nil {
		return err
	}
	return c.each(ctx, under(prefixVector, coll.ID), func(key, value []byte) error {
		c.report.Vectors++
		space, ordinal, kind, ok := vectorOf(key)
		dimension, known := dimensions[space]
		if !ok || !known || kind != kindDocument {
			c.faultf(key, "the key %x is not that of a vector in space %d", key, coll.spaceID)
			return nil
		}
		found, err := c.snap.Lookup(recordKey(coll.ID, ordinal), func([]byte) error { return nil })
		if err == nil && !found {
			c.faultf(key, "there is no paper with ordinal %d", ordinal)
		}
		return errors.Join(err, unsealVector(key, value, make([]float32, dimension)))
	})
}

// dimensions gives the dimension of each space that the collection has vectors
// in: its own, and that of a migration that is under way.
func (c *check) dimensions(ctx context.Context, coll *collection) (map[uint32]int, error) {
	all := map[uint32]int{coll.spaceID: coll.Space.Dimension}
	prefix := under(prefixSpace, coll.ID)
	err := c.each(ctx, prefix, func(key, value []byte) error {
		var s storedSpace
		if err := unsealCBOR(key, value, &s); err != nil {
			return err
		}
		all[binary.BigEndian.Uint32(key[len(prefix):])] = int(s.Dimension)
		return nil
	})
	return all, err
}

// changes checks that the log is whole from where it was trimmed to its end.
func (c *check) changes(ctx context.Context, coll *collection) error {
	want := coll.state.Trimmed + 1
	err := c.each(ctx, under(prefixChange, coll.ID), func(key, value []byte) error {
		c.report.Changes++
		change, err := decodeChange(key, value)
		if sequence, ok := sequenceOf(key); ok {
			if sequence != want {
				c.faultf(key, "the next change should be %d", want)
			}
			want = sequence + 1
		}
		if err == nil && uint64(change.Ordinal) >= coll.state.NextOrdinal {
			c.faultf(key, "it has ordinal %d, but the next to give is %d", change.Ordinal, coll.state.NextOrdinal)
		}
		return err
	})
	if err == nil && want != coll.state.Sequence+1 {
		c.faultf(stateKey(coll.ID), "the log ends before %d, the last sequence is %d", want, coll.state.Sequence)
	}
	return err
}

// space checks that the fingerprint is still computed as it was when stored.
func (c *check) space(ctx context.Context, coll *collection) error {
	return c.each(ctx, under(prefixSpace, coll.ID), func(key, value []byte) error {
		var s storedSpace
		if err := unsealCBOR(key, value, &s); err != nil {
			return err
		}
		space, err := s.unpack()
		if err != nil {
			return damagedKey(key, err)
		}
		if have := space.Fingerprint(); have != s.Fingerprint {
			c.faultf(key, "the fingerprint is %s, stored is %s", have, s.Fingerprint)
		}
		return nil
	})
}

// strays looks for keys that belong to no collection or are of no known sort.
// It skips over what collection has walked.
func (c *check) strays(ctx context.Context) error {
	return c.snap.Walk(ctx, c.stray)
}

// stray reports a key that belongs to nothing, and returns where to go on; nil
// means the next key.
func (c *check) stray(key []byte) (skip []byte) {
	switch {
	case kv.Reserved(key), key[0] == prefixNextCollection, key[0] == prefixCollection:
		return nil
	case slices.ContainsFunc(c.store.beside, func(room Beside) bool { return slices.Contains(room.Prefixes, key[0]) }):
		return kv.After(key[:1:1])
	case !slices.Contains(collectionPrefixes(), key[0]) || len(key) < collectionKeyBytes:
		c.faultf(key, "nothing writes such keys")
		return nil
	}
	all := key[:collectionKeyBytes:collectionKeyBytes]
	if id := collectionOf(key); !c.known[id] {
		c.faultf(key, "there is no collection with id %d", id)
	}
	return kv.After(all)
}
