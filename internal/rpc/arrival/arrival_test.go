package arrival_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"akin/internal/rpc/arrival"
)

const (
	most  = 1 << 20
	words = "too much is on its way"
	echo  = "/test.Echo/Once"
	talk  = "/test.Echo/Talk"
)

// counted are credentials whose connections are counted.
type counted struct {
	credentials.TransportCredentials
	bound *arrival.Bound
}

func (c counted) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.bound.Conn(conn), nil, nil
}

func (c counted) Clone() credentials.TransportCredentials { return c }

// server echoes texts, behind a bound.
type server struct {
	addr  string
	bound *arrival.Bound
	ended atomic.Int64
}

func serve(t *testing.T, grace time.Duration) *server {
	t.Helper()
	s := new(server)
	s.bound = arrival.New(arrival.Options{
		Most: most, Unread: 128 << 10, Grace: grace,
		Host:   func(a net.Addr) string { return a.Network() },
		Answer: func() map[string]string { return map[string]string{"grpc-status": "8", "grpc-message": words} },
		Ended:  func(n int) { s.ended.Add(int64(n)) },
	})
	g := grpc.NewServer(grpc.Creds(counted{insecure.NewCredentials(), s.bound}), grpc.StaticStreamWindowSize(64<<10), grpc.StaticConnWindowSize(16<<20))
	desc := grpc.ServiceDesc{ServiceName: "test.Echo", HandlerType: (*any)(nil)}
	desc.Methods = []grpc.MethodDesc{{MethodName: "Once", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(wrapperspb.StringValue)
		return in, decode(in)
	}}}
	desc.Streams = []grpc.StreamDesc{{StreamName: "Talk", ClientStreams: true, ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
		for {
			in := new(wrapperspb.StringValue)
			if err := s.RecvMsg(in); err != nil {
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
			if err := s.SendMsg(in); err != nil {
				return err
			}
		}
	}}}
	g.RegisterService(&desc, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	go g.Serve(l)
	t.Cleanup(g.Stop)
	return s
}

func (s *server) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// settled waits until nothing is counted any more.
func (s *server) settled(t *testing.T) {
	t.Helper()
	for range 1000 {
		if s.bound.Held() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d bytes are counted of nothing", s.bound.Held())
}

// raw is a client that sends frames as it likes.
type raw struct {
	net.Conn
	*http2.Framer
	header bytes.Buffer
	hpack  *hpack.Encoder
	// over has for each stream that ended its status, "reset" or, at the end, "closed".
	over chan string
}

func (s *server) raw(t *testing.T) *raw {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	r := &raw{Conn: c, Framer: http2.NewFramer(c, c), over: make(chan string, 1000)}
	r.hpack = hpack.NewEncoder(&r.header)
	r.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	io.WriteString(c, http2.ClientPreface)
	go r.listen()
	r.read(t)
	return r
}

func (r *raw) listen() {
	for {
		f, err := r.ReadFrame()
		if err != nil {
			r.over <- "closed"
			return
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			for _, h := range f.Fields {
				if h.Name == "grpc-status" {
					r.over <- h.Value
				}
			}
		case *http2.SettingsFrame:
			if f.IsAck() {
				r.over <- "read"
			}
		case *http2.RSTStreamFrame:
			if f.ErrCode != http2.ErrCodeNo {
				r.over <- f.ErrCode.String()
			}
		}
	}
}

// read waits until the server has read all that was sent.
func (r *raw) read(t *testing.T) {
	t.Helper()
	r.WriteSettings()
	for got := range r.over {
		switch got {
		case "read":
			return
		case "closed":
			t.Fatal("the connection was closed")
		}
	}
}

// call begins a call.
func (r *raw) call(id uint32, method string, continued bool) {
	r.header.Reset()
	for _, h := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", method}, {":authority", "x"}, {"content-type", "application/grpc"}, {"te", "trailers"}} {
		r.hpack.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	block := r.header.Bytes()
	if !continued {
		r.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true})
		return
	}
	r.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block[:3]})
	r.WriteContinuation(id, true, block[3:])
}

// message is one of a length, of which some bytes are there.
func message(length, there int) []byte {
	b := make([]byte, 5+there)
	binary.BigEndian.PutUint32(b[1:], uint32(length))
	return b
}

// Requests that never become whole are ended once they take more than they may, with a
// status that says so; others beside them are answered all the while, large ones too.
func TestHalfOfManyRequests(t *testing.T) {
	s := serve(t, time.Hour)
	honest := s.dial(t)
	const calls = 100
	r := s.raw(t)
	for i := range uint32(calls) {
		id := 2*i + 1
		r.call(id, echo, i%3 == 0)
		r.WriteDataPadded(id, false, message(1<<20, 30_000)[:16_000], []byte{0, 0})
		r.WriteData(id, false, make([]byte, 14_005))
		if i%10 > 0 {
			continue
		}
		in, out := wrapperspb.String(strings.Repeat("x", 60_000)), new(wrapperspb.StringValue)
		if err := honest.Invoke(t.Context(), echo, in, out); err != nil || out.Value != in.Value {
			t.Fatalf("call %d beside them: %v", i, err)
		}
	}
	for s.ended.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	for range s.ended.Load() {
		if got := <-r.over; got != "8" {
			t.Fatalf("one of them ended with %s", got)
		}
	}
	if held := s.bound.Held(); held > most || held < most/4 {
		t.Errorf("%d bytes are held, of %d", held, most)
	}
	r.Close()
	s.settled(t)
}

// A client whose request is ended is told why.
func TestEndedRequest(t *testing.T) {
	s := serve(t, time.Hour)
	in, out := wrapperspb.String(strings.Repeat("x", 2<<20)), new(wrapperspb.StringValue)
	err := s.dial(t).Invoke(t.Context(), echo, in, out)
	if status.Code(err) != codes.ResourceExhausted || status.Convert(err).Message() != words {
		t.Errorf("%v", err)
	}
	s.settled(t)
}

// A stream that was answered already is ended by a reset that means the same.
func TestEndedStream(t *testing.T) {
	s := serve(t, time.Hour)
	stream, err := s.dial(t).NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, talk)
	if err != nil {
		t.Fatal(err)
	}
	out := new(wrapperspb.StringValue)
	for i := range 50 { // together more than there may be on its way
		in := wrapperspb.String(strings.Repeat("x", 50_000+i))
		if err := stream.SendMsg(in); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(out); err != nil || out.Value != in.Value {
			t.Fatal(err)
		}
	}
	stream.SendMsg(wrapperspb.String(strings.Repeat("x", 2<<20)))
	if err := stream.RecvMsg(out); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("%v", err)
	}
	s.settled(t)
}

// Frames of one byte count as what is kept of them, and streams without any message as
// what they take.
func TestSmallThings(t *testing.T) {
	t.Run("frames", func(t *testing.T) {
		s := serve(t, time.Hour)
		r := s.raw(t)
		r.call(1, echo, false)
		r.WriteData(1, false, message(30_000, 0))
		for range 20_000 {
			r.WriteData(1, false, []byte{0})
		}
		if got := <-r.over; got != "8" {
			t.Fatalf("it ended with %s", got)
		}
	})
	t.Run("streams", func(t *testing.T) {
		s := serve(t, time.Hour)
		r := s.raw(t)
		for i := range uint32(90) {
			r.call(2*i+1, talk, false)
		}
		for range 20 {
			if got := <-r.over; got != "8" {
				t.Fatalf("one ended with %s", got)
			}
		}
	})
}

// A connection that stands still in the middle of a frame is closed, since no stream of it
// can be ended.
func TestStandsStill(t *testing.T) {
	s := serve(t, 50*time.Millisecond)
	r := s.raw(t)
	for i := range uint32(25) {
		r.call(2*i+1, echo, false)
		r.WriteData(2*i+1, false, message(1<<20, 12_000))
	}
	r.read(t)
	r.Write([]byte{0, 64, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3}) // a frame of 16 KiB that ends here
	other := s.raw(t)
	for i := uint32(0); ; i++ {
		if i < 20 {
			other.call(2*i+1, echo, false)
			other.WriteData(2*i+1, false, message(1<<20, 12_000))
			other.read(t)
		} else if <-r.over == "closed" {
			break
		}
	}
	other.Close()
	s.settled(t)
}

// What honest clients send and get is the same as without a bound, and nothing is counted
// of it once it is over.
func TestPassesOn(t *testing.T) {
	s := serve(t, time.Hour)
	var wg sync.WaitGroup
	for c := range 3 {
		conn := s.dial(t)
		for w := range 4 {
			wg.Go(func() {
				for i := range 30 {
					in, out := wrapperspb.String(strings.Repeat(fmt.Sprint(c, w, i), (i*i*37)%9000)), new(wrapperspb.StringValue)
					if err := conn.Invoke(t.Context(), echo, in, out); err != nil || in.Value != out.Value {
						t.Errorf("a call of %d bytes: %v", len(in.Value), err)
					}
				}
			})
		}
		wg.Go(func() {
			stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, talk)
			if err != nil {
				t.Error(err)
				return
			}
			go func() {
				for i := range 200 {
					stream.SendMsg(wrapperspb.String(strings.Repeat("y", i*40)))
				}
				stream.CloseSend()
			}()
			for i := range 201 {
				out := new(wrapperspb.StringValue)
				if err := stream.RecvMsg(out); i < 200 && (err != nil || len(out.Value) != i*40) || i == 200 && !errors.Is(err, io.EOF) {
					t.Errorf("message %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	s.settled(t)
	if s.ended.Load() > 0 {
		t.Errorf("%d calls were ended", s.ended.Load())
	}
}
