// Package share has secret addresses: whoever has one reads one feed of an owner, or the
// list of the owner's feeds, without a key, until the address is replaced. Feed readers
// have no other way to say who they are.
//
// An address is a token: a number drawn by lot, signed with the server's secret file. The
// store knows which number is of what, and says nothing of who has it; the token says
// nothing of the owner. Whoever has a copy of the store can make no token, for want of
// the secret, and whoever has the secret alone knows no number.
//
// A Shares is safe for concurrent use: reads see the last acknowledged state, writes are
// made one after the other, and are durable when they return. The bytes are described in
// docs/format/bindings.md.
//
// Caveat: of a feed that is deleted the address stays known, and leads to nothing: ids of
// feeds are never given again.
package share

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"akin/internal/kv"
	"akin/internal/paper"
	"akin/internal/seal"
)

// All is the feed whose address is that of the list of all feeds: none has this id.
const All uint32 = 0

// purpose is what tokens are signed for.
const purpose = "address of a feed"

// ReasonAddress is the reason where an address was replaced, or never was one.
const ReasonAddress = "FEED_ADDRESS_UNKNOWN"

// Shares keeps addresses.
type Shares struct {
	db    *kv.DB
	moved func(*kv.Snapshot)
	seal  *seal.Seal
}

// New makes Shares over a database and a seal, which stay the caller's. moved gets the
// state after each commit, to be closed by it, before the next writer's turn; nil closes
// it.
func New(db *kv.DB, moved func(*kv.Snapshot), s *seal.Seal) *Shares {
	if moved == nil {
		moved = (*kv.Snapshot).Close
	}
	return &Shares{db: db, moved: moved, seal: s}
}

// Token gives the token of a feed of an owner, which is made if there is none. With
// anew, it is made in any case, and the one before is none any more.
func (s *Shares) Token(ctx context.Context, owner string, feed uint32, anew bool) (token string, err error) {
	number, found, err := s.number(owner, feed)
	if err == nil && (anew || !found) {
		number, err = s.draw(ctx, owner, feed, anew)
	}
	if err != nil {
		return "", err
	}
	return s.seal.Sign(purpose, number), nil
}

// number reads the number of a feed.
func (s *Shares) number(owner string, feed uint32) (number []byte, found bool, err error) {
	if err := s.db.Enter(); err != nil {
		return nil, false, err
	}
	defer s.db.Leave()
	snap := s.db.Snapshot()
	defer snap.Close()
	return numberIn(snap, owner, feed)
}

func numberIn(snap *kv.Snapshot, owner string, feed uint32) (number []byte, found bool, err error) {
	key := feedKey(owner, feed)
	found, err = snap.Lookup(key, func(value []byte) error {
		var stored storedNumber
		if err := unseal(key, value, &stored); err != nil {
			return err
		}
		number = stored.Number
		return nil
	})
	return number, found, err
}

// draw makes a number for a feed, unless somebody just did and it need not be anew.
func (s *Shares) draw(ctx context.Context, owner string, feed uint32, anew bool) ([]byte, error) {
	end, err := s.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	snap := s.db.Snapshot()
	defer snap.Close()
	before, found, err := numberIn(snap, owner, feed)
	if err != nil || found && !anew {
		return before, err
	}
	number := make([]byte, numberBytes)
	rand.Read(number)
	batch := s.db.NewBatch()
	if found {
		if err := batch.Delete(numberKey(before)); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(
		batch.SetCBOR(feedKey(owner, feed), storedNumber{Number: number}),
		batch.SetCBOR(numberKey(number), storedFeed{Owner: owner, Feed: feed}),
	); err != nil {
		return nil, err
	}
	after, err := s.db.Commit(batch)
	if err != nil {
		return nil, err
	}
	s.moved(after)
	return number, nil
}

// Read says which feed of whom a token leads to.
func (s *Shares) Read(_ context.Context, token string) (owner string, feed uint32, err error) {
	number, err := s.seal.Verify(purpose, token)
	if err != nil || len(number) != numberBytes {
		return "", 0, unknown(err)
	}
	if err := s.db.Enter(); err != nil {
		return "", 0, err
	}
	defer s.db.Leave()
	snap := s.db.Snapshot()
	defer snap.Close()
	key := numberKey(number)
	found, err := snap.Lookup(key, func(value []byte) error {
		var stored storedFeed
		if err := unseal(key, value, &stored); err != nil {
			return err
		}
		owner, feed = stored.Owner, stored.Feed
		return nil
	})
	if err == nil && !found {
		err = unknown(nil)
	}
	return owner, feed, err
}

func unknown(cause error) error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: ReasonAddress, Cause: cause,
		Message: "this address leads to no feed: it was replaced by another, or is not whole; ask for the feed's address again",
	}
}

// Prefix is the first byte of the keys; it is that of bindings, whose keys go on otherwise.
const prefix = 0x28

const (
	kindFeed   = 5 // bytes of the owner (uint16), owner, feed's id (uint32) -> number
	kindNumber = 6 // number -> owner and feed's id

	numberBytes = 16
	head        = 2
)

func feedKey(owner string, feed uint32) []byte {
	key := binary.BigEndian.AppendUint16([]byte{prefix, kindFeed}, uint16(len(owner)))
	return binary.BigEndian.AppendUint32(append(key, owner...), feed)
}

func numberKey(number []byte) []byte { return append([]byte{prefix, kindNumber}, number...) }

type storedNumber struct {
	Number []byte `cbor:"1,keyasint"`
}

type storedFeed struct {
	Owner string `cbor:"1,keyasint"`
	Feed  uint32 `cbor:"2,keyasint,omitempty"` // 0 is the list of all
}

func unseal(key, value []byte, v any) error {
	if err := kv.UnsealCBOR(key, value, v); err != nil {
		return damaged(err)
	}
	return nil
}

func damaged(cause error) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: cause,
		Message: fmt.Sprintf("a stored address of a feed is damaged: %v; run akin verify to see what else is, and replace the feed's address", cause),
	}
}

// Verify reads all addresses of a state: that each value is whole, and that numbers and
// feeds lead to each other. It tells fault what is wrong; its error is for a verification
// that could not be finished.
func Verify(ctx context.Context, snap *kv.Snapshot, fault func(error)) error {
	tell := func(err error) error {
		var damage *paper.Error
		if errors.As(err, &damage) && damage.Kind == paper.DataLoss {
			fault(err)
			return nil
		}
		return err
	}
	feeds := map[string]string{} // numbers, by the keys of their feeds
	from := []byte{prefix, kindFeed}
	if err := snap.Scan(ctx, from, kv.After(from), func(key, value []byte) error {
		var stored storedNumber
		if err := unseal(key, value, &stored); err != nil {
			return tell(err)
		}
		feeds[string(key)] = string(stored.Number)
		return nil
	}); err != nil {
		return err
	}
	from = []byte{prefix, kindNumber}
	if err := snap.Scan(ctx, from, kv.After(from), func(key, value []byte) error {
		var stored storedFeed
		if err := unseal(key, value, &stored); err != nil {
			return tell(err)
		}
		of := string(feedKey(stored.Owner, stored.Feed))
		if feeds[of] != string(key[head:]) {
			fault(damaged(fmt.Errorf("an address leads to feed %d of %q, whose address is another", stored.Feed, stored.Owner)))
		}
		delete(feeds, of)
		return nil
	}); err != nil {
		return err
	}
	for range feeds {
		fault(damaged(errors.New("the address of a feed leads nowhere")))
	}
	return nil
}
