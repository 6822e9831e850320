package admit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"akin/internal/admit"
	"akin/internal/paper"
)

// outcome is what became of a call.
type outcome struct {
	took time.Duration // from when it was meant to begin
	err  error
}

// load counts outcomes.
type load struct {
	mu   sync.Mutex
	done []outcome
	wait sync.WaitGroup
}

// call asks for admission and works for some time if it gets it.
func (l *load) call(ctx context.Context, g *admit.Gate, call admit.Call, work time.Duration) error {
	begin := time.Now()
	pass, err := g.Enter(ctx, call)
	if err == nil {
		time.Sleep(work)
		pass.Leave(true)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = append(l.done, outcome{time.Since(begin), err})
	return err
}

// open asks at a rate, whatever comes back. work gives the time of each call.
func (l *load) open(g *admit.Gate, perSecond float64, during, deadline time.Duration, call func(i int) admit.Call, work func() time.Duration) {
	begin := time.Now()
	for i := range int(perSecond * during.Seconds()) {
		time.Sleep(time.Until(begin.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))))
		l.wait.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), deadline)
			defer cancel()
			l.call(ctx, g, call(i), work())
		})
	}
	l.wait.Wait()
}

// closed asks again as soon as it is answered.
func (l *load) closed(g *admit.Gate, until time.Time, call admit.Call, work func() time.Duration) {
	for time.Now().Before(until) {
		if l.call(context.Background(), g, call, work()) != nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// split gives the times of what was answered and of what was refused.
func (l *load) split() (answered, refused []time.Duration) {
	for _, o := range l.done {
		if o.err == nil {
			answered = append(answered, o.took)
		} else {
			refused = append(refused, o.took)
		}
	}
	slices.Sort(answered)
	slices.Sort(refused)
	return answered, refused
}

func quantile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(p*float64(len(sorted)-1))]
}

// spread gives times that are spread as those of queries are, with that mean.
func spread(mean time.Duration) func() time.Duration {
	random := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(float64(mean) * (0.5 + 0.5*random.ExpFloat64()))
	}
}

func refused(t *testing.T, err error) *paper.Error {
	t.Helper()
	var e *paper.Error
	if !errors.As(err, &e) || e.Kind != paper.Exhausted || e.Reason != paper.ReasonQueueFull || e.RetryAfter <= 0 {
		t.Fatalf("got %v, not a refusal that says when to come back", err)
	}
	return e
}

func ofConn(host string, conn int) admit.Caller {
	return admit.Caller{Host: host, Conn: fmt.Sprint(host, ":", conn)}
}

// Whatever is offered, what can be done is done, in bounded time, and the others
// are refused at once.
func TestOverload(t *testing.T) {
	const work, places = 16 * time.Millisecond, 2
	capacity := places / work.Seconds()
	for _, c := range []struct {
		factor      float64
		mostRefused float64 // share of what was offered
	}{{0.5, 0}, {0.9, 0}, {1, 0.01}, {2, 0.51}, {5, 0.81}} {
		t.Run(fmt.Sprint(c.factor), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := admit.New(admit.Config{Places: places})
				var l load
				l.open(g, c.factor*capacity, 20*time.Second, 2*time.Second, func(i int) admit.Call {
					return admit.Call{Caller: ofConn("a", i%4), Class: "search"}
				}, spread(work))
				answered, no := l.split()
				goodput := float64(len(answered)) / 20
				t.Logf("offered %.0f/s: %.1f/s answered, p50 %v, p99 %v; %d refused, p99 after %v, at most %v", c.factor*capacity, goodput,
					quantile(answered, .5), quantile(answered, .99), len(no), quantile(no, .99), quantile(no, 1))
				if goodput < 0.9*min(1, c.factor)*capacity {
					t.Errorf("%.1f/s answered of a capacity of %.1f/s", goodput, capacity)
				}
				if share := float64(len(no)) / float64(len(l.done)); share > c.mostRefused {
					t.Errorf("%.3f of the calls were refused", share)
				}
				if p := quantile(answered, .99); p > 1300*time.Millisecond {
					t.Errorf("p99 of what was answered is %v", p)
				}
				if p, q := quantile(no, .5), quantile(no, .99); p > 0 || q > 50*time.Millisecond {
					t.Errorf("half of the refusals took more than %v, the slowest hundredth %v", p, q)
				}
				for _, o := range l.done {
					if o.err != nil {
						refused(t, o.err)
					}
				}
				if n := g.Counts(); n.Waiting+n.Running > 0 || int(n.Admitted) != len(answered) || int(n.Refused) != len(no) {
					t.Errorf("in the end: %+v", n)
				}
			})
		})
	}
}

// One who asks now and then does not wait for those who always ask, over however
// many connections, and is not refused for them: neither where a call of each is
// done within the bound of the queue nor where it is not.
func TestNeighbour(t *testing.T) {
	const quick, slow, slowest, busyFor = 16 * time.Millisecond, 50 * time.Millisecond, 120 * time.Millisecond, 8 * time.Second
	conns := func(host string) func(i int) admit.Call {
		return func(i int) admit.Call { return admit.Call{Caller: ofConn(host, i), Class: "search"} }
	}
	for _, c := range []struct {
		name    string
		busy    func(i int) admit.Call
		rate    float64 // of the quiet caller
		work    time.Duration
		backoff time.Duration // after a refusal
	}{
		{"64 connections of the same host", conns("a"), 2, quick, 10 * time.Millisecond},
		{"64 connections of the same host", conns("a"), 14, quick, 10 * time.Millisecond},
		{"64 connections of the same host where the cores are shared", conns("a"), 14, 37 * time.Millisecond, 100 * time.Millisecond},
		{"64 connections of the same host that ask for more than there is", conns("a"), 2, slow, 10 * time.Millisecond},
		{"64 connections of the same host that ask for more than there is and come back slowly", conns("a"), 2, slow, time.Second},
		{"64 connections of the same host on a slow machine", conns("a"), 2, slowest, 100 * time.Millisecond},
		{"64 connections of another host", conns("b"), 2, quick, 10 * time.Millisecond},
		{"64 connections of another host", conns("b"), 14, quick, 10 * time.Millisecond},
		{"64 connections of another host that ask for more than there is", conns("b"), 14, slow, 10 * time.Millisecond},
		{"64 connections of another host that ask for more than there is and come back slowly", conns("b"), 14, slow, time.Second},
		{"64 connections of another host on a slow machine", conns("b"), 2, slowest, 100 * time.Millisecond},
		{"64 hosts that ask for more than there is", func(i int) admit.Call { return admit.Call{Caller: ofConn(fmt.Sprint("b", i), 1), Class: "search"} }, 2, slow, 10 * time.Millisecond},
		{"64 hosts on a slow machine", func(i int) admit.Call { return admit.Call{Caller: ofConn(fmt.Sprint("b", i), 1), Class: "search"} }, 2, slowest, time.Second},
		{"64 calls at once over one connection", func(int) admit.Call { return admit.Call{Caller: ofConn("a", 1), Class: "search"} }, 14, quick, 10 * time.Millisecond},
		{"a new connection of another host for each of 64 calls at once", func() func(int) admit.Call {
			var n atomic.Int64
			return func(int) admit.Call { return admit.Call{Caller: ofConn("b", int(n.Add(1))), Class: "search"} }
		}(), 14, slow, 10 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%v of %v beside %s", c.rate, c.work, c.name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := admit.New(admit.Config{Places: 2})
				until := time.Now().Add(busyFor)
				var noise, quiet load
				for i := range 64 {
					noise.wait.Go(func() {
						work := spread(c.work)
						for time.Now().Before(until) {
							if noise.call(context.Background(), g, c.busy(i), work()) != nil {
								time.Sleep(c.backoff)
							}
						}
					})
				}
				time.Sleep(2 * time.Second)
				quiet.open(g, c.rate, busyFor-2*time.Second, time.Minute, func(int) admit.Call {
					return admit.Call{Caller: ofConn("a", 99), Class: "search"}
				}, func() time.Duration { return c.work })
				noise.wait.Wait()
				answered, no := quiet.split()
				others, _ := noise.split()
				t.Logf("p50 %v, p99 %v, %d refused; the others %d, p50 %v", quantile(answered, .5), quantile(answered, .99), len(no), len(others), quantile(others, .5))
				if p := quantile(answered, .5); p > 3*c.work || len(no) > 0 {
					t.Errorf("the quiet caller's p50 is %v, %d refused", p, len(no))
				}
				if most := busyFor.Seconds() * 2 / c.work.Seconds(); float64(len(others)+len(answered)) < 0.9*most {
					t.Errorf("%d and %d calls were answered of %.0f", len(others), len(answered), most)
				}
			})
		})
	}
}

// A caller whose calls take long does not keep those from working whose calls take
// little, of the same host or of another.
func TestDearCaller(t *testing.T) {
	for _, host := range []string{"a", "b"} {
		for _, conns := range []int{1, 16} {
			t.Run(fmt.Sprintf("%d at once of host %s", conns, host), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const dear, cheap = 2 * time.Second, 16 * time.Millisecond
					g := admit.New(admit.Config{Places: 4})
					until := time.Now().Add(40 * time.Second)
					var expensive, many load
					for range conns {
						expensive.wait.Go(func() {
							expensive.closed(g, until, admit.Call{Caller: ofConn(host, 1), Class: "novelty"}, func() time.Duration { return dear })
						})
					}
					time.Sleep(10 * time.Second) // by then it is known what they take
					many.open(g, 60, 20*time.Second, time.Minute, func(i int) admit.Call {
						return admit.Call{Caller: ofConn("a", 2+i%4), Class: "search"}
					}, spread(cheap))
					expensive.wait.Wait()
					answered, no := many.split()
					done, _ := expensive.split()
					t.Logf("p50 %v, p99 %v, %d refused; of the dear ones %d answered", quantile(answered, .5), quantile(answered, .99), len(no), len(done))
					if len(no) > 0 || quantile(answered, .5) > 3*cheap || quantile(answered, .99) > 20*cheap {
						t.Errorf("cheap calls: p50 %v, p99 %v, %d refused", quantile(answered, .5), quantile(answered, .99), len(no))
					}
					if least := min(conns, 2) * 15; len(done) < least {
						t.Errorf("only %d dear calls were answered, of %d", len(done), least)
					}
				})
			})
		}
	}
}

// When the machine becomes slower, those who wait are refused as soon as that is
// known, not at the end of their wait.
func TestSlowerMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const quick, slow = 16 * time.Millisecond, 48 * time.Millisecond
		g := admit.New(admit.Config{Places: 2})
		begin := time.Now()
		random := spread(time.Second)
		var l load
		l.open(g, 250, 20*time.Second, 2*time.Second, func(i int) admit.Call {
			return admit.Call{Caller: ofConn("a", i%4), Class: "search"}
		}, func() time.Duration {
			by := quick
			if int(time.Since(begin).Seconds())%10 >= 5 {
				by = slow
			}
			return time.Duration(random().Seconds() * float64(by))
		})
		answered, no := l.split()
		t.Logf("%d answered, p50 %v, p99 %v; %d refused, p50 after %v, p95 %v, p99 %v, at most %v", len(answered), quantile(answered, .5), quantile(answered, .99),
			len(no), quantile(no, .5), quantile(no, .95), quantile(no, .99), quantile(no, 1))
		if p := quantile(no, .95); p > 100*time.Millisecond {
			t.Errorf("a twentieth of the refusals took more than %v", p)
		}
		if p := quantile(no, 1); p > 1600*time.Millisecond {
			t.Errorf("the slowest refusal took %v", p)
		}
	})
}

// Short calls find a place beside long ones, those too that nobody took for long.
func TestLongCallsLeaveRoom(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprint("known ", known), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := admit.New(admit.Config{Places: 4})
				var long, short load
				if known {
					long.call(t.Context(), g, admit.Call{Caller: ofConn("a", 1), Class: "novelty"}, 3*time.Second)
				}
				for i := range 8 {
					long.wait.Go(func() {
						long.call(context.Background(), g, admit.Call{Caller: ofConn("a", i), Class: "novelty"}, 10*time.Second)
					})
				}
				short.open(g, 50, 5*time.Second, time.Minute, func(int) admit.Call {
					return admit.Call{Caller: ofConn("b", 1), Class: "search"}
				}, func() time.Duration { return 16 * time.Millisecond })
				answered, no := short.split()
				if p := quantile(answered, .8); p > 100*time.Millisecond || len(no) > 0 {
					t.Errorf("p80 of short calls beside long ones is %v, %d refused", p, len(no))
				}
				long.wait.Wait()
			})
		})
	}
}

func TestCancelledCallsCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := admit.New(admit.Config{Places: 1})
		busy, err := g.Enter(t.Context(), admit.Call{})
		if err != nil {
			t.Fatal(err)
		}
		var gone load
		ctx, cancel := context.WithCancel(t.Context())
		for range 20 {
			gone.wait.Go(func() { gone.call(ctx, g, admit.Call{Caller: ofConn("a", 1)}, time.Second) })
		}
		synctest.Wait()
		if n := g.Counts().Waiting; n != 20 {
			t.Fatalf("%d calls wait", n)
		}
		cancel()
		gone.wait.Wait()
		if n := g.Counts(); n.Waiting != 0 || n.GaveUp != 20 || n.Running != 1 {
			t.Fatalf("after they gave up: %+v", n)
		}
		busy.Leave(true)
		pass, err := g.Enter(t.Context(), admit.Call{Caller: ofConn("a", 1)})
		if err != nil || pass.Waited > 0 {
			t.Fatalf("the next call: %v", err)
		}
		pass.Leave(true)
		pass.Leave(true) // again: nothing
		if n := g.Counts(); n.Running != 0 || n.Admitted != 2 {
			t.Errorf("in the end: %+v", n)
		}
		if _, err := g.Enter(ctx, admit.Call{}); !errors.Is(err, context.Canceled) {
			t.Errorf("a call that was given up before it came: %v", err)
		}
	})
}

// A call that could not be answered by its deadline is refused at once, not in
// the end.
func TestDeadlineOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := admit.New(admit.Config{Places: 1})
		var l load
		l.call(t.Context(), g, admit.Call{Class: "x"}, 100*time.Millisecond) // says what a call takes
		for range 5 {
			l.wait.Go(func() { l.call(t.Context(), g, admit.Call{Class: "x"}, 100*time.Millisecond) })
		}
		synctest.Wait()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := g.Enter(ctx, admit.Call{Class: "x"})
		if e := refused(t, err); time.Since(begin) > 0 || e.RetryAfter != 500*time.Millisecond {
			t.Errorf("refused after %v: %v, retry after %v", time.Since(begin), err, e.RetryAfter)
		}
		l.wait.Wait()
	})
}

// The estimates follow what calls take, and are not led astray by those that fail
// at once.
func TestEstimatesFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := admit.New(admit.Config{Places: 1})
		longest := func(work time.Duration) int { // of the queue
			var l load
			for range 400 {
				l.wait.Go(func() { l.call(context.Background(), g, admit.Call{Class: "x"}, work) })
			}
			synctest.Wait()
			n := g.Counts().Waiting
			l.wait.Wait()
			return n
		}
		longest(10 * time.Millisecond)
		quick := longest(10 * time.Millisecond)
		longest(100 * time.Millisecond)
		slow := longest(100 * time.Millisecond)
		if quick < 80 || quick > 120 || slow < 4 || slow > 16 {
			t.Errorf("%d calls of 10 ms wait, %d of 100 ms", quick, slow)
		}
		for range 100 { // bad requests
			pass, err := g.Enter(t.Context(), admit.Call{Class: "x"})
			if err != nil {
				t.Fatal(err)
			}
			pass.Leave(false)
		}
		if n := longest(100 * time.Millisecond); n > 16 {
			t.Errorf("after calls that failed, %d calls of 100 ms wait", n)
		}
	})
}

// Patient calls are never refused, and units count.
func TestPatienceAndUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := admit.New(admit.Config{Places: 1})
		var l load
		l.call(t.Context(), g, admit.Call{Class: "x", Units: 10}, time.Second)
		for range 50 {
			l.wait.Go(func() {
				l.call(context.Background(), g, admit.Call{Class: "x", Units: 10, Patient: true}, time.Second)
			})
		}
		synctest.Wait()
		if _, err := g.Enter(t.Context(), admit.Call{Class: "x", Units: 1}); err == nil || refused(t, err) == nil {
			t.Error("an impatient call was admitted behind 50 s of work")
		}
		l.wait.Wait()
		if _, no := l.split(); len(no) > 0 {
			t.Errorf("%d patient calls were refused", len(no))
		}
	})
}

// Two hosts get the same, however many connections each has.
func TestHostsShareEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := admit.New(admit.Config{Places: 2})
		until := time.Now().Add(5 * time.Second)
		var many, few load
		for i := range 40 {
			many.wait.Go(func() {
				many.closed(g, until, admit.Call{Caller: ofConn("a", i), Class: "x"}, spread(10*time.Millisecond))
			})
		}
		for i := range 4 {
			few.wait.Go(func() {
				few.closed(g, until, admit.Call{Caller: ofConn("b", i), Class: "x"}, spread(10*time.Millisecond))
			})
		}
		many.wait.Wait()
		few.wait.Wait()
		a, _ := many.split()
		b, _ := few.split()
		if share := float64(len(b)) / float64(len(a)+len(b)); share < 0.4 || share > 0.6 {
			t.Errorf("the host with 4 connections got %.2f of the work", share)
		}
	})
}

// Whatever others ask, over however many connections, one who asks for less than
// what is theirs is answered, and soon.
func TestShareProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		places := rapid.IntRange(1, 3).Draw(rt, "places")
		work := time.Duration(rapid.IntRange(10, 100).Draw(rt, "work")) * time.Millisecond
		others := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) [3]int {
			return [3]int{rapid.IntRange(1, 20).Draw(rt, "conns"), rapid.IntRange(10, 100).Draw(rt, "work"), rapid.IntRange(1, 500).Draw(rt, "backoff")}
		}), 1, 3).Draw(rt, "others")
		synctest.Test(t, func(*testing.T) {
			g := admit.New(admit.Config{Places: places})
			until := time.Now().Add(2 * time.Second)
			var noise, quiet load
			for h, o := range others {
				work := time.Duration(o[1]) * time.Millisecond
				for i := range o[0] {
					noise.wait.Go(func() {
						for time.Now().Before(until) {
							if noise.call(context.Background(), g, admit.Call{Caller: ofConn(fmt.Sprint("other", h), i), Class: fmt.Sprint(h)}, work) != nil {
								time.Sleep(time.Duration(o[2]) * time.Millisecond)
							}
						}
					})
				}
			}
			for time.Now().Before(until) {
				time.Sleep(time.Duration(len(others)+1) * work)
				quiet.call(context.Background(), g, admit.Call{Caller: ofConn("quiet", 0), Class: "quiet"}, work)
			}
			noise.wait.Wait()
			answered, no := quiet.split()
			// One call of each other host and what runs, and again as much where calls
			// turn out to take longer than was known.
			if most := work + time.Duration(2*(len(others)+1))*100*time.Millisecond; len(no) > 0 || quantile(answered, 1) > most {
				rt.Errorf("%d calls were refused, and the slowest of %d took %v, more than %v", len(no), len(answered), quantile(answered, 1), most)
			}
		})
	})
}

// Whatever callers do, places are not exceeded, nothing is lost, and in the end
// nothing is left.
func TestGateProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		places := rapid.IntRange(1, 4).Draw(rt, "places")
		calls := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) [6]int {
			return [6]int{
				rapid.IntRange(0, 500).Draw(rt, "at"), rapid.IntRange(0, 400).Draw(rt, "work"), rapid.IntRange(0, 3).Draw(rt, "conn"),
				rapid.IntRange(0, 2).Draw(rt, "class"), rapid.IntRange(0, 2000).Draw(rt, "deadline"), rapid.IntRange(0, 3).Draw(rt, "kind"),
			}
		}), 1, 40).Draw(rt, "calls")
		synctest.Test(t, func(*testing.T) {
			g := admit.New(admit.Config{Places: places})
			var l load
			for _, c := range calls {
				l.wait.Go(func() {
					time.Sleep(time.Duration(c[0]) * time.Millisecond)
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c[4])*time.Millisecond)
					defer cancel()
					call := admit.Call{Caller: ofConn(fmt.Sprint(c[2]%2), c[2]), Class: fmt.Sprint(c[3]), Units: float64(c[5]), Patient: c[5] == 0}
					l.call(ctx, g, call, time.Duration(c[1])*time.Millisecond)
					if n := g.Counts(); n.Running > 2*places {
						rt.Errorf("%d calls run in %d places", n.Running, places)
					}
				})
			}
			l.wait.Wait()
			if n := g.Counts(); n.Running+n.Waiting != 0 || len(l.done) != len(calls) {
				rt.Errorf("in the end: %+v, %d answers of %d", n, len(l.done), len(calls))
			}
		})
	})
}
