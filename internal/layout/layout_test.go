package layout_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"testing"

	"akin/internal/layout"
	"akin/internal/splitmix"
)

// synthetic gives papers of some subjects: a vector is its subject's with noise, a
// title has its subject's word.
func synthetic(t testing.TB, n, subjects, dimension int) ([]layout.Paper, *layout.Codes, []int) {
	t.Helper()
	draw := func(seed uint64, at int) float32 {
		sum := 0.0
		for i := range 4 {
			sum += float64(splitmix.At(seed, uint64(4*at+i))>>11) / (1 << 53)
		}
		return float32(sum - 2)
	}
	codes := &layout.Codes{Dimension: dimension}
	papers, subject := make([]layout.Paper, n), make([]int, n)
	for i := range n {
		s := int(splitmix.At(1, uint64(i)) % uint64(subjects))
		v := make([]float32, dimension)
		for j := range v {
			v[j] = draw(uint64(100+s), j) + float32(0.7*draw(uint64(10_000+i), j))
		}
		normalize(v)
		codes.Add(v)
		subject[i] = s
		papers[i] = layout.Paper{Key: layout.Key{ID: uint64(i), Text: uint64(2 * i)}, Title: fmt.Sprintf("The subject%c of networks number%d", 'a'+s, i)}
	}
	return papers, codes, subject
}

// normalize is the same on every CPU, which that of package vec need not be.
func normalize(v []float32) {
	square := 0.0
	for _, x := range v {
		square += float64(float64(x) * float64(x))
	}
	for i, x := range v {
		v[i] = float32(float64(x) / math.Sqrt(square))
	}
}

func makeMap(t testing.TB, papers []layout.Paper, codes *layout.Codes, workers int) *layout.Map {
	t.Helper()
	m, err := layout.Make(t.Context(), papers, codes, layout.Work{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The map of fixed vectors is a golden: it must be the same with any number of workers,
// on every machine. Who changes the layout changes it, and says so.
func TestSameBytes(t *testing.T) {
	papers, codes, _ := synthetic(t, 700, 6, 24)
	one := makeMap(t, papers, codes, 1).Encode()
	for _, workers := range []int{2, 5} {
		if !bytes.Equal(one, makeMap(t, papers, codes, workers).Encode()) {
			t.Fatalf("%d workers make another map than one", workers)
		}
	}
	const golden = 0x8a2cf8b0
	if sum := crc32.ChecksumIEEE(one); sum != golden {
		t.Errorf("the map's checksum is %#x, the golden's %#x", sum, golden)
	}
}

// So are the cells that large collections are put into.
func TestCellsSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	_, codes, _ := synthetic(t, 6_500, 40, 16)
	one, err := layout.FindNeighbours(t.Context(), codes, layout.Work{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	two, err := layout.FindNeighbours(t.Context(), codes, layout.Work{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(one.IDs, two.IDs) || !slices.Equal(one.Similarities, two.Similarities) {
		t.Fatal("two workers find other neighbours than one")
	}
	for i := range 50 { // against a scan of all
		found := one.IDs[i*one.K : (i+1)*one.K]
		if slices.Contains(found, int32(i)) || slices.Contains(found, -1) {
			t.Fatalf("neighbours of %d: %v", i, found)
		}
		if !slices.IsSortedFunc(one.Similarities[i*one.K:(i+1)*one.K], func(a, b float32) int {
			if a > b {
				return -1
			}
			return 1
		}) {
			t.Fatalf("neighbours of %d are not in order", i)
		}
	}
}

func TestQuality(t *testing.T) {
	papers, codes, subject := synthetic(t, 900, 8, 24)
	g, err := layout.FindNeighbours(t.Context(), codes, layout.Work{})
	if err != nil {
		t.Fatal(err)
	}
	laid, err := layout.Place(t.Context(), codes, g, layout.Work{})
	if err != nil {
		t.Fatal(err)
	}
	if trust := layout.Trustworthiness(laid, codes, 300); trust < 0.9 {
		t.Errorf("trustworthiness is %.3f, want 0.9", trust)
	}
	if kept := layout.Kept(laid, g, 300); kept < 0.6 {
		t.Errorf("%.3f of the neighbours are within 50, want 0.6", kept)
	}
	m := makeMap(t, papers, codes, 0)
	clustersOf := make(map[int]map[uint8]int) // by subject
	for i, s := range subject {
		if clustersOf[s] == nil {
			clustersOf[s] = make(map[uint8]int)
		}
		clustersOf[s][m.Clusters[i]]++
	}
	named := 0
	for s, clusters := range clustersOf {
		for c := range clusters {
			if strings.Contains(m.Groups[c].Name, fmt.Sprintf("subject%c", 'a'+s)) {
				named++
				break
			}
		}
	}
	if named < 7 {
		t.Errorf("%d of 8 subjects name a cluster of theirs: %+v", named, m.Groups)
	}
}

func TestFewPapers(t *testing.T) {
	for n := range 20 {
		papers, codes, _ := synthetic(t, n, 2, 8)
		m := makeMap(t, papers, codes, 2)
		if len(m.Points) != n || len(m.Clusters) != n || n > 0 && len(m.Groups) == 0 {
			t.Errorf("%d papers: %d points in %d groups", n, len(m.Points), len(m.Groups))
		}
	}
}

// Papers with one text, and a collection of copies alone, are laid out like others.
func TestCopies(t *testing.T) {
	papers, codes, _ := synthetic(t, 1, 1, 8)
	v := []float32{1, 0, 0, 0, 0, 0, 0, 0}
	for len(papers) < 60 {
		papers = append(papers, layout.Paper{})
		codes.Add(v)
	}
	m := makeMap(t, papers, codes, 2)
	if len(m.Points) != 60 {
		t.Fatalf("%d points", len(m.Points))
	}
}

func TestCancelled(t *testing.T) {
	papers, codes, _ := synthetic(t, 500, 4, 16)
	stop := errors.New("stop")
	for after := range 300 {
		if after%20 != 0 {
			continue
		}
		calls := 0
		_, err := layout.Make(t.Context(), papers, codes, layout.Work{Workers: 1, Pause: func(context.Context) error {
			if calls++; calls > after {
				return stop
			}
			return nil
		}})
		if !errors.Is(err, stop) {
			t.Fatalf("stopped after %d pieces: %v", after, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := layout.Make(ctx, papers, codes, layout.Work{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
}

func TestProgress(t *testing.T) {
	papers, codes, _ := synthetic(t, 300, 4, 16)
	last := make(map[layout.Step]float64)
	_, err := layout.Make(t.Context(), papers, codes, layout.Work{Workers: 2, Progress: func(step layout.Step, done float64) {
		if done < last[step] || done > 1 {
			t.Errorf("%s went from %v to %v", step, last[step], done)
		}
		last[step] = done
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []layout.Step{layout.Grouping, layout.Neighbours, layout.Placing} {
		if last[step] != 1 {
			t.Errorf("%s ended at %v", step, last[step])
		}
	}
}

// A paper that is held out finds its place near those of its subject, and not between
// subjects.
func TestPlaceOf(t *testing.T) {
	two := []layout.Point{{100, 100}, {60000, 60000}, {110, 90}, {120, 100}, {59000, 60000}}
	if p := layout.PlaceOf(two); p.X > 200 || p.Y > 200 {
		t.Errorf("the place is %v, not in the crowd of three", p)
	}
	if p := layout.PlaceOf(two[:1]); p != two[0] {
		t.Errorf("the place by one neighbour is %v", p)
	}
	if p := layout.PlaceOf(nil); p != (layout.Point{X: 32768, Y: 32768}) {
		t.Errorf("the place without neighbours is %v", p)
	}
	if c := layout.ClusterOf([]uint8{3, 1, 1, 3, 2}); c != 3 {
		t.Errorf("the cluster is %d; of equals it is the nearest's, 3", c)
	}
	if c := layout.ClusterOf(nil); c != 0 {
		t.Errorf("the cluster without neighbours is %d", c)
	}
}

func TestMorton(t *testing.T) {
	points := []layout.Point{{65535, 65535}, {0, 0}, {1, 0}, {0, 1}, {65535, 0}, {1, 0}}
	order := layout.Order(points)
	if want := []uint32{1, 2, 5, 3, 4, 0}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
	if got, want := layout.Pack(points[:3], []uint32{1, 2, 0}), []byte{0, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f}; !bytes.Equal(got, want) {
		t.Errorf("packed %x, want %x", got, want)
	}
}

func TestFile(t *testing.T) {
	papers, codes, _ := synthetic(t, 100, 3, 8)
	m := makeMap(t, papers, codes, 1)
	m.Changed = 7
	b := m.Encode()
	back, err := layout.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if again := back.Encode(); !bytes.Equal(again, b) {
		t.Fatal("a map that was read is another")
	}
	for n := range b { // cut short anywhere
		if _, err := layout.Decode(b[:n]); !errors.Is(err, layout.ErrBadMap) {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
	if _, err := layout.Decode(append(slices.Clone(b), 0)); !errors.Is(err, layout.ErrBadMap) {
		t.Errorf("a byte too much: %v", err)
	}
}

// FuzzDecode: whatever the bytes are, they are a map or an error.
func FuzzDecode(f *testing.F) {
	papers, codes, _ := synthetic(f, 10, 2, 8)
	m, err := layout.Make(f.Context(), papers, codes, layout.Work{Workers: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := layout.Decode(b)
		if err != nil {
			return
		}
		if !bytes.Equal(m.Encode(), b) {
			t.Error("a map that was read is written otherwise")
		}
	})
}

func TestStale(t *testing.T) {
	for _, x := range []struct {
		built, changed uint32
		want           bool
	}{{100, 20, false}, {100, 21, true}, {0, 0, false}, {0, 1, true}, {math.MaxUint32, math.MaxUint32, true}} {
		if m := (layout.Map{Built: x.built, Changed: x.changed}); m.Stale() != x.want {
			t.Errorf("%d of %d changed: stale is %v", x.changed, x.built, m.Stale())
		}
	}
}
