package ledger

import (
	"context"
	"encoding/binary"
	"fmt"

	"akin/internal/feed"
	"akin/internal/kv"
)

// Prefixes are the first bytes of the keys that feeds are kept under.
func Prefixes() []byte { return []byte{prefixFeed, prefixItem, prefixSeen, prefixState} }

// Verify reads all feeds of a state: that each value is whole, that each feed's id is its
// own, that its items are as many as it counts, each known by its paper, and that nothing
// belongs to nothing. It tells fault what is wrong; its error is for a verification that
// could not be finished.
func Verify(ctx context.Context, snap *kv.Snapshot, fault func(error)) error {
	c := &check{
		ctx: ctx, snap: snap, fault: fault, feeds: map[uint32]feed.Feed{}, progress: map[uint32]feed.Progress{},
		items: map[uint32]int{}, seen: map[uint32]int{},
	}
	for _, step := range []func() error{c.readStates, c.readFeeds, c.readItems, c.readSeen} {
		if err := step(); err != nil {
			return err
		}
	}
	for id, f := range c.feeds {
		key := feedKey(f.Owner, f.Name)
		if p := c.progress[id]; p.Items != c.items[id] || c.items[id] != c.seen[id] {
			fault(damaged(key, fmt.Errorf("it counts %d items, has %d, and knows %d by their papers", p.Items, c.items[id], c.seen[id])))
		}
	}
	return nil
}

type check struct {
	ctx         context.Context //nolint:containedctx // of the one call that it lives in
	snap        *kv.Snapshot
	fault       func(error)
	next        uint64
	feeds       map[uint32]feed.Feed
	progress    map[uint32]feed.Progress
	items, seen map[uint32]int
	states      []uint32 // ids that there is a state of
}

// value makes damage of a value a fault, and lets any other error end the check.
func (c *check) value(err error) error { return kv.Found(err, c.fault) }

func (c *check) scan(prefix byte, fn func(key, value []byte) error) error {
	return c.snap.Scan(c.ctx, []byte{prefix}, kv.After([]byte{prefix}), func(key, value []byte) error {
		return c.value(fn(key, value))
	})
}

func (c *check) readStates() error {
	return c.scan(prefixState, func(key, value []byte) error {
		const head = 2
		if len(key) < head {
			return damaged(key, kv.ErrKeyShape)
		}
		id := uint32(0)
		if key[1] == stateProgress || key[1] == stateCalibration {
			if len(key) != head+4 {
				return damaged(key, kv.ErrKeyShape)
			}
			id = binary.BigEndian.Uint32(key[head:])
			c.states = append(c.states, id)
		}
		var err error
		switch key[1] {
		case stateCounter:
			err = unseal(key, value, &c.next)
		case stateFollowing:
			_, err = decodeFollowing(key, value)
		case stateProgress:
			c.progress[id], err = decodeProgress(key, value)
		case stateCalibration:
			_, err = decodeCalibration(key, value)
		default:
			err = damaged(key, fmt.Errorf("nothing writes states of the sort %d", key[1]))
		}
		return err
	})
}

func (c *check) readFeeds() error {
	err := c.scan(prefixFeed, func(key, value []byte) error {
		f, err := decodeFeed(key, value)
		if err != nil {
			return err
		}
		if other, ok := c.feeds[f.ID]; ok {
			c.fault(damaged(key, fmt.Errorf("its id %d is that of feed %q of %q as well", f.ID, other.Name, other.Owner)))
		}
		if uint64(f.ID) >= c.next {
			c.fault(damaged(key, fmt.Errorf("its id is %d, but the next one would be %d", f.ID, c.next)))
		}
		c.feeds[f.ID] = f
		return nil
	})
	for _, id := range c.states {
		if _, ok := c.feeds[id]; !ok {
			c.fault(damaged(stateKey(stateProgress, id), fmt.Errorf("there is no feed with id %d", id)))
		}
	}
	return err
}

// owned says whether a key is one of a feed that is there.
func (c *check) owned(key []byte) (id uint32, err error) {
	if len(key) <= idHead {
		return 0, damaged(key, kv.ErrKeyShape)
	}
	id = binary.BigEndian.Uint32(key[1:])
	if _, ok := c.feeds[id]; !ok {
		return 0, damaged(key, fmt.Errorf("there is no feed with id %d", id))
	}
	return id, nil
}

func (c *check) readItems() error {
	return c.scan(prefixItem, func(key, value []byte) error {
		id, err := c.owned(key)
		if err != nil {
			return err
		}
		it, err := decodeItem(key, value)
		if err != nil {
			return err
		}
		c.items[id]++
		if last := c.progress[id].Last; it.Cursor > last {
			return damaged(key, fmt.Errorf("its cursor is %d, and the last one given %d", it.Cursor, last))
		}
		var cursor uint64
		known := seenKey(id, it.PaperID)
		if _, err := c.snap.Lookup(known, func(value []byte) error { return unseal(known, value, &cursor) }); err != nil {
			return err
		}
		if cursor != it.Cursor {
			return damaged(key, fmt.Errorf("its paper is known under the cursor %d", cursor))
		}
		return nil
	})
}

func (c *check) readSeen() error {
	return c.scan(prefixSeen, func(key, value []byte) error {
		id, err := c.owned(key)
		if err != nil {
			return err
		}
		c.seen[id]++
		var cursor uint64
		return unseal(key, value, &cursor)
	})
}
