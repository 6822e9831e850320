package telemetry

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are those that are counted as things happen. Those that are asked for at a
// scrape are in figures.go.
type metrics struct {
	calls     *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	inFlight  *prometheus.GaugeVec
	received  *prometheus.CounterVec
	sent      *prometheus.CounterVec
	slow      *prometheus.CounterVec
	http      *prometheus.HistogramVec
	plans     *prometheus.CounterVec
	visited   *prometheus.HistogramVec
	stages    *prometheus.HistogramVec
	tokens    *prometheus.CounterVec
	texts     *prometheus.CounterVec
	truncated *prometheus.CounterVec

	recall       prometheus.Histogram
	recallChecks *prometheus.CounterVec

	events       *prometheus.CounterVec
	eventSeconds *prometheus.GaugeVec
	reloadOK     prometheus.Gauge
	reloadTime   prometheus.Gauge
}

// latencies are bounds of buckets in seconds: about √10 apart, from a lookup to the
// longest call, and finer where queries are.
func latencies() []float64 {
	return []float64{.001, .0025, .005, .01, .02, .035, .05, .075, .1, .15, .25, .5, 1, 2.5, 5, 10, 30, 60}
}

func newMetrics(registry *prometheus.Registry, version string) *metrics {
	m := &metrics{
		calls:    counter("rpc_requests_total", "Calls that have ended, by method and gRPC code.", "method", "code"),
		duration: histogram("rpc_request_duration_seconds", "How long calls took, waits included.", latencies(), "method"),
		inFlight: gauge("rpc_requests_in_flight", "Calls that have begun and not ended.", "method"),
		received: counter("rpc_received_bytes_total", "Bytes of request messages, before compression.", "method"),
		sent:     counter("rpc_sent_bytes_total", "Bytes of response messages, before compression.", "method"),
		slow:     counter("rpc_slow_requests_total", "Queries that took longer than --slow-query.", "method"),
		http:     histogram("http_request_duration_seconds", "How long answers over HTTP took, by method and class of status.", latencies(), "method", "status"),

		plans:   counter("query_plans_total", "Queries answered, by method and the way in which neighbours were found.", "method", "strategy"),
		visited: histogram("query_visited_vectors", "Vectors that a query was compared with.", []float64{100, 300, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6}, "strategy"),
		stages:  histogram("query_stage_duration_seconds", "Where the time of queries goes.", latencies(), "stage"),

		tokens:    counter("embed_tokens_total", "Tokens that were embedded.", "class"),
		texts:     counter("embed_texts_total", "Texts that were embedded.", "class"),
		truncated: counter("embed_truncated_texts_total", "Texts of which only the first tokens were embedded.", "class"),

		recall: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "query_recall_at_10_ratio", Buckets: []float64{.5, .7, .8, .9, .99, 1},
			Help: "Of the first ten results of an exact repetition, the share that the answer had.",
		}),
		recallChecks: counter("query_recall_checks_total", "Answers that were chosen to be repeated exactly, by what came of it.", "outcome"),

		events:       counter("catalog_events_total", "Builds and saves of indexes and the like that have ended.", "event", "outcome"),
		eventSeconds: gauge("catalog_event_last_duration_seconds", "How long the last one of each kind took.", "event"),
		reloadOK:     single("config_last_reload_successful", "1 if the configuration could be read anew the last time."),
		reloadTime:   single("config_last_reload_success_timestamp_seconds", "When the configuration was last read."),
	}
	m.reloadOK.Set(1)
	m.reloadTime.SetToCurrentTime()
	build := gauge("build_info", "1; the labels say what this program is.", "version", "goversion", "arch")
	build.WithLabelValues(version, runtime.Version(), runtime.GOARCH).Set(1)
	registry.MustRegister(
		m.calls, m.duration, m.inFlight, m.received, m.sent, m.slow, m.http, m.plans, m.visited, m.stages,
		m.tokens, m.texts, m.truncated, m.recall, m.recallChecks, m.events, m.eventSeconds, m.reloadOK, m.reloadTime, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// namespace begins the names of akin's metrics.
const namespace = "akin"

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func single(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}
