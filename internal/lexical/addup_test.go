package lexical

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestAddingUpIsSearching compares searches that add up all postings, bit for bit, with
// those that skip and with scores by records: over several segments and memory, with deleted
// and replaced papers, phrases, exclusions and filters.
func TestAddingUpIsSearching(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 10))
	x, err := New(Options{SegmentPapers: 700})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	all := make([]uint32, 2500)
	for i := range all {
		all[i] = uint32(i) * 2
		put(t, x, random, all[i])
	}
	for range 600 {
		ordinal := all[random.IntN(len(all))]
		if random.IntN(2) == 0 {
			put(t, x, random, ordinal)
		} else if _, err := x.Delete(ordinal); err != nil {
			t.Fatal(err)
		}
	}
	queries := append(manyQueries(random, all), Query{Text: "unheardof"},
		Query{Text: `w1 "w2 w3" -w9`, Mode: ModeSearch}, Query{Text: `w*`, Mode: ModeSearch}, Query{Text: `w0 "w1 w0"`, Mode: ModeMarked})
	some := append(slices.Clone(all), 1, 3, 99_999, all[5], all[5])
	added, found := 0, 0
	for _, q := range queries {
		v := x.View()
		few, many := v.papers/skipFrom-1, 1500
		skips, err := v.Read(q)
		if err != nil {
			t.Fatal(err)
		}
		adds, err := v.Read(q)
		if err != nil {
			t.Fatal(err)
		}
		least, err := skips.Search(t.Context(), few, q.Keep)
		if err != nil {
			t.Fatal(err)
		}
		most, err := adds.Search(t.Context(), many, q.Keep)
		if err != nil {
			t.Fatal(err)
		}
		if skips.totals.Load() != nil {
			t.Fatalf("%q: a search for %d of %d papers adds up all postings", q.Text, few, v.papers)
		}
		if adds.totals.Load() != nil {
			added++
		}
		found += len(most.Hits)
		if q.Mode != ModeMarked && !slices.Equal(least.Hits, most.Hits[:min(few, len(most.Hits))]) {
			t.Fatalf("%q: %v, not %v", q.Text, most.Hits, least.Hits)
		}
		scores, err := adds.Score(t.Context(), some)
		if err != nil {
			t.Fatal(err)
		}
		want, err := skips.Score(t.Context(), some)
		if err != nil || !slices.Equal(scores, want) {
			t.Fatalf("%q: papers have scores %v (%v), not %v", q.Text, scores, err, want)
		}
		if q.K = few; q.Mode != ModeMarked {
			exhaustive(t, v, q, all, least.Hits)
		}
	}
	if added < len(queries)/6 || found < 5000 {
		t.Errorf("%d of %d searches added up, %d papers were found: that compares little", added, len(queries), found)
	}
}

// BenchmarkAddUp searches for some of 60,000 papers by either way, for queries of some terms.
func BenchmarkAddUp(b *testing.B) {
	random := rand.New(rand.NewPCG(3, 9))
	x, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	for i := range uint32(60_000) {
		if err := x.Upsert(i, zipf(random, 40_000, 9), zipf(random, 40_000, 160), nil); err != nil {
			b.Fatal(err)
		}
	}
	v := x.View()
	for _, terms := range []int{4, 9, 160} {
		r, err := v.Read(Query{Text: zipf(random, 40_000, terms)})
		if err != nil {
			b.Fatal(err)
		}
		for _, k := range []int{10, 100, 470, 1000} {
			for name, search := range map[string]func(*searcher) error{
				"skips":   func(s *searcher) error { return s.scoreAll(b.Context(), r.leaves()) },
				"adds up": func(s *searcher) error { return r.scoreEvery(b.Context(), s, r.leaves()) },
			} {
				b.Run(fmt.Sprintf("%d terms, %d papers, %s", terms, k, name), func(b *testing.B) {
					for b.Loop() {
						s, _ := x.pool.Get().(*searcher)
						s.plan = r.p
						s.best.reset(k)
						if err := search(s); err != nil {
							b.Fatal(err)
						}
						s.best.hits(1)
						s.release(x)
					}
				})
			}
		}
	}
}
