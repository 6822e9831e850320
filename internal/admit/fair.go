package admit

import (
	"math"
	"slices"
	"time"
)

const (
	// bands is how finely hosts, and connections of a host, are told apart by how much
	// of the time they ask. The last is for those that always do.
	bands = 4
	heavy = bands - 1
	// firstBusy is what one that was not seen before is taken for: not for
	// one that seldom asks, so that nothing is won by a new connection for each call.
	firstBusy = 0.7
	// connWorks is what a call that works counts of what a connection asks, beside one
	// that waits: when all is slow, calls work for longer, and one who asks now and
	// then does not ask for more by that. Hosts are charged strictly.
	connWorks = 0.5
	// memory is over how long it is averaged how much of the time one asks.
	memory = 2 * time.Second
	// forgetAfter is how long a connection that asks nothing is remembered.
	forgetAfter = 5 * memory
	// stillAsking is how much later than it was told to come back a caller that was
	// refused may come, and counts as one who asked all the time. One that gave up may
	// come after so long.
	stillAsking = 250 * time.Millisecond
)

// presence is for how much of the time somebody asks.
type presence struct {
	active, waiting int // calls that wait or run, and those that wait
	// works is what a call counts that works, beside one that waits.
	works float64
	// busy is the share of the time, lately, as of seen.
	busy float64
	seen time.Time
	asks time.Time // until when it counts as asking, whatever waits or works
}

// advance brings busy up to date, which is before the number of calls changes.
func (p *presence) advance(now time.Time) {
	until := now
	if p.asks.Before(now) {
		until = p.asks
	}
	p.toward(1, until)
	p.toward(min(1, float64(p.waiting)+p.works*float64(p.active-p.waiting)), now)
}

// toward is for a time in which a share was asked.
func (p *presence) toward(share float64, now time.Time) {
	if d := now.Sub(p.seen); d > 0 {
		p.busy = share + (p.busy-share)*math.Exp(-d.Seconds()/memory.Seconds())
		p.seen = now
	}
}

// leave ends a call that was answered, or refused until some time.
func (p *presence) leave(now, until time.Time) {
	p.advance(now)
	p.active--
	if p.asks.Before(until) {
		p.asks = until
	}
}

// band tells apart how much is asked, with so many calls that wait already.
func (p *presence) band(waiting int) int { return min(heavy, int(p.busy*bands)+waiting) }

// host is a machine that asks, over any number of connections.
type host struct {
	presence
	// start is what it was charged for so far, in seconds: the tag of its next call.
	start float64
	queue []*waiter // by band, then tag
	// virtual is the tag, between its connections, of what started last.
	virtual float64
	conns   map[string]*flow
}

// flow is what is known of a connection.
type flow struct {
	presence
	// finish is the tag of its next call.
	finish float64
}

// caller gives what is known of a caller.
func (g *Gate) caller(c Caller, now time.Time) (*host, *flow) {
	h := g.hosts[c.Host]
	if h == nil {
		h = &host{presence: presence{works: 1, busy: firstBusy, seen: now}, conns: make(map[string]*flow)}
		g.hosts[c.Host] = h
	}
	f := h.conns[c.Conn]
	if f == nil {
		f = &flow{presence: presence{works: connWorks, busy: firstBusy, seen: now}}
		h.conns[c.Conn] = f
		g.flows++
	}
	h.advance(now)
	f.advance(now)
	return h, f
}

// enqueue gives a call its place in the order, and charges its connection. A
// connection that always asks is served where what it was charged for so far ends,
// but not before what is served now. One that asks now and then, and does not
// have others waiting, goes before those.
func (g *Gate) enqueue(w *waiter) {
	h, f := g.caller(w.call.Caller, w.entered)
	w.host, w.flow = h, f
	g.serial++
	w.serial = g.serial
	w.band = f.band(f.waiting)
	w.tag = h.virtual
	if w.band == heavy {
		w.tag = max(h.virtual, f.finish)
	}
	f.finish = w.tag + w.charged.Seconds()
	for _, p := range [2]*presence{&h.presence, &f.presence} {
		p.active++
		p.waiting++
	}
	if len(h.queue) == 0 {
		h.start = max(h.start, g.virtual)
		g.backlog = append(g.backlog, h)
	}
	at, _ := slices.BinarySearchFunc(h.queue, w, byRight)
	h.queue = slices.Insert(h.queue, at, w)
	g.waiting++
}

// dequeue takes a call out of the queue, if it is there.
func (g *Gate) dequeue(w *waiter, now time.Time) bool {
	at := slices.Index(w.host.queue, w)
	if at < 0 {
		return false
	}
	w.host.queue = slices.Delete(w.host.queue, at, at+1)
	if len(w.host.queue) == 0 {
		g.backlog = slices.DeleteFunc(g.backlog, func(h *host) bool { return h == w.host })
	}
	for _, p := range [2]*presence{&w.host.presence, &w.flow.presence} {
		p.advance(now)
		p.waiting--
	}
	g.waiting--
	return true
}

// settle ends a call of a caller, and charges for what it took beyond what was
// estimated, or gives back what it did not take. The caller counts as asking until
// some time.
func (g *Gate) settle(w *waiter, more time.Duration, now, until time.Time) {
	w.flow.finish += more.Seconds()
	w.flow.leave(now, until)
	w.host.leave(now, until)
	g.forget(now)
}

// forget drops callers that ask nothing any more.
func (g *Gate) forget(now time.Time) {
	if g.waiting == 0 && len(g.running) == 0 { // nobody to be fair to
		clear(g.hosts)
		g.virtual, g.flows = 0, 0
		return
	}
	if g.flows < g.forgetAt {
		return
	}
	for name, h := range g.hosts {
		for conn, f := range h.conns {
			if f.active == 0 && now.Sub(f.asks) > forgetAfter {
				delete(h.conns, conn)
				g.flows--
			}
		}
		if len(h.conns) == 0 && h.active == 0 {
			delete(g.hosts, name)
		}
	}
	g.forgetAt = 2*g.flows + 256
}

// byRight orders the calls of a host.
func byRight(a, b *waiter) int {
	switch {
	case a.band != b.band:
		return a.band - b.band
	case a.tag < b.tag:
		return -1
	case a.tag > b.tag:
		return 1
	}
	return int(a.serial - b.serial)
}

// lane is what waits of a host and is short, or long, from one position of its
// queue on.
type lane struct {
	host *host
	long bool
	at   int
	// band and tag are of the call there, between hosts.
	band int
	tag  float64
}

func (l *lane) head() *waiter { return l.host.queue[l.at] }

// before says whether the next call of a lane is served before that of another.
func (l *lane) before(o *lane) bool {
	switch {
	case l.band != o.band:
		return l.band < o.band
	case l.tag < o.tag:
		return true
	case l.tag > o.tag:
		return false
	case l.host == o.host:
		return l.at < o.at
	}
	return l.head().serial < o.head().serial
}

// find moves on to the first call of the lane at its position or after it.
func (l *lane) find(long time.Duration) bool {
	for ; l.at < len(l.host.queue); l.at++ {
		if (l.head().cost >= long) == l.long {
			return true
		}
	}
	return false
}

// lanes gives what is first of each host, the short and the long calls. A host that
// asks now and then, and of which little waits, goes before those that always ask.
func (g *Gate) lanes(now time.Time, long time.Duration) laneHeap {
	all := g.scratch[:0]
	for _, h := range g.backlog {
		h.advance(now)
		band := h.band(len(h.queue) - 1)
		for _, isLong := range [2]bool{false, true} {
			if l := (lane{host: h, long: isLong, band: band, tag: h.start}); l.find(long) {
				all = append(all, l)
			}
		}
	}
	g.scratch = all
	return all
}

// laneHeap is for container/heap.
type laneHeap []lane

func (h laneHeap) Len() int           { return len(h) }
func (h laneHeap) Less(i, j int) bool { return h[i].before(&h[j]) }
func (h laneHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface: nothing is ever added.
func (h *laneHeap) Push(any) {}

// Pop implements heap.Interface.
func (h *laneHeap) Pop() any {
	*h = (*h)[:len(*h)-1]
	return nil
}
