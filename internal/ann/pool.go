package ann

// poolMost is the largest beam that a pool holds. Beyond it, heaps move less
// memory (measured: even at 1,000 to 2,000).
const poolMost = 1024

// poolSlack is how many entries for each that may be kept a pool may come to hold
// under a filter, before a walk is given up for a scan: the filter keeps far fewer
// than it says, here.
const poolSlack = 16

// pool is the beam of a walk: the best slots so far in one sorted array, expanded
// and not, as in NSG and DiskANN. It finds the slots that the two heaps of HNSW
// find, in the same order, and one short move of memory takes the place of the
// comparisons of both.
type pool struct {
	entries []rank // best first
	limit   int    // how many acceptable entries to keep
	kept    int    // acceptable entries
	next    int    // nothing before it is unexpanded
}

// An entry is a rank whose number is slot<<2, with two flags in its complement,
// which is what a rank holds. They are below all that orders slots.
const (
	entryUnexpanded = 1
	entryAcceptable = 2
	entryFlags      = entryUnexpanded | entryAcceptable
)

// entryOf makes an unexpanded entry of a slot that is not acceptable.
func entryOf(score float32, slot uint32) rank { return rankOf(score, slot<<2) &^ entryAcceptable }

// slot returns the slot of an entry.
func (r rank) slot() uint32 { return r.number() >> 2 }

func (p *pool) reset(limit int) { p.entries, p.limit, p.kept, p.next = p.entries[:0], limit, 0, 0 }

// bar returns what an entry must exceed to be taken.
func (p *pool) bar() rank {
	if p.kept < p.limit {
		return 0
	}
	return p.entries[len(p.entries)-1]
}

// insert takes an entry that exceeds the bar.
func (p *pool) insert(e rank) {
	s := p.entries
	at := 0
	for n := len(s); n > 0; { // of n entries from at, how many are better?
		half := (n + 1) / 2
		if s[at+half-1] > e {
			at += half
			n -= half
		} else {
			n = half - 1
		}
	}
	s = append(s, 0)
	copy(s[at+1:], s[at:])
	s[at] = e
	p.entries = s
	p.next = min(p.next, at)
	p.kept += int(e >> 1 & 1)
	if p.kept >= p.limit {
		p.trim()
	}
}

// trim drops what there is beyond the limit, so that the last entry of a full
// pool is an acceptable one.
func (p *pool) trim() {
	n := len(p.entries)
	if p.kept > p.limit {
		p.kept--
		n--
	}
	for n > 0 && p.entries[n-1]&entryAcceptable == 0 {
		n--
	}
	p.entries = p.entries[:n]
}

// best returns the best unexpanded entry, or 0.
func (p *pool) best() rank {
	for ; p.next < len(p.entries); p.next++ {
		if e := p.entries[p.next]; e&entryUnexpanded != 0 {
			return e
		}
	}
	return 0
}

// expand marks what best returned as expanded.
func (p *pool) expand() {
	p.entries[p.next] &^= entryUnexpanded
	p.next++
}

// acceptable appends the ranks of the acceptable slots to dst, best first.
func (p *pool) acceptable(dst []rank) []rank {
	for _, e := range p.entries {
		if e&entryAcceptable != 0 {
			dst = append(dst, e&^numberBits|rank(^e.slot()))
		}
	}
	return dst
}

// numberBits cover the number of a rank.
const numberBits = 1<<32 - 1
