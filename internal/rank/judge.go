package rank

import (
	"context"
	"math"
	"math/bits"
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

// Bench judges papers by examples. What it makes of the examples is used again, for all
// papers that it judges. It belongs to one goroutine.
type Bench struct {
	likes, dislikes *Examples
	// of says which of groups each like is of; nil is one group.
	of       []int
	groups   int
	top      int
	heaviest []float64 // likes of each group
	// up and down compare many; nil where examples are few, which are compared one by one.
	up, down *jury
	from     int // the first paper of those at hand
}

// NewBench takes likes that fall into some groups and dislikes. of says which group each
// like is of; nil is one group. The top nearest likes of each group count.
func NewBench(likes, dislikes *Examples, of []int, groups, top int) *Bench {
	b := &Bench{likes: likes, dislikes: dislikes, of: of, groups: groups, top: top, heaviest: likes.heaviest(of, groups)}
	if max(len(likes.ids), len(dislikes.ids)) >= manyExamples {
		b.up = newJury(likes, of, groups, top, func(weight float64) float64 { return weight })
		b.down = newJury(dislikes, nil, 1, 1, func(weight float64) float64 { return 2 * weight / (1 + weight) })
	}
	return b
}

// Judge gives the contributions of all examples to papers, whose vectors are given,
// parallel to them: those of Contributions over all similarities, bit for bit. With many
// examples it compares all papers with all examples in another order of additions, which is
// several times as fast, and then, as Similarities does, those that can be among the
// greatest by a bound of what the order changes. It is for likes of one group. Its only
// error is the context's.
func (b *Bench) Judge(ctx context.Context, papers [][]float32) ([][]Contribution, error) {
	out := make([][]Contribution, len(papers))
	if b.up == nil {
		var x, y Scratch
		for i, v := range papers {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			out[i] = Contributions(b.likes.Similarities(v, &x), b.dislikes.Similarities(v, &y), b.top)
		}
		return out, nil
	}
	return out, b.judge(ctx, papers, func(i int, v []float32) {
		best := b.best(i, 0, v, make([]Contribution, 0, b.top+1))
		out[i] = conclude(best, b.heaviest[0], b.worst(i, v))
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

// JudgeApart tells of each paper, in order, what the likes of all groups and dislikes
// contribute: by all likes and by those of each group, as Contributions does, bit for bit. A
// verdict holds until see returns. Its only error is the context's.
func (b *Bench) JudgeApart(ctx context.Context, papers [][]float32, see func(i int, v *Verdict)) error {
	greatest := math.Max(0, slices.Max(b.heaviest))
	verdict := Verdict{Apart: make([][]Contribution, b.groups)}
	say := func(i int) {
		verdict.All = mergeBest(verdict.All, verdict.Apart, b.top)
		scale(verdict.All, greatest)
		for g, parts := range verdict.Apart {
			scale(parts, b.heaviest[g])
		}
		see(i, &verdict)
	}
	if b.up == nil {
		var x, y Scratch
		for i, v := range papers {
			if err := ctx.Err(); err != nil {
				return err
			}
			for g := range verdict.Apart {
				verdict.Apart[g] = verdict.Apart[g][:0]
			}
			for at, l := range b.likes.Similarities(v, &x) {
				verdict.Apart[b.of[at]] = offer(verdict.Apart[b.of[at]], at, l, b.top)
			}
			verdict.Dislike = nearestDislike(b.dislikes.Similarities(v, &y))
			say(i)
		}
		return nil
	}
	return b.judge(ctx, papers, func(i int, v []float32) {
		for g := range verdict.Apart {
			verdict.Apart[g] = b.best(i, g, v, verdict.Apart[g][:0])
		}
		verdict.Dislike = b.worst(i, v)
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

// judge calls each for every paper, in order, when best and worst know it.
func (b *Bench) judge(ctx context.Context, papers [][]float32, each func(i int, v []float32)) error {
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
func (b *Bench) best(i, group int, v []float32, best []Contribution) []Contribution {
	at := (i-b.from)*b.up.groups + group
	for k, n := range b.up.nearest(at, v) {
		best = offer(best, b.up.seats[at].examples[k], n, b.top)
	}
	return best
}

// worst is what the nearest dislike takes away.
func (b *Bench) worst(i int, v []float32) (worst Contribution) {
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
	groups int
	top    int
	force  []float64 // by which a similarity counts
	most   float64   // the greatest of them
	panels []panel
	// rounding bounds how far two orders of additions lie apart.
	rounding float64
	matrix   []float32 // the vectors of the papers at hand
	dots     []float32
	least    []float32 // of each paper, what reaches its bar in a panel's group
	masks    []uint16
	seats    []seat // of each paper and group
	dim      int
	few      []uint32
	scratch  Scratch
}

// panel is examples of one group whose vectors are interleaved.
type panel struct {
	group    int
	examples []int // in their order, PanelWidth at most
	factors  [vec.PanelWidth]float32
	numbers  []float32
}

// seat is what is known of a paper: examples that may be among the greatest, the most
// that each can be, and the least of what the greatest are at least, best first.
type seat struct {
	examples []int
	most     []float64
	least    []float64
	// bar is what an example must be able to reach, once there are enough; what is below
	// floor, in float32, cannot.
	bar   float64
	floor float32
}

func newJury(x *Examples, of []int, groups, top int, force func(weight float64) float64) *jury {
	j := &jury{
		Examples: x, groups: groups, top: top,
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
		j.most = math.Max(j.most, j.force[i])
	}
	j.interleave(of)
	j.matrix, j.dots = make([]float32, judgedTogether*j.dim), make([]float32, judgedTogether*vec.PanelWidth)
	j.least, j.masks = make([]float32, judgedTogether), make([]uint16, judgedTogether)
	return j
}

// interleave makes panels of the examples of each group.
func (j *jury) interleave(of []int) {
	open := make([]int, j.groups) // a group's last panel, and 1
	for i := range j.ids {
		g := 0
		if of != nil {
			g = of[i]
		}
		if open[g] == 0 || len(j.panels[open[g]-1].examples) == vec.PanelWidth {
			j.panels = append(j.panels, panel{group: g, examples: make([]int, 0, vec.PanelWidth), numbers: make([]float32, vec.PanelWidth*j.dim)})
			open[g] = len(j.panels)
		}
		p := &j.panels[open[g]-1]
		at := len(p.examples)
		p.examples = append(p.examples, i)
		p.factors[at] = float32(j.force[i])
		for k, value := range j.rows[i*j.dim : (i+1)*j.dim] {
			p.numbers[k*vec.PanelWidth+at] = value
		}
	}
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
		s.examples, s.most, s.least, s.bar, s.floor = s.examples[:0], s.most[:0], s.least[:0], math.Inf(-1), float32(math.Inf(-1))
	}
	for i := range j.panels {
		vec.DotPanel(j.dots, j.matrix[:len(papers)*j.dim], j.panels[i].numbers, j.dim)
		j.consider(&j.panels[i], len(papers))
	}
}

// consider has the papers at hand consider the examples of a panel: hardly any reaches the
// bar of its group, so that they are compared with it all at once.
func (j *jury) consider(p *panel, papers int) {
	for i := range papers {
		j.least[i] = j.seats[i*j.groups+p.group].floor
	}
	vec.AtLeast(j.masks, j.dots, &p.factors, j.least[:papers])
	there := uint16(1<<len(p.examples) - 1)
	for i, mask := range j.masks[:papers] {
		for mask &= there; mask != 0; mask &= mask - 1 {
			k := bits.TrailingZeros16(mask)
			example, dot := p.examples[k], float64(j.dots[i*vec.PanelWidth+k])
			f, s := j.force[example], &j.seats[i*j.groups+p.group]
			if most := max(0, dot+j.rounding) * f; most >= s.bar && s.keep(example, most, max(0, dot-j.rounding)*f, j.top) {
				s.floor = j.floor(s.bar)
			}
		}
	}
}

// floor is what, in float32, a product times a force cannot be below if it can reach a bar
// after all: the product may be wrong by j.rounding, and two more roundings follow.
func (j *jury) floor(bar float64) float32 {
	if bar <= 0 {
		return float32(math.Inf(-1))
	}
	return math.Nextafter32(float32(bar-j.most*(j.rounding+0x1p-21)), float32(math.Inf(-1)))
}

// keep keeps an example that may be among the greatest so far: it is most at most, and
// least at least. It says whether that raised the bar.
func (s *seat) keep(example int, most, least float64, top int) (raised bool) {
	s.examples, s.most = append(s.examples, example), append(s.most, most)
	at := len(s.least)
	for at > 0 && s.least[at-1] < least {
		at--
	}
	switch {
	case len(s.least) < top:
		s.least = append(s.least, 0)
	case at == top:
		return false
	}
	copy(s.least[at+1:], s.least[at:])
	if s.least[at] = least; len(s.least) < top {
		return false
	}
	s.bar = s.least[top-1]
	return true
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
