package rank

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
)

// Hits are moved about once, when their order is known: comparing and moving small keys
// takes a third of the time.

// idKey is the beginning of an id, as numbers that are in the order of their bytes, and
// the position of its hit.
type idKey struct {
	first, second uint64
	at            int32
}

// SortByID orders hits by their ids.
func SortByID(hits []Hit) {
	if slices.IsSortedFunc(hits, func(a, b Hit) int { return strings.Compare(a.ID, b.ID) }) {
		return
	}
	keys := make([]idKey, len(hits))
	for i := range hits {
		first, second := beginningOf(hits[i].ID)
		keys[i] = idKey{first, second, int32(i)}
	}
	slices.SortFunc(keys, func(a, b idKey) int {
		switch {
		case a.first != b.first:
			return order(a.first < b.first)
		case a.second != b.second:
			return order(a.second < b.second)
		}
		return strings.Compare(hits[a.at].ID, hits[b.at].ID)
	})
	permute(hits, func(i int) int32 { return keys[i].at })
}

// beginningOf gives the first 16 bytes of an id, filled up with zeros, as two numbers.
// Ids with the same numbers need a look at all of them.
func beginningOf(id string) (first, second uint64) {
	var b [16]byte
	copy(b[:], id)
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

// scoreKey is a score as a number, the least for the greatest score, and the position of
// its hit.
type scoreKey struct {
	score uint64
	at    int32
}

// Sort orders hits best first; ties break by id, so that the same query gives
// the same list. A score that is not a number comes last.
func Sort(hits []Hit) {
	if slices.IsSortedFunc(hits, compareHits) {
		return
	}
	keys := make([]scoreKey, len(hits))
	for i := range hits {
		keys[i] = scoreKey{descending(hits[i].Score), int32(i)}
	}
	slices.SortFunc(keys, func(a, b scoreKey) int {
		if a.score != b.score {
			return order(a.score < b.score)
		}
		return strings.Compare(hits[a.at].ID, hits[b.at].ID)
	})
	permute(hits, func(i int) int32 { return keys[i].at })
}

func compareHits(a, b Hit) int {
	if a.Score != b.Score { // also if one is not a number
		if c := cmp.Compare(b.Score, a.Score); c != 0 {
			return c
		}
	}
	return strings.Compare(a.ID, b.ID)
}

func order(less bool) int {
	if less {
		return -1
	}
	return 1
}

// descending makes of a score a number that is the smaller the greater the score is.
func descending(score float64) uint64 {
	if math.IsNaN(score) {
		return math.MaxUint64
	}
	b := math.Float64bits(score + 0) // which makes -0 a 0
	// Bits of numbers of 0 or more are in their order, of the others in the reverse.
	return ^(b ^ (uint64(int64(b)>>63) | 1<<63))
}

// permute puts hit from(i) at i.
func permute(hits []Hit, from func(i int) int32) {
	before := slices.Clone(hits)
	for i := range hits {
		hits[i] = before[from(i)]
	}
}
