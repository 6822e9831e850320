package rpc

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"

	"akin/internal/access"
	"akin/internal/paper"
	"akin/internal/telemetry"
)

// authorizationKey is the metadata, and the HTTP header, that credentials come in.
const authorizationKey = "authorization"

// Guard asks those who call from outside who they are, and what they may do.
type Guard struct {
	// Ring knows the keys, Limits how much is asked for.
	Ring   *access.Ring
	Limits *access.Limiter
	// Proxies may say for whom they call.
	Proxies access.Proxies
	// Open are the groups of methods that everybody may call: see OpenGroups.
	Open []string
}

// gatekeeper is a Guard at the door of one gRPC server, or, without one, the door that
// only whoever runs the server comes through.
type gatekeeper struct {
	*Guard
	server *Server
	needs  map[string]need
	seldom rate.Sometimes
}

func (s *Server) guardedBy(g *Guard) *gatekeeper {
	return &gatekeeper{Guard: g, server: s, needs: needs(), seldom: rate.Sometimes{First: 1, Interval: refusalsEvery}}
}

// tap says who calls before anything of the request is read, and turns those away
// that may not: what strangers send costs no memory.
func (g *gatekeeper) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	c, err := g.caller(ctx, info.FullMethodName, true)
	if err != nil {
		g.note(c, info.FullMethodName, err)
		return nil, toStatus(ctx, g.server.log, err)
	}
	return access.WithCaller(ctx, c), nil
}

// caller says who makes a call, and why it may not; nil if that cannot be told
// without asking somebody else, which early calls do not.
func (g *gatekeeper) caller(ctx context.Context, method string, early bool) (*access.Caller, error) {
	from := remoteOf(ctx)
	if g.Guard == nil {
		c := access.Local(from)
		return &c, nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	if !inProcessCall(ctx) { // the gateway has looked already
		from = g.Proxies.Client(from, md.Get("forwarded"), md.Get("x-forwarded-for"))
	}
	n := needOf(g.needs, method)
	open := slices.Contains(g.Open, n.open)
	c, err := g.who(ctx, md.Get(authorizationKey), early)
	if early && c == nil && err == nil {
		return nil, nil //nolint:nilnil // known later
	}
	if c == nil {
		c = new(access.Caller)
	}
	c.Address, c.Host = from, access.Machine(from)
	switch {
	case open:
		return c, nil
	case err != nil:
		return c, err
	case !c.Scopes.Has(n.scope) && c.KeyID == "": // nobody known, who may do something
		return c, access.NeedsKey()
	case !c.Scopes.Has(n.scope):
		return c, access.NeedsScope(n.scope)
	case n.reach == everywhere && len(c.Collections) > 0:
		return c, access.NeedsCollection()
	}
	return c, nil
}

// who finds out whose the credentials of a call are; nil if they are an
// organisation's and it is too early to ask.
func (g *gatekeeper) who(ctx context.Context, said []string, early bool) (*access.Caller, error) {
	token, err := bearer(said)
	if err != nil {
		return nil, err
	}
	if early && g.Ring.Foreign(token) {
		return nil, nil //nolint:nilnil // known later
	}
	c, err := g.Ring.Who(ctx, token, time.Now())
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// bearer gives the token of the credentials that came with a call, empty if none did.
// More than one is refused: whoever checks and whoever uses them might take another.
func bearer(said []string) (string, error) {
	said = slices.Compact(slices.Clone(said))
	if len(said) == 0 {
		return "", nil
	}
	scheme, token, ok := strings.Cut(strings.TrimSpace(said[0]), " ")
	token = strings.TrimSpace(token)
	if len(said) > 1 || !ok || token == "" || !strings.EqualFold(scheme, "bearer") {
		return "", access.Refused()
	}
	return token, nil
}

// remoteOf is the address that a call comes from.
func remoteOf(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return ""
	}
	if p.Addr.Network() != inProcess {
		return p.Addr.String()
	}
	// What the gateway says comes last: before it may be what its client sent.
	said := metadata.ValueFromIncomingContext(ctx, remoteKey)
	if len(said) == 0 {
		return ""
	}
	return said[len(said)-1]
}

func inProcessCall(ctx context.Context) bool {
	p, ok := peer.FromContext(ctx)
	return ok && p.Addr != nil && p.Addr.Network() == inProcess
}

// note logs now and then that callers are turned away.
func (g *gatekeeper) note(c *access.Caller, method string, err error) {
	g.seldom.Do(func() {
		g.server.log.Warn("a call was turned away", "method", method, "reason", reasonOf(err), "caller", *c)
	})
}

// enter is what comes before a call: who it is, and whether its quota allows it.
func (g *gatekeeper) enter(ctx context.Context, method string, req any) (c *access.Caller, leave func(), err error) {
	if c = access.CallerOf(ctx); c == nil {
		if c, err = g.caller(ctx, method, false); err != nil {
			g.note(c, method, err)
			return c, nil, err
		}
	}
	if g.Guard == nil || needOf(g.needs, method).open == OpenHealth {
		return c, func() {}, nil
	}
	units := 1.0
	if m := g.server.door.of(method); m.shape != nil && req != nil {
		_, units = m.shape(req)
	}
	leave, err = g.Limits.Enter(c, units, time.Now())
	return c, leave, err
}

// under gives a context that ends when the caller's credentials do.
func (g *gatekeeper) under(ctx context.Context, c *access.Caller) (_ context.Context, leave func()) {
	ctx = access.WithCaller(ctx, c)
	telemetry.CallOf(ctx).Identify(c.Owner)
	if g.Guard == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	over := g.Ring.Begin(c, cancel)
	return ctx, func() { over(); cancel(nil) }
}

// ended is the error of a call whose caller's credentials ended, or else its own.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && paper.KindOf(cause) == paper.Unauthenticated {
		return cause
	}
	return err
}

// unary lets a call in.
func (g *gatekeeper) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	c, leave, err := g.enter(ctx, info.FullMethod, req)
	note := g.begin(ctx, c, info.FullMethod)
	note.request(req)
	defer func() { note.end(err) }()
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := g.checkCollection(c, info.FullMethod, req, true); err != nil {
		return nil, err
	}
	ctx, over := g.under(ctx, c)
	defer over()
	resp, err = handler(ctx, req)
	note.answer(resp)
	return resp, ended(ctx, err)
}

// checkCollection refuses a request about a collection that the caller may not use.
func (g *gatekeeper) checkCollection(c *access.Caller, method string, req any, first bool) error {
	if len(c.Collections) == 0 || needOf(g.needs, method).reach != named {
		return nil
	}
	of, ok := req.(interface{ GetCollection() string })
	if !ok {
		return access.NeedsCollection()
	}
	name := of.GetCollection()
	switch {
	case name == "" && !first: // a stream's is that of its first message
		return nil
	case name == "":
		name = paper.DefaultCollection
	}
	if !c.May(name) {
		return access.NeedsCollection()
	}
	return nil
}

// stream lets a stream in, and looks at each of its messages.
func (g *gatekeeper) stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	c, leave, err := g.enter(s.Context(), info.FullMethod, nil)
	note := g.begin(s.Context(), c, info.FullMethod)
	defer func() { note.end(err) }()
	if err != nil {
		return err
	}
	defer leave()
	ctx, over := g.under(s.Context(), c)
	defer over()
	err = handler(srv, &guardedStream{ServerStream: s, ctx: ctx, guard: g, caller: c, method: info.FullMethod, note: note})
	note.answered = true
	return ended(ctx, err)
}

// guardedStream looks at what is received. RecvMsg is called by one goroutine at a
// time, as gRPC asks.
type guardedStream struct {
	grpc.ServerStream
	ctx    context.Context //nolint:containedctx // a stream has one
	guard  *gatekeeper
	caller *access.Caller
	method string
	note   *noted
	later  bool // than the first message
}

// Context gives the context that ends when the caller's credentials do.
func (s *guardedStream) Context() context.Context { return s.ctx }

// RecvMsg implements grpc.ServerStream.
func (s *guardedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err //nolint:wrapcheck // io.EOF and statuses
	}
	if err := context.Cause(s.ctx); err != nil {
		return err
	}
	if err := s.guard.checkCollection(s.caller, s.method, m, !s.later); err != nil {
		return err
	}
	s.note.request(m)
	if s.later && s.guard.Guard != nil {
		if err := s.guard.Limits.Spend(s.ctx, s.caller, time.Now()); err != nil {
			return err
		}
	}
	s.later = true
	return nil
}

// SendMsg implements grpc.ServerStream.
func (s *guardedStream) SendMsg(m any) error {
	if err := context.Cause(s.ctx); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m) //nolint:wrapcheck // a status already
}

// Admits says whether an HTTP request may call anything but what is open, before its
// body is read. Whether it may call what it asks for is found out by the call.
func (g *Guard) Admits(r *http.Request) error {
	token, err := bearer(r.Header.Values(authorizationKey))
	if err != nil || g.Ring.Foreign(token) {
		return err
	}
	_, err = g.Ring.Who(r.Context(), token, time.Now())
	return err
}

// Client says where an HTTP request comes from.
func (g *Guard) Client(r *http.Request) string {
	return g.Proxies.Client(r.RemoteAddr, r.Header.Values("Forwarded"), r.Header.Values("X-Forwarded-For"))
}

// Secure says that a request came over TLS, here or to a proxy that may say so.
func (g *Guard) Secure(r *http.Request) bool {
	return r.TLS != nil || g.Proxies.Secure(r.RemoteAddr, r.Header.Values("Forwarded"), r.Header.Values(schemeHeader))
}

// outside are the credentials of a server that is called over TLS from outside, and as
// it is within the process.
type outside struct {
	credentials.TransportCredentials
}

// ServerHandshake implements credentials.TransportCredentials.
func (o outside) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if conn.LocalAddr().Network() == inProcess {
		return conn, memoryInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}, nil
	}
	return o.TransportCredentials.ServerHandshake(conn) //nolint:wrapcheck // gRPC wraps it
}

// Clone implements credentials.TransportCredentials.
func (o outside) Clone() credentials.TransportCredentials {
	return outside{o.TransportCredentials.Clone()}
}

// memoryInfo says that a connection does not leave the process.
type memoryInfo struct{ credentials.CommonAuthInfo }

// AuthType implements credentials.AuthInfo.
func (memoryInfo) AuthType() string { return inProcess }

// noted is a call that goes into the audit log when it is over, if it is one that does.
type noted struct {
	audit    *access.Audit // nil is not audited
	answered bool          // by a handler that returned

	mu    sync.Mutex // guards event
	event access.Event
}

// begin begins the record of a call. Who could not be told from a stranger has none:
// anybody could fill the disk with them.
func (g *gatekeeper) begin(ctx context.Context, c *access.Caller, method string) *noted {
	n := needOf(g.needs, method)
	if c == nil || n.quiet || n.scope&(access.Write|access.Admin) == 0 || c.KeyID == "" && !c.Scopes.Has(n.scope) {
		return &noted{}
	}
	note := &noted{audit: g.server.audit}
	note.event = access.Event{Time: time.Now(), Request: requestID(ctx), Action: strings.TrimPrefix(method, "/")}
	note.event.By(c)
	return note
}

// request takes down what a message asks for: never its texts.
func (n *noted) request(m any) {
	if n.audit == nil || m == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	describe(&n.event, m)
}

// answer takes down what was begun.
func (n *noted) answer(resp any) {
	n.answered = true
	if o, ok := resp.(*longrunningpb.Operation); ok && n.audit != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.event.Operation = o.GetName()
	}
}

// end writes it down.
func (n *noted) end(err error) {
	if n.audit == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.event.Result, n.event.Reason = resultOf(err), reasonOf(err)
	if err == nil && !n.answered {
		n.event.Result = "Internal" // it panicked
	}
	n.audit.Record(&n.event)
}
