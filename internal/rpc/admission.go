package rpc

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"

	"akin/internal/access"
	"akin/internal/admit"
	"akin/internal/paper"
)

// remoteKey is the metadata in which the JSON gateway says whom it calls for. It
// is believed of connections within the process alone.
const remoteKey = "akin-remote"

// inProcess is the network of connections within the process.
const inProcess = "bufconn"

// refusalsEvery is how often the log says that calls are refused.
const refusalsEvery = 10 * time.Second

// Bounds are what keeps callers from asking too much.
type Bounds struct {
	// Calls admits what somebody waits for, Bulk what changes many papers.
	Calls, Bulk *admit.Gate
	// Timeouts are by kind of call: see DefaultTimeouts.
	Timeouts map[string]time.Duration
	// Transfer is how long request and answer of a call may be on their way, beside
	// its timeout; 0 means DefaultTransfer.
	Transfer time.Duration
}

// DefaultTransfer is for messages of the greatest size at 1 MB/s.
const DefaultTransfer = 30 * time.Second

// doorkeeper admits calls, bounds their time, and says whose they are.
type doorkeeper struct {
	bounds  Bounds
	methods map[string]method
	log     *slog.Logger
	refused atomic.Uint64
	seldom  rate.Sometimes
}

func newDoorkeeper(bounds Bounds, log *slog.Logger) *doorkeeper {
	return &doorkeeper{bounds: bounds, methods: methods(), log: log, seldom: rate.Sometimes{Interval: refusalsEvery}}
}

// of says how calls of a method are admitted.
func (d *doorkeeper) of(name string) method {
	if m, ok := d.methods[name]; ok {
		return m
	}
	return method{kind: query}
}

// callerOf says whom a call is charged to, and whether it is the owner's: from
// this very process or over the socket in the data directory. The owner waits as
// long as they like.
func callerOf(ctx context.Context) (caller admit.Caller, own bool) {
	if c := access.CallerOf(ctx); c != nil && !c.Own {
		host := c.Host
		if c.KeyID != "" { // each key gets the same, wherever it is used from
			host = "key " + c.KeyID
		}
		return admit.Caller{Host: host, Conn: c.Address}, false
	}
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return admit.Caller{}, true
	}
	remote := p.Addr.String()
	switch p.Addr.Network() {
	case "unix":
		return admit.Caller{}, true
	case inProcess:
		// What the gateway says comes last: before it may be what its client sent.
		said := metadata.ValueFromIncomingContext(ctx, remoteKey)
		if len(said) == 0 {
			return admit.Caller{}, true
		}
		remote = said[len(said)-1]
	}
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	return admit.Caller{Host: access.Machine(host), Conn: remote}, false
}

// tap bounds the whole of a call, before its request is read: one that never comes
// whole, and an answer that nobody takes, would otherwise be waited for. Streams
// are bounded message by message.
func (d *doorkeeper) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	limit := d.bounds.Timeouts[string(d.of(info.FullMethodName).kind)]
	if _, own := callerOf(ctx); own || limit <= 0 || d.of(info.FullMethodName).kind == stream {
		return ctx, nil
	}
	bounded, cancel := context.WithTimeout(ctx, limit+cmp.Or(d.bounds.Transfer, DefaultTransfer))
	context.AfterFunc(ctx, cancel)
	return bounded, nil
}

// unary admits a call before it works, and bounds its time from when it came.
func (d *doorkeeper) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	m := d.of(info.FullMethod)
	if m.kind == open {
		return handler(ctx, req)
	}
	caller, own := callerOf(ctx)
	call := admit.Call{Caller: caller, Class: info.FullMethod, Patient: own}
	if m.shape != nil {
		class, units := m.shape(req)
		call.Class, call.Units = call.Class+class, units
	}
	ctx = admit.WithCaller(ctx, caller)
	if limit := d.bounds.Timeouts[string(m.kind)]; limit > 0 && !own {
		late := overdue(info.FullMethod, limit, m.kind)
		bounded, cancel := context.WithTimeoutCause(ctx, limit, late)
		defer cancel()
		defer func() {
			if err != nil && context.Cause(bounded) == late { //nolint:errorlint // the very one
				resp, err = nil, late
			}
		}()
		ctx = bounded
	}
	gate := d.bounds.Calls
	if m.kind == bulk {
		gate = d.bounds.Bulk
	}
	pass, err := gate.Enter(ctx, call)
	if err != nil {
		d.note(err)
		return nil, err
	}
	done := false
	defer func() { pass.Leave(done) }()
	resp, err = handler(ctx, req)
	done = err == nil
	return resp, err
}

// note counts refusals, and logs them now and then.
func (d *doorkeeper) note(err error) {
	if paper.KindOf(err) != paper.Exhausted {
		return
	}
	n := d.refused.Add(1)
	d.seldom.Do(func() {
		counts := d.bounds.Calls.Counts()
		d.log.Warn("calls are refused: more is asked for than can be done", "refused", n, "waiting", counts.Waiting, "running", counts.Running)
	})
}
