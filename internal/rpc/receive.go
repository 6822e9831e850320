package rpc

import (
	"context"

	"golang.org/x/sync/semaphore"
	"google.golang.org/protobuf/proto"
)

// Of small requests several come at once: so many are received before they are asked for,
// of so many bytes together, and one beyond.
const (
	receivedAhead      = 16
	receivedAheadBytes = 1 << 20
)

// receiver gives a stream's requests one by one, beginning with the first that
// was read already, and gives up with its context, which Recv alone would not:
// the goroutine that receives ends when the handler returns, because that ends
// the stream.
func receiver[Request proto.Message](stream context.Context, first Request, recv func() (Request, error)) func(context.Context) (Request, error) {
	type received struct {
		req   Request
		err   error
		bytes int64
	}
	requests := make(chan received, receivedAhead)
	room := semaphore.NewWeighted(receivedAheadBytes)
	receivesBeside(stream)
	holdsBeside(stream)
	go func() {
		r := received{req: first}
		for {
			if r.err == nil {
				r.bytes = min(int64(proto.Size(r.req)), receivedAheadBytes)
			}
			if room.Acquire(stream, r.bytes) != nil {
				return
			}
			select {
			case requests <- r:
			case <-stream.Done():
				return
			}
			if r.err != nil {
				return
			}
			r = received{}
			r.req, r.err = recv()
		}
	}()
	var before any // what the caller works at until it asks for the next
	return func(ctx context.Context) (Request, error) {
		if before != nil {
			letGo(stream, before)
			before = nil
		}
		select {
		case r := <-requests:
			room.Release(r.bytes)
			if r.err == nil {
				before = r.req
			}
			return r.req, r.err
		case <-ctx.Done():
			var none Request
			return none, ctx.Err()
		}
	}
}
