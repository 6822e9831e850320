package rank

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"akin/internal/vec"
)

// Features are what a linear classifier sees of a paper: a dense vector and a
// sparse one.
type Features struct {
	Dense  []float32 // [dim], the same for all
	Sparse []Term
}

// Labeled is an example for a classifier.
type Labeled struct {
	Features
	Liked bool
	// Cost is how much an error on it costs, above 0; it is the C of the machine.
	Cost float64
}

// SVM is a linear support vector machine. It is safe for concurrent use.
type SVM struct {
	dense []float32
	// sparse are the weights of terms, by the place that places give a term. A
	// term that no example has weighs nothing.
	sparse []float32
	places map[uint32]int32
	bias   float64
}

// How long a machine is trained: until no example is further than svmTolerance from
// its optimum, or every example has been looked at svmPasses times, or svmSteps
// looks were taken, but leastPasses at all. The steps bound what thousands of
// examples cost; passes behind the first few change the order of few papers.
const (
	svmPasses    = 100
	leastPasses  = 5
	svmSteps     = 120_000
	svmTolerance = 1e-2
)

// passes is how often a machine looks at each of n examples at most.
func passes(n int) int { return min(svmPasses, max(leastPasses, svmSteps/n)) }

// compiled is an example with the places of its terms.
type compiled struct {
	*Labeled
	places []int32
	norm   float64 // squared, with the bias
	alpha  float64
}

// TrainSVM finds the hyperplane that keeps likes and the others apart with the
// widest margin: dual coordinate descent for the L1 loss (Hsieh et al., A dual
// coordinate descent method for large-scale linear SVM, 2008), with a bias as
// one more feature of 1. The same examples give the same machine. The only error
// is that of the context.
func TrainSVM(ctx context.Context, examples []Labeled) (*SVM, error) {
	m := &SVM{places: make(map[uint32]int32)}
	if len(examples) == 0 {
		return m, nil
	}
	m.dense = make([]float32, len(examples[0].Dense))
	rows := make([]compiled, len(examples))
	for i := range examples {
		rows[i] = m.compile(&examples[i])
	}
	m.sparse = make([]float32, len(m.places))
	random := rand.New(rand.NewPCG(1, uint64(len(examples))))
	for range passes(len(rows)) {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("train a machine: %w", err)
		}
		worst := 0.0
		for _, i := range random.Perm(len(rows)) {
			worst = math.Max(worst, m.step(&rows[i]))
		}
		if worst < svmTolerance {
			break
		}
	}
	return m, nil
}

func (m *SVM) compile(x *Labeled) compiled {
	c := compiled{Labeled: x, places: make([]int32, len(x.Sparse)), norm: 1}
	for i, t := range x.Sparse {
		place, ok := m.places[t.ID]
		if !ok {
			place = int32(len(m.places))
			m.places[t.ID] = place
		}
		c.places[i] = place
		c.norm += float64(t.Weight) * float64(t.Weight)
	}
	c.norm += float64(vec.Dot(x.Dense, x.Dense))
	return c
}

// step optimises one example's multiplier and gives how far it was from that.
func (m *SVM) step(x *compiled) (violation float64) {
	y := -1.0
	if x.Liked {
		y = 1
	}
	score := m.bias + float64(vec.Dot(m.dense, x.Dense))
	for i, t := range x.Sparse {
		score += float64(m.sparse[x.places[i]]) * float64(t.Weight)
	}
	gradient := y*score - 1
	projected := gradient
	switch {
	case x.alpha <= 0:
		projected = math.Min(gradient, 0)
	case x.alpha >= x.Cost:
		projected = math.Max(gradient, 0)
	}
	if projected == 0 {
		return 0
	}
	before := x.alpha
	x.alpha = math.Min(math.Max(before-gradient/x.norm, 0), x.Cost)
	m.add(x, y*(x.alpha-before))
	return math.Abs(projected)
}

func (m *SVM) add(x *compiled, scale float64) {
	for i, v := range x.Dense {
		m.dense[i] += float32(scale) * v
	}
	for i, t := range x.Sparse {
		m.sparse[x.places[i]] += float32(scale) * t.Weight
	}
	m.bias += scale
}

// Score is the signed distance to the hyperplane, times a constant: above 0 on
// the side of the likes.
func (m *SVM) Score(x Features) float64 {
	score := m.bias
	if m.dense != nil {
		score += float64(vec.Dot(m.dense, x.Dense))
	}
	for _, t := range x.Sparse {
		if place, ok := m.places[t.ID]; ok {
			score += float64(m.sparse[place]) * float64(t.Weight)
		}
	}
	return score
}

// Bag are machines that share the likes and dislikes; the papers that stand for
// all others are divided among them, so that there is one that never saw a
// paper as such (after Mordelet and Vert, A bagging SVM to learn from positive
// and unlabeled examples, 2014).
type Bag struct {
	machines []*SVM
	part     map[string]int // of the ids of those papers
}

// TrainBag trains that many machines. Others are the papers that stand for those
// nobody judged, and ids, parallel to them, what Score knows them by. The
// only error is that of the context.
func TrainBag(ctx context.Context, judged, others []Labeled, ids []string, machines int) (*Bag, error) {
	b := &Bag{part: make(map[string]int, len(others))}
	for i, id := range ids {
		b.part[id] = i % machines
	}
	for part := range machines {
		examples := slices.Clone(judged)
		for i := part; i < len(others); i += machines {
			examples = append(examples, others[i])
		}
		m, err := TrainSVM(ctx, examples)
		if err != nil {
			return nil, err
		}
		b.machines = append(b.machines, m)
	}
	return b, nil
}

// Score is the mean of SVM.Score over the machines that the paper of this id was no
// example for.
func (b *Bag) Score(id string, x Features) float64 {
	own, ok := b.part[id]
	sum, n := 0.0, 0
	for part, m := range b.machines {
		if !ok || part != own {
			sum += m.Score(x)
			n++
		}
	}
	return sum / float64(max(n, 1))
}
