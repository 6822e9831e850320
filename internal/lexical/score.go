package lexical

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"

	"akin/internal/paper"
)

// recordCost is how many postings can be scored in the time that scoring one
// record takes.
const recordCost = 128

// few says whether scoring what a set holds costs less than searching.
func (s *searcher) few(set CountedSet, views []view) bool {
	n := set.GetCardinality()
	for i := range views {
		if views[i].seg == nil {
			n += uint64(views[i].len()) / 8 // each is looked up in the set
		}
	}
	return n*recordCost < s.plan.postings
}

// scoreSet scores the papers of a set one by one, through their records.
func (s *searcher) scoreSet(ctx context.Context, set CountedSet, views []view) error {
	counts := make([]uint32, len(s.plan.terms))
	try := func(v *view, local, ordinal uint32) {
		if v.dead.has(local) {
			return
		}
		if score, ok := s.plan.score(v.record(local), v.lengths[local], counts); ok && s.best.takes(score, ordinal) {
			s.best.put(score, ordinal)
		}
	}
	for i := range views {
		v := &views[i]
		if v.seg == nil {
			for local, ordinal := range v.ordinals {
				if set.Contains(ordinal) {
					try(v, uint32(local), ordinal)
				}
			}
			continue
		}
		set.Iterate(func(ordinal uint32) bool {
			if local, ok := v.find(ordinal); ok {
				try(v, local, ordinal)
			}
			return ctx.Err() == nil
		})
	}
	return ctx.Err()
}

// count counts the plan's terms in a record, weighted as in postings, and says
// whether there is any.
func (p *plan) count(record []byte, counts []uint32) (any bool) {
	clear(counts)
	for t := readTokens(record); t.next(); {
		if p.marks[t.id>>6&63]&(1<<(t.id&63)) == 0 {
			continue
		}
		if i, ok := p.places[t.id]; ok {
			counts[i] += fieldWeight(t.field)
			any = true
		}
	}
	return any
}

// score gives a paper's score as Search has it, and whether the paper matches.
func (p *plan) score(record []byte, length uint16, counts []uint32) (uint32, bool) {
	if !p.count(record, counts) && !p.flat || !p.allows(record) {
		return 0, false
	}
	if p.flat {
		return flatScore, true
	}
	sum := uint32(0)
	for i, tf := range counts {
		if tf > 0 {
			sum += p.contribution(&p.terms[i], uint32(capped(tf)), length)
		}
	}
	return sum, true
}

// allows says whether a paper has what it must, and nothing that it must not.
func (p *plan) allows(record []byte) bool {
	for _, ph := range p.must {
		if !ph.in(record) {
			return false
		}
	}
	for _, ph := range p.mustNot {
		if ph.in(record) {
			return false
		}
	}
	return true
}

// found is a live paper's record.
type found struct {
	record []byte
	length uint16
}

// look finds a paper. The caller holds the read lock; the record may be read
// without it.
func (x *Index) look(ordinal uint32) (found, bool) {
	d, local, _ := x.locate(ordinal)
	if d == nil {
		return found{}, false
	}
	return found{d.record(local), d.lengths[local]}, true
}

// places plans a query and finds papers, at one state of the index. A paper that
// is not there has no record.
func (x *Index) places(q Query, s *searcher, ordinals []uint32) (*plan, []found) {
	places := make([]found, len(ordinals))
	x.mu.RLock()
	defer x.mu.RUnlock()
	p := x.plan(q, &s.analyser)
	for i, ordinal := range ordinals {
		places[i], _ = x.look(ordinal)
	}
	return p, places
}

// Score gives the scores of papers that something else has found: what Search
// gives them for the same query, whose K and Keep do not matter, and 0 for a
// paper that does not match or is not there.
func (x *Index) Score(ctx context.Context, q Query, ordinals []uint32) ([]float64, error) {
	s, _ := x.pool.Get().(*searcher)
	defer s.release(x)
	p, places := x.places(q, s, ordinals)
	scores := make([]float64, len(ordinals))
	counts := make([]uint32, len(p.terms))
	for i, f := range places {
		if i%window == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if f.record == nil || p.never {
			continue
		}
		if score, ok := p.score(f.record, f.length, counts); ok {
			scores[i] = float64(score) * p.unit
		}
	}
	return scores, ctx.Err()
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

// MatchedTerms says which terms of a query the paper under an ordinal has,
// those first that add most to its score. K and Keep do not matter, and neither
// does whether the paper has the query's phrases.
func (x *Index) MatchedTerms(q Query, ordinal uint32) ([]Match, error) {
	s, _ := x.pool.Get().(*searcher)
	defer s.release(x)
	x.mu.RLock()
	p := x.plan(q, &s.analyser)
	f, ok := x.look(ordinal)
	x.mu.RUnlock()
	if !ok {
		return nil, missing(ordinal)
	}
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
	return matches, nil
}

func missing(ordinal uint32) error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: paper.ReasonPaperNotFound,
		Message: "the lexical index has no such paper", Metadata: map[string]string{"ordinal": strconv.FormatUint(uint64(ordinal), 10)},
	}
}

// TermWeight is a part of a paper's term vector.
type TermWeight struct {
	// ID is the term's number. Numbers hold for this Index value only.
	ID uint32
	// Term is a word to show for it: the shortest of those that share its stem.
	Term   string
	Weight float32
}

// Vector gives the term vector of the paper under an ordinal: weights
// (1 + ln tf) × √idf, scaled to unit length, in the order of ID (Manning, Raghavan
// and Schütze, Introduction to Information Retrieval, 2008, section 6.4, but for
// the root: the product of two papers then has the idf of a word once, as BM25
// has it, and not squared). A word of the title counts as one of the abstract. It
// is empty for a paper without words. Identifiers are not part of it.
func (x *Index) Vector(ordinal uint32) ([]TermWeight, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	f, ok := x.look(ordinal)
	if !ok {
		return nil, missing(ordinal)
	}
	ids := make([]uint32, 0, 256)
	for t := readTokens(f.record); t.next(); {
		if t.field != fieldID {
			ids = append(ids, t.id)
		}
	}
	slices.Sort(ids)
	vector := make([]TermWeight, 0, len(ids))
	square := 0.0
	for i := 0; i < len(ids); {
		id, from := ids[i], i
		for i < len(ids) && ids[i] == id {
			i++
		}
		w := (1 + math.Log(float64(i-from))) * math.Sqrt(idf(x.papers, x.lexicon.df[id]))
		square += float64(w * w)
		vector = append(vector, TermWeight{ID: id, Term: x.lexicon.shown[id], Weight: float32(w)})
	}
	norm := float32(1 / math.Sqrt(square))
	for i := range vector {
		vector[i].Weight *= norm
	}
	return vector, nil
}
