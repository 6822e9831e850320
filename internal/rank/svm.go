package rank

import (
	"math"
	"math/rand/v2"
)

// Features are what a linear classifier sees of a paper: a dense vector and a
// sparse one.
type Features struct {
	Dense  []float32 // [dim], the same for all
	Sparse []Term
}

// Term is one coordinate of a sparse vector.
type Term struct {
	ID     uint32
	Weight float32
}

// Labeled is an example for a classifier.
type Labeled struct {
	Features
	Liked bool
	// Cost is how much an error on it costs; it is the C of the machine.
	Cost float64
}

// SVM is a linear support vector machine. It is safe for concurrent use.
type SVM struct {
	dense  []float64
	sparse map[uint32]float64
	bias   float64
}

const (
	svmPasses    = 200
	svmTolerance = 1e-3
)

// TrainSVM finds the hyperplane that keeps likes and the others apart with the
// widest margin: dual coordinate descent for the L1 loss (Hsieh et al., A dual
// coordinate descent method for large-scale linear SVM, 2008), with a bias as
// one more feature of 1. The same examples give the same machine.
func TrainSVM(examples []Labeled) *SVM {
	m := &SVM{sparse: make(map[uint32]float64)}
	if len(examples) == 0 {
		return m
	}
	m.dense = make([]float64, len(examples[0].Dense))
	alpha := make([]float64, len(examples))
	norms := make([]float64, len(examples))
	for i := range examples {
		norms[i] = examples[i].norm() + 1
	}
	random := rand.New(rand.NewPCG(1, uint64(len(examples))))
	for range svmPasses {
		worst := 0.0
		for _, i := range random.Perm(len(examples)) {
			worst = math.Max(worst, m.step(&examples[i], &alpha[i], norms[i]))
		}
		if worst < svmTolerance {
			break
		}
	}
	return m
}

// step optimises one example's multiplier and gives how far it was from that.
func (m *SVM) step(x *Labeled, alpha *float64, norm float64) (violation float64) {
	y := -1.0
	if x.Liked {
		y = 1
	}
	gradient := y*m.Score(x.Features) - 1
	projected := gradient
	switch {
	case *alpha <= 0:
		projected = math.Min(gradient, 0)
	case *alpha >= x.Cost:
		projected = math.Max(gradient, 0)
	}
	if projected == 0 {
		return 0
	}
	before := *alpha
	*alpha = math.Min(math.Max(before-gradient/norm, 0), x.Cost)
	m.add(x.Features, y*(*alpha-before))
	return math.Abs(projected)
}

func (m *SVM) add(x Features, scale float64) {
	for i, v := range x.Dense {
		m.dense[i] += scale * float64(v)
	}
	for _, t := range x.Sparse {
		m.sparse[t.ID] += scale * float64(t.Weight)
	}
	m.bias += scale
}

// Score is the signed distance to the hyperplane, times a constant: above 0 on
// the side of the likes.
func (m *SVM) Score(x Features) float64 {
	score := m.bias
	for i, v := range x.Dense {
		score += m.dense[i] * float64(v)
	}
	for _, t := range x.Sparse {
		score += m.sparse[t.ID] * float64(t.Weight)
	}
	return score
}

func (f Features) norm() float64 {
	var sum float64
	for _, v := range f.Dense {
		sum += float64(v) * float64(v)
	}
	for _, t := range f.Sparse {
		sum += float64(t.Weight) * float64(t.Weight)
	}
	return sum
}
