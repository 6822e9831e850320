package register

import (
	"context"
	"fmt"

	"akin/internal/kv"
)

// Prefixes are the first bytes of the keys that bindings are kept under.
func Prefixes() []byte { return []byte{prefix} }

// Verify reads all bindings of a state: that each value is whole, that nothing belongs
// to no binding, that each counts what it has, and that papers and gifts agree. It tells
// fault what is wrong; its error is for a verification that could not be finished.
func Verify(ctx context.Context, snap *kv.Snapshot, fault func(error)) error {
	c := &check{ctx: ctx, snap: snap, fault: fault, items: map[uint32][2]int{}, papers: map[uint32]map[string]bool{}}
	if err := c.bindings(); err != nil {
		return err
	}
	if err := c.entries(); err != nil {
		return err
	}
	if err := c.gifts(); err != nil {
		return err
	}
	return c.rest()
}

type check struct {
	ctx   context.Context //nolint:containedctx // of the one call that it lives in
	snap  *kv.Snapshot
	fault func(error)
	// items are how many entries, and how many with papers, each binding counts.
	items map[uint32][2]int
	// papers are those of the entries of each, and whether a gift of them was seen.
	papers map[uint32]map[string]bool
}

// value makes damage of a value a fault, and lets any other error end the check.
func (c *check) value(err error) error { return kv.Found(err, c.fault) }

func (c *check) scan(kind byte, each func(key, value []byte) error) error {
	prefix := []byte{prefix, kind}
	return c.snap.Scan(c.ctx, prefix, kv.After(prefix), func(key, value []byte) error {
		return c.value(each(key, value))
	})
}

func (c *check) bindings() error {
	return c.scan(kindBinding, func(key, value []byte) error {
		b, err := decodeBinding(key, value)
		if err == nil {
			c.items[b.LibraryID] = [2]int{b.Items, b.Found}
			c.papers[b.LibraryID] = map[string]bool{}
		}
		return err
	})
}

func (c *check) entries() error {
	found := map[uint32][2]int{}
	err := c.scan(kindItem, func(key, value []byte) error {
		i, err := decodeItem(key, value)
		if err != nil {
			return err
		}
		id := libraryOf(key)
		papers, ok := c.papers[id]
		if !ok {
			return damaged(key, fmt.Errorf("library %d follows nothing", id))
		}
		n := found[id]
		n[0]++
		if i.PaperID != "" {
			n[1]++
			papers[i.PaperID] = false
		}
		found[id] = n
		return nil
	})
	if err != nil {
		return err
	}
	for id, n := range c.items {
		if n != found[id] {
			c.fault(damaged(keyOf(kindBinding, id), fmt.Errorf("it counts %v entries with and without papers, but has %v", n, found[id])))
		}
	}
	return nil
}

func (c *check) gifts() error {
	err := c.scan(kindGift, func(key, value []byte) error {
		g, err := decodeGift(key, value)
		if err != nil {
			return err
		}
		papers := c.papers[libraryOf(key)]
		if _, ok := papers[g.PaperID]; !ok {
			return damaged(key, fmt.Errorf("nothing that library %d follows gives paper %q", libraryOf(key), g.PaperID))
		}
		papers[g.PaperID] = true
		return nil
	})
	if err != nil {
		return err
	}
	for id, papers := range c.papers {
		for paperID, given := range papers {
			if !given {
				c.fault(damaged(append(keyOf(kindGift, id), paperID...), fmt.Errorf("paper %q is followed, but was not given", paperID)))
			}
		}
	}
	return nil
}

func (c *check) rest() error {
	return c.scan(kindRest, func(key, value []byte) error {
		var s storedRest
		return unseal(key, value, &s)
	})
}
