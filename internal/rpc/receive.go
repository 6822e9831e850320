package rpc

import "context"

// receivedAhead is how many requests are received before they are asked for: of small ones
// several come at once.
const receivedAhead = 16

// receiver gives a stream's requests one by one, beginning with the first that
// was read already, and gives up with its context, which Recv alone would not:
// the goroutine that receives ends when the handler returns, because that ends
// the stream.
func receiver[Request any](stream context.Context, first *Request, recv func() (*Request, error)) func(context.Context) (*Request, error) {
	type received struct {
		req *Request
		err error
	}
	requests := make(chan received, receivedAhead)
	receivesBeside(stream)
	go func() {
		r := received{req: first}
		for {
			select {
			case requests <- r:
			case <-stream.Done():
				return
			}
			if r.err != nil {
				return
			}
			r.req, r.err = recv()
		}
	}()
	return func(ctx context.Context) (*Request, error) {
		select {
		case r := <-requests:
			return r.req, r.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
