package embed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"akin/internal/paper"
)

const (
	// groupTokens bounds the tokens of one run. On a CPU a run of one long text
	// is as fast per token as a larger group; grouping pays for short ones,
	// where reading the weights is what costs.
	groupTokens = 256
	// bulkPatience is how long bulk work yields to a stream of interactive work
	// before it gets a turn all the same.
	bulkPatience = time.Second
)

// job is one text on its way through the queue. The queue's mutex guards it
// until done is called.
type job struct {
	ids       []int64
	truncated bool

	ctx      context.Context //nolint:containedctx // a queued request carries its caller's context
	wait     *sync.WaitGroup
	enqueued time.Time

	vector      []float32
	err         error
	waited, ran time.Duration
}

// runner runs groups of equal length on one session.
type runner struct {
	session Session
	pool    pooler
}

func (r runner) run(jobs []*job) ([][]float32, error) {
	tokens := len(jobs[0].ids)
	flat := make([]int64, 0, tokens*len(jobs))
	for _, j := range jobs {
		flat = append(flat, j.ids...)
	}
	out, dim, err := r.session.Run(flat, len(jobs), tokens)
	if err != nil {
		return nil, err
	}
	if dim != r.pool.dim {
		return nil, fmt.Errorf("the model gave %d dimensions, its manifest says %d", dim, r.pool.dim)
	}
	return r.pool.vectors(out, len(jobs), tokens), nil
}

// queue hands jobs to the sessions. The lone worker runs on all cores and takes
// interactive work as long as little of it waits; the shared workers, one per
// core, take interactive work when there is more, and bulk work when there is
// none.
type queue struct {
	workers sync.WaitGroup
	shared  int // workers

	mu   sync.Mutex
	wake *sync.Cond // on mu: something below changed
	// interactive and bulk wait in the order of their arrival.
	interactive, bulk []*job
	loneBusy          bool
	bulkTurn          time.Time // when bulk work last got a turn
	closed            bool
	rate              float64 // tokens a second, smoothed
}

func newQueue(threads int, lone, shared runner) *queue {
	q := &queue{shared: threads, bulkTurn: time.Now(), rate: 2_000}
	q.wake = sync.NewCond(&q.mu)
	q.workers.Add(1 + threads)
	go q.work(lone, q.takeLone)
	for range threads {
		go q.work(shared, q.takeShared)
	}
	return q
}

// run queues the jobs and waits for them, or for ctx. After an early return no
// field of a job may be read.
func (q *queue) run(ctx context.Context, class Class, jobs []*job) error {
	var wait sync.WaitGroup
	wait.Add(len(jobs))
	now := time.Now()
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return stopping()
	}
	for _, j := range jobs {
		j.ctx, j.wait, j.enqueued = ctx, &wait, now
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
	q.mu.Unlock()
	// A canceled job is skipped by the worker that meets it, so this wait is
	// never longer than one pass.
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, j := range jobs {
		if j.err != nil {
			return j.err
		}
	}
	return nil
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
		begin := time.Now()
		vectors, err := r.run(group)
		took := time.Since(begin)
		q.finish(group, vectors, err, begin, took)
	}
}

func (q *queue) finish(group []*job, vectors [][]float32, err error, begin time.Time, took time.Duration) {
	q.mu.Lock()
	if s := took.Seconds(); s > 0 {
		q.rate += 0.1 * (float64(len(group)*len(group[0].ids))/s - q.rate)
	}
	q.mu.Unlock()
	for i, j := range group {
		j.waited, j.ran, j.err = begin.Sub(j.enqueued), took, err
		if err == nil {
			j.vector = vectors[i]
		}
		j.wait.Done()
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

// nextGroup takes the oldest job and those of equal length behind it, under
// the token budget. It drops jobs whose caller has given up. nil means that
// nothing was left.
func nextGroup(jobs *[]*job) []*job {
	var group []*job
	rest := (*jobs)[:0]
	budget := groupTokens
	for _, j := range *jobs {
		switch {
		case j.ctx.Err() != nil:
			j.err = j.ctx.Err()
			j.wait.Done()
		case len(group) == 0 || len(j.ids) == len(group[0].ids) && len(j.ids) <= budget:
			group = append(group, j)
			budget -= len(j.ids)
		default:
			rest = append(rest, j)
		}
	}
	clear((*jobs)[len(rest):]) // let go of what was taken
	*jobs = rest
	return group
}

// drainTime estimates how long the given number of tokens takes.
func (q *queue) drainTime(tokens int64) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	perSecond := max(1, q.rate*float64(q.shared))
	return min(30*time.Second, time.Duration(float64(tokens)/perSecond*float64(time.Second)))
}

// close refuses what waits and joins the workers.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	for _, j := range append(q.interactive, q.bulk...) {
		j.err = errors.Join(stopping(), j.ctx.Err())
		j.wait.Done()
	}
	q.interactive, q.bulk = nil, nil
	q.wake.Broadcast()
	q.mu.Unlock()
	q.workers.Wait()
}
