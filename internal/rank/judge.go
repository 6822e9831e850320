package rank

import (
	"context"
	"math"

	"akin/internal/vec"
)

const (
	// manyExamples is how many examples make it worth to compare papers with all of
	// them at once, and judgedTogether how many papers are, whose vectors are read
	// again for every panel of examples.
	manyExamples   = 2 * vec.PanelWidth
	judgedTogether = 96
)

// Judge gives the contributions of examples to papers, whose vectors are given, parallel
// to them: those of Contributions over all similarities, bit for bit. With many examples
// it compares all papers with all examples in another order of additions, which is
// several times as fast, and then, as Similarities does, those that can be among the
// greatest by a bound of what the order changes. Its only error is the context's.
func Judge(ctx context.Context, likes, dislikes *Examples, papers [][]float32, top int) ([][]Contribution, error) {
	out := make([][]Contribution, len(papers))
	if max(len(likes.ids), len(dislikes.ids)) < manyExamples {
		var a, b Scratch
		for i, v := range papers {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			out[i] = Contributions(likes.Similarities(v, &a), dislikes.Similarities(v, &b), top)
		}
		return out, nil
	}
	up := newJury(likes, top, func(weight float64) float64 { return weight })
	down := newJury(dislikes, 1, func(weight float64) float64 { return 2 * weight / (1 + weight) })
	heaviest := 0.0
	for _, w := range likes.weights {
		heaviest = math.Max(heaviest, w)
	}
	for from := 0; from < len(papers); from += judgedTogether {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		some := papers[from:min(from+judgedTogether, len(papers))]
		up.compare(some)
		down.compare(some)
		for i, v := range some {
			best := make([]Contribution, 0, top+1)
			for at, n := range up.nearest(i, v) {
				best = offer(best, up.seats[i].examples[at], n, top)
			}
			var worst Contribution
			for at, n := range down.nearest(i, v) {
				if taken := n.taken(); taken < worst.Value {
					worst = Contribution{Example: down.seats[i].examples[at], Value: taken}
				}
			}
			out[from+i] = conclude(best, heaviest, worst)
		}
	}
	return out, nil
}

// jury finds, of some papers at a time, the examples whose similarity times force can be
// among the greatest.
type jury struct {
	*Examples
	top    int
	force  []float64 // by which a similarity counts
	panels []float32 // the examples, interleaved in panels
	// rounding bounds how far two orders of additions lie apart.
	rounding float64
	matrix   []float32 // the vectors of the papers at hand
	dots     []float32
	seats    []seat
	dim      int
	few      []uint32
	scratch  Scratch
}

// seat is what is known of a paper: examples that may be among the greatest, the most
// that each can be, and the least of what the greatest are at least, best first.
type seat struct {
	examples []int
	most     []float64
	least    []float64
}

func newJury(x *Examples, top int, force func(weight float64) float64) *jury {
	j := &jury{Examples: x, top: top, force: make([]float64, len(x.weights)), seats: make([]seat, judgedTogether)}
	if len(x.ids) == 0 {
		return j
	}
	j.dim = len(x.rows) / len(x.ids)
	// Of a sum of d products of unit vectors, in either order, and some for lengths
	// that are only nearly 1.
	j.rounding = float64(j.dim) * 0x1p-22
	for i, w := range x.weights {
		j.force[i] = force(w)
	}
	j.panels = make([]float32, (len(x.ids)+vec.PanelWidth-1)/vec.PanelWidth*vec.PanelWidth*j.dim)
	for i := range x.ids {
		panel := j.panels[i/vec.PanelWidth*vec.PanelWidth*j.dim:]
		for k, value := range x.rows[i*j.dim : (i+1)*j.dim] {
			panel[k*vec.PanelWidth+i%vec.PanelWidth] = value
		}
	}
	j.matrix, j.dots = make([]float32, judgedTogether*j.dim), make([]float32, judgedTogether*vec.PanelWidth)
	return j
}

// compare compares all examples with some papers, judgedTogether at most.
func (j *jury) compare(papers [][]float32) {
	if len(j.ids) == 0 {
		return
	}
	for i, v := range papers {
		copy(j.matrix[i*j.dim:(i+1)*j.dim], v)
		s := &j.seats[i]
		s.examples, s.most, s.least = s.examples[:0], s.most[:0], s.least[:0]
	}
	size := vec.PanelWidth * j.dim
	for p := 0; p*size < len(j.panels); p++ {
		vec.DotPanel(j.dots, j.matrix[:len(papers)*j.dim], j.panels[p*size:(p+1)*size], j.dim)
		first := p * vec.PanelWidth
		force := j.force[first:min(first+vec.PanelWidth, len(j.force))]
		for i := range papers {
			dots := j.dots[i*vec.PanelWidth:][:vec.PanelWidth]
			for k, f := range force {
				j.seats[i].consider(first+k, float64(dots[k]), j.rounding, f, j.top)
			}
		}
	}
}

// consider keeps an example that may be among the greatest so far.
func (s *seat) consider(example int, similarity, rounding, force float64, top int) {
	most := math.Max(0, similarity+rounding) * force
	if len(s.least) == top && most < s.least[top-1] {
		return
	}
	s.examples, s.most = append(s.examples, example), append(s.most, most)
	least := math.Max(0, similarity-rounding) * force
	at := len(s.least)
	for at > 0 && s.least[at-1] < least {
		at--
	}
	switch {
	case len(s.least) < top:
		s.least = append(s.least, 0)
	case at == top:
		return
	}
	copy(s.least[at+1:], s.least[at:])
	s.least[at] = least
}

// nearest gives the similarities of a paper with the examples that are left in its seat,
// parallel to them and valid until the next call.
func (j *jury) nearest(i int, v []float32) []Near {
	if len(j.ids) == 0 {
		return nil
	}
	s := &j.seats[i]
	n := 0
	j.few = j.few[:0]
	for at, example := range s.examples {
		if len(s.least) < j.top || s.most[at] >= s.least[len(s.least)-1] {
			s.examples[n] = example
			j.few = append(j.few, uint32(example))
			n++
		}
	}
	s.examples = s.examples[:n]
	return j.among(v, j.few, &j.scratch)
}
