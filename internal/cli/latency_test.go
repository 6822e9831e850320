package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"akin/internal/client"
	"akin/internal/embed"
	"akin/internal/embed/embedtest"
	akinv1 "akin/proto/akin/v1"
)

// percentile gives the p-th percentile of durations, which it sorts.
func percentile(d []time.Duration, p float64) time.Duration {
	slices.Sort(d)
	return d[min(len(d)-1, int(p/100*float64(len(d))))]
}

// What a query of 32 tokens takes through gRPC, idle and during a bulk import,
// beside the bare forward pass of the same run: make bench-latency.
func TestLatency(t *testing.T) {
	if os.Getenv("AKIN_BENCH") == "" {
		t.Skip("a measurement: run make bench-latency")
	}
	data := filepath.Join(t.TempDir(), "data")
	s := serve(t, data)
	mustRun(t, "import", "--server", s.grpc, samplePath(t))
	c, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	e := embedtest.Open(t)
	query := "dense retrieval of scientific papers " + strings.Repeat("word ", 25)
	long := strings.Repeat("retrieval ", 300)

	pass := func(text string) time.Duration {
		_, timing, err := e.Embed(t.Context(), []string{text}, embed.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return timing.Inference
	}
	ask := func() time.Duration {
		begin := time.Now()
		resp, err := c.Search.Search(t.Context(), &akinv1.SearchRequest{Query: query})
		if err != nil {
			t.Fatal(err)
		}
		if n := resp.GetQuery().GetTokens(); n < 30 || n > 34 {
			t.Fatalf("the query has %d tokens", n)
		}
		return time.Since(begin)
	}
	var bare, idle, busy []time.Duration
	for range 20 {
		pass(query)
		ask()
	}
	for range 300 {
		bare, idle = append(bare, pass(query)), append(idle, ask())
	}
	var single []time.Duration // one bulk pass: a long text on one core
	config := embedtest.Config(t)
	config.Threads = 1
	one, err := embed.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		_, timing, err := one.Embed(t.Context(), []string{long}, embed.Options{})
		if err != nil {
			t.Fatal(err)
		}
		single = append(single, timing.Inference)
	}
	one.Close()

	input := filepath.Join(t.TempDir(), "bulk.jsonl")
	writeLong(t, input, 4000)
	bulk := program(t, "import", "--server", s.grpc, input)
	if err := bulk.Start(); err != nil {
		t.Fatal(err)
	}
	var ended atomic.Bool
	go func() {
		bulk.Wait()
		ended.Store(true)
	}()
	time.Sleep(3 * time.Second)
	for range 300 {
		if ended.Load() {
			t.Fatal("the bulk import ended too early to measure")
		}
		busy = append(busy, ask())
		time.Sleep(20 * time.Millisecond)
	}
	bulk.Process.Kill()
	pBare, pIdle, pBusy := percentile(bare, 50), percentile(idle, 50), percentile(busy, 50)
	t.Logf("bare pass p50 %v; idle p50 %v (%.2f of the bare pass), p99 %v", pBare, pIdle, float64(pIdle)/float64(pBare), percentile(idle, 99))
	bound := percentile(single, 50) + 3*pIdle
	t.Logf("during an import p50 %v (%.2f of idle), p99 %v (%.2f of one bulk pass + 3 idle = %v)",
		pBusy, float64(pBusy)/float64(pIdle), percentile(busy, 99), float64(percentile(busy, 99))/float64(bound), bound)
}

func writeLong(t testing.TB, path string, n int) {
	t.Helper()
	var b strings.Builder
	for i := range n {
		b.WriteString(`{"id":"bulk:` + strings.Repeat("x", i%7) + time.Duration(i).String() + `","title":"Bulk","abstract":"` + strings.Repeat("retrieval ", 300) + `"}` + "\n")
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
