package embed

import (
	"context"
	"slices"
	"sync"
	"time"

	"akin/internal/paper"
)

// bulkPatience is how long bulk work yields to a stream of interactive work
// before it gets a turn all the same.
const bulkPatience = time.Second

// call is what one caller waits for: its jobs, which are run alone, with each
// other, or with those of others.
type call struct {
	ctx  context.Context //nolint:containedctx // a queued request carries its caller's context
	done chan struct{}   // closed at the end

	// The queue's mutex guards what follows until the end.
	left  int // jobs that have no vector yet
	ended bool
	err   error
}

// queue hands jobs to the sessions. The lone worker runs on all cores and takes
// interactive work as long as little of it waits; the shared workers, one per
// core, take interactive work when there is more, and bulk work when there is
// none.
type queue struct {
	workers sync.WaitGroup
	shared  int // cores of the shared workers
	atOnce  int // shared workers

	mu   sync.Mutex
	wake *sync.Cond // on mu: something below changed
	// interactive and bulk wait in the order of their arrival.
	interactive, bulk []*job
	loneBusy          bool
	bulkTurn          time.Time // when bulk work last got a turn
	closed            bool
	rate              float64 // tokens a second, smoothed
	// runs, texts and tokens count what was run.
	runs, texts, tokens uint64
}

func newQueue(cores, workers int, lone, shared runner) *queue {
	q := &queue{shared: cores, atOnce: workers, bulkTurn: time.Now(), rate: 2_000}
	q.wake = sync.NewCond(&q.mu)
	q.workers.Add(1 + workers)
	go q.work(lone, q.takeLone)
	for range workers {
		go q.work(shared, q.takeShared)
	}
	return q
}

// run queues the jobs and waits until all have their vectors, one of them fails,
// or ctx is done: then it returns at once, takes back those that did not start,
// and what becomes of those that are running is nobody's business. After an error
// no field of a job may be read.
func (q *queue) run(ctx context.Context, class Class, jobs []*job) error {
	c := &call{ctx: ctx, done: make(chan struct{}), left: len(jobs)}
	if err := q.add(c, class, jobs); err != nil {
		return err
	}
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.end(c, err)
		return err
	}
	return c.err
}

// add puts the jobs of a call at the end of their line.
func (q *queue) add(c *call, class Class, jobs []*job) error {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return stopping()
	}
	for _, j := range jobs {
		j.call, j.enqueued = c, now
	}
	if class == Bulk {
		if len(q.bulk) == 0 {
			q.bulkTurn = now
		}
		q.bulk = append(q.bulk, jobs...)
	} else {
		q.interactive = append(q.interactive, jobs...)
	}
	q.wake.Broadcast()
	return nil
}

// end ends a call, if it has not ended. Those of its jobs that wait are taken out
// of their line: they cost nothing, and do not count as load. Call it with mu
// held.
func (q *queue) end(c *call, err error) {
	if c.ended {
		return
	}
	c.ended, c.err = true, err
	close(c.done)
	if c.left == 0 {
		return
	}
	mine := func(j *job) bool { return j.call == c }
	q.interactive = slices.DeleteFunc(q.interactive, mine)
	q.bulk = slices.DeleteFunc(q.bulk, mine)
	q.wake.Broadcast() // with less waiting, it may be another's turn
}

func stopping() error {
	return &paper.Error{
		Kind: paper.Unavailable, Reason: paper.ReasonStopping,
		Message: "the server is stopping; try again in a moment", RetryAfter: time.Second,
	}
}

// work runs groups until the queue is closed. take blocks on q.wake and gives
// nil at the end.
func (q *queue) work(r runner, take func() []*job) {
	defer q.workers.Done()
	for {
		group := take()
		if group == nil {
			return
		}
		if q.try(r, group) || len(group) == 1 {
			continue
		}
		// One text may be at fault; those beside it have other callers.
		for i, j := range group {
			if j.call.ctx.Err() == nil {
				q.try(r, group[i:i+1])
			}
		}
	}
}

// try runs a group and hands out its vectors. False means that it failed; only
// the call of a job that is alone is told so.
func (q *queue) try(r runner, group []*job) bool {
	begin := time.Now()
	vectors, err := r.run(group)
	took := time.Since(begin)
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		if len(group) == 1 {
			q.end(group[0].call, err)
		}
		return false
	}
	q.finish(group, vectors, begin, took)
	return true
}

// finish hands a group's vectors to the callers. Call it with mu held.
func (q *queue) finish(group []*job, vectors [][]float32, begin time.Time, took time.Duration) {
	if s := took.Seconds(); s > 0 {
		q.rate += 0.1 * (float64(len(group)*len(group[0].ids))/s - q.rate)
	}
	q.runs, q.texts, q.tokens = q.runs+1, q.texts+uint64(len(group)), q.tokens+uint64(len(group)*len(group[0].ids))
	for i, j := range group {
		j.vector, j.waited, j.ran = vectors[i], begin.Sub(j.enqueued), took
		if j.call.left--; j.call.left == 0 {
			q.end(j.call, nil)
		}
	}
}

// many is how much interactive work is better spread over the cores than run
// on all of them one by one.
func (q *queue) many() bool { return len(q.interactive) >= max(2, q.shared) }

func (q *queue) takeLone() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.loneBusy {
		q.loneBusy = false
		q.wake.Broadcast()
	}
	for {
		if q.closed {
			return nil
		}
		if len(q.interactive) > 0 && !q.many() {
			if group := q.next(&q.interactive); group != nil {
				q.loneBusy = true
				return group
			}
			continue
		}
		q.wake.Wait()
	}
}

func (q *queue) takeShared() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.closed {
			return nil
		}
		var group []*job
		switch quiet := len(q.interactive) == 0 && !q.loneBusy; {
		case q.many():
			group = q.next(&q.interactive)
		case len(q.bulk) > 0 && (quiet || time.Since(q.bulkTurn) > bulkPatience):
			q.bulkTurn = time.Now()
			group = q.next(&q.bulk)
		default:
			q.wake.Wait()
			continue
		}
		if group != nil {
			return group
		}
	}
}

// next takes a group and wakes the workers: with less waiting, it may be
// another's turn.
func (q *queue) next(jobs *[]*job) []*job {
	group := nextGroup(jobs)
	q.wake.Broadcast()
	return group
}

// drainTime estimates how long the given number of tokens takes.
func (q *queue) drainTime(tokens int64) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	perSecond := max(1, q.rate*float64(q.atOnce))
	return min(30*time.Second, time.Duration(float64(tokens)/perSecond*float64(time.Second)))
}

// close refuses what waits and joins the workers.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	for _, j := range slices.Concat(q.interactive, q.bulk) {
		q.end(j.call, stopping())
	}
	q.wake.Broadcast()
	q.mu.Unlock()
	q.workers.Wait()
}
