package admit

import (
	"math"
	"time"
)

// estimated is what a call will take.
func (g *Gate) estimated(call Call) time.Duration {
	perUnit := firstEstimate.Seconds()
	if e := g.times[call.Class]; e != nil {
		perUnit = e.seconds
	}
	return max(leastEstimate, time.Duration(perUnit*call.Units*float64(time.Second)))
}

// learn takes in what a call took. One that ended early only says that its class
// takes as much at least.
func (g *Gate) learn(call Call, took time.Duration, early bool) {
	e := g.times[call.Class]
	perUnit := took.Seconds() / call.Units
	if e == nil {
		e = &estimate{seconds: firstEstimate.Seconds()}
		g.times[call.Class] = e
	}
	if early && perUnit <= e.seconds {
		return
	}
	if !early {
		g.logUsual += smoothing * (math.Log(max(took, leastEstimate).Seconds()) - g.logUsual)
	}
	e.seen++
	e.seconds += max(smoothing, 1/float64(e.seen)) * (perUnit - e.seconds)
}

// usual is what calls usually take.
func (g *Gate) usual() time.Duration {
	return time.Duration(math.Exp(g.logUsual) * float64(time.Second))
}

// compare takes in how long a call waited beside what was expected. Only longer
// waits count: the estimates of what calls take come down by themselves.
func (g *Gate) compare(w *waiter, now time.Time) {
	if w.expected < leastRetry {
		return // says nothing
	}
	ratio := min(mostStretch, now.Sub(w.entered).Seconds()/w.expected.Seconds())
	g.stretch = max(1, g.stretch+smoothing*(ratio-g.stretch))
}

// flow gives what is known of a caller.
func (g *Gate) flow(c Caller) *flow {
	f := g.flows[c]
	if f == nil {
		f = new(flow)
		g.flows[c] = f
	}
	return f
}

// charge gives a call its place in the order: where what its caller was charged
// for so far ends, but not before what is served now. Time in which a caller asks
// nothing is credited to it, so that one who asks now and then is not behind those
// who always ask.
func (g *Gate) charge(w *waiter) {
	f := g.flow(w.call.Caller)
	if f.active == 0 {
		g.hosts[w.call.Host]++
	}
	// A host that asks over many connections pays for all of them with each.
	w.weight = float64(g.hosts[w.call.Host])
	if f.active == 0 && w.entered.After(f.since) && !f.since.IsZero() {
		f.finish -= w.weight * w.entered.Sub(f.since).Seconds()
	}
	f.active++
	w.tag = max(g.virtual, f.finish)
	f.finish = w.tag + w.weight*w.cost.Seconds()
}

// settle ends a call of a caller, and charges for what it took beyond what was
// estimated, or gives back what it did not take.
func (g *Gate) settle(c Caller, weight float64, more time.Duration, answered bool) {
	f := g.flow(c)
	f.finish += weight * more.Seconds()
	if f.active--; f.active == 0 {
		if f.since = time.Now(); !answered {
			f.since = f.since.Add(stillAsking)
		}
		if g.hosts[c.Host]--; g.hosts[c.Host] == 0 {
			delete(g.hosts, c.Host)
		}
	}
	g.forget()
}

// forget drops callers whose account is even: those that wait for nothing and
// are not ahead of the others.
func (g *Gate) forget() {
	if len(g.queue) == 0 && len(g.running) == 0 { // nobody to be fair to
		clear(g.flows)
		g.virtual = 0
		return
	}
	if len(g.flows) < 2*(len(g.queue)+len(g.running))+256 {
		return
	}
	for c, f := range g.flows {
		if f.active == 0 && f.finish <= g.virtual {
			delete(g.flows, c)
		}
	}
}
