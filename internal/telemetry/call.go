package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Begun is what is known of a call when it begins.
type Begun struct {
	// Method is the full name of a gRPC method that exists.
	Method string
	// ID is the request's: see RequestID.
	ID string
	// Caller is the machine that it comes from; "" is this process.
	Caller string
	// Quiet calls, such as health checks, are only logged for debugging.
	Quiet bool
	// Query says that somebody waits for it, so that it may be slow.
	Query bool
}

// Plan is how a query was answered.
type Plan struct {
	Strategy string
	// Visited is how many vectors were compared, Candidates what was found, and
	// Results what was given.
	Visited, Candidates, Results int
	// Search and Hydrate are how long finding and reading took.
	Search, Hydrate time.Duration
}

// Call is a call under way. Its methods are safe for concurrent use, and do nothing on
// a nil one.
type Call struct {
	Begun
	telemetry *Telemetry
	begin     time.Time

	mu      sync.Mutex // guards what follows
	owner   string
	query   string
	plan    Plan
	planned bool
	in, out int
}

type callKey struct{}

// Begin begins a call; the context carries it.
func (t *Telemetry) Begin(ctx context.Context, b Begun) (context.Context, *Call) {
	c := &Call{Begun: b, telemetry: t, begin: time.Now()}
	t.metrics.inFlight.WithLabelValues(b.Method).Inc()
	trace.SpanFromContext(ctx).SetAttributes(attribute.String("akin.request_id", b.ID))
	return context.WithValue(ctx, callKey{}, c), c
}

// CallOf gives the call of a context; nil if there is none.
func CallOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// RequestIDOf gives the id of the call of a context, or "".
func RequestIDOf(ctx context.Context) string {
	if c := CallOf(ctx); c != nil {
		return c.ID
	}
	return ""
}

// Identify says who calls: the name of a key's owner.
func (c *Call) Identify(owner string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.owner = owner
	c.mu.Unlock()
}

// Asked notes what is asked for, which is only logged where that is allowed.
func (c *Call) Asked(query string) {
	if c == nil || !c.telemetry.Live().LogQueries {
		return
	}
	c.mu.Lock()
	c.query = query
	c.mu.Unlock()
}

// Received and Sent count the bytes of messages.
func (c *Call) Received(bytes int) { c.count(bytes, 0) }

// Sent counts the bytes of a message that was given.
func (c *Call) Sent(bytes int) { c.count(0, bytes) }

func (c *Call) count(in, out int) {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.in, c.out = c.in+in, c.out+out
	c.mu.Unlock()
}

// Planned notes how the call's query was answered.
func (c *Call) Planned(p Plan) {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.plan, c.planned = p, true
	c.mu.Unlock()
	m := c.telemetry.metrics
	m.plans.WithLabelValues(c.Method, p.Strategy).Inc()
	m.visited.WithLabelValues(p.Strategy).Observe(float64(p.Visited))
}

// End ends the call: it is counted and logged.
func (c *Call) End(ctx context.Context, code string, level slog.Level) {
	took := time.Since(c.begin)
	t, m := c.telemetry, c.telemetry.metrics
	m.inFlight.WithLabelValues(c.Method).Dec()
	m.calls.WithLabelValues(c.Method, code).Inc()
	observe(ctx, m.duration.WithLabelValues(c.Method), took.Seconds())
	c.mu.Lock()
	defer c.mu.Unlock()
	m.received.WithLabelValues(c.Method).Add(float64(c.in))
	m.sent.WithLabelValues(c.Method).Add(float64(c.out))
	message := "call"
	if slow := t.Live().SlowQuery; c.Query && slow > 0 && took >= slow {
		if t.slowLines.Allow() { // under overload, all are slow
			message, level = "slow query", max(level, slog.LevelWarn)
		}
		m.slow.WithLabelValues(c.Method).Inc()
	}
	if c.Quiet && level == slog.LevelInfo {
		level = slog.LevelDebug
	}
	if t.log.Enabled(ctx, level) {
		t.log.LogAttrs(ctx, level, message, c.attributes(ctx, code, took)...)
	}
}

// attributes are what the log says of a call. The caller holds c.mu.
func (c *Call) attributes(ctx context.Context, code string, took time.Duration) []slog.Attr {
	a := []slog.Attr{
		slog.String("method", c.Method), slog.String("code", code), slog.Duration("took", took.Round(time.Microsecond)),
		slog.String("request_id", c.ID), slog.Int("request_bytes", c.in), slog.Int("response_bytes", c.out),
	}
	add := func(key, value string) {
		if value != "" {
			a = append(a, slog.String(key, value))
		}
	}
	add("caller", c.Caller)
	add("owner", c.owner)
	add("query", c.query)
	if c.planned {
		a = append(a, slog.Group("plan", "strategy", c.plan.Strategy, "visited", c.plan.Visited, "candidates", c.plan.Candidates,
			"results", c.plan.Results, "search", c.plan.Search.Round(time.Microsecond), "hydrate", c.plan.Hydrate.Round(time.Microsecond)))
	}
	if s := trace.SpanContextFromContext(ctx); s.IsValid() {
		a = append(a, slog.String("trace_id", s.TraceID().String()))
	}
	return a
}

// Embedded notes that texts were embedded for a class: where the time went, and what it
// was. begin is when the call of the model began.
func (t *Telemetry) Embedded(ctx context.Context, class string, e Embedding) {
	t.Past(ctx, "tokenize", e.Begin, e.Tokenize)
	t.Past(ctx, "queue", e.Begin.Add(e.Tokenize), e.Queue)
	t.Past(ctx, "inference", e.Begin.Add(e.Tokenize+e.Queue), e.Inference)
	t.metrics.tokens.WithLabelValues(class).Add(float64(e.Tokens))
	t.metrics.texts.WithLabelValues(class).Add(float64(e.Texts))
	t.metrics.truncated.WithLabelValues(class).Add(float64(e.Truncated))
}

// Embedding is what a call of the model took and gave. Of several texts, Queue and
// Inference are the longest.
type Embedding struct {
	Begin                      time.Time
	Tokenize, Queue, Inference time.Duration
	Texts, Tokens, Truncated   int
}

// observe measures, with the trace as an exemplar if there is one that is kept.
func observe(ctx context.Context, o prometheus.Observer, v float64) {
	s := trace.SpanContextFromContext(ctx)
	if with, ok := o.(prometheus.ExemplarObserver); ok && s.IsSampled() {
		with.ObserveWithExemplar(v, prometheus.Labels{"trace_id": s.TraceID().String()})
		return
	}
	o.Observe(v)
}
