package weaviate_test

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/catalog/move"
	"akin/internal/catalog/weaviate"
	"akin/internal/paper"
	"akin/internal/rank"
	"akin/internal/store"
)

// TestFigures copies papers of a data directory to the cluster and back, compares all,
// and measures. AKIN_CLUSTER_DATA is a copy of the directory, for the test writes to it,
// AKIN_CLUSTER_PAPERS how many papers to take.
func TestFigures(t *testing.T) {
	dir := os.Getenv("AKIN_CLUSTER_DATA")
	if dir == "" {
		t.Skip("no papers to measure with: set AKIN_CLUSTER_DATA to a copy of a data directory, as make bench-cluster does")
	}
	n := number(t, "AKIN_CLUSTER_PAPERS", 5000)
	whole, space := stored(t, dir, paper.Space{})
	one := whole
	if n < int(view(t, whole).Info().Papers) {
		one, _ = stored(t, t.TempDir()+"/data", space)
		take(t, whole, one, n)
	}
	cluster := open(t, space, func(c *weaviate.Config) {
		// Busy machines answer late, and who asks again meanwhile makes them busier.
		c.Timeout, c.Try, c.Replicas = 10*time.Minute, time.Minute, number(t, "AKIN_CLUSTER_REPLICAS", 3)
		if c.Shards = 3; os.Getenv("AKIN_CLUSTER_PREFIX") != "" { // papers that are there already
			c.Prefix = os.Getenv("AKIN_CLUSTER_PREFIX")
		}
	})
	if os.Getenv("AKIN_CLUSTER_FILLED") != "" { // by an earlier run
		agree(t, one, cluster, number(t, "AKIN_CLUSTER_QUERIES", 200))
		throughput(t, one, cluster)
		return
	}
	began := time.Now()
	done, err := move.Copy(t.Context(), one, cluster, paper.DefaultCollection, move.Options{Group: 1000, Progress: func(_ string, done, total uint64) {
		if done%5000 == 0 {
			t.Logf("%d of %d after %v", done, total, time.Since(began).Round(time.Second))
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d papers were copied to the cluster in %v, %.0f a second", done.Written, time.Since(began).Round(time.Millisecond), float64(done.Written)/time.Since(began).Seconds())
	same(t, "there", one, cluster)
	agree(t, one, cluster, number(t, "AKIN_CLUSTER_QUERIES", 200))
	throughput(t, one, cluster)
}

// number reads a number of the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(name), strconv.Itoa(otherwise)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func same(t *testing.T, where string, a, b catalog.Catalog) {
	t.Helper()
	compared, err := move.Compare(t.Context(), a, b, paper.DefaultCollection, move.Options{})
	if err != nil || !compared.Same() {
		t.Fatalf("%s: %+v, %v", where, compared, err)
	}
	t.Logf("%s: all papers are the same, and so are %.1f %% of the neighbours of %d papers", where, 100*compared.Overlap, compared.Sampled)
}

// stored opens a catalog on this machine; a zero space is that of the store.
func stored(t *testing.T, dir string, space paper.Space) (catalog.Catalog, paper.Space) {
	t.Helper()
	s, err := store.Open(dir, store.Options{Create: space != paper.Space{}})
	if err != nil {
		t.Fatal(err)
	}
	if (space == paper.Space{}) {
		all, err := s.Collections()
		if err != nil {
			t.Fatal(err)
		}
		space = all[0].Space
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
	return c, space
}

// take copies the first n papers.
func take(t *testing.T, from, to catalog.Catalog, n int) {
	t.Helper()
	v := view(t, from)
	var group []catalog.Mutation
	for r, err := range v.List(t.Context(), catalog.Listing{}) {
		if err != nil {
			t.Fatal(err)
		}
		vectors, err := v.Vectors(t.Context(), []paper.Ref{r.Ref()})
		if err != nil {
			t.Fatal(err)
		}
		group = append(group, catalog.Mutation{Paper: r.Paper, Vector: vectors[0], TokenCount: r.TokenCount, Truncated: r.Truncated})
		if n--; n == 0 || len(group) == 500 {
			if _, _, err := to.Apply(t.Context(), paper.DefaultCollection, group); err != nil {
				t.Fatal(err)
			}
			group = nil
		}
		if n == 0 {
			return
		}
	}
}

func view(t *testing.T, c catalog.Catalog) catalog.View {
	t.Helper()
	v, err := c.View(t.Context(), paper.DefaultCollection)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// question is a query of a paper's vector and the first words of its title.
type question struct {
	vector []float32
	words  string
}

func questions(t *testing.T, c catalog.Catalog, n int) (out []question) {
	t.Helper()
	v := view(t, c)
	every := max(1, int(v.Info().Papers)/n)
	i := 0
	for r, err := range v.List(t.Context(), catalog.Listing{}) {
		if err != nil {
			t.Fatal(err)
		}
		if i++; i%every == 0 && len(out) < n {
			vectors, err := v.Vectors(t.Context(), []paper.Ref{r.Ref()})
			if err != nil {
				t.Fatal(err)
			}
			words := strings.Fields(r.Title)
			out = append(out, question{vectors[0], strings.Join(words[:min(6, len(words))], " ")})
		}
	}
	return out
}

// top gives the first ten papers by meaning, or by both as searches score them.
func top(ctx context.Context, v catalog.View, q question, both bool) (ids []string, err error) {
	if !both {
		found, err := v.Nearest(ctx, catalog.Nearest{Probes: []catalog.Probe{{Vector: q.vector, K: 10}}})
		if err != nil {
			return nil, err
		}
		for _, h := range found.Hits {
			ids = append(ids, h.ID)
		}
		return ids, nil
	}
	found, err := v.Hybrid(ctx, catalog.Hybrid{Vector: q.vector, Words: catalog.Words{Text: q.words}, K: 200})
	if err != nil {
		return nil, err
	}
	most := 0.0
	for _, h := range found.Hits {
		most = max(most, h.Lexical)
	}
	for i := range found.Hits {
		h := &found.Hits[i]
		if h.Score = h.Semantic; most > 0 {
			h.Score += .4 * h.Lexical / most
		}
	}
	rank.Sort(found.Hits)
	for _, h := range found.Hits[:min(10, len(found.Hits))] {
		ids = append(ids, h.ID)
	}
	return ids, nil
}

// agree compares the first ten of both catalogs.
func agree(t *testing.T, a, b catalog.Catalog, n int) {
	t.Helper()
	asked := questions(t, a, n)
	va, vb := view(t, a), view(t, b)
	for _, both := range []bool{false, true} {
		least := map[bool]float64{false: .98, true: .9}[both]
		common, all := 0, 0
		for _, q := range asked {
			want, err := top(t.Context(), va, q, both)
			if err != nil {
				t.Fatal(err)
			}
			got, err := top(t.Context(), vb, q, both)
			if err != nil {
				t.Fatal(err)
			}
			all += len(want)
			was := common
			for _, id := range got {
				if slices.Contains(want, id) {
					common++
				}
			}
			if common-was < len(want)/2 {
				t.Logf("words: %v: for %q, %d of %d are the same: %v and %v", both, q.words, common-was, len(want), want, got)
			}
		}
		share := float64(common) / float64(all)
		t.Logf("words: %v: %.2f %% of the first ten of %d queries are the same", both, 100*share, len(asked))
		if share < least {
			t.Errorf("%.3f are the same; at least %.2f are asked for", share, least)
		}
	}
}

// throughput asks as fast as it can, from four callers.
func throughput(t *testing.T, catalogs ...catalog.Catalog) {
	t.Helper()
	asked := questions(t, catalogs[0], 100)
	for i, c := range catalogs {
		for _, both := range []bool{false, true} {
			began := time.Now()
			var busy sync.WaitGroup
			for caller := range 4 {
				busy.Go(func() {
					for n := range asked {
						v, err := c.View(t.Context(), paper.DefaultCollection)
						if err != nil {
							t.Error(err)
							return
						}
						_, err = top(t.Context(), v, asked[(n+caller*25)%len(asked)], both)
						v.Close()
						if err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			busy.Wait()
			t.Logf("catalog %d, words: %v: %.0f queries a second of four callers", i, both, float64(4*len(asked))/time.Since(began).Seconds())
		}
	}
}
