package lexical

import (
	"context"
	"math"
	"slices"
	"sync"
)

// merger joins segments in the background. It belongs to one Index; stop waits
// for its goroutine.
type merger struct {
	signal chan struct{}
	quit   chan struct{}
	done   sync.WaitGroup
}

func (m *merger) start(x *Index) {
	m.signal, m.quit = make(chan struct{}, 1), make(chan struct{})
	m.done.Go(func() {
		for {
			select {
			case <-m.quit:
				return
			case <-m.signal:
			}
			for x.merge(x.due) {
				select {
				case <-m.quit:
					return
				default:
				}
			}
		}
	})
}

// wake asks the merger to look for work; it never waits.
func (m *merger) wake() {
	select {
	case m.signal <- struct{}{}:
	default:
	}
}

func (m *merger) stop() {
	close(m.quit)
	m.done.Wait()
}

// live is how many papers of a segment are alive.
func (s *sealed) live() int { return s.len() - s.dead.n }

// tier is the order of magnitude of a segment: 0 is that of those which grew to
// SegmentPapers, negative numbers are of those that were smaller when they were made.
func (x *Index) tier(s *sealed) int {
	t := 0
	for size := x.options.SegmentPapers * fanIn; s.live() >= size*3/4; size *= fanIn {
		t++
	}
	for size := x.options.SegmentPapers; s.live() < size*3/4; size /= fanIn {
		t--
	}
	return t
}

// due chooses which segments to merge next: a segment of which a quarter is
// dead alone, else fanIn of one tier, the smallest tier first.
func (x *Index) due() []int {
	tiers := map[int][]int{}
	for i := range x.segments {
		s := &x.segments[i]
		switch {
		case s.dead.n*4 > s.len():
			return []int{i}
		case s.live()*fanIn <= x.options.MaxSegmentPapers && len(s.records) <= maxSegmentBytes/fanIn:
			t := x.tier(s)
			if tiers[t] = append(tiers[t], i); len(tiers[t]) == fanIn {
				return tiers[t]
			}
		}
	}
	return nil
}

// maxSegmentBytes is how many bytes of records a merge makes at most, so that
// places in them fit into 32 bits.
const maxSegmentBytes = math.MaxInt32

// merge joins the segments that choose names, and says whether there were any.
// Searches and changes go on; papers that die meanwhile die in the result.
func (x *Index) merge(choose func() []int) bool {
	x.merging.Lock()
	defer x.merging.Unlock()
	x.mu.Lock()
	chosen := choose()
	var sources []source
	var taken []*segment
	for _, i := range chosen {
		s := &x.segments[i]
		sources = append(sources, source{&s.docs, s.dead})
		taken = append(taken, s.segment)
	}
	x.mu.Unlock()
	if len(sources) == 0 {
		return false
	}
	joined := sealed{segment: join(taken, sources)}
	x.write.Lock()
	defer x.write.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.replace(taken, sources, joined)
	return true
}

// replace puts a merged segment in the place of its sources.
func (x *Index) replace(taken []*segment, sources []source, joined sealed) {
	kept := make([]sealed, 0, len(x.segments))
	for _, s := range x.segments {
		i := slices.Index(taken, s.segment)
		if i < 0 {
			kept = append(kept, s)
			continue
		}
		if s.dead.n == sources[i].dead.n {
			continue
		}
		for local, ordinal := range s.ordinals {
			if s.dead.has(uint32(local)) && !sources[i].dead.has(uint32(local)) {
				if at, ok := joined.find(ordinal); ok {
					joined.dead = joined.dead.with(at)
				}
			}
		}
	}
	if joined.live() > 0 {
		kept = append(kept, joined)
	}
	x.segments = kept
	x.rearranged()
}

// Purge rewrites each segment that has dead papers, one by one, and what is in
// memory: what they said is then gone from memory, and with the next Save from
// the files. It waits for the merges; searches and changes go on, and papers that
// die meanwhile may remain.
func (x *Index) Purge(ctx context.Context) error {
	x.write.Lock()
	if x.closed {
		x.write.Unlock()
		return closedError()
	}
	x.seal()
	x.write.Unlock()
	x.mu.RLock()
	var stained []*segment
	for i := range x.segments {
		if x.segments[i].dead.n > 0 {
			stained = append(stained, x.segments[i].segment)
		}
	}
	x.mu.RUnlock()
	for _, segment := range stained {
		if err := ctx.Err(); err != nil {
			return err
		}
		x.merge(func() []int {
			i := slices.IndexFunc(x.segments, func(s sealed) bool { return s.segment == segment })
			if i < 0 { // merged away meanwhile, without its dead
				return nil
			}
			return []int{i}
		})
	}
	return nil
}
