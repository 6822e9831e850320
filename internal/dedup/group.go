package dedup

import (
	"iter"
	"math/bits"
	"slices"
)

// Member is a later paper that matches the first of its group.
type Member struct {
	// At is its position in the list.
	At int
	Match
}

// tables are the lists by which papers that may match meet: one each for arXiv
// ids, DOIs and titles, and one a band.
const tables = 3 + bands

// Group goes through papers in their order. It yields each paper that no earlier
// one has taken, with the later papers that match it, which are taken by that;
// so every paper is in one group, and is compared with the first of it. cosine
// gives the cosine of two papers; see Compare. It takes 140 bytes a paper.
func Group(keys []Key, minSimilarity float64, cosine func(i, j int) float64) iter.Seq2[int, []Member] {
	return func(yield func(int, []Member) bool) {
		next := link(keys)
		taken, seen := make([]bool, len(keys)), make([]int32, len(keys))
		for i := range keys {
			if taken[i] {
				continue
			}
			var members []Member
			for t := range tables {
				for j := next[t][i]; j != 0; j = next[t][j] {
					if taken[j] || seen[j] == int32(i)+1 {
						continue
					}
					seen[j] = int32(i) + 1
					if m, ok := Compare(&keys[i], &keys[j], minSimilarity, func() float64 { return cosine(i, int(j)) }); ok {
						members = append(members, Member{At: int(j), Match: m})
						taken[j] = true
					}
				}
			}
			slices.SortFunc(members, func(a, b Member) int { return a.At - b.At })
			if !yield(i, members) {
				return
			}
		}
	}
}

// link gives, for each table and paper, the next paper that may have the same
// value there; 0 is none, since the first paper is next to nobody.
func link(keys []Key) (next [tables][]int32) {
	size := 2 << bits.Len(uint(len(keys)))
	heads, all := make([]int32, size), make([]int32, tables*len(keys))
	for t := range tables {
		next[t], all = all[:len(keys)], all[len(keys):]
		clear(heads)
		for i := len(keys) - 1; i >= 0; i-- {
			if value := keys[i].value(t); value != 0 {
				head := &heads[mix(value)&uint64(size-1)]
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
		return 1 + uint64(k.text.band(table-3))
	}
}
