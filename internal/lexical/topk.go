package lexical

import "slices"

// topK keeps the k best documents in a heap whose first element is the worst.
// An element is the score and, below it, the complement of the ordinal, so that
// numbers order documents: a higher score first, then a smaller ordinal.
type topK struct {
	k    int
	heap []uint64
}

func (t *topK) reset(k int) { t.k, t.heap = k, t.heap[:0] }

func element(score, ordinal uint32) uint64 { return uint64(score)<<32 | uint64(^ordinal) }

// bar is the score below which no document is taken.
func (t *topK) bar() uint32 {
	if len(t.heap) < t.k || t.k == 0 {
		return 0
	}
	return uint32(t.heap[0] >> 32)
}

// takes says whether put would keep a document.
func (t *topK) takes(score, ordinal uint32) bool {
	return len(t.heap) < t.k || t.k > 0 && element(score, ordinal) > t.heap[0]
}

// put takes a document that takes has said yes to.
func (t *topK) put(score, ordinal uint32) {
	e := element(score, ordinal)
	if len(t.heap) < t.k {
		t.heap = append(t.heap, e)
		for i := len(t.heap) - 1; i > 0 && t.heap[(i-1)/2] > t.heap[i]; i = (i - 1) / 2 {
			t.heap[i], t.heap[(i-1)/2] = t.heap[(i-1)/2], t.heap[i]
		}
		return
	}
	t.heap[0] = e
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(t.heap); child++ {
			if t.heap[child] < t.heap[least] {
				least = child
			}
		}
		if least == i {
			return
		}
		t.heap[i], t.heap[least] = t.heap[least], t.heap[i]
		i = least
	}
}

// hits empties the heap, best first; unit is what a score of 1 is.
func (t *topK) hits(unit float64) []Hit {
	slices.SortFunc(t.heap, func(a, b uint64) int {
		if a > b {
			return -1
		}
		return 1
	})
	hits := make([]Hit, len(t.heap))
	for i, e := range t.heap {
		hits[i] = Hit{Ordinal: ^uint32(e), Score: float64(uint32(e>>32)) * unit}
	}
	t.heap = t.heap[:0]
	return hits
}
