package lexical

import (
	"cmp"
	"context"
	"math/bits"
	"slices"
)

// window is how many documents are scored at a time.
const window = 4096

// view is a segment as it was when a search began.
type view struct {
	docs
	dead bitset
	seg  *segment // nil for memory
	// lists are memory's postings of the plan's terms, found and excluded.
	lists map[uint32]list
}

func (v *view) list(id uint32) list {
	if v.seg != nil {
		return v.seg.list(id)
	}
	return v.lists[id]
}

// snapshot gives what a plan needs of all segments. The caller holds the read
// lock; what is returned is good for ever.
func (x *Index) snapshot(p *plan) []view {
	views := make([]view, 0, len(x.segments)+1)
	for _, s := range x.segments {
		views = append(views, view{docs: s.docs, dead: s.dead, seg: s.segment})
	}
	if x.memory.len() > 0 {
		v := view{docs: x.memory.docs, dead: x.memoryDead, lists: map[uint32]list{}}
		for _, t := range p.terms {
			v.lists[t.id] = x.memory.list(t.id)
		}
		for _, ph := range slices.Concat(p.must, p.mustNot) {
			for _, w := range ph {
				if w.stop {
					continue
				}
				for _, id := range w.ids {
					v.lists[id] = x.memory.list(id)
				}
			}
		}
		views = append(views, v)
	}
	return views
}

// searcher has the memory that a search needs. Searches share them in turn.
type searcher struct {
	analyser analyser
	cursors  []cursor
	order    []*cursor // by bound, the least first
	below    []uint32  // below[i] is the sum of the bounds of order[:i]
	scores   [window]uint32
	seen     [window / 64]uint64
	found    []candidate
	best     topK
	plan     *plan
	view     *view
	keep     Set
	must     []candidates
	mustNot  []candidates
}

// Search returns the papers that match q best, or the context's error when ctx
// ends first. A paper matches if it has any of the words, all of the phrases
// and nothing that is excluded; a query without words that are known matches
// nothing. The order is exactly that of the scores of all papers: skipping is
// only of what cannot be among the first K.
func (x *Index) Search(ctx context.Context, q Query) (Result, error) {
	if err := q.check(); err != nil {
		return Result{}, err
	}
	s, _ := x.pool.Get().(*searcher)
	defer s.release(x)
	x.mu.RLock()
	p := x.plan(q, &s.analyser)
	views := x.snapshot(p)
	papers := x.papers
	x.mu.RUnlock()
	result := Result{Dropped: p.dropped}
	for _, t := range p.terms {
		result.Terms = append(result.Terms, t.surface)
	}
	if p.never || len(p.terms) == 0 && !p.flat {
		return result, ctx.Err()
	}
	s.plan, s.keep = p, q.Keep
	s.best.reset(min(q.K, papers))
	var err error
	if set, ok := q.Keep.(CountedSet); ok && s.few(set, views) {
		err = s.scoreSet(ctx, set, views)
	} else {
		err = s.scoreAll(ctx, views)
	}
	if err != nil {
		return Result{}, err
	}
	result.Hits = s.best.hits(p.unit)
	return result, nil
}

func (s *searcher) release(x *Index) {
	s.plan, s.view, s.keep, s.must, s.mustNot = nil, nil, nil, nil, nil
	for i := range s.cursors {
		s.cursors[i].list = list{}
	}
	x.pool.Put(s)
}

// scoreAll searches all segments, the largest first, as it sets the bar.
func (s *searcher) scoreAll(ctx context.Context, views []view) error {
	slices.SortStableFunc(views, func(a, b view) int { return cmp.Compare(b.len(), a.len()) })
	for i := range views {
		s.view = &views[i]
		s.openCursors()
		s.must, s.mustNot = s.plan.constrain(s.view)
		for lo := 0; lo < s.view.len() && (s.plan.flat || len(s.cursors) > 0); lo += window {
			if err := ctx.Err(); err != nil {
				return err
			}
			hi := uint32(min(lo+window, s.view.len()))
			if s.plan.flat {
				s.sweep(uint32(lo), hi)
				continue
			}
			s.scan(uint32(lo), hi)
		}
	}
	return nil
}

// openCursors opens a cursor for each term that the segment has.
func (s *searcher) openCursors() {
	if cap(s.cursors) < len(s.plan.terms) {
		s.cursors = make([]cursor, len(s.plan.terms))
	}
	s.cursors, s.order = s.cursors[:cap(s.cursors)], s.order[:0]
	n := 0
	for i := range s.plan.terms {
		t := &s.plan.terms[i]
		if l := s.view.list(t.id); l.count > 0 {
			s.cursors[n].open(l, t)
			s.order = append(s.order, &s.cursors[n])
			n++
		}
	}
	s.cursors = s.cursors[:n]
}

// scan scores the documents of one window: MaxScore (Turtle and Flood, 1995)
// over block bounds (Ding and Suel, 2011; in windows as in Lucene since 2023).
// Terms whose bounds together stay below the bar cannot alone bring a document
// in: they are only looked up for documents that others have found.
func (s *searcher) scan(lo, hi uint32) {
	for _, c := range s.order {
		c.limit(s.plan, lo, hi)
	}
	slices.SortFunc(s.order, func(a, b *cursor) int { return cmp.Compare(a.bound, b.bound) })
	bar := s.best.bar()
	s.below = append(s.below[:0], 0)
	optional := 0
	for i, c := range s.order {
		sum := s.below[i] + c.bound
		s.below = append(s.below, sum)
		if sum < bar {
			optional = i + 1
		}
	}
	for _, c := range s.order[optional:] {
		if c.bound > 0 {
			s.accumulate(c, lo, hi, true)
		}
	}
	if optional < len(s.order) {
		s.collect(lo, hi, optional)
	}
}

// sweep takes all documents of one window that the phrases are in.
func (s *searcher) sweep(lo, hi uint32) {
	for doc := lo; doc < hi; doc++ {
		s.consider(doc, flatScore)
	}
}

// flatScore is the score of what a query matches that has no words to score.
const flatScore = 1

// accumulate adds the contributions of one term to the window's scores, and
// marks the documents if it brings them in.
func (s *searcher) accumulate(c *cursor, lo, hi uint32, mark bool) {
	p, lengths := s.plan, s.view.lengths
	k0, kl, scaled := p.k0, p.kl, c.term.scaled
	if c.term.exact {
		k0, kl = 0, 0
	}
	c.each(lo, hi, func(docs, tfs []uint32) {
		if mark {
			for _, doc := range docs {
				s.seen[(doc-lo)>>6] |= 1 << ((doc - lo) & 63)
			}
		}
		for i, doc := range docs {
			f := float64(tfs[i])
			norm := k0 + float64(kl*float64(lengths[doc]))
			at := doc - lo
			s.scores[at] += uint32(scaled * f / (f + norm))
		}
	})
}

// candidate is a document whose score is not complete.
type candidate struct{ doc, score uint32 }

// collect takes the window's documents to the best ones, and clears the window.
// Optional terms are looked up one after the other, the greatest bound first;
// after each, documents that can no longer reach the bar are dropped.
func (s *searcher) collect(lo, hi uint32, optional int) {
	bar := s.best.bar()
	rest := s.below[optional]
	s.found = s.found[:0]
	for w := range s.seen {
		for left := s.seen[w]; left != 0; left &= left - 1 {
			at := uint32(w*64 + bits.TrailingZeros64(left))
			if score := s.scores[at]; score+rest >= bar {
				s.found = append(s.found, candidate{lo + at, score})
			}
			s.scores[at] = 0
		}
		s.seen[w] = 0
	}
	for i := optional - 1; i >= 0 && len(s.found) > 0; i-- {
		if c := s.order[i]; c.bound > 0 {
			s.complete(c, lo, hi, bar, s.below[i])
		}
	}
	for _, f := range s.found {
		s.consider(f.doc, f.score)
	}
}

// seekCost is how many postings can be added up in the time of one seek.
const seekCost = 3

// complete adds the contributions of an optional term to the candidates, and
// drops those that cannot reach the bar with what is left to come.
func (s *searcher) complete(c *cursor, lo, hi, bar, rest uint32) {
	if c.crowd < seekCost*len(s.found) {
		s.accumulate(c, lo, hi, false)
		for i, f := range s.found {
			s.found[i].score += s.scores[f.doc-lo]
		}
		clear(s.scores[:])
	} else {
		for i, f := range s.found {
			if tf := c.seek(f.doc); tf > 0 {
				s.found[i].score += s.plan.contribution(c.term, tf, s.view.lengths[f.doc])
			}
		}
	}
	kept := 0
	for _, f := range s.found {
		s.found[kept] = f
		if f.score+rest >= bar {
			kept++
		}
	}
	s.found = s.found[:kept]
}

// consider takes a document to the best ones if it belongs there.
func (s *searcher) consider(doc, score uint32) {
	ordinal := s.view.ordinals[doc]
	if !s.best.takes(score, ordinal) || s.view.dead.has(doc) || s.keep != nil && !s.keep.Contains(ordinal) {
		return
	}
	if s.allowed(doc) {
		s.best.put(score, ordinal)
	}
}

// allowed says whether a document has what it must, and nothing that it must not.
func (s *searcher) allowed(doc uint32) bool {
	for i := range s.must {
		if !s.must[i].match(s.view, doc) {
			return false
		}
	}
	for i := range s.mustNot {
		if s.mustNot[i].match(s.view, doc) {
			return false
		}
	}
	return true
}
