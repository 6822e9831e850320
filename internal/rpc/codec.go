package rpc

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"akin/internal/paper"
)

const (
	// lightRequest is a weight that is not counted: a call has as much anyway.
	lightRequest = 64 << 10
	// maxHeldRequests is how many bytes of memory the requests of strangers may take, all
	// together, and heldPatience how long one waits for room: others come and go.
	maxHeldRequests = 4 * maxRequestMemory
	heldPatience    = time.Second
	// maxWaitingRequests is how many bytes requests have that wait for room: others are
	// refused at once.
	maxWaitingRequests = 4 * MaxMessageBytes
)

// intake decodes the requests of a server. Each is weighed before, so that none takes
// more memory than it may, and neither do all of them. It is gRPC's codec, which can only
// fail as INTERNAL and outside of all interceptors; so what is refused is left empty, and
// its error kept until the interceptor takes it. It is safe for concurrent use.
type intake struct {
	encoding.CodecV2
	shapes *shapes
	room   *semaphore.Weighted // nil is endless
	// patience is how long a request waits for room, and waiting how many bytes those have
	// that do.
	patience time.Duration
	waiting  atomic.Int64

	mu    sync.Mutex // guards taken
	taken map[any]taken
}

// taken is what became of a message.
type taken struct {
	weight int64 // which was taken of the room
	err    error
}

// newIntake makes an intake. The requests of those who run the server are not bounded
// together: they wait for their turn, and are never refused.
func newIntake(own bool) *intake {
	i := &intake{CodecV2: encoding.GetCodecV2(grpcproto.Name), shapes: newShapes(), taken: make(map[any]taken), patience: heldPatience}
	if !own {
		i.room = semaphore.NewWeighted(maxHeldRequests)
	}
	return i
}

// Unmarshal implements encoding.CodecV2.
func (i *intake) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return i.CodecV2.Unmarshal(data, v) //nolint:wrapcheck // gRPC wraps it
	}
	buffer := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buffer.Free()
	weight, err := i.admit(m, buffer.ReadOnlyData())
	if err == nil {
		if err = proto.Unmarshal(buffer.ReadOnlyData(), m); err != nil {
			err = malformed(m, err)
		}
	}
	if err != nil {
		proto.Reset(m)
	}
	i.note(v, taken{weight, err})
	return nil
}

// admit weighs a message, and finds room for it. weight is what it took of that.
func (i *intake) admit(m proto.Message, wire []byte) (weight int64, err error) {
	weight = i.shapes.of(m.ProtoReflect().Descriptor()).weigh(wire, maxRequestMemory)
	switch {
	case weight > maxRequestMemory:
		return 0, tooHeavy()
	case weight <= lightRequest || i.room == nil:
		return 0, nil
	}
	if !i.room.TryAcquire(weight) && !i.await(weight, int64(len(wire))) {
		return 0, &paper.Error{
			Kind: paper.Exhausted, Reason: paper.ReasonQueueFull, RetryAfter: busyRetry,
			Message: fmt.Sprintf("the server holds requests of %d bytes of memory, its limit; try again later", maxHeldRequests),
		}
	}
	return weight, nil
}

// await waits for room for a message of some bytes.
func (i *intake) await(weight, bytes int64) bool {
	defer i.waiting.Add(-bytes)
	if i.waiting.Add(bytes) > maxWaitingRequests {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), i.patience)
	defer cancel()
	return i.room.Acquire(ctx, weight) == nil
}

// note keeps what became of a message. A call that sends a second one where there is to be
// one has both decoded into the same.
func (i *intake) note(m any, t taken) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.free(i.taken[m].weight)
	delete(i.taken, m)
	if t.err != nil || t.weight > 0 {
		i.taken[m] = t
	}
}

// malformed is the error of a message that cannot be decoded.
func malformed(m proto.Message, err error) error {
	return &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonMalformed,
		Message: fmt.Sprintf("the message is no %s in the encoding of protocol buffers: %v; send what code generated from proto/akin/v1 makes, with texts in UTF-8",
			m.ProtoReflect().Descriptor().FullName(), strings.TrimSpace(strings.TrimPrefix(err.Error(), "proto:"))),
	}
}

// take says what became of a message, once. Whoever takes it lets go of its weight.
func (i *intake) take(m any) (weight int64, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	t := i.taken[m]
	delete(i.taken, m)
	return t.weight, t.err
}

// free lets go of a weight.
func (i *intake) free(weight int64) {
	if weight > 0 {
		i.room.Release(weight)
	}
}

// unary refuses a call whose request was refused, and holds its weight until it ends.
func (i *intake) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	weight, err := i.take(req)
	defer i.free(weight)
	if err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

// stream is unary for streams, of which each message is held until the next is there or,
// where messages are received beside the work, until whoever works at it asks for the next.
func (i *intake) stream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	w := &weighed{ServerStream: s, intake: i, held: make(map[any]int64)}
	w.ctx = context.WithValue(s.Context(), weighedKey{}, w)
	defer w.end()
	return handler(srv, w)
}

// weighed is a stream whose messages are weighed.
type weighed struct {
	grpc.ServerStream
	intake *intake
	ctx    context.Context //nolint:containedctx // a stream has one

	mu     sync.Mutex // guards what follows
	held   map[any]int64
	beside bool // messages are let go of one by one
	over   bool // the handler returned, while somebody may still receive
}

type weighedKey struct{}

// Context gives the context by which the stream is found.
func (w *weighed) Context() context.Context { return w.ctx }

// RecvMsg implements grpc.ServerStream.
func (w *weighed) RecvMsg(m any) error {
	received := w.ServerStream.RecvMsg(m)
	weight, err := w.intake.take(m)
	w.hold(m, weight)
	if received != nil {
		return received //nolint:wrapcheck // io.EOF and statuses
	}
	return err
}

// hold holds the weight of a message, in place of that of the one before, unless messages
// are let go of one by one.
func (w *weighed) hold(m any, weight int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.beside {
		w.freeAll()
	}
	switch {
	case w.over:
		w.intake.free(weight)
	case weight > 0:
		w.held[m] = weight
	}
}

// end lets go of all.
func (w *weighed) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.freeAll()
}

func (w *weighed) freeAll() {
	for m, weight := range w.held {
		w.intake.free(weight)
		delete(w.held, m)
	}
}

// holdsBeside says of a stream, by its context, that its messages are let go of one by one
// from now on, by [letGo].
func holdsBeside(stream context.Context) {
	if w, ok := stream.Value(weighedKey{}).(*weighed); ok {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.beside = true
	}
}

// letGo lets go of the weight of a message of a stream.
func letGo(stream context.Context, m any) {
	if w, ok := stream.Value(weighedKey{}).(*weighed); ok {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.intake.free(w.held[m])
		delete(w.held, m)
	}
}
