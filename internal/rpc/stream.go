package rpc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"akin/internal/admit"
)

// stream bounds how long a stream may be idle, and admits those that only send:
// they hold a place while they work, not while they wait for a slow reader.
func (d *doorkeeper) stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	m := d.of(info.FullMethod)
	if m.kind == open {
		return handler(srv, s)
	}
	caller, own := callerOf(s.Context())
	ctx, cancel := context.WithCancelCause(admit.WithCaller(s.Context(), caller))
	defer cancel(nil)
	w := &watched{ServerStream: s, ctx: ctx, active: time.Now(), foreign: !own}
	if limit := d.bounds.Timeouts[string(stream)]; limit > 0 && !own {
		w.limit, w.idle = limit, overdue(info.FullMethod, limit, stream)
		w.end = cancel
	}
	if info.IsClientStream {
		w.ctx = context.WithValue(w.ctx, watchedKey{}, w)
		return w.result(handler(srv, w))
	}
	y := &yielding{watched: w, gate: d.bounds.Calls, call: admit.Call{Caller: caller, Class: info.FullMethod, Patient: own}}
	if err := y.enter(); err != nil {
		d.note(err)
		return err
	}
	y.call.Patient = true // from here on it is under way
	defer func() { y.leave() }()
	return w.result(handler(srv, y))
}

// watched is a stream that ends when the other side is idle for too long.
type watched struct {
	grpc.ServerStream
	ctx   context.Context //nolint:containedctx // a stream has one
	limit time.Duration   // 0 is none
	idle  error
	end   context.CancelCauseFunc
	// foreign streams may be ended at any time, when credentials are.
	foreign bool

	// beside says that messages are received by a goroutine that nobody waits for, and
	// waiting that it waits for one; timer ends the stream when it does so for too long.
	beside  bool
	waiting atomic.Bool
	timer   *time.Timer

	mu     sync.Mutex // guards what follows
	active time.Time  // when something was last sent or received
}

type watchedKey struct{}

// receivesBeside says of a stream that its messages are received by a goroutine of its own
// from now on, which ends with the stream: each needs no other to be given up by then.
func receivesBeside(stream context.Context) {
	if w, ok := stream.Value(watchedKey{}).(*watched); ok {
		w.beside = true
	}
}

// Context gives the context that ends with the other side's patience.
func (w *watched) Context() context.Context { return w.ctx }

// result says why a stream was ended.
func (w *watched) result(err error) error {
	if err != nil && w.idle != nil && context.Cause(w.ctx) == w.idle { //nolint:errorlint // the very one
		return w.idle
	}
	return err
}

func (w *watched) touch() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active = time.Now()
}

// left is how long the stream may go on being idle.
func (w *watched) left() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.limit - time.Since(w.active)
}

// watch ends the stream when nothing moves during an operation that waits for the
// other side. stop ends the watch.
func (w *watched) watch() (stop func()) {
	if w.limit <= 0 {
		return func() {}
	}
	w.touch() // the time before was spent here
	done := make(chan struct{})
	timer := time.AfterFunc(w.limit, func() {
		for left := w.left(); left > 0; left = w.left() { // others moved something meanwhile
			select {
			case <-time.After(left):
			case <-done:
				return
			case <-w.ctx.Done():
				return
			}
		}
		w.end(w.idle)
	})
	return func() {
		timer.Stop()
		close(done)
		w.touch()
	}
}

// RecvMsg implements grpc.ServerStream. After it gave up, m must not be read.
func (w *watched) RecvMsg(m any) error {
	if w.beside {
		return w.timed(m)
	}
	return w.bounded(func() error { return w.ServerStream.RecvMsg(m) })
}

// timed receives a message while somebody else watches whether it is given up.
func (w *watched) timed(m any) error {
	if w.limit <= 0 {
		return w.ServerStream.RecvMsg(m)
	}
	w.touch() // the time before was spent here
	w.waiting.Store(true)
	if w.timer == nil {
		w.timer = time.AfterFunc(w.limit, w.overdue)
	} else {
		w.timer.Reset(w.limit)
	}
	err := w.ServerStream.RecvMsg(m)
	w.waiting.Store(false)
	w.timer.Stop()
	w.touch()
	return err
}

// overdue ends the stream if nothing has moved for too long.
func (w *watched) overdue() {
	for w.waiting.Load() {
		left := w.left()
		if left <= 0 {
			w.end(w.idle)
			return
		}
		select { // others moved something meanwhile
		case <-time.After(left):
		case <-w.ctx.Done():
			return
		}
	}
}

// SendMsg implements grpc.ServerStream. After it gave up, m must not be changed.
func (w *watched) SendMsg(m any) error {
	return w.bounded(func() error { return w.ServerStream.SendMsg(m) })
}

// bounded waits for the other side until the stream is ended. What gRPC still does
// by then ends with the stream, when the handler returns.
func (w *watched) bounded(operation func() error) error {
	if !w.foreign {
		return operation()
	}
	defer w.watch()()
	done := make(chan error, 1)
	go func() { done <- operation() }()
	select {
	case err := <-done:
		return err
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
}

// yielding is a stream that only sends, and has a place except while it does.
type yielding struct {
	*watched
	gate *admit.Gate
	call admit.Call
	pass *admit.Pass
}

func (y *yielding) enter() (err error) {
	y.pass, err = y.gate.Enter(y.ctx, y.call)
	return err
}

func (y *yielding) leave() {
	if y.pass != nil {
		y.pass.Leave(true)
		y.pass = nil
	}
}

// SendMsg implements grpc.ServerStream.
func (y *yielding) SendMsg(m any) error {
	y.leave()
	if err := y.watched.SendMsg(m); err != nil {
		return err
	}
	return y.enter()
}
