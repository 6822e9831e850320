package lexical

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"go.uber.org/goleak"

	"akin/internal/paper"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ordinals(hits []Hit) []uint32 {
	all := make([]uint32, len(hits))
	for i, h := range hits {
		all[i] = h.Ordinal
	}
	return all
}

func search(t *testing.T, x *Index, text string) []uint32 {
	t.Helper()
	r, err := x.Search(t.Context(), Query{Text: text, K: 10})
	if err != nil {
		t.Fatal(err)
	}
	return ordinals(r.Hits)
}

func small(t *testing.T) *Index {
	x := fill(t, nil, Options{})
	for i, p := range []struct {
		title, abstract string
		ids             []string
	}{
		{"Graph neural networks", "A survey of pretraining for graphs. It cites 2001.00001.", []string{"arXiv:2112.09118", "10.1000/ABC.1"}},
		{"Dense retrieval", "Networks that are neural and learn to retrieve. Graph is a word here.", []string{"arXiv:2001.00001"}},
		{"信息检索", "Pre-training of language models for retrieval", []string{"title:00ff", "hep-th/9901001"}},
		{"Erdős–Rényi graphs", `Random $\alpha$-stable graphs with \textit{heavy} tails`, nil},
	} {
		if err := x.Upsert(uint32(10*i), p.title, p.abstract, p.ids); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func TestQueries(t *testing.T) {
	x := small(t)
	for _, sealed := range []bool{false, true} {
		for _, tc := range []struct {
			query string
			want  []uint32
		}{
			{"retrieval", []uint32{10, 20}},
			{`"neural networks"`, []uint32{0}},
			{`"networks that are neural"`, []uint32{10}},
			{`"retrieval networks"`, nil}, // title and abstract are not one text
			{`"graph unheard"`, nil},
			{"graph -survey", []uint32{30, 10}},
			{`graph -"graph neural"`, []uint32{30, 10}},
			{"-graph", nil},
			{"pretraining", []uint32{0, 20}},
			{"pre-training", []uint32{20, 0}},
			{"retri*", []uint32{10, 20}},
			{"retrievals*", nil},
			{"erdos renyi", []uint32{30}},
			{"alpha stable", []uint32{30}},
			{"检索", []uint32{20}},
			{"2112.09118v3", []uint32{0}},
			{"https://arxiv.org/abs/2112.09118", []uint32{0}},
			{"2001.00001", []uint32{10, 0}}, // the paper itself before one that cites it
			{"graph https://doi.org/10.1000/abc.1 retrieval", []uint32{0, 10, 20, 30}},
			{"title:00FF", []uint32{20}},
			{"hep-th/9901001", []uint32{20}},
			{"the of and", nil},
			{"unheard", nil},
			{"", nil},
		} {
			got := search(t, x, tc.query)
			if tc.query == "graph -survey" || strings.HasPrefix(tc.query, "graph ") || strings.Contains(tc.query, "training") {
				first := len(got) > 0 && len(tc.want) > 0 && (!strings.Contains(tc.query, "doi") || got[0] == tc.want[0])
				slices.Sort(got)
				slices.Sort(tc.want)
				if !first {
					t.Errorf("%q: got %v, want %v first", tc.query, got, tc.want)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("sealed %v, %q: got %v, want %v", sealed, tc.query, got, tc.want)
			}
		}
		if err := x.Compact(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestResultSaysWhatWasLookedFor(t *testing.T) {
	x := small(t)
	r, err := x.Search(t.Context(), Query{Text: "the Networks' survey of unheard graph RETRIEVAL", K: 1, MaxTerms: 2})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(r.Terms)
	slices.Sort(r.Dropped)
	if got := fmt.Sprint(r.Terms, r.Dropped); got != "[Networks survey] [RETRIEVAL graph]" {
		t.Errorf("terms and dropped terms are %s", got)
	}
}

func TestMatchedTerms(t *testing.T) {
	x := small(t)
	q := Query{Text: "Retrieval with neural Networks"}
	matches, err := x.MatchedTerms(q, 10)
	if err != nil {
		t.Fatal(err)
	}
	scores, err := x.Score(t.Context(), q, []uint32{10, 99})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, m := range matches {
		sum += m.Score
		if i > 0 && m.Score > matches[i-1].Score {
			t.Errorf("matches are not in order: %v", matches)
		}
	}
	if len(matches) != 3 || matches[0].Term != "Retrieval" || matches[0].Title != 1 || matches[0].Abstract != 1 {
		t.Errorf("matches are %+v", matches)
	}
	if math.Abs(sum-scores[0]) > 1e-9 || scores[1] != 0 {
		t.Errorf("parts sum to %v, the scores are %v", sum, scores)
	}
	if _, err := x.MatchedTerms(q, 99); paper.KindOf(err) != paper.NotFound {
		t.Errorf("a missing paper gives %v", err)
	}
}

func TestVector(t *testing.T) {
	x := small(t)
	v, err := x.Vector(10)
	if err != nil {
		t.Fatal(err)
	}
	name := func(w TermWeight) string { return x.Names([]uint32{w.ID})[0] }
	square := 0.0
	best := v[0]
	for i, w := range v {
		square += float64(w.Weight) * float64(w.Weight)
		if i > 0 && w.ID <= v[i-1].ID {
			t.Errorf("terms are not in order: %v", v)
		}
		if w.Weight > best.Weight {
			best = w
		}
	}
	if math.Abs(square-1) > 1e-6 || len(v) != 7 || name(best) != "retrieve" {
		t.Errorf("the vector has length² %v, %d terms, and first of all %q", square, len(v), name(best))
	}
	// Of four papers, "dense" is in one and "graph" in three; each is here once.
	weight := map[string]float64{}
	for _, w := range v {
		weight[name(w)] = float64(w.Weight)
	}
	if got, want := weight["dense"]/weight["graph"], math.Sqrt(math.Log1p(3.5/1.5)/math.Log1p(1.5/3.5)); math.Abs(got-want) > 1e-6 {
		t.Errorf("%q weighs %v times as much as %q, want %v: %v", "dense", got, "graph", want, weight)
	}
	if _, err := x.Vector(99); paper.KindOf(err) != paper.NotFound {
		t.Errorf("a missing paper gives %v", err)
	}
	if err := x.Upsert(99, "", "", []string{"x"}); err != nil {
		t.Fatal(err)
	}
	if v, err := x.Vector(99); err != nil || len(v) != 0 {
		t.Errorf("a paper without words has %v, %v", v, err)
	}
}

func TestRefusals(t *testing.T) {
	if _, err := New(Options{SegmentPapers: -1, MaxSegmentPapers: -1}); paper.KindOf(err) != paper.Invalid {
		t.Errorf("bad options give %v", err)
	}
	x := small(t)
	if _, err := x.Search(t.Context(), Query{Text: "x"}); paper.KindOf(err) != paper.Invalid {
		t.Errorf("k = 0 gives %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Search(ctx, Query{Text: "graph", K: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled search gives %v", err)
	}
	_ = x.Close()
	_ = x.Close()
	if err := x.Upsert(1, "a", "b", nil); paper.KindOf(err) != paper.Unavailable {
		t.Errorf("a change after Close gives %v", err)
	}
	if _, err := x.Delete(1); paper.KindOf(err) != paper.Unavailable {
		t.Errorf("a deletion after Close gives %v", err)
	}
	if got := search(t, x, "survey"); !slices.Equal(got, []uint32{0}) {
		t.Errorf("a search after Close gives %v", got)
	}
}

// TestConcurrent searches while papers come, change and go, so that the race
// detector sees what they share; a paper that stays is always found.
func TestConcurrent(t *testing.T) {
	x := fill(t, nil, Options{SegmentPapers: 16})
	if err := x.Upsert(1_000_000, "lighthouse", "it stays", nil); err != nil {
		t.Fatal(err)
	}
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for w := range uint32(2) {
		writers.Go(func() {
			for i := range uint32(300) {
				ordinal := i*7%100 + w*1000
				if i%5 == 4 {
					_, _ = x.Delete(ordinal)
				} else {
					_ = x.Upsert(ordinal, fmt.Sprint("common title ", i), fmt.Sprint("word", i%17, " lamp fresh", i), nil)
				}
			}
		})
	}
	keep := roaring.BitmapOf(1_000_000, 3, 1003)
	for r := range 2 {
		readers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				q := Query{Text: `lighthouse common wor* -"fresh none"`, K: 5}
				if (n+r)%2 == 0 {
					q.Keep = keep
				}
				res, err := x.Search(t.Context(), q)
				if err != nil || len(res.Hits) == 0 {
					t.Errorf("found %v, %v", res, err)
					return
				}
				_, _ = x.Score(t.Context(), q, []uint32{1, 2, 1_000_000})
				_, _ = x.MatchedTerms(q, 7)
				_, _ = x.Vector(1_000_000)
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}
