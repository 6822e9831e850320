package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"pgregory.net/rapid"

	"akin/internal/crashtest"
	"akin/internal/paper"
)

// model is what a collection should hold.
type model struct {
	papers   map[string]entry
	changes  []Change
	trimmed  uint64
	ordinals uint32
}

type entry struct {
	paper    paper.Paper
	vector   []float32
	ordinal  uint32
	revision uint64
}

func newModel() *model { return &model{papers: map[string]entry{}} }

func (m *model) clone() *model {
	c := *m
	c.papers = maps.Clone(m.papers)
	c.changes = slices.Clone(m.changes)
	return &c
}

func (m *model) apply(group []Mutation) []Outcome {
	out := make([]Outcome, len(group))
	for i, mutation := range group {
		out[i] = m.mutate(mutation)
	}
	return out
}

func (m *model) mutate(mutation Mutation) Outcome {
	u := mutation.Upsert
	if u == nil {
		e, ok := m.papers[mutation.Delete]
		if !ok {
			return Outcome{Result: NotFound}
		}
		delete(m.papers, mutation.Delete)
		return m.log(Outcome{Result: Deleted}, mutation.Delete, e, Change{Operation: Delete})
	}
	e, ok := m.papers[u.Paper.ID]
	result := Updated
	switch {
	case ok && ContentDigest(&e.paper) == ContentDigest(&u.Paper):
		return Outcome{Result: Unchanged, Record: paper.Record{Ordinal: e.ordinal, Revision: e.revision}}
	case !ok:
		result = Created
		e.ordinal = m.ordinals
		m.ordinals++
	}
	fields := paper.AllFields
	if result == Updated {
		fields = paper.ChangedFields(&e.paper, &u.Paper)
	}
	e.paper = u.Paper
	e.revision++
	if u.Vector != nil {
		e.vector = u.Vector
	}
	m.papers[u.Paper.ID] = e
	return m.log(Outcome{Result: result}, u.Paper.ID, e, Change{Operation: Put, Embedded: u.Vector != nil, Fields: fields})
}

func (m *model) log(o Outcome, id string, e entry, c Change) Outcome {
	o.Sequence = uint64(len(m.changes) + 1)
	o.Record.Ordinal, o.Record.Revision = e.ordinal, e.revision
	c.Sequence, c.ID, c.Ordinal, c.Revision = o.Sequence, id, e.ordinal, e.revision
	m.changes = append(m.changes, c)
	return o
}

// differs says how the store's state is not the model's; "" if it is.
func (m *model) differs(t tb, s *Store) string {
	t.Helper()
	ctx := context.Background()
	sn := must(s.Snapshot(papers))(t)
	defer sn.Close()
	if sn.Count() != len(m.papers) || sn.Sequence() != uint64(len(m.changes)) || sn.NextOrdinal() != m.ordinals {
		return fmt.Sprintf("count %d, sequence %d, next ordinal %d; want %d, %d, %d",
			sn.Count(), sn.Sequence(), sn.NextOrdinal(), len(m.papers), len(m.changes), m.ordinals)
	}
	list := must(sn.List(ctx, "", MaxPage))(t)
	want := slices.Sorted(maps.Keys(m.papers))
	if len(list) != len(want) {
		return fmt.Sprintf("%d papers are listed; want %d", len(list), len(want))
	}
	for i, r := range list {
		e := m.papers[want[i]]
		if r.ID != want[i] || r.ContentDigest != ContentDigest(&e.paper) || r.Ordinal != e.ordinal || r.Revision != e.revision {
			return fmt.Sprintf("paper %d is %+v; want %+v", i, r, e)
		}
		if v := must(sn.Vector(ctx, r.Ordinal))(t); !slices.Equal(v, e.vector) {
			return fmt.Sprintf("vector of %s is %v; want %v", r.ID, v, e.vector)
		}
	}
	i := int(m.trimmed)
	for c, err := range sn.Changes(ctx, m.trimmed) {
		if err != nil || i >= len(m.changes) || c != m.changes[i] {
			return fmt.Sprintf("change %d is %+v, %v", i, c, err)
		}
		i++
	}
	if i != len(m.changes) {
		return fmt.Sprintf("%d changes; want %d", i, len(m.changes))
	}
	return ""
}

// drawGroup draws mutations of few ids, so that they meet.
func drawGroup(t *rapid.T, m *model) []Mutation {
	m = m.clone()
	group := make([]Mutation, rapid.IntRange(1, 5).Draw(t, "size"))
	for i := range group {
		id := rapid.SampledFrom([]string{"a", "b", "arXiv:1/2", "ü", "a b"}).Draw(t, "id")
		old, exists := m.papers[id]
		switch rapid.IntRange(0, 3).Draw(t, "op") {
		case 0:
			group[i] = remove(id)
		case 1:
			if exists { // another field, without a vector
				p := old.paper
				p.Venue = rapid.SampledFrom([]string{"", "V", "W"}).Draw(t, "venue")
				group[i] = Mutation{Upsert: &Upsert{Paper: p}}
				break
			}
			fallthrough
		default:
			group[i] = upsert(testPaper(id, rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "text")))
		}
		m.mutate(group[i])
	}
	return group
}

// openTiny opens a store on a file system, for the caller to close.
func openTiny(t tb, fs vfs.FS) *Store {
	s := must(Open("/data", testOptions().WithFS(fs)))(t)
	must(s.EnsureCollection(context.Background(), papers, testSpace()))(t)
	return s
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		mem := vfs.NewMem()
		s := openTiny(t, mem)
		m := newModel()
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				group := drawGroup(t, m)
				got, want := apply(t, s, group...), m.apply(group)
				for i := range want {
					g, w := got[i], want[i]
					if g.Result != w.Result || g.Sequence != w.Sequence || g.Record.Ordinal != w.Record.Ordinal || g.Record.Revision != w.Record.Revision {
						t.Fatalf("outcome %d is %+v; want %+v", i, g, w)
					}
				}
			},
			"trim": func(t *rapid.T) {
				upTo := rapid.Uint64Range(0, uint64(len(m.changes))+1).Draw(t, "upTo")
				if err := s.TrimChanges(ctx, papers, upTo); err != nil {
					t.Fatal(err)
				}
				m.trimmed = max(m.trimmed, min(upTo, uint64(len(m.changes))))
			},
			"compact": func(t *rapid.T) {
				if err := s.Compact(ctx); err != nil {
					t.Fatal(err)
				}
			},
			"reopen": func(t *rapid.T) {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = openTiny(t, mem)
			},
			"": func(t *rapid.T) {
				if d := m.differs(t, s); d != "" {
					t.Fatal(d)
				}
			},
		})
		verified(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// crasher takes a picture of the disk, as a power cut would leave it, before
// the at-th write.
type crasher struct {
	mem     *vfs.MemFS
	at      int64
	percent int
	seed    uint64
	acked   *atomic.Int64

	n    atomic.Int64
	once sync.Once
	// disk and ackedThen are the picture, and what was acknowledged before.
	disk      *vfs.MemFS
	ackedThen int64
}

func (c *crasher) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && c.n.Add(1) == c.at {
		c.crash()
	}
	return nil
}

func (c *crasher) String() string { return "crasher" }

// crash takes the picture, unless that was done.
func (c *crasher) crash() {
	c.once.Do(func() {
		c.ackedThen = c.acked.Load()
		c.disk = c.mem.CrashClone(vfs.CrashCloneCfg{
			UnsyncedDataPercent: c.percent,
			RNG:                 rand.New(rand.NewPCG(c.seed, c.seed)),
		})
	})
}

// run applies the groups, each before a compaction where compact says so,
// on a disk that the crasher takes its picture of. It then opens the picture:
// everything acknowledged is there, the group under way is there whole or not
// at all, and the store is sound and goes on. It returns the writes made.
func (c *crasher) run(t tb, groups [][]Mutation, compact func(i int) bool) int64 {
	t.Helper()
	ctx := context.Background()
	var acked atomic.Int64
	c.mem, c.acked = vfs.NewCrashableMem(), &acked
	s := openTiny(t, errorfs.Wrap(c.mem, c))
	states := []*model{newModel()} // after each acknowledged group
	for i, group := range groups {
		m := states[i].clone()
		m.apply(group)
		states = append(states, m)
		apply(t, s, group...)
		acked.Add(1)
		if compact(i) {
			if err := s.Compact(ctx); err != nil {
				t.Fatalf("compact: %v", err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	writes := c.n.Load()
	c.crash()
	after := openTiny(t, c.disk) // makes the collection if that was lost
	defer after.Close()
	verified(t, after)
	var why []string
	for _, m := range states[c.ackedThen:min(c.ackedThen+2, int64(len(states)))] {
		d := m.differs(t, after)
		if d == "" {
			apply(t, after, upsert(testPaper("afterwards", "x")))
			return writes
		}
		why = append(why, d)
	}
	t.Fatalf("after %d acknowledged groups: %q", c.ackedThen, why)
	return 0
}

func TestCrash(t *testing.T) {
	crashtest.Alone(t)
	rapid.Check(t, func(t *rapid.T) {
		c := &crasher{
			at:      rapid.Int64Range(1, 200).Draw(t, "at"),
			percent: rapid.SampledFrom([]int{0, 50, 100}).Draw(t, "percent"),
			seed:    rapid.Uint64().Draw(t, "seed"),
		}
		m := newModel()
		var groups [][]Mutation
		for range rapid.IntRange(1, 12).Draw(t, "groups") {
			groups = append(groups, drawGroup(t, m))
			m.apply(groups[len(groups)-1])
		}
		every := rapid.IntRange(2, 12).Draw(t, "compact every")
		c.run(t, groups, func(i int) bool { return i%every == 1 })
	})
}

// The same, at every single write of one course of events, the creation of the
// directory included.
func TestCrashAtEveryWrite(t *testing.T) {
	crashtest.Alone(t)
	groups := [][]Mutation{
		{upsert(testPaper("a", "x")), upsert(testPaper("b", "x"))},
		{upsert(testPaper("a", "y")), remove("b"), upsert(testPaper("c", "x"))},
		{remove("a"), upsert(testPaper("b", "z"))},
	}
	writes := int64(1)
	for at := int64(1); at <= writes; at++ {
		for seed := range uint64(4) {
			c := &crasher{at: at, percent: int(seed) * 30, seed: seed*1000 + uint64(at)}
			writes = max(writes, c.run(t, groups, func(i int) bool { return i == 1 }))
		}
	}
	if writes < 50 {
		t.Errorf("only %d writes were seen", writes)
	}
}

// breaker fails every write from the at-th on: the disk is full for good.
type breaker struct {
	at int64
	n  atomic.Int64
	on atomic.Bool
}

var errDisk = fmt.Errorf("injected: %w", syscall.EIO)

func (b *breaker) MaybeError(op errorfs.Op) error {
	if b.on.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose && b.n.Add(1) >= b.at {
		return errDisk
	}
	return nil
}

func (b *breaker) String() string { return "breaker" }

// A write that fails costs an error and makes the store read-only; readers
// keep what was acknowledged, and so does the next opening.
func TestWriteErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		mem := vfs.NewMem()
		b := &breaker{at: rapid.Int64Range(1, 60).Draw(t, "at")}
		s := openTiny(t, errorfs.Wrap(mem, b))
		b.on.Store(true)
		acked, failed := newModel(), (*model)(nil)
		for range rapid.IntRange(1, 20).Draw(t, "groups") {
			next := acked.clone()
			group := drawGroup(t, next)
			next.apply(group)
			_, err := s.Apply(ctx, papers, group)
			if err != nil {
				if !errors.Is(err, ErrReadOnly) || paper.KindOf(err) != paper.FailedPrecondition {
					t.Fatalf("unexpected error %v", err)
				}
				failed = next
				break
			}
			acked = next
			if rapid.IntRange(0, 5).Draw(t, "compact") == 0 {
				if err := s.Compact(ctx); err != nil && !errors.Is(err, ErrReadOnly) {
					t.Fatalf("unexpected error %v", err)
				}
			}
		}
		if d := acked.differs(t, s); d != "" {
			t.Fatalf("after the failure, readers see: %s", d)
		}
		if failed != nil {
			for _, err := range []error{s.TrimChanges(ctx, papers, 1), s.Compact(ctx), s.DropCollection(ctx, papers)} {
				if !errors.Is(err, ErrReadOnly) {
					t.Fatalf("a write after the failure: %v", err)
				}
			}
		}
		if err := s.Close(); err != nil && !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		b.on.Store(false)
		after := openTiny(t, mem)
		defer after.Close()
		verified(t, after)
		d := acked.differs(t, after)
		if d != "" && (failed == nil || failed.differs(t, after) != "") {
			t.Fatalf("reopened: %s", d)
		}
	})
}
