package lexical

import (
	"context"
	"math"
)

// Where a good part of all papers is asked for, skipping skips little. Adding up all
// postings, term by term, then takes a fraction of the time, and knows the scores of all
// papers, also of those that others will ask for (Score).

// Measured by BenchmarkAddUp, and with abstracts as queries: a search adds up that has
// addFrom terms at least, and asks for one of skipFrom papers at least.
const (
	addFrom  = 24
	skipFrom = 128
)

// addsUp says whether a search for k papers adds up all postings. Each must count, as it
// does but for terms that weigh next to nothing: a score of 0 says that a paper has none.
func (v *View) addsUp(p *plan, k int) bool {
	if p.flat || len(p.terms) < addFrom || v.papers > skipFrom*k {
		return false
	}
	for i := range p.terms {
		if t := &p.terms[i]; p.contribution(t, 1, math.MaxUint16) == 0 {
			return false
		}
	}
	return true
}

// totals are the scores of all papers by the terms of a plan, of each leaf in the order of
// Reading.leaves: what sums has of some.
type totals [][]uint32

// addUp adds up all postings of a plan's terms.
func (s *searcher) addUp(ctx context.Context, leaves []leaf) (totals, error) {
	out := make(totals, len(leaves))
	s.adder.begin(s.plan)
	for i := range leaves {
		s.leaf = &leaves[i]
		out[i] = make([]uint32, s.leaf.len())
		lists := s.leaf.open(s.plan)
		for t := range lists {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			s.adder.add(s.plan, &s.plan.terms[t], &lists[t], s.leaf.lengths, out[i])
		}
	}
	return out, nil
}

// takeBest takes the papers of leaves with the greatest totals to the best ones.
func (s *searcher) takeBest(ctx context.Context, leaves []leaf, of totals) (err error) {
	for i := range leaves {
		s.leaf = &leaves[i]
		if s.demands, err = s.leaf.demands(ctx, s.plan); err != nil {
			return err
		}
		bar := max(1, s.best.bar())
		for doc, score := range of[i] {
			if doc%window == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if score >= bar {
				s.consider(uint32(doc), score)
				bar = max(1, s.best.bar())
			}
		}
	}
	return nil
}

// tabledLengths is up to which length BM25's norm is computed once for a plan.
const tabledLengths = 1024

// adder adds postings up.
type adder struct {
	norms     [tabledLengths]float64 // k0 + kl × length, by length
	docs, tfs [blockLen]uint32
}

func (a *adder) begin(p *plan) {
	for length := range a.norms {
		a.norms[length] = p.norm(uint16(length))
	}
}

// add adds what a term contributes to the totals of the documents of a list.
func (a *adder) add(p *plan, t *weighted, l *list, lengths []uint16, totals []uint32) {
	for b := range l.blocks() {
		l.readDocs(b, &a.docs)
		l.readTFs(b, &a.tfs)
		a.addSome(p, t, a.docs[:], a.tfs[:], lengths, totals)
	}
	a.addSome(p, t, l.docs, l.tfs, lengths, totals)
}

// addSome adds p.contribution of each posting.
func (a *adder) addSome(p *plan, t *weighted, docs, tfs []uint32, lengths []uint16, totals []uint32) {
	if t.exact {
		for i, doc := range docs {
			totals[doc] += p.contribution(t, tfs[i], lengths[doc])
		}
		return
	}
	tfs = tfs[:len(docs)]
	scaled := t.scaled
	for i, doc := range docs {
		length := lengths[doc]
		if length >= tabledLengths {
			totals[doc] += p.contribution(t, tfs[i], length)
			continue
		}
		f := float64(tfs[i])
		totals[doc] += uint32(scaled * f / (f + a.norms[length]))
	}
}
