package rpc

import (
	"context"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"akin/internal/admit"
	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

// stuck is a catalog whose reads end with their context.
type stuck struct{ catalog.Catalog }

func (stuck) View(context.Context, string) (catalog.View, error) { return stuckView{}, nil }

// stuckView is what stuck is like at one moment.
type stuckView struct{ catalog.View }

func (stuckView) Close() {}

func (stuckView) Info() catalog.Info {
	return catalog.Info{Collection: paper.DefaultCollection, Space: mute{}.Space()}
}

func (stuckView) Get(ctx context.Context, _ []paper.Ref) ([]*paper.Record, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// mute is a model that knows its space and nothing else.
type mute struct{ engine.Model }

func (mute) Space() paper.Space { return paper.Space{Dimension: 3} }

// guarded serves over a socket and connects to it.
func guarded(t *testing.T, bounds Bounds) (*grpc.Server, *grpc.ClientConn) {
	t.Helper()
	if bounds.Calls == nil {
		bounds.Calls = admit.New(admit.Config{})
	}
	if bounds.Bulk == nil {
		bounds.Bulk = admit.New(admit.Config{})
	}
	s := NewServer(engine.New(engine.OneModel{Model: mute{}}, stuck{}, bounds.Bulk), About{Index: "exact"}, bounds, slog.New(slog.DiscardHandler)).GRPC()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return s, conn
}

// full is a gate that lets nobody in.
func full(t *testing.T) *admit.Gate {
	t.Helper()
	g := admit.New(admit.Config{Places: 1, MaxWait: time.Nanosecond, Long: -1})
	for range 2 { // the second says that the first takes long
		pass, err := g.Enter(t.Context(), admit.Call{Class: "x", Units: 1e6, Patient: true})
		if err != nil {
			t.Fatal(err)
		}
		if g.Counts().Admitted == 2 {
			t.Cleanup(func() { pass.Leave(true) })
			return g
		}
		pass.Leave(false)
	}
	return g
}

// invoke calls a method with an empty request, which any message can be read from.
func invoke(ctx context.Context, conn *grpc.ClientConn, name string, m grpc.MethodInfo) error {
	if !m.IsClientStream && !m.IsServerStream {
		return conn.Invoke(ctx, name, &emptypb.Empty{}, &emptypb.Empty{})
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, name)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(&emptypb.Empty{}); err != nil && err != io.EOF { //nolint:errorlint // as documented
		return err
	}
	stream.CloseSend()
	return stream.RecvMsg(&emptypb.Empty{})
}

// Every method of every service has its place in the table, and the table no
// other.
func TestEveryMethodIsAdmitted(t *testing.T) {
	gate := full(t)
	server, conn := guarded(t, Bounds{Calls: gate, Bulk: gate})
	left := methods()
	for service, info := range server.GetServiceInfo() {
		for _, m := range info.Methods {
			name := "/" + service + "/" + m.Name
			how, ok := left[name]
			if !ok {
				t.Errorf("%s is in no class: add it to the table of methods, with what it costs", name)
				continue
			}
			delete(left, name)
			if m.Name == "Watch" {
				continue // goes on for ever
			}
			byGroup := how.kind == stream && m.IsClientStream // its groups wait for as long as it does
			patience := 5 * time.Minute
			if byGroup {
				patience = 20 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			err := invoke(ctx, conn, name, m)
			cancel()
			if want := how.kind != open && !byGroup; want != (status.Code(err) == codes.ResourceExhausted) {
				t.Errorf("%s on a full server: %v", name, err)
			} else if want {
				isRefusal(t, err)
			}
		}
	}
	for name := range left {
		t.Errorf("%s is in the table, and no service has it", name)
	}
}

func isRefusal(t *testing.T, err error) {
	t.Helper()
	var retry, quota bool
	for _, d := range status.Convert(err).Details() {
		switch d := d.(type) {
		case *errdetails.RetryInfo:
			retry = d.GetRetryDelay().AsDuration() > 0
		case *errdetails.QuotaFailure:
			quota = len(d.GetViolations()) > 0
		}
	}
	if !retry || !quota {
		t.Errorf("a refusal without RetryInfo or QuotaFailure: %v", status.Convert(err).Details())
	}
}

// The server's own deadline ends a call and says that it was the server's.
func TestServerDeadline(t *testing.T) {
	timeouts := DefaultTimeouts()
	timeouts["read"], timeouts["stream"] = 30*time.Millisecond, 30*time.Millisecond
	_, conn := guarded(t, Bounds{Timeouts: timeouts, Transfer: 30 * time.Millisecond})
	_, err := akinv1.NewPaperServiceClient(conn).GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: "a"})
	isOverdue(t, err, "30ms for a read")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = akinv1.NewPaperServiceClient(conn).GetPaper(ctx, &akinv1.GetPaperRequest{Id: "a"})
	if status.Code(err) != codes.DeadlineExceeded || strings.Contains(err.Error(), "server allows") {
		t.Errorf("a caller's own deadline: %v", err)
	}
	// A stream whose client sends nothing.
	stream, err := akinv1.NewEmbeddingServiceClient(conn).EmbedStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	isOverdue(t, err, "sent nothing and took nothing for 30ms")
	// A call whose request never comes.
	never, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, akinv1.PaperService_GetPaper_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	if err := never.RecvMsg(&akinv1.Paper{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a call without its request: %v", err)
	}
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
}

func isOverdue(t *testing.T, err error, words string) {
	t.Helper()
	s := status.Convert(err)
	if s.Code() != codes.DeadlineExceeded || !strings.Contains(s.Message(), words) || !strings.Contains(s.Message(), "--timeout") {
		t.Fatalf("got %v, not the server's deadline with %q", err, words)
	}
	if !slices.ContainsFunc(s.Details(), func(d any) bool {
		info, ok := d.(*errdetails.ErrorInfo)
		return ok && info.GetReason() == paper.ReasonServerDeadline
	}) {
		t.Errorf("details: %v", s.Details())
	}
}

// slow is the other side of a stream: send is called for each message.
type slow struct {
	grpc.ServerStream
	ctx  context.Context
	send func() error
}

func (s *slow) Context() context.Context { return s.ctx }
func (s *slow) SendMsg(any) error        { return s.send() }

func fromSocket(t *testing.T) context.Context {
	return peer.NewContext(t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4711}})
}

// A stream that only sends holds a place while it works, and none while its reader
// is slow.
func TestSlowReadersHoldNoPlace(t *testing.T) {
	gate := admit.New(admit.Config{Places: 1})
	d := newDoorkeeper(Bounds{Calls: gate, Timeouts: DefaultTimeouts()}, slog.New(slog.DiscardHandler))
	sends := 0
	s := &slow{ctx: fromSocket(t), send: func() error {
		sends++
		if n := gate.Counts().Running; n != 0 {
			t.Errorf("%d calls run while a message is on its way", n)
		}
		return nil
	}}
	info := &grpc.StreamServerInfo{FullMethod: akinv1.PaperService_ExportPapers_FullMethodName, IsServerStream: true}
	err := d.stream(nil, s, info, func(_ any, s grpc.ServerStream) error {
		for range 3 {
			if n := gate.Counts().Running; n != 1 {
				t.Errorf("%d calls run while the export works", n)
			}
			if err := s.SendMsg(nil); err != nil {
				return err
			}
		}
		return nil
	})
	if n := gate.Counts(); err != nil || sends != 3 || n.Running != 0 {
		t.Errorf("%v after %d messages: %+v", err, sends, n)
	}
}

// A reader that takes nothing is cut off.
func TestReaderThatTakesNothing(t *testing.T) {
	gate := admit.New(admit.Config{Places: 1})
	d := newDoorkeeper(Bounds{Calls: gate, Timeouts: map[string]time.Duration{"stream": 20 * time.Millisecond}}, slog.New(slog.DiscardHandler))
	end := make(chan struct{})
	defer close(end)
	s := &slow{ctx: fromSocket(t), send: func() error { <-end; return nil }}
	info := &grpc.StreamServerInfo{FullMethod: akinv1.PaperService_ExportPapers_FullMethodName, IsServerStream: true}
	err := d.stream(nil, s, info, func(_ any, s grpc.ServerStream) error { return s.SendMsg(nil) })
	if paper.KindOf(err) != paper.Overdue {
		t.Errorf("got %v", err)
	}
	if n := gate.Counts(); n.Running+n.Waiting > 0 {
		t.Errorf("in the end: %+v", n)
	}
}

// Whom a call is charged to, and who may wait as long as they like.
func TestCallerOf(t *testing.T) {
	memory := inMemory{}
	for _, c := range []struct {
		name string
		addr net.Addr
		said []string
		want admit.Caller
		own  bool
	}{
		{"a socket", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 99}, nil, admit.Caller{Host: "192.0.2.1", Conn: "192.0.2.1:99"}, false},
		{"a socket that claims to be another", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 99}, []string{"198.51.100.7:1"}, admit.Caller{Host: "192.0.2.1", Conn: "192.0.2.1:99"}, false},
		{"IPv6", &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 99}, nil, admit.Caller{Host: "2001:db8::/64", Conn: "[2001:db8::1]:99"}, false},
		{"IPv6 of the same network", &net.TCPAddr{IP: net.ParseIP("2001:db8::2:3"), Port: 99}, nil, admit.Caller{Host: "2001:db8::/64", Conn: "[2001:db8::2:3]:99"}, false},
		{"IPv6 of the same link", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 99, Zone: "eth0"}, nil, admit.Caller{Host: "fe80::1%eth0", Conn: "[fe80::1%eth0]:99"}, false},
		{"IPv4 within IPv6", memory, []string{"[::ffff:192.0.2.1]:99"}, admit.Caller{Host: "192.0.2.1", Conn: "[::ffff:192.0.2.1]:99"}, false},
		{"the socket in the data directory", &net.UnixAddr{Net: "unix"}, nil, admit.Caller{}, true},
		{"this process", memory, nil, admit.Caller{}, true},
		{"the gateway", memory, []string{"198.51.100.7:1"}, admit.Caller{Host: "198.51.100.7", Conn: "198.51.100.7:1"}, false},
		{"the gateway, for one who claims to be another", memory, []string{"x:1", "198.51.100.7:1"}, admit.Caller{Host: "198.51.100.7", Conn: "198.51.100.7:1"}, false},
	} {
		ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: c.addr})
		if c.said != nil {
			ctx = metadata.NewIncomingContext(ctx, metadata.MD{remoteKey: c.said})
		}
		if got, own := callerOf(ctx); got != c.want || own != c.own {
			t.Errorf("%s: %+v, %v", c.name, got, own)
		}
	}
}

type inMemory struct{}

func (inMemory) Network() string { return inProcess }
func (inMemory) String() string  { return inProcess }

func TestTimeouts(t *testing.T) {
	if _, err := CompleteTimeouts(map[string]time.Duration{"query": -1, "nothing": 1}); err == nil ||
		!strings.Contains(err.Error(), `"query" is -1ns`) || !strings.Contains(err.Error(), "there are timeouts of bulk, query, read, stream, write") {
		t.Errorf("got %v", err)
	}
	got, err := CompleteTimeouts(map[string]time.Duration{"query": 0})
	if err != nil || got["query"] != 0 || got["read"] != DefaultTimeouts()["read"] {
		t.Errorf("got %v, %v", got, err)
	}
}

// What a request asks for is in its class and units, and a strange one makes no
// class of its own.
func TestShapes(t *testing.T) {
	table := methods()
	for _, c := range []struct {
		method, class string
		req           any
		units         float64
	}{
		{akinv1.SearchService_Search_FullMethodName, " MODE_HYBRID", &akinv1.SearchRequest{Mode: akinv1.Mode_MODE_HYBRID}, 1},
		{akinv1.SearchService_Search_FullMethodName, " MODE_UNSPECIFIED evidence", &akinv1.SearchRequest{Evidence: true}, 10},
		{akinv1.SearchService_Search_FullMethodName, " MODE_UNSPECIFIED rerank", &akinv1.SearchRequest{Rerank: 50}, 51},
		{akinv1.SearchService_Search_FullMethodName, "  many", &akinv1.SearchRequest{Mode: 77, PageSize: 1 << 30}, 11},
		{akinv1.SearchService_Recommend_FullMethodName, " RECOMMEND_STRATEGY_UNSPECIFIED", &akinv1.RecommendRequest{Positive: make([]*akinv1.Example, 450)}, 5},
		{akinv1.SearchService_Recommend_FullMethodName, "", &emptypb.Empty{}, 1},
		{akinv1.PaperService_ListPapers_FullMethodName, " filtered", &akinv1.ListPapersRequest{Filter: "x"}, 1},
	} {
		class, units := table[c.method].shape(c.req)
		if class != c.class || units != c.units {
			t.Errorf("%s %v: %q, %v units", c.method, c.req, class, units)
		}
	}
}
