package rpc

import (
	"context"
	"fmt"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"akin/internal/paper"
	"akin/internal/rpc/wire"
)

const (
	// leastResponseBytes is the least that a call may ask for.
	leastResponseBytes = 256 << 10
	// besides is what an answer has beside its papers: a page leaves room for it.
	besides = 128 << 10
)

// responseKey is the context's key of how many bytes a call's answers may have.
type responseKey struct{}

// withResponseLimit reads from a call's metadata how large its answers may be.
func withResponseLimit(ctx context.Context) (context.Context, error) {
	limit := wire.DefaultResponseBytes
	md, _ := metadata.FromIncomingContext(ctx)
	if values := md.Get(wire.ResponseLimitKey); len(values) > 0 {
		n, err := strconv.Atoi(values[0])
		if err != nil || n < leastResponseBytes {
			return nil, paper.InvalidField(wire.ResponseLimitKey,
				"of the call's metadata is %.80q; write a number of bytes from %d to %d", values[0], leastResponseBytes, MaxMessageBytes)
		}
		limit = min(n, MaxMessageBytes)
	}
	return context.WithValue(ctx, responseKey{}, limit), nil
}

// responseLimit is how many bytes a message to the caller may have.
func responseLimit(ctx context.Context) int {
	if limit, ok := ctx.Value(responseKey{}).(int); ok {
		return limit
	}
	return wire.DefaultResponseBytes
}

// checkSize refuses to send what the caller would not take.
func checkSize(ctx context.Context, message any) error {
	m, ok := message.(proto.Message)
	if !ok {
		return nil
	}
	size, limit := proto.Size(m), responseLimit(ctx)
	if size <= limit {
		return nil
	}
	remedy := fmt.Sprintf("send %d or more under %s in the call's metadata (over HTTP, as a header) and let the client take messages of that size", size, wire.ResponseLimitKey)
	if size > MaxMessageBytes {
		remedy = fmt.Sprintf("no call may take more than %d", MaxMessageBytes)
	}
	return &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonResponseTooLarge,
		Message:  fmt.Sprintf("the answer has %d bytes; this call takes %d: ask for less (a smaller page or batch, a read_mask with fewer fields), or %s", size, limit, remedy),
		Metadata: map[string]string{"bytes": strconv.Itoa(size), "limit": strconv.Itoa(limit), "max_response_bytes": strconv.Itoa(MaxMessageBytes)},
	}
}

// room counts what goes into a page, so that it ends before it is larger than the
// caller takes.
type room struct{ left int }

func newRoom(ctx context.Context) *room { return &room{left: responseLimit(ctx) - besides} }

// takes says whether an element still fits. The first one always does: what is too
// large alone is refused when it is sent, with the reason.
func (r *room) takes(first bool, m proto.Message) bool {
	n := proto.Size(m)
	r.left -= protowire.SizeTag(1) + protowire.SizeBytes(n)
	return r.left >= 0 || first
}

func limitUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	ctx, err := withResponseLimit(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := handler(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := checkSize(ctx, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

func limitStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, err := withResponseLimit(stream.Context())
	if err != nil {
		return err
	}
	return handler(srv, &limitedStream{stream, ctx})
}

// limitedStream is a stream whose messages are held to the caller's limit.
type limitedStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // what a stream's Context gives
}

func (s *limitedStream) Context() context.Context { return s.ctx }

func (s *limitedStream) SendMsg(m any) error {
	if err := checkSize(s.ctx, m); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m) //nolint:wrapcheck // a status already
}
