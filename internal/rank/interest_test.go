package rank

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// about gives likes in the given directions, each a little off.
func about(random *rand.Rand, axes ...int) []Weighted {
	var likes []Weighted
	for _, axis := range axes {
		v := make([]float32, 32)
		for d := range v {
			v[d] = float32(random.NormFloat64()) * .08
		}
		v[axis] += 1
		norm := float32(0)
		for _, x := range v {
			norm += x * x
		}
		for d := range v {
			v[d] /= float32(math.Sqrt(float64(norm)))
		}
		likes = append(likes, Weighted{v, 1})
	}
	return likes
}

func TestFindInterests(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		axes   []int
		of     []int
		shares []float64
	}{
		{nil, nil, nil},
		{[]int{4}, []int{0}, []float64{1}},
		{[]int{4, 4, 4}, []int{0, 0, 0}, []float64{1}},
		{[]int{4, 4, 9, 4, 4, 4}, []int{0, 0, 1, 0, 0, 0}, []float64{5. / 6, 1. / 6}},
		{[]int{1, 2, 3}, []int{0, 1, 2}, []float64{1. / 3, 1. / 3, 1. / 3}},
	} {
		got := FindInterests(about(random, c.axes...), .5)
		if !slices.Equal(got.Of, c.of) || !slices.EqualFunc(got.Shares, c.shares, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
			t.Errorf("%v: %v, shares %v", c.axes, got.Of, got.Shares)
		}
	}
}

// Versions of one work count once, with the greatest weight; weights make shares.
func TestSharesOfInterests(t *testing.T) {
	likes := about(rand.New(rand.NewPCG(1, 2)), 1, 2)
	many := []Weighted{likes[0], likes[0], likes[1], likes[0], {likes[1].Vector, 3}}
	got := FindInterests(many, .5)
	if !slices.Equal(got.Of, []int{0, 0, 1, 0, 1}) || math.Abs(got.Shares[0]-.25) > 1e-9 || math.Abs(got.Shares[1]-.75) > 1e-9 {
		t.Errorf("%v, shares %v", got.Of, got.Shares)
	}
}

// Thousands of likes are grouped in bounded time, and a part of them that is large
// enough to have a place among the first results is found.
func TestFindInterestsOfThousands(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var axes []int
	for i := range 5000 {
		axis := 0
		if i%10 == 7 {
			axis = 5
		}
		axes = append(axes, axis)
	}
	got := FindInterests(about(random, axes...), .5)
	if len(got.Shares) < 2 || len(got.Shares) > mostInterests || got.Of[0] == got.Of[7] {
		t.Fatalf("%d interests, %v", len(got.Shares), got.Shares)
	}
	for i, axis := range axes {
		if (got.Of[i] == got.Of[7]) != (axis == 5) {
			t.Fatalf("like %d about %d is of interest %d", i, axis, got.Of[i])
		}
	}
	sum := 0.0
	for _, s := range got.Shares {
		sum += s
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("shares add up to %v", sum)
	}
	var all []int
	for i := range 32 {
		all = append(all, i)
	}
	if n := len(FindInterests(about(random, all...), .99).Shares); n != mostInterests {
		t.Errorf("%d interests of 32 likes that have nothing in common", n)
	}
}

func TestProportional(t *testing.T) {
	for _, c := range []struct {
		name   string
		of     []int
		own    []float64
		shares []float64
		want   []int
	}{
		{"nothing", nil, nil, []float64{1}, []int{}},
		{"one interest stays as it is", []int{0, 0, 0}, []float64{1, 2, 3}, []float64{1}, []int{0, 1, 2}},
		{"what has its share stays", []int{0, 1, 0, 1}, []float64{9, 9, 8, 8}, []float64{.5, .5}, []int{0, 1, 2, 3}},
		{"a share is given", []int{0, 0, 0, 0, 0, 1, 1}, []float64{9, 8, 7, 6, 5, 1, 2}, []float64{5. / 6, 1. / 6}, []int{0, 6, 1, 2, 3, 4, 5}},
		{"an interest without papers", []int{0, 0}, []float64{2, 1}, []float64{.5, .5}, []int{0, 1}},
		{"papers of none stay behind shares", []int{-1, -1, 0}, []float64{0, 0, 1}, []float64{1}, []int{2, 0, 1}},
	} {
		if got := Proportional(c.of, c.own, c.shares); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, wanted %v", c.name, got, c.want)
		}
	}
}

// Whatever the list, every paper is there once, and an interest that has papers is
// never a whole paper behind its share.
func TestProportionalKeepsItsPromise(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		n, groups := 1+random.IntN(60), 1+random.IntN(5)
		of, own, shares, left := make([]int, n), make([]float64, n), make([]float64, groups), make([]int, groups)
		total := 0.0
		for g := range shares {
			shares[g] = random.Float64() + .01
			total += shares[g]
		}
		for g := range shares {
			shares[g] /= total
		}
		for i := range of {
			of[i], own[i] = random.IntN(groups), random.Float64()
			left[of[i]]++
		}
		places := Proportional(of, own, shares)
		have := make([]int, groups)
		for at, i := range places {
			have[of[i]]++
			for g, share := range shares {
				if have[g] < left[g] && float64(have[g]) < share*float64(at+1)-1.5 {
					t.Fatalf("interest %d has %d of %d, share %v", g, have[g], at+1, share)
				}
			}
		}
		slices.Sort(places)
		for i, at := range places {
			if i != at {
				t.Fatalf("%v is no order of %d", places, n)
			}
		}
	}
}

func TestDescend(t *testing.T) {
	scores := []float64{3, 1, 2, 2, 0}
	Descend(scores)
	for i := range scores[1:] {
		if scores[i] <= scores[i+1] {
			t.Errorf("%v do not fall", scores)
		}
	}
	if scores[0] != 3 || scores[3] != 2 || scores[4] != 0 || scores[1] > 2.0001 {
		t.Errorf("%v were raised by more than they had to be", scores)
	}
}

// The first papers of an interest differ; a paper that is much nearer goes before all the
// same, nothing is lost, and what is of no interest stays as it is.
func TestVary(t *testing.T) {
	same, other := []float32{1, 0}, []float32{0, 1}
	vectors := [][]float32{same, same, other, same, other, other}
	of := []int{0, 0, 0, 0, 1, -1}
	own := []float64{3, 2.9, 2.5, 2.4, 7, 8}
	got := Vary(of, own, vectors, 2)
	order := []int{0, 1, 2, 3}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(got[b], got[a]) })
	if want := []int{0, 2, 1, 3}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, not %v: %v", order, want, got)
	}
	if got[4] != 7 || got[5] != 8 {
		t.Errorf("papers alone in their interest, or of none: %v", got)
	}
	own[1] = 5
	got = Vary(of, own, vectors, 2)
	if !(got[1] > got[2] && got[2] > got[0]) {
		t.Errorf("the nearest is not first: %v", got)
	}
	if own[1] != 5 {
		t.Error("the scores given were changed")
	}
}
