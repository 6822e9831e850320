// Package client talks to an akin server from the caller's side: dialling,
// retries, and streams that go both ways. A Client is safe for concurrent use.
package client

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// serviceConfig retries what is safe to repeat: every unary method is, since
// writes are idempotent. Only UNAVAILABLE is retried (AIP-194). Import repeats its
// stream itself, from what was acknowledged; gRPC would send it all again at each
// of those attempts, and holds up whoever sends while it waits.
const serviceConfig = `{
  "methodConfig": [{
    "name": [
      {"service": "akin.v1.PaperService"}, {"service": "akin.v1.SearchService"},
      {"service": "akin.v1.EmbeddingService"}, {"service": "akin.v1.InfoService"},
      {"service": "akin.v1.MapService"}, {"service": "akin.v1.LibraryService"},
      {"service": "akin.v1.BindingService"}, {"service": "akin.v1.SyndicationService"},
      {"service": "akin.v1.FeedService"},
      {"service": "akin.v1.SourceService"}
    ],
    "retryPolicy": {
      "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 3,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }, {
    "name": [{"service": "akin.v1.PaperService", "method": "ImportPapers"}]
  }]
}`

// Client calls a server.
type Client struct {
	Papers akinv1.PaperServiceClient
	Search akinv1.SearchServiceClient
	Embed  akinv1.EmbeddingServiceClient
	Info   akinv1.InfoServiceClient
	Map    akinv1.MapServiceClient
	Admin  akinv1.AdminServiceClient
	// Libraries are those of the caller's owner.
	Libraries akinv1.LibraryServiceClient
	// Bindings are what those follow.
	Bindings akinv1.BindingServiceClient
	// Syndication has the addresses of feeds.
	Syndication akinv1.SyndicationServiceClient
	// Feeds are those of the caller's owner.
	Feeds akinv1.FeedServiceClient
	// Sources are for who looks after the server.
	Sources akinv1.SourceServiceClient
	// Digests are those of the caller's owner, and what links of mails lead to.
	Digests akinv1.DigestServiceClient
	// Operations tells of what AdminService began; Follow is easier.
	Operations longrunningpb.OperationsClient

	close func() error
}

// Dial makes a client for a server at host:port, in clear and without a key. It
// connects with the first call. Of several servers, host:port,host:port, those are asked
// in turn that say that they are well (balance.go).
func Dial(address string) (*Client, error) { return DialSecure(address, Security{}) }

// DialSecure is Dial with a key, or over TLS.
func DialSecure(address string, security Security) (*Client, error) {
	options, err := security.options(address)
	if err != nil {
		return nil, err
	}
	return dial(address, options...)
}

// DialWith makes a client for a server that connect reaches, such as one behind a
// Unix socket.
func DialWith(connect func(context.Context) (net.Conn, error)) (*Client, error) {
	return dial("passthrough:///akin", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return connect(ctx) }))
}

func dial(address string, more ...grpc.DialOption) (*Client, error) {
	target, balanced := address, []grpc.DialOption{grpc.WithDefaultServiceConfig(serviceConfig)}
	if all := servers(address); len(all) > 1 {
		var err error
		if target, balanced, err = balance(all); err != nil {
			return nil, err
		}
	}
	// As gRPC has it, but for its end: two minutes are long for who waits for a server that
	// is back.
	reconnect := backoff.Config{BaseDelay: time.Second, Multiplier: 1.6, Jitter: .2, MaxDelay: pause}
	conn, err := grpc.NewClient(target, append(append(more, balanced...),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: 20 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxMessageBytes), grpc.MaxCallSendMsgSize(wire.MaxMessageBytes)),
	)...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	c := New(conn)
	c.close = conn.Close
	return c, nil
}

// New makes a client over a connection, which stays the caller's.
func New(conn grpc.ClientConnInterface) *Client {
	conn = roomy{conn}
	return &Client{
		Papers:    akinv1.NewPaperServiceClient(conn),
		Search:    akinv1.NewSearchServiceClient(conn),
		Embed:     akinv1.NewEmbeddingServiceClient(conn),
		Info:      akinv1.NewInfoServiceClient(conn),
		Map:       akinv1.NewMapServiceClient(conn),
		Admin:     akinv1.NewAdminServiceClient(conn),
		Libraries: akinv1.NewLibraryServiceClient(conn),
		Bindings:  akinv1.NewBindingServiceClient(conn),

		Syndication: akinv1.NewSyndicationServiceClient(conn),
		Feeds:       akinv1.NewFeedServiceClient(conn),
		Sources:     akinv1.NewSourceServiceClient(conn),
		Digests:     akinv1.NewDigestServiceClient(conn),
		Operations:  longrunningpb.NewOperationsClient(conn),
		close:       func() error { return nil },
	}
}

// Close closes the connection that Dial made.
func (c *Client) Close() error { return c.close() }

// roomy is a connection whose calls say that they take the largest answers.
type roomy struct{ grpc.ClientConnInterface }

func (r roomy) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return r.ClientConnInterface.Invoke(ask(ctx), method, args, reply, opts...)
}

func (r roomy) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return r.ClientConnInterface.NewStream(ask(ctx), desc, method, opts...)
}

func ask(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, wire.ResponseLimitKey, strconv.Itoa(wire.MaxMessageBytes))
}
