package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// kernels are all that this CPU can run.
func kernels(tb testing.TB) (all []kernel) {
	for _, k := range []kernel{portable, avx2, avx512} {
		if supports(k) {
			all = append(all, k)
		} else {
			tb.Logf("this CPU cannot run the %v kernel, which is left out here", k)
		}
	}
	return all
}

func randomInts(seed uint64, n int) []int8 {
	r := rand.New(rand.NewPCG(seed, 2))
	v := make([]int8, n)
	for i := range v {
		v[i] = int8(r.Uint32())
	}
	return v
}

func exactInts(a, b []int8) (sum int32) {
	for i := range a {
		sum += int32(a[i]) * int32(b[i])
	}
	return sum
}

// checkKernels compares all kernels on a matrix of n rows in which all ids are
// used, at an offset from wherever the allocator put it.
func checkKernels(t *testing.T, d, n, offset int, seed uint64) {
	t.Helper()
	ids := make([]uint32, 2*n)
	for i := range ids {
		ids[i] = uint32((i * 7) % n)
	}
	query, rows := random(seed, d+offset)[offset:], random(seed+1, n*d+offset)[offset:]
	codes, matrix := randomInts(seed, d+offset)[offset:], randomInts(seed+1, n*d+offset)[offset:]
	floats, ints := make([]float32, len(ids)), make([]int32, len(ids))
	for _, k := range kernels(t) {
		k.dotRows(floats, query, rows, ids)
		k.dotInt8Rows(ints, codes, matrix, ids)
		for i, id := range ids {
			row, code := rows[int(id)*d:int(id+1)*d], matrix[int(id)*d:int(id+1)*d]
			want, magnitude := reference(query, row)
			if math.Abs(float64(floats[i])-want) > magnitude*float64(d+1)*0x1p-23 {
				t.Fatalf("%v, %d dimensions, row %d: %v, want %v", k, d, id, floats[i], want)
			}
			a, b := k.dot(query, row), k.dot(row, query)
			if math.Float32bits(a) != math.Float32bits(floats[i]) || math.Float32bits(b) != math.Float32bits(a) {
				t.Fatalf("%v, %d dimensions: %v, alone %v, exchanged %v: want the same bits", k, d, floats[i], a, b)
			}
			if exact := exactInts(codes, code); ints[i] != exact || k.dotInt8(codes, code) != exact || k.dotInt8(code, codes) != exact {
				t.Fatalf("%v, %d dimensions, row %d: %d, want %d", k, d, id, ints[i], exact)
			}
		}
	}
}

func TestKernelsAgree(t *testing.T) {
	for d := 1; d <= 300; d++ {
		checkKernels(t, d, 1+d%9, d%5, uint64(d))
	}
	for _, d := range []int{383, 384, 385, 512, 767, 768, 1024, 1025, 4097} {
		checkKernels(t, d, 11, 3, uint64(d))
	}
}

func TestInt8Extremes(t *testing.T) {
	for _, d := range []int{1, 15, 16, 17, 63, 64, 65, 384, 4096, 65_536} {
		for _, pair := range [][2]int8{{-128, -128}, {-128, 127}, {127, 127}, {127, -127}} {
			a, b := make([]int8, d), make([]int8, d)
			for i := range a {
				a[i], b[i] = pair[0], pair[1]
			}
			want := int32(d) * int32(pair[0]) * int32(pair[1])
			for _, k := range kernels(t) {
				if got := k.dotInt8(a, b); got != want {
					t.Errorf("%v, %d times %v: %d, want %d", k, d, pair, got, want)
				}
			}
		}
	}
}

func FuzzKernels(f *testing.F) {
	f.Add(uint16(384), uint8(5), uint8(1), uint64(1))
	f.Add(uint16(1), uint8(0), uint8(0), uint64(2))
	f.Fuzz(func(t *testing.T, d uint16, n, offset uint8, seed uint64) {
		checkKernels(t, int(d%2048)+1, int(n%40)+1, int(offset%70), seed)
	})
}

func TestRowsThatAreNotThere(t *testing.T) {
	for name, call := range map[string]func(){
		"id":          func() { DotRows(make([]float32, 2), make([]float32, 3), make([]float32, 9), []uint32{0, 3}) },
		"int8 id":     func() { DotInt8Rows(make([]int32, 2), make([]int8, 3), make([]int8, 8), []uint32{0, 2}) },
		"short dst":   func() { DotRows(make([]float32, 0), make([]float32, 3), make([]float32, 9), []uint32{0}) },
		"empty query": func() { DotRows(make([]float32, 2), nil, make([]float32, 9), []uint32{0}) },
		"lengths":     func() { DotInt8(make([]int8, 2), make([]int8, 3)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
	DotRows(nil, nil, nil, nil)
	DotInt8Rows(nil, nil, nil, nil)
	Prefetch[float32](nil)
	Prefetch(make([]uint16, 1000))
}

func TestQuantize(t *testing.T) {
	for name, v := range map[string][]float32{
		"ordinary": random(3, 384), "zero": make([]float32, 9), "empty": nil,
		"subnormal": {math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32},
		"huge":      {math.MaxFloat32, -math.MaxFloat32, 1},
		"one":       {-5},
	} {
		codes := make([]int8, len(v))
		scale := Quantize(codes, v)
		for i, c := range codes {
			// Half a step, and room for the rounding of a subnormal scale.
			if off := math.Abs(float64(v[i]) - float64(c)*float64(scale)); off > float64(scale)*0.5001 && off > 128*math.SmallestNonzeroFloat32 {
				t.Errorf("%s: %v became %d times %v", name, v[i], c, scale)
			}
			if c == -128 {
				t.Errorf("%s: -128 has no opposite", name)
			}
		}
	}
}

func BenchmarkRows(b *testing.B) {
	const d, batch = 384, 20
	for _, n := range []int{1_000, 100_000} {
		query, rows := random(6, d), random(5, n*d)
		codes, matrix := randomInts(6, d), randomInts(5, n*d)
		ids := make([]uint32, 100*batch)
		r := rand.New(rand.NewPCG(1, 1))
		for i := range ids {
			ids[i] = uint32(r.IntN(n))
		}
		floats, ints := make([]float32, batch), make([]int32, batch)
		for _, k := range kernels(b) {
			for name, call := range map[string]func(ids []uint32){
				"float32": func(ids []uint32) { k.dotRows(floats, query, rows, ids) },
				"int8":    func(ids []uint32) { k.dotInt8Rows(ints, codes, matrix, ids) },
			} {
				b.Run(fmt.Sprintf("%s/%v/rows=%d", name, k, n), func(b *testing.B) {
					i := 0
					for b.Loop() {
						at := (i % 100) * batch
						call(ids[at : at+batch])
						i++
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/row")
				})
			}
		}
	}
}
