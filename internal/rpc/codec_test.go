package rpc

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

func wireOf(t *testing.T, m proto.Message) mem.BufferSlice {
	t.Helper()
	wire, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	half := len(wire) / 2 // as it comes, in several parts
	return mem.BufferSlice{mem.SliceBuffer(wire[:half]), mem.SliceBuffer(wire[half:])}
}

// decode decodes a batch, and gives its call.
func decode(t *testing.T, in *intake, data mem.BufferSlice) (*akinv1.BatchUpsertPapersRequest, func(grpc.UnaryHandler) error) {
	t.Helper()
	m := new(akinv1.BatchUpsertPapersRequest)
	if err := in.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	return m, func(handler grpc.UnaryHandler) error {
		_, err := in.unary(t.Context(), m, nil, handler)
		return err
	}
}

func batchOf(bytes int) *akinv1.BatchUpsertPapersRequest {
	return &akinv1.BatchUpsertPapersRequest{Papers: []*akinv1.Paper{{Id: "p", Abstract: strings.Repeat("x", bytes)}}}
}

// Where much waits for room already, others are refused at once.
func TestIntakeDoesNotPileUp(t *testing.T) {
	in := newIntake(false)
	in.room, in.patience = semaphore.NewWeighted(4<<20), time.Hour
	two := wireOf(t, batchOf(2<<20))
	decode(t, in, two)
	in.waiting.Store(maxWaitingRequests)
	_, second := decode(t, in, two)
	var full *paper.Error
	if err := second(nil); !errors.As(err, &full) || full.Reason != paper.ReasonQueueFull || in.waiting.Load() != maxWaitingRequests {
		t.Errorf("%v, while %d bytes wait", err, in.waiting.Load())
	}
}

// Requests take no more memory together than there is for them, and give it back.
func TestIntakeBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // what waits in vain takes no time
		in := newIntake(false)
		in.room, in.patience = semaphore.NewWeighted(4<<20), time.Minute
		two := wireOf(t, batchOf(2<<20))
		_, first := decode(t, in, two)
		_, second := decode(t, in, two)
		_, third := decode(t, in, wireOf(t, batchOf(1<<10)))
		var full *paper.Error
		if err := second(nil); !errors.As(err, &full) || full.Kind != paper.Exhausted || full.Reason != paper.ReasonQueueFull || full.RetryAfter <= 0 {
			t.Errorf("two large requests at once: %v", err)
		}
		nothing := func(_ context.Context, m any) (any, error) { return m, nil }
		if err := third(nothing); err != nil {
			t.Errorf("a small request beside a large one: %v", err)
		}
		if err := first(nothing); err != nil {
			t.Fatal(err)
		}
		m, again := decode(t, in, two)
		if err := again(nothing); err != nil || len(m.GetPapers()) != 1 {
			t.Errorf("after the first: %v, %d papers", err, len(m.GetPapers()))
		}
		// A second message where there is to be one is decoded into the same.
		m, call := decode(t, in, two)
		if err := in.Unmarshal(wireOf(t, batchOf(1<<20)), m); err != nil {
			t.Fatal(err)
		}
		if err := call(nothing); err != nil {
			t.Error(err)
		}
		if len(in.taken) != 0 || !in.room.TryAcquire(4<<20) {
			t.Errorf("%d messages are remembered, or their room is", len(in.taken))
		}
	})
}

// What is refused says so by the interceptor, and is decoded no further.
func TestIntakeRefuses(t *testing.T) {
	in := newIntake(true)
	for name, c := range map[string]struct {
		wire          []byte
		reason, words string
	}{
		"empty papers":  {bytes.Repeat([]byte{0x0a, 0}, 1<<20), paper.ReasonRequestTooHeavy, "send it in several requests"},
		"cut":           {[]byte{0x0a, 5, 1}, paper.ReasonMalformed, "akin.v1.BatchUpsertPapersRequest"},
		"not UTF-8":     {[]byte{0x0a, 3, 0x12, 1, 0xff}, paper.ReasonMalformed, "UTF-8"},
		"a wrong tag":   {[]byte{0xff}, paper.ReasonMalformed, "protocol buffers"},
		"groups":        {bytes.Repeat([]byte{0x0b}, 1<<20), paper.ReasonMalformed, ""},
		"a wrong field": {[]byte{0x08, 1}, "", ""}, // unknown, which is nothing to complain about
	} {
		m, call := decode(t, in, mem.BufferSlice{mem.SliceBuffer(c.wire)})
		called := false
		err := call(func(_ context.Context, m any) (any, error) { called = true; return m, nil })
		var e *paper.Error
		if c.reason == "" {
			if err != nil || !called {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.As(err, &e) || e.Kind != paper.Invalid || e.Reason != c.reason || !strings.Contains(err.Error(), c.words) || called || len(m.GetPapers()) > 0 {
			t.Errorf("%s: %v, called: %v, %d papers", name, err, called, len(m.GetPapers()))
		}
	}
}

// received is a stream of messages that were decoded by an intake.
type received struct {
	grpc.ServerStream
	in   *intake
	data []mem.BufferSlice
}

func (r *received) Context() context.Context { return context.Background() }

func (r *received) RecvMsg(m any) error {
	if len(r.data) == 0 {
		return errors.New("no more")
	}
	data := r.data[0]
	r.data = r.data[1:]
	return r.in.Unmarshal(data, m)
}

// Messages that are received beside the work are all held, those that wait and the one that
// is worked at, each until the next is asked for.
func TestIntakeBeside(t *testing.T) {
	in := newIntake(false)
	in.room = semaphore.NewWeighted(20 << 20)
	s := &received{in: in}
	const sent, size = 4, 200 << 10
	for range sent {
		s.data = append(s.data, wireOf(t, batchOf(size)))
	}
	err := in.stream(nil, s, nil, func(_ any, stream grpc.ServerStream) error {
		next := func() (*akinv1.BatchUpsertPapersRequest, error) {
			m := new(akinv1.BatchUpsertPapersRequest)
			return m, stream.RecvMsg(m)
		}
		first, err := next()
		if err != nil {
			return err
		}
		all := make(chan struct{})
		receive := receiver(stream.Context(), first, func() (*akinv1.BatchUpsertPapersRequest, error) {
			m, err := next()
			if err != nil {
				close(all)
			}
			return m, err
		})
		<-all // they fit into what is received ahead
		for left := sent; left > 0; left-- {
			if _, err := receive(stream.Context()); err != nil {
				return err
			}
			if n := int64(20<<20 - left*size); in.room.TryAcquire(n) {
				t.Errorf("%d messages are held, and there is room for %d bytes", left, n)
			}
			if n := int64(20<<20 - (left+1)*size); !in.room.TryAcquire(n) {
				t.Errorf("%d messages are held, and there is no room for %d bytes", left, n)
			} else {
				in.room.Release(n)
			}
		}
		return nil
	})
	if err != nil || !in.room.TryAcquire(20<<20) {
		t.Fatalf("%v, or something is held after the end", err)
	}
}

// Of a stream one message is held at a time, and none after its end, also where somebody
// still receives.
func TestIntakeOfStreams(t *testing.T) {
	in := newIntake(false)
	in.room = semaphore.NewWeighted(5 << 20)
	s := &received{in: in}
	for range 5 {
		s.data = append(s.data, wireOf(t, batchOf(2<<20)))
	}
	s.data = append(s.data, mem.BufferSlice{mem.SliceBuffer(bytes.Repeat([]byte{0x0a, 0}, 1<<20))})
	var late grpc.ServerStream
	err := in.stream(nil, s, nil, func(_ any, stream grpc.ServerStream) error {
		late = stream
		for range 4 {
			if err := stream.RecvMsg(new(akinv1.BatchUpsertPapersRequest)); err != nil {
				return err
			}
			if in.room.TryAcquire(4 << 20) {
				t.Error("the message that the handler works at is not held")
			}
		}
		return nil
	})
	if err != nil || !in.room.TryAcquire(5<<20) {
		t.Fatalf("%v, or something is held after the end", err)
	}
	in.room.Release(5 << 20)
	if err := late.RecvMsg(new(akinv1.BatchUpsertPapersRequest)); err != nil || !in.room.TryAcquire(5<<20) {
		t.Errorf("received after the end: %v, or it is held", err)
	}
	var e *paper.Error
	if err := late.RecvMsg(new(akinv1.BatchUpsertPapersRequest)); !errors.As(err, &e) || e.Reason != paper.ReasonRequestTooHeavy {
		t.Errorf("empty papers in a stream: %v", err)
	}
	if len(in.taken) != 0 {
		t.Errorf("%d messages are remembered", len(in.taken))
	}
}
