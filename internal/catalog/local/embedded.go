package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/ann"
	"akin/internal/dedup"
	"akin/internal/filter"
	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/rank"
	"akin/internal/store"
	"akin/internal/vec"
)

// IndexKind names the index that answers.
type IndexKind string

// The kinds of index.
const (
	// GraphIndex scans small collections exactly and walks our HNSW graph in
	// larger ones.
	GraphIndex IndexKind = "graph"
	// ExactIndex always compares every vector.
	ExactIndex IndexKind = "exact"
	// CoderIndex is github.com/coder/hnsw, the baseline.
	CoderIndex IndexKind = "coder"
)

// IndexKinds are all kinds, the default first.
func IndexKinds() []IndexKind { return []IndexKind{GraphIndex, ExactIndex, CoderIndex} }

// defaultGraphFrom is where queries, which ask for 1,000, begin to walk a graph
// (ann.WalksFrom): a smaller one would be built for nothing.
const defaultGraphFrom = 13_000

// trimEvery is how many changes the log keeps behind what the indexes contain.
const trimEvery = 10_000

// Config says how to open an Embedded catalog.
type Config struct {
	// Store is the truth; it stays the caller's to close, after the catalog.
	Store *store.Store
	// Space is what vectors are embedded into. A collection of another space
	// is refused.
	Space paper.Space
	// Index is the kind of index; "" means GraphIndex.
	Index IndexKind
	// GraphFrom is the number of papers from which GraphIndex has a graph; 0 means
	// 13,000. Below, a scan takes about as long and misses nothing.
	GraphFrom int
	// Dir keeps what is derived from the store, so that a start need not make it
	// anew; "" keeps nothing. Losing it loses nothing.
	Dir string
	// Snapshots is where snapshots of the store are kept; "" keeps none.
	Snapshots string
	// Program is the version of the program, which snapshots keep.
	Program string
	Log     *slog.Logger
}

// Embedded is the catalog of one machine. Queries see every change that was
// acknowledged before they began, each of them one state of the collection, and
// neither wait for changes nor make them wait.
type Embedded struct {
	config Config
	stop   context.CancelFunc
	ctx    context.Context //nolint:containedctx // the life of the background builds
	builds sync.WaitGroup
	live   *live

	// snapshots is held by the one who makes a snapshot.
	snapshots sync.Mutex
}

// live is a collection with its indexes in memory.
type live struct {
	name string

	// writing serialises changes: the store's order is the index's order.
	writing sync.Mutex
	// building says that a graph is being built; guarded by writing.
	building bool
	// trimmed is up to where the change log was let go of; saved and savedWords
	// are what the files of the graph and of the lexical index contain. Guarded
	// by writing.
	trimmed, saved, savedWords uint64
	// unread says that the vectors of the opened graph have not been read again
	// and found to be what was saved; guarded by writing.
	unread bool
	// gone says that the indexes may hold what deleted or changed papers said
	// since the files were saved; guarded by writing.
	gone bool

	// What changes make of the collection, guarded by writing; publish shows it.
	index    *held
	ids      series[string]
	keys     series[dedup.Key]
	sequence uint64
	papers   uint32

	// attributes answers filters, and words finds papers by their words. Set
	// before anybody else knows the collection, and never again; both have locks
	// of their own, and are asked as they were at the moment of a state.
	attributes *filter.Index
	words      *lexical.Index
	// vectors says when the vectors of index changed.
	vectors marks

	// mu guards current, what queries are answered from: nil once the collection is
	// closed. It is held to take hold of a state or to put another in its place, and
	// for nothing that takes longer. held counts the holders.
	mu      sync.RWMutex
	current *state
	held    sync.WaitGroup
}

// OpenEmbedded opens the default collection, creating it if need be, and loads
// its index. Close it before its store.
func OpenEmbedded(ctx context.Context, config Config) (*Embedded, error) {
	if config.Index == "" {
		config.Index = GraphIndex
	}
	if config.GraphFrom == 0 {
		config.GraphFrom = defaultGraphFrom
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if _, err := config.Store.EnsureCollection(ctx, paper.DefaultCollection, config.Space); err != nil {
		return nil, err
	}
	c := &Embedded{config: config, live: &live{name: paper.DefaultCollection}}
	c.ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := c.load(ctx); err != nil {
		c.stop()
		return nil, fmt.Errorf("load index: %w", err)
	}
	if c.config.Dir != "" {
		c.builds.Add(1)
		go func() {
			defer c.builds.Done()
			c.keepSaved(c.ctx)
		}()
	}
	return c, nil
}

// Close stops background builds, waits for them and for views that are open, and
// saves the graph.
func (c *Embedded) Close() error {
	c.stop()
	c.live.writing.Lock() // no new build begins
	c.live.building = true
	c.live.writing.Unlock()
	c.builds.Wait()
	c.save()
	l := c.live
	l.mu.Lock()
	last := l.current
	l.current = nil
	l.mu.Unlock()
	if last != nil { // no second call
		last.release()
		l.held.Wait()
		l.index.release()
	}
	return l.words.Close()
}

// indexOf makes the index to begin with and fills it: exact, unless the baseline
// is asked for.
func (c *Embedded) indexOf(ctx context.Context, snapshot *store.Snapshot) (index ann.Index, err error) {
	if c.config.Index == CoderIndex {
		index, err = ann.NewCoder(c.config.Space.Dimension, 1)
	} else {
		index, err = ann.NewExact(c.config.Space.Dimension)
	}
	if err != nil {
		return nil, err
	}
	return index, fill(ctx, snapshot, index)
}

// load fills the index from the store.
func (c *Embedded) load(ctx context.Context) error {
	snapshot, err := c.config.Store.Snapshot(c.live.name)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	ids, keys := make([]string, snapshot.NextOrdinal()), make([]dedup.Key, snapshot.NextOrdinal())
	attributes := filter.NewIndex()
	hashing := newHashing(keys)
	defer hashing.wait()
	graph, words, err := c.prove(ctx, snapshot, func(record *paper.Record) {
		ids[record.Ordinal] = record.ID
		hashing.add(record)
		attributes.Upsert(record.Ordinal, record)
	})
	if err != nil {
		return err
	}
	hashing.wait()
	var index ann.Index = graph
	if graph == nil {
		if index, err = c.indexOf(ctx, snapshot); err != nil {
			return errors.Join(err, words.Close())
		}
	}
	l := c.live
	l.writing.Lock()
	defer l.writing.Unlock()
	l.ids, l.keys, l.sequence, l.papers = seriesOf(ids), seriesOf(keys), snapshot.Sequence(), uint32(snapshot.Count())
	_, walks := index.(*ann.Graph)
	c.replace(index, walks || c.config.Index == CoderIndex)
	// Files that had to catch up may hold what was deleted since.
	l.gone = l.saved != 0 && l.saved != l.sequence || l.savedWords != 0 && l.savedWords != l.sequence
	l.attributes, l.words = attributes, words
	if err := c.publish(); err != nil {
		return err
	}
	c.config.Log.Info("queries are answered", "papers", l.papers, "by", c.answers(), "graph_from", c.config.GraphFrom)
	c.maybeBuild()
	return c.trim(ctx)
}

// answers names what answers queries. The caller holds live.writing.
func (c *Embedded) answers() string {
	switch {
	case c.config.Index == CoderIndex:
		return string(CoderIndex)
	case c.live.index.walks:
		return "walks of the graph"
	}
	return "exact scans"
}

func fill(ctx context.Context, snapshot *store.Snapshot, index ann.Index) error {
	for v, err := range snapshot.Vectors(ctx) {
		if err != nil {
			return err
		}
		if err := index.Upsert(v.Ordinal, v.Values); err != nil {
			return fmt.Errorf("index ordinal %d: %w", v.Ordinal, err)
		}
	}
	return nil
}

// of gives the collection of a name. Only the default one exists so far.
func (c *Embedded) of(collection string) (*live, error) {
	if collection == c.live.name {
		return c.live, nil
	}
	return nil, &paper.Error{
		Kind: paper.NotFound, Reason: paper.ReasonCollectionUnknown, ResourceType: "collection", ResourceName: collection,
		Message: fmt.Sprintf("collection %q does not exist; leave it out to use %q", collection, c.live.name),
	}
}

// Get gives the papers of those ids that are there, as they are now.
func (c *Embedded) Get(ctx context.Context, collection string, ids []string) ([]paper.Record, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	return there(c.config.Store.GetMany(ctx, l.name, ids))
}

// listChunk is how many records are read at a time for a filtered page.
const listChunk = 256

// List implements View.
func (v *view) List(ctx context.Context, collection, text, after string, limit int) ([]paper.Record, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	keep, err := filter.Parse(text)
	if err != nil {
		return nil, err
	}
	chunk := limit
	if !keep.All() { // what is kept may lie far apart
		chunk = max(limit, listChunk)
	}
	var out []paper.Record
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := m.snapshot.List(ctx, after, chunk)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			if keep.Match(r) && len(out) < limit {
				out = append(out, *r)
			}
		}
		if len(out) == limit || len(found) < chunk {
			return out, nil
		}
		after = found[len(found)-1].ID
	}
}

// Stats describes a collection as it is now. It does not touch the disk.
func (c *Embedded) Stats(ctx context.Context, collection string) (Stats, error) {
	v := c.View()
	defer v.Close()
	return v.Stats(ctx, collection)
}

// Vectors implements View.
func (v *view) Vectors(ctx context.Context, collection string, ids []string) (map[string][]float32, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, nil //nolint:nilnil // no ids, no vectors
	}
	records, err := m.snapshot.GetMany(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]float32, len(ids))
	for _, r := range records {
		if r == nil {
			continue
		}
		if out[r.ID], err = m.snapshot.Vector(ctx, r.Ordinal); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Neighbors implements View.
func (v *view) Neighbors(ctx context.Context, collection string, q Neighbors) (Found, error) {
	m, err := v.of(collection)
	if err != nil {
		return Found{}, err
	}
	keep, err := m.keepBy(ctx, q.Filter, q.AsOf)
	if err != nil {
		return Found{}, err
	}
	return m.near(ctx, q, keep)
}

// before is an answer before anything is looked for, among what a filter keeps;
// nil is all.
func (m *moment) before(keep *roaring.Bitmap) Found {
	found := Found{Sequence: m.sequence, Strategy: ExactScan, Kept: m.papers}
	if keep != nil {
		found.Kept = uint32(keep.GetCardinality())
	}
	return found
}

// near finds neighbours among what a filter keeps; nil is all. Papers that were
// changed since the moment have the score that they had then.
func (m *moment) near(ctx context.Context, q Neighbors, keep *roaring.Bitmap) (Found, error) {
	found := m.before(keep)
	query := ann.Query{Vector: q.Vector, K: q.K, Exact: q.Exact}
	if keep != nil { // a nil pointer in an interface would be a filter
		query.Keep = keep
	}
	got, err := m.index.Search(ctx, query)
	if err != nil {
		return Found{}, err
	}
	found.Strategy = m.strategy(got.Plan)
	found.Visited = got.Visited
	found.Hits, err = m.then(ctx, q, got.Neighbors)
	if err != nil {
		return Found{}, err
	}
	rank.Sort(found.Hits)
	return found, nil
}

// then makes hits of neighbours, as they were at the moment: without those of later,
// and those that changed since with their score of then, if they were among the
// nearest with that.
func (m *moment) then(ctx context.Context, q Neighbors, neighbors []ann.Neighbor) ([]rank.Hit, error) {
	hits := make([]rank.Hit, 0, len(neighbors))
	var changed []rank.Hit
	least := math.Inf(-1)
	for _, n := range neighbors { // best first
		h := rank.Hit{ID: m.ids.at(n.Ordinal), Ordinal: n.Ordinal, Score: float64(n.Score), Semantic: float64(n.Score)}
		switch {
		case h.ID == "":
		case m.live.vectors.after(n.Ordinal, m.sequence):
			changed = append(changed, h)
		default:
			hits = append(hits, h)
			if len(neighbors) == q.K {
				least = h.Score
			}
		}
	}
	for _, h := range changed {
		v, err := m.stored(ctx, h.Ordinal)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		if h.Score = float64(vec.Dot(q.Vector, v)); h.Score >= least {
			h.Semantic = h.Score
			hits = append(hits, h)
		}
	}
	return hits, nil
}

// Apply makes changes durable, then visible to queries. It gives the sequence
// reached and one outcome a change.
func (c *Embedded) Apply(ctx context.Context, collection string, changes []Mutation) ([]Outcome, uint64, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, 0, err
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	group := make([]store.Mutation, len(changes))
	for i := range changes {
		m := &changes[i]
		if m.Delete {
			group[i].Delete = m.Paper.ID
		} else {
			group[i].Upsert = &store.Upsert{Paper: m.Paper, Vector: m.Vector, TokenCount: m.TokenCount, Truncated: m.Truncated}
		}
	}
	stored, err := c.config.Store.Apply(ctx, l.name, group)
	if err != nil {
		return nil, 0, err
	}
	// From here on the change is durable: what goes wrong with the index is
	// mended by building it anew, and never told to the caller as a failure.
	if err := l.apply(changes, stored); err != nil {
		c.config.Log.ErrorContext(ctx, "index update failed; building the index anew", "error", err)
		if err := c.reload(); err != nil {
			return nil, 0, fmt.Errorf("rebuild index: %w", err)
		}
	}
	if err := c.publish(); err != nil {
		return nil, 0, err
	}
	c.maybeBuild()
	if err := c.trim(ctx); err != nil {
		c.config.Log.WarnContext(ctx, "trimming the change log failed", "error", err)
	}
	outcomes := make([]Outcome, len(stored))
	for i := range stored {
		outcomes[i] = Outcome{Change: changeOf(stored[i].Result), Record: stored[i].Record}
	}
	return outcomes, l.sequence, nil
}

func changeOf(r store.Result) Change {
	switch r {
	case store.Created:
		return Created
	case store.Updated:
		return Updated
	case store.Deleted:
		return Deleted
	case store.NotFound:
		return Missing
	case store.Unchanged:
	}
	return Unchanged
}

// apply brings the indexes to what the store now holds. The caller holds
// live.writing and publishes it.
func (l *live) apply(changes []Mutation, stored []store.Outcome) (err error) {
	keys := keysOf(stored)
	for i, o := range stored {
		r := &o.Record
		l.sequence = max(l.sequence, o.Sequence)
		switch o.Result {
		case store.Created, store.Updated:
			if o.Result == store.Created {
				l.papers++
			} else {
				l.gone = true
			}
			l.ids.set(r.Ordinal, r.ID)
			l.keys.set(r.Ordinal, keys[i])
			l.attributes.Upsert(r.Ordinal, r)
			err = errors.Join(err, addWords(l.words, r))
			if changes[i].Vector != nil {
				l.vectors.set(r.Ordinal, o.Sequence)
				err = errors.Join(err, l.index.Upsert(r.Ordinal, changes[i].Vector))
			}
		case store.Deleted:
			l.papers--
			l.gone = true
			if _, deleteErr := l.index.Delete(r.Ordinal); deleteErr != nil {
				err = errors.Join(err, deleteErr)
			}
			l.ids.set(r.Ordinal, "")
			l.keys.set(r.Ordinal, dedup.Key{})
			l.attributes.Delete(r.Ordinal)
			if _, deleteErr := l.words.Delete(r.Ordinal); deleteErr != nil {
				err = errors.Join(err, deleteErr)
			}
		case store.Unchanged, store.NotFound:
		}
	}
	return err
}

// trim lets go of changes that the index contains, now and then. The caller
// holds live.writing.
func (c *Embedded) trim(ctx context.Context) error {
	l := c.live
	done := l.sequence
	if _, ok := l.index.Index.(*ann.Graph); ok && c.graphPath() != "" {
		done = l.saved // the file catches up from here
	}
	if c.wordsPath() != "" {
		done = min(done, l.savedWords)
	}
	if l.building || done < l.trimmed+trimEvery || c.readOnly() {
		return nil
	}
	l.trimmed = done
	return c.config.Store.TrimChanges(ctx, l.name, done)
}
