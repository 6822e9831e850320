package rpc_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"akin/internal/rpc"
	"akin/internal/rpc/rpctest"
	"akin/internal/telemetry"
	akinv1 "akin/proto/akin/v1"
)

// written is a log that calls write to at once.
type written struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(b)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// observed is a server whose calls are logged, down to what is for debugging.
func observed(t *testing.T, live telemetry.Live) (*served, *written, *telemetry.Telemetry) {
	t.Helper()
	log := new(written)
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	tel, err := telemetry.New(telemetry.Config{Live: live}, logger)
	if err != nil {
		t.Fatal(err)
	}
	return serveWith(t, rpctest.Options{Gateway: rpc.GatewayOptions{Telemetry: tel}, Log: logger}), log, tel
}

// The id of a request comes back with every answer, over gRPC and HTTP, and is in the
// log and in the details of errors.
func TestRequestIDs(t *testing.T) {
	s, log, _ := observed(t, telemetry.Live{})
	var header, trailer metadata.MD
	ctx := metadata.AppendToOutgoingContext(t.Context(), telemetry.RequestIDKey, "mine-1")
	_, err := s.Papers.GetPaper(ctx, &akinv1.GetPaperRequest{Id: "none"}, grpc.Header(&header), grpc.Trailer(&trailer))
	var info *errdetails.RequestInfo
	for _, d := range status.Convert(err).Details() {
		if i, ok := d.(*errdetails.RequestInfo); ok {
			info = i
		}
	}
	if info.GetRequestId() != "mine-1" || strings.Join(header.Get(telemetry.RequestIDKey), "") != "mine-1" || strings.Join(trailer.Get(telemetry.RequestIDKey), "") != "mine-1" {
		t.Errorf("details %v, header %v, trailer %v", info, header, trailer)
	}
	if !strings.Contains(log.String(), "code=NotFound") || !strings.Contains(log.String(), "request_id=mine-1") {
		t.Errorf("the log: %s", log)
	}
	header = nil
	bad := metadata.AppendToOutgoingContext(t.Context(), telemetry.RequestIDKey, "a b")
	if _, err := s.Info.GetServerInfo(bad, &akinv1.GetServerInfoRequest{}, grpc.Header(&header)); err != nil || len(strings.Join(header.Get(telemetry.RequestIDKey), "")) != 32 {
		t.Errorf("an id that cannot be logged: %v, %v", header, err)
	}
	for _, path := range []string{"/v1/papers/none", "/v1/nowhere", "/healthz", "/v1/embeddings"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Request-Id", "mine-2")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got := resp.Header.Values("X-Request-Id"); err != nil || len(got) != 1 || got[0] != "mine-2" || resp.Header.Get("Grpc-Metadata-X-Request-Id") != "" {
			t.Errorf("%s: headers %v, %v", path, resp.Header, err)
		}
		if path == "/v1/papers/none" && !strings.Contains(string(body), `"requestId":"mine-2"`) {
			t.Errorf("%s: %s", path, body)
		}
	}
}

// Neither keys nor queries are in the log, at any level.
func TestNoSecretIsLogged(t *testing.T) {
	const key, asked = "planted-key-9f3", "planted question"
	s, log, _ := observed(t, telemetry.Live{SlowQuery: 1})
	s.upsert(t, &akinv1.Paper{Id: "a", Title: "planted title", Abstract: "graphs"})
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+key)
	if _, err := s.Search.Search(ctx, &akinv1.SearchRequest{Query: asked}); err != nil {
		t.Fatal(err)
	}
	s.Search.Search(ctx, &akinv1.SearchRequest{Query: asked, PageSize: -1})
	for _, c := range []struct{ method, path, body string }{
		{http.MethodGet, "/v1/search?query=planted+question", ""},
		{http.MethodPost, "/v1/embeddings", `{"model":"default","input":"planted question"}`},
		{http.MethodPost, "/v1/embeddings", `{"model":`},
	} {
		req, err := http.NewRequestWithContext(ctx, c.method, s.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if text := log.String(); !strings.Contains(text, "slow query") || strings.Contains(text, "planted") {
		t.Errorf("the log: %s", text)
	}
}

// What a query took and how it was answered is in the metrics.
func TestQueriesAreMeasured(t *testing.T) {
	s, log, tel := observed(t, telemetry.Live{LogQueries: true})
	s.upsert(t, &akinv1.Paper{Id: "a", Title: "graphs"})
	if _, err := s.Search.Search(t.Context(), &akinv1.SearchRequest{Query: "graphs", Mode: akinv1.Mode_MODE_SEMANTIC}); err != nil {
		t.Fatal(err)
	}
	text := metricsOf(t, tel)
	for _, want := range []string{
		`akin_rpc_requests_total{code="OK",method="/akin.v1.SearchService/Search"} 1`,
		`akin_query_plans_total{method="/akin.v1.SearchService/Search",strategy="exact"} 1`,
		`akin_rpc_requests_in_flight{method="/akin.v1.SearchService/Search"} 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if !strings.Contains(log.String(), "query=graphs") || !strings.Contains(log.String(), "plan.strategy=exact") {
		t.Errorf("the log: %s", log)
	}
}

func metricsOf(t *testing.T, tel *telemetry.Telemetry) string {
	t.Helper()
	w := &body{header: make(http.Header)}
	tel.Metrics().ServeHTTP(w, mustRequest(t))
	return w.String()
}

type body struct {
	bytes.Buffer
	header http.Header
}

func (b *body) Header() http.Header { return b.header }
func (b *body) WriteHeader(int)     {}

func mustRequest(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// traces is an OTLP collector that keeps the names of spans, by trace.
type traces struct {
	collectorpb.UnimplementedTraceServiceServer
	mu    sync.Mutex
	spans map[string][]string
}

func (c *traces) Export(_ context.Context, req *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range req.GetResourceSpans() {
		for _, scope := range r.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				id := hex.EncodeToString(s.GetTraceId())
				c.spans[id] = append(c.spans[id], s.GetName())
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// The trace of an HTTP client goes on through the gateway into the call.
func TestTraceOverHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, collecting := &traces{spans: make(map[string][]string)}, grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(collecting, c)
	go collecting.Serve(l)
	t.Cleanup(collecting.Stop)
	log := slog.New(slog.DiscardHandler)
	tel, err := telemetry.New(telemetry.Config{OTLPEndpoint: "http://" + l.Addr().String()}, log)
	if err != nil {
		t.Fatal(err)
	}
	s := serveWith(t, rpctest.Options{Gateway: rpc.GatewayOptions{Telemetry: tel}, Log: log})
	s.upsert(t, &akinv1.Paper{Id: "a", Title: "graphs"})
	const trace = "0af7651916cd43dd8448eb211c80319c"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/search?query=graphs&mode=MODE_SEMANTIC", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.Drain() // a span ends after its answer
	if err := tel.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.spans[trace]
	slices.Sort(got)
	if want := []string{"HTTP GET", "akin.v1.SearchService/Search", "akin.v1.SearchService/Search"}; !slices.Equal(got, want) || len(c.spans) != 1 {
		t.Errorf("spans %v; want %v of one trace", c.spans, want)
	}
}
