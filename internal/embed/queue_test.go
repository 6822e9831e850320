package embed_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"akin/internal/embed"
	"akin/internal/paper"
)

// asked is a call of Embed in a goroutine of its own.
type asked struct {
	cancel context.CancelFunc
	done   chan struct{}
	got    []embed.Embedding
	timing embed.Timing
	err    error
}

// ask begins to embed raw texts and returns when all goroutines wait for
// something.
func ask(e *embed.Embedder, class embed.Class, texts ...string) *asked {
	ctx, cancel := context.WithCancel(context.Background())
	a := &asked{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.got, a.timing, a.err = e.Embed(ctx, texts, embed.Options{Class: class, Raw: true})
	}()
	synctest.Wait()
	return a
}

func (a *asked) returned() bool {
	synctest.Wait()
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// held opens a fake model whose runs wait for a value of hold, in a bubble in
// which time passes only when everything waits.
func held(t *testing.T, change func(*embed.Config), test func(t *testing.T, f *fake, e *embed.Embedder)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{hold: make(chan struct{})}
		config := fakeConfig(t, f)
		if change != nil {
			change(&config)
		}
		e := openFake(t, config)
		test(t, f, e)
		close(f.hold)
		closeModel(t, e)
	})
}

func one(c *embed.Config) { c.Threads = 1 }

// A caller who gives up gets the answer at once, whatever else runs, and what did
// not start by then is never run.
func TestGivingUpReturnsAtOnce(t *testing.T) {
	for _, tc := range []struct {
		name  string
		class embed.Class
		texts []string
		runs  int // of the caller who gives up, until it does
	}{
		{"interactive work that waits", embed.Interactive, []string{"b"}, 0},
		{"bulk work that waits", embed.Bulk, []string{"b", "c d", "b"}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			held(t, one, func(t *testing.T, f *fake, e *embed.Embedder) {
				other := ask(e, embed.Interactive, "a")
				a := ask(e, tc.class, tc.texts...)
				if a.returned() {
					t.Fatalf("it did not wait: %v", a.err)
				}
				a.cancel()
				if !a.returned() || !errors.Is(a.err, context.Canceled) || a.got != nil {
					t.Errorf("returned %v with %v, %v; want the error of its context at once", a.returned(), a.got, a.err)
				}
				f.hold <- struct{}{}
				if !other.returned() || other.err != nil || !near(other.got[0].Vector, unit(idsOf("a")...)) {
					t.Errorf("the other caller got %v, %v", other.got, other.err)
				}
				if runs := f.started(); len(runs) != 1 {
					t.Errorf("what was given up was run: %v", runs)
				}
			})
		})
	}
}

// The same while its own text runs: the runtime cannot be stopped, but nobody
// waits for it, and the worker goes on with others.
func TestGivingUpWhileRunning(t *testing.T) {
	for _, class := range []embed.Class{embed.Interactive, embed.Bulk} {
		held(t, one, func(t *testing.T, f *fake, e *embed.Embedder) {
			a := ask(e, class, words("a", 200), "b b b")
			before := len(f.started())
			if before == 0 {
				t.Fatal("nothing runs")
			}
			a.cancel()
			if !a.returned() || !errors.Is(a.err, context.Canceled) {
				t.Fatalf("class %d: returned %v, %v", class, a.returned(), a.err)
			}
			for range before {
				f.hold <- struct{}{}
			}
			next := ask(e, class, "c")
			f.hold <- struct{}{}
			if !next.returned() || next.err != nil || !near(next.got[0].Vector, unit(idsOf("c")...)) {
				t.Errorf("class %d: the next caller got %v, %v", class, next.got, next.err)
			}
			for _, r := range f.started()[before:] {
				if !slices.Equal(r.ids, idsOf("c")) {
					t.Errorf("class %d: what was given up was run: %v", class, r)
				}
			}
		})
	}
}

// What one caller gave up makes place for others, and those beside it in a line
// keep theirs.
func TestGivingUpMakesPlace(t *testing.T) {
	small := func(c *embed.Config) { c.Threads, c.QueueTokens = 1, 20 }
	held(t, small, func(t *testing.T, f *fake, e *embed.Embedder) {
		running := ask(e, embed.Interactive, "a")
		bulk := ask(e, embed.Bulk, words("b", 15))
		patient := ask(e, embed.Bulk, words("c", 10)) // no room
		hasty := ask(e, embed.Bulk, words("d", 11))
		hasty.cancel()
		if !hasty.returned() || !errors.Is(hasty.err, context.Canceled) {
			t.Fatalf("who waits for room and gives up gets %v", hasty.err)
		}
		bulk.cancel()
		f.hold <- struct{}{}
		f.hold <- struct{}{}
		if !running.returned() || !patient.returned() || patient.err != nil || patient.got[0].Tokens != 10 {
			t.Errorf("who waited for room got %v, %v", patient.got, patient.err)
		}
		if runs := f.started(); len(runs) != 2 || runs[1].tokens != 10 {
			t.Errorf("runs: %v", runs)
		}
	})
}

// Jobs of a caller who gave up do not count as load: with them gone, what is left
// runs on all cores.
func TestGivenUpWorkIsNoLoad(t *testing.T) {
	held(t, nil, func(t *testing.T, f *fake, e *embed.Embedder) {
		lone := ask(e, embed.Interactive, "a")
		rest := ask(e, embed.Interactive, "b", "b b", "b b b") // two of them on a core each
		if runs := f.started(); len(runs) != 3 {
			t.Fatalf("runs: %v, want all workers to be busy", runs)
		}
		gone := ask(e, embed.Interactive, "c", "c c")
		gone.cancel()
		if !gone.returned() {
			t.Fatal("it did not return")
		}
		f.hold <- struct{}{} // the oldest run ends, which is the lone worker's
		if !lone.returned() {
			t.Fatal("the lone worker's run has not ended")
		}
		if runs := f.started(); len(runs) != 4 || runs[3].threads != 2 || !slices.Equal(runs[3].ids, idsOf("b b b")) {
			t.Errorf("runs: %v; want the last to be what is left, on 2 cores", runs)
		}
		for range 3 {
			f.hold <- struct{}{}
		}
		if !rest.returned() || rest.err != nil {
			t.Error(rest.err)
		}
	})
}

// A deadline is one way to give up.
func TestDeadline(t *testing.T) {
	held(t, one, func(t *testing.T, f *fake, e *embed.Embedder) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, _, err := e.Embed(ctx, []string{"a"}, embed.Options{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if _, _, err := e.Embed(ctx, []string{"b"}, embed.Options{}); !errors.Is(err, context.DeadlineExceeded) || len(f.started()) != 1 {
			t.Errorf("a deadline that is past: %v, %d runs", err, len(f.started()))
		}
	})
}

// A lone query runs on all cores; several at once run on a core each.
func TestInteractiveSpreadsOverCores(t *testing.T) {
	held(t, nil, func(t *testing.T, f *fake, e *embed.Embedder) {
		lone := ask(e, embed.Interactive, "a")
		if runs := f.started(); len(runs) != 1 || runs[0].threads != 2 {
			t.Fatalf("a lone query: %v, want one run on 2 cores", runs)
		}
		second := ask(e, embed.Interactive, "b")
		if runs := f.started(); len(runs) != 1 {
			t.Fatalf("one that waits behind it: %v, want it to wait", runs)
		}
		third := ask(e, embed.Interactive, "c c")
		if runs := f.started(); len(runs) != 2 || runs[1].threads != 1 || !slices.Equal(runs[1].ids, idsOf("b")) {
			t.Fatalf("two that wait: %v, want the older to run on one core", runs)
		}
		for range 3 {
			f.hold <- struct{}{}
		}
		for _, a := range []*asked{lone, second, third} {
			if !a.returned() || a.err != nil {
				t.Error(a.err)
			}
		}
	})
}

// Bulk work waits while interactive work is there, but not longer than a second
// of it.
func TestBulkYieldsButNotForEver(t *testing.T) {
	held(t, nil, func(t *testing.T, f *fake, e *embed.Embedder) {
		first := ask(e, embed.Interactive, "a")
		bulk := ask(e, embed.Bulk, "b")
		second := ask(e, embed.Interactive, "c")
		f.hold <- struct{}{}
		if !first.returned() {
			t.Fatal("the first has not ended")
		}
		if runs := f.started(); len(runs) != 2 || !slices.Equal(runs[1].ids, idsOf("c")) {
			t.Fatalf("runs: %v; want bulk work to yield", runs)
		}
		time.Sleep(1500 * time.Millisecond)
		third := ask(e, embed.Interactive, "d")
		if runs := f.started(); len(runs) != 3 || !slices.Equal(runs[2].ids, idsOf("b")) || runs[2].threads != 1 {
			t.Fatalf("runs: %v; want bulk work to get its turn on one core", runs)
		}
		for range 3 {
			f.hold <- struct{}{}
		}
		if !second.returned() || !third.returned() || !bulk.returned() || bulk.err != nil {
			t.Error("not all returned")
		}
		if bulk.timing.Queue != 1500*time.Millisecond {
			t.Errorf("bulk work waited %v, want 1.5s", bulk.timing.Queue)
		}
	})
}

// When it is quiet, bulk work runs on as many cores as there are.
func TestBulkUsesAllCores(t *testing.T) {
	held(t, func(c *embed.Config) { c.Threads = 3 }, func(t *testing.T, f *fake, e *embed.Embedder) {
		a := ask(e, embed.Bulk, "a", "a a", "a a a", "a a a a")
		if runs := f.started(); len(runs) != 3 || runs[0].threads != 1 || runs[2].threads != 1 {
			t.Errorf("runs: %v; want 3 on one core each", runs)
		}
		for range 4 {
			f.hold <- struct{}{}
		}
		if !a.returned() || a.err != nil {
			t.Error(a.err)
		}
	})
}

// Texts of the same number of tokens share a run, up to its budget.
func TestGroups(t *testing.T) {
	held(t, one, func(t *testing.T, f *fake, e *embed.Embedder) {
		first := ask(e, embed.Bulk, words("a", 300)) // above the budget: alone
		var texts []string
		for range 70 {
			texts = append(texts, "b b", "c c c") // 4 and 5 tokens
		}
		rest := ask(e, embed.Bulk, texts...)
		for range 5 {
			f.hold <- struct{}{}
		}
		if !first.returned() || !rest.returned() || rest.err != nil {
			t.Fatalf("not all returned: %v", rest.err)
		}
		var got [][2]int
		for _, r := range f.started() {
			got = append(got, [2]int{r.batch, r.tokens})
		}
		// 64 × 4 and 51 × 5 fit into 256 tokens.
		if want := [][2]int{{1, 300}, {64, 4}, {51, 5}, {19, 5}, {6, 4}}; !slices.Equal(got, want) {
			t.Errorf("runs of texts × tokens: %v, want %v", got, want)
		}
		for i, g := range rest.got {
			if !near(g.Vector, unit(idsOf(texts[i])...)) {
				t.Errorf("text %d got the vector of another", i)
			}
		}
	})
}

// A full queue refuses interactive work at once and lets bulk work wait.
func TestFullQueue(t *testing.T) {
	small := func(c *embed.Config) { c.QueueTokens = 20 }
	held(t, small, func(t *testing.T, f *fake, e *embed.Embedder) {
		large := ask(e, embed.Interactive, words("a", 100)) // larger than the queue, which is empty
		refused := ask(e, embed.Interactive, "b")
		var full *paper.Error
		if !refused.returned() || !errors.As(refused.err, &full) {
			t.Fatalf("a full queue answers %v", refused.err)
		}
		if full.Kind != paper.Exhausted || full.Reason != paper.ReasonQueueFull || full.RetryAfter <= 0 || full.RetryAfter > 30*time.Second ||
			full.Metadata["limit_tokens"] != "20" || !strings.Contains(full.Message, "20") {
			t.Errorf("a full queue answers %+v", full)
		}
		f.hold <- struct{}{}
		if !large.returned() || large.err != nil || large.got[0].Tokens != 100 {
			t.Errorf("a request larger than the queue: %v", large.err)
		}
		again := ask(e, embed.Interactive, "b")
		f.hold <- struct{}{}
		if !again.returned() || again.err != nil {
			t.Errorf("when there is room again: %v", again.err)
		}
		filling := ask(e, embed.Bulk, words("a", 20))
		waiting := ask(e, embed.Bulk, "b")
		if waiting.returned() || len(f.started()) != 3 {
			t.Errorf("bulk work without room: %v", waiting.err)
		}
		f.hold <- struct{}{}
		f.hold <- struct{}{}
		if !filling.returned() || !waiting.returned() || waiting.err != nil {
			t.Errorf("bulk work that waited for room: %v", waiting.err)
		}
	})
}

// Closing lets finish what runs, refuses what waits, and frees the model in
// order.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{hold: make(chan struct{})}
		e := openFake(t, fakeConfig(t, f))
		running := ask(e, embed.Interactive, "a")
		waiting := ask(e, embed.Bulk, "b")
		closed := make(chan error)
		go func() { closed <- e.Close() }()
		if !waiting.returned() {
			t.Error("what waits is not refused before what runs has finished")
		}
		late := ask(e, embed.Interactive, "c")
		f.hold <- struct{}{}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if !running.returned() || running.err != nil {
			t.Errorf("what ran: %v", running.err)
		}
		for _, a := range []*asked{waiting, late} {
			var stopping *paper.Error
			if !a.returned() || !errors.As(a.err, &stopping) || stopping.Reason != paper.ReasonStopping || stopping.Kind != paper.Unavailable {
				t.Errorf("while it closes: %v", a.err)
			}
		}
		want := []string{"load model.onnx", "open 2", "close 2", "close graph"} // nobody needed the second session
		if !slices.Equal(f.events, want) {
			t.Errorf("events %v, want %v", f.events, want)
		}
		if err := e.Close(); err != nil || len(f.events) != len(want) {
			t.Errorf("closed twice: %v, %v", err, f.events)
		}
	})
}

// A runtime that fails, panics, or gives what it should not is an error of those
// who asked for it; others, and the worker, are not touched.
func TestRuntimeFails(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(r run, out []float32) ([]float32, int, error)
		want  string
	}{
		"error":           {func(run, []float32) ([]float32, int, error) { return nil, 0, errBroken }, "broken"},
		"panic":           {func(run, []float32) ([]float32, int, error) { panic("out of order") }, "panic: out of order"},
		"dimension":       {func(_ run, out []float32) ([]float32, int, error) { return out, 4, nil }, "4 dimensions"},
		"too few numbers": {func(_ run, out []float32) ([]float32, int, error) { return out[1:], fakeDim, nil }, "numbers"},
		"too many":        {func(_ run, out []float32) ([]float32, int, error) { return append(out, 1), fakeDim, nil }, "numbers"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{hold: make(chan struct{})}
				f.spoil = func(r run, out []float32) ([]float32, int, error) {
					if slices.Contains(r.ids, 7) { // "d"
						return tc.spoil(r, out)
					}
					return out, fakeDim, nil
				}
				config := fakeConfig(t, f)
				config.Threads = 1
				e := openFake(t, config)
				running := ask(e, embed.Interactive, "a")
				bad := ask(e, embed.Bulk, "b", "d") // one run with the good one
				good := ask(e, embed.Bulk, "c")
				close(f.hold)
				for _, a := range []*asked{running, good} {
					if !a.returned() || a.err != nil {
						t.Errorf("another caller got %v", a.err)
					}
				}
				if !bad.returned() || bad.err == nil || !strings.Contains(bad.err.Error(), tc.want) || bad.got != nil {
					t.Errorf("got %v, %v; want an error with %q", bad.got, bad.err, tc.want)
				}
				if after := ask(e, embed.Interactive, "a"); !after.returned() || after.err != nil {
					t.Errorf("the next caller got %v", after.err)
				}
				closeModel(t, e)
			})
		})
	}
}

// What is left of a call that has failed is not run.
func TestFailureEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{spoil: func(run, []float32) ([]float32, int, error) { return nil, 0, errBroken }}
		config := fakeConfig(t, f)
		config.Threads = 1
		e := openFake(t, config)
		a := ask(e, embed.Bulk, "a", "a a", "a a a", "a a a a")
		if !a.returned() || !errors.Is(a.err, errBroken) || len(f.started()) != 1 {
			t.Errorf("%v after %d runs, want the first to end the call", a.err, len(f.started()))
		}
		closeModel(t, e)
	})
}

// Figures count what was run, and what waits.
func TestFigures(t *testing.T) {
	f := new(fake)
	e := openFake(t, fakeConfig(t, f))
	defer closeModel(t, e)
	if _, _, err := e.Embed(t.Context(), []string{words("a", 3), words("b", 3)}, embed.Options{}); err != nil {
		t.Fatal(err)
	}
	got := e.Figures()
	if got.Runs == 0 || got.Texts != 2 || got.Tokens < 6 || got.LimitTokens == 0 || got.Interactive.Waiting != 0 || got.Bulk.Oldest != 0 {
		t.Errorf("%+v", got)
	}
}
