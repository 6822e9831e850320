package filter

import (
	"cmp"
	"slices"
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

// push sets the value of an ordinal that is beyond all others.
func (c *column[T]) push(ordinal uint32, value T) {
	high, low := split(ordinal)
	if last := len(c.pages) - 1; last < 0 || c.pages[last].high != high {
		c.pages = append(c.pages, &page[T]{high: high})
	}
	p := c.pages[len(c.pages)-1]
	p.lows, p.values = append(p.lows, low), append(p.values, value)
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

// each calls f with the value of each of some ordinals, in their order, that has
// one. It walks forward through a page rather than searching it anew.
func (c *column[T]) each(ordinals []uint32, f func(ordinal uint32, value T)) {
	var p *page[T]
	at := 0
	for _, ordinal := range ordinals {
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

// container is how many bits of an ordinal say where it is in a container of a
// bitmap.
const container = 16

// dense is the bits of one container.
type dense [1 << container / 64]uint64

// among marks the ordinals of the container that begins at or after a page's high
// bits whose value lies in the interval, and says which container that is; false
// where there is none. Bits are gathered by container: adding ordinals to a bitmap
// one by one takes ten times as long.
func among[T cmp.Ordered](c *column[T], from uint32, in interval[T], marked *dense) (of uint32, ok bool) {
	i, _ := c.find(from)
	if i == len(c.pages) {
		return 0, false
	}
	of = c.pages[i].high >> (container - pageBits)
	clear(marked[:])
	for ; i < len(c.pages) && c.pages[i].high>>(container-pageBits) == of; i++ {
		p := c.pages[i]
		base := p.high << pageBits & (1<<container - 1)
		for j, value := range p.values {
			if in.has(value) {
				at := base | uint32(p.lows[j])
				marked[at/64] |= 1 << (at % 64)
			}
		}
	}
	return of, true
}
