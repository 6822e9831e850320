package admit

import (
	"container/heap"
	"math"
	"time"
)

// estimate is what a unit of a class takes.
type estimate struct {
	seconds float64
	seen    int
	// applied is what those that wait were estimated by last.
	applied float64
}

// estimated is what a call will take.
func (g *Gate) estimated(call Call) time.Duration {
	perUnit := firstEstimate.Seconds()
	if e := g.times[call.Class]; e != nil {
		perUnit = e.seconds
	}
	return max(leastEstimate, time.Duration(perUnit*call.Units*float64(time.Second)))
}

// learn takes in what a call took. One that ended early only says that its class
// takes as much at least. What waits of the class is estimated anew, if that makes a
// difference.
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
	if math.Abs(e.seconds-e.applied) < notable*e.applied {
		return
	}
	e.applied = e.seconds
	for _, h := range g.backlog {
		for _, w := range h.queue {
			if w.call.Class == call.Class {
				w.cost = g.estimated(w.call)
			}
		}
	}
}

// longFrom is from when on a call is a long one.
func (g *Gate) longFrom() time.Duration {
	if g.config.Long <= 0 {
		return math.MaxInt64
	}
	usual := time.Duration(math.Exp(g.logUsual) * float64(time.Second))
	return max(g.config.Long, unusual*usual)
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

// outlook is what is done before the turn of a call that waits.
type outlook struct {
	places, longPlaces int
	// short and long are the work before it; allLong is with what comes after it,
	// and longs how many those are.
	short, long, allLong time.Duration
	longs                int
}

// outlook is that of a call that would be next.
func (g *Gate) outlook(now time.Time, long time.Duration, stretch float64) outlook {
	o := outlook{places: g.config.Places, longPlaces: g.longPlaces()}
	for _, p := range g.running {
		rest := max(0, p.cost-now.Sub(p.begin))
		if p.cost >= long || p.late {
			o.long += rest
			o.longs++
		} else {
			o.short += rest
		}
	}
	o.allLong = o.long
	for _, h := range g.backlog {
		for _, w := range h.queue {
			if w.cost >= long {
				o.allLong += scaled(w.cost, stretch)
				o.longs++
			}
		}
	}
	return o
}

func scaled(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }

// wait estimates when the turn comes. Long calls have some of the places, and the
// short ones need not wait for more of them.
func (o *outlook) wait(long bool) time.Duration {
	if long {
		return max((o.short+o.long)/time.Duration(o.places), o.long/time.Duration(o.longPlaces))
	}
	wait := (o.short + o.allLong) / time.Duration(o.places)
	if left := o.places - min(o.longs, o.longPlaces); left > 0 {
		wait = min(wait, o.short/time.Duration(left))
	}
	return wait
}

// eachInOrder gives those that wait in the order in which they will be served,
// with how long that is estimated to take, with and without what estimates were
// off lately. It goes on as if those were not there for which it gets false.
func (g *Gate) eachInOrder(now time.Time, visit func(w *waiter, ahead, plain time.Duration) bool) {
	long := g.longFrom()
	stretched, plain := g.outlook(now, long, g.stretch), g.outlook(now, long, 1)
	lanes := g.lanes(now, long)
	heap.Init(&lanes)
	for len(lanes) > 0 {
		l := &lanes[0]
		w := l.head()
		if visit(w, stretched.wait(l.long), plain.wait(l.long)) {
			l.tag += w.cost.Seconds()
			if l.long {
				stretched.long += scaled(w.cost, g.stretch)
				plain.long += w.cost
			} else {
				stretched.short += scaled(w.cost, g.stretch)
				plain.short += w.cost
			}
		}
		l.at++
		if l.find(long) {
			heap.Fix(&lanes, 0)
		} else {
			heap.Pop(&lanes)
		}
	}
}
