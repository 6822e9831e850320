package match

import (
	"cmp"
	"math"
	"slices"

	"akin/internal/feed"
	"akin/internal/paper"
	"akin/internal/vec"
)

const (
	// BatchPapers is how many papers are best held against a set at a time.
	BatchPapers = 256
	// groupPapers is how many of them are compared at a time with the rules of a chunk,
	// chunkRules, so that what is compared stays in the processor's caches.
	groupPapers = 4 * vec.PanelWidth
	chunkRules  = 480
	// firstNumbers is how many numbers of a vector are compared at first; mostPrefix those
	// that are for what is left.
	firstNumbers = 96
	// besides are the two columns behind them: the length of the rest, and what is needed.
	besides = 2
)

// Set holds papers against many rules at a time. It belongs to one goroutine.
type Set struct {
	basis  *Basis
	rules  []*Rule
	terms  [][]numbered // of each rule, as far as they have numbers
	words  words
	scored scored
	panels []panel
	// byName leads from names to the rules that have one like it; readsOfNames are the
	// parts of a paper that any of these looks at.
	byName       map[string][]int32
	readsOfNames paper.Fields
	off          map[uint32]bool // feeds that get nothing now
}

// NewSet makes a set of rules. resolve gives the numbers of terms by their names.
func NewSet(basis *Basis, rules []*Rule, resolve func(names []string) (ids []uint32, found []bool, err error)) (*Set, error) {
	s := &Set{
		basis: basis, rules: rules, terms: make([][]numbered, len(rules)), words: newWords(rules), scored: newScored(basis),
		panels: make([]panel, groupPapers/vec.PanelWidth), byName: make(map[string][]int32), off: make(map[uint32]bool),
	}
	for i, r := range rules {
		if r.Calibration.Waits != feed.WaitsForNothing {
			continue
		}
		s.addNames(int32(i), r)
		// A vector of another space is made anew.
		if c := r.Calibration; len(r.names) == 0 && c.Semantic != 0 && len(c.Vector) == basis.dim {
			s.scored.add(int32(i), r, r.turned(basis))
		}
	}
	for i, r := range rules {
		if hasWords(r) && r.Calibration.Semantic == 0 {
			s.scored.add(int32(i), r, nil)
		}
	}
	s.scored.words = make([]vec.Sparse, (len(s.scored.rules)+chunkRules-1)/chunkRules)
	return s, s.Resolve(resolve)
}

// addNames puts a rule where the names of authors lead to it.
func (s *Set) addNames(at int32, r *Rule) {
	seen := make(map[string]bool)
	for i := range r.names {
		s.readsOfNames |= r.reads
		if key := r.names[i].key(); !seen[key] {
			seen[key] = true
			s.byName[key] = append(s.byName[key], at)
		}
	}
}

// turned gives the rule's vector in a basis; it keeps that for the next set.
func (r *Rule) turned(x *Basis) *turned {
	if r.basis != x {
		t := x.turn(r.Calibration.Vector)
		r.basis, r.inBasis = x, &t
	}
	return r.inBasis
}

// Resolve looks for the numbers of terms that no paper had before. It must be called
// before papers are matched that may have brought some.
func (s *Set) Resolve(resolve func(names []string) (ids []uint32, found []bool, err error)) error {
	concerned, err := s.words.resolve(resolve)
	s.number(concerned)
	return err
}

// Pause makes the set leave feeds out, by id, and take all others in again.
func (s *Set) Pause(feeds []uint32) {
	clear(s.off)
	s.PauseMore(feeds)
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
	for from := 0; from < len(papers); from += groupPapers {
		g := &group{Set: s, papers: papers[from:min(from+groupPapers, len(papers))], from: from, read: read}
		hits = append(hits, g.match()...)
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Paper, b.Paper), cmp.Compare(a.Rule.Feed.ID, b.Rule.Feed.ID))
	})
	return hits
}

// group is a few papers that are held against all rules.
type group struct {
	*Set
	papers []Paper
	from   int
	read   func(i int) *paper.Record
	turned []turned
	hits   []Hit
}

func (g *group) match() []Hit {
	if len(g.scored.rules) > 0 {
		g.byScores()
	}
	for i := range g.papers {
		g.byAuthors(i)
	}
	return g.hits
}

// try decides a pair exactly.
func (g *group) try(rule int32, i int) {
	r, p := g.rules[rule], &g.papers[i]
	if g.off[r.Feed.ID] || !r.open(p) {
		return
	}
	if h, ok := r.decides(p, g.lexical(rule, i), func() *paper.Record { return g.read(g.from + i) }); ok {
		h.Paper = g.from + i
		g.hits = append(g.hits, h)
	}
}

// lexical is Rule.lexical, of a paper whose words are in a panel.
func (g *group) lexical(rule int32, i int) float64 {
	sum := 0.0
	in, column := &g.panels[i/vec.PanelWidth], i%vec.PanelWidth
	for _, t := range g.terms[rule] {
		if n := in.counts[in.words.Row(uint32(t.at))*vec.PanelWidth+column]; n > 0 {
			sum += g.rules[rule].counts(t.weight, n, &g.papers[i])
		}
	}
	return sum
}

// byScores compares the group with the rules that score papers, chunk by chunk, so that
// what is compared stays in the processor's caches.
func (g *group) byScores() {
	g.turn()
	n := len(g.scored.rules)
	out := make([]float32, min(chunkRules, n)*vec.PanelWidth)
	for from := 0; from < n; from += chunkRules {
		to := min(from+chunkRules, n)
		for at := 0; at < len(g.papers); at += vec.PanelWidth {
			g.scored.over(out, from, to, &g.panels[at/vec.PanelWidth])
			g.enough(out[:(to-from)*vec.PanelWidth], from, at)
		}
	}
}

// turn makes panels of the papers.
func (g *group) turn() {
	g.turned = make([]turned, len(g.papers))
	for i := range g.papers {
		if len(g.papers[i].Vector) == g.basis.dim {
			g.turned[i] = g.basis.turn(g.papers[i].Vector)
		}
	}
	for at := 0; at < len(g.papers); at += vec.PanelWidth {
		end := min(at+vec.PanelWidth, len(g.papers))
		p := &g.panels[at/vec.PanelWidth]
		p.setNumbers(g.turned[at:end], &g.scored)
		p.setWords(g.papers[at:end], &g.words)
	}
}

// enough tries the pairs of rules and papers of which the bounds leave enough.
func (g *group) enough(over []float32, rule, paper int) {
	for i := 0; i < len(over); i += vec.PanelWidth {
		row := over[i : i+vec.PanelWidth : i+vec.PanelWidth]
		all := uint32(1 << 31) // the sign of all
		for _, x := range row {
			all &= math.Float32bits(x)
		}
		if all != 0 {
			continue
		}
		at := rule + i/vec.PanelWidth
		for j, x := range row[:min(vec.PanelWidth, len(g.papers)-paper)] {
			if x >= 0 && g.scored.closer(at, x, &g.turned[paper+j]) >= 0 {
				g.try(g.scored.rules[at], paper+j)
			}
		}
	}
}

// byAuthors tries the rules that have a name like one of the paper's authors.
func (g *group) byAuthors(i int) {
	if len(g.byName) == 0 || g.papers[i].Fields&g.readsOfNames == 0 {
		return
	}
	record := g.read(g.from + i)
	if record == nil {
		return
	}
	var rules []int32
	for a := range record.Authors {
		n := readName(record.Authors[a].Name)
		rules = append(rules, g.byName[n.key()]...)
	}
	slices.Sort(rules)
	for _, rule := range slices.Compact(rules) {
		g.try(rule, i)
	}
}
