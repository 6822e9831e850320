package atlas

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"akin/internal/catalog"
	"akin/internal/layout"
	"akin/internal/paper"
)

const (
	// maxCharts is how many collections' charts are kept in memory.
	maxCharts = 8
	// defaultFollow is how often a collection that changes is followed, at most.
	defaultFollow = 30 * time.Second
	// again is after how long a map whose making failed is tried again.
	again = time.Minute
	// step back: how long a piece of work waits while calls are answered, at most, and
	// how often it looks.
	stepBack, stepLook = 24 * time.Millisecond, 4 * time.Millisecond
)

// ReasonMapChanged is that of errors about a map that is not any more, and ReasonNoMap
// that of those about one that is not yet.
const (
	ReasonMapChanged = "MAP_CHANGED"
	ReasonNoMap      = "MAP_NOT_READY"
)

// Options say how an Atlas works.
type Options struct {
	// Busy says that somebody waits for an answer; nil is never.
	Busy func() bool
	// Follow is how often a collection that changes is followed, at most; 0 is half a
	// minute.
	Follow time.Duration
	Log    *slog.Logger
}

// Atlas keeps the maps of a catalog's collections.
type Atlas struct {
	catalog catalog.Catalog
	options Options
	// turn has a place for the one map that is worked on.
	turn chan struct{}

	// stop ends ctx, and with it the work in the background, which jobs counts.
	stop context.CancelFunc
	ctx  context.Context //nolint:containedctx // the life of the work in the background
	jobs sync.WaitGroup

	mu     sync.Mutex // guards what follows
	sheets map[string]*sheet
	closed bool
}

// sheet is what is known of a collection's map. The Atlas's lock guards it.
type sheet struct {
	chart *Chart // nil before there is one
	// working says that the map is made or followed, which is at a step.
	working bool
	step    string
	done    float64
	// ended is when that ended last, and failed how; asked is when somebody asked.
	ended, asked time.Time
	failed       error
}

// State is how far a collection's map is.
type State struct {
	// Chart is the newest that there is; nil if there is none.
	Chart *Chart
	// Working says that a newer one is being made, at a step of which a part is done, from 0
	// to 1.
	Working bool
	Step    string
	Done    float64
	// Sequence and Papers are the collection's, now.
	Sequence uint64
	Papers   uint32
}

// New makes an atlas of a catalog, which stays the caller's. Close it before the
// catalog.
func New(c catalog.Catalog, options Options) *Atlas {
	if options.Follow == 0 {
		options.Follow = defaultFollow
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	a := &Atlas{catalog: c, options: options, turn: make(chan struct{}, 1), sheets: make(map[string]*sheet)}
	a.ctx, a.stop = context.WithCancel(context.Background())
	return a
}

// Close stops what is being made, and waits for it.
func (a *Atlas) Close() error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.stop()
	a.jobs.Wait()
	return nil
}

// State says how far the map of a collection is, and begins to make or to follow it if
// need be. It does not wait for that. The error of a making that failed is given for
// some time, then it is tried again.
func (a *Atlas) State(ctx context.Context, collection string) (State, error) {
	view, err := a.catalog.View(ctx, collection)
	if err != nil {
		return State{}, err
	}
	info := view.Info()
	view.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sheet(collection)
	if s.failed != nil && s.chart == nil && time.Since(s.ended) < again {
		return State{}, s.failed
	}
	if a.due(s, info.Sequence) {
		a.begin(collection, s)
	}
	return State{Chart: s.chart, Working: s.working, Step: s.step, Done: s.done, Sequence: info.Sequence, Papers: info.Papers}, nil
}

// Look says how far the map of a collection is, and begins nothing. The catalog is not
// asked: the collection's own figures are zero.
func (a *Atlas) Look(collection string) State {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sheets[collection]
	if s == nil {
		return State{}
	}
	return State{Chart: s.chart, Working: s.working, Step: s.step, Done: s.done}
}

// due says that a map is to be made or followed now. The caller holds mu.
func (a *Atlas) due(s *sheet, sequence uint64) bool {
	switch {
	case a.closed || s.working:
		return false
	case s.failed != nil:
		return time.Since(s.ended) >= again
	case s.chart == nil:
		return true
	}
	return s.chart.Sequence != sequence && time.Since(s.ended) >= a.options.Follow
}

// sheet gives what is known of a collection, and forgets the one that nobody has asked
// for the longest, where there are too many. The caller holds mu.
func (a *Atlas) sheet(collection string) *sheet {
	s := a.sheets[collection]
	if s == nil {
		s = new(sheet)
		a.sheets[collection] = s
	}
	s.asked = time.Now()
	oldest := ""
	for name, other := range a.sheets {
		if !other.working && (oldest == "" || other.asked.Before(a.sheets[oldest].asked)) {
			oldest = name
		}
	}
	if len(a.sheets) > maxCharts && oldest != collection {
		delete(a.sheets, oldest)
	}
	return s
}

// begin makes or follows a map in the background. The caller holds mu.
func (a *Atlas) begin(collection string, s *sheet) {
	s.working, s.step, s.done = true, "waiting", 0
	before := s.chart
	a.jobs.Go(func() {
		chart, err := a.work(collection, before, s)
		a.mu.Lock()
		defer a.mu.Unlock()
		s.working, s.step, s.done, s.ended, s.failed = false, "", 0, time.Now(), err
		if err == nil {
			s.chart = chart
		} else if a.ctx.Err() == nil {
			a.options.Log.Warn("the map could not be made", "collection", collection, "error", err)
		}
	})
}

func (a *Atlas) work(collection string, before *Chart, s *sheet) (*Chart, error) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-a.ctx.Done():
		return nil, a.ctx.Err()
	}
	j := job{
		catalog: a.catalog, collection: collection, log: a.options.Log,
		work: layout.Work{Pause: a.pause, Progress: func(step layout.Step, done float64) { a.tell(s, string(step), done) }},
	}
	return j.run(a.ctx, before)
}

// tell notes how far a map is.
func (a *Atlas) tell(s *sheet, step string, done float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.step, s.done = step, done
}

// pause lets calls go first, for a while: a map is waited for by somebody too.
func (a *Atlas) pause(ctx context.Context) error {
	for waited := time.Duration(0); waited < stepBack && a.options.Busy != nil && a.options.Busy(); waited += stepLook {
		select {
		case <-time.After(stepLook):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// Chart gives the chart that a caller has seen, by its tag; "" is the newest. It is an
// error if there is none, or another by now.
func (a *Atlas) Chart(collection, tag string) (*Chart, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sheets[collection]
	switch {
	case s == nil || s.chart == nil:
		return nil, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonNoMap, RetryAfter: time.Second,
			Message: "the map is not made yet; ask for the map until it is ready, then again",
		}
	case tag != "" && tag != s.chart.Tag:
		return nil, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonMapChanged, Message: "the map is another by now, and its papers have other numbers; get it again",
			Metadata: map[string]string{"tag": s.chart.Tag},
		}
	}
	return s.chart, nil
}
