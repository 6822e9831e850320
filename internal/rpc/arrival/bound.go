package arrival

import (
	"bufio"
	"cmp"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// streamWeight is what an open stream takes without any message: its goroutines and
	// buffers; frameWeight what a frame takes beside its content.
	streamWeight, frameWeight = 16 << 10, 128
	// Grace is how long a connection has to take part in the end of one of its streams,
	// where Options do not say.
	Grace = 5 * time.Second
)

// Options say what is bounded. All but Grace are needed.
type Options struct {
	// Most is how many bytes the requests of all connections take together.
	Most int64
	// Unread is how many bytes of whole messages a stream may have that nobody asked for
	// yet: its window, and what is read ahead.
	Unread int64
	// Host says which host an address is of.
	Host func(net.Addr) string
	// Answer gives the trailers for streams that are ended, by their names.
	Answer func() map[string]string
	// Ended is told how many streams were ended. It must not wait.
	Ended func(streams int)
	// Grace is how long a connection has to take part in the end of one of its streams.
	Grace time.Duration
}

// Bound bounds what requests take together.
type Bound struct {
	options Options

	mu    sync.Mutex // guards what follows, and the streams of all connections
	held  int64
	hosts map[string]*host
}

// host is where connections come from.
type host struct {
	held  int64
	conns map[*conn]struct{}
}

// New makes a bound.
func New(o Options) *Bound {
	o.Grace = cmp.Or(o.Grace, Grace)
	return &Bound{options: o, hosts: make(map[string]*host)}
}

// Held is how many bytes requests take now, by estimate.
func (b *Bound) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// Conn gives a connection whose requests are counted. It is that of a client that speaks
// HTTP/2 from its first byte.
func (b *Bound) Conn(inner net.Conn) net.Conn {
	return &conn{
		Conn: inner, bound: b, from: b.options.Host(inner.RemoteAddr()),
		in: bufio.NewReaderSize(inner, readBuffer), left: prefaceBytes, skip: prefaceBytes, streams: make(map[uint32]*stream),
	}
}

// stream is one whose handler has not ended.
type stream struct {
	conn *conn
	id   uint32
	// answered says that its answer has begun, sent that the client has sent all, leaving that
	// it is being ended.
	answered, sent, leaving bool

	reader   messages
	partial  int64     // that the message takes which is on its way
	since    time.Time // when that began; before it, when the stream did
	whole    int       // messages
	received int64     // bytes of them
	weight   int64     // that is counted
}

// weigh counts what a stream takes now.
func (b *Bound) weigh(s *stream) {
	if s.leaving {
		return
	}
	b.add(s, streamWeight+s.partial+min(s.received, b.options.Unread)-s.weight)
}

func (b *Bound) add(s *stream, weight int64) {
	s.weight += weight
	s.conn.held += weight
	s.conn.host.held += weight
	b.held += weight
}

// enter counts a stream that begins. A connection is known while it has streams.
func (b *Bound) enter(s *stream) {
	c := s.conn
	if len(c.streams) == 0 {
		if c.host = b.hosts[c.from]; c.host == nil {
			c.host = &host{conns: make(map[*conn]struct{})}
			b.hosts[c.from] = c.host
		}
		c.host.conns[c] = struct{}{}
	}
	c.streams[s.id] = s
	b.weigh(s)
}

// drop forgets a stream that ended.
func (b *Bound) drop(s *stream) {
	c := s.conn
	if !s.leaving {
		b.add(s, -s.weight)
	}
	delete(c.streams, s.id)
	if len(c.streams) > 0 {
		return
	}
	delete(c.host.conns, c)
	if len(c.host.conns) == 0 {
		delete(b.hosts, c.from)
	}
}

// relieve ends streams until what is left takes somewhat less than it may.
func (b *Bound) relieve() {
	if b.held <= b.options.Most {
		return
	}
	ended := 0
	for enough := b.options.Most - b.options.Most/8; b.held > enough; ended++ {
		s := b.worst()
		if s == nil {
			break
		}
		b.add(s, -s.weight)
		s.leaving = true
		s.conn.expel(s)
	}
	if ended > 0 {
		b.options.Ended(ended)
	}
}

// worst is the stream that is to be ended first; nil if there is none.
func (b *Bound) worst() *stream {
	if len(b.hosts) == 0 {
		return nil
	}
	h := slices.MaxFunc(slices.Collect(maps.Values(b.hosts)), func(x, y *host) int { return cmp.Compare(x.held, y.held) })
	c := slices.MaxFunc(slices.Collect(maps.Keys(h.conns)), func(x, y *conn) int { return cmp.Compare(x.held, y.held) })
	var worst *stream
	for _, s := range c.streams {
		if !s.leaving && (worst == nil || s.before(worst)) {
			worst = s
		}
	}
	return worst
}

// before says that a stream is to be ended before another: one whose message is on its way
// before one that waits, and the older one.
func (s *stream) before(other *stream) bool {
	if mine, others := s.partial > 0, other.partial > 0; mine != others {
		return mine
	}
	return s.since.Before(other.since)
}
