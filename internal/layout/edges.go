package layout

import (
	"context"
	"math"
	"slices"
)

// edges are who attracts whom, by rows: those of row i are start[i] to start[i+1].
type edges struct {
	start  []int32 // [n+1]
	other  []int32
	weight []float32
}

// edgesOf makes neighbours a fuzzy set: a paper's nearest counts 1, the others the less
// the farther they are by the paper's own measure; of both directions it is the
// union. What would not be used once in so many epochs is left out.
func edgesOf(ctx context.Context, g *Graph, epochs int, work Work) (*edges, error) {
	weights, err := memberships(ctx, g, work)
	if err != nil {
		return nil, err
	}
	back := reversed(g)
	e := &edges{start: make([]int32, g.N+1)}
	least := float32(1) / float32(epochs) // the greatest weight is 1
	type end struct {
		other  int32
		weight float32
	}
	var row []end
	for i := range g.N {
		row = row[:0]
		for j := i * g.K; j < (i+1)*g.K; j++ {
			if g.IDs[j] >= 0 {
				row = append(row, end{g.IDs[j], weights[j]})
			}
		}
		for _, j := range back[i] {
			row = append(row, end{j / int32(g.K), weights[j]})
		}
		slices.SortStableFunc(row, func(a, b end) int { return int(a.other - b.other) })
		for x := 0; x < len(row); x++ {
			w := row[x].weight
			if x+1 < len(row) && row[x+1].other == row[x].other {
				v := row[x+1].weight
				w, x = w+v-float32(w*v), x+1
			}
			if w >= least {
				e.other, e.weight = append(e.other, row[x].other), append(e.weight, w)
			}
		}
		e.start[i+1] = int32(len(e.other))
	}
	return e, nil
}

// reversed gives for each vector the places in the graph where it is a neighbour.
func reversed(g *Graph) [][]int32 {
	out := make([][]int32, g.N)
	for j, id := range g.IDs {
		if id >= 0 {
			out[id] = append(out[id], int32(j))
		}
	}
	return out
}

// memberships weighs neighbours, so that each vector's weights come to log2 of their
// number.
func memberships(ctx context.Context, g *Graph, w Work) ([]float32, error) {
	exp := newDecay()
	out := make([]float32, len(g.IDs))
	target := log2(g.K)
	pieces := (g.N + assignPiece - 1) / assignPiece
	return out, w.pieces(ctx, pieces, func(piece int) {
		distances := make([]float64, g.K)
		for i := piece * assignPiece; i < min(g.N, (piece+1)*assignPiece); i++ {
			row := g.Similarities[i*g.K : (i+1)*g.K]
			for j, s := range row {
				distances[j] = max(0, 1-float64(s)-max(0, 1-float64(row[0]))) // beyond the nearest
			}
			width := widthOf(distances, target, exp)
			for j, d := range distances {
				out[i*g.K+j] = float32(exp.of(d / width))
			}
		}
	}, nil)
}

// widthOf finds the width for which the weights come to a target, by halving.
func widthOf(distances []float64, target float64, exp decay) float64 {
	low, high, width := 0.0, math.Inf(1), 1.0
	for range 48 {
		sum := 0.0
		for _, d := range distances {
			sum += exp.of(d / width)
		}
		switch {
		case math.Abs(sum-target) < 1e-5:
			return width
		case sum > target:
			high = width
			width = (low + high) / 2
		case math.IsInf(high, 1):
			low = width
			width *= 2
		default:
			low = width
			width = (low + high) / 2
		}
		if width < 1e-9 || width > 1e9 { // all as near as the nearest, or there is only that
			break
		}
	}
	return max(width, 1e-9)
}

// log2 of 1 to K; package math's differs between kinds of CPU.
func log2(k int) float64 {
	return [...]float64{
		0, 0, 1, 1.584962500721156, 2, 2.321928094887362, 2.584962500721156, 2.807354922057604, 3,
		3.169925001442312, 3.321928094887362, 3.459431618637297, 3.584962500721156, 3.700439718141092, 3.807354922057604, 3.906890595608519,
	}[k]
}
