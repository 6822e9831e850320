package weaviate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"akin/internal/catalog"
	"akin/internal/catalog/weaviate"
	"akin/internal/paper"
	"akin/internal/rank"
	"akin/internal/vec"
)

const recallDim = 48

func recallSpace() paper.Space {
	return paper.Space{Model: "m", ModelDigest: "d", TokenizerDigest: "t", Pooling: "mean", MaxTokens: 256, Dimension: recallDim, Precision: "float32"}
}

// cloud makes vectors of unit length around some topics.
type cloud struct {
	random *rand.Rand
	topics [][]float32
}

func newCloud(seed uint64) *cloud {
	c := &cloud{random: rand.New(rand.NewPCG(seed, 7))}
	for range 40 {
		c.topics = append(c.topics, c.around(make([]float32, recallDim)))
	}
	return c
}

func (c *cloud) around(topic []float32) []float32 {
	v := make([]float32, len(topic))
	var sum float64
	for i := range v {
		v[i] = topic[i] + float32(c.random.NormFloat64()*.1)
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

func (c *cloud) next() []float32 { return c.around(c.topics[c.random.IntN(len(c.topics))]) }

// mirror is a catalog, and what it must have.
type mirror struct {
	*testing.T
	c       *weaviate.Catalog
	vectors map[string][]float32
}

func (m *mirror) apply(changes []catalog.Mutation) {
	m.Helper()
	if _, _, err := m.c.Apply(m.Context(), paper.DefaultCollection, changes); err != nil {
		m.Fatal(err)
	}
	for _, x := range changes {
		if x.Delete {
			delete(m.vectors, x.Paper.ID)
		} else if x.Vector != nil {
			m.vectors[x.Paper.ID] = x.Vector
		}
	}
}

func (m *mirror) ids() (ids []string) {
	for id := range m.vectors {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// recall compares the first ten of a search with those of an exact one of the test's own.
func (m *mirror) recall(queries [][]float32, exact bool) float64 {
	m.Helper()
	v := view(m.T, m.c)
	found, all := 0, 0
	for _, q := range queries {
		hits := make([]rank.Hit, 0, len(m.vectors))
		for id, x := range m.vectors {
			hits = append(hits, rank.Hit{ID: id, Score: float64(vec.Dot(q, x))})
		}
		rank.Sort(hits)
		got, err := v.Nearest(m.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: q, K: 10}}, Exact: exact})
		if err != nil {
			m.Fatal(err)
		}
		for _, want := range hits[:10] {
			all++
			if slices.ContainsFunc(got.Hits, func(h rank.Hit) bool { return h.ID == want.ID && math.Abs(h.Score-want.Score) < 1e-5 }) {
				found++
			}
		}
	}
	return float64(found) / float64(all)
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

func titled(id string, vector []float32) catalog.Mutation {
	return catalog.Mutation{Paper: paper.Paper{ID: id, Title: "paper " + id}, Vector: vector, TokenCount: 2}
}

// torn ends tries of writes in their midst.
func torn(seed uint64) func() time.Duration {
	random := rand.New(rand.NewPCG(seed, 3))
	var mu sync.Mutex // guards random
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(random.IntN(60)) * time.Millisecond
	}
}

// Searches by vector find what an exact search finds, after papers were written, changed
// and deleted, and writes were given up in their midst and made again.
func TestRecall(t *testing.T) {
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprint(replicas, " replicas"), func(t *testing.T) {
			cloud := newCloud(uint64(replicas))
			m := &mirror{T: t, vectors: map[string][]float32{}}
			m.c = open(t, recallSpace(), func(c *weaviate.Config) { c.Replicas, c.Shards, c.Try, c.AuditEvery = replicas, 3, 30*time.Second, -1 })
			const papers, group = 1200, 300
			weaviate.Tear(m.c, torn(1))
			for from := 0; from < papers; from += group {
				var changes []catalog.Mutation
				for i := from; i < from+group; i++ {
					changes = append(changes, titled(fmt.Sprintf("p%05d", i), cloud.next()))
				}
				m.apply(changes)
			}
			var changes []catalog.Mutation
			for i := 0; i < papers; i += 5 {
				changes = append(changes, titled(fmt.Sprintf("p%05d", i), cloud.next()))
				changes[len(changes)-1].Paper.Title += " again"
			}
			m.apply(changes)
			changes = nil
			for i := 1; i < papers; i += 10 {
				changes = append(changes, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: fmt.Sprintf("p%05d", i)}})
			}
			m.apply(changes)
			weaviate.Tear(m.c, nil)
			if weaviate.Unsure(m.c) == 0 {
				t.Error("no write was given up in its midst")
			}
			if left, err := weaviate.Strays(t.Context(), m.c, paper.DefaultCollection, m.ids()); err != nil || len(left) > 0 {
				t.Errorf("%d papers are not found by vector at some node: %v", len(left), err)
			}
			var queries [][]float32
			for range 60 {
				queries = append(queries, cloud.next())
			}
			walked, exact := m.recall(queries, false), m.recall(queries, true)
			t.Logf("recall@10 of a walk %.4f, of an exact search %.4f", walked, exact)
			if walked < .98 || exact < .999 {
				t.Errorf("recall@10 of a walk %.4f, of an exact search %.4f; at least .98 and .999 are asked for", walked, exact)
			}
			m.read()
		})
	}
}

// read sees that vectors are those that were given, however they are kept.
func (m *mirror) read() {
	m.Helper()
	var refs []paper.Ref
	for _, id := range m.ids() {
		refs = append(refs, paper.Ref{ID: id})
	}
	for _, some := range [][]paper.Ref{refs[:50], refs} { // by a quorum, and by a search
		vectors, err := view(m.T, m.c).Vectors(m.Context(), some)
		if err != nil {
			m.Fatal(err)
		}
		for i, r := range some {
			if !slices.Equal(vectors[i], m.vectors[r.ID]) {
				m.Fatalf("%s has the vector %v, want %v", r.ID, vectors[i], m.vectors[r.ID])
			}
		}
	}
	found, err := view(m.T, m.c).Hybrid(m.Context(), catalog.Hybrid{Vector: m.vectors[refs[0].ID], Words: catalog.Words{Text: "paper"}, K: 1000})
	if err != nil {
		m.Fatal(err)
	}
	for _, h := range found.Hits {
		if want := float64(vec.Dot(m.vectors[refs[0].ID], m.vectors[h.ID])); math.Abs(h.Semantic-want) > 1e-5 {
			m.Errorf("%s is as near as %v, want %v", h.ID, h.Semantic, want)
		}
	}
}

// What a write that was given up left without a place in the graph, and what writing it
// again does not mend, is found by an audit, and is there afterwards: the same paper, of
// the same change.
func TestAudit(t *testing.T) {
	cloud := newCloud(9)
	m := &mirror{T: t, vectors: map[string][]float32{}}
	m.c = open(t, recallSpace(), func(c *weaviate.Config) {
		c.Replicas, c.Shards, c.Try, c.AuditEvery = 1, 3, 30*time.Second, -1
		c.Keep, c.Late = 3*time.Second, 3*time.Second // longer than one change takes
	})
	weaviate.Tear(m.c, torn(2))
	var left []string
	for round := range 60 {
		var changes []catalog.Mutation
		for i := range 100 {
			id := fmt.Sprintf("p%02d%03d", round, i)
			changes = append(changes, titled(id, cloud.next()))
			m.vectors[id] = changes[i].Vector
		}
		if err := weaviate.ApplyUnseen(t.Context(), m.c, paper.DefaultCollection, changes); err != nil {
			t.Fatal(err)
		}
		var err error
		if left, err = weaviate.Strays(t.Context(), m.c, paper.DefaultCollection, m.ids()); err != nil {
			t.Fatal(err)
		}
		if len(left) >= 20 {
			break
		}
	}
	weaviate.Tear(m.c, nil)
	if len(left) == 0 {
		t.Skip("Weaviate put all papers into the graph although writes were given up; then there is nothing to mend")
	}
	before, err := view(t, m.c).Get(t.Context(), []paper.Ref{{ID: left[0]}})
	if err != nil {
		t.Fatal(err)
	}
	info := view(t, m.c).Info()
	hits := func(id string) bool {
		found, err := view(t, m.c).Nearest(t.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: m.vectors[id], K: 1}}, Exact: true})
		if err != nil {
			t.Fatal(err)
		}
		return len(found.Hits) == 1 && found.Hits[0].ID == id
	}
	if hits(left[0]) {
		t.Errorf("%s is no node's, and found", left[0])
	}
	out, err := m.c.Audit(t.Context(), paper.DefaultCollection)
	if err != nil || out.Mended != len(left) || out.Papers != len(m.vectors) {
		t.Errorf("%+v, %v; want %d of %d", out, err, len(left), len(m.vectors))
	}
	t.Logf("%d of %d papers were mended", out.Mended, out.Papers)
	if again, err := m.c.Audit(t.Context(), paper.DefaultCollection); err != nil || again.Mended != 0 {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	for _, id := range left {
		if !hits(id) {
			t.Errorf("%s is not found", id)
		}
	}
	after, err := view(t, m.c).Get(t.Context(), []paper.Ref{{ID: left[0]}})
	if err != nil || after[0].Revision != before[0].Revision || !after[0].UpdateTime.Equal(before[0].UpdateTime) {
		t.Errorf("%+v, and was %+v: %v", after[0], before[0], err)
	}
	if now := view(t, m.c).Info(); now.Sequence != info.Sequence || now.Papers != info.Papers {
		t.Errorf("%+v, and was %+v", now, info)
	}
	m.read()
	// A change of what a paper says, and not of its vector, keeps it where it is.
	// Who looks at the moment before it sees the paper as it was: the copy is that of the
	// change, though the group that mended is long over.
	p, old := after[0].Paper, view(t, m.c)
	p.Venue = "elsewhere"
	time.Sleep(3100 * time.Millisecond)
	m.apply([]catalog.Mutation{{Paper: p}})
	if was, err := old.Get(t.Context(), []paper.Ref{{ID: p.ID}}); err != nil || was[0] == nil || was[0].Venue != after[0].Venue {
		t.Errorf("before its change a paper that was mended is %v: %v", was, err)
	}
	if !hits(p.ID) {
		t.Error("a paper that was mended and changed is not found")
	}
	m.read()
	if _, err := m.c.Audit(t.Context(), "nowhere"); paper.KindOf(err) != paper.NotFound {
		t.Errorf("of no collection: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.c.Audit(ended, paper.DefaultCollection); !errors.Is(err, context.Canceled) {
		t.Errorf("of one that was given up: %v", err)
	}
}
