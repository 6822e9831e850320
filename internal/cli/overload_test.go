package cli_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"akin/internal/client"
	"akin/internal/embed/embedtest"
	akinv1 "akin/proto/akin/v1"
)

const (
	// overloadPapers is how many of the abstracts are searched.
	overloadPapers = 36_000
	// overloadDeadline is what callers give a search.
	overloadDeadline = 2 * time.Second
	// overloadWorkers ask at once where the capacity is measured.
	overloadWorkers = 16
)

// What a server does that is asked for more than it can do: make bench-overload.
// AKIN_BENCH_SECONDS is how long each part takes.
func TestOverload(t *testing.T) {
	if os.Getenv("AKIN_BENCH") == "" {
		t.Skip("a measurement: run make bench-overload")
	}
	during := benchSeconds(30 * time.Second)
	b := &overload{t: t, server: serve(t, filepath.Join(t.TempDir(), "data")), during: during}
	for range 4 {
		b.clients = append(b.clients, b.dial())
	}
	b.load()
	b.closed(5*time.Second, overloadWorkers, b.clients) // warm
	before := b.closed(during, overloadWorkers, b.clients)
	t.Logf("closed loop, %d at once: %.1f/s, p50 %v, p99 %v, RSS %d MB", overloadWorkers, before.rate(), before.p(50), before.p(99), b.rss())
	t.Log("| offered | answered in time | of the capacity | p50 | p99 | refused | after p90 | after p99 | too late | RSS |")
	for _, factor := range []float64{1, 2, 5} {
		got, rss := b.open(factor*before.rate(), b.clients)
		t.Logf("| %g × = %.0f/s | %.1f/s | %.0f %% | %v | %v | %.1f %% | %v | %v | %.1f %% | %d MB |", factor, factor*before.rate(),
			got.rate(), 100*got.rate()/before.rate(), got.p(50), got.p(99), got.share(codes.ResourceExhausted), got.after(90), got.after(99), got.share(codes.DeadlineExceeded), rss)
	}
	after := b.closed(during, overloadWorkers, b.clients)
	t.Logf("closed loop again: %.1f/s, p50 %v, p99 %v", after.rate(), after.p(50), after.p(99))

	b.neighbours()
}

// neighbours has one caller ask now and then beside 64 that always ask, of the same
// host and of another.
func (b *overload) neighbours() {
	var noisy []*client.Client
	for range 64 {
		noisy = append(noisy, b.dial())
	}
	b.t.Log("| queries/s | beside | p50 | p99 | refused | those 64 |")
	for _, perSecond := range []float64{2, 14} {
		alone, _ := b.open(perSecond, []*client.Client{b.dial()})
		b.t.Logf("| %g | nobody | %v | %v | %.1f %% | |", perSecond, alone.p(50), alone.p(99), alone.share(codes.ResourceExhausted))
		for _, ip := range []string{"127.0.0.1", "127.0.0.2"} {
			var wait sync.WaitGroup
			var noise *answers
			wait.Go(func() { noise = b.closed(b.during+4*time.Second, 64, noisy) })
			time.Sleep(2 * time.Second)
			beside, _ := b.open(perSecond, []*client.Client{b.dialFrom(ip)})
			wait.Wait()
			where := "the same host"
			if ip != "127.0.0.1" {
				where = "another host"
			}
			b.t.Logf("| %g | 64 busy connections of %s | %v | %v | %.1f %% | %.1f/s, p50 %v, %d refused |", perSecond, where,
				beside.p(50), beside.p(99), beside.share(codes.ResourceExhausted), noise.rate(), noise.p(50), noise.codes[codes.ResourceExhausted])
		}
	}
}

// overload is a server that is asked a lot.
type overload struct {
	t       *testing.T
	server  *server
	clients []*client.Client
	papers  []*akinv1.Paper
	during  time.Duration

	mu   sync.Mutex
	next int // question
}

func (b *overload) dial() *client.Client {
	c, err := client.Dial(b.server.grpc)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	return c
}

// dialFrom connects from another address of this machine.
func (b *overload) dialFrom(ip string) *client.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	conn, err := grpc.NewClient(b.server.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", addr) }))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	return client.New(conn)
}

// load imports the abstracts beside the repository, or the sample.
func (b *overload) load() {
	shared := filepath.Join(embedtest.Root(b.t), "..", "shared", "data")
	if _, err := os.Stat(shared); err == nil {
		b.papers = importReady(b.t, b.clients[0], shared, 0, overloadPapers)
		waitForGraph(b.t, b.clients[0], b.papers[0].GetId())
		return
	}
	mustRun(b.t, "import", "--server", b.server.grpc, samplePath(b.t))
	list, err := b.clients[0].Papers.ListPapers(b.t.Context(), &akinv1.ListPapersRequest{PageSize: 1000})
	if err != nil {
		b.t.Fatal(err)
	}
	b.papers = list.GetPapers()
	b.t.Logf("%d papers: the sample", len(b.papers))
}

// question is another title each time, so that no cache answers.
func (b *overload) question() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	return fmt.Sprint(b.papers[b.next*7919%len(b.papers)].GetTitle(), " ", b.next)
}

// answers are what came back.
type answers struct {
	mu      sync.Mutex
	took    []time.Duration // of what was answered, from the intended start
	refused []time.Duration
	codes   map[codes.Code]int
	asked   int
	during  time.Duration
}

func (a *answers) note(t *testing.T, begin time.Time, err error) {
	took := time.Since(begin)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.codes[status.Code(err)]++
	switch status.Code(err) {
	case codes.OK:
		a.took = append(a.took, took)
	case codes.ResourceExhausted:
		a.refused = append(a.refused, took)
		if !slices.ContainsFunc(status.Convert(err).Details(), func(d any) bool { _, ok := d.(*errdetails.RetryInfo); return ok }) {
			t.Errorf("refused without RetryInfo: %v", err)
		}
	case codes.DeadlineExceeded:
	default:
		t.Error(err)
	}
}

func (a *answers) rate() float64 { return float64(len(a.took)) / a.during.Seconds() }

func (a *answers) p(p float64) time.Duration {
	return percentile(append(slices.Clone(a.took), 0), p).Round(100 * time.Microsecond)
}

// after is how long refusals took.
func (a *answers) after(p float64) time.Duration {
	return percentile(append(slices.Clone(a.refused), 0), p).Round(time.Millisecond)
}

func (a *answers) share(c codes.Code) float64 { return 100 * float64(a.codes[c]) / float64(a.asked) }

func (b *overload) ask(ctx context.Context, c *client.Client, a *answers, begin time.Time) error {
	_, err := c.Search.Search(ctx, &akinv1.SearchRequest{Query: b.question()})
	a.note(b.t, begin, err)
	return err
}

// closed lets workers ask again as soon as they are answered.
func (b *overload) closed(during time.Duration, workers int, clients []*client.Client) *answers {
	a := &answers{codes: make(map[codes.Code]int), during: during}
	until := time.Now().Add(during)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for time.Now().Before(until) {
				if b.ask(b.t.Context(), clients[w%len(clients)], a, time.Now()) != nil {
					time.Sleep(100 * time.Millisecond)
				}
			}
		})
	}
	wait.Wait()
	return a
}

// open asks at a rate, whatever comes back, and gives what the server has in
// memory near the end.
func (b *overload) open(perSecond float64, clients []*client.Client) (*answers, int) {
	a := &answers{codes: make(map[codes.Code]int), during: b.during}
	a.asked = int(perSecond * b.during.Seconds())
	begin := time.Now()
	var wait sync.WaitGroup
	for i := range a.asked {
		at := begin.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))
		time.Sleep(time.Until(at))
		wait.Go(func() {
			ctx, cancel := context.WithDeadline(b.t.Context(), at.Add(overloadDeadline))
			defer cancel()
			b.ask(ctx, clients[i%len(clients)], a, at)
		})
	}
	rss := b.rss()
	wait.Wait()
	return a, rss
}

// rss is the resident memory of the server, in MB.
func (b *overload) rss() int {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", b.server.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(value)[0])
			return kb >> 10
		}
	}
	return 0
}
