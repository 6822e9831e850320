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
	// firstEstimate is what a unit of a class is taken for that was not seen yet.
	firstEstimate = 20 * time.Millisecond
	// smoothing is the weight of the newest call in an estimate; of the first
	// calls, each counts the same.
	smoothing = 0.05
	// leastRetry and mostRetry bound when callers are asked to come back.
	leastRetry = 100 * time.Millisecond
	mostRetry  = 30 * time.Second
	// stillAsking is how long after a refusal a caller counts as one who asks on.
	stillAsking = 250 * time.Millisecond
	// margin is how many times as long as estimated a call may take that must be
	// done by a deadline.
	margin = 2
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
	queue   []*waiter  // by tag
	running []*Pass
	flows   map[Caller]*flow
	hosts   map[string]int // active flows
	// virtual is the tag of what started last.
	virtual float64
	times   map[string]*estimate
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
}

// flow is what is known of a caller.
type flow struct {
	// finish is the tag of its next call.
	finish float64
	active int       // calls that wait or run
	since  time.Time // from when on it asks nothing, if it asks nothing
}

// estimate is what a unit of a class takes.
type estimate struct {
	seconds float64
	seen    int
}

// waiter is a call in the queue.
type waiter struct {
	call     Call
	tag      float64
	cost     time.Duration // estimated
	charged  time.Duration // the estimate when it came
	expected time.Duration // how long it was to wait, not stretched
	weight   float64       // what a second costs its caller
	deadline time.Time     // of the caller; zero for none
	entered  time.Time
	// most is how long it waits if others come before it, or if the estimates were
	// too low.
	most time.Duration
	// pass and err are set before done is closed.
	done chan struct{}
	pass *Pass
	err  error
}

// Pass is the admission of one call. It must be given back with Leave, once.
type Pass struct {
	gate  *Gate
	call  Call
	cost  time.Duration
	begin time.Time

	weight  float64
	charged time.Duration
	late    bool // took longer than short calls do
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
	return &Gate{config: config, flows: make(map[Caller]*flow), hosts: make(map[string]int), stretch: 1, logUsual: math.Log(firstEstimate.Seconds()), times: make(map[string]*estimate)}
}

// Counts gives what became of calls so far.
func (g *Gate) Counts() Counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.counts
	c.Waiting, c.Running = len(g.queue), len(g.running)
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
	g.charge(w)
	at, _ := slices.BinarySearchFunc(g.queue, w, func(a, b *waiter) int {
		if a.tag > b.tag {
			return 1
		}
		return -1 // equal tags in the order of their arrival
	})
	g.queue = slices.Insert(g.queue, at, w)
	g.start(w.entered)
	if w.pass == nil {
		g.shed(w)
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
	at := slices.Index(g.queue, w)
	switch {
	case at >= 0:
		g.queue = slices.Delete(g.queue, at, at+1)
		if err == nil {
			g.refuse(w, g.ahead(at, g.stretch), "")
			return nil, w.err
		}
		g.counts.GaveUp++
		g.settle(w.call.Caller, w.weight, -w.charged, false)
		return nil, err
	case err != nil && w.pass != nil: // nobody is there to use it
		g.counts.GaveUp++
		g.end(w.pass, true, time.Now())
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
	g.learn(p.call, took, early)
	g.settle(p.call.Caller, p.weight, took-p.charged, true)
	g.start(now)
}

// start admits waiters in their order while there are places.
func (g *Gate) start(now time.Time) {
	for {
		at := g.next(now)
		if at < 0 {
			return
		}
		w := g.queue[at]
		g.queue = slices.Delete(g.queue, at, at+1)
		if late := g.tooLate(w, now, 0); late && now.Sub(w.entered) > 0 {
			g.refuse(w, g.ahead(at, g.stretch), lateMessage)
			close(w.done)
			continue
		}
		g.virtual = max(g.virtual, w.tag)
		g.compare(w, now)
		w.pass = &Pass{gate: g, call: w.call, cost: w.cost, weight: w.weight, charged: w.charged, begin: now, Waited: now.Sub(w.entered)}
		g.running = append(g.running, w.pass)
		g.counts.Admitted++
		close(w.done)
	}
}

// next is the position of the first waiter that there is a place for, or -1.
// Calls that turned out to be long lend their places to short ones, until twice
// as many calls run as there are places.
func (g *Gate) next(now time.Time) int {
	long := 0
	for _, p := range g.running {
		if g.long(p.cost) || g.overdue(p, now) {
			long++
		}
	}
	if len(g.running) >= 2*g.config.Places {
		return -1
	}
	short := len(g.running) - long
	for i, w := range g.queue {
		if g.long(w.cost) {
			if long < g.longPlaces() && len(g.running) < g.config.Places {
				return i
			}
		} else if short < g.config.Places-min(long, g.longPlaces()) {
			return i
		}
	}
	return -1
}

// overdue says whether a call that was taken for a short one is long, which
// others of its class may be as well.
func (g *Gate) overdue(p *Pass, now time.Time) bool {
	took := now.Sub(p.begin)
	if !g.long(took) || p.late {
		return p.late
	}
	p.late = true
	g.learn(p.call, took, true)
	for _, w := range g.queue {
		if w.call.Class == p.call.Class {
			w.cost = g.estimated(w.call)
		}
	}
	return true
}

// long says whether a call that takes so long is a long one.
func (g *Gate) long(d time.Duration) bool {
	return g.config.Long > 0 && d >= max(g.config.Long, unusual*g.usual())
}

// longPlaces is how many places long calls may hold.
func (g *Gate) longPlaces() int { return max(1, g.config.Places/2) }

// shed refuses calls whose turn would come too late: those at the end of the
// queue, which may be the new one, and the new one if its own deadline is near.
func (g *Gate) shed(added *waiter) {
	at := slices.Index(g.queue, added)
	if at < 0 {
		return // refused by start
	}
	ahead := g.ahead(at, g.stretch)
	added.expected = g.ahead(at, 1)
	if g.tooLate(added, added.entered, ahead) {
		g.queue = slices.Delete(g.queue, at, at+1)
		g.refuse(added, ahead, lateMessage)
		close(added.done)
		return
	}
	for at := len(g.queue) - 1; at >= 0; at-- {
		w := g.queue[at]
		if w.call.Patient {
			continue
		}
		ahead := g.ahead(at, g.stretch)
		if ahead <= g.bound(w) && len(g.queue) <= mostWaiting {
			return // those before it wait for less
		}
		g.queue = slices.Delete(g.queue, at, at+1)
		g.refuse(w, ahead, "")
		close(w.done)
	}
}

// bound is how long a call may be expected to wait.
func (g *Gate) bound(w *waiter) time.Duration { return g.config.MaxWait + patience*w.cost }

// tooLate says whether a call that begins after a wait cannot be done by its
// caller's deadline.
func (g *Gate) tooLate(w *waiter, now time.Time, wait time.Duration) bool {
	return !w.call.Patient && !w.deadline.IsZero() && now.Add(wait+margin*w.cost).After(w.deadline)
}

// ahead estimates when the turn of what stands at a position of the queue comes:
// after what runs, and after what stands before it, which may take longer.
func (g *Gate) ahead(at int, stretch float64) time.Duration {
	now := time.Now()
	var all, long time.Duration
	for _, p := range g.running {
		rest := max(0, p.cost-now.Sub(p.begin))
		all += rest
		if g.long(p.cost) {
			long += rest
		}
	}
	for _, w := range g.queue[:at] {
		cost := time.Duration(float64(w.cost) * stretch)
		all += cost
		if g.long(w.cost) {
			long += cost
		}
	}
	wait := all / time.Duration(g.config.Places)
	if at < len(g.queue) && g.long(g.queue[at].cost) {
		wait = max(wait, long/time.Duration(g.longPlaces()))
	}
	return wait
}

const lateMessage = "; the deadline of the call is before that"

// refuse answers a call that is not in the queue any more.
func (g *Gate) refuse(w *waiter, ahead time.Duration, why string) {
	g.counts.Refused++
	g.settle(w.call.Caller, w.weight, -w.charged, false)
	w.err = &paper.Error{
		Kind: paper.Exhausted, Reason: paper.ReasonQueueFull,
		Message: fmt.Sprintf("the server is busy: of the queue for %s, the turn would come after about %v (the limit for a call like this is %v)%s; try again later, with fewer calls at once",
			g.config.Name, rounded(ahead), rounded(g.bound(w)), why),
		RetryAfter: min(max(rounded(ahead), leastRetry), mostRetry),
	}
}

func rounded(d time.Duration) time.Duration {
	return d.Round(10 * time.Millisecond)
}
