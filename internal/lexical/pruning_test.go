package lexical

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// zipf draws words as languages have them: few of them often.
func zipf(random *rand.Rand, vocabulary uint64, n int) string {
	z := rand.NewZipf(random, 1.2, 3, vocabulary)
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprint("w", z.Uint64())
	}
	return strings.Join(words, " ")
}

// TestPruningNeverChangesTheTop compares searches, bit for bit, with the scores
// of all papers, over several windows, blocks and segments, with deleted and
// replaced papers, under filters, before and after everything is one segment.
func TestPruningNeverChangesTheTop(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	papers := 11_000
	if raceDetector {
		papers = 4500
	}
	x, err := New(Options{SegmentPapers: 3000})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	all := make([]uint32, papers)
	for i := range all {
		all[i] = uint32(i) * 3
		put(t, x, random, all[i])
	}
	for range papers / 4 {
		ordinal := all[random.IntN(papers)]
		if random.IntN(2) == 0 {
			put(t, x, random, ordinal)
		} else if _, err := x.Delete(ordinal); err != nil {
			t.Fatal(err)
		}
	}
	queries := manyQueries(random, all)
	before := answers(t, x, queries, all)
	if err := x.Compact(); err != nil {
		t.Fatal(err)
	}
	after := answers(t, x, queries, all)
	for i := range before {
		if !slices.Equal(before[i], after[i]) {
			t.Errorf("%q: the answer changed with the segments:\n%v\n%v", queries[i].Text, before[i], after[i])
		}
	}
}

func put(t *testing.T, x *Index, random *rand.Rand, ordinal uint32) {
	t.Helper()
	title, text := zipf(random, 3000, 1+random.IntN(8)), zipf(random, 3000, random.IntN(60))
	if err := x.Upsert(ordinal, title, text, nil); err != nil {
		t.Fatal(err)
	}
}

func manyQueries(random *rand.Rand, all []uint32) []Query {
	var queries []Query
	for i := range 60 {
		q := Query{Text: zipf(random, 3000, 1+random.IntN(40)), K: 1 + random.IntN(60), MaxTerms: []int{0, 5, -1}[i%3]}
		switch i % 5 {
		case 1:
			q.Text += " -w5"
		case 2:
			q.Text += ` "w1 w2"`
		case 3:
			q.Text += " w12*"
		}
		if i%4 == 0 {
			keep := roaring.New()
			for range []int{3, 300, 5000}[i/4%3] {
				keep.Add(all[random.IntN(len(all))])
			}
			q.Keep = keep
		}
		queries = append(queries, q)
	}
	return queries
}

func answers(t *testing.T, x *Index, queries []Query, all []uint32) [][]Hit {
	t.Helper()
	hits := make([][]Hit, len(queries))
	for i, q := range queries {
		r, err := x.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		exhaustive(t, x.View(), q, all, r.Hits)
		hits[i] = r.Hits
	}
	return hits
}

// TestPruningOnAbstracts does the same with real titles and abstracts.
func TestPruningOnAbstracts(t *testing.T) {
	limit := 6000
	if raceDetector {
		limit = 600
	}
	papers := abstracts(t, limit)
	x := fill(t, papers, Options{SegmentPapers: 4000})
	all := make([]uint32, len(papers))
	var queries []Query
	for i, p := range papers {
		all[i] = uint32(i)
		if i%97 == 0 {
			queries = append(queries, Query{Text: p.Title, K: 10}, Query{Text: p.Abstract, Mode: ModeText, K: 100, MaxTerms: -1})
		}
	}
	answers(t, x, queries, all)
}
