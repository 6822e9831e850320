package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// busy gives a Telemetry of which every metric has a value.
func busy(t *testing.T) *Telemetry {
	t.Helper()
	tel, err := New(Config{Version: "1.2.3", Live: Live{SlowQuery: time.Nanosecond}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	err = tel.Watch(Sources{
		Queues:  func() []Queue { return []Queue{{Name: "calls", Waiting: 1, Oldest: time.Second, Refused: 2}} },
		Batches: func() Batches { return Batches{Runs: 1, Texts: 2, Tokens: 3, Limit: 256} },
		Caches:  func() []Cache { return []Cache{{Name: "sentences", Hits: 1, Misses: 2, Bytes: 3}} },
		Collections: func() []Collection {
			return []Collection{{Name: "papers", Papers: 1, Sequence: 2, IndexBytes: 3, Written: time.Unix(5, 0)}}
		},
		Fetched: func() []Fetched {
			return []Fetched{{Source: "arxiv", Collection: "papers", New: 1, InARow: 2, Succeeded: time.Unix(5, 0), Delivered: time.Unix(4, 0), Every: time.Hour}}
		},
		Store: func() (Store, bool) { return Store{Writable: true, Levels: make([]Level, 7)}, true },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, call := tel.Begin(t.Context(), Begun{Method: "/akin.v1.SearchService/Search", ID: "x", Query: true})
	call.Received(10)
	call.Sent(20)
	call.Planned(Plan{Strategy: "graph", Visited: 500})
	call.End(ctx, "OK", slog.LevelInfo)
	tel.Embedded(ctx, "bulk", Embedding{Begin: time.Now(), Texts: 2, Tokens: 9, Truncated: 1})
	tel.Recall(RecallMeasured, 0.9)
	tel.Event("graph_build", time.Second, nil)
	tel.HTTP("BREW", 418, time.Second)
	return tel
}

func scrape(t *testing.T, tel *Telemetry) string {
	t.Helper()
	server := httptest.NewServer(tel.Metrics())
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v", resp.StatusCode, err)
	}
	return string(body)
}

// Names, units and help are as Prometheus asks for.
func TestMetricsAreLinted(t *testing.T) {
	tel := busy(t)
	problems, err := testutil.GatherAndLint(tel.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	text := scrape(t, tel)
	for _, want := range []string{
		`akin_rpc_requests_total{code="OK",method="/akin.v1.SearchService/Search"} 1`, `akin_rpc_received_bytes_total{method="/akin.v1.SearchService/Search"} 10`,
		`akin_queue_oldest_wait_seconds{queue="calls"} 1`, `akin_http_request_duration_seconds_count{method="other",status="4xx"} 1`,
		`akin_rpc_slow_requests_total{method="/akin.v1.SearchService/Search"} 1`, `akin_query_recall_at_10_ratio_sum 0.9`, `akin_collection_last_write_timestamp_seconds{collection="papers"} 5`,
		`akin_store_level_tables{level="6"} 0`, `akin_embed_truncated_texts_total{class="bulk"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	promtool(t, text, "check", "metrics")
}

// promtool runs Debian's promtool where it is.
func promtool(t *testing.T, in string, args ...string) {
	t.Helper()
	path, err := filepath.Abs("../../.akin/tools/promtool")
	if _, statErr := os.Stat(path); err != nil || statErr != nil {
		if path, err = exec.LookPath("promtool"); err != nil {
			if os.Getenv("AKIN_REQUIRE") != "" {
				t.Fatal("promtool is not here: run .ci/promtool.sh")
			}
			t.Skip("promtool is not here, so that only the linter of the client library has looked; .ci/promtool.sh installs it")
		}
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = strings.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Dashboard and alerts only name metrics that a server has.
func TestDeployNamesMetricsThatExist(t *testing.T) {
	text := scrape(t, busy(t))
	name := regexp.MustCompile(`\b(akin|go|process)_[a-z0-9_]+`)
	for _, file := range []string{"../../deploy/grafana/akin.json", "../../deploy/prometheus/akin.rules.yml"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		named := name.FindAllString(string(raw), -1)
		slices.Sort(named)
		if named = slices.Compact(named); len(named) < 8 {
			t.Errorf("%s names %d metrics", file, len(named))
		}
		for _, metric := range named {
			if !strings.Contains(text, "\n"+metric+"{") && !strings.Contains(text, "\n"+metric+" ") {
				t.Errorf("%s names %s, which no server has", file, metric)
			}
		}
	}
	raw, err := os.ReadFile("../../deploy/grafana/akin.json")
	if err != nil || !json.Valid(raw) {
		t.Errorf("the dashboard is not JSON: %v", err)
	}
	promtool(t, "", "check", "rules", "../../deploy/prometheus/akin.rules.yml")
	promtool(t, "", "test", "rules", "../../deploy/prometheus/akin.rules.test.yml")
}

func TestRequestIDs(t *testing.T) {
	for _, sane := range []string{"a", "0af7651916cd43dd8448eb211c80319c", "req-1/2:3@host", strings.Repeat("x", 128)} {
		if got := RequestID(sane); got != sane {
			t.Errorf("%q became %q", sane, got)
		}
	}
	for _, bad := range []string{"", "a b", "x\n", "\x1b[31m", "a\"", "é", strings.Repeat("x", 129)} {
		if got := RequestID(bad); len(got) != 32 || got == bad {
			t.Errorf("%q became %q", bad, got)
		}
	}
	if one, other := RequestID(""), RequestID(""); one == other {
		t.Error("two ids are one")
	}
}

// collector is an OTLP collector.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	mu    sync.Mutex
	spans []*tracepb.Span
	keys  []string
}

func (c *collector) Export(ctx context.Context, req *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys = append(c.keys, metadata.ValueFromIncomingContext(ctx, "x-key")...)
	for _, r := range req.GetResourceSpans() {
		for _, s := range r.GetScopeSpans() {
			c.spans = append(c.spans, s.GetSpans()...)
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// Stages of a call arrive at a collector as spans below the caller's, with what the
// collector asks for.
func TestTracesArrive(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, server := new(collector), grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, c)
	go server.Serve(l)
	defer server.Stop()
	tel, err := New(Config{OTLPEndpoint: "http://" + l.Addr().String(), OTLPHeaders: map[string]string{"x-key": "s3cret"}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	const parent = "0af7651916cd43dd8448eb211c80319c"
	r := httptest.NewRequest(http.MethodGet, "/v1/search?query=private", nil)
	r.Header.Set("traceparent", "00-"+parent+"-b7ad6b7169203331-01")
	r, end := tel.StartHTTP(r)
	ctx, stop := tel.Stage(r.Context(), "candidates")
	tel.Embedded(ctx, "interactive", Embedding{Begin: time.Now(), Texts: 1, Tokens: 3})
	stop()
	end(http.StatusOK)
	// One whose caller does not ask for it: the share is 0.
	_, end = tel.StartHTTP(httptest.NewRequest(http.MethodGet, "/", nil))
	end(http.StatusOK)
	if err := tel.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, s := range c.spans {
		names = append(names, s.GetName())
		if got := trace.TraceID(s.GetTraceId()).String(); got != parent {
			t.Errorf("span %s is of trace %s", s.GetName(), got)
		}
		if strings.Contains(s.String(), "private") {
			t.Errorf("span %s has what was asked for", s.GetName())
		}
	}
	slices.Sort(names)
	if want := []string{"HTTP GET", "candidates", "inference", "queue", "tokenize"}; !slices.Equal(names, want) {
		t.Errorf("spans %v; want %v", names, want)
	}
	if !slices.Contains(c.keys, "s3cret") {
		t.Error("the collector did not get its header")
	}
	if !strings.Contains(openMetrics(t, tel), `trace_id="`+parent+`"`) {
		t.Error("no exemplar names the trace")
	}
}

func openMetrics(t *testing.T, tel *Telemetry) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	w := httptest.NewRecorder()
	tel.Metrics().ServeHTTP(w, r)
	return w.Body.String()
}

// A collector that is not there costs a warning, and no call anything.
func TestNoCollector(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	var log bytes.Buffer
	q := &quietExporter{SpanExporter: failing{}, log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 3 {
		if err := q.ExportSpans(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(log.String(), "traces cannot be sent"); n != 1 {
		t.Errorf("said %d times:\n%s", n, &log)
	}
	tel, err := New(Config{OTLPEndpoint: "http://" + addr}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := tel.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

type failing struct{ sdktrace.SpanExporter }

func (failing) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	return errors.New("nobody is there")
}

func TestEndpoints(t *testing.T) {
	for _, good := range []string{"http://127.0.0.1:4317", "https://traces.example.org:443", "http://[::1]:4317/"} {
		if err := CheckEndpoint(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"127.0.0.1:4317", "localhost", "ftp://x:1", "http://x", "http://me:hunter2@x:1", "http://x:1/v1/traces", "http://x:\x00"} {
		err := CheckEndpoint(bad)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", bad, err)
		}
		if _, err := New(Config{OTLPEndpoint: bad}, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// The log has a line a call: never what was asked for unless that is wanted, and slow
// queries louder.
func TestCallLog(t *testing.T) {
	var log bytes.Buffer
	tel, err := New(Config{}, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo})))
	if err != nil {
		t.Fatal(err)
	}
	call := func(b Begun) string {
		log.Reset()
		b.Method, b.ID = "/m", "id-1"
		ctx, c := tel.Begin(t.Context(), b)
		CallOf(ctx).Asked("a private question")
		CallOf(ctx).Identify("ada")
		CallOf(ctx).Planned(Plan{Strategy: "exact", Visited: 7})
		c.End(ctx, "OK", slog.LevelInfo)
		return log.String()
	}
	line := call(Begun{Query: true, Caller: "10.0.0.7"})
	for _, want := range []string{"level=INFO", "msg=call", "method=/m", "request_id=id-1", "caller=10.0.0.7", "owner=ada", "plan.strategy=exact", "plan.visited=7", "code=OK"} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	if strings.Contains(line, "private") {
		t.Errorf("the query is logged: %s", line)
	}
	if line := call(Begun{Quiet: true}); line != "" {
		t.Errorf("a health check is logged: %s", line)
	}
	tel.Change(Live{SlowQuery: time.Nanosecond, LogQueries: true})
	if line := call(Begun{Query: true}); !strings.Contains(line, "level=WARN") || !strings.Contains(line, "slow query") || !strings.Contains(line, "a private question") {
		t.Errorf("a slow query: %s", line)
	}
	if line := call(Begun{}); strings.Contains(line, "slow") {
		t.Errorf("an import is slow: %s", line)
	}
	var none *Call
	none.Asked("x")
	none.Planned(Plan{})
	none.Received(1)
	none.Identify("x")
	if RequestIDOf(t.Context()) != "" {
		t.Error("no call has an id")
	}
}
