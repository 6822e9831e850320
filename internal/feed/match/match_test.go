package match

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"akin/internal/catalog"
	"akin/internal/feed"
	"akin/internal/paper"
	"akin/internal/vec"
)

// world is made-up papers and feeds, of clusters, so that some are near each other.
type world struct {
	random  *rand.Rand
	dim     int
	centres [][]float32
	names   []string
}

func newWorld(seed uint64, dim int) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 1)), dim: dim}
	for range 12 {
		w.centres = append(w.centres, w.near(nil))
	}
	for _, family := range []string{"Lovelace", "Turing", "Müller", "van der Maaten", "Li", "O'Neill", "Smith"} {
		for _, given := range []string{"Ada", "A.", "Alan M.", "Laurens", "J. R.", "Jean-Pierre", ""} {
			w.names = append(w.names, given+" "+family, family+", "+given)
		}
	}
	return w
}

// near makes a vector near another, or anywhere.
func (w *world) near(to []float32) []float32 {
	v := make([]float32, w.dim)
	for {
		for i := range v {
			v[i] = float32(w.random.NormFloat64())
			if to != nil {
				v[i] = to[i] + v[i]*float32(0.15*w.random.Float64())
			}
		}
		if vec.Normalize(v) == nil {
			return v
		}
	}
}

func (w *world) paper(n int) Paper {
	p := Paper{
		Ref: paper.Ref{ID: fmt.Sprintf("p%d", n), Handle: uint32(n + 1)}, Sequence: uint64(n + 1), Fields: paper.AllFields,
		Vector: w.near(w.centres[w.random.IntN(len(w.centres))]),
	}
	for id := range uint32(60) {
		if w.random.IntN(6) == 0 {
			p.Counts.Terms = append(p.Counts.Terms, catalog.TermCount{ID: id, Count: 1 + uint32(w.random.IntN(5))})
			p.Counts.Length += 10
		}
	}
	r := &paper.Record{Paper: paper.Paper{ID: p.ID, Categories: []string{"c" + fmt.Sprint(w.random.IntN(3))}}}
	for range w.random.IntN(4) {
		r.Authors = append(r.Authors, paper.Author{Name: w.names[w.random.IntN(len(w.names))]})
	}
	p.Record = r
	switch w.random.IntN(10) {
	case 0:
		p.Vector = nil // gone
		p.Record, p.Counts = nil, catalog.Counted{}
	case 1:
		p.Fields = paper.FieldCategories | paper.FieldUpdateTime
	case 2:
		p.Fields = paper.FieldSignals | paper.FieldUpdateTime
	}
	return p
}

func termName(id uint32) string { return fmt.Sprintf("t%d", id) }

// numbers of terms: those of 50 and up are not known at first.
func (w *world) resolve(below uint32) func([]string) ([]uint32, []bool, error) {
	return func(names []string) ([]uint32, []bool, error) {
		ids, found := make([]uint32, len(names)), make([]bool, len(names))
		for i, name := range names {
			_, err := fmt.Sscanf(name, "t%d", &ids[i])
			found[i] = err == nil && ids[i] < below
		}
		return ids, found, nil
	}
}

func (w *world) feed(id uint32, g *Background) *Rule {
	f := feed.Feed{ID: id, Breadth: feed.Breadth(1 + w.random.IntN(5)), Mode: feed.Mode(w.random.IntN(3)), Since: uint64(w.random.IntN(100))}
	if w.random.IntN(2) == 0 {
		f.Filter = fmt.Sprintf("category = c%d", w.random.IntN(4))
	}
	asked := Asked{Vector: w.near(w.centres[w.random.IntN(len(w.centres))])}
	for range w.random.IntN(6) {
		id := uint32(w.random.IntN(70))
		name := termName(id)
		if slices.ContainsFunc(asked.Terms, func(t feed.Term) bool { return t.Name == name }) {
			continue
		}
		asked.Terms, asked.IDs = append(asked.Terms, feed.Term{Name: name, Weight: 0.1 + 3*w.random.Float64()}), append(asked.IDs, id)
		asked.Found = append(asked.Found, id < 50)
	}
	switch w.random.IntN(5) {
	case 0:
		for range 1 + w.random.IntN(4) {
			f.Query.Authors = append(f.Query.Authors, w.names[w.random.IntN(len(w.names))])
		}
	case 1:
		f.Query.Library = "main"
	case 2:
		f.Query.PaperID = fmt.Sprintf("p%d", w.random.IntN(600))
		asked.Own = []string{f.Query.PaperID}
	default:
		f.Query.Text = "text"
	}
	c := &feed.Calibration{}
	g.Calibrate(Calibrating{&f, asked, c})
	if w.random.IntN(20) == 0 {
		c.Waits = feed.WaitsForLikes
	}
	r, err := Compile(f, c)
	if err != nil {
		panic(err)
	}
	return r
}

// TestSetIsBruteForce holds what a Set finds against holding each paper against each rule.
func TestSetIsBruteForce(t *testing.T) {
	for _, c := range []struct {
		dim, background int
		rules           uint32
	}{{3, 400, 300}, {64, 400, 300}, {384, 400, 300}, {384, 150, 300}, {16, 150, 2*chunkRules + 100}} {
		dim := c.dim
		w := newWorld(uint64(dim), dim)
		var before, papers []Paper
		for i := range c.background {
			before = append(before, w.paper(1000+i))
		}
		for i := range 500 {
			papers = append(papers, w.paper(i))
		}
		g := NewBackground(dim, before)
		var rules []*Rule
		for id := range c.rules {
			rules = append(rules, w.feed(id+1, g))
		}
		set, err := NewSet(g.Basis(), rules, w.resolve(50))
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Resolve(w.resolve(65)); err != nil { // some words come later
			t.Fatal(err)
		}
		set.Pause([]uint32{7, 8})
		known := make(map[string]uint32)
		for id := range uint32(65) {
			known[termName(id)] = id
		}
		var want []Hit
		for i := range papers {
			for _, r := range rules {
				if h, ok := r.Match(&papers[i], known); ok && r.Feed.ID != 7 && r.Feed.ID != 8 {
					h.Paper = i
					want = append(want, h)
				}
			}
		}
		got := set.Match(papers, func(i int) *paper.Record { return papers[i].Record })
		if len(want) < 500 {
			t.Errorf("%+v: only %d matches, which tests little", c, len(want))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: a set finds %d, brute force %d, which are others", c, len(got), len(want))
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"Ada Lovelace", "Lovelace, Ada", true},
		{"Ada Lovelace", "A. Lovelace", true},
		{"ADA LOVELACE", "ada  lovelace", true},
		{"Ada King Lovelace", "Ada Lovelace", true},
		{"Ada K. Lovelace", "Ada King Lovelace", true},
		{"Ada K. Lovelace", "Ada B. Lovelace", false},
		{"Ada Lovelace", "Alan Lovelace", false},
		{"A. Lovelace", "Alan Lovelace", true},
		{"Ada Lovelace", "Lovelace", false},
		{"Plato", "Plato", true},
		{"Jürgen Müller", "Jurgen Muller", true},
		{"van der Maaten, Laurens", "Laurens van der Maaten", true},
		{"L. van der Maaten", "Maaten, Laurens van der", true},
		{"Jean-Pierre Serre", "J.-P. Serre", true},
		{"J. P. Serre", "Jean Serre", true},
		{"Martin King Jr.", "King, Martin", true},
		{"King, Jr., Martin", "Martin King", false},
		{"", "", false},
		{"123", "123", false},
		{"李 明", "李 明", true},
		{"Sean O'Neill", "S. O’Neill", true},
	} {
		a, b := readName(c.a), readName(c.b)
		if got := a.same(&b); got != c.same || b.same(&a) != got {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
		if c.same && a.key() != b.key() {
			t.Errorf("%q and %q have keys %q and %q", c.a, c.b, a.key(), b.key())
		}
	}
}

func TestThreshold(t *testing.T) {
	w := newWorld(9, 16)
	var papers []Paper
	for i := range 2000 {
		p := w.paper(i)
		if p.Vector == nil {
			p.Vector = w.near(nil)
		}
		papers = append(papers, p)
	}
	g := NewBackground(16, papers)
	last := 0
	for _, breadth := range []feed.Breadth{feed.Strict, feed.Focused, feed.Balanced, feed.Wide, feed.Broad} {
		f := feed.Feed{Breadth: breadth, Mode: feed.Semantic, Query: feed.Query{Text: "x"}}
		c := &feed.Calibration{}
		g.Calibrate(Calibrating{&f, Asked{Vector: w.centres[0]}, c})
		r, err := Compile(f, c)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for i := range papers {
			p := papers[i]
			p.Fields = paper.AllFields
			if _, ok := r.Match(&p, nil); ok {
				n++
			}
		}
		if want := max(1, int(2000*breadth.Share()+.5)); n != want || n < last {
			t.Errorf("breadth %d lets %d of 2,000 through, want %d", breadth, n, want)
		}
		last = n
		if p := c.Percentile(c.Threshold); p > 100 || p < 100*(1-breadth.Share())-0.1 {
			t.Errorf("the threshold of breadth %d is at the percentile %v", breadth, p)
		}
	}
}
