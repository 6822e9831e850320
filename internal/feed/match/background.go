package match

import (
	"cmp"
	"math"
	"slices"

	"akin/internal/catalog"
	"akin/internal/feed"
	"akin/internal/vec"
)

const (
	// Version is that of the rules by which feeds are calibrated. It is raised with every
	// change of scores: of how words are analysed too, since a calibration names its
	// words as the index compares them. Feeds of another version are calibrated anew,
	// once. 2: British and American spellings are one word; 3: names keep their signs.
	Version = 3
	// BackgroundPapers is how many papers stand for a collection, or all if there are
	// fewer.
	BackgroundPapers = 20_000
	// LeastBackground is how many there must be at least.
	LeastBackground = 100
	// candidates is how many of the best by meaning, and by words, say how scores are
	// spread: those that a search would standardise over.
	candidates = 1_000
	// semanticShare is the semantic side's share of a hybrid score, as in searches, and
	// tasteShare that of a library's, as in recommendations.
	semanticShare = 0.6
	tasteShare    = 0.5
	// fewVectors are compared with a background one by one.
	fewVectors = 4
	// MostTextTerms is how many words of its text a feed goes by.
	MostTextTerms = 64
	// MostPaperTerms is how many words of its paper a feed goes by.
	MostPaperTerms = 24
	// MostLibraryTerms is how many words of its library a feed goes by.
	MostLibraryTerms = 16
)

// Background is papers that stand for a collection.
type Background struct {
	dim, papers int
	ids         map[string]int32
	vectors     []float32 // [papers][dim]
	rows        []uint32
	words       map[uint32][]counted
	lengths     []uint32
	average     float64
}

// counted is a paper that has a term.
type counted struct {
	paper int32
	count uint32
}

// NewBackground makes a background of papers with their vectors, and, where the catalog
// counts words, with these; those without a vector are left out.
func NewBackground(dim int, papers []Paper) *Background {
	g := &Background{dim: dim, ids: make(map[string]int32, len(papers)), words: make(map[uint32][]counted)}
	total := 0.0
	for i := range papers {
		p := &papers[i]
		if len(p.Vector) != dim {
			continue
		}
		at := int32(g.papers)
		g.papers++
		g.ids[p.ID] = at
		g.vectors = append(g.vectors, p.Vector...)
		g.lengths = append(g.lengths, p.Counts.Length)
		total += float64(p.Counts.Length)
		for _, t := range p.Counts.Terms {
			g.words[t.ID] = append(g.words[t.ID], counted{at, t.Count})
		}
	}
	g.rows = numbers(g.papers)
	g.average = total / float64(max(1, g.papers))
	return g
}

// Papers is how many papers the background has.
func (g *Background) Papers() int { return g.papers }

// AverageLength is how long its papers are.
func (g *Background) AverageLength() float64 { return g.average }

// Basis gives the main axes of the background.
func (g *Background) Basis() *Basis { return NewBasis(g.dim, g.vectors) }

// Asked is what a feed asks for, as it is calibrated.
type Asked struct {
	// Vector is float32 [dim], unit length; nil where meaning has no part.
	Vector []float32
	// Terms are words with what each counts; IDs are their numbers, parallel to them, and
	// Found says which have one.
	Terms []feed.Term
	IDs   []uint32
	Found []bool
	// Own are ids of papers that are the query itself, and no background.
	Own []string
}

// Calibrating is a feed that is calibrated: what it asks for, and what is made of that.
type Calibrating struct {
	Feed  *feed.Feed
	Asked Asked
	// Made gets what the feed is matched by; it has all else already.
	Made *feed.Calibration
}

// Calibrate sets what feeds are matched by. Each is calibrated as if it were alone.
func (g *Background) Calibrate(all ...Calibrating) {
	var some []Calibrating
	var vectors [][]float32
	for _, x := range all {
		x.Made.Version, x.Made.Background = Version, g.papers
		switch {
		case len(x.Feed.Query.Authors) > 0:
			continue
		case g.papers < LeastBackground:
			x.Made.Waits = feed.WaitsForPapers
			continue
		}
		if x.Feed.Mode != feed.Lexical {
			x.Made.Vector = x.Asked.Vector
		}
		if some, vectors = append(some, x), append(vectors, x.Made.Vector); len(some) == vec.PanelWidth {
			g.calibrate(some, vectors)
			some, vectors = some[:0], vectors[:0]
		}
	}
	g.calibrate(some, vectors)
}

// calibrate calibrates a few feeds, whose vectors are compared together.
func (g *Background) calibrate(all []Calibrating, vectors [][]float32) {
	for i, near := range g.near(vectors) {
		g.one(&all[i], near)
	}
}

// one calibrates a feed, given its cosines with the background.
func (g *Background) one(x *Calibrating, near []float32) {
	c := x.Made
	c.AverageLength = g.average
	if x.Feed.Mode != feed.Semantic {
		c.Terms = x.Asked.Terms
	}
	words := g.weigh(c, x.Asked)
	own := make(map[int32]bool)
	for _, id := range x.Asked.Own {
		if at, ok := g.ids[id]; ok {
			own[at] = true
		}
	}
	g.mix(x.Feed, c, near, words, own)
	scores := make([]float64, 0, g.papers)
	for i := range g.papers {
		if !own[int32(i)] {
			scores = append(scores, float64(c.Semantic*float64(near[i]))+float64(c.Lexical*words[i])+c.Offset)
		}
	}
	setThreshold(x.Feed, c, scores)
}

// setThreshold takes the score that a share of the background exceeds.
func setThreshold(f *feed.Feed, c *feed.Calibration, scores []float64) {
	c.Background = len(scores)
	if len(scores) == 0 {
		c.Waits = feed.WaitsForPapers
		return
	}
	n := float64(len(scores))
	kept := min(len(scores), max(1, int(math.Ceil(n*feed.Broad.Share()))))
	raise(scores, kept)
	slices.SortFunc(scores[:kept], func(a, b float64) int { return cmp.Compare(b, a) })
	c.Threshold = scores[max(1, int(math.Round(n*f.Breadth.Share())))-1]
	c.Best = make([]float32, kept)
	for i := range c.Best {
		c.Best[i] = float32(scores[i])
	}
}

// near gives the cosines of the background with vectors: zeros for one that is nil.
func (g *Background) near(vectors [][]float32) [][]float32 {
	out := make([][]float32, len(vectors))
	for j := range out {
		out[j] = make([]float32, g.papers)
	}
	if len(vectors) < fewVectors {
		for j, v := range vectors {
			if len(v) == g.dim {
				vec.DotRows(out[j], v, g.vectors, g.rows)
			}
		}
		return out
	}
	panel := make([]float32, g.dim*vec.PanelWidth)
	for j, v := range vectors {
		for k, x := range v {
			panel[k*vec.PanelWidth+j] = x
		}
	}
	dst := make([]float32, chunkRules*vec.PanelWidth)
	for from := 0; from < g.papers; from += chunkRules {
		to := min(from+chunkRules, g.papers)
		vec.DotPanel(dst, g.vectors[from*g.dim:to*g.dim], panel, g.dim)
		for i := from; i < to; i++ {
			for j := range out {
				out[j][i] = dst[(i-from)*vec.PanelWidth+j]
			}
		}
	}
	return out
}

// weigh gives what the words of the background count.
func (g *Background) weigh(c *feed.Calibration, asked Asked) []float64 {
	out := make([]float64, g.papers)
	if len(c.Terms) == 0 {
		return out
	}
	for i, t := range c.Terms {
		if !asked.Found[i] {
			continue
		}
		for _, x := range g.words[asked.IDs[i]] {
			out[x.paper] += float64(t.Weight * saturated(x.count, g.lengths[x.paper], g.average))
		}
	}
	return out
}

// mix says how much meaning and words count. Each is measured in deviations from its mean
// over the best of the background by either: over those that a search would rank.
func (g *Background) mix(f *feed.Feed, c *feed.Calibration, near []float32, words []float64, own map[int32]bool) {
	hasWords := slices.ContainsFunc(words, func(w float64) bool { return w > 0 })
	switch {
	case f.Mode == feed.Lexical:
		c.Lexical = 1
		return
	case f.Mode == feed.Semantic || !hasWords:
		c.Semantic, c.Terms = 1, nil
		return
	}
	var nears, weights []float64
	for i := range union(best(near, candidates), best(words, candidates)) {
		if !own[i] {
			nears, weights = append(nears, float64(near[i])), append(weights, words[i])
		}
	}
	share := semanticShare
	if f.Query.Library != "" {
		share = tasteShare
	}
	// In an order that no map decides, so that sums come out the same.
	slices.Sort(nears)
	slices.Sort(weights)
	nearMean, nearSpread := moments(nears)
	wordsMean, wordsSpread := moments(weights)
	c.Semantic, c.Lexical = share/nearSpread, (1-share)/wordsSpread
	c.Offset = -float64(c.Semantic*nearMean) - float64(c.Lexical*wordsMean)
}

// best gives the positions of the n greatest numbers above 0, in no order; of those that
// are equal to the least of them, the first.
func best[F float32 | float64](scores []F, n int) []int32 {
	positive := make([]F, 0, len(scores))
	for _, s := range scores {
		if s > 0 {
			positive = append(positive, s)
		}
	}
	least := F(0)
	if len(positive) > n {
		raise(positive, n)
		least = slices.Min(positive[:n])
	}
	out := make([]int32, 0, n)
	for i, s := range scores {
		if s > least {
			out = append(out, int32(i))
		}
	}
	for i, s := range scores {
		if len(out) == min(n, len(positive)) {
			break
		}
		if s == least && s > 0 {
			out = append(out, int32(i))
		}
	}
	return out
}

// raise moves the n greatest numbers to the front, in no order (Hoare, Algorithm 65: find,
// 1961).
func raise[F float32 | float64](x []F, n int) {
	for low, high := 0, len(x)-1; low < high; {
		pivot := x[low+(high-low)/2]
		i, j := low, high
		for i <= j {
			for x[i] > pivot {
				i++
			}
			for x[j] < pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case n-1 <= j:
			high = j
		case n-1 >= i:
			low = i
		default:
			return
		}
	}
}

func union(a, b []int32) map[int32]bool {
	all := make(map[int32]bool, len(a)+len(b))
	for _, list := range [][]int32{a, b} {
		for _, i := range list {
			all[i] = true
		}
	}
	return all
}

// moments are the mean and the standard deviation of a list; the latter is 1 where there
// is none to divide by.
func moments(scores []float64) (mean, deviation float64) {
	for _, s := range scores {
		mean += s
	}
	mean /= float64(max(1, len(scores)))
	for _, s := range scores {
		deviation += float64((s - mean) * (s - mean))
	}
	if deviation = math.Sqrt(deviation / float64(max(1, len(scores)))); deviation < 1e-9 {
		return mean, 1
	}
	return mean, deviation
}

// Weigh gives the weightiest words of a text: how often it has each times how rare it is.
func Weigh(text []catalog.TextTerm, papers uint32, frequency func(i int) uint32, most int) []feed.Term {
	out := make([]feed.Term, len(text))
	for i, t := range text {
		out[i] = feed.Term{Name: t.Name, Weight: float64(t.Count) * Rarity(papers, frequency(i))}
		if t.Joined {
			out[i].Weight /= 2
		}
	}
	return Heaviest(out, most)
}

// Rarity is BM25's idf of a term that some of the papers have.
func Rarity(papers, having uint32) float64 {
	return math.Log1p((float64(max(papers, having)) - float64(having) + 0.5) / (float64(having) + 0.5))
}

// Heaviest keeps the terms that count most, in that order, ties by name.
func Heaviest(all []feed.Term, most int) []feed.Term {
	slices.SortFunc(all, func(a, b feed.Term) int { return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Name, b.Name)) })
	return slices.Clip(all[:min(most, len(all))])
}
