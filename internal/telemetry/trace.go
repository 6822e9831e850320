package telemetry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc/filters"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/stats"
)

// exportTimeout bounds one export, and what is left at the end.
const exportTimeout = 5 * time.Second

// tracing makes spans, and hands them to a collector if there is one.
type tracing struct {
	provider   trace.TracerProvider
	propagator propagation.TextMapPropagator
	tracer     trace.Tracer
	stop       func(context.Context) error
}

// noTracing makes no spans, and hands on what callers say of theirs.
func noTracing() *tracing {
	return tracingOf(noop.NewTracerProvider(), func(context.Context) error { return nil })
}

func tracingOf(p trace.TracerProvider, stop func(context.Context) error) *tracing {
	return &tracing{provider: p, propagator: propagation.TraceContext{}, tracer: p.Tracer("akin"), stop: stop}
}

func newTracing(config Config, log *slog.Logger) (*tracing, error) {
	if config.OTLPEndpoint == "" {
		return noTracing(), nil
	}
	options, err := exporterOptions(config)
	if err != nil {
		return nil, err
	}
	// It connects when there is something to send, and goes on trying.
	exporter, err := otlptracegrpc.New(context.Background(), options...)
	if err != nil {
		return nil, fmt.Errorf("export traces to %s: %w", config.OTLPEndpoint, err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&quietExporter{SpanExporter: exporter, log: log}, sdktrace.WithExportTimeout(exportTimeout)),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(config.TraceShare))),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "akin"), attribute.String("service.version", config.Version))),
	)
	return tracingOf(provider, provider.Shutdown), nil
}

// CheckEndpoint says what is wrong with where traces are to go.
func CheckEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return errors.New("is no URL; write http://HOST:PORT, or https://HOST:PORT")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.Port() == "":
		return fmt.Errorf("is %q; write http://HOST:PORT, or https://HOST:PORT, of a collector that speaks OTLP over gRPC, such as http://127.0.0.1:4317", u.Redacted())
	case u.User != nil:
		return errors.New("has a password in it; put what the collector asks for into the file that --otlp-headers-file names")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return fmt.Errorf("is %q; OTLP over gRPC has no path", u.Redacted())
	}
	return nil
}

func exporterOptions(config Config) ([]otlptracegrpc.Option, error) {
	if err := CheckEndpoint(config.OTLPEndpoint); err != nil {
		return nil, fmt.Errorf("otlp-endpoint %w", err)
	}
	u, err := url.Parse(config.OTLPEndpoint)
	if err != nil {
		return nil, err
	}
	options := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint(u.Host), otlptracegrpc.WithTimeout(exportTimeout), otlptracegrpc.WithHeaders(config.OTLPHeaders),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: time.Second, MaxInterval: 10 * time.Second, MaxElapsedTime: 20 * time.Second,
		}),
	}
	if u.Scheme == "http" {
		return append(options, otlptracegrpc.WithInsecure()), nil
	}
	return append(options, otlptracegrpc.WithTLSCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12}))), nil
}

// quietExporter says once that traces cannot be sent, and once that they can again,
// rather than each time.
type quietExporter struct {
	sdktrace.SpanExporter
	log    *slog.Logger
	failed bool // exports come one after the other
}

// ExportSpans implements sdktrace.SpanExporter.
func (q *quietExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := q.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !q.failed:
		q.log.Warn("traces cannot be sent; calls are answered as ever", "error", err)
	case err == nil && q.failed:
		q.log.Info("traces can be sent again")
	}
	q.failed = err != nil
	return nil
}

func (t *tracing) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	if err := t.stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// ServerHandler traces the calls that a gRPC server takes; health checks are left out.
func (t *Telemetry) ServerHandler() stats.Handler {
	return otelgrpc.NewServerHandler(otelgrpc.WithTracerProvider(t.tracing.provider), otelgrpc.WithPropagators(t.tracing.propagator),
		otelgrpc.WithFilter(filters.Not(filters.HealthCheck())))
}

// ClientHandler traces the calls that a gRPC client makes, and tells the server.
func (t *Telemetry) ClientHandler() stats.Handler {
	return otelgrpc.NewClientHandler(otelgrpc.WithTracerProvider(t.tracing.provider), otelgrpc.WithPropagators(t.tracing.propagator),
		otelgrpc.WithFilter(filters.Not(filters.HealthCheck())))
}

// StartHTTP begins the span of an HTTP request, below that of its client. The span's
// name has no path: paths have ids of papers in them.
func (t *Telemetry) StartHTTP(r *http.Request) (*http.Request, func(status int)) {
	ctx := t.tracing.propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracing.tracer.Start(ctx, "HTTP "+r.Method, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", r.Method)))
	return r.WithContext(ctx), func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		span.End()
	}
}

// Stage begins a part of a call: a span below the call's, and a measurement. end ends
// it.
func (t *Telemetry) Stage(ctx context.Context, name string) (_ context.Context, end func()) {
	begin := time.Now()
	ctx, span := t.tracing.tracer.Start(ctx, name)
	return ctx, func() {
		span.End()
		t.observe(ctx, name, time.Since(begin))
	}
}

// Past notes a part of a call that has ended: it began at a time and took so long.
func (t *Telemetry) Past(ctx context.Context, name string, begin time.Time, took time.Duration) {
	_, span := t.tracing.tracer.Start(ctx, name, trace.WithTimestamp(begin))
	span.End(trace.WithTimestamp(begin.Add(took)))
	t.observe(ctx, name, took)
}

func (t *Telemetry) observe(ctx context.Context, stage string, took time.Duration) {
	observe(ctx, t.metrics.stages.WithLabelValues(stage), took.Seconds())
}
