package ann

import (
	"context"
	"math"
)

// scanStride is how many rows are compared between looks at the context.
const scanStride = 4096

// scanner is one scan under way: every live row that is kept is compared with
// the query, and the exact k best are found.
//
// In a coded table it compares codes first. The k rows that are best by codes,
// compared in full, give a cosine that the k best reach at least; then every row
// that can reach it, by the bound of margin, is compared in full. So the answer
// is that of comparing all rows in full.
type scanner struct {
	gauge
	rows     *rows
	found    best
	slots    []uint32  // of what is kept
	by       []float32 // similarity of slots, by codes
	compared int
}

// scan finds the k best for a query, best first, as ranks of ordinals in memory
// that the scanner reuses.
func (w *walk) scan(ctx context.Context, r *rows, p *probe, k int, keep Set) ([]rank, error) {
	w.scanner.rows, w.scanner.compared = r, 0
	w.scanner.found.reset()
	k = min(k, r.slots.len())
	if k == 0 {
		return nil, ctx.Err()
	}
	if counted, ok := keep.(CountedSet); ok && counted.GetCardinality() < uint64(r.slots.len()) {
		w.collectSet(counted)
	} else {
		w.collectAll(keep)
	}
	s := &w.scanner
	s.compared = len(s.slots)
	if err := s.compareStrides(ctx, p); err != nil {
		return nil, err
	}
	if r.coded {
		s.narrow(p, k)
	}
	for i, slot := range s.slots {
		r.offer(&s.found, k, slot, cosine(s.by[i]), keep)
	}
	w.ranks = s.found.sorted(w.ranks[:0])
	return w.ranks, nil
}

// collectAll goes through all slots and asks the set about each.
func (w *walk) collectAll(keep Set) {
	s := &w.scanner
	s.slots = s.slots[:0]
	for slot, state := range s.rows.state {
		if state == slotLive && (keep == nil || s.rows.keeps(uint32(slot), keep)) {
			s.slots = append(s.slots, uint32(slot))
		}
	}
}

// collectSet goes through the set and looks each ordinal up.
func (w *walk) collectSet(keep CountedSet) {
	s := &w.scanner
	s.slots = s.slots[:0]
	w.begin(len(s.rows.state))
	if w.collect == nil {
		w.collect = w.collectOne
	}
	keep.Iterate(w.collect)
}

// collectOne takes the slot of an ordinal, if there is one and it is new.
func (w *walk) collectOne(ordinal uint32) bool {
	s := &w.scanner
	if slot, ok := s.rows.slots.get(ordinal); ok && w.see(slot) {
		s.slots = append(s.slots, slot)
	}
	return true
}

// compareStrides fills by for slots.
func (s *scanner) compareStrides(ctx context.Context, p *probe) error {
	s.by = s.by[:0]
	for from := 0; from < len(s.slots) || from == 0; from += scanStride {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.by = append(s.by, s.compareAll(s.rows, p, s.slots[from:min(from+scanStride, len(s.slots))])...)
	}
	return nil
}

// narrow leaves the slots that can be among the k best, and their cosines.
func (s *scanner) narrow(p *probe, k int) {
	s.found.reset()
	bar := float32(math.Inf(-1)) // what does not reach it is not worth a rank
	for i, by := range s.by {
		if by < bar {
			continue
		}
		s.found.offer(rankOf(by, uint32(i)), k)
		if s.found.len() == k {
			bar = s.found.worst().score()
		}
	}
	least := float32(math.Inf(-1))
	if len(s.slots) > k {
		least = s.leastOf(p)
	}
	s.found.reset()
	m := s.rows.margin(p)
	left := 0
	for i, slot := range s.slots {
		if m.above(s.by[i], s.rows.scales[slot]) >= least {
			s.slots[left] = slot
			left++
		}
	}
	s.slots = s.slots[:left]
	s.by = append(s.by[:0], s.exactly(s.rows, p.vector, s.slots)...)
}

// leastOf returns the lowest cosine of the slots at the positions that were
// found.
func (s *scanner) leastOf(p *probe) float32 {
	least := float32(math.Inf(1))
	for _, r := range s.found.heap {
		slot := s.slots[(^r).number()]
		least = min(least, s.exactly(s.rows, p.vector, []uint32{slot})[0])
	}
	return least
}

// answer answers a query by a scan, after a walk that already compared some.
func (w *walk) answer(ctx context.Context, r *rows, q Query, visited int) (Result, error) {
	w.query = r.probeOf(q.Vector, w.codes)
	ranks, err := w.scan(ctx, r, &w.query, q.K, q.Keep)
	if err != nil {
		return Result{}, err
	}
	return Result{
		Neighbors: neighbors(ranks, q.K, q.Room), Visited: visited + w.scanner.compared, Plan: PlanScan,
	}, nil
}
