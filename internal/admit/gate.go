package admit

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"akin/internal/paper"
)

// Config says how a Gate works. The zero value of a field means its default.
type Config struct {
	// Name is what the queue is for, in messages; default "calls".
	Name string
	// Places is how many calls work at once; default: PlacesPerCore for each
	// core.
	Places int
	// MaxWait is how long a short call may be expected to wait; default
	// DefaultMaxWait. A call waits up to this and four times what it takes itself.
	MaxWait time.Duration
	// Long is from when on a call may count as long; default DefaultLong. It also
	// takes four times as long as calls usually do. Negative makes no difference
	// between calls.
	Long time.Duration
}

// The defaults.
const (
	PlacesPerCore  = 2
	DefaultMaxWait = time.Second
	DefaultLong    = 250 * time.Millisecond
)

const (
	// patience is how often a call waits for as long as it takes.
	patience = 4
	// unusual is how often a long call takes as long as others.
	unusual = 4
	// mostWaiting bounds the queue where the estimates are too low.
	mostWaiting = 4096
	// manyWaiting is up to how many calls that wait are looked at each time something
	// changes; of more, each time lookEvery went by for each. That is some ten times
	// as long as it takes.
	manyWaiting = 256
	lookEvery   = 500 * time.Nanosecond
	// firstEstimate is what a unit of a class is taken for that was not seen yet.
	firstEstimate = 20 * time.Millisecond
	// smoothing is the weight of the newest call in an estimate; of the first
	// calls, each counts the same.
	smoothing = 0.05
	// notable is by how much an estimate changes before it is applied to what waits.
	notable = 0.05
	// leastRetry and mostRetry bound when callers are asked to come back.
	leastRetry = 100 * time.Millisecond
	mostRetry  = 30 * time.Second
	// margin is how many times as long as estimated a call may take that must be
	// done by a deadline.
	margin = 2
	// caution is how many times as long as estimated the wait of a new call may be
	// that must be done by a deadline.
	caution = 1.25
	// outgrown is how many times as long as its bound a call may come to wait, all in
	// all: beyond, it is refused as soon as that is known.
	outgrown = 1.5
	// mostStretch bounds how far off the estimates of waits may be taken to be.
	mostStretch = 2
	// leastEstimate keeps a class from costing nothing.
	leastEstimate = 10 * time.Microsecond
)

// Caller is whom a call is charged to.
type Caller struct {
	// Host is the machine, Conn the connection.
	Host, Conn string
}

// Call asks for admission.
type Call struct {
	Caller
	// Class names calls that take about the same time a unit. There must be few.
	Class string
	// Units is how much is asked for; 0 means 1.
	Units float64
	// Patient calls wait as long as their context allows and are never refused:
	// those within the process, and the further groups of a stream, which were
	// admitted by the first.
	Patient bool
}

// Gate admits calls.
type Gate struct {
	config Config

	mu      sync.Mutex // guards what follows
	hosts   map[string]*host
	backlog []*host // those of which calls wait
	running []*Pass
	waiting int
	// virtual is the tag, between hosts, of what started last.
	virtual float64
	serial  int64 // of the newest call
	// flows is how many connections are remembered, forgetAt how many may be.
	flows, forgetAt int
	scratch         []lane
	// looked is when shed last looked at all that wait.
	looked time.Time
	times  map[string]*estimate
	// stretch is how long calls waited lately, in estimates: the machine may have
	// other things to do.
	stretch float64
	// logUsual is the logarithm of what calls usually take, in seconds: their
	// geometric mean, which a few long ones do not move far.
	logUsual float64
	counts   Counts
}

// Counts say what became of calls.
type Counts struct {
	Admitted, Refused, GaveUp uint64
	Waiting, Running          int
	// Oldest is for how long the first of those that wait does.
	Oldest time.Duration
}

// waiter is a call in the queue.
type waiter struct {
	call     Call
	host     *host
	flow     *flow
	band     int     // connections that seldom ask come first
	tag      float64 // between connections of the host
	serial   int64
	cost     time.Duration // estimated
	charged  time.Duration // the estimate when it came
	judged   bool          // by shed
	expected time.Duration // how long it was to wait, not stretched
	deadline time.Time     // of the caller; zero for none
	entered  time.Time
	// most is how long it waits if others come before it, or if the estimates were
	// too low.
	most time.Duration
	// ahead and why are of its refusal.
	ahead time.Duration
	why   string
	// pass and err are set before done is closed.
	done chan struct{}
	pass *Pass
	err  error
}

// Pass is the admission of one call. It must be given back with Leave, once.
type Pass struct {
	gate  *Gate
	from  *waiter
	cost  time.Duration
	begin time.Time
	late  bool // took longer than short calls do
	// Waited is how long the call was in the queue.
	Waited time.Duration
}

// New makes a gate.
func New(config Config) *Gate {
	if config.Name == "" {
		config.Name = "calls"
	}
	if config.Places <= 0 {
		config.Places = PlacesPerCore * runtime.GOMAXPROCS(0)
	}
	if config.MaxWait <= 0 {
		config.MaxWait = DefaultMaxWait
	}
	if config.Long == 0 {
		config.Long = DefaultLong
	}
	return &Gate{
		config: config, hosts: make(map[string]*host), times: make(map[string]*estimate),
		stretch: 1, logUsual: math.Log(firstEstimate.Seconds()),
	}
}

// Counts gives what became of calls so far.
func (g *Gate) Counts() Counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.counts
	c.Waiting, c.Running = g.waiting, len(g.running)
	now := time.Now()
	for _, h := range g.backlog {
		for _, w := range h.queue {
			c.Oldest = max(c.Oldest, now.Sub(w.entered))
		}
	}
	return c
}

// Enter admits a call, at once or when its turn comes. The error is a
// *paper.Error of kind Exhausted that says when to come back, or ctx's.
func (g *Gate) Enter(ctx context.Context, call Call) (*Pass, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if call.Units <= 0 {
		call.Units = 1
	}
	w := g.join(ctx, call)
	select {
	case <-w.done:
		return w.pass, w.err
	default:
		return g.wait(ctx, w)
	}
}

// join puts a call into the queue, and starts or refuses what can be.
func (g *Gate) join(ctx context.Context, call Call) *waiter {
	w := &waiter{call: call, entered: time.Now(), done: make(chan struct{})}
	w.deadline, _ = ctx.Deadline()
	g.mu.Lock()
	defer g.mu.Unlock()
	w.cost = g.estimated(call)
	w.charged, w.most = w.cost, 2*g.bound(w)
	g.enqueue(w)
	g.start(w.entered)
	if w.pass == nil {
		g.shed(w.entered)
	}
	return w
}

// wait is for a call that was not admitted at once.
func (g *Gate) wait(ctx context.Context, w *waiter) (*Pass, error) {
	step := w.most
	if g.config.Long > 0 {
		step = min(step, g.config.Long)
	}
	timer := time.NewTimer(step)
	defer timer.Stop()
	for {
		select {
		case <-w.done:
			return w.pass, w.err
		case <-ctx.Done():
			return g.leaveQueue(w, ctx.Err())
		case now := <-timer.C:
			if waited := now.Sub(w.entered); waited >= w.most && !w.call.Patient {
				return g.leaveQueue(w, nil)
			}
			g.mu.Lock()
			g.start(now) // a call that runs may count as long by now
			g.shed(now)
			g.mu.Unlock()
			timer.Reset(step)
		}
	}
}

// leaveQueue takes a call out of the queue with an error, nil for a refusal,
// unless its turn has come meanwhile.
func (g *Gate) leaveQueue(w *waiter, err error) (*Pass, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	switch {
	case g.dequeue(w, now):
		if err == nil {
			g.refuse(w, now, 0, "")
			return nil, w.err
		}
		g.counts.GaveUp++
		g.settle(w, -w.charged, now, now.Add(stillAsking))
		return nil, err
	case err != nil && w.pass != nil: // nobody is there to use it
		g.counts.GaveUp++
		g.end(w.pass, true, now)
		return nil, err
	}
	return w.pass, w.err
}

// Leave gives the place to another call. ok says that the call did its work, as
// opposed to one that failed early: only that says what calls take.
func (p *Pass) Leave(ok bool) {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.gate.end(p, !ok, time.Now())
}

// end frees a place. early says that what the call took is less than its kind
// takes.
func (g *Gate) end(p *Pass, early bool, now time.Time) {
	at := slices.Index(g.running, p)
	if at < 0 {
		return // left already
	}
	g.running = slices.Delete(g.running, at, at+1)
	took := now.Sub(p.begin)
	g.learn(p.from.call, took, early)
	p.from.host.start += (took - p.cost).Seconds()
	g.settle(p.from, took-p.from.charged, now, now)
	g.start(now)
	g.shed(now)
}

// start admits waiters in their order while there are places.
func (g *Gate) start(now time.Time) {
	for {
		w, band := g.next(now)
		if w == nil {
			return
		}
		g.dequeue(w, now)
		if now.After(w.entered) && g.tooLate(w, now, 0) {
			g.refuse(w, now, 0, lateMessage)
			continue
		}
		h := w.host
		if band < heavy { // what it has beyond its share is what others leave
			h.start = min(h.start, g.virtual)
		}
		g.virtual = max(g.virtual, h.start)
		h.start += w.cost.Seconds()
		h.virtual = max(h.virtual, w.tag)
		g.compare(w, now)
		w.pass = &Pass{gate: g, from: w, cost: w.cost, begin: now, Waited: now.Sub(w.entered)}
		g.running = append(g.running, w.pass)
		g.counts.Admitted++
		close(w.done)
	}
}

// next is the first waiter that there is a place for, or nil, and the band of its
// host. Calls that turned
// out to be long lend their places to short ones, until twice as many calls run as
// there are places.
func (g *Gate) next(now time.Time) (*waiter, int) {
	if g.waiting == 0 || len(g.running) >= 2*g.config.Places {
		return nil, 0
	}
	from, long := g.longFrom(), 0
	for _, p := range g.running {
		if p.cost >= from || g.overdue(p, now, from) {
			long++
		}
	}
	forLong := long < g.longPlaces() && len(g.running) < g.config.Places
	forShort := len(g.running)-long < g.config.Places-min(long, g.longPlaces())
	var best *lane
	lanes := g.lanes(now, from)
	for i := range lanes {
		l := &lanes[i]
		if (l.long && forLong || !l.long && forShort) && (best == nil || l.before(best)) {
			best = l
		}
	}
	if best == nil {
		return nil, 0
	}
	return best.head(), best.band
}

// overdue says whether a call that was taken for a short one is long, which
// others of its class may be as well.
func (g *Gate) overdue(p *Pass, now time.Time, long time.Duration) bool {
	took := now.Sub(p.begin)
	if p.late || took < long {
		return p.late
	}
	p.late = true
	g.learn(p.from.call, took, true)
	return true
}

// longPlaces is how many places long calls may hold.
func (g *Gate) longPlaces() int { return max(1, g.config.Places/2) }

// shed refuses calls whose turn would come too late, by what is known now: of a
// host and of a connection that is the newest call, and of all the one that has the
// most before it. Where very much waits, it does not look each time.
func (g *Gate) shed(now time.Time) {
	if g.waiting == 0 || g.waiting > manyWaiting && now.Sub(g.looked) < time.Duration(g.waiting)*lookEvery {
		return
	}
	g.looked = now
	var dropped []*waiter
	stay := 0
	g.eachInOrder(now, func(w *waiter, ahead, plain time.Duration) bool {
		cautious, limit := ahead, scaled(g.bound(w), outgrown)
		if !w.judged { // it has just come
			w.judged, w.expected = true, plain
			cautious, limit = scaled(ahead, caution), g.bound(w)
		}
		late := g.tooLate(w, now, cautious)
		if w.call.Patient || !late && now.Sub(w.entered)+ahead <= limit && stay < mostWaiting {
			stay++
			return true
		}
		w.ahead = ahead
		if late {
			w.why = lateMessage
		}
		dropped = append(dropped, w)
		return false
	})
	for _, w := range dropped {
		g.dequeue(w, now)
		g.refuse(w, now, w.ahead, w.why)
	}
}

// bound is how long a call may be expected to wait.
func (g *Gate) bound(w *waiter) time.Duration { return g.config.MaxWait + patience*w.cost }

// tooLate says whether a call that begins after a wait cannot be done by its
// caller's deadline.
func (g *Gate) tooLate(w *waiter, now time.Time, wait time.Duration) bool {
	return !w.call.Patient && !w.deadline.IsZero() && now.Add(wait+margin*w.cost).After(w.deadline)
}

const lateMessage = "; the deadline of the call is before that"

// refuse answers a call that is not in the queue any more.
func (g *Gate) refuse(w *waiter, now time.Time, ahead time.Duration, why string) {
	g.counts.Refused++
	ahead += now.Sub(w.entered) // that is how long the queue is for such a call
	retry := min(max(rounded(ahead), leastRetry), mostRetry)
	g.settle(w, -w.charged, now, now.Add(retry+stillAsking))
	w.err = &paper.Error{
		Kind: paper.Exhausted, Reason: paper.ReasonQueueFull,
		Message: fmt.Sprintf("the server is busy: of the queue for %s, the turn would come after about %v (the limit for a call like this is %v)%s; try again later, with fewer calls at once",
			g.config.Name, rounded(ahead), rounded(g.bound(w)), why),
		RetryAfter: retry,
	}
	close(w.done)
}

func rounded(d time.Duration) time.Duration {
	return d.Round(10 * time.Millisecond)
}
