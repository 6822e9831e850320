package client

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"

	akinv1 "akin/proto/akin/v1"
)

// scripted is a server that does what a test says.
type scripted struct {
	akinv1.UnimplementedPaperServiceServer
	akinv1.UnimplementedEmbeddingServiceServer
	longrunningpb.UnimplementedOperationsServer

	importing func(stream akinv1.PaperService_ImportPapersServer) error
	embedding func(stream akinv1.EmbeddingService_EmbedStreamServer) error
	getting   func(ctx context.Context, req *akinv1.GetPaperRequest) (*akinv1.Paper, error)
	waiting   func(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error)
	cancelled func(name string)
}

func (s *scripted) ImportPapers(stream akinv1.PaperService_ImportPapersServer) error {
	return s.importing(stream)
}

func (s *scripted) EmbedStream(stream akinv1.EmbeddingService_EmbedStreamServer) error {
	return s.embedding(stream)
}

func (s *scripted) GetPaper(ctx context.Context, req *akinv1.GetPaperRequest) (*akinv1.Paper, error) {
	return s.getting(ctx, req)
}

func (s *scripted) WaitOperation(ctx context.Context, req *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	return s.waiting(ctx, req)
}

func (s *scripted) CancelOperation(_ context.Context, req *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	s.cancelled(req.GetName())
	return new(emptypb.Empty), nil
}

// stage is where servers of one address come and go.
type stage struct {
	t      *testing.T
	client *Client

	mu       sync.Mutex // guards what follows
	listener *bufconn.Listener
	server   *grpc.Server
	dials    int
}

var errNobody = errors.New("nobody listens here")

// on runs a test with a client of a server, whose time is the test's: a wait of
// minutes takes none.
//
// That time only goes on while all goroutines wait for it or for each other, and
// waiting for a mutex does not count. Before gRPC repeats a stream, it waits with
// the mutex that Send takes. So a stream that it may repeat must not be sent on
// while it fails: a test of that would wait for ever.
func on(t *testing.T, first *scripted, test func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t}
		if first != nil {
			s.start(first)
		}
		c, err := DialWith(s.connect)
		if err != nil {
			t.Fatal(err)
		}
		s.client = c
		test(t, s)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		s.stop()
	})
}

func (s *stage) connect(ctx context.Context) (net.Conn, error) {
	s.mu.Lock()
	s.dials++
	l := s.listener
	s.mu.Unlock()
	if l == nil {
		return nil, errNobody
	}
	return l.DialContext(ctx)
}

// start begins to serve, instead of a server that was stopped.
func (s *stage) start(script *scripted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener, s.server = bufconn.Listen(1<<20), grpc.NewServer(grpc.MaxRecvMsgSize(64<<20))
	akinv1.RegisterPaperServiceServer(s.server, script)
	akinv1.RegisterEmbeddingServiceServer(s.server, script)
	longrunningpb.RegisterOperationsServer(s.server, script)
	go s.server.Serve(s.listener)
}

// stop cuts all connections off, as a kill does.
func (s *stage) stop() {
	s.mu.Lock()
	server := s.server
	s.listener, s.server = nil, nil
	s.mu.Unlock()
	if server != nil {
		server.Stop()
	}
}

// papers gives n requests, then the end.
func papers(ids ...string) func(context.Context) (*akinv1.ImportPapersRequest, error) {
	at := 0
	return func(context.Context) (*akinv1.ImportPapersRequest, error) {
		if at == len(ids) {
			return nil, io.EOF
		}
		at++
		return &akinv1.ImportPapersRequest{Paper: &akinv1.Paper{Id: ids[at-1]}, Index: uint64(at - 1)}, nil
	}
}

// taken notes which papers a server got, stream by stream.
type taken struct {
	mu      sync.Mutex // guards what follows
	streams [][]string
}

func (n *taken) open() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.streams = append(n.streams, nil)
}

func (n *taken) note(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := len(n.streams) - 1
	n.streams[last] = append(n.streams[last], id)
}

// takes receives n papers of a stream, or all if n is negative.
func (n *taken) takes(stream akinv1.PaperService_ImportPapersServer, count int) (got []string, err error) {
	for ; count != 0; count-- {
		req, err := stream.Recv()
		if err != nil {
			return got, err
		}
		n.note(req.GetPaper().GetId())
		got = append(got, req.GetPaper().GetId())
	}
	return got, nil
}

// acknowledge answers for papers.
func acknowledge(stream akinv1.PaperService_ImportPapersServer, ids ...string) error {
	resp := new(akinv1.ImportPapersResponse)
	for _, id := range ids {
		resp.Outcomes = append(resp.Outcomes, &akinv1.PaperOutcome{Id: id})
	}
	return stream.Send(resp)
}

// limitOf is how large an answer a call says that it takes.
func limitOf(ctx context.Context, key string) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if values := md.Get(key); len(values) == 1 {
		return values[0]
	}
	return ""
}
