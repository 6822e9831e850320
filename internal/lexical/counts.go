package lexical

import "slices"

// countPageLen is how many counts a page has: what is copied when one of them changes.
const countPageLen = 256

// counts keep a count for each term, by its number. freeze gives a copy that never
// changes, without copying anything: pages are shared with it, and copied when one of
// their counts changes for the first time after it. The zero value is empty.
type counts struct {
	pages []*countPage
	n     int
	// epoch is how often there was a freeze: pages of an earlier epoch are shared with
	// a frozen copy. sharesPages says that the list of pages is shared as well.
	epoch       uint64
	sharesPages bool
}

type countPage struct {
	epoch uint64
	of    [countPageLen]uint32
}

// at gives a count; 0 where there is none.
func (c *counts) at(id uint32) uint32 {
	if int64(id) >= int64(c.n) {
		return 0
	}
	return c.pages[id/countPageLen].of[id%countPageLen]
}

// add adds to the count of a term that there is room for.
func (c *counts) add(id, by uint32) {
	i := id / countPageLen
	if c.pages[i].epoch != c.epoch {
		if c.sharesPages {
			c.pages, c.sharesPages = slices.Clone(c.pages), false
		}
		page := *c.pages[i]
		page.epoch = c.epoch
		c.pages[i] = &page
	}
	c.pages[i].of[id%countPageLen] += by
}

// sub subtracts from it: unsigned numbers wrap around.
func (c *counts) sub(id, by uint32) { c.add(id, -by) }

// grow makes room for the terms below n, whose counts are 0.
func (c *counts) grow(n int) {
	for len(c.pages)*countPageLen < n {
		c.pages = append(c.pages, &countPage{epoch: c.epoch}) // behind the end of the lists that are shared
	}
	c.n = max(c.n, n)
}

// freeze gives the counts as they are now.
func (c *counts) freeze() counts {
	c.epoch++
	c.sharesPages = true
	return counts{pages: slices.Clip(c.pages), n: c.n}
}
