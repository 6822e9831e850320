package ann

import (
	"math"
	"slices"
)

// rank packs a score and a number into one key that orders as results do: a
// greater rank is a higher score or, at equal scores, a lower number. There are
// no ties between different numbers, so every heap and sort here has one
// outcome, and comparing costs one instruction.
type rank uint64

// rankOf packs a score, which must not be NaN, with a slot or an ordinal.
func rankOf(score float32, number uint32) rank {
	// Adding 0 makes -0 equal to 0. Then flip the bits so that unsigned order
	// is the order of the floats: all of them for negative numbers, whose
	// magnitude counts backwards, the sign alone for the others.
	bits := math.Float32bits(score + 0)
	bits ^= uint32(int32(bits)>>31) | 1<<31
	return rank(bits)<<32 | rank(^number)
}

func (r rank) number() uint32 { return ^uint32(r) }

func (r rank) score() float32 {
	bits := uint32(r >> 32)
	bits ^= ^uint32(int32(bits)>>31) | 1<<31
	return math.Float32frombits(bits)
}

// cosine cuts off what rounding adds beyond the range of a cosine.
func cosine(dot float32) float32 { return min(max(dot, -1), 1) }

// heap is a binary heap with the greatest rank first. Holding complements
// (^rank) makes it a heap with the lowest first.
type heap []rank

func (h *heap) push(r rank) {
	s := append(*h, r)
	i := len(s) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if s[parent] >= r {
			break
		}
		s[i] = s[parent]
		i = parent
	}
	s[i] = r
	*h = s
}

func (h *heap) pop() rank {
	s := *h
	top, last := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	*h = s
	if len(s) > 0 {
		s.sink(last)
	}
	return top
}

// sink puts r in place of the first element.
func (h heap) sink(r rank) {
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1] > h[child] {
			child++
		}
		if r >= h[child] {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = r
}

// best keeps the greatest ranks of a stream: a heap of complements, so that
// the one to drop is first.
type best struct{ heap heap }

func (b *best) reset()      { b.heap = b.heap[:0] }
func (b *best) len() int    { return len(b.heap) }
func (b *best) worst() rank { return ^b.heap[0] }

// offer takes r if fewer than limit are kept or r is better than the worst.
func (b *best) offer(r rank, limit int) {
	if len(b.heap) < limit {
		b.heap.push(^r)
	} else if r > b.worst() {
		b.heap.sink(^r)
	}
}

// sorted appends what is kept to dst, best first, and empties b.
func (b *best) sorted(dst []rank) []rank {
	slices.Sort(b.heap) // complements: ascending is best first
	for _, r := range b.heap {
		dst = append(dst, ^r)
	}
	b.reset()
	return dst
}

// neighbors turns ranks of ordinals, best first, into at most k results, in the
// room that is given if it is enough.
func neighbors(ranks []rank, k int, room []Neighbor) []Neighbor {
	ranks = ranks[:min(k, len(ranks))]
	if cap(room) < len(ranks) {
		room = make([]Neighbor, len(ranks))
	}
	room = room[:len(ranks)]
	for i, r := range ranks {
		room[i] = Neighbor{Ordinal: r.number(), Score: r.score()}
	}
	return room
}
