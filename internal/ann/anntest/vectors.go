package anntest

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/x448/float16"

	"akin/internal/vec"
)

// Random returns n unit vectors of the dimension, evenly spread, the same for
// the same seed.
func Random(seed uint64, n, dimension int) [][]float32 {
	return Clustered(seed, n, dimension, n)
}

// Clustered returns n unit vectors around so many centres, the same for the
// same seed.
func Clustered(seed uint64, n, dimension, centres int) [][]float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	direction := func() []float32 {
		v := make([]float32, dimension)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	middle := make([][]float32, centres)
	for i := range middle {
		middle[i] = direction()
	}
	out := make([][]float32, n)
	for i := range out {
		v := direction()
		if centres < n {
			for j, c := range middle[r.IntN(centres)] {
				v[j] = v[j]*0.6 + c
			}
		}
		if err := vec.Normalize(v); err != nil {
			panic(err) //nolint:forbidigo // a normal draw of all zeros
		}
		out[i] = v
	}
	return out
}

// abstractsDimension is the shape of the file that Abstracts reads.
const abstractsDimension = 384

// Abstracts returns n vectors of real abstracts, evenly spread over the file
// beside the repository (../shared/data/vectors), which is in no random order.
// They have 384 dimensions and unit length. It skips the test where the file
// is missing.
func Abstracts(tb testing.TB, n int) [][]float32 {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(repository(tb), "..", "shared", "data", "vectors", "abstracts.f16.npy"))
	if err != nil {
		tb.Skipf("the vectors of real abstracts are not beside this repository, so this is not measured: %v", err)
	}
	data = body(tb, data)
	const row = 2 * abstractsDimension
	have := len(data) / row
	if n > have {
		tb.Fatalf("%d vectors were asked for, of %d", n, have)
	}
	out := make([][]float32, n)
	for i := range out {
		from := i * have / n * row
		out[i] = make([]float32, abstractsDimension)
		for j := range out[i] {
			half := binary.LittleEndian.Uint16(data[from+2*j:])
			out[i][j] = float16.Frombits(half).Float32()
		}
		if err := vec.Normalize(out[i]); err != nil {
			tb.Fatalf("vector %d: %v", i, err)
		}
	}
	return out
}

// body returns what follows the header of a file in NumPy's format, version 1:
// magic, version, length of the header, header.
func body(tb testing.TB, file []byte) []byte {
	tb.Helper()
	const start = 10
	if len(file) < start || string(file[:8]) != "\x93NUMPY\x01\x00" {
		tb.Fatal("the abstracts' vectors are not a NumPy file of version 1")
	}
	end := start + int(binary.LittleEndian.Uint16(file[8:]))
	if len(file) < end {
		tb.Fatal("the abstracts' vectors end within their header")
	}
	for _, want := range []string{"'<f2'", "'fortran_order': False", ", 384)"} {
		if header := string(file[start:end]); !strings.Contains(header, want) {
			tb.Fatalf("the header of the abstracts' vectors lacks %s: %s", want, header)
		}
	}
	return file[end:]
}

// repository walks up from the working directory to the one with go.mod.
func repository(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}
