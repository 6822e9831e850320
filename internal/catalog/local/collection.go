package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"akin/internal/ann"
	"akin/internal/dedup"
	"akin/internal/filter"
	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/store"
)

// trimEvery is how many changes the log keeps behind what the indexes contain.
const trimEvery = 10_000

// MostFollowed is how many changes the log keeps for whoever follows them, beyond what
// the indexes need.
const MostFollowed = 1_000_000

// collection is a collection of the store with its indexes in memory.
type collection struct {
	// config is the catalog's.
	config Config
	name   string
	// space is what its vectors are embedded into.
	space paper.Space

	// attributes answers filters, and words finds papers by their words. Set before
	// anybody else knows the collection, and never again; both have locks of their
	// own, and are asked as they were at the moment of a state.
	attributes *filter.Index
	words      *lexical.Index
	// vectors says when the vectors of the index changed.
	vectors marks
	// hints are of the ordinals that ids have.
	hints hints

	writing  writing
	showing  showing
	building building

	// stop ends ctx, and with it the work in the background, which jobs counts.
	stop context.CancelFunc
	ctx  context.Context //nolint:containedctx // the life of the work in the background
	jobs sync.WaitGroup
}

// writing is what changes have made of a collection; publish shows it. Its lock is held
// for a whole change, so that the store's order is that of the indexes.
type writing struct {
	sync.Mutex // guards what follows

	index    *held
	ids      series[string]
	keys     series[dedup.Key]
	days     series[dayEntry]
	sequence uint64
	papers   uint32

	// building says that a graph is being built, or that none may be any more.
	building bool
	// bulk is when the last group of a large import came, and apart how long it was
	// after the one before.
	bulk  time.Time
	apart time.Duration
	// trimmed is up to where the change log was let go of; saved, savedWords and
	// savedKnown are what the files of the graph, of the lexical index and of the
	// attributes contain, 0 for nothing.
	trimmed, saved, savedWords, savedKnown uint64
	// unread says that the vectors of the opened graph have not been read again and
	// found to be what was saved.
	unread bool
	// gone says that the indexes may hold what deleted or changed papers said since
	// the files were saved.
	gone bool
}

// openCollection loads a collection that the store has.
func openCollection(ctx context.Context, config Config, name string) (*collection, error) {
	about, err := config.Store.Collection(name)
	if err != nil {
		return nil, err
	}
	c := &collection{config: config, name: name, space: about.Space}
	c.ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := c.load(ctx); err != nil {
		c.stop()
		return nil, fmt.Errorf("load the indexes of %q: %w", name, err)
	}
	if config.Dir != "" {
		c.jobs.Go(func() { c.keepSaved(c.ctx) })
	}
	return c, nil
}

// close stops the work in the background, waits for it and for views that are open,
// and saves what is derived. It may be called again.
func (c *collection) close() error {
	c.stop()
	w := &c.writing
	w.Lock()
	w.building = true // no new build begins
	w.Unlock()
	c.jobs.Wait()
	c.save()
	if last := c.showing.end(); last != nil { // no second call
		last.release()
		c.showing.holders.Wait()
		w.index.release()
	}
	return c.words.Close()
}

// load makes the indexes, from the files that can be believed and from the store.
func (c *collection) load(ctx context.Context) error {
	snapshot, err := c.config.Store.Snapshot(c.name)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	d, err := c.prove(ctx, snapshot)
	if err != nil {
		return err
	}
	var index ann.Index = d.graph
	if d.graph == nil {
		if index, err = c.loadVectors(ctx, snapshot); err != nil {
			return errors.Join(err, d.close())
		}
	}
	c.words, c.attributes = d.words, d.known.attributes
	w := &c.writing
	w.Lock()
	defer w.Unlock()
	w.ids, w.keys, w.days = seriesOf(d.known.ids), seriesOf(d.known.keys), seriesOf(d.known.days)
	w.sequence, w.papers = snapshot.Sequence(), uint32(snapshot.Count())
	c.replace(index, d.graph != nil || c.config.Index == CoderIndex)
	// Files that had to catch up may hold what was deleted since.
	behind := func(saved uint64) bool { return saved != 0 && saved != w.sequence }
	w.gone = behind(w.saved) || behind(w.savedWords) || behind(w.savedKnown)
	if err := c.publish(); err != nil {
		return err
	}
	c.config.Log.Info("queries are answered", "collection", c.name, "papers", w.papers, "by", c.answers(), "graph_from", c.config.GraphFrom)
	c.maybeBuild()
	return c.trim(ctx)
}

// loadVectors makes the index to begin with from the store: exact, unless the baseline
// is asked for.
func (c *collection) loadVectors(ctx context.Context, snapshot *store.Snapshot) (index ann.Index, err error) {
	if c.config.Index == CoderIndex {
		index, err = ann.NewCoder(c.space.Dimension, 1)
	} else {
		index, err = ann.NewExact(c.space.Dimension)
	}
	if err != nil {
		return nil, err
	}
	for v, err := range snapshot.Vectors(ctx) {
		if err != nil {
			return nil, err
		}
		if err := index.Upsert(v.Ordinal, v.Values); err != nil {
			return nil, fmt.Errorf("index ordinal %d: %w", v.Ordinal, err)
		}
	}
	return index, nil
}

// answers names what answers queries. The caller holds c.writing.
func (c *collection) answers() string {
	switch {
	case c.config.Index == CoderIndex:
		return string(CoderIndex)
	case c.writing.index.walks:
		return "walks of the graph"
	}
	return "exact scans"
}

// trim lets go of changes that the indexes contain, now and then. The caller holds
// c.writing.
func (c *collection) trim(ctx context.Context) error {
	w := &c.writing
	done := w.sequence
	if _, ok := w.index.Index.(*ann.Graph); ok && c.graphPath() != "" {
		done = w.saved // the file catches up from here
	}
	if c.wordsPath() != "" {
		done = min(done, w.savedWords, w.savedKnown)
	}
	if w.building || done < w.trimmed+trimEvery || c.readOnly() {
		return nil
	}
	followed := c.config.Followed(c.name)
	if w.sequence > MostFollowed {
		followed = max(followed, w.sequence-MostFollowed)
	}
	if done = min(done, followed); done <= w.trimmed {
		return nil
	}
	w.trimmed = done
	return c.config.Store.TrimChanges(ctx, c.name, done)
}
