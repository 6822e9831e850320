package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"akin/internal/paper"
	"akin/internal/source/hop"
)

// Reasons of this package's errors, besides those of package paper.
const (
	ReasonNotFound = "SOURCE_NOT_FOUND"
	ReasonExists   = "SOURCE_EXISTS"
	ReasonFixed    = "SOURCE_OF_CONFIGURATION"
	ReasonHost     = "SOURCE_HOST_NOT_NAMED"
	ReasonDelayed  = "SOURCE_DELAYED"
)

// Options say what a Manager works with. Book and Papers are required.
type Options struct {
	Book     Book
	Papers   Papers
	Settings Settings
	// Version is what sources are told that the program is.
	Version string
	// Writable says why papers cannot be changed; nil is that they always can.
	Writable func() error
	// Log is told of what fails; nil discards it.
	Log *slog.Logger
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Dial connects to host:port; nil connects to what the configuration allows. One that
	// is given takes the place of that check.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Resolver looks names up where Dial is nil; nil is the system's.
	Resolver *net.Resolver
	// Told hears of each run that ended; nil is fine.
	Told func(Config, Run)
}

// Manager keeps sources. Close it.
type Manager struct {
	book     Book
	papers   Papers
	writable func() error
	log      *slog.Logger
	now      func() time.Time
	told     func(Config, Run)
	fetcher  *fetcher
	// delivering is held while papers are imported.
	delivering sync.Mutex

	changing  sync.Mutex // serialises changes of the set of sources
	mu        sync.Mutex // guards what follows
	settings  Settings
	runners   map[string]*runner
	following bool
	closed    bool
}

// New makes a Manager of the sources of the settings and of those in the book. It asks
// nothing before Start.
func New(ctx context.Context, o Options) (*Manager, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Writable == nil {
		o.Writable = func() error { return nil }
	}
	if o.Told == nil {
		o.Told = func(Config, Run) {}
	}
	m := &Manager{
		book: o.Book, papers: o.Papers, writable: o.Writable, log: o.Log, now: o.Now, told: o.Told, fetcher: newFetcher(o),
		runners: make(map[string]*runner),
	}
	return m, m.Configure(ctx, o.Settings)
}

// Start begins to follow the sources.
func (m *Manager) Start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.following || m.closed {
		return
	}
	m.following = true
	for _, r := range m.runners {
		m.launch(r)
	}
}

// launch follows a source. The caller holds mu.
func (m *Manager) launch(r *runner) {
	if m.following && !m.closed && r.done == nil {
		r.done = make(chan struct{})
		go r.follow(r.life)
	}
}

// Close ends all that is under way, and waits for it.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	all := slices.Collect(maps.Values(m.runners))
	m.mu.Unlock()
	for _, r := range all {
		r.stop()
	}
	for _, r := range all {
		r.end()
	}
	return nil
}

// end stops following a source, and waits until nothing works on it.
func (r *runner) end() {
	r.stop()
	if r.done != nil {
		<-r.done
	}
	r.busy <- struct{}{}
	<-r.busy
}

func (m *Manager) tell(c *Config, run *Run) { m.told(*c, *run) }

// Configure takes other settings: sources of the configuration that are new or changed
// begin, those that are gone end, and what they know stays for when they come back. What
// is not changed goes on undisturbed.
func (m *Manager) Configure(ctx context.Context, s Settings) error {
	if faults := s.Check(); len(faults) > 0 {
		return &paper.Error{Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Message: "the settings of sources are not valid", Violations: faults}
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	made, err := m.made(ctx)
	if err != nil {
		return err
	}
	want := make(map[string]*runner)
	for _, c := range made {
		want[c.Name] = m.runner(c.withDefaults(), false)
	}
	for _, c := range s.Sources {
		if want[c.Name] != nil {
			m.log.Warn("a source of the configuration takes the place of one that was made over the API", "source", c.Name)
		}
		want[c.Name] = m.runner(c.withDefaults(), true)
	}
	m.fetcher.configure(s)
	m.mu.Lock()
	m.settings = s
	old := m.runners
	m.mu.Unlock()
	for name, r := range old {
		if now := want[name]; now == nil || !equal(now.config, r.config) || now.fixed != r.fixed {
			r.end()
		} else {
			want[name] = r
		}
	}
	for name, r := range want {
		if old[name] != r {
			err = errors.Join(err, r.load(ctx))
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.runners = want
	for name, r := range want {
		if old[name] != r {
			m.launch(r)
		}
	}
	return err
}

func equal(a, b Config) bool {
	x, y := a, b
	x.Sets, y.Sets = nil, nil
	return fmt.Sprint(x) == fmt.Sprint(y) && slices.Equal(a.Sets, b.Sets)
}

// made gives the sources that were made over the API.
func (m *Manager) made(ctx context.Context) (all []Config, err error) {
	err = m.book.Read(ctx, func(b Reader) error {
		return b.Each(KeptConfig, "", func(_ string, read func(any) error) error {
			var c Config
			err := read(&c)
			if paper.KindOf(err) == paper.DataLoss {
				m.log.Error("a source that was made over the API cannot be read, and is not followed", "error", err)
				return nil
			}
			all = append(all, c)
			return err
		})
	})
	return all, err
}

func (m *Manager) runner(c Config, fixed bool) *runner {
	r := &runner{m: m, config: c, fixed: fixed, busy: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
	r.life, r.stop = context.WithCancel(context.Background())
	return r
}

// load reads where a source is. One that missed its time is due soon.
func (r *runner) load(ctx context.Context) error {
	name, now := r.config.Name, r.m.now().UTC()
	var s State
	found, err := r.m.get(ctx, KeptState, name, "", &s)
	if err != nil {
		return fmt.Errorf("source %q: %w", name, err)
	}
	if !found {
		s = State{Name: name, Created: now, Next: firstTime(name, now), Why: BySchedule}
	}
	if s.Identity != r.config.identity() { // of another address, the checkpoint means nothing
		s.Identity, s.Cursor, s.Run, s.Failures, s.Error, s.Failing = r.config.identity(), Cursor{}, nil, 0, "", time.Time{}
		s.Next, s.Why, s.KnownRuns, s.Stale = firstTime(name, now), BySchedule, 0, time.Time{}
	}
	if s.Why == BySchedule || s.Why == "" {
		if due := nextTime(name, r.config.Every, now); s.Next.After(due) { // it became more frequent
			s.Next = due
		}
		if !s.Next.After(now) {
			s.Next = firstTime(name, now)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = s
	return nil
}

// find gives a source that is there.
func (m *Manager) find(name string) (*runner, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.runners[name]; r != nil {
		return r, nil
	}
	return nil, &paper.Error{
		Kind: paper.NotFound, Reason: ReasonNotFound, ResourceType: "source", ResourceName: name,
		Message: fmt.Sprintf("there is no source %q; list the sources to see which there are", name),
	}
}

func (r *runner) status() Status {
	s, held, working := r.snapshot()
	return Status{Config: r.config, Fixed: r.fixed, State: s, Held: held, Working: working}
}

// Get gives a source and its state.
func (m *Manager) Get(name string) (Status, error) {
	r, err := m.find(name)
	if err != nil {
		return Status{}, err
	}
	return r.status(), nil
}

// List gives all sources in order of their names.
func (m *Manager) List() (all []Status) {
	m.mu.Lock()
	runners := slices.Collect(maps.Values(m.runners))
	m.mu.Unlock()
	for _, r := range runners {
		all = append(all, r.status())
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Config.Name, b.Config.Name) })
	return all
}

// Now is the clock that states are of.
func (m *Manager) Now() time.Time { return m.now() }

// Deliveries says when the sources of a collection last brought something, and why
// nothing came since.
func (m *Manager) Deliveries(_ context.Context, collection string) (all []Delivery) {
	if collection == "" {
		collection = paper.DefaultCollection
	}
	for _, s := range m.List() {
		if s.Config.Collection == collection {
			all = append(all, s.delivery(m.now()))
		}
	}
	return all
}

// mayChange says why a source cannot be changed.
func (r *runner) mayChange() error {
	if !r.fixed {
		return nil
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonFixed,
		Message: fmt.Sprintf("source %q is of the configuration, where alone it can be changed; SIGHUP has the server read it anew", r.config.Name),
	}
}

// check says what is wrong with a source that is made or changed over the API.
func (m *Manager) check(c Config) error {
	faults := c.Check()
	if c.Kind == Folder {
		faults = append(faults, paper.Violation{Field: "kind", Description: "is folder; folders are only of the configuration, since their files are the server's"})
	}
	m.mu.Lock()
	s := m.settings
	m.mu.Unlock()
	if host := c.host(); len(faults) == 0 && !slices.ContainsFunc(s.Hosts, func(h string) bool { return hop.Bare(h) == host }) {
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonHost, Metadata: map[string]string{"host": host},
			Message: fmt.Sprintf("the host %q is not one that sources may name; whoever runs the server can add it to source-hosts", host),
		}
	}
	if len(faults) == 0 {
		return nil
	}
	for i := range faults {
		faults[i].Field = "source." + faults[i].Field
	}
	return &paper.Error{Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Message: "the source is not valid", Violations: faults}
}

// Create makes a source.
func (m *Manager) Create(ctx context.Context, c Config) (Status, error) {
	if err := m.check(c); err != nil {
		return Status{}, err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	m.mu.Lock()
	taken, n := m.runners[c.Name] != nil, len(m.runners)
	m.mu.Unlock()
	if taken {
		return Status{}, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonExists, ResourceType: "source", ResourceName: c.Name,
			Message: fmt.Sprintf("there is a source %q already; give this one another name", c.Name),
		}
	}
	if n >= MaxSources {
		return Status{}, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported, Message: fmt.Sprintf("there are %d sources, the most that may be; delete one first", n),
		}
	}
	return m.keep(ctx, c)
}

// keep makes a configuration durable, and follows it.
func (m *Manager) keep(ctx context.Context, c Config) (Status, error) {
	r := m.runner(c.withDefaults(), false)
	if err := m.book.Write(ctx, func(b Writer) error { return b.Put(KeptConfig, "", c.Name, c) }); err != nil {
		return Status{}, err
	}
	m.mu.Lock()
	old := m.runners[c.Name]
	m.mu.Unlock()
	if old != nil {
		old.end()
	}
	if err := r.load(ctx); err != nil {
		return Status{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.runners[c.Name] = r
	m.launch(r)
	return r.status(), nil
}

// Update changes a source that was made over the API: change gets it as it was made.
func (m *Manager) Update(ctx context.Context, name string, change func(*Config) error) (Status, error) {
	m.changing.Lock()
	defer m.changing.Unlock()
	r, err := m.find(name)
	if err != nil {
		return Status{}, err
	}
	if err := r.mayChange(); err != nil {
		return Status{}, err
	}
	var c Config
	if _, err := m.get(ctx, KeptConfig, "", name, &c); err != nil {
		return Status{}, err
	}
	if err := change(&c); err != nil {
		return Status{}, err
	}
	c.Name = name
	if err := m.check(c); err != nil {
		return Status{}, err
	}
	return m.keep(ctx, c)
}

// Delete forgets a source that was made over the API, and all that it knows. Its papers
// stay.
func (m *Manager) Delete(ctx context.Context, name string) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	r, err := m.find(name)
	if err != nil {
		return err
	}
	if err := r.mayChange(); err != nil {
		return err
	}
	r.end()
	err = m.book.Write(ctx, func(b Writer) error { return forget(b, name) })
	var again *runner
	if err != nil {
		again = m.runner(r.config, false)
		err = errors.Join(err, again.load(context.WithoutCancel(ctx)))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if again == nil {
		delete(m.runners, name)
		return nil
	}
	m.runners[name] = again
	m.launch(again)
	return err
}

// Pause has a source do nothing, or go on. A step that is under way ends first.
func (m *Manager) Pause(ctx context.Context, name string, pause bool) (Status, error) {
	r, err := m.find(name)
	if err != nil {
		return Status{}, err
	}
	r.mu.Lock()
	switch {
	case !pause:
		r.state.Paused = time.Time{}
	case r.state.Paused.IsZero():
		r.state.Paused = m.now().UTC()
	}
	now := r.state.clone()
	r.mu.Unlock()
	err = m.book.Write(ctx, func(b Writer) error {
		kept := now
		if _, err := b.Get(KeptState, name, "", &kept); err != nil {
			if paper.KindOf(err) != paper.DataLoss {
				return err
			}
			kept = now
		}
		kept.Paused = r.paused()
		return b.Put(KeptState, name, "", kept)
	})
	r.poke()
	return r.status(), err
}

// RunNow runs a source at once, also one that is paused or backs off; not one whose site
// asks to be left alone. It gives the run, which may not have ended if the source asked
// to be left alone meanwhile: then the error says so.
func (m *Manager) RunNow(ctx context.Context, name string) (Run, error) {
	r, err := m.find(name)
	if err != nil {
		return Run{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.life, cancel)()
	err = r.work(ctx, true)
	if r.life.Err() != nil && paper.Canceled(err) {
		err = &paper.Error{
			Kind: paper.Unavailable, Reason: paper.ReasonStopping, Cause: err, Message: fmt.Sprintf("source %q was stopped; its run goes on with the next one", name),
		}
	}
	r.poke()
	s, _, _ := r.snapshot()
	run := s.Run
	if run == nil {
		run = s.Last
	}
	if run == nil {
		run = new(Run)
	}
	var put *putOffError
	if errors.As(err, &put) {
		now := m.now()
		return *run, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonDelayed, RetryAfter: max(0, put.until.Sub(now)), Cause: err,
			Message: fmt.Sprintf("source %q could not be read to the end: %s; it goes on by itself at %s", name, sentence(put.why), at(put.until)),
		}
	}
	return *run, err
}

// Runs gives the last runs of a source, the newest first.
func (m *Manager) Runs(ctx context.Context, name string, most int) (all []Run, err error) {
	if _, err := m.find(name); err != nil {
		return nil, err
	}
	err = m.some(ctx, KeptRun, name, most, func(read func(any) error) error {
		var run Run
		err := read(&run)
		if err == nil {
			all = append(all, run)
		}
		return m.withoutDamage(err)
	})
	return all, err
}

// Refusals gives the last records that were refused, the newest first.
func (m *Manager) Refusals(ctx context.Context, name string, most int) (all []Refusal, err error) {
	if _, err := m.find(name); err != nil {
		return nil, err
	}
	err = m.some(ctx, KeptRefusal, name, most, func(read func(any) error) error {
		var r Refusal
		err := read(&r)
		if err == nil {
			all = append(all, r)
		}
		return m.withoutDamage(err)
	})
	return all, err
}

// withoutDamage passes over what is damaged of a list.
func (m *Manager) withoutDamage(err error) error {
	if paper.KindOf(err) == paper.DataLoss {
		m.log.Error("what was kept of a source is damaged; it is left out", "error", err)
		return nil
	}
	return err
}

var errEnough = errors.New("enough")

func (m *Manager) some(ctx context.Context, what What, name string, most int, fn func(read func(any) error) error) error {
	n := 0
	err := m.book.Read(ctx, func(b Reader) error {
		return b.Each(what, name, func(_ string, read func(any) error) error {
			if n++; n > most {
				return errEnough
			}
			return fn(read)
		})
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
