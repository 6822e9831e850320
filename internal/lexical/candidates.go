package lexical

import (
	"cmp"
	"context"
	"slices"
)

// nowhere is the leaf of a paper that is not there.
const nowhere = -1

// place is where a view has a paper: in which of its segments, of which memory is the
// one behind the last, and under which local number.
type place struct {
	leaf  int32
	local uint32
}

// places finds papers: parallel to ordinals.
func (v *View) places(ctx context.Context, ordinals []uint32) ([]place, error) {
	out := make([]place, len(ordinals))
	for i := range out {
		out[i].leaf = nowhere
	}
	if v.docs.len() > 0 {
		v.chunks(len(ordinals), func(from, to int) {
			for i, ordinal := range ordinals[from:to] {
				if local, ok := v.memory.findAmong(ordinal, v.docs.len()); ok && !v.memoryDead.has(local) {
					out[from+i] = place{int32(len(v.segments)), local}
				}
			}
		})
	}
	for i, ordinal := range ordinals {
		if i%window == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for j := range v.segments {
			if out[i].leaf != nowhere {
				break
			}
			s := &v.segments[j]
			if local, ok := s.find(ordinal); ok && !s.dead.has(local) {
				out[i] = place{int32(j), local}
			}
		}
	}
	return out, ctx.Err()
}

// at gives the paper at a place; without a record where there is none.
func (v *View) at(p place) found {
	switch {
	case p.leaf == nowhere:
		return found{}
	case int(p.leaf) < len(v.segments):
		s := &v.segments[p.leaf]
		return found{s.record(p.local), s.lengths[p.local]}
	}
	return found{v.docs.record(p.local), v.docs.lengths[p.local]}
}

// What scores candidates: their records, each of which costs so much as recordReads
// postings, or the postings of the query's terms, of which a candidate touches a block
// at most, and takes seekReads to be looked for. Measured by BenchmarkScore.
const (
	recordReads = 512
	seekReads   = 4
)

// postingsPay says whether the postings of a plan's terms score so many candidates
// sooner than their records do.
func (v *View) postingsPay(p *plan, candidates int) bool {
	touched := seekReads * candidates * len(p.terms)
	for i := range p.terms {
		touched += min(int(v.df.at(p.terms[i].id)), candidates*blockLen)
	}
	return touched < recordReads*candidates
}

// sum is what the terms of a query add up to in a paper, and whether it has any.
type sum struct {
	score uint32
	any   bool
}

// sums adds up the contributions of a plan's terms to papers, by postings: what matcher
// has by their records, but for phrases.
func (r *Reading) sums(ctx context.Context, places []place) ([]sum, error) {
	out := make([]sum, len(places))
	order := make([]int32, 0, len(places))
	for i := range places {
		if places[i].leaf != nowhere {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := places[a], places[b]
		return cmp.Or(cmp.Compare(x.leaf, y.leaf), cmp.Compare(x.local, y.local))
	})
	leaves := r.leaves()
	s, _ := r.v.x.pool.Get().(*searcher)
	defer s.release(r.v.x)
	s.plan = r.p
	for from := 0; from < len(order); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		leaf, to := places[order[from]].leaf, from
		for to < len(order) && places[order[to]].leaf == leaf {
			to++
		}
		s.leaf = &leaves[leaf]
		s.seekAll(order[from:to], places, out)
		from = to
	}
	return out, ctx.Err()
}

// at gives the totals of some papers.
func (t totals) at(places []place) []sum {
	out := make([]sum, len(places))
	for i, p := range places {
		if p.leaf != nowhere {
			score := t[p.leaf][p.local]
			out[i] = sum{score, score > 0}
		}
	}
	return out
}

// seekAll adds up the contributions to papers of one leaf, in the order of their numbers.
func (s *searcher) seekAll(order []int32, places []place, out []sum) {
	s.openCursors()
	for i := range s.cursors {
		c := &s.cursors[i]
		for _, at := range order {
			local := places[at].local
			if tf := c.seek(local); tf > 0 {
				out[at].score += s.plan.contribution(c.term, tf, s.leaf.lengths[local])
				out[at].any = true
			} else if c.block == c.end() {
				break
			}
		}
	}
}
