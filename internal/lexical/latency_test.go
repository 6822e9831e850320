package lexical

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLatency measures the index over the real abstracts: time to build, bytes,
// and how long searches take, one at a time.
func TestLatency(t *testing.T) {
	if os.Getenv("AKIN_BENCH") == "" {
		t.Skip("a measurement: set AKIN_BENCH=1, or run make bench-lexical")
	}
	papers := abstracts(t, 0)
	before := heap()
	start := time.Now()
	x := fill(t, papers, Options{})
	built := time.Since(start)
	fmt.Println("built in", built, "segments", len(x.segments))
	start = time.Now()
	if err := x.Compact(); err != nil {
		t.Fatal(err)
	}
	fmt.Println("compacted in", time.Since(start), "heap MB", (heap()-before)>>20)
	s := x.segments[0]
	fmt.Println("postings MB", len(s.postings)>>20, "records MB", len(s.records)>>20, "terms", len(x.lexicon.terms), "words", len(x.lexicon.words), "segments", len(x.segments))
	for _, q := range []struct {
		name  string
		text  func(p abstract) string
		terms int
	}{
		{"titles", func(p abstract) string { return p.Title }, 0},
		{"150 words", func(p abstract) string { return firstWords(p.Abstract, 150) }, 0},
		{"150 words, 30 terms", func(p abstract) string { return firstWords(p.Abstract, 150) }, 30},
		{"150 words, all terms", func(p abstract) string { return firstWords(p.Abstract, 150) }, -1},
	} {
		for _, k := range []int{10, 100} {
			var times []time.Duration
			for i := 0; i < len(papers); i += 211 {
				begin := time.Now()
				r, err := x.Search(t.Context(), Query{Text: q.text(papers[i]), Mode: ModeText, K: k, MaxTerms: q.terms})
				times = append(times, time.Since(begin))
				if err != nil || len(r.Hits) == 0 {
					t.Fatal(err, r)
				}
			}
			slices.Sort(times)
			fmt.Printf("%-22s k=%-4d p50 %v p95 %v p99 %v\n", q.name, k, times[len(times)/2], times[len(times)*95/100], times[len(times)*99/100])
		}
	}
}

func firstWords(text string, n int) string {
	words := strings.Fields(text)
	return strings.Join(words[:min(n, len(words))], " ")
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
