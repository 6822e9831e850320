package weaviate_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/x448/float16"
	"golang.org/x/sync/errgroup"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/catalog/move"
	"akin/internal/catalog/weaviate"
	"akin/internal/paper"
	"akin/internal/rank"
	"akin/internal/store"
	"akin/internal/vec"
)

// TestFigures fills a catalog on this machine and a cluster with real papers, in steps of
// AKIN_CLUSTER_PAPERS, compares both with each other and with an exact search by
// AKIN_CLUSTER_QUERIES (one number a step, the last one for all that follow), and
// measures: make bench-cluster. AKIN_CLUSTER_DATA is the folder with abstracts/ and
// vectors/ (shared/data).
func TestFigures(t *testing.T) {
	dir := os.Getenv("AKIN_CLUSTER_DATA")
	if dir == "" {
		t.Skip("no papers to measure with: set AKIN_CLUSTER_DATA to a folder of abstracts and vectors, as make bench-cluster does")
	}
	f := &figures{T: t}
	f.one = openLocal(t, t.TempDir()+"/data", figureSpace())
	f.cluster = open(t, figureSpace(), func(c *weaviate.Config) {
		// Busy machines answer late, and who asks again meanwhile makes them busier.
		c.Timeout, c.Try, c.Replicas, c.Shards = 10*time.Minute, time.Minute, number(t, "AKIN_CLUSTER_REPLICAS", 3), number(t, "AKIN_CLUSTER_SHARDS", 3)
		if prefix := os.Getenv("AKIN_CLUSTER_PREFIX"); prefix != "" { // papers that are there already
			c.Prefix = prefix
		}
	})
	next, stop := iter.Pull2(papersIn(dir))
	defer stop()
	queries := numbers(t, "AKIN_CLUSTER_QUERIES", 200)
	for i, n := range numbers(t, "AKIN_CLUSTER_PAPERS", 5000) {
		f.queries = queries[min(i, len(queries)-1)]
		f.grow(next, n)
		f.copy()
		f.agree()
		f.throughput()
	}
}

// figureSpace stands for that of the vectors in shared/data.
func figureSpace() paper.Space {
	return paper.Space{Model: "m", ModelDigest: "d", TokenizerDigest: "t", Pooling: "mean", MaxTokens: 256, Dimension: 384, Precision: "float32"}
}

// numbers reads some numbers of the environment, at least one.
func numbers(t *testing.T, name string, otherwise int) (all []int) {
	t.Helper()
	for text := range strings.FieldsSeq(cmp.Or(os.Getenv(name), strconv.Itoa(otherwise))) {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, n)
	}
	return all
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	return numbers(t, name, otherwise)[0]
}

// openLocal opens a catalog on this machine.
func openLocal(t *testing.T, dir string, space paper.Space) catalog.Catalog {
	t.Helper()
	s, err := store.Open(dir, store.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := local.Open(t.Context(), local.Config{Store: s, Space: space, Dir: filepath.Join(dir, "indexes")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// papersIn reads the abstracts of a folder that have a vector, in their order.
func papersIn(dir string) iter.Seq2[catalog.Mutation, error] {
	return func(yield func(catalog.Mutation, error) bool) {
		err := readPapers(dir, func(m catalog.Mutation) bool { return yield(m, nil) })
		if err != nil {
			yield(catalog.Mutation{}, err)
		}
	}
}

func readPapers(dir string, each func(catalog.Mutation) bool) error {
	ids, err := os.ReadFile(filepath.Join(dir, "vectors", "ids.txt"))
	if err != nil {
		return err
	}
	rows := make(map[string]int)
	for id := range strings.FieldsSeq(string(ids)) {
		rows[id] = len(rows)
	}
	vectors, err := os.ReadFile(filepath.Join(dir, "vectors", "abstracts.f16.npy"))
	if err != nil {
		return err
	}
	bytes := figureSpace().Dimension * 2
	vectors = vectors[len(vectors)-len(rows)*bytes:]
	f, err := os.Open(filepath.Join(dir, "abstracts", "abstracts.jsonl.gz"))
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for lines := json.NewDecoder(bufio.NewReader(z)); ; {
		var p struct{ ID, Title, Abstract, Venue, Year, Authors string }
		if err := lines.Decode(&p); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		row, ok := rows[p.ID]
		if !ok {
			continue
		}
		m := catalog.Mutation{
			Paper:  paper.Paper{ID: p.ID, Title: p.Title, Abstract: p.Abstract, Venue: p.Venue},
			Vector: unitOf(vectors[row*bytes : (row+1)*bytes]), TokenCount: 200,
		}
		m.Paper.PublishDate.Year, _ = strconv.Atoi(p.Year)
		for name := range strings.SplitSeq(p.Authors, ";") {
			if name = strings.TrimSpace(name); name != "" {
				m.Paper.Authors = append(m.Paper.Authors, paper.Author{Name: name})
			}
		}
		if !each(m) {
			return nil
		}
	}
}

// unitOf reads float16 numbers, whose rounding changed the length.
func unitOf(raw []byte) []float32 {
	v := make([]float32, len(raw)/2)
	var sum float64
	for i := range v {
		v[i] = float16.Frombits(binary.LittleEndian.Uint16(raw[2*i:])).Float32()
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// figures are what is measured at some sizes.
type figures struct {
	*testing.T
	one     catalog.Catalog
	cluster *weaviate.Catalog
	queries int

	vectors [][]float32 // of all papers, and their ids and titles
	ids     []string
	titles  []string
}

// grow brings the catalog on this machine to n papers.
func (f *figures) grow(next func() (catalog.Mutation, error, bool), n int) {
	f.Helper()
	var group []catalog.Mutation
	for more := true; more; {
		var m catalog.Mutation
		var err error
		if more = len(f.ids) < n; more {
			m, err, more = next()
		}
		if err != nil {
			f.Fatal(err)
		}
		if more {
			group = append(group, m)
			f.ids, f.titles, f.vectors = append(f.ids, m.Paper.ID), append(f.titles, m.Paper.Title), append(f.vectors, m.Vector)
		}
		if len(group) > 0 && (!more || len(group) == 1000) {
			if _, _, err := f.one.Apply(f.Context(), paper.DefaultCollection, group); err != nil {
				f.Fatal(err)
			}
			group = nil
		}
	}
}

// node is what the processes of a cluster take, as the script says that started them.
type nodeFigures struct {
	cpu          float64 // seconds, of all
	memory, disk []int   // MiB
}

func (f *figures) nodes() (out nodeFigures) {
	f.Helper()
	script := os.Getenv("AKIN_TEST_CLUSTER_CONTROL")
	if script == "" || runtime.GOOS != "linux" {
		return out
	}
	text, err := exec.Command(script, "status").Output()
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var node, pid, memory, disk int
		if _, err := fmt.Sscanf(line, "node %d: process %d, %d MiB of memory, %d MiB on disk", &node, &pid, &memory, &disk); err != nil {
			continue
		}
		out.memory, out.disk = append(out.memory, memory), append(out.disk, disk)
		out.cpu += cpuSeconds(f.T, pid)
	}
	return out
}

// cpuSeconds is the CPU time that a process has taken.
func cpuSeconds(t *testing.T, pid int) float64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	sum := 0.0
	for _, at := range []int{11, 12} { // user and system, in ticks
		n, err := strconv.ParseFloat(fields[at], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum / 100
}

// flushedAfter is how long after the last change Weaviate has written what it keeps in
// memory until then.
const flushedAfter = 80 * time.Second

// copy brings the cluster to what the other catalog has.
func (f *figures) copy() {
	f.Helper()
	before, own, began := f.nodes(), cpuSeconds(f.T, os.Getpid()), time.Now()
	done, err := move.Copy(f.Context(), f.one, f.cluster, paper.DefaultCollection, move.Options{Group: 1000, Progress: func(_ string, done, _ uint64) {
		if done%5000 == 0 {
			f.Logf("%d after %v", done, time.Since(began).Round(time.Second))
		}
	}})
	if err != nil {
		f.Fatal(err)
	}
	took, after := time.Since(began), f.nodes()
	written := float64(max(1, done.Written))
	line := fmt.Sprintf("COPY | %d papers of %d | %.0f a second | %.2f CPU-ms a paper of all nodes | %.2f of akin | memory %v MiB", done.Written, len(f.ids),
		written/took.Seconds(), (after.cpu-before.cpu)*1e3/written, (cpuSeconds(f.T, os.Getpid())-own)*1e3/written, after.memory)
	time.Sleep(flushedAfter)
	after = f.nodes()
	f.Logf("%s, once flushed %v | disk %v MiB |", line, after.memory, after.disk)
	audited, err := f.cluster.Audit(f.Context(), paper.DefaultCollection)
	if err != nil {
		f.Fatal(err)
	}
	f.Logf("AUDIT | %+v", audited)
	compared, err := move.Compare(f.Context(), f.one, f.cluster, paper.DefaultCollection, move.Options{})
	if err != nil || !compared.Same() {
		f.Fatalf("%+v, %v", compared, err)
	}
	f.Logf("all papers are the same, and so are %.1f %% of the neighbours of %d papers", 100*compared.Overlap, compared.Sampled)
}

// question is a query of a paper's vector and the first words of its title.
type question struct {
	vector []float32
	words  string
}

func (f *figures) questions(n int) (out []question) {
	every := max(1, len(f.ids)/n)
	for i := every - 1; i < len(f.ids) && len(out) < n; i += every {
		words := strings.Fields(f.titles[i])
		out = append(out, question{f.vectors[i], strings.Join(words[:min(6, len(words))], " ")})
	}
	return out
}

// exact compares a vector with all.
func (f *figures) exact(vector []float32) (ids []string) {
	hits := make([]rank.Hit, len(f.ids))
	for i, v := range f.vectors {
		near := float64(vec.Dot(vector, v))
		hits[i] = rank.Hit{ID: f.ids[i], Score: near}
	}
	rank.Sort(hits)
	for _, h := range hits[:min(10, len(hits))] {
		ids = append(ids, h.ID)
	}
	return ids
}

// candidates are what a hybrid search finds, scored as searches do.
type candidates struct {
	top  []string
	all  map[string]rank.Hit
	most float64 // the best score of words
	near map[string]bool
}

func hybrid(ctx context.Context, v catalog.View, q question) (c candidates, err error) {
	found, err := v.Hybrid(ctx, catalog.Hybrid{Vector: q.vector, Words: catalog.Words{Text: q.words}, K: 200})
	if err != nil {
		return c, err
	}
	for _, h := range found.Hits {
		c.most = max(c.most, h.Lexical)
	}
	c.all, c.near = make(map[string]rank.Hit, len(found.Hits)), make(map[string]bool)
	for i := range found.Hits {
		h := &found.Hits[i]
		if h.Score = h.Semantic; c.most > 0 {
			h.Score += .4 * h.Lexical / c.most
		}
		c.all[h.ID] = *h
	}
	rank.Sort(found.Hits)
	for _, h := range found.Hits[:min(10, len(found.Hits))] {
		c.top = append(c.top, h.ID)
	}
	slices.SortFunc(found.Hits, func(a, b rank.Hit) int { return cmp.Compare(b.Semantic, a.Semantic) })
	for _, h := range found.Hits[:min(200, len(found.Hits))] {
		c.near[h.ID] = true
	}
	return c, nil
}

func nearest(ctx context.Context, v catalog.View, q question) (ids []string, err error) {
	found, err := v.Nearest(ctx, catalog.Nearest{Probes: []catalog.Probe{{Vector: q.vector, K: 10}}})
	for _, h := range found.Hits {
		ids = append(ids, h.ID)
	}
	return ids, err
}

func (f *figures) view(c catalog.Catalog) catalog.View {
	f.Helper()
	v, err := c.View(f.Context(), paper.DefaultCollection)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(v.Close)
	return v
}

// common counts what two lists have in common.
func common(a, b []string) (n int) {
	for _, id := range a {
		if slices.Contains(b, id) {
			n++
		}
	}
	return n
}

// agreement counts what the first ten of both catalogs have in common.
type agreement struct {
	all, same, oneRight, clusterRight int // by meaning
	allBoth, sameBoth                 int // by meaning and words
	why                               map[string]int
}

// agree compares the first ten of both catalogs, and says why they differ.
func (f *figures) agree() {
	f.Helper()
	asked := f.questions(f.queries)
	one, cluster := f.view(f.one), f.view(f.cluster)
	sum := agreement{why: map[string]int{}}
	var mu sync.Mutex // guards sum
	g, ctx := errgroup.WithContext(f.Context())
	g.SetLimit(4)
	for _, q := range asked {
		g.Go(func() error {
			want, errOne := nearest(ctx, one, q)
			got, errCluster := nearest(ctx, cluster, q)
			a, errA := hybrid(ctx, one, q)
			b, errB := hybrid(ctx, cluster, q)
			exact := f.exact(q.vector)
			mu.Lock()
			defer mu.Unlock()
			sum.all += len(exact)
			sum.same, sum.oneRight, sum.clusterRight = sum.same+common(want, got), sum.oneRight+common(exact, want), sum.clusterRight+common(exact, got)
			sum.allBoth, sum.sameBoth = sum.allBoth+len(a.top), sum.sameBoth+common(a.top, b.top)
			for _, id := range a.top {
				if !slices.Contains(b.top, id) {
					sum.why[reason(id, &a, &b)]++
				}
			}
			return errors.Join(errOne, errCluster, errA, errB)
		})
	}
	if err := g.Wait(); err != nil {
		f.Fatal(err)
	}
	share := func(n, of int) float64 { return 100 * float64(n) / float64(of) }
	same, both := share(sum.same, sum.all), share(sum.sameBoth, sum.allBoth)
	f.Logf("SAME | %d papers, %d queries | by meaning %.2f %% | one machine and an exact search %.2f %% | the cluster and an exact search %.2f %% | by both %.2f %% | of those that are not: %v",
		len(f.ids), len(asked), same, share(sum.oneRight, sum.all), share(sum.clusterRight, sum.all), both, sum.why)
	if same < 98 {
		f.Errorf("by meaning %.2f %% are the same; at least 98 are asked for", same)
	}
	if both < 90 {
		f.Errorf("by meaning and words %.2f %% are the same; at least 90 are asked for", both)
	}
}

// reason says why a paper is among the first ten of a and not of b.
func reason(id string, a, b *candidates) string {
	h := a.all[id]
	g, has := b.all[id]
	switch {
	case !has && a.near[id]:
		return "the walk did not find it"
	case !has:
		return "the search by words did not find it"
	case math.Abs(h.Semantic-g.Semantic) > 1e-4:
		return "another cosine"
	case math.Abs(h.Lexical/a.most-g.Lexical/b.most) < 1e-4:
		return "displaced by another candidate"
	case math.Abs(h.Lexical-g.Lexical) < 1e-4*h.Lexical:
		return "measured by another best score of words"
	}
	return "another score of words"
}

// throughput asks as fast as it can, from four callers.
func (f *figures) throughput() {
	f.Helper()
	for i, c := range []catalog.Catalog{f.one, f.cluster} {
		for _, both := range []bool{false, true} {
			asked := f.questions(map[bool]int{false: 100, true: 25}[both])
			before, own, began := f.nodes(), cpuSeconds(f.T, os.Getpid()), time.Now()
			var busy sync.WaitGroup
			for caller := range 4 {
				busy.Go(func() {
					for n := range asked {
						v, err := c.View(f.Context(), paper.DefaultCollection)
						if err != nil {
							f.Error(err)
							return
						}
						q := asked[(n+caller*len(asked)/4)%len(asked)]
						if both {
							_, err = hybrid(f.Context(), v, q)
						} else {
							_, err = nearest(f.Context(), v, q)
						}
						v.Close()
						if err != nil {
							f.Error(err)
							return
						}
					}
				})
			}
			busy.Wait()
			n := float64(4 * len(asked))
			f.Logf("QUERIES | %d papers | %s | with words: %t | %.0f a second | %.1f CPU-ms of all nodes | %.1f of akin |", len(f.ids), []string{"one machine", "cluster"}[i], both,
				n/time.Since(began).Seconds(), (f.nodes().cpu-before.cpu)*1e3/n, (cpuSeconds(f.T, os.Getpid())-own)*1e3/n)
		}
	}
}
