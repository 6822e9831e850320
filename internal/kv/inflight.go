package kv

import (
	"sync"
	"sync/atomic"
)

// inflight counts the calls under way, so that closing can wait for them. Calls
// may nest: one that begins while closing is refused rather than blocked.
type inflight struct {
	closing atomic.Bool // also read without mu, by iterations

	mu   sync.Mutex // guards the fields below
	n    int
	idle chan struct{} // made by close, closed when n is 0
}

// enter begins a call; every nil must be followed by one leave.
func (g *inflight) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closing.Load() {
		return closedError()
	}
	g.n++
	return nil
}

func (g *inflight) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if g.n == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// close refuses new calls and waits for those under way. The first caller
// gets true.
func (g *inflight) close() bool {
	g.mu.Lock()
	first := !g.closing.Swap(true)
	if !first || g.n == 0 {
		g.mu.Unlock()
		return first
	}
	idle := make(chan struct{})
	g.idle = idle
	g.mu.Unlock()
	<-idle
	return true
}
