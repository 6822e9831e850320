package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/client"
	"akin/internal/embed/embedtest"
	akinv1 "akin/proto/akin/v1"
)

// costRounds is how often each server is asked each kind of query: in turns, so that
// what else the machine does is spread over all of them.
const costRounds = 7

// TestQueryCost measures the CPU time and the latency of queries over AKIN_QUERY_DATA, a
// data directory, of which servers get copies: make bench-queries. AKIN_QUERY_BESIDE is
// another build of akin, which is asked the same in turn.
func TestQueryCost(t *testing.T) {
	data := os.Getenv("AKIN_QUERY_DATA")
	if data == "" {
		t.Skip("a measurement: run make bench-queries")
	}
	sides := []*costSide{startCost(t, data, "")}
	if other := os.Getenv("AKIN_QUERY_BESIDE"); other != "" {
		sides = append(sides, startCost(t, data, other))
	}
	papers := somePapers(t, sides[0].client)
	waitForGraph(t, sides[0].client, papers[0].GetId())
	only := os.Getenv("AKIN_QUERY_ONLY")
	t.Logf("%d papers to ask with; %d rounds; load %s", len(papers), costRounds, load())
	t.Log("| query | CPU ms | p50 ms | CPU of the other ÷ its own (least to most) |")
	for _, k := range costKinds(t, papers) {
		if strings.Contains(k.name, only) {
			t.Log(compareCost(t, sides, k))
		}
	}
	for _, s := range sides {
		if strings.Contains("16 clients", only) {
			t.Log(s.throughput(t, papers, 16, benchSeconds(10*time.Second)))
		}
	}
}

// costKind is a kind of query, asked so often a round.
type costKind struct {
	name  string
	times int
	ask   func(c *client.Client, i int) error
}

func costKinds(t *testing.T, papers []*akinv1.Paper) []costKind {
	at := func(i int) *akinv1.Paper { return papers[i*37%len(papers)] }
	words := func(i int) string { // what somebody types: some words of a title
		f := strings.Fields(at(i).GetTitle())
		return strings.Join(f[:min(4, len(f))], " ")
	}
	return []costKind{
		{"embed a title, the model alone", 50, func(c *client.Client, i int) error {
			_, err := c.Embed.Embed(t.Context(), &akinv1.EmbedRequest{
				Inputs: []*akinv1.EmbedInput{{Input: &akinv1.EmbedInput_Text{Text: at(i).GetTitle()}}}, Role: akinv1.Role_ROLE_QUERY,
			})
			return err
		}},
		{"search, semantic", 50, func(c *client.Client, i int) error {
			return searchIn(t, c, at(i).GetTitle(), akinv1.Mode_MODE_SEMANTIC)
		}},
		{"search, lexical", 50, func(c *client.Client, i int) error { return searchIn(t, c, at(i).GetTitle(), akinv1.Mode_MODE_LEXICAL) }},
		{"search, lexical, four words", 50, func(c *client.Client, i int) error { return searchIn(t, c, words(i), akinv1.Mode_MODE_LEXICAL) }},
		{"search, hybrid", 50, func(c *client.Client, i int) error { return searchIn(t, c, at(i).GetTitle(), akinv1.Mode_MODE_HYBRID) }},
		{"search, hybrid, four words", 50, func(c *client.Client, i int) error { return searchIn(t, c, words(i), akinv1.Mode_MODE_HYBRID) }},
		{"similar, semantic", 100, func(c *client.Client, i int) error { return similarTo(t, c, at(i).GetId(), akinv1.Mode_MODE_SEMANTIC) }},
		{"similar, hybrid", 50, func(c *client.Client, i int) error { return similarTo(t, c, at(i).GetId(), akinv1.Mode_MODE_HYBRID) }},
		{"recommend from 5", 30, func(c *client.Client, i int) error { return recommendFrom(t, c, papers, i*37, 5) }},
		{"recommend from 5,000", 3, func(c *client.Client, i int) error { return recommendFrom(t, c, papers, i*37, 5000) }},
	}
}

// costSide is a server that is measured.
type costSide struct {
	client *client.Client
	pid    int
}

// startCost serves a copy of a data directory, by this program or another.
func startCost(t *testing.T, data, exe string) *costSide {
	t.Helper()
	own := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(own, os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	args := []string{"serve", "--data", own, "--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"}
	if admin := os.Getenv("AKIN_QUERY_ADMIN"); admin != "" && exe == "" {
		args = append(args, "--admin-addr", admin)
	}
	s := &server{cmd: program(t, args...), errOut: new(bytes.Buffer)}
	if exe != "" {
		s.cmd = exec.Command(exe, args...)
		s.cmd.Env = append(os.Environ(), "AKIN_HOME="+embedtest.Home(t))
	}
	s.cmd.Stderr = s.errOut
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cmd.Process.Signal(syscall.SIGTERM)
		s.cmd.Wait()
	})
	if s.addresses(out); s.grpc == "" {
		t.Fatalf("the server did not print its addresses\n%s", s.errOut)
	}
	c, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &costSide{client: c, pid: s.cmd.Process.Pid}
}

// cpu is the CPU time that the server has taken: that of its threads, in nanoseconds.
func (s *costSide) cpu(t *testing.T) (sum time.Duration) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.pid))
	if err != nil || len(threads) == 0 {
		t.Skip("CPU time is read from /proc")
	}
	for _, name := range threads {
		raw, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(raw), " ")
		n, _ := strconv.ParseInt(first, 10, 64)
		sum += time.Duration(n)
	}
	return sum
}

// once asks once, and gives the CPU time that it took and how long that was.
func (s *costSide) once(t *testing.T, k costKind, i int) (cpu, took time.Duration) {
	t.Helper()
	before, begin := s.cpu(t), time.Now()
	if err := k.ask(s.client, i); err != nil {
		t.Fatal(err)
	}
	took = time.Since(begin)
	return s.cpu(t) - before, took
}

// compareCost asks all sides each query in turn, so that what else the machine does is the
// same for all of them, and gives a row of the table. What a round takes is the mean of its
// queries.
func compareCost(t *testing.T, sides []*costSide, k costKind) string {
	t.Helper()
	cpus, took := make([][]time.Duration, len(sides)), make([][]time.Duration, len(sides))
	for _, s := range sides {
		for i := range k.times {
			s.once(t, k, 1_000_000+i) // warm
		}
	}
	var ratios []float64
	for r := range costRounds {
		sums := make([]time.Duration, len(sides))
		for q := range k.times {
			for i := range sides {
				i = (i + q + r) % len(sides)
				cpu, wall := sides[i].once(t, k, r*k.times+q)
				sums[i], took[i] = sums[i]+cpu, append(took[i], wall)
			}
		}
		for i := range sides {
			cpus[i] = append(cpus[i], sums[i]/time.Duration(k.times))
		}
		if len(sides) > 1 {
			ratios = append(ratios, float64(sums[1])/float64(max(sums[0], 1)))
		}
	}
	ms := func(d []time.Duration) float64 { return percentile(slices.Clone(d), 50).Seconds() * 1000 }
	row := fmt.Sprintf("| %s | %.2f | %.2f |", k.name, ms(cpus[0]), ms(took[0]))
	if len(ratios) > 0 {
		slices.Sort(ratios)
		row += fmt.Sprintf(" %.2f (%.2f–%.2f); other CPU %.2f, p50 %.2f |", ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], ms(cpus[1]), ms(took[1]))
	}
	return row
}

// throughput has so many clients search without a pause.
func (s *costSide) throughput(t *testing.T, papers []*akinv1.Paper, clients int, during time.Duration) string {
	t.Helper()
	var next, done atomic.Int64
	var wait sync.WaitGroup
	before, begin := s.cpu(t), time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	for range clients {
		wait.Go(func() {
			for ctx.Err() == nil {
				title := papers[int(next.Add(1))*37%len(papers)].GetTitle()
				if _, err := s.client.Search.Search(ctx, &akinv1.SearchRequest{Query: title, Mode: akinv1.Mode_MODE_HYBRID}); err == nil {
					done.Add(1)
				}
			}
		})
	}
	wait.Wait()
	wall, cpu := time.Since(begin), s.cpu(t)-before
	n := max(done.Load(), 1)
	return fmt.Sprintf("hybrid, %d clients: %.0f queries a second by the clock, of %.2f cores; %.2f CPU ms each; at 2 whole cores %.0f a second; load %s",
		clients, float64(n)/wall.Seconds(), cpu.Seconds()/wall.Seconds(), cpu.Seconds()*1000/float64(n), 2*float64(n)/cpu.Seconds(), load())
}

// load is the load of the machine.
func load() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return string(bytes.TrimSpace(raw))
}

// somePapers lists papers to ask with.
func somePapers(t *testing.T, c *client.Client) []*akinv1.Paper {
	t.Helper()
	const most = 8000
	var papers []*akinv1.Paper
	for token := ""; ; {
		page, err := c.Papers.ListPapers(t.Context(), &akinv1.ListPapersRequest{
			PageSize: 1000, PageToken: token, ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"id", "title"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		papers = append(papers, page.GetPapers()...)
		if token = page.GetNextPageToken(); token == "" || len(papers) >= most {
			return papers
		}
	}
}
