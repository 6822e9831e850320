package rpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Small requests are received ahead, large ones not more than one of them: a stream that
// nobody reads from does not fill the memory.
func TestReceivedAhead(t *testing.T) {
	for name, test := range map[string]struct{ bytes, ahead int }{
		"small": {1 << 10, receivedAhead + 1},
		"large": {8 << 20, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				sent := 1
				request := func() *wrapperspb.BytesValue {
					return &wrapperspb.BytesValue{Value: bytes.Repeat([]byte{byte(sent)}, test.bytes)}
				}
				receive := receiver(ctx, request(), func() (*wrapperspb.BytesValue, error) {
					if sent == 40 {
						return nil, io.EOF
					}
					sent++
					return request(), nil
				})
				synctest.Wait()
				if sent != test.ahead {
					t.Errorf("%d requests were received before any was asked for, not %d", sent, test.ahead)
				}
				for i := range 40 {
					if r, err := receive(ctx); err != nil || len(r.GetValue()) != test.bytes || r.GetValue()[0] != byte(i+1) {
						t.Fatalf("request %d: %d bytes, %v", i+1, len(r.GetValue()), err)
					}
				}
				if _, err := receive(ctx); !errors.Is(err, io.EOF) {
					t.Errorf("the end is %v", err)
				}
				cancel()
				if _, err := receive(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("after the end of the stream: %v", err)
				}
			})
		})
	}
}
