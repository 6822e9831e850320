package arrival

import (
	"bufio"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// readBuffer is how much of a connection is read at once.
const readBuffer = 32 << 10

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
	inject     []byte // what the server is to read before the next frame

	// What follows is guarded by bound.mu.
	host    *host // while there are streams
	streams map[uint32]*stream
	held    int64
	closed  bool
	// expelled are streams whose end is to be told to the server, since when; told those of
	// which it was, and whose end is to be told to the client.
	expelled, told []*stream
	since          time.Time
	kicked         bool // the reader's deadline has passed

	writing sync.Mutex // guards what follows, and writes to Conn
	out     outgoing
}

// Read implements net.Conn: it gives a part of a frame at a time.
func (c *conn) Read(p []byte) (int, error) {
	c.tell()
	for c.left == 0 && len(p) > 0 {
		if !c.block {
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
	c.of, c.whole = nil, 0
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
	if h.kind != frameData && h.kind != frameHeaders && h.kind != frameReset {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := c.streams[h.stream]
	switch {
	case c.closed:
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
	if len(c.expelled)+len(c.told) == 0 {
		c.since = time.Now()
		time.AfterFunc(c.bound.options.Grace, c.overdue)
	}
	c.expelled = append(c.expelled, s)
	if !c.kicked {
		c.kicked = true
		c.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // then it is closed when it is overdue
	}
}

// overdue closes a connection that took no part in the end of its streams.
func (c *conn) overdue() {
	c.bound.mu.Lock()
	defer c.bound.mu.Unlock()
	if c.closed || len(c.expelled)+len(c.told) == 0 {
		return
	}
	if left := c.bound.options.Grace - time.Since(c.since); left > 0 { // these are others
		time.AfterFunc(left, c.overdue)
		return
	}
	go c.Conn.Close() //nolint:errcheck // it may wait for a write; nobody reads it
}

// expelTo makes what tells the server of streams that are to end, as if their client had
// given up.
func (c *conn) expelTo() {
	c.bound.mu.Lock()
	defer c.bound.mu.Unlock()
	c.awake()
	for _, s := range c.expelled {
		if c.streams[s.id] == s {
			c.inject = appendReset(c.inject, s.id, codeCancel)
			c.told = append(c.told, s)
		}
	}
	c.expelled = nil
}

// tell tells the client of streams that ended, unless somebody writes: they do it then.
func (c *conn) tell() {
	for c.owes() && c.writing.TryLock() {
		done, err := c.answer()
		c.writing.Unlock()
		if err != nil {
			c.Conn.Close() //nolint:errcheck // it failed already
		}
		if !done || err != nil {
			return
		}
	}
}

func (c *conn) owes() bool {
	c.bound.mu.Lock()
	defer c.bound.mu.Unlock()
	return len(c.told) > 0
}

// answer answers streams that ended, if nothing is in the middle of being written: done
// says so. The caller holds writing.
func (c *conn) answer() (done bool, err error) {
	if !c.out.between() {
		return false, nil
	}
	var frames []byte
	c.bound.mu.Lock()
	for _, s := range c.told {
		switch {
		case c.streams[s.id] != s: // the server had ended it
			continue
		case s.answered:
			frames = appendReset(frames, s.id, codeCalm)
		default:
			frames = appendReset(appendAnswer(frames, s.id, c.bound.options.Answer()), s.id, codeNone)
		}
		c.bound.drop(s)
	}
	c.told = nil
	c.bound.mu.Unlock()
	if len(frames) == 0 {
		return true, nil
	}
	c.SetWriteDeadline(time.Now().Add(c.bound.options.Grace)) //nolint:errcheck // then writing fails
	_, err = c.Conn.Write(frames)
	c.SetWriteDeadline(time.Time{}) //nolint:errcheck // see above
	return true, err                //nolint:wrapcheck // nobody reads it
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	n, err := c.Conn.Write(p)
	c.out.look(p[:n], c.wrote)
	c.writing.Unlock()
	c.tell()
	return n, err //nolint:wrapcheck // as net.Conn has it
}

// wrote notes what the server wrote.
func (c *conn) wrote(h head) {
	if !h.ends() && h.kind != frameHeaders {
		return
	}
	c.bound.mu.Lock()
	defer c.bound.mu.Unlock()
	s := c.streams[h.stream]
	switch {
	case s == nil:
	case h.ends():
		c.bound.drop(s)
	default:
		s.answered = true
	}
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.bound.mu.Lock()
	for _, s := range c.streams {
		c.bound.drop(s)
	}
	c.closed, c.expelled, c.told = true, nil, nil
	c.bound.mu.Unlock()
	return c.Conn.Close() //nolint:wrapcheck // as net.Conn has it
}

// outgoing finds the frames in what is written.
type outgoing struct {
	head  [headBytes]byte
	got   int   // bytes of head
	left  int64 // bytes of the frame that are still to be written
	block bool  // the next frame goes on with the header of this one
}

// between says that another frame may be written now.
func (o *outgoing) between() bool { return o.got == 0 && o.left == 0 && !o.block }

// look looks at what was written.
func (o *outgoing) look(b []byte, begun func(head)) {
	for len(b) > 0 {
		if o.left > 0 {
			n := min(o.left, int64(len(b)))
			o.left -= n
			b = b[n:]
			continue
		}
		n := copy(o.head[o.got:], b)
		o.got += n
		b = b[n:]
		if o.got < headBytes {
			return
		}
		h := parseHead(o.head[:])
		o.got, o.left = 0, int64(h.length)
		o.block = (o.block || h.kind == frameHeaders) && !h.has(flagEndHeaders)
		begun(h)
	}
}
