package rank

import (
	"math/rand/v2"
	"slices"
	"testing"

	"akin/internal/vec"
)

// blobs makes unit vectors around directions at right angles, and says which is
// whose.
func blobs(random *rand.Rand, sizes ...int) (vectors [][]float32, of []int) {
	const dim = 16
	near := func(center []float32) []float32 {
		v := make([]float32, dim)
		for i := range v {
			v[i] = center[i] + float32(.1*random.NormFloat64())
		}
		if err := vec.Normalize(v); err != nil {
			panic(err)
		}
		return v
	}
	for b, size := range sizes {
		center := make([]float32, dim)
		center[b] = 1
		for range size {
			vectors, of = append(vectors, near(center)), append(of, b)
		}
	}
	return vectors, of
}

// Groups that lie apart are found, whatever their sizes and the order.
func TestClustersFindBlobs(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		vectors, of := blobs(random, 40, 3, 12, 1)
		random.Shuffle(len(vectors), func(i, j int) {
			vectors[i], vectors[j] = vectors[j], vectors[i]
			of[i], of[j] = of[j], of[i]
		})
		centroids := Clusters(vectors, 4)
		if len(centroids) != 4 {
			t.Fatalf("%d clusters", len(centroids))
		}
		for i := range vectors {
			for j := range i {
				together := Nearest(vectors[i], centroids) == Nearest(vectors[j], centroids)
				if together != (of[i] == of[j]) {
					t.Fatalf("seed %d: %d of blob %d and %d of blob %d: together %v", seed, i, of[i], j, of[j], together)
				}
			}
		}
		again := Clusters(vectors, 4)
		for c := range centroids {
			if !slices.Equal(centroids[c], again[c]) {
				t.Fatal("another run gives other clusters")
			}
		}
	}
}

func TestClustersOfFew(t *testing.T) {
	v := []float32{1, 0}
	for _, vectors := range [][][]float32{nil, {v}, {v, v}, {v, v, v}, {v, {-1, 0}}} {
		got := Clusters(vectors, 3)
		if len(got) > len(vectors) || len(vectors) > 0 && len(got) == 0 {
			t.Errorf("%v: centroids %v", vectors, got)
		}
	}
	for n, k := range map[int]int{0: 1, 1: 1, 2: 1, 8: 2, 100: 7, 200: 10} {
		if got := ClusterCount(n); got != k {
			t.Errorf("%d vectors: %d clusters, want %d", n, got, k)
		}
	}
}

func TestCharacteristic(t *testing.T) {
	terms := [][]Term{{{1, .9}, {9, .4}}, {{1, .8}, {2, .3}, {9, .4}}, {{3, 1}, {9, .4}}, nil}
	got := Characteristic(terms, []int{0, 0, 1, 1}, 2, 2)
	if !slices.Equal(got[0], []uint32{1, 9}) || !slices.Equal(got[1], []uint32{3}) {
		t.Errorf("labels %v", got) // 9 is a little more frequent in the first
	}
}

func BenchmarkClusters(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	vectors := make([][]float32, 200)
	for i := range vectors {
		vectors[i] = make([]float32, 384)
		for d := range vectors[i] {
			vectors[i][d] = float32(random.NormFloat64())
		}
		if err := vec.Normalize(vectors[i]); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		Clusters(vectors, ClusterCount(len(vectors)))
	}
}
