package local

import (
	"encoding/binary"
	"errors"
	"fmt"

	"akin/internal/kv"
	"akin/internal/store"
)

// origin says what a derived file was made from; the file carries it under its own
// checksum. docs/format/origin.md describes the bytes.
type origin struct {
	// collection is the collection's id, and sequence the last change of it that
	// the file contains.
	collection uint32
	sequence   uint64
	// point is where in the store's history that was.
	point kv.Point
	// space is the fingerprint of the collection's embedding space.
	space string
}

const (
	originVersion = 1
	originBytes   = 1 + 4 + 8 + kv.PointBytes // and the space
)

// originOf is the origin of what contains all that a snapshot has seen.
func originOf(snapshot *store.Snapshot) origin {
	about := snapshot.Collection()
	return origin{
		collection: about.ID, sequence: snapshot.Sequence(), point: snapshot.Point(), space: about.Space.Fingerprint(),
	}
}

// stamp is the origin as the file carries it.
func (o origin) stamp() (string, error) {
	b := []byte{originVersion}
	b = binary.LittleEndian.AppendUint32(b, o.collection)
	b = binary.LittleEndian.AppendUint64(b, o.sequence)
	b, err := o.point.AppendBinary(b)
	if err != nil {
		return "", fmt.Errorf("encode the point of the store's history: %w", err)
	}
	return string(append(b, o.space...)), nil
}

// readOrigin reads a stamp.
func readOrigin(stamp string) (o origin, err error) {
	b := []byte(stamp)
	if len(b) < originBytes || b[0] != originVersion {
		return origin{}, errors.New("it does not say what it was made from in a way that this akin reads")
	}
	o.collection = binary.LittleEndian.Uint32(b[1:])
	o.sequence = binary.LittleEndian.Uint64(b[5:])
	o.space = string(b[originBytes:])
	return o, o.point.UnmarshalBinary(b[originBytes-kv.PointBytes : originBytes])
}

// trace finds the origin of a derived file in the past of the store that a
// snapshot is of. The error says why it is not there.
func (c *collection) trace(snapshot *store.Snapshot, stamp string) (origin, error) {
	o, err := readOrigin(stamp)
	if err != nil {
		return o, err
	}
	if err := c.config.Store.Holds(o.point); err != nil {
		return o, err
	}
	about := snapshot.Collection()
	switch space := about.Space.Fingerprint(); {
	case o.collection != about.ID:
		return o, fmt.Errorf("it was made from collection %d of this store; %q is collection %d", o.collection, about.Name, about.ID)
	case o.space != space:
		return o, fmt.Errorf("it was made from vectors of space %.12s; the collection is of space %.12s", o.space, space)
	case o.sequence > snapshot.Sequence():
		return o, fmt.Errorf("it contains change %d; the last of the store is %d", o.sequence, snapshot.Sequence())
	}
	return o, nil
}
