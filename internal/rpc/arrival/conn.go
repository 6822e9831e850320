package arrival

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// readBuffer is how much of a connection is read at once, of small frames: all connections
// have a buffer, whether anything comes or not. What is larger is read past it.
const readBuffer = 4 << 10

// conn is a connection that is looked at.
type conn struct {
	net.Conn
	bound *Bound
	from  string

	// What follows belongs to the reader.
	in *bufio.Reader
	// left is how many bytes of a frame are still to be passed on, skip how many of them
	// are its head or, at first, what clients begin with.
	left, skip int64
	frame      head
	content    int64 // bytes of the frame that are the stream's; -1 is not known yet
	block      bool  // the next frame goes on with the header of this one
	of         *stream
	whole      int    // messages that became whole in the frame
	last       uint32 // stream that began
	table      tableSize
	inject     []byte // what the server is to read before the next frame

	// What follows is guarded by bound.mu.
	host    *host // while there are streams
	streams map[uint32]*stream
	held    int64
	closed  bool
	// expelled are streams whose end is to be told to the server, since when; telling says
	// that it is being told of some.
	expelled []*stream
	telling  bool
	since    time.Time
	kicked   bool // the reader's deadline has passed
	// settings are those that the server has read and not acknowledged yet, in their order.
	settings []settings
	// resized says that the server begins its next header with the size of its table, which
	// nobody else may do for it.
	resized bool

	writing sync.Mutex // guards what follows, and writes to Conn
	out     outgoing
}

// settings are a frame with settings that the server read.
type settings struct {
	// ours says that no client sent it: the server is to say that it knows that streams ended.
	ours  bool
	ended []*stream
	// table says that the client named the size of the table of names and values that the
	// server keeps.
	table bool
}

// Read implements net.Conn: it gives a part of a frame at a time.
func (c *conn) Read(p []byte) (int, error) {
	for c.left == 0 && len(p) > 0 {
		if len(c.inject) == 0 && !c.block {
			c.expelTo()
		}
		if len(c.inject) > 0 {
			n := copy(p, c.inject)
			c.inject = c.inject[n:]
			return n, nil
		}
		b, err := c.in.Peek(headBytes)
		switch {
		case err == nil:
			c.begin(parseHead(b))
		case !c.expected(err):
			return 0, err //nolint:wrapcheck // as net.Conn has it
		}
	}
	for {
		n, err := c.in.Read(p[:min(int64(len(p)), c.left)])
		c.pass(p[:n])
		if n > 0 || err == nil || !c.expected(err) {
			return n, err //nolint:wrapcheck // as net.Conn has it
		}
	}
}

// expected says that an error of reading is that somebody woke the reader.
func (c *conn) expected(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	c.bound.mu.Lock()
	defer c.bound.mu.Unlock()
	return c.awake()
}

// awake takes back that the reader was woken.
func (c *conn) awake() (was bool) {
	if was = c.kicked; was {
		c.kicked = false
		c.SetReadDeadline(time.Time{}) //nolint:errcheck // then reading fails
	}
	return was
}

// begin begins a frame.
func (c *conn) begin(h head) {
	c.frame, c.left, c.skip = h, headBytes+int64(h.length), headBytes
	c.block = (c.block || h.kind == frameHeaders) && !h.has(flagEndHeaders)
	c.of, c.whole, c.table = nil, 0, tableSize{}
	if h.kind != frameData {
		return
	}
	if c.content = int64(h.length); h.has(flagPadded) {
		c.content = -1
	}
	c.bound.mu.Lock()
	defer c.bound.mu.Unlock()
	c.of = c.streams[h.stream]
}

// pass looks at what is passed on.
func (c *conn) pass(b []byte) {
	c.left -= int64(len(b))
	n := min(c.skip, int64(len(b)))
	c.skip -= n
	b = b[n:]
	if c.frame.kind == frameSettings {
		c.table.read(b)
	}
	if c.of != nil && len(b) > 0 {
		if c.content < 0 {
			c.content = max(0, int64(c.frame.length)-1-int64(b[0]))
			b = b[1:]
		}
		b = b[:min(c.content, int64(len(b)))]
		c.content -= int64(len(b))
		whole, bytes := c.of.reader.read(b)
		c.whole += whole
		c.of.received += bytes
	}
	if c.left == 0 {
		c.end()
	}
}

// end counts what a frame changed, before the server has the last of it.
func (c *conn) end() {
	b, h := c.bound, c.frame
	switch h.kind {
	case frameData, frameHeaders, frameReset, frameSettings:
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := c.streams[h.stream]
	switch {
	case c.closed:
		return
	case h.kind == frameSettings:
		if !h.has(flagAck) {
			c.settings = append(c.settings, settings{table: c.table.named})
		}
		return
	case h.kind == frameHeaders && s == nil && h.stream > c.last:
		c.last = h.stream
		s = &stream{conn: c, id: h.stream, since: time.Now()}
		b.enter(s)
	case s == nil:
		return
	case h.kind == frameReset:
		b.drop(s)
		return
	case h.kind == frameData && s == c.of:
		s.note(h.length, c.whole)
	}
	if h.has(flagEndStream) {
		s.sent = true
		if s.partial = 0; s.whole <= 1 { // which is decoded at once
			s.received = 0
		}
	}
	b.weigh(s)
	b.relieve()
}

// note notes what a frame with data brought.
func (s *stream) note(length uint32, whole int) {
	s.whole += whole
	switch {
	case s.reader.between():
		s.partial = 0
	case whole > 0 || s.partial == 0:
		s.partial, s.since = weightOf(length), time.Now()
	default:
		s.partial += weightOf(length)
	}
}

// expel has the reader end a stream. The caller holds bound.mu.
func (c *conn) expel(s *stream) {
	if len(c.expelled) == 0 && !c.telling {
		c.since = time.Now()
		time.AfterFunc(c.bound.options.Grace, c.overdue)
	}
	c.expelled = append(c.expelled, s)
	if !c.kicked {
		c.kicked = true
		c.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // then it is closed when it is overdue
	}
}

// overdue closes a connection whose server cannot be told that streams of it end, because
// a frame does not become whole, or because it reads nothing.
func (c *conn) overdue() {
	c.bound.mu.Lock()
	defer c.bound.mu.Unlock()
	if c.closed || len(c.expelled) == 0 && !c.telling {
		return
	}
	if left := c.bound.options.Grace - time.Since(c.since); left > 0 { // these are others
		time.AfterFunc(left, c.overdue)
		return
	}
	go c.Conn.Close() //nolint:errcheck // it may wait for a write; nobody reads it
}

// expelTo makes what tells the server of streams that are to end, as if their client had
// given up. It follows with settings that change nothing: gRPC acknowledges them in turn,
// after all that it still writes of these streams. That is the place, and the only one, at
// which something else can be said of them.
func (c *conn) expelTo() {
	c.bound.mu.Lock()
	defer c.bound.mu.Unlock()
	c.awake()
	var ended []*stream
	for _, s := range c.expelled {
		if c.streams[s.id] == s {
			c.inject = appendReset(c.inject, s.id, codeCancel)
			ended = append(ended, s)
		}
	}
	c.expelled, c.telling = nil, len(ended) > 0
	if c.telling {
		c.inject = head{kind: frameSettings}.append(c.inject)
		c.settings = append(c.settings, settings{ours: true, ended: ended})
	}
}

// Write implements net.Conn. What is written may be passed on later, if a frame's head is
// not whole.
func (c *conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	b := c.out.pass(p, c.wrote)
	if len(b) == 0 {
		return len(p), nil
	}
	if n, err := c.Conn.Write(b); err != nil {
		return min(n, len(p)), err //nolint:wrapcheck // as net.Conn has it
	}
	return len(p), nil
}

// wrote notes what the server writes. replace says that it is to be something else instead.
func (c *conn) wrote(h head) (instead []byte, replace bool) {
	acknowledges := h.kind == frameSettings && h.has(flagAck)
	if !acknowledges && h.kind != frameHeaders && !h.ends() {
		return nil, false
	}
	c.bound.mu.Lock()
	defer c.bound.mu.Unlock()
	if acknowledges {
		return c.acknowledged()
	}
	if h.kind == frameHeaders {
		c.resized = false
	}
	s := c.streams[h.stream]
	switch {
	case s == nil:
	case h.ends():
		c.bound.drop(s)
	default:
		s.answered = true
	}
	return nil, false
}

// acknowledged notes that the server acknowledges settings. Of those that are ours the
// client gets what it is to know of the streams that ended instead.
func (c *conn) acknowledged() (frames []byte, ours bool) {
	if len(c.settings) == 0 {
		return nil, false
	}
	first := c.settings[0]
	c.settings = c.settings[1:]
	if first.table {
		c.resized = true
	}
	for _, s := range first.ended {
		if c.streams[s.id] != s { // the server had ended it, or the client
			continue
		}
		c.bound.drop(s)
		if s.answered || c.resized {
			frames = appendReset(frames, s.id, codeCalm)
			continue
		}
		if frames = appendAnswer(frames, s.id, c.bound.options.Answer()); !s.sent {
			frames = appendReset(frames, s.id, codeNone)
		}
	}
	return frames, first.ours
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.bound.mu.Lock()
	for _, s := range c.streams {
		c.bound.drop(s)
	}
	c.closed, c.expelled, c.settings = true, nil, nil
	c.bound.mu.Unlock()
	return c.Conn.Close() //nolint:wrapcheck // as net.Conn has it
}

// outgoing finds the frames in what is written.
type outgoing struct {
	part []byte // of a head that is not whole yet
	left int64  // bytes of the frame that are still to be written
}

// pass gives what is to be written of what the server writes: all of it, but for the head of
// a frame that is not whole yet, and with other frames in the place of some that are empty.
func (o *outgoing) pass(b []byte, begun func(head) (instead []byte, replace bool)) []byte {
	if len(o.part) > 0 {
		b, o.part = append(o.part, b...), nil
	}
	var out []byte
	from := 0 // of b, what is not in out
	for at := 0; at < len(b); {
		if o.left > 0 {
			n := min(o.left, int64(len(b)-at))
			o.left -= n
			at += int(n)
			continue
		}
		if len(b)-at < headBytes {
			o.part = bytes.Clone(b[at:])
			b = b[:at]
			break
		}
		h := parseHead(b[at:])
		o.left = int64(h.length)
		instead, replace := begun(h)
		at += headBytes
		if replace {
			out = append(append(out, b[from:at-headBytes]...), instead...)
			from = at
		}
	}
	if from == 0 {
		return b
	}
	return append(out, b[from:]...)
}
