package home

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"akin/internal/kv"
	"akin/internal/paper"
)

// format is that of all objects; docs/format/beside.md describes them.
const format = "akin.home.v1"

// The sorts of objects.
const (
	sortClaim = "claim"
	sortHead  = "head"
	sortLog   = "log"
	sortBase  = "base"
	sortOver  = "over"
)

const claimName = sortClaim

func overName(epoch uint64) string { return fmt.Sprintf("%s/%d", sortOver, epoch) }

func headName(epoch, version uint64) string { return fmt.Sprintf("%s/%d/%d", sortHead, epoch, version) }

func logName(epoch, number uint64, part int) string {
	return fmt.Sprintf("%s/%d/%d/%d", sortLog, epoch, number, part)
}

func baseName(epoch, number uint64, chunk int) string {
	return fmt.Sprintf("%s/%d/%d/%d", sortBase, epoch, number, chunk)
}

// claim says who may write. It alone is replaced by others, so that an earlier one may
// come late and hide a later one: nobody relies on it for being the writer.
type claim struct {
	Format string `cbor:"1,keyasint"`
	Epoch  uint64 `cbor:"2,keyasint"`
	// Token is random: two processes that were given the same epoch are told apart by it.
	Token []byte `cbor:"3,keyasint,omitempty"`
}

// over says that the writer of an epoch writes no more. Once it is there, it stays.
type over struct {
	Format string `cbor:"1,keyasint"`
	By     uint64 `cbor:"2,keyasint"` // the epoch of who said so first, or after
}

// head says what there is. One is never changed; the next version takes its place.
type head struct {
	Format  string `cbor:"1,keyasint"`
	Lineage []byte `cbor:"2,keyasint"` // random, of all that came of one beginning
	Epoch   uint64 `cbor:"3,keyasint"`
	Version uint64 `cbor:"4,keyasint"`
	Base    base   `cbor:"5,keyasint"`
	Spans   []span `cbor:"6,keyasint"` // by From, without gaps, from behind the base
	Source  string `cbor:"7,keyasint,omitempty"`
}

// base is all that there was after a record.
type base struct {
	Number uint64 `cbor:"1,keyasint"`
	Epoch  uint64 `cbor:"2,keyasint"`
	Chunks int    `cbor:"3,keyasint"`
	Bytes  int64  `cbor:"4,keyasint"`
	Sum    []byte `cbor:"5,keyasint"` // SHA-256 of the chunks one after the other
	Chain  []byte `cbor:"6,keyasint"`
}

// span is the records that the writer of an epoch wrote.
type span struct {
	Epoch uint64 `cbor:"1,keyasint"`
	From  uint64 `cbor:"2,keyasint"`
	To    uint64 `cbor:"3,keyasint,omitempty"` // 0: up to the last that is there
}

// record is one commit.
type record struct {
	Number uint64 `cbor:"1,keyasint"`
	Prior  []byte `cbor:"2,keyasint"` // the chain before
	Sum    []byte `cbor:"3,keyasint"` // SHA-256 of all changes
	Parts  int    `cbor:"4,keyasint"` // how many objects it is; the others have bytes alone
	Data   []byte `cbor:"5,keyasint"` // the changes, or the first part of them
}

// chain is that after the record.
func (r *record) chain() []byte {
	b := binary.BigEndian.AppendUint64(append([]byte{}, r.Prior...), r.Number)
	sum := sha256.Sum256(append(b, r.Sum...))
	return sum[:]
}

// note is how far a database has come. A number with an empty chain is a database that is
// being restored, and of no use.
type note struct {
	Lineage []byte `cbor:"1,keyasint"`
	Number  uint64 `cbor:"2,keyasint"`
	Chain   []byte `cbor:"3,keyasint"`
}

// pack makes the bytes of an object, sealed under its name.
func pack(name string, v any) ([]byte, error) { return kv.SealCBOR([]byte(name), v) }

// unpack reads what pack made.
func unpack(name string, data []byte, v any) error {
	if err := kv.UnsealCBOR([]byte(name), data, v); err != nil {
		return damaged(name, err)
	}
	return nil
}

func damaged(name string, cause error) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: cause,
		Message: fmt.Sprintf("the object %s of what the cluster keeps beside papers is damaged or missing (%v); restore the cluster from its own backup, "+
			"or serve from the data directory that a server wrote with last", name, cause),
	}
}
