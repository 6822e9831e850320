package layout

import (
	"cmp"
	"slices"
)

// Kept is what share of the neighbours are among the nearest 50 on the map, by a sample
// of up to so many points: x, y after x, y.
func Kept(laid []float32, g *Graph, sample int) float64 {
	const among = 50
	kept, all := 0, 0
	for _, i := range spread(g.N, sample) {
		closest := closestTo(laid, int(i))[:min(among, g.N-1)]
		for _, id := range g.IDs[int(i)*g.K : (int(i)+1)*g.K] {
			if id < 0 {
				continue
			}
			all++
			if slices.Contains(closest, id) {
				kept++
			}
		}
	}
	return float64(kept) / float64(max(1, all))
}

// Trustworthiness says how few strangers are among the K nearest on the map, from 0 to
// 1 (Venna and Kaski, 2001), by a sample of up to so many points.
func Trustworthiness(laid []float32, c *Codes, sample int) float64 {
	n := c.Len()
	k := min(K, n-1)
	if n < 3*k || k < 1 {
		return 1
	}
	penalty, rows := 0, spread(n, sample)
	for _, i := range rows {
		ranks := ranksOf(c, int(i))
		for _, id := range closestTo(laid, int(i))[:k] {
			penalty += max(0, ranks[id]-k)
		}
	}
	return 1 - 2*float64(penalty)/(float64(len(rows))*float64(k)*float64(2*n-3*k-1))
}

// closestTo gives the other points by their distance to one.
func closestTo(laid []float32, i int) []int32 {
	n := len(laid) / 2
	distances, order := make([]float32, n), make([]int32, 0, n-1)
	for j := range n {
		dx, dy := laid[2*j]-laid[2*i], laid[2*j+1]-laid[2*i+1]
		distances[j] = float32(dx*dx) + float32(dy*dy)
		if j != i {
			order = append(order, int32(j))
		}
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Or(cmp.Compare(distances[a], distances[b]), cmp.Compare(a, b)) })
	return order
}

// ranksOf gives the rank of each vector among the neighbours of one, from 1.
func ranksOf(c *Codes, i int) []int {
	order, similarities := make([]int, 0, c.Len()), make([]float32, c.Len())
	for j := range similarities {
		similarities[j] = c.similarity(i, j)
		if j != i {
			order = append(order, j)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(similarities[b], similarities[a]), cmp.Compare(a, b)) })
	ranks := make([]int, c.Len())
	for rank, j := range order {
		ranks[j] = rank + 1
	}
	return ranks
}

// NearestTo gives the k vectors nearest to one of them, by a scan of all.
func NearestTo(c *Codes, i, k int) []int32 {
	out := make([]int32, k)
	for j, rank := range ranksOf(c, i) {
		if j != i && rank <= k {
			out[rank-1] = int32(j)
		}
	}
	return out
}
