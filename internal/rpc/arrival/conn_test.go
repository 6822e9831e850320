package arrival

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"testing/iotest"
	"time"
)

// script is a connection whose client sends what is written down, in parts of any length.
type script struct {
	net.Conn
	sent io.Reader
	got  bytes.Buffer
}

func (s *script) Read(p []byte) (int, error)      { return s.sent.Read(p) }
func (s *script) Write(p []byte) (int, error)     { return s.got.Write(p) }
func (s *script) Close() error                    { return nil }
func (s *script) RemoteAddr() net.Addr            { return &net.TCPAddr{} }
func (s *script) SetReadDeadline(time.Time) error { return nil }

// part reads parts of any length.
type part struct {
	io.Reader
	draw *rand.Rand
}

func (p part) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	return p.Reader.Read(b[:1+p.draw.IntN(len(b))])
}

// conversation makes up what a client sends, in whole frames.
type conversation struct {
	draw    *rand.Rand
	frames  [][]byte
	open    []uint32
	next    uint32
	pending map[uint32][]byte // of messages that have begun
}

func (c *conversation) add(kind, flags byte, stream uint32, body []byte) {
	h := head{length: uint32(len(body)), kind: kind, flags: flags, stream: stream}
	c.frames = append(c.frames, append(h.append(nil), body...))
}

// begin begins a call, with its header in several frames.
func (c *conversation) begin() {
	id := c.next
	c.next += 2
	flags, parts := byte(0x20), c.draw.IntN(3) // with a priority
	if c.draw.IntN(8) == 0 {
		flags |= flagEndStream
	} else {
		c.open = append(c.open, id)
	}
	if parts == 0 {
		flags |= flagEndHeaders
	}
	c.add(frameHeaders, flags, id, make([]byte, 5+c.draw.IntN(50)))
	for i := range parts {
		c.add(frameContinuation, byte(i+1)/byte(parts)*flagEndHeaders, id, make([]byte, c.draw.IntN(30)))
	}
}

// data sends some of the messages of a stream, whole or not, several in one frame.
func (c *conversation) data(id uint32) {
	rest := c.pending[id]
	for range c.draw.IntN(3) {
		n := c.draw.IntN(3) * c.draw.IntN(2_000)
		rest = append(append(rest, byte(c.draw.IntN(2)), 0, 0, byte(n>>8), byte(n)), make([]byte, n)...)
	}
	n := c.draw.IntN(min(len(rest), 5_000) + 1)
	body, flags := rest[:n], byte(0)
	c.pending[id] = slices.Clone(rest[n:])
	if c.draw.IntN(3) == 0 {
		padding := c.draw.IntN(256)
		body = append(append([]byte{byte(padding)}, body...), make([]byte, padding)...)
		flags = flagPadded
	}
	if c.draw.IntN(6) == 0 && n == len(rest) {
		flags |= flagEndStream
		c.open = slices.DeleteFunc(c.open, func(open uint32) bool { return open == id })
	}
	c.add(frameData, flags, id, body)
}

func (c *conversation) step() {
	if len(c.open) == 0 || c.draw.IntN(6) == 0 {
		c.begin()
		return
	}
	id := c.open[c.draw.IntN(len(c.open))]
	switch c.draw.IntN(14) {
	case 0:
		c.add(6, byte(c.draw.IntN(2)), 0, make([]byte, 8)) // a ping
	case 1:
		c.add(frameSettings, 0, 0, []byte{0, byte(1 + c.draw.IntN(6)), 0, 0, 0, 1, 0, 2, 0, 0, 0, 0})
	case 2:
		c.add(frameSettings, flagAck, 0, nil)
	case 3:
		c.add(8, 0, id*uint32(c.draw.IntN(2)), []byte{0, 0, 1, 0}) // of a window
	case 4:
		c.add(2, 0, id, make([]byte, 5)) // a priority
	case 5:
		c.add(byte(20+c.draw.IntN(200)), byte(c.draw.IntN(256)), id, make([]byte, c.draw.IntN(40)))
	case 6:
		c.add(frameReset, 0, id, []byte{0, 0, 0, 3})
		c.open = slices.DeleteFunc(c.open, func(open uint32) bool { return open == id })
	case 7:
		c.add(7, 0, 0, make([]byte, 8)) // goes away
	default:
		c.data(id)
	}
}

// converse makes up a conversation that ends all its streams.
func converse(draw *rand.Rand, steps int) [][]byte {
	c := &conversation{draw: draw, next: 1, pending: make(map[uint32][]byte)}
	c.add(frameSettings, 0, 0, nil)
	for range steps {
		c.step()
	}
	for id := uint32(1); id < c.next; id += 2 {
		c.add(frameReset, 0, id, []byte{0, 0, 0, 3})
	}
	return c.frames
}

// side reads frames on one side, and finds those that only the bound can have sent.
type side struct {
	t            *testing.T
	rest         []byte
	block        bool
	theirs, ours [][]byte
}

func (s *side) read(b []byte, ours func(head, []byte) bool) (heads []head) {
	s.rest = append(s.rest, b...)
	for len(s.rest) >= headBytes {
		h := parseHead(s.rest)
		n := headBytes + int(h.length)
		if len(s.rest) < n {
			break
		}
		frame := slices.Clone(s.rest[:n])
		s.rest = s.rest[n:]
		heads = append(heads, h)
		if s.block && h.kind != frameContinuation {
			s.t.Fatalf("%+v in the middle of a header", h)
		}
		s.block = (h.kind == frameHeaders || s.block) && !h.has(flagEndHeaders)
		if ours(h, frame) {
			s.ours = append(s.ours, frame)
		} else {
			s.theirs = append(s.theirs, frame)
		}
	}
	return heads
}

// Whatever is said, and in whatever parts, comes as it was; what the bound says beside it
// stands between frames, and to the client where the server has said all of a stream.
func TestConversations(t *testing.T) {
	for round := range uint64(300) {
		draw := rand.New(rand.NewPCG(round, 1))
		most := int64(1 << 30)
		if round%2 > 0 {
			most = 3 * streamWeight
		}
		b := New(Options{
			Most: most, Unread: 4 << 10, Host: func(net.Addr) string { return "" }, Ended: func(int) {},
			Answer: func() map[string]string { return map[string]string{"grpc-status": "8"} },
		})
		frames := converse(draw, 100)
		wire := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), bytes.Join(frames, nil)...)
		inner := &script{sent: part{bytes.NewReader(wire), draw}}
		if round%5 == 0 {
			inner.sent = iotest.OneByteReader(bytes.NewReader(wire))
		}
		hear(t, b.Conn(inner), inner, draw, frames, most == 1<<30)
		if b.Held() != 0 {
			t.Fatalf("round %d: %d bytes are counted of nothing", round, b.Held())
		}
	}
}

// hear is a server: it acknowledges settings and answers some streams, all in parts.
func hear(t *testing.T, c net.Conn, inner *script, draw *rand.Rand, frames [][]byte, quiet bool) {
	t.Helper()
	in, out := &side{t: t}, &side{t: t}
	gone := make(map[uint32]bool) // streams of which the server says nothing more
	var say, said []byte
	var acknowledged int
	speak := func(kind, flags byte, stream uint32, body []byte) {
		h := head{length: uint32(len(body)), kind: kind, flags: flags, stream: stream}
		frame := append(h.append(nil), body...)
		say = append(say, frame...)
		if kind != frameSettings {
			said = append(said, frame...)
		}
	}
	preface, buf := prefaceBytes, make([]byte, 40)
	for {
		n, err := c.Read(buf[:1+draw.IntN(len(buf))])
		skip := min(preface, n)
		preface -= skip
		for _, h := range in.read(buf[skip:n], func(h head, frame []byte) bool {
			return h.kind == frameReset && frame[headBytes+3] == codeCancel ||
				h.kind == frameSettings && h.length == 0 && !h.has(flagAck) && len(in.theirs) > 0
		}) {
			switch {
			case h.kind == frameReset:
				gone[h.stream] = true
			case h.kind == frameSettings && !h.has(flagAck):
				speak(frameSettings, flagAck, 0, nil)
				acknowledged++
			case h.kind == frameData && !gone[h.stream] && draw.IntN(3) == 0:
				speak(frameHeaders, 0, h.stream, []byte{1, 2, 3})
				speak(frameContinuation, flagEndHeaders, h.stream, make([]byte, 5))
				speak(frameData, 0, h.stream, make([]byte, draw.IntN(20)))
			case h.kind == frameData && !gone[h.stream] && draw.IntN(10) == 0:
				gone[h.stream] = true
				speak(frameHeaders, flagEndStream|flagEndHeaders, h.stream, []byte{4})
			}
		}
		for len(say) > 0 && (draw.IntN(4) > 0 || err != nil) {
			k := 1 + draw.IntN(min(len(say), 30))
			if w, err := c.Write(say[:k]); w != k || err != nil {
				t.Fatal(w, err)
			}
			say = say[k:]
		}
		if err != nil {
			break
		}
	}
	if got := bytes.Join(in.theirs, nil); len(in.rest) > 0 || !bytes.Equal(got, bytes.Join(frames, nil)) || quiet != (len(in.ours) == 0) {
		t.Fatalf("the server got %d bytes and %d frames beside, and %d of a frame", len(got), len(in.ours), len(in.rest))
	}
	hears(t, inner, out, said, acknowledged, quiet)
}

// hears checks what the client got.
func hears(t *testing.T, inner *script, out *side, said []byte, acknowledged int, quiet bool) {
	t.Helper()
	over := make(map[uint32]bool)
	answer := head{}
	out.read(inner.got.Bytes(), func(h head, frame []byte) bool {
		if h.kind == frameSettings {
			acknowledged--
			return true
		}
		if h.kind == frameReset || bytes.Contains(frame, []byte("grpc-status")) {
			if over[h.stream] && (h.kind != frameReset || answer.stream != h.stream) {
				t.Fatalf("%+v ends a stream that had ended", h)
			}
			over[h.stream], answer = true, h
			return true
		}
		if over[h.stream] {
			t.Fatalf("%+v after its stream had ended", h)
		}
		if h.kind == frameHeaders && h.ends() {
			over[h.stream] = true
		}
		return false
	})
	if got := bytes.Join(out.theirs, nil); len(out.rest) > 0 || !bytes.Equal(got, said) {
		t.Fatalf("the client got %d bytes of %d", len(got), len(said))
	}
	if quiet && acknowledged != 0 || acknowledged < 0 {
		t.Fatalf("%d settings are not acknowledged", acknowledged)
	}
}

// While a client does not read, its server reads on and is told of streams that end, and the
// connection stays, for as long as it takes; what comes to the client then is in order.
func TestReadsLate(t *testing.T) {
	const grace = 20 * time.Millisecond
	b := New(Options{
		Most: streamWeight, Unread: 1, Grace: grace, Host: func(net.Addr) string { return "" }, Ended: func(int) {},
		Answer: func() map[string]string { return map[string]string{"grpc-status": "8"} },
	})
	client, inner := net.Pipe()
	defer client.Close()
	c := b.Conn(inner)
	written := make(chan error, 1)
	say := func(frames []byte) {
		_, err := c.Write(frames)
		written <- err
	}
	data := append(head{length: 3, kind: frameData, stream: 3}.append(nil), 1, 2, 3)
	go say(data)

	sent := head{kind: frameSettings}.append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	sent = head{length: 1, kind: frameHeaders, flags: flagEndHeaders, stream: 1}.append(sent)
	sent = append(sent, 0)
	got := make([]byte, len(sent)+13+headBytes)
	go client.Write(sent)
	if _, err := io.ReadFull(c, got[:len(sent)]); err != nil {
		t.Fatal(err)
	}
	go client.Write(append(head{length: 5, kind: frameData, stream: 1}.append(nil), 0, 0, 0, 9, 9)) // more than there may be
	for _, want := range [][]byte{
		append(head{length: 5, kind: frameData, stream: 1}.append(nil), 0, 0, 0, 9, 9),
		head{kind: frameSettings}.append(appendReset(nil, 1, codeCancel)),
		head{length: 0, kind: 6}.append(nil), // after the time that it has
	} {
		if want[3] == 6 {
			time.AfterFunc(3*grace, func() { client.Write(want) })
		}
		if _, err := io.ReadFull(c, got[:len(want)]); err != nil || !bytes.Equal(got[:len(want)], want) {
			t.Fatalf("the server got %x, want %x: %v", got[:len(want)], want, err)
		}
	}
	ack := head{kind: frameSettings, flags: flagAck}.append(nil)
	want := appendReset(appendAnswer(append(data, ack...), 1, b.options.Answer()), 1, codeNone)
	told := make([]byte, len(want))
	for from, frames := 0, []byte(nil); from < len(want); frames = append(ack, ack...) {
		to := len(data)
		if frames != nil {
			go say(frames)
			to = len(want)
		}
		if _, err := io.ReadFull(client, told[from:to]); err != nil {
			t.Fatal(err)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
		from = to
	}
	if !bytes.Equal(told, want) {
		t.Errorf("the client got %x, want %x", told, want)
	}
}
