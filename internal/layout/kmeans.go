package layout

import (
	"context"

	"akin/internal/splitmix"
	"akin/internal/vec"
)

const (
	// rounds is how often the middles of clusters are moved.
	rounds = 12
	// trainPerCell is how many vectors find the middle of each cluster.
	trainPerCell = 256
	// assignPiece is how many vectors are given their clusters at once.
	assignPiece = 1024
	// seedOfClusters begins the lot by which the first middles are drawn.
	seedOfClusters = 0x6d61702d63656c6c
)

// cluster finds k clusters among vectors by their directions (spherical k-means), and
// gives the middles and the cluster of each vector. There may be fewer.
func cluster(ctx context.Context, c *Codes, k int, w Work) (*Codes, []int32, error) {
	train := c
	if c.Len() > k*trainPerCell {
		train = c.pick(spread(c.Len(), k*trainPerCell))
	}
	middles := firstMiddles(train, k)
	own := make([]int32, train.Len())
	for range rounds {
		if err := assign(ctx, train, middles, own, w); err != nil {
			return nil, nil, err
		}
		next := middlesOf(train, own, middles)
		if same(next, middles) {
			break
		}
		middles = next
	}
	own = make([]int32, c.Len())
	return middles, own, assign(ctx, c, middles, own, w)
}

// firstMiddles draws vectors by lot, each the likelier the farther it is from those
// that were drawn (k-means++).
func firstMiddles(c *Codes, k int) *Codes {
	n := c.Len()
	picked := []int32{int32(splitmix.At(seedOfClusters, 0) % uint64(n))}
	far := make([]float64, n)
	for i := range far {
		far[i] = distance(c, i, int(picked[0]))
	}
	for len(picked) < k {
		total := 0.0
		for _, d := range far {
			total += d
		}
		if total <= 0 { // the rest are copies
			break
		}
		drawn := float64(float64(splitmix.At(seedOfClusters, uint64(len(picked)))>>11) / (1 << 53) * total)
		next := n - 1
		for i, d := range far {
			if drawn -= d; drawn < 0 {
				next = i
				break
			}
		}
		picked = append(picked, int32(next))
		for i := range far {
			far[i] = min(far[i], distance(c, i, next))
		}
	}
	return c.pick(picked)
}

// distance is that of cosines; of a vector to itself, and to its copies, it is 0.
func distance(c *Codes, i, j int) float64 {
	if d := 1 - float64(c.similarity(i, j)); d > 1e-3 {
		return d
	}
	return 0
}

// assign gives each vector the nearest of the middles, of equals the first.
func assign(ctx context.Context, c, middles *Codes, own []int32, w Work) error {
	all := sequence(0, middles.Len())
	pieces := (c.Len() + assignPiece - 1) / assignPiece
	return w.pieces(ctx, pieces, func(piece int) {
		dots := make([]int32, middles.Len())
		for i := piece * assignPiece; i < min(c.Len(), (piece+1)*assignPiece); i++ {
			vec.DotInt8Rows(dots, c.row(i), middles.rows, all)
			best, at := float32(dots[0])*middles.scales[0], 0
			for m := 1; m < len(dots); m++ {
				if s := float32(dots[m]) * middles.scales[m]; s > best {
					best, at = s, m
				}
			}
			own[i] = int32(at)
		}
	}, nil)
}

// middlesOf gives the middle of each cluster; of an empty one, what it was.
func middlesOf(c *Codes, own []int32, before *Codes) *Codes {
	d := c.Dimension
	sums, sizes := make([]int64, before.Len()*d), make([]int, before.Len())
	for i, o := range own {
		sum := sums[int(o)*d : (int(o)+1)*d]
		for j, x := range c.row(i) {
			sum[j] += int64(x)
		}
		sizes[o]++
	}
	out := &Codes{Dimension: d}
	for m, size := range sizes {
		if size == 0 {
			out.rows, out.scales = append(out.rows, before.row(m)...), append(out.scales, before.scales[m])
			continue
		}
		out.addUnit(sums[m*d : (m+1)*d])
	}
	return out
}

func same(a, b *Codes) bool {
	for i, x := range a.rows {
		if b.rows[i] != x {
			return false
		}
	}
	return true
}

func sequence(from, to int) []uint32 {
	out := make([]uint32, to-from)
	for i := range out {
		out[i] = uint32(from + i)
	}
	return out
}
