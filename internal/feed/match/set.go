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
	firstNumbers = 64
	// besides are the two columns behind them: the length of the rest, and what is needed.
	besides = 2
)

// Set holds papers against many rules at a time. It belongs to one goroutine.
type Set struct {
	basis *Basis
	rules []*Rule
	// known are the numbers of terms; unknown are the names that have none yet. terms are
	// those of each rule, as far as they have one.
	known   terms
	unknown []string
	terms   [][]numbered
	words   map[uint32][]posting
	byName  map[string][]int32
	near    near
	// average is the greatest of the rules' average lengths.
	average float64
	off     map[uint32]bool // feeds that get nothing now

	sums    []float32 // by rule: what words count at most, of one paper
	touched []int32
}

// near are the rules that go by vectors.
type near struct {
	rules []int32
	place []int32 // of a rule among them, or -1
	// matrix is [len(rules)][width]: the first numbers in the basis, the length of the rest,
	// and less what is needed, so that the product with a paper's says whether there is
	// enough.
	matrix []float32
	width  int
	// slopes are what words count for, in cosines.
	slopes []float32
}

// posting is a rule that has a term, and what the term counts for it.
type posting struct {
	rule   int32
	weight float32
}

// numbered is a term of a rule by its number.
type numbered struct {
	id     uint32
	weight float64
}

// NewSet makes a set of rules. resolve gives the numbers of terms by their names.
func NewSet(basis *Basis, rules []*Rule, resolve func(names []string) (ids []uint32, found []bool, err error)) (*Set, error) {
	s := &Set{
		basis: basis, rules: rules, known: make(terms), words: make(map[uint32][]posting), byName: make(map[string][]int32),
		terms: make([][]numbered, len(rules)), off: make(map[uint32]bool), sums: make([]float32, len(rules)),
	}
	s.near.place, s.near.width = make([]int32, len(rules)), s.first()+besides
	names := make(map[string]bool)
	for i, r := range rules {
		s.near.place[i] = -1
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
	return s, s.Resolve(resolve)
}

// first is how many numbers are compared at first.
func (s *Set) first() int { return min(firstNumbers, len(s.basis.ids)) }

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
	t := r.turned(s.basis)
	n := &s.near
	n.place[at] = int32(len(n.rules))
	n.rules = append(n.rules, at)
	n.matrix = append(append(n.matrix, t.prefix[:s.first()]...), t.after(s.first()), -(r.needs() - slack))
	n.slopes = append(n.slopes, float32(c.Lexical/c.Semantic)*(1+slack))
}

// needs is the least cosine that matches without words.
func (r *Rule) needs() float32 {
	return float32((r.Calibration.Threshold - r.Calibration.Offset) / r.Calibration.Semantic)
}

// turned is a vector in a basis.
type turned struct {
	prefix []float32
	// whole is the square of its length, rest the length of what is behind the prefix.
	whole float64
	rest  float32
}

// after is the length of what is left behind the first numbers.
func (t *turned) after(first int) float32 {
	part := vec.Norm(t.prefix[:first])
	return float32(math.Sqrt(max(0, t.whole-part*part)))
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
		changed := false
		for _, t := range r.Calibration.Terms {
			if id, ok := fresh[t.Name]; ok {
				s.words[id] = append(s.words[id], posting{int32(i), float32(t.Weight)})
				changed = true
			}
		}
		if changed {
			s.terms[i] = r.numbered(s.known)
		}
	}
	return nil
}

// numbered gives the rule's terms that have numbers, in their order.
func (r *Rule) numbered(known terms) (out []numbered) {
	for _, t := range r.Calibration.Terms {
		if id, ok := known[t.Name]; ok {
			out = append(out, numbered{id, t.Weight})
		}
	}
	return out
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
	// words are the rules that go by vectors and that have words of a paper, by chunk.
	words [][]wordy
	hits  []Hit
}

// wordy is a rule that has words of a paper: its place among those near, the paper, and
// what the words add at most, in cosines.
type wordy struct {
	place int32
	paper int32
	adds  float32
}

func (g *group) match() []Hit {
	n := &g.near
	g.words = make([][]wordy, (len(n.rules)+chunkRules-1)/chunkRules)
	for i := range g.papers {
		g.byWords(i)
	}
	if len(n.rules) > 0 {
		g.byVectors()
	}
	if len(g.byName) > 0 {
		for i := range g.papers {
			g.byAuthors(i)
		}
	}
	return g.hits
}

// try decides a pair exactly.
func (g *group) try(rule int32, i int) {
	r := g.rules[rule]
	if g.off[r.Feed.ID] {
		return
	}
	if h, ok := r.matches(&g.papers[i], g.terms[rule], func() *paper.Record { return g.read(g.from + i) }); ok {
		h.Paper = g.from + i
		g.hits = append(g.hits, h)
	}
}

// byWords adds up at least what the words of a paper count, by rule, as if all rules took
// it for as short as any of them does. It tries the rules that go by words alone, and
// leaves the others for when their vectors are compared.
func (g *group) byWords(i int) {
	p := &g.papers[i]
	g.touched = g.touched[:0]
	for _, t := range p.Counts.Terms {
		list := g.Set.words[t.ID]
		if len(list) == 0 {
			continue
		}
		most := float32(saturated(t.Count, p.Counts.Length, g.average))
		for _, x := range list {
			if g.sums[x.rule] == 0 {
				g.touched = append(g.touched, x.rule)
			}
			g.sums[x.rule] += x.weight * most
		}
	}
	for _, rule := range g.touched {
		if place := g.near.place[rule]; place >= 0 {
			chunk := place / chunkRules
			g.words[chunk] = append(g.words[chunk], wordy{place, int32(i), g.near.slopes[place] * g.sums[rule]})
		} else if r := g.rules[rule]; r.Calibration.Lexical*float64(g.sums[rule])*(1+slack)+r.Calibration.Offset >= r.Calibration.Threshold {
			g.try(rule, i)
		}
		g.sums[rule] = 0
	}
}

// byVectors compares the group with the rules that go by vectors, chunk by chunk.
func (g *group) byVectors() {
	n := &g.near
	panels := g.panels()
	dst := make([]float32, chunkRules*vec.PanelWidth*len(panels))
	for from := 0; from < len(n.rules); from += chunkRules {
		to := min(from+chunkRules, len(n.rules))
		rows := n.matrix[from*n.width : to*n.width]
		size := (to - from) * vec.PanelWidth
		for k, panel := range panels {
			out := dst[k*size : (k+1)*size]
			vec.DotPanel(out, rows, panel, n.width)
			g.enough(out, from, k*vec.PanelWidth)
		}
		for _, w := range g.words[from/chunkRules] {
			at := int(w.paper)/vec.PanelWidth*size + (int(w.place)-from)*vec.PanelWidth + int(w.paper)%vec.PanelWidth
			if over := dst[at]; over < 0 && over+w.adds >= 0 { // the others were tried
				g.tryNear(w.place, int(w.paper), w.adds)
			}
		}
	}
}

// panels turns the papers, and interleaves their first numbers. A paper without a vector
// is far from everything.
func (g *group) panels() [][]float32 {
	width, first := g.near.width, g.first()
	g.turned = make([]turned, len(g.papers))
	panels := make([][]float32, (len(g.papers)+vec.PanelWidth-1)/vec.PanelWidth)
	for k := range panels {
		panels[k] = make([]float32, width*vec.PanelWidth)
	}
	for i := range g.papers {
		panel, column := panels[i/vec.PanelWidth], i%vec.PanelWidth
		panel[(width-1)*vec.PanelWidth+column] = 1
		if len(g.papers[i].Vector) != g.basis.dim {
			continue
		}
		g.turned[i] = g.basis.turn(g.papers[i].Vector)
		for j, x := range g.turned[i].prefix[:first] {
			panel[j*vec.PanelWidth+column] = x
		}
		panel[first*vec.PanelWidth+column] = g.turned[i].after(first)
	}
	return panels
}

// enough tries the pairs of rules and papers of which the first numbers leave enough.
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
		for j, x := range row {
			if x >= 0 && paper+j < len(g.papers) {
				g.tryNear(int32(rule+i/vec.PanelWidth), paper+j, 0)
			}
		}
	}
}

// tryNear compares more numbers of a pair before it is decided. adds is what the words add
// at most beyond what they add in any case; it is looked for where that is not known.
func (g *group) tryNear(place int32, i int, adds float32) {
	t := &g.turned[i]
	if t.prefix == nil {
		return
	}
	rule := g.near.rules[place]
	r := g.rules[rule]
	if adds == 0 && r.Calibration.Lexical != 0 {
		g.try(rule, i)
		return
	}
	if bound := vec.Dot(t.prefix, r.inBasis.prefix) + t.rest*r.inBasis.rest + adds + slack; bound >= r.needs() {
		g.try(rule, i)
	}
}

// byAuthors tries the rules that have a name like one of the paper's authors.
func (g *group) byAuthors(i int) {
	if g.papers[i].Fields == 0 {
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
