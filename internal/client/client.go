// Package client talks to an akin server from the caller's side: dialling,
// retries, and the import stream. A Client is safe for concurrent use.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// serviceConfig retries what is safe to repeat: every unary method is, since
// writes are idempotent. Only UNAVAILABLE is retried (AIP-194).
const serviceConfig = `{
  "methodConfig": [{
    "name": [
      {"service": "akin.v1.PaperService"}, {"service": "akin.v1.SearchService"},
      {"service": "akin.v1.EmbeddingService"}, {"service": "akin.v1.InfoService"}
    ],
    "retryPolicy": {
      "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 3,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
}`

// Client calls a server.
type Client struct {
	Papers akinv1.PaperServiceClient
	Search akinv1.SearchServiceClient
	Embed  akinv1.EmbeddingServiceClient
	Info   akinv1.InfoServiceClient

	close func() error
}

// Dial makes a client for a server at host:port. It connects with the first
// call.
func Dial(address string) (*Client, error) {
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxMessageBytes), grpc.MaxCallSendMsgSize(wire.MaxMessageBytes)),
	)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	c := New(conn)
	c.close = conn.Close
	return c, nil
}

// New makes a client over a connection, which stays the caller's.
func New(conn grpc.ClientConnInterface) *Client {
	return &Client{
		Papers: akinv1.NewPaperServiceClient(conn),
		Search: akinv1.NewSearchServiceClient(conn),
		Embed:  akinv1.NewEmbeddingServiceClient(conn),
		Info:   akinv1.NewInfoServiceClient(conn),
		close:  func() error { return nil },
	}
}

// Close closes the connection that Dial made.
func (c *Client) Close() error { return c.close() }

// Import sends papers from next until it gives io.EOF, and calls ack for each
// response. next and ack are called from two goroutines, each from one only. It
// returns when everything is acknowledged, or with the first error; what was
// acknowledged by then is durable.
func (c *Client) Import(ctx context.Context, next func(context.Context) (*akinv1.ImportPapersRequest, error), ack func(*akinv1.ImportPapersResponse) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.Papers.ImportPapers(ctx)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	var group errgroup.Group
	group.Go(func() error {
		err := send(ctx, stream, next)
		if err != nil {
			cancel() // the receiver must not wait for more
		}
		return err
	})
	group.Go(func() error {
		for {
			resp, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				cancel() // the sender's next must not wait either
				return err
			}
			if err := ack(resp); err != nil {
				cancel()
				return err
			}
		}
	})
	return group.Wait()
}

func send(ctx context.Context, stream akinv1.PaperService_ImportPapersClient, next func(context.Context) (*akinv1.ImportPapersRequest, error)) error {
	for {
		req, err := next(ctx)
		if errors.Is(err, io.EOF) {
			return stream.CloseSend()
		}
		if err != nil {
			return err
		}
		if err := stream.Send(req); errors.Is(err, io.EOF) {
			return nil // the server ended the stream; the receiver learns why
		} else if err != nil {
			return err
		}
	}
}
