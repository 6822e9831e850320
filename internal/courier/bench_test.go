package courier

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/x448/float16"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/engine"
	"akin/internal/feed"
	"akin/internal/feed/ledger"
	"akin/internal/feed/match"
	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/store"
	"akin/internal/vec"
)

// Of the benchmark: how many papers are there before feeds are made, how many come then,
// and how many feeds there are.
const (
	benchBefore = 20_480
	benchComing = 40_960
	benchFeeds  = 10_000
	benchDim    = 384
)

// corpus is real papers and their vectors.
type corpus struct {
	papers  []paper.Paper
	vectors [][]float32
	byTitle map[string]int
}

func readCorpus(t *testing.T, papers, vectors, ids string) *corpus {
	t.Helper()
	c := &corpus{byTitle: make(map[string]int)}
	list, err := os.ReadFile(ids)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(vectors)
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]int)
	for i, id := range strings.Fields(string(list)) {
		rows[id] = i
	}
	raw = raw[len(raw)-len(rows)*benchDim*2:]
	file, err := os.Open(papers)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var row struct {
			ID, Title, Abstract, Venue, Authors string
		}
		if json.Unmarshal(lines.Bytes(), &row) != nil {
			continue
		}
		at, ok := rows[row.ID]
		if !ok {
			continue
		}
		v := make([]float32, benchDim)
		for k := range v {
			v[k] = float16.Frombits(binary.LittleEndian.Uint16(raw[(at*benchDim+k)*2:])).Float32()
		}
		if vec.Normalize(v) != nil {
			continue
		}
		p := paper.Paper{ID: row.ID, Title: row.Title, Abstract: row.Abstract, Venue: row.Venue}
		for name := range strings.SplitSeq(row.Authors, "; ") {
			if name = strings.TrimSpace(name); name != "" && len(name) <= feed.MaxAuthorBytes {
				p.Authors = append(p.Authors, paper.Author{Name: name})
			}
		}
		c.papers, c.vectors = append(c.papers, p), append(c.vectors, v)
	}
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(c.papers), func(i, j int) {
		c.papers[i], c.papers[j] = c.papers[j], c.papers[i]
		c.vectors[i], c.vectors[j] = c.vectors[j], c.vectors[i]
	})
	for i := range c.papers {
		c.byTitle[c.papers[i].Title] = i
	}
	return c
}

// QueryVector implements Papers: a title is near its paper.
func (c *corpus) QueryVector(_ context.Context, _, text string) ([]float32, error) {
	i, ok := c.byTitle[text]
	if !ok { // signs were taken out: it is near some other
		h := fnv.New64a()
		h.Write([]byte(text))
		i = int(h.Sum64() % uint64(len(c.vectors)))
	}
	random := rand.New(rand.NewPCG(uint64(i), 3))
	v := slices.Clone(c.vectors[i])
	for k := range v {
		v[k] += float32(random.NormFloat64()) * 0.02
	}
	return v, vec.Normalize(v)
}

func (c *corpus) Identify(_ context.Context, _ string, names []string) ([]string, error) {
	return names, nil
}

func (c *corpus) Evidence(context.Context, string, engine.Speaking, []string) ([][]engine.Evidence, error) {
	return nil, nil
}

// Entries implements Libraries: ten likes of one neighbourhood.
func (c *corpus) Entries(_ context.Context, _, name string) (library.Library, []library.Entry, error) {
	at := 0
	if _, err := fmt.Sscanf(name, "l%d", &at); err != nil {
		return library.Library{}, nil, err
	}
	dots := make([]float32, 2000)
	order := make([]int, len(dots))
	for i := range dots {
		dots[i], order[i] = vec.Dot(c.vectors[at], c.vectors[i]), i
	}
	slices.SortFunc(order, func(a, b int) int {
		if dots[a] > dots[b] {
			return -1
		}
		return 1
	})
	var entries []library.Entry
	for _, i := range order[:10] {
		entries = append(entries, library.Entry{PaperID: c.papers[i].ID, Mark: library.Liked})
	}
	return library.Library{Name: name, Collection: paper.DefaultCollection}, entries, nil
}

func (c *corpus) Get(_ context.Context, owner, name string) (library.Library, error) {
	return library.Library{Name: name, Owner: owner, Collection: paper.DefaultCollection}, nil
}

func cpu() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// feedOf gives the feeds of the benchmark: 40 % texts in hybrid mode, 30 % libraries,
// 20 % authors, 10 % words, half of them with a filter.
func (c *corpus) feedOf(n int) feed.Feed {
	random := rand.New(rand.NewPCG(uint64(n), 4))
	f := feed.Feed{Name: fmt.Sprintf("f%d", n), Owner: fmt.Sprintf("o%d", n/feed.MaxFeeds)}
	if random.IntN(2) == 0 {
		f.Filter = fmt.Sprintf("NOT venue = %q", c.papers[random.IntN(len(c.papers))].Venue)
	}
	any := func() *paper.Paper { return &c.papers[random.IntN(len(c.papers))] }
	switch k := n % 10; {
	case k < 4:
		f.Query.Text = any().Title
	case k < 7:
		f.Query.Library = fmt.Sprintf("l%d", random.IntN(2000))
	case k < 9:
		for range 1 + random.IntN(3) {
			if p := any(); len(p.Authors) > 0 {
				f.Query.Authors = append(f.Query.Authors, p.Authors[random.IntN(len(p.Authors))].Name)
			}
		}
		if len(f.Query.Authors) == 0 {
			f.Query.Authors = []string{"Ada Lovelace"}
		}
	default:
		f.Query.Text, f.Mode = any().Title, feed.Lexical
	}
	return f
}

func apply(t *testing.T, c catalog.Catalog, papers []paper.Paper, vectors [][]float32) time.Duration {
	t.Helper()
	begin := time.Now()
	for from := 0; from < len(papers); from += 256 {
		var group []catalog.Mutation
		for i := from; i < min(from+256, len(papers)); i++ {
			group = append(group, catalog.Mutation{Paper: papers[i], Vector: vectors[i], TokenCount: 100})
		}
		if _, _, err := c.Apply(t.Context(), paper.DefaultCollection, group); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(begin)
}

// rig is a data directory with the first papers.
func rig(t *testing.T, c *corpus) (*local.Catalog, feed.Ledger) {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "d"), store.Options{Create: true, Beside: []store.Beside{{Prefixes: ledger.Prefixes(), Verify: ledger.Verify}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	cat, err := local.Open(t.Context(), local.Config{
		Store: s, Space: paper.Space{Model: "m", Pooling: "mean", Template: "{title}", MaxTokens: 8, Dimension: benchDim, Precision: "float32"}, Index: local.ExactIndex,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cat.Close() })
	apply(t, cat, c.papers[:benchBefore], c.vectors[:benchBefore])
	return cat, ledger.New(s.DB(), s.Moved)
}

// TestBench measures 10,000 feeds against an import: what matching costs, what it does to
// the import's rate, and whether it finds what comparing everything finds.
func TestBench(t *testing.T) {
	dir := os.Getenv("AKIN_FEEDS_CORPUS")
	if dir == "" {
		t.Skip("make bench-feeds runs it")
	}
	c := readCorpus(t, filepath.Join(dir, "abstracts/abstracts.jsonl.gz"), filepath.Join(dir, "vectors/abstracts.f16.npy"), filepath.Join(dir, "vectors/ids.txt"))
	coming := min(benchComing, len(c.papers)-benchBefore)
	if n, err := strconv.Atoi(os.Getenv("AKIN_FEEDS_COMING")); err == nil {
		coming = min(coming, n)
	}
	papers, vectors := c.papers[benchBefore:benchBefore+coming], c.vectors[benchBefore:benchBefore+coming]

	cat, kept := rig(t, c)
	feeds := New(kept, cat, c, c, Options{})
	before := cpu()
	begin := time.Now()
	c.make(t, feeds, cat, kept)
	fmt.Printf("%d feeds calibrated and kept in %.1f s, %.0f µs of CPU a feed\n", benchFeeds, time.Since(begin).Seconds(), per(cpu()-before, benchFeeds))

	alone, _ := rig(t, c)
	before = cpu()
	bare := apply(t, alone, papers, vectors)
	bareCPU := cpu() - before
	fmt.Printf("import of %d papers without feeds: %.0f papers/s, %.0f µs of CPU a paper\n", coming, float64(coming)/bare.Seconds(), per(bareCPU, coming))

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	m := &matcher{Courier: feeds, collections: make(map[string]*following)}
	if _, err := m.round(ctx); err != nil { // ready
		t.Fatal(err)
	}
	before = cpu()
	go func() { ended <- m.until(ctx, uint64(benchBefore+coming)) }()
	took := apply(t, cat, papers, vectors)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	stop()
	used := cpu() - before
	fmt.Printf("the same with %d feeds: %.0f papers/s (%.0f %%), %.0f µs of CPU a paper, %.0f more\n",
		benchFeeds, float64(coming)/took.Seconds(), 100*bare.Seconds()/took.Seconds(), per(used, coming), per(used-bareCPU, coming))
	c.compare(t, m, papers, cat)
}

func per(d time.Duration, n int) float64 { return float64(d.Microseconds()) / float64(n) }

// until matches until a change was.
func (m *matcher) until(ctx context.Context, sequence uint64) error {
	for {
		worked, err := m.round(ctx)
		if err != nil {
			return err
		}
		if f := m.collections[paper.DefaultCollection]; f.Cursor >= sequence {
			return nil
		}
		if !worked {
			if err := m.catalog.(catalog.Waiter).Wait(ctx, paper.DefaultCollection, m.collections[paper.DefaultCollection].Cursor); err != nil {
				return err
			}
		}
	}
}

// make makes the feeds, some hundreds in one step.
func (c *corpus) make(t *testing.T, feeds *Courier, cat catalog.Catalog, kept feed.Ledger) {
	t.Helper()
	for from := 0; from < benchFeeds; from += 500 {
		view, err := cat.View(t.Context(), paper.DefaultCollection)
		if err != nil {
			t.Fatal(err)
		}
		all := make([]*feed.Feed, 500)
		for i := range all {
			f := c.feedOf(from + i)
			if err := f.Complete("feed"); err != nil {
				t.Fatal(err)
			}
			f.Since = benchBefore
			all[i] = &f
		}
		made, err := feeds.calibrateAll(t.Context(), view, all, make([]*feed.Calibration, len(all)), true)
		view.Close()
		if err != nil {
			t.Fatal(err)
		}
		err = kept.Write(t.Context(), func(w feed.Writer) error {
			for i := range all {
				if err := w.PutFeed(all[i]); err != nil {
					return err
				}
				if err := w.PutCalibration(all[i].ID, made[i]); err != nil {
					return err
				}
			}
			return w.PutFollowing(paper.DefaultCollection, &feed.Following{Cursor: benchBefore})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// compare holds some papers against all feeds one by one.
func (c *corpus) compare(t *testing.T, m *matcher, papers []paper.Paper, cat catalog.Catalog) {
	t.Helper()
	view, err := cat.View(t.Context(), paper.DefaultCollection)
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	const some = 2048
	var refs []paper.Ref
	for i := range some {
		refs = append(refs, paper.Ref{ID: papers[i].ID})
	}
	all, err := papersOf(t.Context(), view, refs)
	if err != nil {
		t.Fatal(err)
	}
	records, err := view.Get(t.Context(), refs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].Sequence, all[i].Fields, all[i].Record = uint64(benchBefore+1+i), paper.AllFields, records[i]
	}
	f := m.collections[paper.DefaultCollection]
	names := make(map[string]bool)
	for _, r := range f.rules {
		for _, w := range r.Calibration.Terms {
			names[w.Name] = true
		}
	}
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	ids, found, err := view.(catalog.WordCounts).TermIDs(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]uint32)
	for i, name := range list {
		if found[i] {
			known[name] = ids[i]
		}
	}
	f.set.Pause(nil)
	before := cpu()
	var got []match.Hit
	for from := 0; from < some; from += match.BatchPapers {
		for _, h := range f.set.Match(all[from:from+match.BatchPapers], func(i int) *paper.Record { return records[from+i] }) {
			h.Paper += from
			got = append(got, h)
		}
	}
	used := cpu() - before
	var want []match.Hit
	before = cpu()
	for i := range all {
		for _, id := range sortedIDs(f.rules) {
			if h, ok := f.rules[id].Match(&all[i], known); ok {
				h.Paper = i
				want = append(want, h)
			}
		}
	}
	brute := cpu() - before
	fmt.Printf("matching alone, no feed full: %.1f µs of CPU a paper; one by one %.0f µs; %d of %d pairs match\n", per(used, some), per(brute, some), len(want), some*len(f.rules))
	if !slices.Equal(got, want) {
		t.Errorf("matching finds %d pairs, comparing all of them %d, which are others", len(got), len(want))
	}
}
