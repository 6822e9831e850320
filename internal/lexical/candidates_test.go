package lexical

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestScoreByPostings compares the scores of candidates by postings, bit for bit, with
// those by records: over several segments and memory, with deleted and replaced papers,
// ordinals that are not there or there twice, in any order.
func TestScoreByPostings(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
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
	queries := append(manyQueries(random, all), Query{Text: ""}, Query{Text: "unheardof"},
		Query{Text: `w1 "w2 w3" -w9`, Mode: ModeSearch}, Query{Text: `w*`, Mode: ModeSearch}, Query{Text: `w0 "w1 w0"`, Mode: ModeMarked})
	some, scored := slices.Clone(all), 0
	some = append(some, 1, 3, 99_999, all[5], all[5])
	for _, q := range queries {
		random.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		r, err := x.View().Read(q)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 40, len(some)} {
			places, err := r.v.places(t.Context(), some[:n])
			if err != nil {
				t.Fatal(err)
			}
			byRecords, err := r.scoreRecords(t.Context(), places)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Score(t.Context(), some[:n])
			if err != nil || !slices.Equal(got, byRecords) && !r.p.never {
				t.Fatalf("%q: %d papers have scores %v (%v), by records %v", q.Text, n, got, err, byRecords)
			}
			if r.p.flat {
				continue
			}
			sums, err := r.sums(t.Context(), places)
			if err != nil {
				t.Fatal(err)
			}
			byPostings, err := r.scoreSums(t.Context(), places, sums)
			if err != nil || !slices.Equal(byPostings, byRecords) {
				t.Fatalf("%q: %d papers have scores %v (%v) by postings, %v by records", q.Text, n, byPostings, err, byRecords)
			}
			for _, s := range byRecords {
				if s > 0 {
					scored++
				}
			}
		}
	}
	if scored < 10_000 {
		t.Errorf("%d papers matched: that compares little", scored)
	}
}

// BenchmarkScore scores 900 candidates by either way, for queries of some terms.
func BenchmarkScore(b *testing.B) {
	random := rand.New(rand.NewPCG(3, 9))
	x, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	const papers = 60_000
	for i := range uint32(papers) {
		if err := x.Upsert(i, zipf(random, 40_000, 9), zipf(random, 40_000, 160), nil); err != nil {
			b.Fatal(err)
		}
	}
	some := make([]uint32, 900)
	for i := range some {
		some[i] = uint32(random.IntN(papers))
	}
	for _, terms := range []int{4, 9, 160} {
		r, err := x.View().Read(Query{Text: zipf(random, 40_000, terms)})
		if err != nil {
			b.Fatal(err)
		}
		places, err := r.v.places(b.Context(), some)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("records/%d", terms), func(b *testing.B) {
			for b.Loop() {
				if _, err := r.scoreRecords(b.Context(), places); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("postings/%d", terms), func(b *testing.B) {
			for b.Loop() {
				if _, err := r.sums(b.Context(), places); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(r.p.postings), "postings")
		})
	}
}
