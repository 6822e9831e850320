package embed

import "math"

// pooler makes one unit vector a text of what a graph gives.
type pooler struct {
	pooled  bool
	pooling string
	dim     int
}

// size is how many numbers a graph gives for texts of so many tokens each.
func (p pooler) size(batch, tokens int) int {
	if p.pooled {
		return batch * p.dim
	}
	return batch * tokens * p.dim
}

// vectors splits out ([batch][dim], or [batch][tokens][dim]) into unit vectors.
func (p pooler) vectors(out []float32, batch, tokens int) [][]float32 {
	vectors := make([][]float32, batch)
	for i := range vectors {
		if p.pooled {
			vectors[i] = out[i*p.dim : (i+1)*p.dim : (i+1)*p.dim]
		} else {
			vectors[i] = p.pool(out[i*tokens*p.dim:(i+1)*tokens*p.dim], tokens)
		}
		normalize(vectors[i])
	}
	return vectors
}

// pool reduces [tokens][dim] to [dim]. The sum stands for the mean, which
// differs by a factor that normalising takes out.
func (p pooler) pool(hidden []float32, tokens int) []float32 {
	v := append([]float32(nil), hidden[:p.dim]...)
	if p.pooling == "mean" {
		for t := 1; t < tokens; t++ {
			for d, x := range hidden[t*p.dim : (t+1)*p.dim] {
				v[d] += x
			}
		}
	}
	return v
}

// normalize scales v to unit length, summing in float64.
func normalize(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
}
