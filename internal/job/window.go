package job

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"akin/internal/ingest"
)

const (
	// windowRows and windowBytes bound how many rows are put in order of length
	// together.
	windowRows  = 2048
	windowBytes = 16 << 20
	// windowsAhead is how many windows wait behind the one being written, so
	// that the embedder never waits for the reader.
	windowsAhead = 2
)

// item is one row of the input on its way through the job.
type item struct {
	row      ingest.Row
	rejected *ingest.Rejected // why it is no row
	cached   Vector           // if pending is nil
	pending  *pending
}

func newItem(row ingest.Row, err error) item {
	it := item{row: row}
	if err != nil {
		rejected := ingest.Rejection(err)
		it.rejected = &rejected
	}
	return it
}

// in says whether the item is in a shard. Every bad row is in one, so that no two
// report it.
func (it *item) in(s Shard) bool {
	if it.rejected != nil {
		return s.has(fmt.Sprintf("%s:%d", it.rejected.File, it.rejected.Line))
	}
	return s.Has(it.row.Paper.ID)
}

// result is the row's vector, or why there is none.
func (it *item) result() Answer {
	if it.pending != nil {
		return it.pending.answer
	}
	return Answer{Vector: it.cached}
}

// pending is a text that must be embedded, for one row or for several.
type pending struct {
	row    *ingest.Row
	key    key
	window *window
	answer Answer // set before the window is told
}

func (p *pending) length() int { return len(p.row.Paper.Title) + len(p.row.Paper.Abstract) }

// window is a stretch of the input.
type window struct {
	items   []item
	bytes   int
	waiting atomic.Int64
	done    chan struct{} // closed when every text has its answer
}

func newWindow() *window { return &window{done: make(chan struct{})} }

func (w *window) full() bool { return len(w.items) >= windowRows || w.bytes >= windowBytes }

// answered notes one text's answer.
func (w *window) answered() {
	if w.waiting.Add(-1) == 0 {
		close(w.done)
	}
}

// read forms windows.
func (r *run) read(ctx, failed context.Context) error {
	w := newWindow()
	for row, err := range ingest.Papers(ctx, r.Inputs, r.Read) {
		switch {
		case interrupted(ctx):
			return nil
		case failed.Err() != nil:
			return failed.Err()
		}
		it := newItem(row, err)
		if !it.in(r.Shard) {
			continue
		}
		w.items = append(w.items, it)
		w.bytes += len(row.Paper.Title) + len(row.Paper.Abstract)
		if !w.full() {
			continue
		}
		if err := r.form(ctx, failed, w); err != nil {
			return err
		}
		w = newWindow()
	}
	return r.form(ctx, failed, w)
}

// form hands on a window that is full, or the last one.
func (r *run) form(ctx, failed context.Context, w *window) error {
	select {
	case r.formed <- w:
		return nil
	case <-ctx.Done():
		return nil
	case <-failed.Done():
		return failed.Err()
	}
}

// launchAll launches windows as they are formed, on a core of its own: digesting
// takes as long as parsing.
func (r *run) launchAll(ctx, failed context.Context) error {
	for w := range r.formed {
		if err := r.launch(ctx, failed, w); err != nil {
			return err
		}
	}
	return nil
}

// interrupted says that the run should end where it is, which is no failure of
// any of its parts.
func interrupted(ctx context.Context) bool { return ctx.Err() != nil }

// launch looks up a window's texts, queues the window for writing, and sends
// what is missing in order of length.
func (r *run) launch(ctx, failed context.Context, w *window) error {
	if len(w.items) == 0 || interrupted(ctx) {
		return nil
	}
	missing, err := r.lookUp(w)
	if err != nil {
		return err
	}
	w.waiting.Store(int64(len(missing)))
	r.rows.Add(int64(len(w.items)))
	r.settled.Add(int64(len(w.items) - len(missing)))
	if len(missing) == 0 {
		close(w.done)
	}
	slices.SortStableFunc(missing, func(a, b *pending) int { return cmp.Compare(a.length(), b.length()) })
	select {
	case r.windows <- w:
	case <-ctx.Done():
		return nil
	case <-failed.Done():
		return failed.Err()
	}
	for _, p := range missing {
		select {
		case r.texts <- p:
		case <-ctx.Done():
			return nil
		case <-failed.Done():
			return failed.Err()
		}
	}
	return nil
}

// lookUp takes vectors from the cache and gives the texts that are not there,
// each once.
func (r *run) lookUp(w *window) ([]*pending, error) {
	var missing []*pending
	known := make(map[key]*pending)
	for i := range w.items {
		it := &w.items[i]
		if it.rejected != nil || it.row.Deleted {
			continue
		}
		k := keyOf(&it.row.Paper)
		if p := known[k]; p != nil {
			it.pending = p
			continue
		}
		v, found, err := r.Cache.get(k)
		if err != nil {
			return nil, err
		}
		if found {
			it.cached = v
			continue
		}
		it.pending = &pending{row: &it.row, key: k, window: w}
		known[k] = it.pending
		missing = append(missing, it.pending)
	}
	return missing, nil
}
