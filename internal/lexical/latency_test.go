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
	fmt.Printf("%d papers indexed in %v, in %d segments, %d MB of memory\n", len(papers), time.Since(start), len(x.segments), (heap()-before)/1e6)
	start = time.Now()
	if err := x.Save(t.TempDir(), "1"); err != nil {
		t.Fatal(err)
	}
	fmt.Println("saved in", time.Since(start))
	var times []time.Duration
	all := make([]uint32, 1000)
	for i := range 200 {
		for j := range all {
			all[j] = uint32((i*1009 + j*83) % len(papers))
		}
		q := Query{Text: firstWords(papers[i*431].Abstract), Mode: ModeText}
		begin := time.Now()
		if _, err := x.Score(t.Context(), q, all); err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Since(begin))
	}
	slices.Sort(times)
	fmt.Println("1,000 given papers scored for 150 words: p50", times[len(times)/2])
	for _, q := range []struct {
		name  string
		text  func(p abstract) string
		terms int
	}{
		{"titles", func(p abstract) string { return p.Title }, 0},
		{"150 words", func(p abstract) string { return firstWords(p.Abstract) }, 0},
		{"150 words, 30 terms", func(p abstract) string { return firstWords(p.Abstract) }, 30},
		{"150 words, all terms", func(p abstract) string { return firstWords(p.Abstract) }, -1},
	} {
		for _, k := range []int{10, 100} {
			times = times[:0]
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

// firstWords gives the first 150 words of a text.
func firstWords(text string) string {
	words := strings.Fields(text)
	return strings.Join(words[:min(150, len(words))], " ")
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
