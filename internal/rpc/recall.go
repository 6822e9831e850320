package rpc

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"akin/internal/admit"
	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/telemetry"
)

const (
	// recallTimeout bounds one exact repetition.
	recallTimeout = time.Minute
	// recallDepth is how many of the first results are compared.
	recallDepth = 10
	// recallHost is whom repetitions are charged to.
	recallHost = "recall"
)

// recall repeats a share of queries exactly, in the background, and measures what their
// answers had of that. One repetition is under way at a time; what comes meanwhile is
// not repeated. It works only while nothing waits, so that nobody waits for it, and is
// admitted like anybody's call.
type recall struct {
	telemetry *telemetry.Telemetry
	gate      *admit.Gate
	chance    func() float64
	place     chan struct{} // full while one is under way

	ctx  context.Context //nolint:containedctx // ends what is under way at the stop
	stop context.CancelFunc
	work sync.WaitGroup

	mu     sync.Mutex // guards closed, and what is added to work
	closed bool
}

func newRecall(t *telemetry.Telemetry, gate *admit.Gate) *recall {
	ctx, stop := context.WithCancel(context.Background())
	return &recall{telemetry: t, gate: gate, chance: rand.Float64, place: make(chan struct{}, 1), ctx: ctx, stop: stop}
}

// offer takes an answer that was found over an index which may miss papers, and maybe
// has it repeated. again runs the same query exactly.
func (r *recall) offer(options engine.ResultOptions, a *engine.Answer, again func(context.Context, engine.ResultOptions) (*engine.Answer, error)) {
	if a == nil || r.gate == nil || options.Exact || options.PageToken != "" || a.Strategy == catalog.ExactScan || a.Strategy == 0 || len(a.Results) == 0 {
		return
	}
	if share := r.telemetry.Live().RecallShare; share <= 0 || r.chance() >= share {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	select {
	case r.place <- struct{}{}:
	default:
		r.telemetry.Recall(telemetry.RecallBusy, 0)
		return
	}
	first, sequence := idsOf(a), a.Sequence
	options.Exact, options.Evidence, options.WithVectors, options.Explain, options.Fits = true, false, false, false, nil
	r.work.Go(func() {
		defer func() { <-r.place }()
		outcome, share := r.measure(first, sequence, func(ctx context.Context) (*engine.Answer, error) { return again(ctx, options) })
		if r.ctx.Err() == nil {
			r.telemetry.Recall(outcome, share)
		}
	})
}

// measure repeats one query.
func (r *recall) measure(first []string, sequence uint64, again func(context.Context) (*engine.Answer, error)) (telemetry.Recall, float64) {
	ctx, cancel := context.WithTimeout(r.ctx, recallTimeout)
	defer cancel()
	if r.gate.Counts().Waiting > 0 {
		return telemetry.RecallBusy, 0
	}
	pass, err := r.gate.Enter(ctx, admit.Call{Caller: admit.Caller{Host: recallHost, Conn: recallHost}, Class: recallHost})
	if err != nil {
		return telemetry.RecallBusy, 0
	}
	a, err := again(ctx)
	pass.Leave(err == nil)
	switch {
	case err != nil:
		return telemetry.RecallFailed, 0
	case a.Sequence != sequence:
		return telemetry.RecallMoved, 0
	}
	return telemetry.RecallMeasured, shareOf(idsOf(a), first)
}

func idsOf(a *engine.Answer) []string {
	ids := make([]string, 0, recallDepth)
	for _, r := range a.Results[:min(recallDepth, len(a.Results))] {
		ids = append(ids, r.Record.ID)
	}
	return ids
}

// shareOf is the share of wanted ids that are among those found. Where nothing was
// wanted, nothing is missing.
func shareOf(wanted, found []string) float64 {
	if len(wanted) == 0 {
		return 1
	}
	there := make(map[string]bool, len(found))
	for _, id := range found {
		there[id] = true
	}
	n := 0
	// A page that ended early, for its size, is compared as far as it goes.
	wanted = wanted[:min(len(wanted), len(found))]
	for _, id := range wanted {
		if there[id] {
			n++
		}
	}
	return float64(n) / float64(len(wanted))
}

// close ends what is under way and waits for it.
func (r *recall) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
	r.work.Wait()
}
