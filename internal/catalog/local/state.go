package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/ann"
	"akin/internal/dedup"
	"akin/internal/filter"
	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/store"
)

// state is a collection at one sequence number. It never changes; it is given up
// with the last of those who hold it, the collection among them while it is the
// newest.
type state struct {
	sequence uint64
	papers   uint32
	ids      series[string]    // "" where there is no paper
	keys     series[dedup.Key] // the zero value where there is no paper
	// attributes is the version of the attribute index.
	attributes uint64
	snapshot   *store.Snapshot
	index      *held
	refs       atomic.Int64
}

// held is the index of vectors, which changes in place: what it says is held
// against live.vectors. It is closed when the last state that has it is given up.
type held struct {
	ann.Index
	walks bool // whether it is approximate
	refs  atomic.Int64
	log   func(err error)
}

func (h *held) release() {
	if h.refs.Add(-1) > 0 {
		return
	}
	if graph, ok := h.Index.(*ann.Graph); ok {
		if err := graph.Close(); err != nil {
			h.log(err)
		}
	}
}

func (s *state) release() {
	if s.refs.Add(-1) == 0 {
		s.snapshot.Close()
		s.index.release()
	}
}

// publish makes what the writer has done visible to those who ask from now on. The
// caller holds live.writing, and nothing is half done.
func (c *Embedded) publish() error {
	l := c.live
	snapshot, err := c.config.Store.Snapshot(l.name)
	if err != nil {
		return fmt.Errorf("publish the changes: %w", err)
	}
	next := &state{
		sequence: l.sequence, papers: l.papers, ids: l.ids.freeze(), keys: l.keys.freeze(),
		attributes: l.attributes.Version(), snapshot: snapshot, index: l.index,
	}
	next.refs.Store(1)
	next.index.refs.Add(1)
	l.mu.Lock()
	before := l.current
	l.current = next
	l.words.Publish()
	l.mu.Unlock()
	if before != nil {
		before.release()
	}
	return nil
}

// replace puts another index in the place of the one that answers. The caller holds
// live.writing and publishes it.
func (c *Embedded) replace(index ann.Index, walks bool) {
	h := &held{Index: index, walks: walks, log: func(err error) { c.config.Log.Warn("closing the graph failed", "error", err) }}
	h.refs.Store(1)
	before := c.live.index
	c.live.index = h
	if before != nil {
		before.release()
	}
}

// lend gives the index that answers, to be worked on beside the writer; the caller
// releases it.
func (c *Embedded) lend() *held {
	c.live.writing.Lock()
	defer c.live.writing.Unlock()
	c.live.index.refs.Add(1)
	return c.live.index
}

// moment is a state that a query has got hold of, with its words and attributes.
type moment struct {
	*state
	c          *Embedded
	live       *live
	words      *lexical.View
	attributes *filter.View
	kept       kept
}

// kept are the filters that a query has compiled: it asks for the same one again to
// say why its list is short.
type kept struct {
	mu     sync.Mutex // guards papers
	papers map[string]*roaring.Bitmap
}

func (k *kept) get(text string) *roaring.Bitmap {
	k.mu.Lock()
	defer k.mu.Unlock()
	if papers := k.papers[text]; papers != nil {
		return papers.Clone()
	}
	return nil
}

// mostKept is how many filters are kept: a query has few.
const mostKept = 8

func (k *kept) put(text string, papers *roaring.Bitmap) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.papers == nil {
		k.papers = make(map[string]*roaring.Bitmap)
	}
	if len(k.papers) < mostKept {
		k.papers[text] = papers.Clone()
	}
}

// hold takes the newest state.
func (c *Embedded) hold(l *live) (*moment, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.current == nil {
		return nil, &paper.Error{Kind: paper.Unavailable, Reason: paper.ReasonStopping, Message: "the catalog is closed; try again after the restart"}
	}
	m := &moment{state: l.current, c: c, live: l, words: l.words.Published()}
	m.refs.Add(1)
	l.held.Add(1)
	m.attributes = l.attributes.ViewAt(m.state.attributes, m.snapshot.ByOrdinals)
	return m, nil
}

func (m *moment) release() {
	m.state.release()
	m.live.held.Done()
}

// view implements View.
type view struct {
	c  *Embedded
	mu sync.Mutex // guards what follows
	// at is the moment, nil before it is needed and after Close.
	at     *moment
	closed bool
}

// View gives the collection as it is when it is first asked something. The caller
// closes it.
func (c *Embedded) View() View { return &view{c: c} }

// errClosed is a fault of the program.
var errClosed = errors.New("catalog: the view was closed")

func (v *view) of(collection string) (*moment, error) {
	l, err := v.c.of(collection)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return nil, errClosed
	}
	if v.at == nil {
		v.at, err = v.c.hold(l)
	}
	return v.at, err
}

// Close implements View.
func (v *view) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed = true; v.at != nil {
		v.at.release()
		v.at = nil
	}
}

// Get implements View.
func (v *view) Get(ctx context.Context, collection string, ids []string) ([]paper.Record, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	return there(m.snapshot.GetMany(ctx, ids))
}

// there gives the records that are there.
func there(records []*paper.Record, err error) ([]paper.Record, error) {
	if err != nil {
		return nil, err
	}
	out := make([]paper.Record, 0, len(records))
	for _, r := range records {
		if r != nil {
			out = append(out, *r)
		}
	}
	return out, nil
}

// Stats implements View.
func (v *view) Stats(_ context.Context, collection string) (Stats, error) {
	m, err := v.of(collection)
	if err != nil {
		return Stats{}, err
	}
	return Stats{Papers: m.papers, Sequence: m.sequence}, nil
}

// Still implements View.
func (v *view) Still(ctx context.Context, collection string, list Listed, ordinals []uint32) ([]*paper.Record, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	records, err := m.snapshot.ByOrdinals(ctx, ordinals)
	if err != nil || list.Sequence == m.sequence {
		return records, err
	}
	kept, err := filter.Parse(list.Filter)
	if err != nil {
		return nil, err
	}
	until, err := filter.Parse(untilDay(list.AsOf))
	if err != nil {
		return nil, err
	}
	allowed := make([]bool, len(ordinals))
	if list.Words.Typed && list.Words.Text != "" {
		r, err := m.words.Read(list.Words.query())
		if err != nil {
			return nil, err
		}
		if allowed, err = r.Allows(ctx, ordinals); err != nil {
			return nil, err
		}
	} else {
		for i := range allowed {
			allowed[i] = true
		}
	}
	for i, r := range records {
		// With another text it would have another place in the list, or none.
		if r != nil && (!allowed[i] || !kept.Match(r) || !until.Match(r) || m.live.vectors.after(r.Ordinal, list.Sequence)) {
			records[i] = nil
		}
	}
	return records, nil
}

// untilDay is the filter for papers that had appeared by a day; "" is all.
func untilDay(day string) string {
	if day == "" {
		return ""
	}
	return "date <= " + day
}
