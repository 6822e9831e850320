package rank

import (
	"cmp"
	"math"
	"slices"

	"akin/internal/vec"
)

// share is the part of a cluster that a term must be in to name it.
const share = .2

// clusterRounds is the most rounds in which vectors change their cluster.
const clusterRounds = 20

// ClusterCount is how many clusters n vectors are cut into: the square root of
// n/2, rounded (Mardia, Kent and Bibby, Multivariate analysis, 1979, section
// 13.3), and at least 1.
func ClusterCount(n int) int {
	return max(1, int(math.Round(math.Sqrt(float64(n)/2))))
}

// Clusters cuts vectors, float32 [dim] of unit length each, into k clusters and
// gives their centroids, of unit length. Ward's method (Hierarchical grouping to
// optimize an objective function, 1963) merges them until k are left; spherical
// k-means (Dhillon and Modha, Concept decompositions for large sparse text data
// using clustering, 2001) then moves each to its nearest centroid. There is no
// chance in it: the same vectors in the same order give the same clusters. The
// time is cubic in the number of vectors; it is meant for a few hundred. Vectors
// that cancel each other out have no centroid.
func Clusters(vectors [][]float32, k int) (centroids [][]float32) {
	if len(vectors) == 0 {
		return nil
	}
	cluster := ward(vectors, min(k, len(vectors)))
	for range clusterRounds {
		if centroids = centroidsOf(vectors, cluster); len(centroids) == 0 {
			return nil // the vectors cancel each other out
		}
		moved := false
		for i, v := range vectors {
			if to := Nearest(v, centroids); to != cluster[i] {
				cluster[i], moved = to, true
			}
		}
		if !moved {
			break
		}
	}
	return centroids
}

// Nearest gives the position of the centroid with the greatest cosine to a
// vector, the first of equals; -1 without centroids.
func Nearest(v []float32, centroids [][]float32) int {
	best, at := float32(math.Inf(-1)), -1
	for i, c := range centroids {
		if s := vec.Dot(v, c); s > best {
			best, at = s, i
		}
	}
	return at
}

// centroidsOf gives the normalised means of clusters, in their order. Empty ones,
// and those whose vectors cancel out, are left out.
func centroidsOf(vectors [][]float32, cluster []int) [][]float32 {
	sums := make([][]float64, slices.Max(cluster)+1)
	for i, v := range vectors {
		sum := sums[cluster[i]]
		if sum == nil {
			sum = make([]float64, len(v))
			sums[cluster[i]] = sum
		}
		for d, x := range v {
			sum[d] += float64(x)
		}
	}
	var out [][]float32
	for _, sum := range sums {
		var square float64
		for _, x := range sum {
			square += x * x
		}
		if square < 1e-12 {
			continue
		}
		c := make([]float32, len(sum))
		for d, x := range sum {
			c[d] = float32(x / math.Sqrt(square))
		}
		out = append(out, c)
	}
	return out
}

// ward merges vectors bottom-up until k clusters are left, each time the two
// whose union adds least to the sum of squared distances from the means, and
// gives each vector's cluster. Distances are updated by the formula of Lance and
// Williams (A general theory of classificatory sorting strategies, 1967).
func ward(vectors [][]float32, k int) []int {
	n := len(vectors)
	distance := make([][]float64, n)
	size, parent := make([]float64, n), make([]int, n)
	for i := range vectors {
		size[i], parent[i] = 1, i
		distance[i] = make([]float64, n)
		for j := range i {
			distance[i][j] = 2 - 2*float64(vec.Dot(vectors[i], vectors[j]))
		}
	}
	at := func(i, j int) *float64 { return &distance[max(i, j)][min(i, j)] }
	for left := n; left > k; left-- {
		into, from := closest(distance, size)
		merged := *at(into, from)
		for other := range n {
			if size[other] == 0 || other == into || other == from {
				continue
			}
			a, b, c := size[into], size[from], size[other]
			*at(into, other) = ((a+c)**at(into, other) + (b+c)**at(from, other) - c*merged) / (a + b + c)
		}
		size[into] += size[from]
		size[from], parent[from] = 0, into
	}
	return flatten(parent)
}

// closest gives the nearest two of the clusters that are left, the first ones of
// equals, the lower number first.
func closest(distance [][]float64, size []float64) (into, from int) {
	best := math.Inf(1)
	for i := range distance {
		if size[i] == 0 {
			continue
		}
		for j, d := range distance[i][:i] {
			if size[j] > 0 && d < best {
				best, into, from = d, j, i
			}
		}
	}
	return into, from
}

// flatten numbers the trees of a forest in the order of their roots. A parent has
// a lower number than its child.
func flatten(parent []int) []int {
	out := make([]int, len(parent))
	next := 0
	for i, p := range parent {
		if p == i {
			out[i] = next
			next++
		} else {
			out[i] = out[p]
		}
	}
	return out
}

// Characteristic gives the terms that tell each of k clusters from the others, at
// most n each and the most telling first: those whose mean weight in the cluster
// exceeds that in the others most (differential labelling: Manning, Raghavan and
// Schütze, Introduction to information retrieval, 2008, section 17.7). terms are
// sparse vectors, and cluster says where each belongs. A term counts if a fifth of
// the cluster's vectors have it, so that no rare word speaks for all.
func Characteristic(terms [][]Term, cluster []int, k, n int) [][]uint32 {
	sums, having, sizes := make([]map[uint32]float64, k), make([]map[uint32]float64, k), make([]float64, k)
	total := make(map[uint32]float64)
	for c := range sums {
		sums[c], having[c] = make(map[uint32]float64), make(map[uint32]float64)
	}
	for i, c := range cluster {
		sizes[c]++
		for _, t := range terms[i] {
			sums[c][t.ID] += float64(t.Weight)
			having[c][t.ID]++
			total[t.ID] += float64(t.Weight)
		}
	}
	out := make([][]uint32, k)
	for c := range out {
		type scored struct {
			id    uint32
			value float64
		}
		var all []scored
		others := math.Max(1, float64(len(cluster))-sizes[c])
		for id, sum := range sums[c] {
			if value := sum/sizes[c] - (total[id]-sum)/others; value > 0 && having[c][id] >= share*sizes[c] {
				all = append(all, scored{id, value})
			}
		}
		slices.SortFunc(all, func(a, b scored) int { return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.id, b.id)) })
		for _, s := range all[:min(n, len(all))] {
			out[c] = append(out[c], s.id)
		}
	}
	return out
}
