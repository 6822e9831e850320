package rank

import (
	"context"
	"math"
	"slices"

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
	heaviest := likes.heaviest(nil, 1)[0]
	bench := newBench(likes, dislikes, nil, 1, top)
	return out, bench.judge(ctx, papers, func(i int, v []float32) {
		best := bench.best(i, 0, v, make([]Contribution, 0, top+1))
		out[i] = conclude(best, heaviest, bench.worst(i, v))
	})
}

// Verdict is what examples contribute to the score of a paper.
type Verdict struct {
	// All are the contributions of all likes, without dislikes.
	All []Contribution
	// Apart are those of the likes of each group.
	Apart [][]Contribution
	// Dislike is what the nearest dislike takes away; its value is 0 if none does.
	Dislike Contribution
}

// Parts are the contributions of the likes of a group and of a dislike, if that takes
// anything away; they are a copy.
func (v *Verdict) Parts(group int) []Contribution {
	parts := append(make([]Contribution, 0, len(v.Apart[group])+1), v.Apart[group]...)
	if v.Dislike.Value < 0 {
		parts = append(parts, v.Dislike)
	}
	return parts
}

// JudgeApart tells of each paper, in order, what likes that fall into n groups and
// dislikes contribute: by all likes and by those of each group, as Contributions does, bit
// for bit. of says which group each like is of. A verdict holds until see returns. Its
// only error is the context's.
func JudgeApart(ctx context.Context, likes, dislikes *Examples, of []int, n int, papers [][]float32, top int, see func(i int, v *Verdict)) error {
	heaviest := likes.heaviest(of, n)
	greatest := math.Max(0, slices.Max(heaviest))
	verdict := Verdict{Apart: make([][]Contribution, n)}
	say := func(i int) {
		verdict.All = mergeBest(verdict.All, verdict.Apart, top)
		scale(verdict.All, greatest)
		for g, parts := range verdict.Apart {
			scale(parts, heaviest[g])
		}
		see(i, &verdict)
	}
	if max(len(likes.ids), len(dislikes.ids)) < manyExamples {
		var a, b Scratch
		for i, v := range papers {
			if err := ctx.Err(); err != nil {
				return err
			}
			for g := range verdict.Apart {
				verdict.Apart[g] = verdict.Apart[g][:0]
			}
			for at, l := range likes.Similarities(v, &a) {
				verdict.Apart[of[at]] = offer(verdict.Apart[of[at]], at, l, top)
			}
			verdict.Dislike = nearestDislike(dislikes.Similarities(v, &b))
			say(i)
		}
		return nil
	}
	bench := newBench(likes, dislikes, of, n, top)
	return bench.judge(ctx, papers, func(i int, v []float32) {
		for g := range verdict.Apart {
			verdict.Apart[g] = bench.best(i, g, v, verdict.Apart[g][:0])
		}
		verdict.Dislike = bench.worst(i, v)
		say(i)
	})
}

// heaviest is the greatest weight of each of n groups; of nil is one group.
func (x *Examples) heaviest(of []int, n int) []float64 {
	out := make([]float64, n)
	for i, w := range x.weights {
		g := 0
		if of != nil {
			g = of[i]
		}
		out[g] = math.Max(out[g], w)
	}
	return out
}

// mergeBest gives the greatest parts of all groups, of equal ones those of the first
// examples, as if all had been offered in turn.
func mergeBest(out []Contribution, groups [][]Contribution, top int) []Contribution {
	out = out[:0]
	for _, parts := range groups {
		for _, c := range parts {
			at := len(out)
			for at > 0 && (out[at-1].Value < c.Value || out[at-1].Value == c.Value && out[at-1].Example > c.Example) {
				at--
			}
			if at < top {
				out = slices.Insert(out, at, c)
				out = out[:min(len(out), top)]
			}
		}
	}
	return out
}

// bench is those who judge papers by likes and by dislikes, some papers at a time.
type bench struct {
	up, down *jury
	top      int
	from     int // the first paper of those at hand
}

func newBench(likes, dislikes *Examples, of []int, n, top int) *bench {
	return &bench{
		up:   newJury(likes, of, n, top, func(weight float64) float64 { return weight }),
		down: newJury(dislikes, nil, 1, 1, func(weight float64) float64 { return 2 * weight / (1 + weight) }),
		top:  top,
	}
}

// judge calls each for every paper, in order, when best and worst know it.
func (b *bench) judge(ctx context.Context, papers [][]float32, each func(i int, v []float32)) error {
	for b.from = 0; b.from < len(papers); b.from += judgedTogether {
		if err := ctx.Err(); err != nil {
			return err
		}
		some := papers[b.from:min(b.from+judgedTogether, len(papers))]
		b.up.compare(some)
		b.down.compare(some)
		for i, v := range some {
			each(b.from+i, v)
		}
	}
	return nil
}

// best appends the greatest parts of a group of likes.
func (b *bench) best(i, group int, v []float32, best []Contribution) []Contribution {
	at := (i-b.from)*b.up.groups + group
	for k, n := range b.up.nearest(at, v) {
		best = offer(best, b.up.seats[at].examples[k], n, b.top)
	}
	return best
}

// worst is what the nearest dislike takes away.
func (b *bench) worst(i int, v []float32) (worst Contribution) {
	at := i - b.from
	for k, n := range b.down.nearest(at, v) {
		if taken := n.taken(); taken < worst.Value {
			worst = Contribution{Example: b.down.seats[at].examples[k], Value: taken}
		}
	}
	return worst
}

// jury finds, of some papers at a time, the examples of each group whose similarity times
// force can be among the greatest of that group.
type jury struct {
	*Examples
	of     []int // the groups of examples; nil is one group
	groups int
	top    int
	force  []float64 // by which a similarity counts
	panels []float32 // the examples, interleaved in panels
	// rounding bounds how far two orders of additions lie apart.
	rounding float64
	matrix   []float32 // the vectors of the papers at hand
	dots     []float32
	seats    []seat // of each paper and group
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
	// bar is what an example must be able to reach, once there are enough.
	bar float64
}

func newJury(x *Examples, of []int, groups, top int, force func(weight float64) float64) *jury {
	j := &jury{
		Examples: x, of: of, groups: groups, top: top,
		force: make([]float64, len(x.weights)), seats: make([]seat, judgedTogether*groups),
	}
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
	}
	for i := range j.seats {
		s := &j.seats[i]
		s.examples, s.most, s.least, s.bar = s.examples[:0], s.most[:0], s.least[:0], math.Inf(-1)
	}
	size := vec.PanelWidth * j.dim
	for p := 0; p*size < len(j.panels); p++ {
		vec.DotPanel(j.dots, j.matrix[:len(papers)*j.dim], j.panels[p*size:(p+1)*size], j.dim)
		first := p * vec.PanelWidth
		j.consider(first, min(first+vec.PanelWidth, len(j.force)), len(papers))
	}
}

// consider has the papers at hand consider the examples of a panel.
func (j *jury) consider(first, end, papers int) {
	force := j.force[first:end]
	for i := range papers {
		dots, seats := j.dots[i*vec.PanelWidth:][:len(force)], j.seats[i*j.groups:][:j.groups]
		for k, f := range force {
			s := &seats[0]
			if j.of != nil {
				s = &seats[j.of[first+k]]
			}
			if most := max(0, float64(dots[k])+j.rounding) * f; most >= s.bar {
				s.keep(first+k, most, max(0, float64(dots[k])-j.rounding)*f, j.top)
			}
		}
	}
}

// keep keeps an example that may be among the greatest so far: it is most at most, and
// least at least.
func (s *seat) keep(example int, most, least float64, top int) {
	s.examples, s.most = append(s.examples, example), append(s.most, most)
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
	if s.least[at] = least; len(s.least) == top {
		s.bar = s.least[top-1]
	}
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
		if s.most[at] >= s.bar {
			s.examples[n] = example
			j.few = append(j.few, uint32(example))
			n++
		}
	}
	s.examples = s.examples[:n]
	return j.among(v, j.few, &j.scratch)
}
