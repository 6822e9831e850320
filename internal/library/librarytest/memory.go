// Package librarytest has what tests of libraries need: Run, the contract suite that
// all Shelves pass, and Memory, shelves in memory.
package librarytest

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"akin/internal/library"
)

// Memory keeps libraries in memory. It is safe for concurrent use.
type Memory struct {
	// Fail, if it is not nil, is asked before each write is made to last; what it
	// returns is the error of the write.
	Fail func() error

	writing sync.Mutex // held by the one who writes
	mu      sync.Mutex // guards state
	state   state
}

type state struct {
	libraries map[[2]string]library.Library
	entries   map[uint32]map[string]library.Entry
	next      uint32
}

// NewMemory makes empty shelves.
func NewMemory() *Memory {
	return &Memory{state: state{libraries: map[[2]string]library.Library{}, entries: map[uint32]map[string]library.Entry{}}}
}

func (m *Memory) now() state {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

// Read implements library.Shelves.
func (m *Memory) Read(ctx context.Context, fn func(library.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn(reader{m.now()})
}

// Write implements library.Shelves.
func (m *Memory) Write(ctx context.Context, fn func(library.Writer) error) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	before := m.now()
	after := state{libraries: maps.Clone(before.libraries), entries: map[uint32]map[string]library.Entry{}, next: before.next}
	for id, entries := range before.entries {
		after.entries[id] = maps.Clone(entries)
	}
	if err := fn(&writer{reader{before}, &after}); err != nil {
		return err
	}
	if m.Fail != nil {
		if err := m.Fail(); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = after
	return nil
}

type reader struct{ state }

func (r reader) Libraries(owner string) (all []library.Library, err error) {
	for _, l := range r.libraries {
		if owner == "" || l.Owner == owner {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b library.Library) int {
		return cmp.Or(cmp.Compare(len(a.Owner), len(b.Owner)), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

func (r reader) Library(owner, name string) (library.Library, bool, error) {
	l, found := r.libraries[[2]string{owner, name}]
	return l, found, nil
}

func (r reader) Entries(id uint32) iter.Seq2[library.Entry, error] {
	return func(yield func(library.Entry, error) bool) {
		for _, paperID := range slices.Sorted(maps.Keys(r.entries[id])) {
			if !yield(copied(r.entries[id][paperID]), nil) {
				return
			}
		}
	}
}

func (r reader) Entry(id uint32, paperID string) (library.Entry, bool, error) {
	e, found := r.entries[id][paperID]
	return copied(e), found, nil
}

func copied(e library.Entry) library.Entry {
	e.Tags = slices.Clone(e.Tags)
	return e
}

type writer struct {
	reader
	after *state
}

func (w *writer) PutLibrary(l *library.Library) error {
	if l.ID == 0 {
		w.after.next++
		l.ID = w.after.next
	}
	w.after.libraries[[2]string{l.Owner, l.Name}] = *l
	return nil
}

func (w *writer) RemoveLibrary(owner, name string) error {
	delete(w.after.libraries, [2]string{owner, name})
	return nil
}

func (w *writer) PutEntry(id uint32, e *library.Entry) error {
	if w.after.entries[id] == nil {
		w.after.entries[id] = map[string]library.Entry{}
	}
	w.after.entries[id][e.PaperID] = copied(*e)
	return nil
}

func (w *writer) RemoveEntry(id uint32, paperID string) error {
	delete(w.after.entries[id], paperID)
	return nil
}

func (w *writer) Clear(id uint32) error {
	delete(w.after.entries, id)
	return nil
}

// Copy gives shelves with what these have now.
func (m *Memory) Copy() *Memory { return &Memory{state: m.now()} }
