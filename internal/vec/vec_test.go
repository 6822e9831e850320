package vec

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func random(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// reference adds in float64 and returns the sum and the sum of magnitudes,
// which bounds the rounding error of any order of additions.
func reference(a, b []float32) (sum, magnitude float64) {
	for i := range a {
		p := float64(a[i]) * float64(b[i])
		sum += p
		magnitude += math.Abs(p)
	}
	return sum, magnitude
}

func TestDotOfEveryLength(t *testing.T) {
	for n := 0; n <= 130; n++ {
		a, b := random(uint64(n), n), random(uint64(n)+1000, n)
		want, magnitude := reference(a, b)
		bound := magnitude * float64(n+1) * 0x1p-23
		for name, got := range map[string]float32{"chosen": Dot(a, b), "portable": dotPortable(a, b)} {
			if math.Abs(float64(got)-want) > bound {
				t.Errorf("%s kernel, %d elements: %v, want %v within %g", name, n, got, want, bound)
			}
		}
		if Dot(a, b) != Dot(b, a) {
			t.Errorf("%d elements: the order of the arguments changes the result", n)
		}
	}
}

func TestDotIgnoresAlignment(t *testing.T) {
	for _, n := range []int{1, 7, 31, 32, 33, 384, 390} {
		a, b := random(1, n), random(2, n)
		chosen, portable := Dot(a, b), dotPortable(a, b)
		room := make([]float32, n+16)
		for offset := range 16 {
			moved := room[offset : offset+n]
			copy(moved, b)
			if got := Dot(a, moved); math.Float32bits(got) != math.Float32bits(chosen) {
				t.Fatalf("%d elements, offset %d: %v, want the bits of %v", n, offset, got, chosen)
			}
			if got := dotPortable(moved, a); math.Float32bits(got) != math.Float32bits(portable) {
				t.Fatalf("portable, %d elements, offset %d: %v, want the bits of %v", n, offset, got, portable)
			}
		}
	}
}

func TestDotRowsIsDot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, n := rapid.IntRange(1, 80).Draw(t, "d"), rapid.IntRange(1, 20).Draw(t, "n")
		ids := rapid.SliceOfN(rapid.Uint32Range(0, uint32(n-1)), 0, 40).Draw(t, "ids")
		query, rows := random(7, d), random(8, n*d)
		got := make([]float32, len(ids))
		DotRows(got, query, rows, ids)
		for i, id := range ids {
			if want := Dot(query, rows[int(id)*d:int(id+1)*d]); got[i] != want {
				t.Fatalf("row %d: %v, want %v", id, got[i], want)
			}
		}
	})
}

func TestDotPanicsOnDifferentLengths(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a dot product of 2 and 3 numbers did not panic")
		}
	}()
	Dot(make([]float32, 2), make([]float32, 3))
}

func TestNormalize(t *testing.T) {
	tiny, huge := float32(math.SmallestNonzeroFloat32), float32(math.MaxFloat32)
	for name, v := range map[string][]float32{
		"ordinary":  random(3, 384),
		"one":       {-5},
		"subnormal": {tiny, 0, tiny},
		"huge":      slices.Repeat([]float32{huge}, 1000),
		"mixed":     {tiny, huge},
	} {
		if err := Normalize(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := Norm(v); math.Abs(n-1) > 1e-6 {
			t.Errorf("%s: length %v after Normalize", name, n)
		}
	}
}

func TestNormalizeRefuses(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for name, c := range map[string]struct {
		v    []float32
		want error
	}{
		"empty":     {nil, ErrZero},
		"zero":      {make([]float32, 9), ErrZero},
		"nan":       {[]float32{1, 2, 3, 4, nan}, ErrNotFinite},
		"infinite":  {[]float32{1, -inf}, ErrNotFinite},
		"inf - inf": {[]float32{inf, -inf, nan}, ErrNotFinite},
	} {
		before := slices.Clone(c.v)
		if err := Normalize(c.v); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		for i := range before {
			if math.Float32bits(before[i]) != math.Float32bits(c.v[i]) {
				t.Errorf("%s: element %d was changed", name, i)
			}
		}
	}
}

func TestFirstNotFinite(t *testing.T) {
	v := []float32{0, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32}
	if got := FirstNotFinite(v); got != -1 {
		t.Errorf("finite numbers: %d, want -1", got)
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got := FirstNotFinite(append(slices.Clone(v), float32(x))); got != len(v) {
			t.Errorf("%v at %d: %d", x, len(v), got)
		}
	}
}

func BenchmarkDot(b *testing.B) {
	const d = 384
	for _, kernel := range []struct {
		name string
		dot  func(a, b []float32) float32
	}{{Kernel(), Dot}, {"portable", dotPortable}} {
		for _, n := range []int{1_000, 100_000} {
			rows, query := random(5, n*d), random(6, d)
			b.Run(kernel.name+"/rows="+map[int]string{1_000: "1k", 100_000: "100k"}[n], func(b *testing.B) {
				at := 0
				var sum float32
				for b.Loop() {
					sum += kernel.dot(query, rows[at*d:(at+1)*d])
					if at++; at == n {
						at = 0
					}
				}
				_ = sum
			})
		}
	}
}
