package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"akin/internal/ann"
	"akin/internal/store"
)

const (
	// saveLook is how often it is looked whether the graph should be saved.
	saveLook = time.Minute
	// saveChanges and saveAfter are how many changes, and how much time with any
	// change, make it be saved.
	saveChanges = 50_000
	saveAfter   = 10 * time.Minute
)

// graphPath is where the graph of a collection is kept; "" keeps none.
func (c *Embedded) graphPath() string {
	if c.config.Dir == "" || c.config.Index != GraphIndex {
		return ""
	}
	return filepath.Join(c.config.Dir, c.live.name+".graph")
}

// openGraph reads the saved graph and brings it to what the store holds. nil
// means that there is none that can be used; it will be built anew.
func (c *Embedded) openGraph(ctx context.Context, snapshot *store.Snapshot) *ann.Graph {
	path := c.graphPath()
	if path == "" || snapshot.Count() < c.config.GraphFrom {
		return nil
	}
	graph, stamp, err := ann.OpenGraph(path, ann.OpenOptions{})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && stamp.Space != c.config.Space.Fingerprint() {
		err = fmt.Errorf("it is of space %.12s", stamp.Space)
	}
	if err == nil {
		_, err = c.catchUp(ctx, graph, stamp.Sequence)
	}
	if err == nil && graph.Len() != snapshot.Count() {
		err = fmt.Errorf("it has %d papers, the store has %d", graph.Len(), snapshot.Count())
	}
	if err != nil {
		c.config.Log.Warn("the saved graph cannot be used and is built anew", "file", path, "error", err)
		if graph != nil {
			if err := graph.Close(); err != nil {
				c.config.Log.Warn("closing the saved graph failed", "error", err)
			}
		}
		return nil
	}
	c.live.saved = stamp.Sequence
	return graph
}

// verifySaved reads the vectors of an opened graph once, which opening it does
// not, and builds a graph anew from the store if they are not what was saved.
func (c *Embedded) verifySaved() {
	l := c.live
	l.mu.RLock()
	graph, ok := l.index.(*ann.Graph)
	l.mu.RUnlock()
	if !ok {
		return
	}
	err := graph.Verify(c.ctx)
	if err == nil {
		return
	}
	c.config.Log.Error("the saved graph is damaged and is built anew", "error", err)
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := c.reload(); err != nil {
		c.config.Log.Error("loading the vectors failed", "error", err)
		return
	}
	c.maybeBuild()
}

// keepSaved saves what is derived now and then, until ctx ends.
func (c *Embedded) keepSaved(ctx context.Context) {
	c.verifySaved()
	tick := time.NewTicker(saveLook)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l := c.live
		l.writing.Lock()
		behind := l.sequence - l.savedWords // which is saved with the graph
		due := behind > 0 || l.gone
		l.writing.Unlock()
		if behind >= saveChanges || due && time.Since(last) >= saveAfter {
			last = time.Now()
			c.save()
		}
	}
}

// purge takes out of the indexes what papers said that were deleted, or said
// before they were changed, since it was done last, and makes the next save write
// the files. Writers go on; what they delete meanwhile is left to the next time.
func (c *Embedded) purge() {
	l := c.live
	l.writing.Lock()
	words, index, gone := l.words, l.index, l.gone
	l.gone = false
	l.writing.Unlock()
	if !gone {
		return
	}
	ctx := context.WithoutCancel(c.ctx)
	err := words.Purge(ctx)
	if graph, ok := index.(*ann.Graph); ok {
		err = errors.Join(err, graph.Repair(ctx))
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	l.saved, l.savedWords = 0, 0
	if err != nil {
		l.gone = true
		c.config.Log.Warn("taking deleted papers out of the indexes failed", "error", err)
	}
}

// save writes what is derived, where it is not saved as it is, without what
// deleted papers said. Writers wait while files are written; queries don't. A
// failure costs nothing but the time to make it anew at the next start.
func (c *Embedded) save() {
	if c.config.Dir == "" {
		return
	}
	c.purge()
	l := c.live
	l.writing.Lock()
	defer l.writing.Unlock()
	c.saveWords()
	graph, ok := l.index.(*ann.Graph)
	if !ok || c.graphPath() == "" || l.saved == l.sequence {
		return
	}
	begin := time.Now()
	err := os.MkdirAll(c.config.Dir, 0o755)
	if err == nil {
		err = graph.Save(c.graphPath(), ann.Stamp{Space: c.config.Space.Fingerprint(), Sequence: l.sequence})
	}
	if err != nil {
		c.config.Log.Warn("the graph could not be saved", "error", err)
		return
	}
	l.saved = l.sequence
	c.config.Log.Info("the graph is saved", "papers", graph.Len(), "sequence", l.saved, "seconds", time.Since(begin).Seconds())
}
