package layout

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// Work says how to work.
type Work struct {
	// Workers is how many goroutines work; 0 is one for each core.
	Workers int
	// Pause is called by each worker between pieces of some milliseconds: it returns
	// when the next may begin. nil never waits.
	Pause func(context.Context) error
	// Progress is told how much of a step is done, from 0 to 1, by one goroutine at a
	// time. nil is told nothing.
	Progress func(step Step, done float64)
}

// Step is a part of the work of a map.
type Step string

// The steps, in their order.
const (
	Grouping   Step = "grouping"
	Neighbours Step = "neighbours"
	Placing    Step = "placing"
)

func (w Work) workers() int {
	if w.Workers > 0 {
		return w.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func (w Work) tell(step Step, done float64) {
	if w.Progress != nil {
		w.Progress(step, done)
	}
}

func (w Work) pause(ctx context.Context) error {
	if w.Pause != nil {
		return w.Pause(ctx)
	}
	return ctx.Err()
}

// pieces does a number of pieces of work, each by one of the workers, in no order that
// results may depend on. told is told how many are done; nil is told nothing.
func (w Work) pieces(ctx context.Context, n int, do func(piece int), told func(done int)) error {
	var (
		wait      sync.WaitGroup
		next      atomic.Int64
		mu        sync.Mutex // guards failed and done
		failed    error
		completed int
	)
	finish := func(err error) bool {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed = err
		} else {
			completed++
			if told != nil {
				told(completed)
			}
		}
		return failed == nil
	}
	for range min(w.workers(), n) {
		wait.Go(func() {
			for {
				piece := int(next.Add(1)) - 1
				if piece >= n {
					return
				}
				err := w.pause(ctx)
				if err == nil {
					do(piece)
				}
				if !finish(err) {
					return
				}
			}
		})
	}
	wait.Wait()
	return failed
}
