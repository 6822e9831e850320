package layout_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"akin/internal/layout"
)

// TestRealMap measures the map of a file of vectors (npy, float16), with the titles of
// a file of papers that are in the same order: make bench-map.
func TestRealMap(t *testing.T) {
	path := os.Getenv("AKIN_MAP_VECTORS")
	if path == "" {
		t.Skip("make bench-map sets AKIN_MAP_VECTORS")
	}
	codes := readCodes(t, path)
	papers := make([]layout.Paper, codes.Len())
	readTitles(t, filepath.Join(filepath.Dir(path), "ids.txt"), os.Getenv("AKIN_MAP_PAPERS"), papers)
	t.Logf("%d papers, %d dimensions", codes.Len(), codes.Dimension)

	begin := time.Now()
	g, err := layout.FindNeighbours(t.Context(), codes, layout.Work{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("neighbours: %.1f s", time.Since(begin).Seconds())
	begin = time.Now()
	laid, err := layout.Place(t.Context(), codes, g, layout.Work{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("layout: %.1f s", time.Since(begin).Seconds())
	t.Logf("of 15 nearest within 50: %.3f; trustworthiness@15: %.3f", layout.Kept(laid, g, 2_000), layout.Trustworthiness(laid, codes, 500))
	exact := exactNeighbours(codes, 300)
	t.Logf("recall of the neighbours: %.3f", recall(g, exact))

	begin = time.Now()
	m, err := layout.Make(t.Context(), papers, codes, layout.Work{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("all of the map: %.1f s; checksum %08x", time.Since(begin).Seconds(), crc32.ChecksumIEEE(m.Encode()))
	for _, g := range m.Groups {
		t.Logf("%6d  %s", g.Papers, g.Name)
	}
	order := layout.Order(m.Points)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(layout.Pack(m.Points, order))
	z.Close()
	t.Logf("points: %d bytes with gzip", packed.Len())
}

// exactNeighbours scans all for some papers, evenly spread.
func exactNeighbours(codes *layout.Codes, sample int) map[int][]int32 {
	out := make(map[int][]int32)
	for i := range sample {
		at := i * codes.Len() / sample
		out[at] = layout.NearestTo(codes, at, layout.K)
	}
	return out
}

func recall(g *layout.Graph, exact map[int][]int32) float64 {
	found, all := 0, 0
	for i, want := range exact {
		have := make(map[int32]bool)
		for _, id := range g.IDs[i*g.K : (i+1)*g.K] {
			have[id] = true
		}
		for _, id := range want {
			all++
			if have[id] {
				found++
			}
		}
	}
	return float64(found) / float64(all)
}

func readCodes(t *testing.T, path string) *layout.Codes {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const dimension = 384
	b = b[10+int(binary.LittleEndian.Uint16(b[8:])):]
	codes, v := &layout.Codes{Dimension: dimension}, make([]float32, dimension)
	for ; len(b) >= 2*dimension; b = b[2*dimension:] {
		for j := range v {
			v[j] = half(binary.LittleEndian.Uint16(b[2*j:]))
		}
		codes.Add(v)
	}
	return codes
}

// half reads a float16 that is finite.
func half(x uint16) float32 {
	fraction, exponent := float64(x&0x3ff), int(x>>10&0x1f)
	value := math.Ldexp(fraction, -24)
	if exponent > 0 {
		value = math.Ldexp(1024+fraction, exponent-25)
	}
	if x>>15 == 1 {
		value = -value
	}
	return float32(value)
}

// readTitles reads the titles of papers, by the ids that the vectors are in the order of.
func readTitles(t *testing.T, ids, path string, papers []layout.Paper) {
	t.Helper()
	b, err := os.ReadFile(ids)
	if err != nil {
		t.Fatal(err)
	}
	at := make(map[string]int)
	for i, id := range strings.Fields(string(b)) {
		at[id] = i
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := json.NewDecoder(z)
	for {
		var paper struct{ ID, Title string }
		if err := lines.Decode(&paper); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if i, ok := at[paper.ID]; ok {
			papers[i] = layout.Paper{Title: paper.Title, Key: layout.Key{ID: uint64(i)}}
		}
	}
}
