package follow

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"akin/internal/catalog"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/source/zotero"
)

// Papers finds papers of collections.
type Papers interface {
	// Find is librarian.Librarian.Find.
	Find(ctx context.Context, collection string, refs []librarian.Reference) ([]librarian.Found, error)
}

// Collections describes collections.
type Collections interface {
	// Info is engine.Engine.Info.
	Info(ctx context.Context, collection string) (catalog.Info, error)
}

// Config is what a Follower works with.
type Config struct {
	Shelves     Shelves
	Libraries   *library.Libraries
	Papers      Papers
	Collections Collections
	Zotero      *zotero.Client
	Keys        Keys
	Files       Files
	// Now is the clock; nil is time.Now. Random gives numbers from 0 up to 1; nil is the
	// system's.
	Now    func() time.Time
	Random func() float64
	Log    *slog.Logger
}

// Follower runs the rounds of bindings.
type Follower struct {
	config Config
	ctx    context.Context //nolint:containedctx // the life of the rounds
	stop   context.CancelFunc
	rounds sync.WaitGroup
	// wake tells Run that something else may be due.
	wake chan struct{}
	// busy has one for each kind of source while none of its rounds works.
	zotero, files chan struct{}

	mu      sync.Mutex // guards what follows
	closed  bool
	running map[uint32]*round
	// held says when a round that failed may begin again by itself, at the earliest: also
	// where that could not be noted.
	held map[uint32]time.Time
	// looked is how long it took to look for what is not found, by library.
	looked map[uint32]time.Duration
	// harmed is what was said of damaged bindings.
	harmed string
}

// New makes a Follower. Close it.
func New(config Config) *Follower {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Random == nil {
		config.Random = rand.Float64
	}
	f := &Follower{
		config: config, wake: make(chan struct{}, 1), zotero: make(chan struct{}, 1), files: make(chan struct{}, 1),
		running: map[uint32]*round{}, held: map[uint32]time.Time{}, looked: map[uint32]time.Duration{},
	}
	f.zotero <- struct{}{}
	f.files <- struct{}{}
	f.ctx, f.stop = context.WithCancel(context.Background())
	return f
}

// now is the time to keep.
func (f *Follower) now() time.Time { return time.Unix(0, f.config.Now().UnixNano()).UTC() }

// Close ends the rounds, and waits for them.
func (f *Follower) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.stop()
	f.rounds.Wait()
	return nil
}

// round is one that runs.
type round struct{ done chan struct{} }

// start begins a round, unless one runs already, which joined says; done is closed at its
// end.
func (f *Follower) start(id uint32, how task) (done <-chan struct{}, joined bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, false, &paper.Error{Kind: paper.Unavailable, Reason: paper.ReasonStopping, Message: "the server is stopping; try again after the restart"}
	}
	if r := f.running[id]; r != nil {
		return r.done, true, nil
	}
	r := &round{done: make(chan struct{})}
	f.running[id] = r
	f.rounds.Go(func() {
		defer f.nudge()
		defer close(r.done)
		defer func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.running, id)
		}()
		if !f.run(id, how) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.held[id] = f.now().Add(firstRetry / 2)
		}
	})
	return r.done, false, nil
}

// heldFor is how long a round must not begin by itself.
func (f *Follower) heldFor(id uint32) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held[id].Sub(f.now())
}

// isRunning says that a round of a library runs.
func (f *Follower) isRunning(id uint32) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running[id] != nil
}

// nudge has Run look again what is due.
func (f *Follower) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// mostSleep is how long Run sleeps at most: after that, collections may have changed.
const mostSleep = time.Minute

// Run runs rounds as they fall due, until ctx ends. What is due may not be read at once:
// rounds of one kind wait for each other.
func (f *Follower) Run(ctx context.Context) error {
	if err := f.recall(ctx); err != nil && ctx.Err() == nil {
		f.config.Log.Warn("what a server asked for before is not known", "error", err)
	}
	for {
		sleep, err := f.pass(ctx)
		if err != nil && ctx.Err() == nil {
			f.config.Log.Error("libraries that follow something cannot be looked after", "error", err)
		}
		timer := time.NewTimer(sleep)
		select {
		case <-timer.C:
		case <-f.wake:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// recall has the client rest that a server asked for before a restart.
func (f *Follower) recall(ctx context.Context) error {
	return f.config.Shelves.Follow(ctx, func(r Reader) error {
		until, err := r.Rest(f.config.Zotero.Host())
		if err == nil && until.Sub(f.now()) > 0 {
			// The client goes by the time that passes.
			f.config.Zotero.SetRest(time.Now().Add(min(until.Sub(f.now()), longestRest)))
		}
		return err
	})
}

const longestRest = 24 * time.Hour

// pass begins the rounds that are due, and says how long it is until others may be.
func (f *Follower) pass(ctx context.Context) (sleep time.Duration, err error) {
	sleep = mostSleep
	all, lost, err := f.all(ctx)
	if err != nil {
		return sleep, err
	}
	sequences := map[string]uint64{}
	for i := range all {
		b := &all[i]
		if b.Library.Deleted() || f.isRunning(b.LibraryID) {
			continue
		}
		wait := max(b.NextTime.Sub(f.now()), f.heldFor(b.LibraryID))
		how := everything
		if wait > 0 && f.heldFor(b.LibraryID) <= 0 && f.changed(ctx, b, sequences) {
			wait, how = 0, whatIsNotFound
		}
		if wait > 0 {
			sleep = min(sleep, wait)
			continue
		}
		if _, _, err := f.start(b.LibraryID, how); err != nil {
			return sleep, err
		}
	}
	for _, id := range lost {
		if err := f.config.Shelves.Change(ctx, func(w Writer) error { return forget(w, f.config.Libraries, id) }); err != nil {
			return sleep, err
		}
	}
	return max(sleep, time.Millisecond), nil
}

// forget removes a binding whose library is gone for good.
func forget(w Writer, libraries *library.Libraries, id uint32) error {
	_, found, deleted, err := libraries.Live(w, id)
	if err != nil || found || deleted {
		return err
	}
	return w.RemoveBinding(id)
}

// changed says that a collection has changed since what is not found was looked for. It
// is not looked for again and again while a collection changes all the time.
func (f *Follower) changed(ctx context.Context, b *Bound, sequences map[string]uint64) bool {
	const share = 20 // of the time, at most one part of that
	f.mu.Lock()
	gap := max(mostSleep, share*f.looked[b.LibraryID])
	f.mu.Unlock()
	if b.SyncTime.IsZero() || b.Items == b.Found || f.now().Sub(b.LookTime) < gap {
		return false
	}
	sequence, ok := sequences[b.Library.Collection]
	if !ok {
		info, err := f.config.Collections.Info(ctx, b.Library.Collection)
		if err != nil {
			return false
		}
		sequence = info.Sequence
		sequences[b.Library.Collection] = sequence
	}
	return sequence != b.Sequence
}

// all gives the bindings with their libraries, and those of libraries that are gone.
func (f *Follower) all(ctx context.Context) (out []Bound, lost []uint32, err error) {
	err = f.config.Shelves.Follow(ctx, func(r Reader) error {
		bindings, err := r.Bindings()
		if err != nil && paper.KindOf(err) == paper.DataLoss {
			f.tellDamage(err)
			err = nil // the others go on
		}
		if err != nil || len(bindings) == 0 {
			return err
		}
		libraries, err := f.libraries(r)
		for _, b := range bindings {
			if l, ok := libraries[b.LibraryID]; ok {
				out = append(out, Bound{Binding: b, Library: l})
			} else {
				lost = append(lost, b.LibraryID)
			}
		}
		return err
	})
	return out, lost, err
}

// tellDamage logs once that bindings are damaged.
func (f *Follower) tellDamage(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.harmed != err.Error() {
		f.harmed = err.Error()
		f.config.Log.Error("a library is not brought up to date: what it follows cannot be read", "error", err)
	}
}

// libraries gives those that are there, or can come back, by ID.
func (f *Follower) libraries(r Reader) (map[uint32]library.Library, error) {
	all, err := r.Libraries("")
	out := make(map[uint32]library.Library, len(all))
	for _, l := range all {
		if !l.Deleted() || f.now().Sub(l.DeleteTime) <= library.Retention {
			out[l.ID] = l
		}
	}
	return out, err
}

// Sync runs a round of a library now, after one that runs already, and waits for its end,
// or that of ctx. full reads everything, whatever is known.
func (f *Follower) Sync(ctx context.Context, owner, name string, full bool) (Bound, error) {
	b, err := f.Get(ctx, owner, name)
	if err != nil {
		return b, err
	}
	how := everything
	if full {
		how = anew
	}
	for joined := true; joined && ctx.Err() == nil; {
		var done <-chan struct{}
		if done, joined, err = f.start(b.LibraryID, how); err != nil {
			return b, err
		}
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
	return f.Get(context.WithoutCancel(ctx), owner, name)
}
