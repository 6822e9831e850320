package match

import (
	"cmp"
	"slices"

	"akin/internal/feed"
	"akin/internal/paper"
	"akin/internal/vec"
)

// BatchPapers is how many papers are best held against a set at a time.
const BatchPapers = 256

// Set holds papers against many rules at a time. It belongs to one goroutine.
type Set struct {
	basis *Basis
	rules []*Rule
	// known are the numbers of terms; unknown are the names that have none yet.
	known   terms
	unknown []string
	words   map[uint32][]posting
	byName  map[string][]int32
	// near are the rules that go by vectors, parallel to what follows.
	near   []int32
	matrix []float32 // [len(near)][prefix]
	rests  []float32
	// needs is the least cosine that matches without words, and slopes what the words
	// count for, in cosines.
	needs, slopes []float32
	place         []int32 // of a rule in near, or -1

	off map[uint32]bool // feeds that get nothing now
	// average is the greatest of the rules' average lengths.
	average float64

	sums    []float32 // by rule: what words count, of one paper
	touched []int32
	bounds  []float32
	ids     []uint32
}

// posting is a rule that has a term, and what the term counts for it.
type posting struct {
	rule   int32
	weight float32
}

// NewSet makes a set of rules. resolve gives the numbers of terms by their names.
func NewSet(basis *Basis, rules []*Rule, resolve func(names []string) (ids []uint32, found []bool, err error)) (*Set, error) {
	s := &Set{
		basis: basis, rules: rules, known: make(terms), words: make(map[uint32][]posting), byName: make(map[string][]int32),
		place: make([]int32, len(rules)), off: make(map[uint32]bool), sums: make([]float32, len(rules)),
	}
	names := make(map[string]bool)
	for i, r := range rules {
		s.place[i] = -1
		if r.Calibration.Waits != feed.WaitsForNothing {
			continue
		}
		s.add(int32(i), r)
		if r.Calibration.Lexical == 0 {
			continue
		}
		for _, t := range r.Calibration.Terms {
			if !names[t.Name] {
				names[t.Name] = true
				s.unknown = append(s.unknown, t.Name)
			}
		}
	}
	s.ids, s.bounds = numbers(len(s.near)), make([]float32, len(s.near))
	return s, s.Resolve(resolve)
}

// add puts a rule where papers will meet it, but for its words.
func (s *Set) add(at int32, r *Rule) {
	seen := make(map[string]bool)
	for i := range r.names {
		if key := r.names[i].key(); !seen[key] {
			seen[key] = true
			s.byName[key] = append(s.byName[key], at)
		}
	}
	c := r.Calibration
	s.average = max(s.average, c.AverageLength)
	if len(r.Feed.Query.Authors) > 0 || c.Semantic == 0 {
		return
	}
	if len(c.Vector) != s.basis.dim {
		return // of another space: it is calibrated anew
	}
	prefix, rest := r.turned(s.basis)
	s.place[at] = int32(len(s.near))
	s.near = append(s.near, at)
	s.matrix = append(s.matrix, prefix...)
	s.rests = append(s.rests, rest)
	s.needs = append(s.needs, float32((c.Threshold-c.Offset)/c.Semantic))
	s.slopes = append(s.slopes, float32(c.Lexical/c.Semantic))
}

// turned gives the rule's vector in a basis; it keeps that for the next set.
func (r *Rule) turned(x *Basis) ([]float32, float32) {
	if r.basis != x {
		r.prefix = make([]float32, len(x.ids))
		r.rest = x.turn(r.prefix, r.Calibration.Vector)
		r.basis = x
	}
	return r.prefix, r.rest
}

// Resolve looks for the numbers of terms that no paper had before. It must be called
// before papers are matched that may have brought some.
func (s *Set) Resolve(resolve func(names []string) (ids []uint32, found []bool, err error)) error {
	if len(s.unknown) == 0 {
		return nil
	}
	ids, found, err := resolve(s.unknown)
	if err != nil {
		return err
	}
	fresh := make(map[string]uint32)
	left := s.unknown[:0]
	for i, name := range s.unknown {
		if found[i] {
			s.known[name], fresh[name] = ids[i], ids[i]
		} else {
			left = append(left, name)
		}
	}
	s.unknown = left
	if len(fresh) == 0 {
		return nil
	}
	for i, r := range s.rules {
		if r.Calibration.Waits != feed.WaitsForNothing || r.Calibration.Lexical == 0 {
			continue
		}
		for _, t := range r.Calibration.Terms {
			if id, ok := fresh[t.Name]; ok {
				s.words[id] = append(s.words[id], posting{int32(i), float32(t.Weight)})
			}
		}
	}
	return nil
}

// Pause makes the set leave feeds out, by id, and take all others in again.
func (s *Set) Pause(feeds []uint32) {
	clear(s.off)
	for _, id := range feeds {
		s.off[id] = true
	}
}

// PauseMore leaves further feeds out.
func (s *Set) PauseMore(feeds []uint32) {
	for _, id := range feeds {
		s.off[id] = true
	}
}

// Match finds what holding each paper against each rule finds, in the order of papers,
// and for one paper in that of feeds' ids. read gives the record of a paper by its
// position; nil for one that is gone.
func (s *Set) Match(papers []Paper, read func(i int) *paper.Record) []Hit {
	var hits []Hit
	for i := range papers {
		hits = s.one(i, &papers[i], func() *paper.Record { return read(i) }, hits)
	}
	return hits
}

// one holds one paper against all rules.
func (s *Set) one(at int, p *Paper, read func() *paper.Record, hits []Hit) []Hit {
	from := len(hits)
	try := func(rule int32) {
		r := s.rules[rule]
		if s.off[r.Feed.ID] {
			return
		}
		if h, ok := r.matches(p, s.known, read); ok {
			h.Paper = at
			hits = append(hits, h)
		}
	}
	s.weigh(p)
	s.byVector(p, try)
	for _, rule := range s.touched {
		if s.place[rule] < 0 { // those that go by vectors were tried
			try(rule)
		}
		s.sums[rule] = 0
	}
	if len(s.byName) > 0 && p.Fields != 0 {
		s.byAuthors(read(), try)
	}
	mine := hits[from:]
	slices.SortFunc(mine, func(a, b Hit) int { return cmp.Compare(a.Rule.Feed.ID, b.Rule.Feed.ID) })
	return hits
}

// weigh adds up at least what the words of a paper count, by rule: as if all rules took
// it for as short as any of them does.
func (s *Set) weigh(p *Paper) {
	s.touched = s.touched[:0]
	for _, t := range p.Counts.Terms {
		list := s.words[t.ID]
		if len(list) == 0 {
			continue
		}
		most := float32(saturated(t.Count, p.Counts.Length, s.average))
		for _, x := range list {
			if s.sums[x.rule] == 0 {
				s.touched = append(s.touched, x.rule)
			}
			s.sums[x.rule] += x.weight * most
		}
	}
}

// byVector tries the rules that are near enough, or may be.
func (s *Set) byVector(p *Paper, try func(rule int32)) {
	if len(s.near) == 0 || len(p.Vector) != s.basis.dim {
		return
	}
	prefix := make([]float32, len(s.basis.ids))
	rest := s.basis.turn(prefix, p.Vector)
	vec.DotRows(s.bounds, prefix, s.matrix, s.ids)
	for i, bound := range s.bounds {
		rule := s.near[i]
		if bound+rest*s.rests[i]+s.slopes[i]*s.sums[rule]*(1+slack)+slack >= s.needs[i] {
			try(rule)
		}
	}
}

// byAuthors tries the rules that have a name like one of the paper's authors.
func (s *Set) byAuthors(record *paper.Record, try func(rule int32)) {
	if record == nil {
		return
	}
	var rules []int32
	for i := range record.Authors {
		n := readName(record.Authors[i].Name)
		rules = append(rules, s.byName[n.key()]...)
	}
	slices.Sort(rules)
	for _, rule := range slices.Compact(rules) {
		try(rule)
	}
}
