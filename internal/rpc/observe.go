package rpc

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/telemetry"
)

// Observe tells of the server's calls from now on. It comes before GRPC.
func (s *Server) Observe(t *telemetry.Telemetry) {
	s.recall.close() // of nobody's calls
	s.telemetry, s.recall = t, newRecall(t, s.door.bounds.Calls)
}

// levelOf says how loud the end of a call is: a caller's fault is not news, and
// the doorkeeper says how many calls are refused.
func levelOf(code codes.Code) slog.Level {
	switch code {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return slog.LevelError
	case codes.Unavailable:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

// begin begins to observe a call, and tells its caller the request's id.
func (s *Server) begin(ctx context.Context, name string) (context.Context, *telemetry.Call) {
	said := ""
	// What the gateway says comes last, as for akin-remote.
	if ids := metadata.ValueFromIncomingContext(ctx, telemetry.RequestIDKey); len(ids) > 0 {
		said = ids[len(ids)-1]
	}
	caller, _ := callerOf(ctx)
	m := s.door.of(name)
	ctx, call := s.telemetry.Begin(ctx, telemetry.Begun{
		Method: name, ID: telemetry.RequestID(said), Caller: caller.Host, Quiet: m.kind == open, Query: m.kind == query || m.kind == read,
	})
	_ = grpc.SetHeader(ctx, metadata.Pairs(telemetry.RequestIDKey, call.ID)) // without a transport there is nobody to tell
	return ctx, call
}

// end ends what begin began.
func (s *Server) end(ctx context.Context, call *telemetry.Call, err error) {
	code := status.Code(err)
	if err != nil {
		_ = grpc.SetTrailer(ctx, metadata.Pairs(telemetry.RequestIDKey, call.ID)) // as above
	}
	call.End(ctx, code.String(), levelOf(code))
}

// observeUnary is outermost: what it counts is what the caller sees.
func (s *Server) observeUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, call := s.begin(ctx, info.FullMethod)
	call.Received(sizeOf(req))
	if q, ok := req.(interface{ GetQuery() string }); ok {
		call.Asked(q.GetQuery())
	}
	resp, err := handler(ctx, req)
	err = withRequestID(err, call.ID)
	if err == nil {
		call.Sent(sizeOf(resp))
	}
	s.end(ctx, call, err)
	return resp, err
}

// observeStream is observeUnary for streams.
func (s *Server) observeStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, call := s.begin(stream.Context(), info.FullMethod)
	err := withRequestID(handler(srv, &observed{ServerStream: stream, ctx: ctx, call: call}), call.ID)
	s.end(ctx, call, err)
	return err
}

// observed is a stream whose messages are counted.
type observed struct {
	grpc.ServerStream
	ctx  context.Context //nolint:containedctx // a stream gives its context
	call *telemetry.Call
}

// Context implements grpc.ServerStream.
func (o *observed) Context() context.Context { return o.ctx }

// RecvMsg implements grpc.ServerStream.
func (o *observed) RecvMsg(m any) error {
	err := o.ServerStream.RecvMsg(m)
	if err == nil {
		o.call.Received(sizeOf(m))
	}
	return err
}

// SendMsg implements grpc.ServerStream.
func (o *observed) SendMsg(m any) error {
	size := sizeOf(m) // before it is the transport's
	err := o.ServerStream.SendMsg(m)
	if err == nil {
		o.call.Sent(size)
	}
	return err
}

func sizeOf(m any) int {
	if message, ok := m.(proto.Message); ok {
		return proto.Size(message)
	}
	return 0
}

// withRequestID adds a RequestInfo to the details of an error, by which its sender can
// ask somebody who reads the log.
func withRequestID(err error, id string) error {
	if err == nil {
		return nil
	}
	s := status.Convert(err).Proto()
	if slices.ContainsFunc(s.GetDetails(), func(d *anypb.Any) bool { return d.MessageIs(&errdetails.RequestInfo{}) }) {
		return err
	}
	info, packErr := anypb.New(&errdetails.RequestInfo{RequestId: id})
	if packErr != nil {
		return err
	}
	return status.ErrorProto(&spb.Status{Code: s.GetCode(), Message: s.GetMessage(), Details: append(s.GetDetails(), info)})
}

// answered notes how a query was answered; nil is one that failed.
func (s *Server) answered(ctx context.Context, a *engine.Answer) {
	if a == nil {
		return
	}
	telemetry.CallOf(ctx).Planned(telemetry.Plan{
		Strategy: strategyName(a), Visited: a.Visited, Candidates: a.Candidates, Results: len(a.Results),
		Search: a.Timing.Search, Hydrate: a.Timing.Hydrate,
	})
}

// strategyName names how neighbours were found; "none" is a query without.
func strategyName(a *engine.Answer) string {
	switch a.Strategy {
	case catalog.ExactScan:
		return "exact"
	case catalog.GraphWalk:
		return "graph"
	case catalog.FilteredGraphWalk:
		return "filtered_graph"
	}
	return "none"
}

// observed gives an HTTP handler whose answers have the request's id and are counted.
// The id and the trace go on to the calls that it makes.
func (g *Gateway) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		id := telemetry.RequestID(r.Header.Get(telemetry.RequestIDKey))
		w.Header().Set(telemetry.RequestIDKey, id)
		r, end := g.telemetry.StartHTTP(r)
		r.Header.Set(telemetry.RequestIDKey, id)
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r)
		end(recorder.status)
		g.telemetry.HTTP(r.Method, recorder.status, time.Since(begin))
	})
}

// statusRecorder remembers the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

// WriteHeader implements http.ResponseWriter.
func (s *statusRecorder) WriteHeader(status int) {
	if !s.wrote && status >= http.StatusOK {
		s.status, s.wrote = status, true
	}
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }
