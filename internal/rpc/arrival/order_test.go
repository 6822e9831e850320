package arrival_test

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// strict is a client that is told of everything that no server may send.
type strict struct {
	*raw
	frames *http2.Framer
	over   map[uint32]bool
	table  *hpack.Decoder
}

func (s *server) strict(t *testing.T) *strict {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	r := &raw{Conn: c, Framer: http2.NewFramer(c, c)}
	r.hpack = hpack.NewEncoder(&r.header)
	io.WriteString(c, http2.ClientPreface)
	return &strict{raw: r, frames: r.Framer, over: make(map[uint32]bool), table: hpack.NewDecoder(4096, nil)}
}

// next reads a frame. Headers are decoded, which fails if the table is not the server's.
func (s *strict) next(t *testing.T) (http2.Frame, map[string]string) {
	t.Helper()
	f, err := s.frames.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	h := f.Header()
	var fields map[string]string
	if block, ok := f.(*http2.HeadersFrame); ok {
		decoded, err := s.table.DecodeFull(block.HeaderBlockFragment())
		if err != nil || !block.HeadersEnded() {
			t.Fatalf("%v: %v", h, err)
		}
		fields = make(map[string]string)
		for _, field := range decoded {
			fields[field.Name] = field.Value
		}
	}
	if s.over[h.StreamID] && h.StreamID > 0 && (h.Type == http2.FrameData || h.Type == http2.FrameHeaders) {
		t.Fatalf("%v after the end of its stream", h)
	}
	if h.Type == http2.FrameRSTStream || h.Flags.Has(http2.FlagDataEndStream) && (h.Type == http2.FrameData || h.Type == http2.FrameHeaders) {
		s.over[h.StreamID] = true
	}
	return f, fields
}

// Of a stream that is ended while its server answers it, nothing comes after its end.
func TestNothingAfterTheEnd(t *testing.T) {
	s := serve(t, time.Hour)
	r := s.strict(t)
	r.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
	r.WriteWindowUpdate(0, 1<<30)
	const calls = 300
	go func() {
		for i := range uint32(calls) {
			id := 2*i + 1
			r.call(id, talk, false)
			for range 3 {
				r.WriteData(id, false, message(3_000, 3_000))
			}
			r.WriteData(id, false, message(1<<20, 16_000))
		}
	}()
	for len(r.over) < calls/2 {
		r.next(t)
	}
	r.Close()
	s.settled(t)
}

// Whoever shrinks the table of names and values is told of it by the server, at the
// beginning of its next header: until then no other header comes.
func TestShrunkTable(t *testing.T) {
	s := serve(t, time.Hour)
	r := s.strict(t)
	const calls = 60
	halves := func(first uint32) { // more than there may be of them
		for id := first; id < first+2*calls; id += 2 {
			r.call(id, echo, false)
			r.WriteData(id, false, message(1<<20, 12_000))
		}
	}
	r.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
	halves(1)
	for len(r.over) == 0 {
		switch f, _ := r.next(t); f := f.(type) {
		case *http2.HeadersFrame:
			t.Fatalf("%v", f)
		case *http2.RSTStreamFrame:
			if f.ErrCode != http2.ErrCodeEnhanceYourCalm {
				t.Errorf("%v", f)
			}
		}
	}
	for id := uint32(1); id < 2*calls; id += 2 {
		r.WriteRSTStream(id, http2.ErrCodeCancel)
	}
	const whole = 1_001
	r.call(whole, echo, false)
	r.WriteData(whole, true, message(0, 0))
	for first := true; !r.over[whole]; {
		if f, _ := r.next(t); f.Header().Type == http2.FrameHeaders && first {
			if first = false; f.(*http2.HeadersFrame).HeaderBlockFragment()[0]&0xe0 != 0x20 {
				t.Errorf("the server does not say how large its table is")
			}
		}
	}
	halves(whole + 2)
	for answers := 0; answers == 0; {
		if _, fields := r.next(t); fields != nil {
			if answers++; fields["grpc-status"] != "8" {
				t.Errorf("%v", fields)
			}
		}
	}
}
