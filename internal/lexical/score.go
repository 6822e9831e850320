package lexical

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strconv"

	"akin/internal/paper"
)

// recordCost is how many postings can be scored in the time that scoring one
// record takes.
const recordCost = 128

// few says whether scoring what a set holds costs less than searching.
func (s *searcher) few(set paper.CountedSet, leaves []leaf) bool {
	n := set.GetCardinality()
	for i := range leaves {
		if leaves[i].seg == nil {
			n += uint64(leaves[i].len()) / 8 // each is looked up in the set
		}
	}
	return n*recordCost < s.plan.postings
}

// scoreSet scores the papers of a set one by one, through their records.
func (s *searcher) scoreSet(ctx context.Context, set paper.CountedSet, leaves []leaf) error {
	m := s.plan.matcher()
	try := func(v *leaf, local, ordinal uint32) {
		if v.dead.has(local) {
			return
		}
		if score, ok := m.score(found{v.record(local), v.lengths[local]}); ok && s.best.takes(score, ordinal) {
			s.best.put(score, ordinal)
		}
	}
	for i := range leaves {
		v := &leaves[i]
		if v.seg == nil {
			for local, ordinal := range v.ordinals {
				if local%step == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
				if set.Contains(ordinal) {
					try(v, uint32(local), ordinal)
				}
			}
			continue
		}
		n := 0
		set.Iterate(func(ordinal uint32) bool {
			if local, ok := v.find(ordinal); ok {
				try(v, local, ordinal)
			}
			n++
			return n%step != 0 || ctx.Err() == nil
		})
	}
	return ctx.Err()
}

// matcher scores records one by one. It belongs to one goroutine.
type matcher struct {
	p      *plan
	terms  recordTerms
	counts []uint32
	reader *reader // nil if there are no phrases
}

func (p *plan) matcher() *matcher {
	return &matcher{p: p, counts: make([]uint32, len(p.terms)), reader: p.reader()}
}

// count counts the plan's terms in a record, weighted as in postings, and says
// whether there is any.
func (m *matcher) count(record []byte) (any bool) {
	clear(m.counts)
	m.terms.read(record, fieldID)
	for n, id := range m.terms.ids {
		if !m.p.marks.may(id) {
			continue
		}
		if i, ok := m.p.table.at(id); ok {
			weight := uint32(1)
			if n < m.terms.titles {
				weight = titleWeight
			}
			m.counts[i] += weight
			any = true
		}
	}
	return any
}

// score gives a paper's score as Search has it, and whether the paper matches.
func (m *matcher) score(f found) (uint32, bool) {
	if !m.count(f.record) && !m.p.flat || !m.allows(f.record) {
		return 0, false
	}
	if m.p.flat {
		return flatScore, true
	}
	sum := uint32(0)
	for i, tf := range m.counts {
		if tf > 0 {
			sum += m.p.contribution(&m.p.terms[i], uint32(capped(tf)), f.length)
		}
	}
	return sum, true
}

// allows says whether a paper has what it must, and nothing that it must not.
func (m *matcher) allows(record []byte) bool {
	if m.reader == nil {
		return true
	}
	m.reader.read(record)
	for _, ph := range m.p.must {
		if !m.reader.has(ph) {
			return false
		}
	}
	for _, ph := range m.p.mustNot {
		if m.reader.has(ph) {
			return false
		}
	}
	return true
}

// raiseShare is by how much all phrases of ModeMarked together raise a score.
const raiseShare = 0.2

// raised is what the phrases that a paper has multiply its score by.
func (m *matcher) raised(record []byte) float64 {
	if len(m.p.raise) == 0 {
		return 1
	}
	m.reader.read(record)
	n := 0
	for _, ph := range m.p.raise {
		if m.reader.has(ph) {
			n++
		}
	}
	return 1 + raiseShare*float64(n)/float64(len(m.p.raise))
}

// raiseHits raises hits by the phrases that they have, and puts them in order.
func (r *Reading) raiseHits(ctx context.Context, hits []Hit) error {
	if len(r.p.raise) == 0 {
		return nil
	}
	ordinals := make([]uint32, len(hits))
	for i, h := range hits {
		ordinals[i] = h.Ordinal
	}
	m := r.p.matcher()
	err := r.each(ctx, ordinals, func(i int, paper found) { hits[i].Score *= m.raised(paper.record) })
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Ordinal, b.Ordinal))
	})
	return err
}

// each calls f for the papers under ordinals that are there.
func (r *Reading) each(ctx context.Context, ordinals []uint32, f func(i int, paper found)) error {
	papers, err := r.v.look(ctx, ordinals)
	if err != nil {
		return err
	}
	for i, paper := range papers {
		if i%step == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if paper.record != nil {
			f(i, paper)
		}
	}
	return ctx.Err()
}

// Score gives the scores of papers that something else has found: what Search
// gives them, and 0 for a paper that does not match or is not there.
func (r *Reading) Score(ctx context.Context, ordinals []uint32) ([]float64, error) {
	defer runtime.KeepAlive(r)
	if r.p.never {
		return make([]float64, len(ordinals)), ctx.Err()
	}
	places, err := r.v.places(ctx, ordinals)
	if err != nil {
		return nil, err
	}
	if all := r.totals.Load(); all != nil {
		return r.scoreSums(ctx, places, all.at(places))
	}
	if r.p.flat || !r.v.postingsPay(r.p, len(ordinals)) {
		return r.scoreRecords(ctx, places)
	}
	sums, err := r.sums(ctx, places)
	if err != nil {
		return nil, err
	}
	return r.scoreSums(ctx, places, sums)
}

// scoreRecords is Score by the records of papers.
func (r *Reading) scoreRecords(ctx context.Context, places []place) ([]float64, error) {
	scores := make([]float64, len(places))
	m := r.p.matcher()
	for i, at := range places {
		if i%step == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if at.leaf == nowhere {
			continue
		}
		paper := r.v.at(at)
		if score, ok := m.score(paper); ok {
			scores[i] = float64(score) * r.p.unit * m.raised(paper.record)
		}
	}
	return scores, ctx.Err()
}

// scoreSums is Score by what the query's terms add up to; phrases are looked for in the
// records of what has any of them.
func (r *Reading) scoreSums(ctx context.Context, places []place, sums []sum) ([]float64, error) {
	scores := make([]float64, len(places))
	m := r.p.matcher()
	for i, s := range sums {
		if i%step == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !s.any {
			continue
		}
		record := r.v.at(places[i]).record
		if m.allows(record) {
			scores[i] = float64(s.score) * r.p.unit * m.raised(record)
		}
	}
	return scores, ctx.Err()
}

// Allows says which papers that something else has found the query allows: those
// that have its phrases and nothing that it excludes, whether or not any of its
// words is there. A paper that is not in the index is not allowed.
func (r *Reading) Allows(ctx context.Context, ordinals []uint32) ([]bool, error) {
	defer runtime.KeepAlive(r)
	allowed := make([]bool, len(ordinals))
	if r.p.never {
		return allowed, ctx.Err()
	}
	m := r.p.matcher()
	err := r.each(ctx, ordinals, func(i int, paper found) { allowed[i] = m.allows(paper.record) })
	return allowed, err
}

// Match is a term that a query and a paper share.
type Match struct {
	// Term is the word as the query writes it.
	Term string
	// Score is its part of the paper's score.
	Score float64
	// Title and Abstract are how often the fields have it.
	Title, Abstract int
}

// Matches says which terms of the query papers have, those first that add most to
// a paper's score; nil for a paper that is not there. Whether a paper has the
// query's phrases does not matter.
func (r *Reading) Matches(ctx context.Context, ordinals []uint32) ([][]Match, error) {
	defer runtime.KeepAlive(r)
	out := make([][]Match, len(ordinals))
	err := r.each(ctx, ordinals, func(i int, paper found) { out[i] = r.p.matches(paper) })
	return out, err
}

func (p *plan) matches(f found) []Match {
	matches := make([]Match, len(p.terms))
	tfs := make([]uint32, len(p.terms))
	for t := readTokens(f.record); t.next(); {
		i, ok := p.places[t.id]
		if !ok {
			continue
		}
		tfs[i] += fieldWeight(t.field)
		switch t.field {
		case fieldTitle:
			matches[i].Title++
		case fieldAbstract:
			matches[i].Abstract++
		}
	}
	for i := range matches {
		if tfs[i] > 0 {
			matches[i].Term = p.terms[i].surface
			matches[i].Score = float64(p.contribution(&p.terms[i], uint32(capped(tfs[i])), f.length)) * p.unit
		}
	}
	matches = slices.DeleteFunc(matches, func(m Match) bool { return m.Term == "" })
	slices.SortStableFunc(matches, func(a, b Match) int { return cmp.Compare(b.Score, a.Score) })
	return matches
}

func missing(ordinal uint32) error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: paper.ReasonPaperNotFound,
		Message: "the lexical index has no such paper", Metadata: map[string]string{"ordinal": strconv.FormatUint(uint64(ordinal), 10)},
	}
}
