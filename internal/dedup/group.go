package dedup

import (
	"cmp"
	"iter"
	"math/bits"
	"slices"

	"akin/internal/splitmix"
)

// Member is a later paper that matches the first of its group.
type Member struct {
	// At is its position in the list.
	At int
	Match
}

// tables are the lists by which papers that may match meet: one each for arXiv
// ids, DOIs and titles, and one a band.
const (
	firstTitle = 2
	firstBand  = 3
	tables     = firstBand + bands
)

// Options say how to group.
type Options struct {
	// MinSimilarity is the cosine that similar texts must have.
	MinSimilarity float64
	// Apart is how many of the first papers are never taken, so that all later
	// papers are compared with each of them.
	Apart int
	// Sequels yields sequels too (Match.Kind), behind whatever paper they match, which
	// takes them not: each is in a group of its own, or of what it is one work with.
	Sequels bool
}

// Group goes through papers in their order. It yields each paper that no earlier
// one has taken, with the later papers that count as one with it, which are taken by that, and
// those that share an arXiv id or a DOI with one of them, or with one that shares
// one, and so on. So every paper is in one group, and only identity makes chains.
// cosine gives the cosine of two papers; see Compare. It takes 150 bytes a paper.
func Group(keys []Key, opt Options, cosine func(i, j int) float64) iter.Seq2[int, []Member] {
	return func(yield func(int, []Member) bool) {
		next := link(keys)
		g := grouping{keys: keys, opt: opt, cosine: cosine, taken: make([]bool, len(keys)), same: sameIDs(keys, &next)}
		seen := make([]int32, len(keys))
		for i := range keys {
			if g.taken[i] {
				continue
			}
			g.members = nil
			g.take(i, i)
			for t := firstTitle; t < tables; t++ {
				for j := next[t][i]; j != 0; j = next[t][j] {
					if g.taken[j] || int(j) < opt.Apart || seen[j] == int32(i)+1 {
						continue
					}
					seen[j] = int32(i) + 1
					if t >= firstBand && keys[i].text.agree(&keys[j].text) < leastAgree {
						continue // two slots of 64 say little; those with one title came before
					}
					g.offer(i, int(j))
				}
			}
			slices.SortFunc(g.members, func(a, b Member) int { return cmp.Or(a.At-b.At, int(a.Kind)-int(b.Kind)) })
			// One that was a sequel by its text may have been taken by an id after that.
			g.members = slices.CompactFunc(g.members, func(a, b Member) bool { return a.At == b.At })
			if !yield(i, g.members) {
				return
			}
		}
	}
}

// grouping is the state of Group.
type grouping struct {
	keys    []Key
	opt     Options
	cosine  func(i, j int) float64
	taken   []bool
	same    *identity
	members []Member // of the group under way
}

// offer takes a paper into the group of i, if it matches.
func (g *grouping) offer(i, j int) {
	m, ok := g.compare(i, j)
	if !ok || m.Kind == Sequel && !g.opt.Sequels {
		return
	}
	g.members = append(g.members, Member{At: j, Match: m})
	if m.Kind != Sequel {
		g.taken[j] = true
		g.take(i, j)
	}
}

func (g *grouping) compare(i, j int) (Match, bool) {
	return Compare(&g.keys[i], &g.keys[j], g.opt.MinSimilarity, func() float64 { return g.cosine(i, j) })
}

// take takes what shares ids with j into the group of i.
func (g *grouping) take(i, j int) {
	for k := int(g.same.ring[j]); k != j; k = int(g.same.ring[k]) {
		if k == i || g.taken[k] || k < g.opt.Apart {
			continue
		}
		g.taken[k] = true
		m, ok := g.compare(i, k)
		switch {
		case ok && m.Kind == Sequel: // by its text alone
			m.Kind = Version
		case !ok:
			m = Match{Reason: g.same.by[k], Kind: Version, Similarity: g.cosine(i, k), Resemblance: resemblance(g.keys[i].text.agree(&g.keys[k].text))}
		}
		g.members = append(g.members, Member{At: k, Match: m})
	}
}

// identity says which papers share ids, directly or through others.
type identity struct {
	ring []int32  // the next paper of the same work; the last leads to the first
	by   []Reason // which id a paper shares
	root []int32
}

func sameIDs(keys []Key, next *[tables][]int32) *identity {
	s := &identity{ring: make([]int32, len(keys)), by: make([]Reason, len(keys)), root: make([]int32, len(keys))}
	for i := range keys {
		s.ring[i], s.root[i] = int32(i), int32(i)
	}
	for t := range firstTitle {
		reason := SameArxivID + Reason(t)
		for i := range keys {
			value := keys[i].value(t)
			if value == 0 {
				continue
			}
			j := next[t][i]
			for j != 0 && keys[j].value(t) != value {
				j = next[t][j]
			}
			if j != 0 {
				s.join(i, int(j), reason)
			}
		}
	}
	return s
}

// join makes two papers the same.
func (s *identity) join(i, j int, by Reason) {
	for _, k := range []int{i, j} {
		if s.by[k] == None {
			s.by[k] = by
		}
	}
	a, b := s.rootOf(int32(i)), s.rootOf(int32(j))
	if a != b {
		s.root[max(a, b)] = min(a, b)
		s.ring[i], s.ring[j] = s.ring[j], s.ring[i]
	}
}

func (s *identity) rootOf(i int32) int32 {
	for s.root[i] != i {
		s.root[i] = s.root[s.root[i]]
		i = s.root[i]
	}
	return i
}

// link gives, for each table and paper, the next paper that may have the same
// value there; 0 is none, since the first paper is next to nobody.
func link(keys []Key) (next [tables][]int32) {
	size := 4 << bits.Len(uint(len(keys)))
	heads, all := make([]int32, size), make([]int32, tables*len(keys))
	for t := range tables {
		next[t], all = all[:len(keys)], all[len(keys):]
		clear(heads)
		for i := len(keys) - 1; i >= 0; i-- {
			if value := keys[i].value(t); value != 0 {
				head := &heads[splitmix.Mix(value)&uint64(size-1)]
				next[t][i], *head = *head, int32(i)
			}
		}
	}
	return next
}

// value is what a paper has in a table; 0 keeps it out.
func (k *Key) value(table int) uint64 {
	switch {
	case table == 0:
		return k.arxiv
	case table == 1:
		return k.doi
	case table == 2:
		return k.title
	case k.textWords < leastWords:
		return 0
	default:
		return 1 + uint64(k.text.band(table-firstBand))
	}
}
