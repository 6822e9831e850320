// Package catalogtest has what tests of catalogs and of their callers need: Run, the
// contract suite that every catalog passes, and Memory, a catalog that keeps all in
// memory, is exact, and as simple as can be.
//
// Memory is safe for concurrent use. It is for tests: each query looks at every paper.
package catalogtest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"akin/internal/catalog"
	"akin/internal/dedup"
	"akin/internal/paper"
)

// Memory is a catalog in memory with every capability. Each state of a collection is
// a value of its own, so that a view is one pointer.
type Memory struct {
	options Options
	// open counts the views that are not closed.
	open atomic.Int64

	mu        sync.RWMutex // guards what follows
	states    map[string]*state
	snapshots []taken
	derived   map[string]derivedData // by collection and name
}

// Options say how a Memory behaves beside its contract.
type Options struct {
	// Before is called at the beginning of each call of the catalog and its views, with
	// the name of the method; what it returns, if not nil, is the error of the call. It
	// may be called from several goroutines at once.
	Before func(ctx context.Context, call string) error
	// Strategy is what searches say that they did, unless they are to be exact; 0 is
	// ExactScan.
	Strategy catalog.Strategy
}

// state is a collection at one sequence number. It never changes.
type state struct {
	name     string
	space    paper.Space
	sequence uint64
	next     uint32 // the next ordinal
	entries  []*entry
	byID     map[string]*entry

	once  sync.Once // makes stats
	stats statistics
}

// entry is a paper of a state. It never changes.
type entry struct {
	*paper.Record
	vector []float32
	// embedded is the sequence number that vector came with.
	embedded uint64
	words    document
	key      dedup.Key
}

// NewMemory makes a catalog with the default collection, which is empty.
func NewMemory(space paper.Space, options Options) *Memory {
	m := &Memory{options: options, states: make(map[string]*state)}
	m.AddCollection(paper.DefaultCollection, space)
	return m
}

// AddCollection adds a collection, which is empty.
func (m *Memory) AddCollection(name string, space paper.Space) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states[name] = &state{name: name, space: space, byID: make(map[string]*entry)}
}

func (m *Memory) before(ctx context.Context, call string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.options.Before != nil {
		return m.options.Before(ctx, call)
	}
	return nil
}

// at gives the newest state of a collection. The caller holds mu.
func (m *Memory) at(collection string) (*state, error) {
	if s := m.states[collection]; s != nil {
		return s, nil
	}
	return nil, &paper.Error{
		Kind: paper.NotFound, Reason: paper.ReasonCollectionUnknown, ResourceType: "collection", ResourceName: collection,
		Message: fmt.Sprintf("collection %q does not exist", collection),
	}
}

// View implements catalog.Catalog.
func (m *Memory) View(ctx context.Context, collection string) (catalog.View, error) {
	v, err := m.view(ctx, collection)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (m *Memory) view(ctx context.Context, collection string) (*view, error) {
	if err := m.before(ctx, "View"); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, err := m.at(collection)
	if err != nil {
		return nil, err
	}
	m.open.Add(1)
	return &view{state: s, of: m}, nil
}

// OpenViews is how many views nobody has closed yet.
func (m *Memory) OpenViews() int { return int(m.open.Load()) }

// Apply implements catalog.Catalog.
func (m *Memory) Apply(ctx context.Context, collection string, changes []catalog.Mutation) ([]catalog.Outcome, uint64, error) {
	if err := m.before(ctx, "Apply"); err != nil {
		return nil, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.at(collection)
	if err != nil {
		return nil, 0, err
	}
	next := &state{name: s.name, space: s.space, sequence: s.sequence, next: s.next, byID: maps.Clone(s.byID)}
	outcomes := make([]catalog.Outcome, len(changes))
	for i := range changes {
		if outcomes[i], err = next.change(&changes[i]); err != nil {
			return nil, 0, fmt.Errorf("change %d: %w", i, err)
		}
	}
	next.entries = slices.SortedFunc(maps.Values(next.byID), func(a, b *entry) int { return strings.Compare(a.ID, b.ID) })
	m.states[collection] = next
	return outcomes, next.sequence, nil
}

// change makes one change of a state that nobody else has yet.
func (s *state) change(c *catalog.Mutation) (catalog.Outcome, error) {
	old := s.byID[c.Paper.ID]
	if c.Delete {
		out := catalog.Outcome{Change: catalog.Missing, Record: paper.Record{Paper: paper.Paper{ID: c.Paper.ID}}}
		if old != nil {
			out.Change = catalog.Deleted
			delete(s.byID, c.Paper.ID)
			s.sequence++
		}
		return out, nil
	}
	if err := c.Paper.Validate(); err != nil {
		return catalog.Outcome{}, err
	}
	content := contentDigest(c.Paper)
	if old != nil && old.ContentDigest == content {
		return catalog.Outcome{Change: catalog.Unchanged, Record: *old.Record}, nil
	}
	e, change := s.successor(old)
	var before *paper.Record
	if old != nil {
		before = old.Record
	}
	e.Trail = paper.NextTrail(before, &c.Paper, e.UpdateTime)
	e.Paper, e.ContentDigest = c.Paper.Clone(), content
	e.EmbedDigest = paper.EmbedDigest(c.Paper.Title, c.Paper.Abstract)
	if err := s.checkVector(c.Vector, old, e); err != nil {
		return catalog.Outcome{}, err
	}
	s.sequence++
	if c.Vector != nil {
		e.vector, e.embedded = slices.Clone(c.Vector), s.sequence
		e.TokenCount, e.Truncated = c.TokenCount, c.Truncated
	}
	e.words, e.key = documentOf(&e.Paper), dedup.KeyOf(&e.Paper)
	s.byID[e.ID] = e
	return catalog.Outcome{Change: change, Record: *e.Record}, nil
}

// successor begins what follows an entry; a new one gets an ordinal.
func (s *state) successor(old *entry) (*entry, catalog.Change) {
	now := time.Now().UTC()
	if old == nil {
		s.next++
		return &entry{Record: &paper.Record{Ordinal: s.next - 1, Handle: s.next, Revision: 1, CreateTime: now, UpdateTime: now}}, catalog.Created
	}
	r := *old.Record
	r.Revision++
	r.UpdateTime = now
	return &entry{Record: &r, vector: old.vector, embedded: old.embedded}, catalog.Updated
}

func (s *state) checkVector(vector []float32, old, e *entry) error {
	switch {
	case vector == nil && old == nil:
		return paper.InvalidField("vector", "is missing; a new paper needs one")
	case vector == nil && old.EmbedDigest != e.EmbedDigest:
		return paper.InvalidField("vector", "is missing; title or abstract have changed")
	case vector != nil && len(vector) != s.space.Dimension:
		return paper.InvalidField("vector", "has %d components; the space has %d", len(vector), s.space.Dimension)
	}
	for i, x := range vector {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return paper.InvalidField("vector", "has %v as component %d; all must be finite", x, i)
		}
	}
	return nil
}

// contentDigest tells papers apart. Lists and maps that are empty are the same as
// those that are nil.
func contentDigest(p paper.Paper) paper.Digest {
	b, err := json.Marshal(p.Plain())
	if err != nil { // a valid paper holds nothing that cannot be written
		return paper.Digest{}
	}
	return sha256.Sum256(b)
}
