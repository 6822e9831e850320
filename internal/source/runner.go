package source

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"akin/internal/harvest"
	"akin/internal/paper"
)

const (
	// lookEvery is how long a source sleeps at most before it looks at the clock again,
	// which may have been set.
	lookEvery = 5 * time.Minute
	// shortWait is how long a run waits in its place for a source that asks to be left
	// alone; for longer it is put off.
	shortWait = 2 * time.Minute
	// mostTries is how many failures in a row a run survives.
	mostTries = 8
	// heldEvery is how often a source looks whether papers can be changed again.
	heldEvery = time.Minute
)

// runner is a source that is followed.
type runner struct {
	m      *Manager
	config Config
	// fixed says that it is of the configuration.
	fixed bool
	// busy has a place for who works on the source.
	busy chan struct{}
	// wake is told when the state has changed from outside.
	wake chan struct{}
	// lists are those of OAI-PMH under way, by set. They belong to who is busy.
	lists map[string]*harvest.List
	// looks are the files of a folder as they were seen, page the ids of the last page of
	// a listing. They belong to who is busy.
	looks map[string]look
	page  string
	// life ends with stop, when the source is followed no more.
	life context.Context //nolint:containedctx // that of its goroutine
	stop context.CancelFunc
	done chan struct{} // closed when follow has ended; nil if it never began

	mu    sync.Mutex // guards what follows
	state State
	// held is why it does nothing although it is due; "" if it does.
	held string
	// working says that a run is at work now.
	working bool
}

// driver does the steps of a kind of source.
type driver interface {
	// begin sets the checkpoint to what a run is to do.
	begin(j *job)
	// step does the next thing, and says whether there is none after it.
	step(ctx context.Context, j *job) (done bool, err error)
}

// idler is a driver that can look whether there is anything to do without a run.
type idler interface {
	idle(ctx context.Context, j *job) (bool, error)
}

func driverOf(kind Kind) driver {
	switch kind {
	case OAI:
		return oaiDriver{}
	case Feed:
		return feedDriver{}
	case Listing:
		return listingDriver{}
	case Folder:
		return folderDriver{}
	}
	return nil
}

// job is work on a source: a copy of its state, which a step changes and save keeps.
type job struct {
	m      *Manager
	r      *runner
	config Config
	state  State
	// What goes into the book with the next checkpoint.
	refused []Refusal
	said    map[string]Said
	also    []func(Writer) error
}

// snapshot gives the state now.
func (r *runner) snapshot() (s State, held string, working bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.clone(), r.held, r.working
}

// follow works whenever the source is due, until ctx ends.
func (r *runner) follow(ctx context.Context) {
	defer close(r.done)
	for ctx.Err() == nil {
		wait := r.wait()
		if wait <= 0 {
			if err := r.work(ctx, false); err != nil && ctx.Err() == nil {
				r.m.log.Debug("a source did not finish", "source", r.config.Name, "error", err)
			}
			continue
		}
		timer := time.NewTimer(min(wait, lookEvery))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-r.wake:
		}
		timer.Stop()
	}
}

// wait is how long until the source is due.
func (r *runner) wait() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.state.Paused.IsZero() {
		r.held = ""
		return lookEvery
	}
	now := r.m.now()
	wait := r.state.Next.Sub(now)
	if most := max(r.config.Every, mostWait) + backOffMost; wait > most { // the clock went back
		r.state.Next = nextTime(r.config.Name, r.config.Every, now)
		wait = r.state.Next.Sub(now)
	}
	if wait > 0 {
		return wait
	}
	if err := r.m.writable(); err != nil {
		r.held = sentence(err)
		return heldEvery
	}
	r.held = ""
	return 0
}

// poke has follow look again.
func (r *runner) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// work begins a run, or goes on with the one under way, until it ends or is put off.
func (r *runner) work(ctx context.Context, asked bool) error {
	select {
	case r.busy <- struct{}{}:
		defer func() { <-r.busy }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := r.m.writable(); err != nil {
		r.hold(err)
		return err
	}
	r.mark(true)
	defer r.mark(false)
	state, _, _ := r.snapshot()
	j := &job{m: r.m, r: r, config: r.config, state: state, said: make(map[string]Said)}
	d := driverOf(r.config.Kind)
	if !asked && j.rests(ctx, d) {
		return nil
	}
	if err := j.open(ctx, d, asked); err != nil {
		return r.failed(err)
	}
	for {
		done, err := j.step(ctx, d)
		if err != nil {
			var wait time.Duration
			if wait, err = j.stumble(ctx, err); err == nil {
				err = sleep(ctx, wait)
			}
			if err != nil {
				return r.failed(err)
			}
			continue
		}
		j.state.Failures, j.state.Failing = 0, time.Time{}
		if !done {
			if err := j.save(ctx); err != nil {
				return r.failed(err)
			}
			continue
		}
		return r.failed(j.close(ctx, nil))
	}
}

// step does the driver's next step. What ends in a panic is an error of the source.
func (j *job) step(ctx context.Context, d driver) (done bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			j.m.log.Error("panic in a source", "source", j.config.Name, "panic", p, "stack", string(debug.Stack()))
			done, err = false, lasting(nil, "what it has cannot be read, for a fault of akin: the log says more")
		}
	}()
	return d.step(ctx, j)
}

// rests says that a source that looks often has nothing to do, and is due again later.
func (j *job) rests(ctx context.Context, d driver) bool {
	k, ok := d.(idler)
	if !ok || j.state.Run != nil || j.state.Last == nil || j.state.Failures > 0 {
		return false
	}
	idle, err := k.idle(ctx, j)
	if err != nil || !idle {
		return false // the run says what is wrong
	}
	now := j.m.now().UTC()
	j.r.mu.Lock()
	defer j.r.mu.Unlock()
	j.r.state.Succeeded, j.r.state.Next, j.r.state.Why = now, nextTime(j.config.Name, j.config.Every, now), BySchedule
	return true
}

func (r *runner) mark(working bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.working = working
}

func (r *runner) hold(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = sentence(err)
}

// failed sees to an error that could not be written down: follow must not try again at
// once.
func (r *runner) failed(err error) error {
	var put *putOffError
	if err == nil || paper.Canceled(err) || errors.As(err, &put) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = sentence(err)
	r.state.Next = r.m.now().Add(heldEvery).UTC()
	r.m.log.Error("the state of a source cannot be kept", "source", r.config.Name, "error", err)
	return err
}

// putOffError says that a run waits, and until when.
type putOffError struct {
	why   error
	until time.Time
}

func (p *putOffError) Error() string { return sentence(p.why) }

func (p *putOffError) Unwrap() error { return p.why }

// open begins a run unless one is under way.
func (j *job) open(ctx context.Context, d driver, asked bool) error {
	s := &j.state
	if s.Run == nil {
		s.Runs++
		s.Run = &Run{ID: s.Runs, Start: j.m.now().UTC(), Asked: asked}
	}
	if !s.Run.Begun {
		d.begin(j)
		s.Run.Begun = true
	}
	return j.save(ctx)
}

// save makes the checkpoint durable, and what came with it.
func (j *job) save(ctx context.Context) error {
	// What was imported is durable: the checkpoint is written also when a run is told to
	// stop.
	ctx = context.WithoutCancel(ctx)
	err := j.m.book.Write(ctx, func(b Writer) error {
		j.state.Paused = j.r.paused() // which may have come meanwhile
		for i := range j.refused {
			if err := b.Put(KeptRefusal, j.config.Name, newestFirst(j.refused[i].ID), j.refused[i]); err != nil {
				return err
			}
		}
		for id, said := range j.said {
			if err := b.Put(KeptSaid, j.config.Name, id, said); err != nil {
				return err
			}
		}
		for _, also := range j.also {
			if err := also(b); err != nil {
				return err
			}
		}
		return b.Put(KeptState, j.config.Name, "", j.state)
	})
	if err != nil {
		return err
	}
	j.refused, j.said, j.also = nil, make(map[string]Said), nil
	j.publish()
	return nil
}

// publish shows the state to who asks.
func (j *job) publish() {
	j.r.mu.Lock()
	defer j.r.mu.Unlock()
	j.state.Paused = j.r.state.Paused
	j.r.state = j.state.clone()
}

// paused is when somebody paused the source.
func (r *runner) paused() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Paused
}

// stumble sees to a step that failed: the run waits in its place for so long, or is put
// off, or ends.
func (j *job) stumble(ctx context.Context, failure error) (wait time.Duration, err error) {
	if ctx.Err() != nil {
		return 0, errors.Join(j.save(ctx), ctx.Err())
	}
	var t *trouble
	if !errors.As(failure, &t) {
		var known *paper.Error
		if errors.As(failure, &known) && (known.Kind == paper.FailedPrecondition || known.Kind == paper.DataLoss) && j.m.writable() != nil {
			return 0, failure // nothing can be written down either
		}
		t = &trouble{message: sentence(failure), cause: failure}
		if known != nil {
			t.lasting = known.Kind == paper.Invalid || known.Kind == paper.NotFound || known.Kind == paper.Unsupported
		}
	}
	now := j.m.now()
	s := &j.state
	if !t.until.IsZero() {
		if wait := t.until.Sub(now); wait <= shortWait {
			return max(wait, leastWait), j.save(ctx)
		}
		s.Next, s.Why, s.Error = t.until.Add(share(j.config.Name, backOffFirst)).UTC(), LeftAlone, t.message
		if err := j.save(ctx); err != nil {
			return 0, err
		}
		return 0, &putOffError{t, s.Next}
	}
	s.Failures++
	s.FailuresTotal++
	if s.Failures == 1 {
		s.Failing = now.UTC()
	}
	s.Error = t.message
	if t.lasting || s.Failures >= mostTries {
		return 0, j.close(ctx, t)
	}
	s.Next, s.Why = now.Add(backOff(j.config.Name, s.Failures)).UTC(), BackingOff
	j.m.log.Warn("a source could not be read; it is tried again", "source", j.config.Name, "error", t.message, "again", s.Next)
	if err := j.save(ctx); err != nil {
		return 0, err
	}
	return 0, &putOffError{t, s.Next}
}

// close ends a run: well, or with what went wrong.
func (j *job) close(ctx context.Context, failure *trouble) error {
	now := j.m.now().UTC()
	s := &j.state
	run := s.Run
	run.End = now
	if failure == nil {
		j.succeed(now)
	} else {
		run.Outcome, run.Message = Failed, failure.message
		s.Next, s.Why = now.Add(max(backOff(j.config.Name, s.Failures), min(j.config.Every, backOffMost))).UTC(), BackingOff
	}
	s.Last, s.Run = run, nil
	j.also = append(j.also, func(b Writer) error {
		if err := b.Put(KeptRun, j.config.Name, newestFirst(run.ID), run); err != nil {
			return err
		}
		return errors.Join(keepFew(b, KeptRun, j.config.Name, MaxRuns), keepFew(b, KeptRefusal, j.config.Name, MaxRefusals), j.forgetSaid(b, now))
	})
	j.r.lists = nil
	if err := j.save(ctx); err != nil {
		return err
	}
	j.m.tell(&j.config, run)
	if failure != nil {
		return &putOffError{failure, s.Next}
	}
	return nil
}

// succeed says what a run brought, and whether that is strange.
func (j *job) succeed(now time.Time) {
	s, c := &j.state, j.state.Run.Counts
	s.Error, s.Succeeded = "", now
	s.Next, s.Why = nextTime(j.config.Name, j.config.Every, now), BySchedule
	s.Run.Outcome = Quiet
	if c.New+c.Changed+c.Removed > 0 {
		s.Run.Outcome = Brought
	}
	s.Run.Message = runSentence(s.Run)
	switch {
	case j.config.Kind == Folder:
	case c.New+c.Changed > 0:
		s.KnownRuns, s.Stale = 0, time.Time{}
	case c.Known > 0 || s.Run.Same:
		s.KnownRuns++
		const several = 3
		since := s.Created
		if s.Delivered.After(since) {
			since = s.Delivered
		}
		if s.Stale.IsZero() && s.KnownRuns >= several && now.Sub(since) > j.config.StaleAfter {
			s.Stale = now
			j.m.log.Warn("a source has brought nothing new for long, though it answers: it may repeat an old batch", "source", j.config.Name, "since", since)
		}
	}
}

// forgetSaid lets go of what the source has no more.
func (j *job) forgetSaid(b Writer, now time.Time) error {
	oldest := DayOf(now) - saidDays
	var gone []string
	err := b.Each(KeptSaid, j.config.Name, func(key string, read func(any) error) error {
		var s Said // what is damaged is as old as can be
		if err := read(&s); err != nil && paper.KindOf(err) != paper.DataLoss {
			return err
		}
		if _, again := j.said[key]; s.Seen < oldest && !again {
			gone = append(gone, key)
		}
		return nil
	})
	for _, key := range gone {
		err = errors.Join(err, b.Remove(KeptSaid, j.config.Name, key))
	}
	return err
}

// note adds to the run what else is worth to know.
func (j *job) note(format string, args ...any) {
	const most = 10
	text := fmt.Sprintf(format, args...)
	run := j.state.Run
	if run != nil && len(run.Notes) < most {
		run.Notes = append(run.Notes, text)
	}
}

// fetch asks the source, and counts that.
func (j *job) fetch(ctx context.Context, r request) (*answer, error) {
	r.limit, r.interval = j.config.MaxBody, j.config.Interval
	a, err := j.m.fetcher.get(ctx, r)
	var t *trouble
	if a != nil || errors.As(err, &t) {
		j.state.Run.Requests++
	}
	if a != nil {
		j.state.Run.Bytes += a.bytes
	}
	return a, err
}
