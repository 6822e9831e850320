package lexical

import (
	"cmp"
	"context"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"akin/internal/paper"
)

// window is how many documents are scored at a time.
const window = 4096

// searcher has the memory that a search needs. Searches share them in turn.
type searcher struct {
	analyser analyser
	words    []queryWord
	arena    []byte
	cursors  []cursor
	order    []*cursor // by bound, the least first
	below    []uint32  // below[i] is the sum of the bounds of order[:i]
	scores   [window]uint32
	seen     [window / 64]uint64
	found    []candidate
	best     topK
	plan     *plan
	leaf     *leaf
	keep     Set
	demands  *demands
	weigher  weigher
	adder    adder
}

// Reading is a query as a view understands it: which words it looks for, and what
// they weigh. It may be used from any goroutine, as often as there is something to
// ask.
type Reading struct {
	v *View
	p *plan

	once sync.Once
	of   []leaf // what leaves gives
	// totals are what a search added up, if one has.
	totals atomic.Pointer[totals]
}

// leaves gives what the plan needs of all segments. Whoever asks has an own list of them,
// which share what they open.
func (r *Reading) leaves() []leaf {
	r.once.Do(func() { r.of = r.v.leaves(r.p) })
	return slices.Clone(r.of)
}

// Read reads the text of a query. Its only error is of a text that asks for too
// much, of kind Invalid.
func (v *View) Read(q Query) (*Reading, error) {
	defer runtime.KeepAlive(v)
	s, _ := v.x.pool.Get().(*searcher)
	defer s.release(v.x)
	p, err := v.plan(q, s)
	if err != nil {
		return nil, err
	}
	return &Reading{v: v, p: p}, nil
}

// Search is Read, and Search of what was read.
func (v *View) Search(ctx context.Context, q Query) (Result, error) {
	if err := q.check(); err != nil {
		return Result{}, err
	}
	r, err := v.Read(q)
	if err != nil {
		return Result{}, err
	}
	return r.Search(ctx, q.K, q.Keep)
}

// Search returns the k papers of a set, nil for all, that match best, or the
// context's error when ctx ends first. A paper matches if it has any of the words,
// all of the phrases and nothing that is excluded; a query without words that are
// known matches nothing. The order is exactly that of the scores of all papers:
// skipping is only of what cannot be among the first k. What ModeMarked raises it
// raises among those k.
func (r *Reading) Search(ctx context.Context, k int, keep Set) (Result, error) {
	defer runtime.KeepAlive(r)
	p := r.p
	result := Result{Dropped: p.dropped}
	for _, t := range p.terms {
		result.Terms = append(result.Terms, t.surface)
	}
	if p.never || len(p.terms) == 0 && !p.flat {
		return result, ctx.Err()
	}
	s, _ := r.v.x.pool.Get().(*searcher)
	defer s.release(r.v.x)
	leaves := r.leaves()
	s.plan, s.keep = p, keep
	s.best.reset(min(k, r.v.papers))
	var err error
	switch set, ok := keep.(paper.CountedSet); {
	case ok && s.few(set, leaves):
		err = s.scoreSet(ctx, set, leaves)
	case r.v.addsUp(p, k):
		err = r.scoreEvery(ctx, s, leaves)
	default:
		err = s.scoreAll(ctx, leaves)
	}
	if err != nil {
		return Result{}, err
	}
	result.Hits = s.best.hits(p.unit)
	return result, r.raiseHits(ctx, result.Hits)
}

// scoreEvery searches all segments by adding up all postings.
func (r *Reading) scoreEvery(ctx context.Context, s *searcher, leaves []leaf) error {
	all, err := s.addUp(ctx, leaves)
	if err != nil {
		return err
	}
	r.totals.Store(&all)
	return s.takeBest(ctx, leaves, all)
}

// mostKept is how much memory for words a searcher keeps for the next one.
const mostKept = 1 << 14

func (s *searcher) release(x *Index) {
	s.plan, s.leaf, s.keep, s.demands = nil, nil, nil, nil
	for all, i := s.cursors[:cap(s.cursors)], 0; i < len(all); i++ { // also those of leaves before the last
		all[i].list, all[i].lengths = list{}, nil
	}
	if cap(s.words) > mostKept {
		s.words, s.arena = nil, nil
	}
	x.pool.Put(s)
}

// scoreAll searches all segments, the largest first, as it sets the bar.
func (s *searcher) scoreAll(ctx context.Context, leaves []leaf) (err error) {
	slices.SortStableFunc(leaves, func(a, b leaf) int { return cmp.Compare(b.len(), a.len()) })
	for i := range leaves {
		s.leaf = &leaves[i]
		s.openCursors()
		if s.demands, err = s.leaf.demands(ctx, s.plan); err != nil {
			return err
		}
		for lo := 0; lo < s.leaf.len() && (s.plan.flat || len(s.cursors) > 0); lo += window {
			if err := ctx.Err(); err != nil {
				return err
			}
			hi := uint32(min(lo+window, s.leaf.len()))
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
	for i, l := range s.leaf.open(s.plan) {
		if l.count > 0 {
			s.cursors[n].open(l, &s.plan.terms[i], s.leaf.lengths)
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
	p, lengths := s.plan, s.leaf.lengths
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
	if c.inWindow < seekCost*len(s.found) {
		s.accumulate(c, lo, hi, false)
		for i, f := range s.found {
			s.found[i].score += s.scores[f.doc-lo]
		}
		clear(s.scores[:])
	} else {
		for i, f := range s.found {
			if tf := c.seek(f.doc); tf > 0 {
				s.found[i].score += s.plan.contribution(c.term, tf, s.leaf.lengths[f.doc])
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
	ordinal := s.leaf.ordinals[doc]
	if !s.best.takes(score, ordinal) || s.leaf.dead.has(doc) || s.keep != nil && !s.keep.Contains(ordinal) {
		return
	}
	if s.demands.meets(s.leaf, doc) {
		s.best.put(score, ordinal)
	}
}
