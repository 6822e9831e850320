// Package feedtest has what tests of feeds need: Run, the contract suite that all ledgers
// pass, and Memory, a ledger in memory.
package feedtest

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"akin/internal/feed"
)

// Memory keeps feeds in memory. It is safe for concurrent use.
type Memory struct {
	// Fail, if it is not nil, is asked before each write is made to last; what it returns
	// is the error of the write.
	Fail func() error

	writing sync.Mutex // held by the one who writes
	mu      sync.Mutex // guards state
	state   *state
}

type state struct {
	feeds        map[[2]string]feed.Feed
	items        map[uint32]map[uint64]feed.Item
	progress     map[uint32]feed.Progress
	calibrations map[uint32]feed.Calibration
	following    map[string]feed.Following
	next         uint32
}

func (s *state) clone() *state {
	c := &state{
		feeds: maps.Clone(s.feeds), items: make(map[uint32]map[uint64]feed.Item, len(s.items)), progress: maps.Clone(s.progress),
		calibrations: maps.Clone(s.calibrations), following: maps.Clone(s.following), next: s.next,
	}
	for id, items := range s.items {
		c.items[id] = maps.Clone(items)
	}
	return c
}

// NewMemory makes an empty ledger.
func NewMemory() *Memory {
	return &Memory{state: &state{
		feeds: map[[2]string]feed.Feed{}, items: map[uint32]map[uint64]feed.Item{}, progress: map[uint32]feed.Progress{},
		calibrations: map[uint32]feed.Calibration{}, following: map[string]feed.Following{},
	}}
}

func (m *Memory) now() *state {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

// Read implements feed.Ledger.
func (m *Memory) Read(ctx context.Context, fn func(feed.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn(reader{m.now()})
}

// Write implements feed.Ledger.
func (m *Memory) Write(ctx context.Context, fn func(feed.Writer) error) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	before := m.now()
	after := before.clone()
	if err := fn(&writer{reader{before}, after}); err != nil {
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

type reader struct{ *state }

func (r reader) Feeds(owner string) (all []feed.Feed, err error) {
	for _, f := range r.feeds {
		if owner == "" || f.Owner == owner {
			f.Query.Authors = slices.Clone(f.Query.Authors)
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b feed.Feed) int {
		return cmp.Or(cmp.Compare(len(a.Owner), len(b.Owner)), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

func (r reader) Feed(owner, name string) (feed.Feed, bool, error) {
	f, found := r.feeds[[2]string{owner, name}]
	f.Query.Authors = slices.Clone(f.Query.Authors)
	return f, found, nil
}

func (r reader) Count() (int, error) { return len(r.feeds), nil }

func (r reader) Items(id uint32, cursor uint64, newest bool) iter.Seq2[feed.Item, error] {
	return func(yield func(feed.Item, error) bool) {
		cursors := slices.Sorted(maps.Keys(r.items[id]))
		if newest {
			slices.Reverse(cursors)
		}
		for _, at := range cursors {
			if newest && cursor != 0 && at >= cursor || !newest && at <= cursor {
				continue
			}
			it := r.items[id][at]
			it.Reasons = slices.Clone(it.Reasons)
			if !yield(it, nil) {
				return
			}
		}
	}
}

func (r reader) Seen(id uint32, paperID string) (uint64, bool, error) {
	for at, it := range r.items[id] {
		if it.PaperID == paperID {
			return at, true, nil
		}
	}
	return 0, false, nil
}

func (r reader) Progress(id uint32) (feed.Progress, error) { return r.progress[id], nil }

func (r reader) Calibration(id uint32) (feed.Calibration, bool, error) {
	c, found := r.calibrations[id]
	return c, found, nil
}

func (r reader) Following(collection string) (feed.Following, bool, error) {
	f, found := r.following[collection]
	return f, found, nil
}

type writer struct {
	reader
	after *state
}

func (w *writer) PutFeed(f *feed.Feed) error {
	if f.ID == 0 {
		w.after.next++
		f.ID = w.after.next
	}
	w.after.feeds[[2]string{f.Owner, f.Name}] = *f
	return nil
}

func (w *writer) RemoveFeed(owner, name string) error {
	delete(w.after.feeds, [2]string{owner, name})
	return nil
}

func (w *writer) PutItem(id uint32, it *feed.Item) error {
	if w.after.items[id] == nil {
		w.after.items[id] = map[uint64]feed.Item{}
	}
	w.after.items[id][it.Cursor] = *it
	return nil
}

func (w *writer) RemoveItem(id uint32, it *feed.Item) error {
	delete(w.after.items[id], it.Cursor)
	return nil
}

func (w *writer) Clear(id uint32) error {
	delete(w.after.items, id)
	delete(w.after.progress, id)
	delete(w.after.calibrations, id)
	return nil
}

func (w *writer) PutProgress(id uint32, p *feed.Progress) error {
	w.after.progress[id] = *p
	return nil
}

func (w *writer) PutCalibration(id uint32, c *feed.Calibration) error {
	w.after.calibrations[id] = *c
	return nil
}

func (w *writer) PutFollowing(collection string, f *feed.Following) error {
	if f == nil {
		delete(w.after.following, collection)
	} else {
		w.after.following[collection] = *f
	}
	return nil
}
