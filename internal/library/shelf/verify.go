package shelf

import (
	"context"
	"encoding/binary"
	"fmt"

	"akin/internal/kv"
	"akin/internal/library"
)

// Prefixes are the first bytes of the keys that libraries are kept under.
func Prefixes() []byte { return []byte{prefixLibrary, prefixEntry, prefixCounter} }

// Verify reads all libraries of a state: that each value is whole, that each library's
// counts are right and its id is its own, and that no entry belongs to nothing. It
// tells fault what is wrong; its error is for a verification that could not be finished.
func Verify(ctx context.Context, snap *kv.Snapshot, fault func(error)) error {
	c := &check{ctx: ctx, snap: snap, fault: fault, stored: map[uint32]library.Library{}, counted: map[uint32]library.Counts{}}
	if err := c.libraries(); err != nil {
		return err
	}
	if err := c.entries(); err != nil {
		return err
	}
	for id, l := range c.stored {
		if found := c.counted[id]; found != l.Counts {
			fault(damaged(libraryKey(l.Owner, l.Name), fmt.Errorf("it counts %+v, but has %+v", l.Counts, found)))
		}
	}
	return nil
}

type check struct {
	ctx     context.Context //nolint:containedctx // of the one call that it lives in
	snap    *kv.Snapshot
	fault   func(error)
	stored  map[uint32]library.Library
	counted map[uint32]library.Counts
}

// value makes damage of a value a fault, and lets any other error end the check.
func (c *check) value(err error) error { return kv.Found(err, c.fault) }

func (c *check) libraries() error {
	var next storedCounter
	if _, err := c.snap.Lookup(counterKey(), func(value []byte) error {
		return c.value(unseal(counterKey(), value, &next))
	}); err != nil {
		return err
	}
	prefix := []byte{prefixLibrary}
	return c.snap.Scan(c.ctx, prefix, kv.After(prefix), func(key, value []byte) error {
		l, err := decodeLibrary(key, value)
		if err != nil {
			return c.value(err)
		}
		if other, ok := c.stored[l.ID]; ok {
			c.fault(damaged(key, fmt.Errorf("its id %d is that of library %q of %q as well", l.ID, other.Name, other.Owner)))
		}
		if uint64(l.ID) >= next.Next {
			c.fault(damaged(key, fmt.Errorf("its id is %d, but the next one would be %d", l.ID, next.Next)))
		}
		c.stored[l.ID] = l
		return nil
	})
}

func (c *check) entries() error {
	prefix := []byte{prefixEntry}
	return c.snap.Scan(c.ctx, prefix, kv.After(prefix), func(key, value []byte) error {
		e, err := decodeEntry(key, value)
		if err != nil {
			return c.value(err)
		}
		id := binary.BigEndian.Uint32(key[1:])
		if _, ok := c.stored[id]; !ok {
			c.fault(damaged(key, fmt.Errorf("there is no library with id %d", id)))
			return nil
		}
		counts := c.counted[id]
		counts.Add(&e)
		c.counted[id] = counts
		return nil
	})
}
