package lexical

// cursor walks the postings of one term in one segment, forwards only.
type cursor struct {
	list
	term    *weighted
	lengths []uint16 // of the segment's papers
	// block is the number of the current block; list.blocks() stands for the postings
	// that are not packed.
	block int
	// loaded is the block that docs and tfs hold, or -1.
	loaded int
	// at is the next posting of the loaded block.
	at      int
	nowDocs []uint32
	nowTFs  []uint32 // only if tfsRead
	tfsRead bool
	nowLast uint32
	docBuf  [blockLen]uint32
	tfBuf   [blockLen]uint32
	// bound is what no contribution in the current window exceeds; looseBound the same
	// of the postings that are not packed, or 0 before it is computed.
	bound, looseBound uint32
	// inWindow is how many postings the current window has, rounded up to blocks.
	inWindow int
}

func (c *cursor) open(l list, t *weighted, lengths []uint16) {
	c.lengths = lengths
	c.list, c.term, c.block, c.loaded, c.at, c.looseBound = l, t, 0, -1, 0, 0
}

// end is how many blocks there are, with the postings that are not packed as one.
func (c *cursor) end() int {
	n := c.blocks()
	if len(c.docs) > 0 {
		n++
	}
	return n
}

// lastOf gives the greatest document of a block.
func (c *cursor) lastOf(b int) uint32 {
	if b < c.blocks() {
		return c.last(b)
	}
	return c.docs[len(c.docs)-1]
}

// seekBlock moves to the first block that may hold doc or a later one.
func (c *cursor) seekBlock(doc uint32) {
	for end := c.end(); c.block < end && c.lastOf(c.block) < doc; {
		c.block++
	}
}

// limit computes the bound for the documents from lo up to, not with, hi.
func (c *cursor) limit(p *plan, lo, hi uint32) {
	c.bound, c.inWindow = 0, 0
	c.seekBlock(lo)
	for blk, end := c.block, c.end(); blk < end; blk++ {
		if blk == c.blocks() {
			if c.docs[0] < hi {
				if c.looseBound == 0 {
					c.looseBound = c.boundLoose(p)
				}
				c.bound = max(c.bound, c.looseBound)
				c.inWindow += len(c.docs)
			}
			return
		}
		if c.first(blk) >= hi {
			return
		}
		c.inWindow += blockLen
		h := c.header(blk)
		var impacts [maxImpacts]impact
		n := int(h[10])
		for i := range n {
			impacts[i] = impact{uint16(h[12+4*i]) | uint16(h[13+4*i])<<8, uint16(h[14+4*i]) | uint16(h[15+4*i])<<8}
		}
		c.bound = max(c.bound, p.bound(c.term, impacts[:n]))
		if c.last(blk) >= hi-1 {
			return
		}
	}
}

// boundLoose is bound of the postings that are not packed.
func (c *cursor) boundLoose(p *plan) uint32 {
	if c.impacts != nil {
		return p.bound(c.term, c.impacts)
	}
	most := uint32(0)
	for i, doc := range c.docs {
		most = max(most, p.contribution(c.term, c.tfs[i], c.lengths[doc]))
	}
	return most + 1
}

// bound gives a number that no contribution of postings with these impacts
// exceeds; 1 more than computed, because of rounding.
func (p *plan) bound(t *weighted, impacts []impact) uint32 {
	most := uint32(0)
	for _, m := range impacts {
		most = max(most, p.contribution(t, uint32(m.tf), m.length))
	}
	return most + 1
}

// load makes the documents of the current block ready; frequencies are read when
// they are wanted.
func (c *cursor) load() {
	if c.loaded == c.block {
		return
	}
	c.loaded, c.at = c.block, 0
	if c.block < c.blocks() {
		c.tfsRead = false
		c.nowLast = c.last(c.block)
		c.readDocs(c.block, &c.docBuf)
		c.nowDocs = c.docBuf[:]
		return
	}
	c.tfsRead = true
	c.nowDocs, c.nowTFs = c.docs, c.tfs
	c.nowLast = c.docs[len(c.docs)-1]
}

// frequencies gives those of the loaded block.
func (c *cursor) frequencies() []uint32 {
	if !c.tfsRead {
		c.readTFs(c.loaded, &c.tfBuf)
		c.nowTFs, c.tfsRead = c.tfBuf[:], true
	}
	return c.nowTFs
}

// seek moves to doc and gives its frequency, or 0.
func (c *cursor) seek(doc uint32) uint32 {
	if c.loaded != c.block || c.nowLast < doc {
		c.seekBlock(doc)
		if c.block == c.end() {
			return 0
		}
		c.load()
	}
	docs, at := c.nowDocs, c.at
	for at < len(docs) && docs[at] < doc {
		at++
	}
	c.at = at
	if at < len(docs) && docs[at] == doc {
		return c.frequencies()[at]
	}
	return 0
}

// each calls visit for the postings up to, not with, hi, from where the cursor
// stands or lo.
func (c *cursor) each(lo, hi uint32, visit func(docs, tfs []uint32)) {
	for c.seekBlock(lo); c.block < c.end(); c.block++ {
		c.load()
		from := c.at
		for from < len(c.nowDocs) && c.nowDocs[from] < lo {
			from++
		}
		to := from
		if c.lastOf(c.block) < hi {
			to = len(c.nowDocs)
		} else {
			for c.nowDocs[to] < hi {
				to++
			}
		}
		if from < to {
			visit(c.nowDocs[from:to], c.frequencies()[from:to])
		}
		c.at = to
		if to < len(c.nowDocs) {
			return
		}
	}
}
