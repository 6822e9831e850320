// Package followtest has what tests of libraries that follow something need: Run, the
// contract suite that all follow.Shelves pass, and Memory, shelves in memory.
package followtest

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"akin/internal/follow"
	"akin/internal/library"
	"akin/internal/library/librarytest"
)

// Memory keeps bindings and libraries in memory. It is safe for concurrent use.
type Memory struct {
	*librarytest.Memory

	mu    sync.Mutex // guards state; held by the one who writes
	state state
}

type state struct {
	bindings map[uint32]follow.Binding
	items    map[uint32]map[string]follow.Item
	gifts    map[uint32]map[string]library.Gift
	rests    map[string]time.Time
}

func (s state) clone() state {
	out := state{maps.Clone(s.bindings), map[uint32]map[string]follow.Item{}, map[uint32]map[string]library.Gift{}, maps.Clone(s.rests)}
	for id, items := range s.items {
		out.items[id] = maps.Clone(items)
	}
	for id, gifts := range s.gifts {
		out.gifts[id] = maps.Clone(gifts)
	}
	return out
}

// NewMemory makes empty shelves.
func NewMemory() *Memory {
	return &Memory{Memory: librarytest.NewMemory(), state: state{
		map[uint32]follow.Binding{}, map[uint32]map[string]follow.Item{}, map[uint32]map[string]library.Gift{}, map[string]time.Time{},
	}}
}

// Follow implements follow.Shelves.
func (m *Memory) Follow(ctx context.Context, fn func(follow.Reader) error) error {
	return m.Read(ctx, func(r library.Reader) error {
		m.mu.Lock()
		s := m.state
		m.mu.Unlock()
		return fn(reader{r, s})
	})
}

// Change implements follow.Shelves.
func (m *Memory) Change(ctx context.Context, fn func(follow.Writer) error) error {
	var after state
	err := m.Write(ctx, func(w library.Writer) error {
		m.mu.Lock()
		before := m.state
		m.mu.Unlock()
		after = before.clone()
		return fn(&writer{w, before, &after})
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = after
	return nil
}

type reader struct {
	library.Reader
	state
}

func (s state) Bindings() (all []follow.Binding, err error) {
	for _, id := range slices.Sorted(maps.Keys(s.bindings)) {
		all = append(all, s.bindings[id])
	}
	return all, nil
}

func (s state) Binding(libraryID uint32) (follow.Binding, bool, error) {
	b, found := s.bindings[libraryID]
	return b, found, nil
}

func (s state) Rest(host string) (time.Time, error) { return s.rests[host], nil }

func (s state) Items(libraryID uint32) iter.Seq2[follow.Item, error] {
	return sorted(s.items[libraryID])
}

func (s state) Gifts(libraryID uint32) iter.Seq2[library.Gift, error] {
	return sorted(s.gifts[libraryID])
}

func sorted[T any](m map[string]T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(m[key], nil) {
				return
			}
		}
	}
}

type writer struct {
	library.Writer
	state
	after *state
}

func (w *writer) PutBinding(b *follow.Binding) error {
	w.after.bindings[b.LibraryID] = *b
	return nil
}

func (w *writer) RemoveBinding(libraryID uint32) error {
	delete(w.after.bindings, libraryID)
	delete(w.after.items, libraryID)
	delete(w.after.gifts, libraryID)
	return nil
}

func (w *writer) PutRest(host string, until time.Time) error {
	w.after.rests[host] = until
	return nil
}

func (w *writer) PutItem(libraryID uint32, i *follow.Item) error {
	if w.after.items[libraryID] == nil {
		w.after.items[libraryID] = map[string]follow.Item{}
	}
	w.after.items[libraryID][i.Key] = *i
	return nil
}

func (w *writer) RemoveItem(libraryID uint32, key string) error {
	delete(w.after.items[libraryID], key)
	return nil
}

func (w *writer) PutGift(libraryID uint32, g *library.Gift) error {
	if w.after.gifts[libraryID] == nil {
		w.after.gifts[libraryID] = map[string]library.Gift{}
	}
	w.after.gifts[libraryID][g.PaperID] = *g
	return nil
}

func (w *writer) RemoveGift(libraryID uint32, paperID string) error {
	delete(w.after.gifts[libraryID], paperID)
	return nil
}

// Copy gives shelves with what these have now.
func (m *Memory) Copy() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Memory{Memory: m.Memory.Copy(), state: m.state.clone()}
}
