// Package sourcetest is for tests: the contract suite of what keeps what sources know,
// and one in memory.
package sourcetest

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"akin/internal/source"
)

// Memory is a source.Book in memory. It is safe for concurrent use.
type Memory struct {
	writing sync.Mutex       // serialises writes
	mu      sync.Mutex       // guards what follows
	all     map[place]string // is replaced, never changed
	refuse  error
}

type place struct {
	what        source.What
	source, key string
}

// NewMemory makes an empty one.
func NewMemory() *Memory { return &Memory{all: make(map[place]string)} }

// Refuse makes writes fail with an error; nil lets them be.
func (m *Memory) Refuse(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = err
}

// Clone is a copy as it is now, as a backup is.
func (m *Memory) Clone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Memory{all: m.all}
}

func (m *Memory) snapshot() *reader {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &reader{all: m.all}
}

// Read implements source.Book.
func (m *Memory) Read(_ context.Context, fn func(source.Reader) error) error { return fn(m.snapshot()) }

// Write implements source.Book.
func (m *Memory) Write(ctx context.Context, fn func(source.Writer) error) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &writer{reader: m.snapshot()}
	w.after = maps.Clone(w.all)
	if err := fn(w); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		return m.refuse
	}
	m.all = w.after
	return nil
}

type reader struct{ all map[place]string }

// Get implements source.Reader.
func (r *reader) Get(what source.What, of, key string, into any) (bool, error) {
	text, ok := r.all[place{what, of, key}]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal([]byte(text), into)
}

// Each implements source.Reader.
func (r *reader) Each(what source.What, of string, fn func(key string, read func(any) error) error) error {
	var keys []string
	for p := range r.all {
		if p.what == what && p.source == of {
			keys = append(keys, p.key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if err := fn(key, func(into any) error { return json.Unmarshal([]byte(r.all[place{what, of, key}]), into) }); err != nil {
			return err
		}
	}
	return nil
}

type writer struct {
	*reader
	after map[place]string
}

// Put implements source.Writer.
func (w *writer) Put(what source.What, of, key string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.after[place{what, of, key}] = string(raw)
	return nil
}

// Remove implements source.Writer.
func (w *writer) Remove(what source.What, of, key string) error {
	delete(w.after, place{what, of, key})
	return nil
}

// Clear implements source.Writer.
func (w *writer) Clear(what source.What, of string) error {
	for p := range w.after {
		if p.what == what && p.source == of {
			delete(w.after, p)
		}
	}
	return nil
}
