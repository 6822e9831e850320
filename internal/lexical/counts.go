package lexical

import "slices"

// countPageLen is how many numbers change places together.
const countPageLen = 256

// counts are numbers by a term's number, from 0. They change in place until they
// are frozen: what freeze gives never changes, and shares the pages that did not
// change since. The zero value is empty.
type counts struct {
	pages []*countPage
	n     int
	// epoch counts the freezes: pages of an earlier one are shared. lent says
	// that pages itself is.
	epoch uint64
	lent  bool
}

type countPage struct {
	epoch uint64
	of    [countPageLen]uint32
}

// at gives a number; 0 where there is none.
func (c *counts) at(id uint32) uint32 {
	if int64(id) >= int64(c.n) {
		return 0
	}
	return c.pages[id/countPageLen].of[id%countPageLen]
}

// add changes a number that is there.
func (c *counts) add(id, by uint32) {
	i := id / countPageLen
	if c.pages[i].epoch != c.epoch {
		if c.lent {
			c.pages, c.lent = slices.Clone(c.pages), false
		}
		page := *c.pages[i]
		page.epoch = c.epoch
		c.pages[i] = &page
	}
	c.pages[i].of[id%countPageLen] += by
}

// sub is add of what is less.
func (c *counts) sub(id, by uint32) { c.add(id, -by) }

// grow makes room for numbers below n, which are 0.
func (c *counts) grow(n int) {
	for len(c.pages)*countPageLen < n {
		c.pages = append(c.pages, &countPage{epoch: c.epoch}) // behind what was lent
	}
	c.n = max(c.n, n)
}

// freeze gives the numbers as they are now.
func (c *counts) freeze() counts {
	c.epoch++
	c.lent = true
	return counts{pages: slices.Clip(c.pages), n: c.n}
}
