package filter

import (
	"cmp"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// pageBits is how many bits of an ordinal say where it is in its page.
const pageBits = 12

// column keeps one value for each of some ordinals, in their order. It is cut
// into pages of 4,096 ordinals, so that sparse ordinals cost nothing and a value
// that comes or goes moves one page at most.
type column[T any] struct {
	pages []*page[T] // by high
}

type page[T any] struct {
	high   uint32
	lows   []uint16 // sorted
	values []T
}

func split(ordinal uint32) (high uint32, low uint16) {
	return ordinal >> pageBits, uint16(ordinal & (1<<pageBits - 1))
}

func (c *column[T]) find(high uint32) (int, bool) {
	return slices.BinarySearchFunc(c.pages, high, func(p *page[T], h uint32) int { return cmp.Compare(p.high, h) })
}

func (c *column[T]) set(ordinal uint32, value T) {
	high, low := split(ordinal)
	i, ok := c.find(high)
	if !ok {
		c.pages = slices.Insert(c.pages, i, &page[T]{high: high})
	}
	p := c.pages[i]
	j, ok := slices.BinarySearch(p.lows, low)
	if ok {
		p.values[j] = value
		return
	}
	p.lows = slices.Insert(p.lows, j, low)
	p.values = slices.Insert(p.values, j, value)
}

func (c *column[T]) remove(ordinal uint32) {
	high, low := split(ordinal)
	i, ok := c.find(high)
	if !ok {
		return
	}
	p := c.pages[i]
	j, ok := slices.BinarySearch(p.lows, low)
	if !ok {
		return
	}
	if len(p.lows) == 1 {
		c.pages = slices.Delete(c.pages, i, i+1)
		return
	}
	p.lows = slices.Delete(p.lows, j, j+1)
	p.values = slices.Delete(p.values, j, j+1)
}

func (c *column[T]) get(ordinal uint32) (value T, ok bool) {
	high, low := split(ordinal)
	i, ok := c.find(high)
	if !ok {
		return value, false
	}
	j, ok := slices.BinarySearch(c.pages[i].lows, low)
	if !ok {
		return value, false
	}
	return c.pages[i].values[j], true
}

func (c *column[T]) len() int {
	n := 0
	for _, p := range c.pages {
		n += len(p.lows)
	}
	return n
}

// each calls f with the value of every ordinal of within that has one, in
// order. It walks forward through a page rather than searching it anew.
func (c *column[T]) each(within *roaring.Bitmap, f func(ordinal uint32, value T)) {
	var p *page[T]
	at := 0
	for it := within.Iterator(); it.HasNext(); {
		ordinal := it.Next()
		high, low := split(ordinal)
		if p == nil || p.high != high {
			i, ok := c.find(high)
			if !ok {
				continue
			}
			p, at = c.pages[i], 0
		}
		for step := 0; at < len(p.lows) && p.lows[at] < low; step++ {
			if at++; step == 8 {
				j, _ := slices.BinarySearch(p.lows[at:], low)
				at += j
			}
		}
		if at < len(p.lows) && p.lows[at] == low {
			f(ordinal, p.values[at])
		}
	}
}

// scan gives the ordinals of within whose value lies in the interval.
func scan[T cmp.Ordered](c *column[T], in interval[T], within *roaring.Bitmap) *roaring.Bitmap {
	if within.GetCardinality() < uint64(c.len()/8) {
		var found []uint32
		c.each(within, func(ordinal uint32, value T) {
			if in.has(value) {
				found = append(found, ordinal)
			}
		})
		return roaring.BitmapOf(found...)
	}
	found := roaring.New()
	// Bits are gathered by container of a bitmap: adding ordinals one by one
	// takes ten times as long.
	var bits [1 << 16 / 64]uint64
	for i, p := range c.pages {
		base := p.high << pageBits & (1<<16 - 1)
		for j, value := range p.values {
			if in.has(value) {
				at := base | uint32(p.lows[j])
				bits[at/64] |= 1 << (at % 64)
			}
		}
		if i+1 == len(c.pages) || c.pages[i+1].high>>(16-pageBits) != p.high>>(16-pageBits) {
			part := roaring.New()
			part.FromDense(bits[:], true)
			found.Or(roaring.AddOffset64(part, int64(p.high>>(16-pageBits))<<16))
			clear(bits[:])
		}
	}
	found.And(within)
	return found
}
