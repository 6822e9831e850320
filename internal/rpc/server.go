// Package rpc serves the API of proto/akin/v1: it checks requests, turns them
// into the engine's, and maps errors to statuses with details; and it serves
// the same calls as JSON over HTTP.
//
// Handlers are safe for concurrent use and hold no state of their own.
package rpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // calls with compression are taken
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/types/known/timestamppb"

	"akin/internal/access"
	"akin/internal/atlas"
	"akin/internal/courier"
	"akin/internal/engine"
	"akin/internal/follow"
	"akin/internal/librarian"
	"akin/internal/notify"
	"akin/internal/operation"
	"akin/internal/paper"
	"akin/internal/rpc/wire"
	"akin/internal/share"
	"akin/internal/source"
	"akin/internal/telemetry"
	akinv1 "akin/proto/akin/v1"
)

// MaxMessageBytes is the largest message that the server takes and sends.
const MaxMessageBytes = wire.MaxMessageBytes

// About is what the server says of itself beside what the engine knows.
type About struct {
	Version string
	// Index names the index that answers; empty on a server that only embeds.
	Index string
	// License and Source describe the model.
	License, Source string
	// Writable says why papers cannot be changed, and Damage what was found
	// damaged; nil functions and nil errors mean that all is well.
	Writable, Damage func() error
	// Started is when the server was, zero if nobody says. Written says when a paper was
	// changed last, zero if it does not know; nil does not know.
	Started time.Time
	Written func(context.Context) time.Time
	// Without says why there is nothing beside papers: libraries, feeds, digests, sources
	// and maps; nil says that there is no data directory.
	Without func() string
	// NoMaps says why there are no maps although there are papers; "" is as Without.
	NoMaps string
}

// Server holds the handlers.
type Server struct {
	engine *engine.Engine
	about  About
	log    *slog.Logger
	health *health.Server
	door   *doorkeeper
	// operations run what takes longer than a call.
	operations *operation.Runner
	telemetry  *telemetry.Telemetry
	recall     *recall
	audit      *access.Audit        // nil writes none
	maps       *atlas.Atlas         // nil has none
	libraries  *librarian.Librarian // nil keeps none
	follower   *follow.Follower     // nil follows nothing
	shares     *share.Shares        // nil gives feeds no addresses
	public     string
	feeds      *courier.Courier // nil keeps none
	// draining ends when the server is about to stop.
	draining  context.Context //nolint:containedctx // the life of streams that never end by themselves
	drain     context.CancelFunc
	sources   *source.Manager // nil has none
	digests   *notify.Digests // nil keeps none, because of noDigests
	noDigests string
}

// NewServer makes handlers over an engine, which stays the caller's, behind the
// bounds. Close it before the engine's catalog.
func NewServer(e *engine.Engine, about About, bounds Bounds, log *slog.Logger) *Server {
	tel := telemetry.Off(log)
	draining, drain := context.WithCancel(context.Background())
	return &Server{
		draining: draining, drain: drain,
		engine: e, about: about, log: log, health: health.NewServer(),
		door: newDoorkeeper(bounds, log), operations: operation.NewRunner(nil),
		telemetry: tel, recall: newRecall(tel, bounds.Calls),
	}
}

// without is the error of what is not there beside papers; what says so of it.
func (s *Server) without(what string) error {
	why := "it was started without a data directory"
	if s.about.Without != nil {
		why = s.about.Without()
	}
	return &paper.Error{Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported, Message: what + ": " + why}
}

// AuditTo writes down what calls change. It comes before GRPC and Guarded.
func (s *Server) AuditTo(a *access.Audit) { s.audit = a }

// ServeMaps serves the maps of an atlas, which stays the caller's. It comes before GRPC
// and Guarded; without it there are none.
func (s *Server) ServeMaps(a *atlas.Atlas) { s.maps = a }

// KeepLibraries lets callers keep libraries. It comes before GRPC and Guarded.
func (s *Server) KeepLibraries(b *librarian.Librarian) { s.libraries = b }

// FollowWith lets the libraries that are kept follow something elsewhere. It comes before
// GRPC and Guarded; the follower stays the caller's.
func (s *Server) FollowWith(f *follow.Follower) { s.follower = f }

// KeepFeeds lets callers keep feeds. It comes before GRPC and Guarded.
func (s *Server) KeepFeeds(c *courier.Courier) { s.feeds = c }

// KeepSources lets callers look after sources, which stay the caller's. It comes before
// GRPC and Guarded.
func (s *Server) KeepSources(m *source.Manager) { s.sources = m }

// GRPC makes a gRPC server with all services, health and reflection, for whoever runs
// the server: within the process, and over a socket that is only theirs. The caller
// serves and stops it.
func (s *Server) GRPC() *grpc.Server { return s.behind(s.guardedBy(nil)) }

// Guarded makes a gRPC server with the same services for everybody else, who are asked
// for keys. tls is nil for none; connections within the process never have it.
func (s *Server) Guarded(g *Guard, tls *tls.Config) *grpc.Server {
	var inner credentials.TransportCredentials
	if tls != nil {
		inner = outside{credentials.NewTLS(tls)}
	}
	return s.behind(s.guardedBy(g), countedBy(s.newArrivals(), inner)...)
}

// behind makes a gRPC server whose callers come through a guard.
func (s *Server) behind(guard *gatekeeper, more ...grpc.ServerOption) *grpc.Server {
	recovered := recovery.WithRecoveryHandlerContext(func(ctx context.Context, p any) error {
		s.log.ErrorContext(ctx, "panic in a handler", "panic", p, "stack", string(debug.Stack()))
		return toStatus(ctx, s.log, fmt.Errorf("panic: %v", p))
	})
	in := newIntake(guard.Guard == nil)
	g := grpc.NewServer(append(more,
		grpc.ForceServerCodecV2(in),
		grpc.StatsHandler(s.telemetry.ServerHandler()),
		grpc.MaxRecvMsgSize(MaxMessageBytes),
		grpc.MaxSendMsgSize(MaxMessageBytes),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.InTapHandle(func(ctx context.Context, info *tap.Info) (context.Context, error) {
			ctx, err := guard.tap(ctx, info)
			if err != nil {
				return nil, err
			}
			return s.door.tap(ctx, info)
		}),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeader),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: maxIdle, Time: pingAfter, Timeout: pingTimeout}),
		grpc.ChainUnaryInterceptor(
			s.observeUnary,
			s.unaryErrors,
			in.unary,
			limitUnary,
			recovery.UnaryServerInterceptor(recovered),
			guard.unary,
			s.door.unary,
		),
		grpc.ChainStreamInterceptor(
			s.observeStream,
			s.streamErrors,
			in.stream,
			limitStream,
			recovery.StreamServerInterceptor(recovered),
			guard.stream,
			s.door.stream,
		),
	)...)
	s.register(g)
	return g
}

// register adds all services to a gRPC server.
func (s *Server) register(g *grpc.Server) {
	akinv1.RegisterPaperServiceServer(g, &paperService{server: s})
	akinv1.RegisterSearchServiceServer(g, &searchService{server: s})
	akinv1.RegisterEmbeddingServiceServer(g, &embeddingService{server: s})
	akinv1.RegisterInfoServiceServer(g, &infoService{server: s})
	akinv1.RegisterMapServiceServer(g, &mapService{server: s})
	akinv1.RegisterAdminServiceServer(g, &adminService{server: s})
	akinv1.RegisterLibraryServiceServer(g, &libraryService{server: s})
	akinv1.RegisterBindingServiceServer(g, &bindingService{server: s})
	akinv1.RegisterSyndicationServiceServer(g, &syndicationService{server: s})
	akinv1.RegisterFeedServiceServer(g, &feedService{server: s})
	akinv1.RegisterSourceServiceServer(g, &sourceService{server: s})
	akinv1.RegisterDigestServiceServer(g, &digestService{server: s})
	longrunningpb.RegisterOperationsServer(g, &operationsService{server: s})
	healthpb.RegisterHealthServer(g, healthService{Server: s.health, about: s.about})
	reflection.Register(g)
	for name := range g.GetServiceInfo() {
		s.health.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
}

// Close ends the operations under way.
func (s *Server) Close() error {
	s.drain()
	s.recall.close()
	return s.operations.Close()
}

// Drain tells health checkers that the server is about to stop, and ends streams that
// would not end by themselves.
func (s *Server) Drain() {
	s.health.Shutdown()
	s.drain()
}

func (s *Server) unaryErrors(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	resp, err := handler(ctx, req)
	return resp, toStatus(ctx, s.log, err)
}

func (s *Server) streamErrors(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return toStatus(stream.Context(), s.log, handler(srv, stream))
}

type infoService struct {
	akinv1.UnimplementedInfoServiceServer
	server *Server
}

// GetServerInfo implements InfoService: it tells of the default collection, or, on a
// server that only embeds, of the model.
func (s *infoService) GetServerInfo(ctx context.Context, _ *akinv1.GetServerInfoRequest) (*akinv1.GetServerInfoResponse, error) {
	resp := &akinv1.GetServerInfoResponse{
		Version: s.server.about.Version,
		Space:   wire.ToSpace(s.server.engine.DefaultSpace()),
		Index:   s.server.about.Index,
		Limits:  limits(),

		StartTime: timestampOf(s.server.about.Started),
	}
	if s.server.about.Index == "" {
		return resp, nil
	}
	info, err := s.server.engine.Info(ctx, paper.DefaultCollection)
	if err != nil {
		return nil, err
	}
	resp.Space, resp.PaperCount, resp.Sequence = wire.ToSpace(info.Space), info.Papers, info.Sequence
	if s.server.about.Written != nil {
		resp.WriteTime = timestampOf(s.server.about.Written(ctx))
	}
	resp.Derived, err = s.derived(ctx, info.Sequence)
	return resp, err
}

// derived tells what is made of the papers of the default collection.
func (s *infoService) derived(ctx context.Context, sequence uint64) (out []*akinv1.Derived, err error) {
	indexes, err := s.server.engine.Indexes(ctx, paper.DefaultCollection)
	if err != nil {
		return nil, err
	}
	state := func(building bool, at uint64) akinv1.DerivedState {
		switch {
		case building:
			return akinv1.DerivedState_DERIVED_STATE_BUILDING
		case at < sequence:
			return akinv1.DerivedState_DERIVED_STATE_BEHIND
		}
		return akinv1.DerivedState_DERIVED_STATE_READY
	}
	for _, x := range indexes {
		d := &akinv1.Derived{Name: x.Name, Answers: x.Answers, State: state(x.Building, x.Sequence), Sequence: x.Sequence}
		if x.Building {
			d.Step, d.Done = "graph", x.Done
		}
		out = append(out, d)
	}
	if s.server.maps == nil {
		return out, nil
	}
	m := s.server.maps.Look(paper.DefaultCollection)
	d := &akinv1.Derived{Name: "map", State: akinv1.DerivedState_DERIVED_STATE_NONE}
	if m.Working {
		d.Step, d.Done, d.State = m.Step, m.Done, akinv1.DerivedState_DERIVED_STATE_BUILDING
	}
	if m.Chart != nil {
		d.Sequence, d.State = m.Chart.Sequence, state(false, m.Chart.Sequence)
	}
	return append(out, d), nil
}

// timestampOf is a time for a message; nil for none.
func timestampOf(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
