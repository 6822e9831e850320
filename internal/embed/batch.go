package embed

import (
	"fmt"
	"runtime/debug"
	"time"
)

// groupTokens bounds the tokens of one run. On a CPU a run of one long text is
// as fast per token as a larger group; grouping pays for short ones, where
// reading the weights is what costs.
const groupTokens = 256

// job is one text on its way through the queue.
type job struct {
	ids       []int64
	truncated bool

	call     *call
	enqueued time.Time

	// What became of it; for its caller to read when the call succeeded.
	vector      []float32
	waited, ran time.Duration
}

// nextGroup takes the oldest job and those of equal length behind it, as many
// as the token budget has room for; a job above the budget goes alone. Jobs whose
// caller has given up are dropped. nil means that nothing was left.
func nextGroup(jobs *[]*job) []*job {
	var group []*job
	rest := (*jobs)[:0]
	budget := groupTokens
	for _, j := range *jobs {
		switch {
		case j.call.ctx.Err() != nil: // its caller sees the same and ends the call
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

// runner runs groups of equal length on one session.
type runner struct {
	session Session
	pool    pooler
}

// run gives one vector a job. A runtime that panics, or gives numbers of another
// shape than it says, is an error of these jobs alone: the worker goes on.
func (r runner) run(jobs []*job) (vectors [][]float32, err error) {
	defer func() {
		if p := recover(); p != nil {
			vectors, err = nil, fmt.Errorf("run model: panic: %v\n%s", p, debug.Stack())
		}
	}()
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
	if want := r.pool.size(len(jobs), tokens); len(out) != want {
		return nil, fmt.Errorf("the model gave %d numbers for %d texts of %d tokens, not %d", len(out), len(jobs), tokens, want)
	}
	return r.pool.vectors(out, len(jobs), tokens), nil
}
