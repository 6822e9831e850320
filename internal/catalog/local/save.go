package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"akin/internal/ann"
	"akin/internal/paper"
	"akin/internal/store"
)

const (
	// saveLook is how often it is looked whether the graph should be saved.
	saveLook = time.Minute
	// saveChanges and saveAfter are how many changes, and how much time with any
	// change, make it be saved.
	saveChanges = 50_000
	saveAfter   = 10 * time.Minute
	// saveQuiet is how many changes make it be saved once no more come: an import is
	// over, and a start would have to go through it again.
	saveQuiet = 1_000
)

// graphSuffix ends the name of a graph's file.
const graphSuffix = ".graph"

// graphPath is where the graph is kept; "" keeps none.
func (c *collection) graphPath() string {
	if c.config.Dir == "" || !c.config.Index.graph() {
		return ""
	}
	return filepath.Join(c.config.Dir, c.graphFile(c.space))
}

// graphFile names the file of the graph of a space. That of the collection's own is
// called by the collection alone, as scripts know it; those of other spaces, of which a
// collection has one while it is taken there, say which in their names.
func (c *collection) graphFile(space paper.Space) string {
	if space == c.space {
		return c.name + graphSuffix
	}
	return fmt.Sprintf("%s.%.12s%s", c.name, space.Fingerprint(), graphSuffix)
}

// openGraph reads the saved graph and brings it to what the store holds. nil
// means that there is none that can be used; it will be built anew.
func (c *collection) openGraph(ctx context.Context, snapshot *store.Snapshot) *ann.Graph {
	if c.config.Dir == "" {
		return nil
	}
	path := filepath.Join(c.config.Dir, c.graphFile(c.space)) // of any kind of index
	graph, from, err := c.traceGraph(snapshot, path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && graph == nil { // good, and of no use now
		return nil
	}
	if err == nil {
		_, err = c.catchUp(ctx, graph, from.sequence)
	}
	if err != nil {
		if graph != nil {
			err = errors.Join(err, graph.Close())
		}
		c.refuse(path, err)
		return nil
	}
	c.writing.saved, c.writing.unread = from.sequence, true
	return graph
}

// traceGraph opens the saved graph if it was made from the past of the store and
// is wanted. One of a collection that is scanned by now is not kept: it would keep
// what is deleted from now on.
func (c *collection) traceGraph(snapshot *store.Snapshot, path string) (*ann.Graph, origin, error) {
	stamp, err := ann.ReadStamp(path) // before all is read, and also if it is not wanted
	if err != nil {
		return nil, origin{}, err
	}
	from, err := c.trace(snapshot, stamp)
	if err != nil || !c.config.Index.graph() {
		return nil, origin{}, err
	}
	if snapshot.Count() < c.config.GraphFrom {
		c.discard(path)
		return nil, origin{}, nil
	}
	graph, _, err := ann.OpenGraph(path, ann.OpenOptions{AlwaysWalk: c.config.alwaysWalk})
	if err == nil && graph.LVQ() != (c.config.Index == LVQIndex) {
		c.config.Log.Info("the saved graph is of another kind than is asked for; it is built anew", "file", path, "index", c.config.Index)
		err, graph = graph.Close(), nil
		c.discard(path)
	}
	return graph, from, err
}

// refuse removes a derived file that is not what it should be, so that it cannot
// become believable later, and says so. What it is needed for is made anew.
func (c *collection) refuse(path string, why error) {
	removed := "yes"
	if ofTheMachine(why) {
		removed = "no: it may be good; it is read again at the next start, unless it was saved anew by then"
	} else if c.readOnly() {
		removed = "no: the data directory is open for reading only"
	} else if err := remove(path); err != nil {
		removed = "no: " + err.Error()
	}
	c.config.Log.Warn("a file derived from the store is refused, and made anew from the store", "file", path, "why", why, "removed", removed)
}

// ofTheMachine says that a file could not be read for a reason that is none of its own: there
// was no memory for it, too many files were open, or it is somebody else's.
func ofTheMachine(why error) bool {
	for _, reason := range []error{syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.EACCES, syscall.EPERM} {
		if errors.Is(why, reason) {
			return true
		}
	}
	return false
}

// readOnly says that the store takes no writes: it is damaged, or its disk is. Then
// nothing beside it is written or removed either, until somebody has looked at it.
func (c *collection) readOnly() bool { return c.config.Store.Writable() != nil }

// discard removes what is not needed, or of no use.
func (c *collection) discard(path string) {
	if c.readOnly() {
		return
	}
	if err := remove(path); err != nil {
		c.config.Log.Warn("a file that is not needed could not be removed", "file", path, "error", err)
	}
}

// remove removes a derived file, or directory, for good.
func remove(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// clearLeftovers removes what a save that was cut short has left: it may hold what
// deleted papers said.
func (c *collection) clearLeftovers() {
	if c.config.Dir == "" || c.readOnly() {
		return
	}
	if err := ann.RemoveUnfinished(filepath.Join(c.config.Dir, c.graphFile(c.space))); err != nil {
		c.config.Log.Warn("what a killed save left of the graph is still there", "error", err)
	}
}

// verifySaved reads the vectors of an opened graph once, which opening it does
// not, and builds a graph anew from the store if they are not what was saved.
func (c *collection) verifySaved() {
	w := &c.writing
	index := c.lend()
	defer index.release()
	graph, ok := index.Index.(*ann.Graph)
	if !ok {
		return
	}
	err := graph.Verify(c.ctx)
	w.Lock()
	defer w.Unlock()
	if w.index.Index == ann.Index(graph) {
		c.verified(err)
	}
}

// verified acts on what reading the vectors of the opened graph once more has
// shown. It says whether the index can be saved. The caller holds c.writing.
func (c *collection) verified(err error) bool {
	w := &c.writing
	switch {
	case err == nil:
		w.unread = false
		c.config.Log.Debug("the vectors of the saved graph are what was saved", "file", c.graphPath())
		return true
	case paper.KindOf(err) != paper.DataLoss: // stopping
		return false
	}
	w.unread = false
	c.refuse(c.graphPath(), err)
	w.saved = 0
	if c.ctx.Err() != nil { // stopping; the next start builds it
		return false
	}
	if err := errors.Join(c.reload(), c.publish()); err != nil {
		c.config.Log.Error("loading the vectors failed", "error", err)
		return false
	}
	c.maybeBuild()
	return false
}

// keepSaved saves what is derived now and then, until ctx ends.
func (c *collection) keepSaved(ctx context.Context) {
	c.verifySaved()
	debug.FreeOSMemory() // what the start took beside what it keeps
	tick := time.NewTicker(saveLook)
	defer tick.Stop()
	last, seen := time.Now(), uint64(0)
	took := false // whether many changes came since memory was given back
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w := &c.writing
		w.Lock()
		behind := w.sequence - min(w.savedWords, w.savedKnown) // which are saved with the graph
		due, quiet := behind > 0 || w.gone, w.sequence == seen
		seen = w.sequence
		w.Unlock()
		if behind >= saveChanges || behind >= saveQuiet && quiet || due && time.Since(last) >= saveAfter {
			last = time.Now()
			c.save()
			took = took || behind >= saveQuiet
		}
		if took && quiet { // an import is over; so is what it took
			took = false
			debug.FreeOSMemory()
		}
	}
}

// purge takes out of the indexes what papers said that were deleted, or said
// before they were changed, since it was done last, and makes the next save write
// the files. Writers go on; what they delete meanwhile is left to the next time.
func (c *collection) purge() {
	w := &c.writing
	index := c.lend()
	defer index.release()
	w.Lock()
	words, gone := c.words, w.gone
	w.gone = false
	w.Unlock()
	if !gone {
		return
	}
	ctx := context.WithoutCancel(c.ctx)
	err := words.Purge(ctx)
	if graph, ok := index.Index.(*ann.Graph); ok {
		err = errors.Join(err, graph.Repair(ctx))
	}
	w.Lock()
	defer w.Unlock()
	w.saved, w.savedWords, w.savedKnown = 0, 0, 0
	if err != nil {
		w.gone = true
		c.config.Log.Warn("taking deleted papers out of the indexes failed", "error", err)
	}
}

// save writes what is derived, where it is not saved as it is, without what
// deleted papers said. Writers wait while files are written; queries don't. A
// failure costs nothing but the time to make it anew at the next start.
func (c *collection) save() {
	if c.config.Dir == "" || c.readOnly() {
		return
	}
	c.purge()
	w := &c.writing
	w.Lock()
	defer w.Unlock()
	from, err := c.origin()
	if err != nil {
		c.config.Log.Warn("the indexes could not be saved", "error", err)
		return
	}
	c.saveWords(from)
	c.saveKnown(from)
	c.saveGraph(from)
}

// origin is that of the indexes as they are. The caller holds c.writing.
func (c *collection) origin() (origin, error) {
	snapshot, err := c.config.Store.Snapshot(c.name)
	if err != nil {
		return origin{}, err
	}
	defer snapshot.Close()
	if snapshot.Sequence() != c.writing.sequence {
		return origin{}, fmt.Errorf("they contain change %d, and the store is at %d", c.writing.sequence, snapshot.Sequence())
	}
	return originOf(snapshot), nil
}

// saveGraph writes the graph, if it is not saved as it is. The caller holds
// c.writing.
func (c *collection) saveGraph(from origin) {
	w := &c.writing
	graph, ok := w.index.Index.(*ann.Graph)
	if !ok || c.graphPath() == "" || w.saved == w.sequence {
		return
	}
	// What was read from a damaged file must not be written under a good checksum.
	if w.unread && !c.verified(graph.Verify(context.WithoutCancel(c.ctx))) {
		return
	}
	begin := time.Now()
	stamp, err := from.stamp()
	if err == nil {
		err = os.MkdirAll(c.config.Dir, 0o755)
	}
	if err == nil {
		err = graph.Save(c.graphPath(), stamp)
	}
	c.config.Done("graph_save", time.Since(begin), err)
	if err != nil {
		c.config.Log.Warn("the graph could not be saved", "error", err)
		return
	}
	w.saved = w.sequence
	c.config.Log.Info("the graph is saved", "papers", graph.Len(), "sequence", w.saved, "seconds", time.Since(begin).Seconds())
}
