package local

import (
	"fmt"
	"sync"
	"sync/atomic"

	"akin/internal/ann"
	"akin/internal/dedup"
	"akin/internal/paper"
	"akin/internal/store"
)

// state is a collection at one sequence number. It never changes; it is given up with
// the last of those who hold it, the collection among them while it is the newest.
type state struct {
	sequence uint64
	papers   uint32
	ids      series[string]    // "" where there is no paper
	keys     series[dedup.Key] // the zero value where there is no paper
	days     series[dayEntry]  // the zero value where there is no paper
	// version is that of the attribute index.
	version  uint64
	snapshot *store.Snapshot
	index    *held
	refs     atomic.Int64
}

func (s *state) release() {
	if s.refs.Add(-1) == 0 {
		s.snapshot.Close()
		s.index.release()
	}
}

// held is the index of vectors, which changes in place: what it says is held against
// collection.vectors. It is closed when the last state that has it is given up.
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

// showing is what queries are answered from.
type showing struct {
	// mu guards newest, and is held to take hold of a state or to put another in its
	// place, and for nothing that takes longer.
	mu     sync.RWMutex
	newest *state // nil once the collection is closed
	// moved is closed when there is another newest; nil while nobody waits for that.
	moved chan struct{}
	// holders counts the views.
	holders sync.WaitGroup
}

// end closes the collection to new views and gives the newest state, or nil if it was
// closed before.
func (s *showing) end() *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.newest
	s.newest = nil
	s.tell()
	return last
}

// tell wakes those who wait for another state. The caller holds the lock.
func (s *showing) tell() {
	if s.moved != nil {
		close(s.moved)
		s.moved = nil
	}
}

// beyond says whether the newest state is beyond a sequence number, or there is none any
// more; if not, moved is closed when that may have changed.
func (s *showing) beyond(after uint64) (moved <-chan struct{}, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest == nil || s.newest.sequence > after {
		return nil, true
	}
	if s.moved == nil {
		s.moved = make(chan struct{})
	}
	return s.moved, false
}

// publish makes what the writer has done visible to views that are opened from now on.
// The caller holds c.writing, and nothing is half done.
func (c *collection) publish() error {
	snapshot, err := c.config.Store.Snapshot(c.name)
	if err != nil {
		return fmt.Errorf("publish the changes: %w", err)
	}
	w := &c.writing
	next := &state{
		sequence: w.sequence, papers: w.papers, ids: w.ids.freeze(), keys: w.keys.freeze(), days: w.days.freeze(),
		version: c.attributes.Version(), snapshot: snapshot, index: w.index,
	}
	next.refs.Store(1)
	next.index.refs.Add(1)
	c.showing.mu.Lock()
	before := c.showing.newest
	c.showing.newest = next
	c.words.Publish()
	c.showing.tell()
	c.showing.mu.Unlock()
	if before != nil {
		before.release()
	}
	return nil
}

// view takes hold of the newest state.
func (c *collection) view() (*view, error) {
	c.showing.mu.RLock()
	defer c.showing.mu.RUnlock()
	if c.showing.newest == nil {
		return nil, &paper.Error{Kind: paper.Unavailable, Reason: paper.ReasonStopping, Message: "the catalog is closed; try again after the restart"}
	}
	v := &view{state: c.showing.newest, collection: c, words: c.words.Published()}
	v.refs.Add(1)
	c.showing.holders.Add(1)
	v.attributes = c.attributes.ViewAt(v.version, v.snapshot.ByOrdinals)
	return v, nil
}

// replace puts another index in the place of the one that answers. The caller holds
// c.writing and publishes it.
func (c *collection) replace(index ann.Index, walks bool) {
	h := &held{Index: index, walks: walks, log: func(err error) { c.config.Log.Warn("closing the graph failed", "error", err) }}
	h.refs.Store(1)
	before := c.writing.index
	c.writing.index = h
	if before != nil {
		before.release()
	}
}

// lend gives the index that answers, to be worked on beside the writer; the caller
// releases it.
func (c *collection) lend() *held {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.writing.index.refs.Add(1)
	return c.writing.index
}
