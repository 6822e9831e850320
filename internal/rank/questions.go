package rank

import (
	"math"
	"slices"

	"akin/internal/vec"
)

const (
	// reach is the distance (1 less the cosine) over which what is known of a paper
	// fades to 1/e, as a part of the mean distance of two papers. Chosen by
	// TestRealQuestions: docs/page.md has the table.
	reach = 0.3
	// noise is the variance of an answer: people change their minds.
	noise = 0.2
)

// Opinion is what somebody said of a paper: +1 for a like, -1 for a dislike.
type Opinion struct {
	// At is the position of the paper's vector.
	At    int
	Value float64
}

// Asked is a paper to ask somebody about.
type Asked struct {
	At int
	// Gain is the part of all that is unknown that an answer about it takes away.
	Gain float64
}

// Questions chooses papers about which an answer tells most of what somebody thinks of
// all papers. vectors, float32 [dim] of unit length each, stand for them; opinions are
// what is known already; may says which papers can be asked about. unknown is the part
// of the variance that the opinions leave.
//
// Opinions are a Gaussian process over the papers, whose covariance falls with the
// distance of vectors. The next paper is the one whose answer lowers the summed variance
// of all papers most, given the answers to those before it (Yu, Bi and Tresp, Active
// learning via transductive experimental design, 2006, the sequential algorithm). It is
// one of a dense part of the collection that nothing is known of, so that a few papers
// cover its subjects, the large ones first. A variance counts for as much as the sign of
// the opinion is open, 4p(1-p) with p the probability of a like: what is clearly liked
// or disliked already is not asked about again (the entropy part of Rashid et al.,
// Getting to know you: learning new user preferences in recommender systems, 2002, of
// which Gini's index takes the place).
//
// There is no chance in it; equal ones go by position. Time and memory are quadratic in
// the number of vectors: it is meant for about a thousand that were drawn.
func Questions(vectors [][]float32, opinions []Opinion, may func(at int) bool, n int) (chosen []Asked, unknown float64) {
	if len(vectors) == 0 {
		return nil, 1
	}
	p := newProcess(vectors)
	for _, o := range opinions {
		p.learn(o.At, o.Value)
	}
	unknown = p.variance() / float64(len(vectors))
	p.weigh()
	taken := make(map[int]bool, n)
	for range n {
		at, gain := p.best(func(i int) bool { return !taken[i] && may(i) })
		if at < 0 {
			break
		}
		taken[at] = true
		chosen = append(chosen, Asked{At: at, Gain: gain})
		p.learn(at, p.mean[at]) // whatever the answer, the variance is the same
	}
	return chosen, unknown
}

// process is a Gaussian process over papers.
type process struct {
	covariance [][]float64
	mean       []float64
	// weights are how much the variance of each paper counts, total what they are
	// together.
	weights []float64
	total   float64
}

// newProcess is what is thought before anything is known.
func newProcess(vectors [][]float32) *process {
	n := len(vectors)
	p := &process{covariance: make([][]float64, n), mean: make([]float64, n), weights: make([]float64, n)}
	var rows []float32
	ids := make([]uint32, n)
	for i, v := range vectors {
		rows, ids[i] = append(rows, v...), uint32(i)
	}
	dots, sum := make([]float32, n), 0.0
	for i, v := range vectors {
		vec.DotRows(dots, v, rows, ids)
		p.covariance[i] = make([]float64, n)
		for j, s := range dots {
			p.covariance[i][j] = math.Max(0, 1-float64(s))
			sum += p.covariance[i][j]
		}
	}
	scale := reach * sum / float64(n*n)
	for i, row := range p.covariance {
		for j, d := range row {
			if row[j] = 1; i != j && scale > 0 {
				row[j] = math.Exp(-d / scale)
			}
		}
	}
	return p
}

// learn takes an answer about a paper in.
func (p *process) learn(at int, value float64) {
	own := slices.Clone(p.covariance[at])
	spread, off := own[at]+noise, value-p.mean[at]
	for i, row := range p.covariance {
		if own[i] == 0 {
			continue
		}
		share := own[i] / spread
		p.mean[i] += share * off
		for j, c := range own {
			row[j] -= share * c
		}
	}
}

// variance is that of all papers, summed.
func (p *process) variance() (sum float64) {
	for i, row := range p.covariance {
		sum += math.Max(0, row[i])
	}
	return sum
}

// weigh sets how much the variances count, by what is known now.
func (p *process) weigh() {
	p.total = 0
	for i, m := range p.mean {
		spread := math.Sqrt(noise + math.Max(0, p.covariance[i][i]))
		like := 0.5 * math.Erfc(-m/spread/math.Sqrt2)
		p.weights[i] = 4 * like * (1 - like)
		p.total += p.weights[i] * math.Max(0, p.covariance[i][i])
	}
}

// best gives the paper whose answer takes most of the variance away, and which part of
// it; -1 if there is none.
func (p *process) best(may func(at int) bool) (at int, gain float64) {
	at, most := -1, -1.0
	for i, row := range p.covariance {
		if !may(i) {
			continue
		}
		sum := 0.0
		for j, c := range row {
			sum += p.weights[j] * c * c
		}
		if value := sum / (row[i] + noise); value > most {
			at, most = i, value
		}
	}
	if at < 0 || p.total <= 0 {
		return at, 0
	}
	return at, most / p.total
}
