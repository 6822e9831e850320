package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	akinv1 "akin/proto/akin/v1"
)

const (
	// patience is how long an import tries to reach a server again that it has
	// talked to.
	patience = 2 * time.Minute
	// pause is how long it waits at most, more or less, between two tries: a server that is
	// back is used again soon.
	pause = 10 * time.Second
	// tries is how often an import is begun with a server that never answers; as
	// often as gRPC repeats other calls.
	tries = 4
)

// Import sends papers from next until it gives io.EOF, and calls ack for each
// response. next and ack are called from two goroutines, each from one only.
// When a server that answered before goes away, the stream is opened again, for
// up to two minutes, and what was not acknowledged is sent again: a write that
// landed all the same changes nothing. A server that never answered is tried
// four times. It returns when everything is acknowledged, or with the first
// error; what was acknowledged by then is durable.
func (c *Client) Import(
	ctx context.Context, next func(context.Context) (*akinv1.ImportPapersRequest, error), ack func(*akinv1.ImportPapersResponse) error,
) error {
	im := &imports{next: next, ack: ack}
	wait := backoff.NewExponentialBackOff()
	wait.MaxInterval = pause
	var since time.Time // of the first failure in a row
	for attempt := 1; ; attempt++ {
		answered := im.answered
		err := im.attempt(ctx, c)
		if status.Code(err) != codes.Unavailable || im.answered == 0 && attempt == tries {
			return err
		}
		if im.answered > answered || since.IsZero() {
			since = time.Now()
			wait.Reset()
		}
		if time.Since(since) > patience {
			return err
		}
		select {
		case <-time.After(wait.NextBackOff()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// imports is an import over one stream after another.
type imports struct {
	next func(context.Context) (*akinv1.ImportPapersRequest, error)
	ack  func(*akinv1.ImportPapersResponse) error
	// answered counts responses; only read between attempts elsewhere.
	answered int

	mu sync.Mutex // guards what follows
	// unacknowledged are papers in the order they were taken from next; of
	// these, sent went out on the current stream.
	unacknowledged []*akinv1.ImportPapersRequest
	sent           int
}

func (im *imports) attempt(ctx context.Context, c *Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.Papers.ImportPapers(ctx)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	im.sent = 0
	return exchange(ctx, cancel, stream, im.take, im.acknowledge)
}

// take gives what must be sent again, then what is new.
func (im *imports) take(ctx context.Context) (*akinv1.ImportPapersRequest, error) {
	im.mu.Lock()
	if im.sent < len(im.unacknowledged) {
		req := im.unacknowledged[im.sent]
		im.sent++
		im.mu.Unlock()
		return req, nil
	}
	im.mu.Unlock()
	req, err := im.next(ctx)
	if err != nil {
		return nil, err
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	im.unacknowledged = append(im.unacknowledged, req)
	im.sent++
	return req, nil
}

func (im *imports) acknowledge(resp *akinv1.ImportPapersResponse) error {
	im.answered++
	im.mu.Lock()
	n := min(len(resp.GetOutcomes()), im.sent)
	im.unacknowledged = im.unacknowledged[n:]
	im.sent -= n
	im.mu.Unlock()
	return im.ack(resp)
}

// EmbedStream sends inputs from next until it gives io.EOF, and calls got for
// each answer, in order. next and got are called from two goroutines, each from
// one only.
func (c *Client) EmbedStream(
	ctx context.Context, next func(context.Context) (*akinv1.EmbedStreamRequest, error), got func(*akinv1.EmbedStreamResponse) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.Embed.EmbedStream(ctx)
	if err != nil {
		return fmt.Errorf("embed: %w", err)
	}
	return exchange(ctx, cancel, stream, next, got)
}

// duplex is a stream that goes both ways.
type duplex[Req, Resp any] interface {
	Send(req *Req) error
	Recv() (*Resp, error)
	CloseSend() error
}

// exchange sends and receives at the same time until both sides have ended, or
// one failed. cancel ends the stream.
func exchange[Req, Resp any](
	ctx context.Context, cancel func(), stream duplex[Req, Resp], next func(context.Context) (*Req, error), got func(*Resp) error,
) error {
	var group errgroup.Group
	group.Go(func() error {
		err := send(ctx, stream, next)
		if err != nil {
			cancel() // the receiver must not wait for more
		}
		return err
	})
	group.Go(func() error {
		err := receive(stream, got)
		if err != nil {
			cancel() // the sender's next must not wait either
		}
		return err
	})
	return group.Wait()
}

func send[Req, Resp any](ctx context.Context, stream duplex[Req, Resp], next func(context.Context) (*Req, error)) error {
	for {
		req, err := next(ctx)
		if errors.Is(err, io.EOF) || err != nil && ctx.Err() != nil {
			return stream.CloseSend() // if the context ended, the receiver knows why
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

func receive[Req, Resp any](stream duplex[Req, Resp], got func(*Resp) error) error {
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := got(resp); err != nil {
			return err
		}
	}
}
