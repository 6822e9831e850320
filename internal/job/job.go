package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"akin/internal/ingest"
	"akin/internal/vecfile"
)

// Text is what is embedded of a paper.
type Text struct{ Title, Abstract string }

// Answer is a vector, or why the text has none.
type Answer struct {
	Vector
	// Err refuses this text alone.
	Err error
}

// Embedder embeds texts from next until that gives io.EOF, and calls got for
// each, in the same order. next and got are called from two goroutines, each
// from one only. It returns when every text is answered, or with the first
// error.
type Embedder interface {
	Embed(ctx context.Context, next func(context.Context) (Text, error), got func(Answer) error) error
}

// ErrInterrupted is returned by a run whose context ended: what was embedded is
// in the cache, and the same run again goes on from there.
var ErrInterrupted = errors.New("interrupted")

// checkpointEvery is how often the cache is synced.
const checkpointEvery = 5 * time.Second

// Config says what a run does.
type Config struct {
	// Inputs are files and folders, read with Read.
	Inputs []string
	Read   ingest.Options
	Shard  Shard
	// Cache keeps the vectors. It stays the caller's.
	Cache    *Cache
	Embedder Embedder
	// Output gets every row, Quarantine what cannot be one. Both stay the
	// caller's to commit and close.
	Output     *vecfile.Set
	Quarantine *ingest.Quarantine
	// Progress is called from one goroutine whenever rows were written or texts
	// embedded; nil is fine.
	Progress func(Progress)
}

// Progress is how far a run is.
type Progress struct {
	// Read rows were taken from the input; Settled of these have their vectors
	// or were found to be no rows; Rows were written.
	Read, Settled, Rows int
	// Embedded texts went through the model with Tokens tokens, in this run.
	Embedded, Tokens int
}

// Result is what a run did.
type Result struct {
	// Rows were written, Truncated of them longer than the model reads.
	Rows, Truncated int
	// Embedded texts were not in the cache.
	Embedded int
	// Deleted papers were named as such by the input and left out.
	Deleted int
	// InputDigest is SHA-256 in hex over id and text of every row, in order.
	InputDigest string
}

// run is one run under way.
type run struct {
	Config
	formed   chan *window
	texts    chan *pending
	inFlight chan *pending // sent to the embedder and not answered, in order
	windows  chan *window
	result   Result
	digest   *InputDigest
	// For the display:
	rows, settled, embedded, tokens atomic.Int64
	synced                          time.Time
}

const (
	// textsInFlight is how many texts the embedder has at most. It is enough to
	// keep a server's groups full, and little enough to finish soon when the
	// run is interrupted.
	textsInFlight = 160
	// grace is how long an interrupted run waits for what is in flight.
	grace = 5 * time.Second
)

// Run does the job. When ctx ends, it waits a moment for what is being embedded,
// keeps that, and gives ErrInterrupted; a power cut loses at most what was
// embedded since the last checkpoint, and nothing else does.
func Run(ctx context.Context, config Config) (*Result, error) {
	r := &run{
		Config: config, formed: make(chan *window, 1), texts: make(chan *pending, 64), inFlight: make(chan *pending, textsInFlight),
		windows: make(chan *window, windowsAhead), digest: NewInputDigest(), synced: time.Now(),
	}
	// An interruption must not tear what is being embedded: only an error does.
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	group, failed := errgroup.WithContext(patient)
	group.Go(func() error {
		defer close(r.formed)
		return r.read(ctx, failed)
	})
	group.Go(func() error {
		defer close(r.texts)
		defer close(r.windows)
		return r.launchAll(ctx, failed)
	})
	group.Go(func() error {
		err := r.Embedder.Embed(failed, func(wait context.Context) (Text, error) { return r.next(ctx, wait) }, r.got)
		if err == nil && len(r.inFlight) > 0 {
			err = fmt.Errorf("the embedder left %d texts without an answer", len(r.inFlight))
		}
		return err
	})
	group.Go(func() error { return r.write(ctx, failed) })
	err := group.Wait()
	if patient.Err() != nil {
		err = nil // it was we who lost patience
	}
	if err := errors.Join(err, r.Cache.Sync()); err != nil {
		return nil, err
	}
	if interrupted(ctx) {
		return nil, ErrInterrupted
	}
	r.result.Embedded = int(r.embedded.Load())
	r.result.InputDigest = r.digest.String()
	return &r.result, nil
}

// next gives the embedder a text. After an interruption there are no more.
func (r *run) next(ctx, wait context.Context) (Text, error) {
	select {
	case p, ok := <-r.texts:
		if !ok || ctx.Err() != nil {
			return Text{}, io.EOF
		}
		select {
		case r.inFlight <- p:
			return Text{p.row.Paper.Title, p.row.Paper.Abstract}, nil
		case <-wait.Done():
			return Text{}, wait.Err()
		}
	case <-ctx.Done():
		return Text{}, io.EOF
	case <-wait.Done():
		return Text{}, wait.Err()
	}
}

// got takes an answer for the oldest text in flight.
func (r *run) got(a Answer) error {
	var p *pending
	select {
	case p = <-r.inFlight:
	default:
		return errors.New("the embedder gave more answers than there were texts")
	}
	p.answer = a
	if a.Err == nil {
		if err := r.Cache.put(p.key, a.Vector); err != nil {
			return err
		}
		r.embedded.Add(1)
		r.tokens.Add(int64(a.Tokens))
	}
	r.settled.Add(1)
	p.window.answered()
	if time.Since(r.synced) >= checkpointEvery {
		r.synced = time.Now()
		return r.Cache.Sync()
	}
	return nil
}

// write writes windows in order as they become whole.
func (r *run) write(ctx, failed context.Context) error {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for w := range r.windows {
		for waiting := true; waiting; {
			select {
			case <-w.done:
				waiting = false
			case <-tick.C:
				r.report()
			case <-ctx.Done():
				return nil
			case <-failed.Done():
				return failed.Err()
			}
		}
		for i := range w.items {
			if err := r.writeItem(&w.items[i]); err != nil {
				return err
			}
		}
		r.report()
	}
	return nil
}

// progressEvery is how often progress is reported while nothing is written.
const progressEvery = 200 * time.Millisecond

func (r *run) report() {
	if r.Progress != nil {
		r.Progress(Progress{
			Read: int(r.rows.Load()), Settled: int(r.settled.Load()), Rows: r.result.Rows,
			Embedded: int(r.embedded.Load()), Tokens: int(r.tokens.Load()),
		})
	}
}

// writeItem writes a row, or keeps why it is none.
func (r *run) writeItem(it *item) error {
	switch a := it.result(); {
	case it.rejected != nil:
		return r.Quarantine.Add(*it.rejected)
	case it.row.Deleted:
		r.result.Deleted++
		return nil
	case a.Err != nil:
		raw, err := vecfile.MarshalPaper(&it.row.Paper)
		if err != nil {
			return fmt.Errorf("quarantine %s: %w", it.row.Paper.ID, err)
		}
		return r.Quarantine.Add(ingest.Rejected{File: it.row.Source.File, Line: it.row.Source.Line, Reason: a.Err.Error(), Raw: raw})
	default:
		r.digest.Add(&it.row.Paper)
		r.result.Rows++
		if a.Truncated {
			r.result.Truncated++
		}
		return r.Output.Write(&vecfile.Row{Paper: &it.row.Paper, Vector: a.Values, Tokens: a.Tokens, Truncated: a.Truncated})
	}
}
