package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// cluster is what servers over one cluster share in a test: the nodes, which
// AKIN_TEST_CLUSTER names as for internal/catalog/weaviate, and classes of their own.
type cluster struct {
	*testing.T
	flags []string
	mark  string // the writer file
	dir   string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	address := os.Getenv("AKIN_TEST_CLUSTER")
	if address == "" {
		t.Skip("no cluster to test with: make test-cluster starts one and sets AKIN_TEST_CLUSTER")
	}
	dir := t.TempDir()
	c := &cluster{T: t, mark: filepath.Join(dir, "writer"), dir: dir}
	c.flags = []string{
		"--catalog", address, "--catalog-prefix", fmt.Sprintf("Cli%d", time.Now().UnixNano()%1e12),
		"--catalog-writer-file", c.mark, "--catalog-shards", "1", "--threads", "1",
	}
	if tls := os.Getenv("AKIN_CLUSTER_TLS"); tls != "" {
		c.flags = append(c.flags, "--catalog-ca", tls+".crt")
	}
	if key := os.Getenv("AKIN_CLUSTER_KEY"); key != "" {
		path := filepath.Join(dir, "key")
		if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c.flags = append(c.flags, "--catalog-key-file", path)
	}
	return c
}

// server starts a server of a name on an address; more are flags.
func (c *cluster) server(name, grpc string, more ...string) *server {
	c.Helper()
	s := &server{errOut: new(bytes.Buffer)}
	args := append([]string{"serve", "--server-name", name, "--grpc-addr", grpc, "--http-addr", "127.0.0.1:0"}, c.flags...)
	s.cmd = program(c, append(args, more...)...)
	s.cmd.Stderr = s.errOut
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		c.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		s.cmd.Process.Signal(syscall.SIGCONT)
		s.cmd.Process.Kill()
		s.cmd.Wait()
		if c.Failed() {
			c.Logf("%s said:\n%s", name, s.errOut)
		}
	})
	s.addresses(out)
	if s.grpc == "" {
		c.Fatalf("%s did not start\n%s", name, s.errOut)
	}
	go io.Copy(io.Discard, out)
	return s
}

// writer starts a server that may write, with a data directory of its own.
func (c *cluster) writer(name string) *server {
	c.Helper()
	return c.server(name, "127.0.0.1:0", "--catalog-role", "writer", "--data", filepath.Join(c.dir, name))
}

func (c *cluster) dial(address string) *client.Client {
	c.Helper()
	cl, err := client.Dial(address)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { cl.Close() })
	return cl
}

// put writes papers, and gives the sequence number.
func put(ctx context.Context, c *client.Client, from, n int) (uint64, error) {
	req := new(akinv1.BatchUpsertPapersRequest)
	for i := from; i < from+n; i++ {
		req.Papers = append(req.Papers, &akinv1.Paper{Id: fmt.Sprintf("p%04d", i), Title: fmt.Sprintf("Glaciers and turbines, part %d", i)})
	}
	resp, err := c.Papers.BatchUpsertPapers(ctx, req)
	return resp.GetSequence(), err
}

// Servers over a cluster answer alike; one writes, the others say who does; tokens of one
// lead on at another.
func TestClusterServes(t *testing.T) {
	c := newCluster(t)
	w := c.writer("w")
	out := mustRun(t, "import", "--server", w.grpc, samplePath(t))
	if !strings.Contains(out, "132 papers: 132 new") {
		t.Fatal(out)
	}
	r := c.server("r", "127.0.0.1:0")
	for _, args := range [][]string{
		{"search", "graph neural networks", "--json"},
		{"search", "--mode", "lexical", "retrieval", "--json"},
		{"search", "--mode", "semantic", "translation", "--json"},
		{"similar", "arXiv:1710.10903", "--json"},
		{"recommend", "--like", "arXiv:1710.10903", "--json"},
	} {
		a := unmarshal(t, mustRun(t, append(args, "--server", w.grpc)...), new(akinv1.SearchResponse))
		b := unmarshal(t, mustRun(t, append(args, "--server", r.grpc)...), new(akinv1.SearchResponse))
		if ids(a) == "" || ids(a) != ids(b) || a.GetSequence() != 132 || b.GetSequence() != 132 {
			t.Errorf("akin %v: %s at %d, and %s at %d", args, ids(a), a.GetSequence(), ids(b), b.GetSequence())
		}
	}
	writer, reader := c.dial(w.grpc), c.dial(r.grpc)
	first, err := writer.Search.Search(t.Context(), &akinv1.SearchRequest{Query: "graph", PageSize: 5})
	if err != nil || len(first.GetNextPageToken()) > 2048 {
		t.Fatalf("%v, %v", first.GetNextPageToken(), err)
	}
	second, err := reader.Search.Search(t.Context(), &akinv1.SearchRequest{Query: "graph", PageSize: 5, PageToken: first.GetNextPageToken()})
	if err != nil || len(second.GetResults()) != 5 || second.GetResults()[0].GetRank() != 6 {
		t.Errorf("the second page, at another server: %v, %v", second, err)
	}
	if !slices.Contains(first.GetLacking(), "versions") || slices.Contains(first.GetLacking(), "statistics") {
		t.Errorf("with one shard, the answer lacks %v", first.GetLacking())
	}
	for name, err := range map[string]error{
		"a write": func() error { _, err := put(t.Context(), reader, 0, 1); return err }(),
		"a library": func() error {
			_, err := reader.Libraries.ListLibraries(t.Context(), &akinv1.ListLibrariesRequest{})
			return err
		}(),
		"a feed": func() error {
			_, err := reader.Feeds.ListFeeds(t.Context(), &akinv1.ListFeedsRequest{})
			return err
		}(),
	} {
		if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "w at "+w.grpc) {
			t.Errorf("%s at a reader: %v", name, err)
		}
	}
	mustRun(t, "feed", "create", "gnn", "--text", "graph neural networks", "--server", w.grpc)
	mustRun(t, "library", "like", "arXiv:1710.10903", "--server", w.grpc)
	if out := mustRun(t, "library", "show", "--server", w.grpc); !strings.Contains(out, "Graph Attention") {
		t.Error(out)
	}
}

func ids(a *akinv1.SearchResponse) string {
	var all []string
	for _, r := range a.GetResults() {
		all = append(all, r.GetPaper().GetId())
	}
	return strings.Join(all, " ")
}

// A writer that is halted and goes on after another one took over writes nothing: no
// sequence number is given twice, and nothing that was acknowledged is lost.
func TestClusterTakeover(t *testing.T) {
	c := newCluster(t)
	a := c.writer("a")
	if _, err := put(t.Context(), c.dial(a.grpc), 0, 3); err != nil {
		t.Fatal(err)
	}
	b := c.writer("b")
	type given struct {
		sequence uint64
		from     int
	}
	var mu sync.Mutex
	var acked []given
	note := func(sequence uint64, from int) {
		mu.Lock()
		defer mu.Unlock()
		acked = append(acked, given{sequence, from})
	}
	// Somebody writes to a all the time, and is in the midst of it when a is halted.
	ctx, cancel := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	var refused atomic.Int64
	toA, toB := c.dial(a.grpc), c.dial(b.grpc)
	for k := range 2 {
		busy.Go(func() {
			for i := 1000 * (k + 1); ctx.Err() == nil; i += 4 {
				if sequence, err := put(ctx, toA, i, 4); err == nil {
					note(sequence, i)
				} else if refused.Add(1); ctx.Err() == nil {
					time.Sleep(50 * time.Millisecond)
				}
			}
		})
	}
	time.Sleep(2 * time.Second)
	a.cmd.Process.Signal(syscall.SIGSTOP)
	began := time.Now()
	mustRun(t, "catalog", "take-over", "--catalog-writer-file", c.mark, "--writer", "b")
	var took time.Duration
	for took == 0 {
		sequence, err := put(t.Context(), toB, 8000, 4)
		if err == nil {
			took = time.Since(began)
			note(sequence, 8000)
		} else if time.Since(began) > 2*time.Minute {
			t.Fatal(err)
		}
	}
	a.cmd.Process.Signal(syscall.SIGCONT)
	for i := range 15 {
		sequence, err := put(t.Context(), toB, 8100+4*i, 4)
		if err != nil {
			t.Fatal(err)
		}
		note(sequence, 8100+4*i)
	}
	cancel()
	busy.Wait()
	mu.Lock()
	defer mu.Unlock()
	seen := make(map[uint64]int)
	for _, g := range acked {
		if other, twice := seen[g.sequence]; twice {
			t.Errorf("sequence %d was given for %d and for %d", g.sequence, other, g.from)
		}
		seen[g.sequence] = g.from
		for i := range 4 {
			if _, err := toB.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: fmt.Sprintf("p%04d", g.from+i)}); err != nil {
				t.Errorf("p%04d was acknowledged with %d: %v", g.from+i, g.sequence, err)
			}
		}
	}
	_, err := put(t.Context(), c.dial(a.grpc), 9000, 1)
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "b at "+b.grpc) {
		t.Errorf("the first writer: %v", err)
	}
	t.Logf("%d groups acknowledged; the takeover from a halted writer took %v until the first write; %d writes were refused or broke",
		len(acked), took, refused.Load())
}

// Servers behind a client that balances are restarted one after the other, and the writer
// gives up its place: no query fails.
func TestClusterRolling(t *testing.T) {
	c := newCluster(t)
	w := c.writer("w")
	if _, err := put(t.Context(), c.dial(w.grpc), 0, 12); err != nil {
		t.Fatal(err)
	}
	servers := []*server{c.server("r0", "127.0.0.1:0"), c.server("r1", "127.0.0.1:0")}
	all := c.dial(servers[0].grpc + "," + servers[1].grpc)
	var asked, failed atomic.Int64
	done := make(chan struct{})
	var busy sync.WaitGroup
	for range 2 {
		busy.Go(func() {
			token := ""
			for {
				select {
				case <-done:
					return
				default:
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				resp, err := all.Search.Search(ctx, &akinv1.SearchRequest{Query: "glaciers", PageSize: 4, PageToken: token})
				cancel()
				if asked.Add(1); err != nil || len(resp.GetResults()) != 4 {
					failed.Add(1)
					t.Errorf("a query failed: %v, %v", resp, err)
				}
				token = resp.GetNextPageToken()
			}
		})
	}
	for round := range 2 {
		for i, s := range servers {
			time.Sleep(time.Second)
			s.stop(t)
			servers[i] = c.server(fmt.Sprint("r", i, round), s.grpc)
		}
	}
	time.Sleep(time.Second)
	close(done)
	busy.Wait()
	t.Logf("%d queries while 4 servers were restarted, %d failed", asked.Load(), failed.Load())
	if asked.Load() < 20 {
		t.Errorf("only %d queries were asked", asked.Load())
	}
}

// A cluster that asks for a key, or does not answer, is said to.
func TestClusterRefusals(t *testing.T) {
	c := newCluster(t)
	fails := func(words string, args ...string) {
		t.Helper()
		cmd := program(t, append([]string{"serve", "--grpc-addr", "127.0.0.1:0", "--http-addr", ""}, args...)...)
		out, err := cmd.CombinedOutput()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || !strings.Contains(string(out), words) {
			t.Errorf("akin serve %v: %v\n%s", args, err, out)
		}
	}
	fails("has no collection yet", c.flags...)
	fails("no node of the Weaviate cluster answered", "--catalog", "weaviate://127.0.0.1:1:2", "--catalog-timeout", "2s")
	if os.Getenv("AKIN_CLUSTER_KEY") != "" {
		i := slices.Index(c.flags, "--catalog-key-file")
		fails("refuses akin's key", slices.Delete(slices.Clone(c.flags), i, i+2)...)
	}
	if os.Getenv("AKIN_CLUSTER_TLS") != "" {
		i := slices.Index(c.flags, "--catalog-ca")
		fails("no node of the Weaviate cluster answered", append(slices.Delete(slices.Clone(c.flags), i, i+2), "--catalog-timeout", "2s")...)
	}
}
