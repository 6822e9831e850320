package outbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"akin/internal/kv"
	"akin/internal/notify"
	"akin/internal/paper"
)

// Prefixes are the first bytes of the keys that digests are kept under.
func Prefixes() []byte { return []byte{prefixBook, prefixIssue, prefixSent} }

// Verify reads all digests of a state: that each value is whole, that names and keyed
// digests lead to what has them, and that nothing belongs to nothing. It tells fault
// what is wrong; its error is for a verification that could not be finished.
func Verify(ctx context.Context, snap *kv.Snapshot, fault func(error)) error {
	c := &check{ctx: ctx, snap: snap, fault: fault, digests: map[uint32]notify.Digest{}, recipients: map[uint32]notify.Recipient{}}
	return errors.Join(
		c.scan([]byte{prefixBook, kindRecipient}, c.recipient),
		c.scan([]byte{prefixBook, kindDigest}, c.digest),
		c.scan([]byte{prefixBook, kindName}, c.name),
		c.scan([]byte{prefixBook, kindKnown}, c.known),
		c.scan([]byte{prefixBook, kindCounter}, c.counter),
		c.scan([]byte{prefixBook, kindTrouble}, func(key, value []byte) error { return unseal(key, value, new(storedTrouble)) }),
		c.scan([]byte{prefixIssue}, c.issue),
		c.scan([]byte{prefixSent}, c.sent),
		c.scan([]byte{prefixBook}, func(key, _ []byte) error {
			if len(key) < 2 || key[1] < kindDigest || key[1] > kindTrouble {
				return damaged(key, fmt.Errorf("its sort is unknown: %x", key[:min(2, len(key))]))
			}
			return nil
		}),
	)
}

type check struct {
	ctx        context.Context //nolint:containedctx // of the one call that it lives in
	snap       *kv.Snapshot
	fault      func(error)
	digests    map[uint32]notify.Digest
	recipients map[uint32]notify.Recipient
}

// scan reads what is under a prefix; damage of a value is a fault, and any other error
// ends it.
func (c *check) scan(prefix []byte, one func(key, value []byte) error) error {
	return c.snap.Scan(c.ctx, prefix, kv.After(prefix), func(key, value []byte) error {
		err := one(key, value)
		var damage *paper.Error
		if errors.As(err, &damage) && damage.Kind == paper.DataLoss {
			c.fault(err)
			return nil
		}
		return err
	})
}

func (c *check) recipient(key, value []byte) error {
	r, err := decodeRecipient(key, value)
	if err == nil {
		c.recipients[r.ID] = r
	}
	return err
}

func (c *check) digest(key, value []byte) error {
	d, err := decodeDigest(key, value)
	if err != nil {
		return err
	}
	c.digests[d.ID] = d
	if _, ok := c.recipients[d.Recipient]; !ok {
		return damaged(key, fmt.Errorf("there is no reader with id %d", d.Recipient))
	}
	if d.Current != nil {
		at := issueKey(d.ID, *d.Current)
		if found, err := c.snap.Lookup(at, func([]byte) error { return nil }); err != nil || !found {
			return errors.Join(err, damaged(key, errors.New("the issue that it is about to send is missing")))
		}
	}
	return nil
}

func (c *check) name(key, value []byte) error {
	var id storedID
	if err := unseal(key, value, &id); err != nil {
		return err
	}
	if d, ok := c.digests[id.ID]; !ok || string(nameKey(d.Owner, d.Name)) != string(key) {
		return damaged(key, fmt.Errorf("its name leads to digest %d, which does not have it", id.ID))
	}
	return nil
}

func (c *check) known(key, value []byte) error {
	var id storedID
	if err := unseal(key, value, &id); err != nil {
		return err
	}
	if r, ok := c.recipients[id.ID]; !ok || string(knownKey(r.Digest)) != string(key) {
		return damaged(key, fmt.Errorf("an address leads to reader %d, who does not have it", id.ID))
	}
	return nil
}

func (c *check) counter(key, value []byte) error {
	var next storedCounters
	if err := unseal(key, value, &next); err != nil {
		return err
	}
	for id := range c.digests {
		if uint64(id) >= next.Digest {
			return damaged(key, fmt.Errorf("there is a digest %d, but the next one would be %d", id, next.Digest))
		}
	}
	for id := range c.recipients {
		if uint64(id) >= next.Recipient {
			return damaged(key, fmt.Errorf("there is a reader %d, but the next one would be %d", id, next.Recipient))
		}
	}
	return nil
}

func (c *check) issue(key, value []byte) error {
	i, err := decodeIssue(key, value)
	if err != nil {
		return err
	}
	if _, ok := c.digests[i.Digest]; !ok {
		return damaged(key, fmt.Errorf("there is no digest with id %d", i.Digest))
	}
	return nil
}

func (c *check) sent(key, value []byte) error {
	const head = 1 + 4
	if len(key) <= head {
		return damaged(key, kv.ErrKeyShape)
	}
	if err := unseal(key, value, new(storedSent)); err != nil {
		return err
	}
	if id := binary.BigEndian.Uint32(key[1:]); c.recipients[id].ID == 0 {
		return damaged(key, fmt.Errorf("there is no reader with id %d", id))
	}
	return nil
}
