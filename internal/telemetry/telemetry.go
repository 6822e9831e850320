package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/time/rate"
)

// Config says what is told, and to whom. The zero value measures, and sends nothing
// anywhere.
type Config struct {
	// Version is what the program says of itself.
	Version string
	// OTLPEndpoint is where traces go: http://HOST:PORT or https://HOST:PORT of a
	// collector that speaks OTLP over gRPC. Empty sends none.
	OTLPEndpoint string
	// OTLPHeaders go with every export, and may be secrets.
	OTLPHeaders map[string]string
	// TraceShare is the share of calls that are traced of those whose caller does not
	// say, from 0 to 1.
	TraceShare float64
	Live
}

// Live is what can be changed while the server runs.
type Live struct {
	// SlowQuery is from when on a query is logged as slow; 0 is never.
	SlowQuery time.Duration
	// LogQueries lets what was asked for be logged.
	LogQueries bool
	// RecallShare is the share of queries that are repeated exactly to measure recall,
	// from 0 to 1.
	RecallShare float64
}

// Telemetry measures one server. Make it with New, and Close it last.
type Telemetry struct {
	log      *slog.Logger
	registry *prometheus.Registry
	metrics  *metrics
	tracing  *tracing

	// slowLines bounds how many slow queries the log has.
	slowLines *rate.Limiter

	mu   sync.Mutex // guards live
	live Live
}

// New begins to measure. The error says which setting is wrong.
func New(config Config, log *slog.Logger) (*Telemetry, error) {
	traces, err := newTracing(config, log)
	if err != nil {
		return nil, err
	}
	t := &Telemetry{log: log, registry: prometheus.NewRegistry(), tracing: traces, live: config.Live, slowLines: newSlowLines()}
	t.metrics = newMetrics(t.registry, config.Version)
	return t, nil
}

// Off is a Telemetry that nobody asks, for servers that are not observed. Calls are
// logged all the same.
func Off(log *slog.Logger) *Telemetry {
	registry := prometheus.NewRegistry()
	return &Telemetry{log: log, registry: registry, metrics: newMetrics(registry, ""), tracing: noTracing(), slowLines: newSlowLines()}
}

// newSlowLines lets ten slow queries a second into the log, and some at once. The
// metric counts all of them.
func newSlowLines() *rate.Limiter { return rate.NewLimiter(10, 50) }

// Change takes other settings from now on.
func (t *Telemetry) Change(live Live) {
	t.mu.Lock()
	t.live = live
	t.mu.Unlock()
}

// Live gives the settings of now.
func (t *Telemetry) Live() Live {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live
}

// Close sends the traces that are left, as long as ctx allows.
func (t *Telemetry) Close(ctx context.Context) error { return t.tracing.close(ctx) }

// Metrics answers scrapes.
func (t *Telemetry) Metrics() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{
		Registry: t.registry, EnableOpenMetrics: true, MaxRequestsInFlight: 4, Timeout: scrapeTimeout,
		ErrorLog: slog.NewLogLogger(t.log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
	})
}

// scrapeTimeout bounds an answer to a scrape.
const scrapeTimeout = 10 * time.Second

// Reloaded notes that the configuration was read anew, or could not be.
func (t *Telemetry) Reloaded(ok bool) {
	if !ok {
		t.metrics.reloadOK.Set(0)
		return
	}
	t.metrics.reloadOK.Set(1)
	t.metrics.reloadTime.SetToCurrentTime()
}

// HTTP notes an answer of the JSON gateway.
func (t *Telemetry) HTTP(method string, status int, took time.Duration) {
	class := "5xx"
	switch {
	case status < 200:
		class = "1xx"
	case status < 300:
		class = "2xx"
	case status < 400:
		class = "3xx"
	case status < 500:
		class = "4xx"
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodPut, http.MethodOptions:
	default:
		method = "other"
	}
	t.metrics.http.WithLabelValues(method, class).Observe(took.Seconds())
}

// Event notes that something that the catalog does by itself has ended: "graph_build",
// "graph_save" and the like.
func (t *Telemetry) Event(kind string, took time.Duration, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	t.metrics.events.WithLabelValues(kind, outcome).Inc()
	t.metrics.eventSeconds.WithLabelValues(kind).Set(took.Seconds())
}

// Recall is what came of an answer that was to be repeated.
type Recall string

// The outcomes.
const (
	RecallMeasured Recall = "measured"
	// RecallBusy: the server had other things to do, or another repetition under way.
	RecallBusy Recall = "busy"
	// RecallMoved: the collection changed in between.
	RecallMoved  Recall = "moved"
	RecallFailed Recall = "failed"
)

// Recall notes what an exact repetition gave: of measured ones, the share of its first
// ten results that the answer had.
func (t *Telemetry) Recall(outcome Recall, share float64) {
	t.metrics.recallChecks.WithLabelValues(string(outcome)).Inc()
	if outcome == RecallMeasured {
		t.metrics.recall.Observe(share)
	}
}
