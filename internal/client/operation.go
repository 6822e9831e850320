package client

import (
	"context"
	"fmt"
	"time"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	akinv1 "akin/proto/akin/v1"
)

const (
	// followEvery is how often Follow tells the progress.
	followEvery = time.Second
	// cancelWithin is how long Follow tries to cancel.
	cancelWithin = 5 * time.Second
)

// Follow waits for an operation and reads its response into a message. told gets
// the progress now and then; nil is fine. When ctx ends, the operation is cancelled.
func (c *Client) Follow(ctx context.Context, o *longrunningpb.Operation, response proto.Message, told func(*akinv1.OperationProgress)) (err error) {
	name := o.GetName()
	defer func() {
		if ctx.Err() != nil {
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelWithin)
			defer cancel()
			// The caller is told that it was interrupted, whether or not this arrives.
			_, _ = c.Operations.CancelOperation(stop, &longrunningpb.CancelOperationRequest{Name: name})
		}
	}()
	for !o.GetDone() {
		if o, err = c.Operations.WaitOperation(ctx, &longrunningpb.WaitOperationRequest{Name: name, Timeout: durationpb.New(followEvery)}); err != nil {
			return err
		}
		progress := new(akinv1.OperationProgress)
		if told != nil && o.GetMetadata().UnmarshalTo(progress) == nil {
			told(progress)
		}
	}
	if failed := o.GetError(); failed != nil {
		return status.ErrorProto(failed)
	}
	if err := o.GetResponse().UnmarshalTo(response); err != nil {
		return fmt.Errorf("read the result of %s: %w", name, err)
	}
	return nil
}
