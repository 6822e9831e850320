package kv

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxEpochs is how many epochs of the history are remembered. Each is one
// opening that wrote something. A Point of an older one is refused, so that
// what was derived then is made anew.
const MaxEpochs = 4096

// Identity tells a store from every other. It is made at random with the
// store, and copies of the store share it.
type Identity [16]byte

// Epoch names one opening of a store that wrote something. It is made at
// random, so that two copies of a store that go on by themselves, or a store
// that lost its end and went on, never share one.
type Epoch [16]byte

// String is the identity in hexadecimal digits.
func (i Identity) String() string { return hex.EncodeToString(i[:]) }

// String is the epoch in hexadecimal digits.
func (e Epoch) String() string { return hex.EncodeToString(e[:]) }

// PointBytes is the length of an encoded Point.
const PointBytes = 16 + 16 + 8

// Point is a place in the history of a store: the state after one of its
// commits. What is derived from a store carries the point that it was made
// from, and is only believed by a store that [History.Holds] it.
type Point struct {
	Identity Identity
	Epoch    Epoch
	// Commit counts the writes of the store, from 1.
	Commit uint64
}

// IsZero says that there is no point: nothing was recorded.
func (p Point) IsZero() bool { return p == Point{} }

// String is the text form: identity, epoch and commit with slashes between.
func (p Point) String() string { return fmt.Sprintf("%s/%s/%d", p.Identity, p.Epoch, p.Commit) }

// AppendBinary appends the PointBytes of the binary form: identity, epoch,
// commit as a big-endian number.
func (p Point) AppendBinary(b []byte) ([]byte, error) {
	b = append(append(b, p.Identity[:]...), p.Epoch[:]...)
	return binary.BigEndian.AppendUint64(b, p.Commit), nil
}

// MarshalBinary is AppendBinary onto nothing.
func (p Point) MarshalBinary() ([]byte, error) { return p.AppendBinary(nil) }

// UnmarshalBinary reads what MarshalBinary made.
func (p *Point) UnmarshalBinary(b []byte) error {
	if len(b) != PointBytes {
		return fmt.Errorf("a point of the history has %d bytes, not %d", PointBytes, len(b))
	}
	copy(p.Identity[:], b)
	copy(p.Epoch[:], b[16:])
	p.Commit = binary.BigEndian.Uint64(b[32:])
	return nil
}

// MarshalText is String, for JSON.
func (p Point) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText made.
func (p *Point) UnmarshalText(text []byte) error {
	parts := strings.Split(string(text), "/")
	var q Point
	if len(parts) != 3 || hex.DecodedLen(len(parts[0])) != len(q.Identity) || hex.DecodedLen(len(parts[1])) != len(q.Epoch) {
		return fmt.Errorf("%.100q is not a point of the history (identity/epoch/commit)", text)
	}
	_, err1 := hex.Decode(q.Identity[:], []byte(parts[0]))
	_, err2 := hex.Decode(q.Epoch[:], []byte(parts[1]))
	_, err3 := fmt.Sscanf(parts[2], "%d", &q.Commit)
	if err := errors.Join(err1, err2, err3); err != nil || q.String() != string(text) {
		return fmt.Errorf("%.100q is not a point of the history (identity/epoch/commit)", text)
	}
	*p = q
	return nil
}

// History is what a store knows of its own past as of one commit. A History is
// not written to once it is made, so that it is safe for concurrent use.
type History struct {
	identity Identity
	commit   uint64
	epochs   []epoch // by first
}

// epoch is an Epoch with its first commit; its last is the one before the next
// epoch's first.
type epoch struct {
	id    Epoch
	first uint64
}

// newHistory is that of a new store, before its first commit.
func newHistory() History {
	var h History
	rand.Read(h.identity[:])
	return h
}

// Point is the place that the history ends at.
func (h History) Point() Point {
	p := Point{Identity: h.identity, Commit: h.commit}
	if n := len(h.epochs); n > 0 {
		p.Epoch = h.epochs[n-1].id
	}
	return p
}

// next is the history after one more commit, which begins an epoch if asked
// to; dropped are the epochs that are forgotten for it.
func (h History) next(begin bool) (after History, dropped []epoch) {
	after = h
	after.commit++
	if begin {
		e := epoch{first: after.commit}
		rand.Read(e.id[:])
		after.epochs = append(slices.Clone(h.epochs), e)
		if over := len(after.epochs) - MaxEpochs; over > 0 {
			dropped, after.epochs = after.epochs[:over], after.epochs[over:]
		}
	}
	return after, dropped
}

// Holds is nil if the point is in the past of the store, or its present: then
// what was made from it was made from this store, as it was. Otherwise the
// error says which it is not and why, in words that follow on "is refused: ".
func (h History) Holds(p Point) error {
	switch {
	case p.IsZero():
		return errors.New("it does not say which state of which store it was made from")
	case h.commit == 0:
		return errors.New("the store has no history yet; it was made by an older akin, and gets one when it is opened for writing")
	case p.Identity != h.identity:
		return fmt.Errorf("it was made from another store, %.8s…; this one is %.8s…", p.Identity, h.identity)
	}
	at := slices.IndexFunc(h.epochs, func(e epoch) bool { return e.id == p.Epoch })
	if at < 0 {
		return fmt.Errorf("it was made at commit %d of a history that this store, now at commit %d, does not know: "+
			"the store is an older copy that was put back, or lost its last writes, or the file is of an opening more than %d openings ago", p.Commit, h.commit, MaxEpochs)
	}
	last := h.commit
	if at+1 < len(h.epochs) {
		last = h.epochs[at+1].first - 1
	}
	if p.Commit < h.epochs[at].first || p.Commit > last {
		return fmt.Errorf("it was made at commit %d, but this store took another way after commit %d: "+
			"an older copy of the store was put back, or its last writes were lost", p.Commit, last)
	}
	return nil
}
