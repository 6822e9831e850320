package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"akin/internal/client"
	"akin/internal/embed/embedtest"
	akinv1 "akin/proto/akin/v1"
)

// serving is what was measured at one size.
type serving struct {
	papers           int
	importWall       time.Duration
	importCPU        float64 // seconds, of the server
	startWall        time.Duration
	startCPU         float64
	empty, imported  float64 // MiB resident
	settled, started float64
	// own is what of started is the process's own; the rest are pages of files, which the
	// system takes back when it needs them.
	own     float64
	answers []string
}

// What a server takes at several sizes: import with ready vectors, start after a kill,
// memory, and queries of 1, 4 and 16 clients: make bench-serve.
func TestServing(t *testing.T) {
	if os.Getenv("AKIN_BENCH") == "" {
		t.Skip("a measurement: run make bench-serve")
	}
	if runtime.GOOS != "linux" {
		t.Skip("what a process takes is read from /proc")
	}
	shared := filepath.Join(embedtest.Root(t), "..", "shared", "data")
	if _, err := os.Stat(shared); err != nil {
		t.Skip("the real abstracts are not beside the repository")
	}
	sizes := os.Getenv("AKIN_SERVE_SIZES")
	if sizes == "" {
		sizes = "5000 20000 62518"
	}
	var all []serving
	for size := range strings.FieldsSeq(sizes) {
		n, err := strconv.Atoi(size)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, measureServing(t, shared, n))
	}
	t.Log("| papers | import, papers/s | per CPU-s | empty MiB | after the import | after a minute | after a start | of that its own | start CPU-s | to the first answer, s |")
	for i := range all {
		s := &all[i]
		t.Logf("| %d | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.2f | %.2f |", s.papers, float64(s.papers)/s.importWall.Seconds(),
			float64(s.papers)/s.importCPU, s.empty, s.imported, s.settled, s.started, s.own, s.startCPU, s.startWall.Seconds())
		if i > 0 {
			before := &all[i-1]
			more := float64(s.papers - before.papers)
			t.Logf("|   growth a paper | | %.0f µs CPU | | | | %.2f kB | %.2f kB | %.1f µs | |", (s.importCPU-before.importCPU)/more*1e6,
				(s.started-before.started)*1024/more, (s.own-before.own)*1024/more, (s.startCPU-before.startCPU)/more*1e6)
		}
	}
	for _, s := range all {
		for _, line := range s.answers {
			t.Log(line)
		}
	}
}

// measureServing measures at one size.
func measureServing(t *testing.T, shared string, n int) (m serving) {
	data := filepath.Join(t.TempDir(), "data")
	s := serve(t, data)
	pid := s.cmd.Process.Pid
	c, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(letGo)
	m.empty = residentOf(t, pid)
	cpu, begin := cpuOf(t, pid), time.Now()
	papers := importReady(t, c, shared, 0, n)
	m.papers, m.importWall, m.importCPU, m.imported = len(papers), time.Since(begin), cpuOf(t, pid)-cpu, residentOf(t, pid)
	if n >= 20_000 {
		waitForGraph(t, c, papers[0].GetId())
	}
	time.Sleep(benchSeconds(70 * time.Second)) // it is saved once it is quiet
	m.settled = residentOf(t, pid)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.cmd.Wait() // it was killed
	begin = time.Now()
	s = serve(t, data)
	pid = s.cmd.Process.Pid
	if c, err = client.Dial(s.grpc); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := searchIn(t, c, papers[0].GetTitle(), akinv1.Mode_MODE_LEXICAL); err != nil {
		t.Fatal(err)
	}
	m.startWall, m.startCPU = time.Since(begin), cpuOf(t, pid)
	time.Sleep(letGo)
	m.started, m.own = residentOf(t, pid), ownOf(t, pid)
	idle := make(map[int]time.Duration)
	for _, clients := range []int{1, 4, 16} {
		line, p99 := throughput(t, c, papers, pid, clients, benchSeconds(10*time.Second), nil)
		m.answers, idle[clients] = append(m.answers, line), p99
	}
	// Four clients again, while other papers come in.
	come, asked := make(chan struct{}), make(chan struct{})
	var line string
	var p99 time.Duration
	go func() {
		defer close(asked)
		line, p99 = throughput(t, c, papers, pid, 4, time.Hour, come)
	}()
	begin = time.Now()
	more := importReady(t, c, shared, n, min(n, 20_000))
	took := time.Since(begin)
	close(come)
	<-asked
	m.answers = append(m.answers, line+fmt.Sprintf(" beside an import of %d papers at %.0f a second; p99 is %.1f times that without |",
		len(more), float64(len(more))/took.Seconds(), float64(p99)/float64(idle[4])))
	return m
}

// throughput asks hybrid queries with so many clients for some time, or until done is
// closed, and gives what it measured, and the 99th percentile.
func throughput(t *testing.T, c *client.Client, papers []*akinv1.Paper, pid, clients int, most time.Duration, done <-chan struct{}) (string, time.Duration) {
	over := func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
	var next atomic.Int64
	var mu sync.Mutex // guards took
	var took []time.Duration
	cpu, begin := cpuOf(t, pid), time.Now()
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for time.Since(begin) < most && !over() {
				at := time.Now()
				if err := searchIn(t, c, papers[int(next.Add(1)*7919)%len(papers)].GetTitle(), akinv1.Mode_MODE_HYBRID); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				took = append(took, time.Since(at))
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(took) == 0 {
		return "no answer", 0
	}
	wall := time.Since(begin).Seconds()
	return fmt.Sprintf("| %d papers, hybrid, %d clients | %.0f q/s | p50 %.1f ms | p99 %.1f ms | %.1f CPU-ms |", len(papers), clients, float64(len(took))/wall,
		percentile(took, 50).Seconds()*1000, percentile(took, 99).Seconds()*1000, (cpuOf(t, pid)-cpu)/float64(len(took))*1000), percentile(took, 99)
}

// cpuOf is the CPU time that a process has taken, in seconds.
func cpuOf(t *testing.T, pid int) float64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	const user, system, ticks = 11, 12, 100
	sum := 0.0
	for _, at := range []int{user, system} {
		n, err := strconv.ParseFloat(fields[at], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum / ticks
}

// letGo is how long a server gets after its start to give back what that took: pages of its
// own program among them, which it lets go of once it has said its addresses.
const letGo = 3 * time.Second

// residentOf is the memory of a process that is resident, in MiB.
func residentOf(t *testing.T, pid int) float64 { return memoryOf(t, pid, "VmRSS:") }

// ownOf is what of that is no page of a file.
func ownOf(t *testing.T, pid int) float64 { return memoryOf(t, pid, "RssAnon:") }

func memoryOf(t *testing.T, pid int, name string) float64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			return n / 1024
		}
	}
	t.Fatal("no", name)
	return 0
}
