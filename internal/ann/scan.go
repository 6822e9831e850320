package ann

import (
	"context"
	"errors"
	"math"
	"sync"

	"akin/internal/paper"
)

// scanStride is how many rows are compared between looks at the context, at which
// changes, and whoever waits behind them, get a turn.
const scanStride = 4096

// scanner is one scan under way: every live row that is kept is compared with
// the query, and the exact k best are found.
//
// In a coded table it compares codes first. The k rows that are best by codes,
// compared in full, give a cosine that the k best reach at least; then every row
// that can reach it, by the bound of margin, is compared in full. So the answer
// is that of comparing all rows in full.
//
// It lets go of the table's lock after each stride. Rows that change meanwhile are
// left out; all others are found as if nothing had changed.
type scanner struct {
	gauge
	rows *rows
	// lock is the table's, which the caller holds for reading; nil is never let go.
	lock *sync.RWMutex
	// version and layout are those of the table when the scan began.
	version, layout uint32
	found           best
	sights          sights
	slots           []uint32  // of what is kept
	by              []float32 // similarity of slots, by codes
	compared        int
	// ctx, probe and err are those of the scan under way, for collectOne.
	ctx   context.Context //nolint:containedctx // of the one scan that is under way
	probe *probe
	err   error
}

// errMoved says that the table was laid out anew while a scan had let go of it.
var errMoved = errors.New("the rows were moved")

// mostMoves is how often a scan begins anew because of that before it holds on.
const mostMoves = 2

// pause lets changes go on.
func (s *scanner) pause(ctx context.Context) error {
	if s.lock == nil {
		return ctx.Err()
	}
	s.lock.RUnlock()
	err := ctx.Err()
	s.lock.RLock()
	if err == nil && s.rows.layout != s.layout {
		err = errMoved
	}
	return err
}

// valid says whether a slot that was live when the scan began still holds the row
// that it held then.
func (s *scanner) valid(slot uint32) bool {
	return int(slot) < len(s.rows.state) && s.rows.state[slot] == slotLive && !s.rows.changed(slot, s.version)
}

// scan finds the k best for a query, best first, as ranks of ordinals in memory
// that the scanner reuses. The caller holds lock for reading, and has it again when
// scan returns; nil is not let go of.
func (w *walk) scan(ctx context.Context, lock *sync.RWMutex, r *rows, p *probe, k int, keep Set) (ranks []rank, err error) {
	s := &w.scanner
	defer func() { s.ctx, s.probe, s.lock = nil, nil, nil }()
	s.rows, s.lock, s.ctx, s.probe, s.compared = r, lock, ctx, p, 0
	for moves := 0; ; moves++ {
		ranks, err = w.scanOnce(ctx, r, p, k, keep)
		if !errors.Is(err, errMoved) {
			return ranks, err
		}
		if moves == mostMoves {
			s.lock = nil
		}
	}
}

func (w *walk) scanOnce(ctx context.Context, r *rows, p *probe, k int, keep Set) ([]rank, error) {
	s := &w.scanner
	s.version, s.layout, s.err = r.version, r.layout, nil
	s.slots, s.by = s.slots[:0], s.by[:0]
	s.found.reset()
	s.sights.begin(s.sights.wanted)
	k = min(k, r.slots.len())
	if k == 0 {
		return nil, nil
	}
	if counted, ok := keep.(paper.CountedSet); ok && counted.GetCardinality() < uint64(r.slots.len()) {
		w.collectSet(counted)
	} else {
		s.collectAll(ctx, keep)
	}
	s.compare()
	s.compared += len(s.slots)
	if s.err != nil {
		return nil, s.err
	}
	if r.coded {
		if err := s.narrow(ctx, p, k); err != nil {
			return nil, err
		}
	}
	if err := s.finish(ctx, p, k, keep); err != nil {
		return nil, err
	}
	w.ranks = s.found.sorted(w.ranks[:0])
	return w.ranks, nil
}

// collectAll goes through all slots, asks the set about each, and compares.
func (s *scanner) collectAll(ctx context.Context, keep Set) {
	end := len(s.rows.state)
	for from := 0; from < end && s.err == nil; from += scanStride {
		if from > 0 {
			s.compare()
			if s.err = s.pause(ctx); s.err != nil {
				return
			}
		}
		for slot := from; slot < min(from+scanStride, end, len(s.rows.state)); slot++ {
			if s.valid(uint32(slot)) && (keep == nil || s.rows.keeps(uint32(slot), keep)) {
				s.slots = append(s.slots, uint32(slot))
			}
		}
	}
}

// collectSet goes through the set, looks each ordinal up, and compares.
func (w *walk) collectSet(keep paper.CountedSet) {
	w.begin(len(w.scanner.rows.state))
	if w.collect == nil {
		w.collect = w.collectOne
	}
	keep.Iterate(w.collect)
}

// collectOne takes the slot of an ordinal, if there is one and it is new.
func (w *walk) collectOne(ordinal uint32) bool {
	s := &w.scanner
	if slot, ok := s.rows.slots.get(ordinal); ok && s.valid(slot) && w.see(slot) {
		s.slots = append(s.slots, slot)
	}
	if len(s.slots)-len(s.by) == scanStride {
		s.compare()
		s.err = s.pause(s.ctx)
	}
	return s.err == nil
}

// compare fills by for the slots that were collected last.
func (s *scanner) compare() {
	if rest := s.slots[len(s.by):]; len(rest) > 0 {
		s.by = append(s.by, s.compareAll(s.rows, s.probe, rest)...)
	}
}

// narrow leaves the slots that can be among the k best.
func (s *scanner) narrow(ctx context.Context, p *probe, k int) error {
	least := float32(math.Inf(-1))
	if len(s.slots) > k {
		s.choose(k)
		if err := s.pause(ctx); err != nil {
			return err
		}
		if s.prune() {
			s.choose(k)
		}
		least = s.leastOf(p)
	}
	m := s.rows.margin(p)
	left := 0
	for i, slot := range s.slots {
		if i%scanStride == scanStride-1 {
			if err := s.pause(ctx); err != nil {
				return err
			}
		}
		if s.valid(slot) && m.above(s.by[i], s.rows.scales[slot])+s.rows.blur(slot) >= least {
			s.slots[left], s.by[left] = slot, s.by[i]
			left++
		}
	}
	s.slots, s.by = s.slots[:left], s.by[:left]
	return nil
}

// choose finds the positions of the k slots that are best by codes.
func (s *scanner) choose(k int) {
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
}

// prune drops rows that changed, if any of the chosen ones did, and says so.
func (s *scanner) prune() bool {
	for _, r := range s.found.heap {
		if !s.valid(s.slots[(^r).number()]) {
			left := 0
			for i, slot := range s.slots {
				if s.valid(slot) {
					s.slots[left], s.by[left] = slot, s.by[i]
					left++
				}
			}
			s.slots, s.by = s.slots[:left], s.by[:left]
			return true
		}
	}
	return false
}

// finish compares what is left in full and finds the k best.
func (s *scanner) finish(ctx context.Context, p *probe, k int, keep Set) error {
	s.found.reset()
	for from := 0; from < len(s.slots); from += scanStride {
		if from > 0 {
			if err := s.pause(ctx); err != nil {
				return err
			}
		}
		some, by := s.slots[from:min(from+scanStride, len(s.slots))], s.by[from:]
		left := 0
		for i, slot := range some {
			if s.valid(slot) {
				some[left], by[left] = slot, by[i]
				left++
			}
		}
		some, by = some[:left], by[:left]
		if s.rows.coded {
			by = s.exactly(s.rows, p.vector, some)
		}
		for i, slot := range some {
			s.rows.offer(&s.found, k, slot, cosine(by[i]), keep)
			s.sights.add(s.rows, slot, by[i], keep)
		}
	}
	return nil
}

// leastOf returns the lowest cosine of the slots at the positions that were
// found.
func (s *scanner) leastOf(p *probe) float32 {
	least := float32(math.Inf(1))
	for _, r := range s.found.heap {
		slot := s.slots[(^r).number()]
		least = min(least, s.exactly(s.rows, p.vector, []uint32{slot})[0]-s.rows.blur(slot))
	}
	return least
}

// answer answers a query by a scan, after a walk that already compared some. The
// caller holds lock for reading; it is let go of now and then.
func (w *walk) answer(ctx context.Context, lock *sync.RWMutex, r *rows, q Query, visited int) (Result, error) {
	w.query = r.probeOf(q.Vector, w.codes)
	ranks, err := w.scan(ctx, lock, r, &w.query, q.K, q.Keep)
	if err != nil {
		return Result{}, err
	}
	return Result{
		Neighbors: neighbors(ranks, q.K, q.Room), Visited: visited + w.scanner.compared, Plan: PlanScan,
	}, nil
}
