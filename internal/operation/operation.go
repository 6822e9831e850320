// Package operation runs work that takes longer than a call should: it begins it,
// tells how far it is, waits for it and cancels it, and remembers how it ended for a
// while. It knows nothing of what the work is.
//
// A Runner is safe for concurrent use. Each operation has a goroutine of its own,
// which Close cancels and joins. What is remembered is bounded by [Keep] and
// [MaxKept], and lost when the process ends.
package operation

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"akin/internal/paper"
)

const (
	// Keep is how long a finished operation is remembered.
	Keep = time.Hour
	// MaxKept is how many finished ones are remembered at most.
	MaxKept = 100
	// MaxRunning is how many run at a time; each may read all data.
	MaxRunning = 2
	// retryAfter is what is said to who comes while as many run.
	retryAfter = 30 * time.Second
)

// Progress is how far an operation is.
type Progress struct {
	// Step is what it is at, and Done how many of the step's things are; Total is
	// how many there are, 0 if nobody knows.
	Step        string
	Done, Total uint64
}

// Report takes what an operation's work says of its progress.
type Report func(Progress)

// Operation is the state of one at one moment.
type Operation struct {
	// Name is "operations/" and something random.
	Name string
	// Method is what began it.
	Method   string
	Started  time.Time
	Ended    time.Time // zero while it runs
	Progress Progress
	// Result is what the work returned, and Err why it failed; both nil while it
	// runs.
	Result any
	Err    error
}

// Done says whether it has ended.
func (o Operation) Done() bool { return !o.Ended.IsZero() }

// Runner runs operations.
type Runner struct {
	now  func() time.Time
	ctx  context.Context //nolint:containedctx // the life of the operations
	stop context.CancelFunc
	work sync.WaitGroup

	mu     sync.Mutex // guards what follows
	all    map[string]*running
	closed bool
}

type running struct {
	Operation
	cancel context.CancelFunc
	done   chan struct{}
}

// NewRunner makes a Runner. now is the clock; nil is the system's. Close it.
func NewRunner(now func() time.Time) *Runner {
	if now == nil {
		now = time.Now
	}
	r := &Runner{now: now, all: map[string]*running{}}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// Start begins an operation and gives its first state. The work's context ends when
// the operation is cancelled or the Runner closed.
func (r *Runner) Start(method string, work func(context.Context, Report) (any, error)) (Operation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	if r.closed {
		return Operation{}, &paper.Error{Kind: paper.Unavailable, Reason: paper.ReasonStopping, Message: "the server is stopping; try again after the restart"}
	}
	busy := 0
	for _, o := range r.all {
		if !o.Done() {
			busy++
		}
	}
	if busy >= MaxRunning {
		return Operation{}, &paper.Error{
			Kind: paper.Exhausted, Reason: paper.ReasonQueueFull, RetryAfter: retryAfter,
			Message: fmt.Sprintf("%d operations are running, the most that may; wait for one, or cancel it", busy),
		}
	}
	o := &running{Operation: Operation{Name: newName(), Method: method, Started: r.now()}, done: make(chan struct{})}
	var ctx context.Context
	ctx, o.cancel = context.WithCancel(r.ctx)
	r.all[o.Name] = o
	r.work.Go(func() { r.run(ctx, o, work) })
	return o.Operation, nil
}

// newName makes a name that nobody guesses.
func newName() string {
	var b [12]byte
	rand.Read(b[:])
	return "operations/" + hex.EncodeToString(b[:])
}

func (r *Runner) run(ctx context.Context, o *running, work func(context.Context, Report) (any, error)) {
	defer o.cancel()
	result, err := guarded(func() (any, error) {
		return work(ctx, func(p Progress) {
			r.mu.Lock()
			defer r.mu.Unlock()
			o.Progress = p
		})
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	o.Result, o.Err, o.Ended = result, err, r.now()
	close(o.done)
	r.forget()
}

// guarded makes an error of a panic, which would end the process.
func guarded(work func() (any, error)) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	return work()
}

// forget lets go of what finished long ago, and of the oldest beyond MaxKept. The
// caller holds mu.
func (r *Runner) forget() {
	var finished []*running
	for _, o := range r.all {
		if o.Done() {
			finished = append(finished, o)
		}
	}
	slices.SortFunc(finished, func(a, b *running) int { return b.Ended.Compare(a.Ended) })
	for i, o := range finished {
		if i >= MaxKept || r.now().Sub(o.Ended) > Keep {
			delete(r.all, o.Name)
		}
	}
}

func (r *Runner) find(name string) (*running, error) {
	if o, ok := r.all[name]; ok {
		return o, nil
	}
	return nil, &paper.Error{
		Kind: paper.NotFound, Reason: "OPERATION_NOT_FOUND", ResourceType: "operation", ResourceName: name,
		Message: fmt.Sprintf("there is no operation %q; a finished one is kept for %.0f minutes, the last %d, and none after a restart", name, Keep.Minutes(), MaxKept),
	}
}

// Get gives the state of an operation.
func (r *Runner) Get(name string) (Operation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	o, err := r.find(name)
	if err != nil {
		return Operation{}, err
	}
	return o.Operation, nil
}

// List gives all that are remembered, the newest first.
func (r *Runner) List() []Operation {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	list := make([]Operation, 0, len(r.all))
	for _, o := range r.all {
		list = append(list, o.Operation)
	}
	slices.SortFunc(list, func(a, b Operation) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// Wait waits until an operation has ended, or ctx, and gives its state.
func (r *Runner) Wait(ctx context.Context, name string) (Operation, error) {
	r.mu.Lock()
	o, err := r.find(name)
	r.mu.Unlock()
	if err != nil {
		return Operation{}, err
	}
	select {
	case <-o.done:
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return o.Operation, nil
}

// Cancel asks an operation to end; that it was asked to is no promise that it did
// not finish.
func (r *Runner) Cancel(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, err := r.find(name)
	if err == nil {
		o.cancel()
	}
	return err
}

// Delete forgets a finished operation.
func (r *Runner) Delete(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, err := r.find(name)
	if err != nil {
		return err
	}
	if !o.Done() {
		return &paper.Error{Kind: paper.FailedPrecondition, Reason: "OPERATION_RUNNING", Message: fmt.Sprintf("operation %q is running; cancel it first", name)}
	}
	delete(r.all, name)
	return nil
}

// Close cancels what runs, waits for it, and lets nothing begin any more.
func (r *Runner) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
	r.work.Wait()
	return nil
}

// Canceled says whether an operation ended because it was cancelled.
func (o Operation) Canceled() bool { return errors.Is(o.Err, context.Canceled) }
