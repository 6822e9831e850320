package weaviate

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"akin/internal/paper"
)

// head is a collection's state as all servers read it.
type head struct {
	Format   int
	Space    paper.Space
	Sequence uint64
	Papers   uint32
	// Group is the last one that was acknowledged or taken back.
	Group uint64
	// Length is how many words all papers have, those of titles as often as they count.
	Length uint64
	// Ordinal is the next one.
	Ordinal uint32
	// Epoch is that of the writer.
	Epoch uint64
	// Trimmed is the last group whose copies are gone.
	Trimmed uint64
	// Migration names what the collection is being filled from; "" once it is complete.
	Migration string `json:",omitempty"`
	// Migrated names what it was filled from.
	Migrated string `json:",omitempty"`
}

// format is that of what this package writes; docs/format/weaviate.md describes it.
const format = 2

// group is what the log says of some changes that become visible together.
type group struct {
	// At is when it was written, Unix nanoseconds.
	At int64
	// Void says that it was taken back, or changed nothing: it only mended.
	Void    bool `json:",omitempty"`
	Entries []entry
}

// entry is one change.
type entry struct {
	Sequence uint64
	ID       string
	// Prior is the version that the paper had before the group; 0 if there was none.
	Prior   uint64       `json:",omitempty"`
	Deleted bool         `json:",omitempty"`
	Fields  paper.Fields `json:",omitempty"`
}

func headID() string { return idOf("head", "") }

func groupID(n uint64) string { return idOf("group", strconv.FormatUint(n, 10)) }

// head is kept, or the head that this writer wrote last, where the cluster has an older one
// again: a request that was sent before and took a long way may have come late. The writer
// mends that with its next change, or its next look at the collection.
func (c *collection) head(ctx context.Context) (*head, error) {
	h, err := c.kept(ctx)
	if last := c.last.Load(); err == nil && last != nil && h.before(last) {
		newest := *last
		return &newest, nil
	}
	return h, err
}

// before says whether a head is older than another.
func (h *head) before(other *head) bool {
	return h.Epoch < other.Epoch || h.Epoch == other.Epoch && h.Group < other.Group
}

// kept reads the head by a quorum.
func (c *collection) kept(ctx context.Context) (*head, error) {
	h, err := c.maybeHead(ctx)
	if err == nil && h == nil {
		err = &paper.Error{
			Kind: paper.NotFound, Reason: paper.ReasonCollectionUnknown, ResourceType: "collection", ResourceName: c.name,
			Message: fmt.Sprintf("collection %q does not exist", c.name),
		}
	}
	return h, err
}

// maybeHead gives nil where there is no head yet.
func (c *collection) maybeHead(ctx context.Context) (*head, error) {
	f, err := c.fetch(ctx, c.state, headID())
	if err != nil || f == nil {
		return nil, err
	}
	var h head
	if err := f.decode(propData, &h); err != nil {
		return nil, err
	}
	if h.Format != format {
		return nil, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
			Message: fmt.Sprintf("collection %q of the cluster is of format %d, and this akin reads %d; run the akin that wrote it, or move the papers to a new collection", c.name, h.Format, format),
		}
	}
	return &h, nil
}

func (c *collection) putState(ctx context.Context, id string, value any) error {
	o, err := other(c.state, id, value)
	if err != nil {
		return err
	}
	return c.put(ctx, []*batchObject{o})
}

// takeOver makes the head of a new collection, or gives an old one the writer's epoch,
// and takes back what the last writer did not finish.
func (c *collection) takeOver(ctx context.Context, space paper.Space) error {
	h, err := c.maybeHead(ctx)
	if err != nil {
		return err
	}
	if h == nil {
		h = &head{Format: format, Space: space, Epoch: c.config.Epoch}
		if _, err := c.belongs(h); err != nil {
			return err
		}
		return c.putState(ctx, headID(), h)
	}
	if err := sameSpace(h, space); err != nil {
		return err
	}
	if err := c.mine(h); err != nil {
		return err
	}
	changed, err := c.belongs(h)
	if err != nil {
		return err
	}
	if changed || h.Epoch < c.config.Epoch {
		h.Epoch = c.config.Epoch
		if err := c.putHead(ctx, h); err != nil {
			return err
		}
	}
	return c.recover(ctx, h)
}

func sameSpace(h *head, space paper.Space) error {
	if h.Space.Fingerprint() != space.Fingerprint() {
		return paper.SpaceMismatch(space, h.Space)
	}
	return nil
}

func (c *collection) checkSpace(ctx context.Context, space paper.Space) error {
	h, err := c.head(ctx)
	if err != nil {
		return err
	}
	if _, err := c.belongs(h); err != nil {
		return err
	}
	return sameSpace(h, space)
}

// mine says whether this process may write.
func (c *collection) mine(h *head) error {
	switch {
	case c.config.Epoch == 0:
		return c.readsOnly()
	case h.Epoch > c.config.Epoch:
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonWriterReplaced,
			Message: fmt.Sprintf("the writer of epoch %d has taken over from this one, of epoch %d; send changes there, or start this one with a greater epoch",
				h.Epoch, c.config.Epoch),
		}
	}
	return nil
}

// readsOnly is what a reader says to who wants to write.
func (w *wire) readsOnly() error {
	e := &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonNotWriter,
		Message: "this server only reads from the cluster; send changes to the server that is its writer",
	}
	if w.config.Writer == nil {
		return e
	}
	if writer := w.config.Writer(); writer != "" {
		e.Message += ": " + writer
		e.Metadata = map[string]string{"writer": writer}
	}
	return e
}

// fence asks whether this process still is the writer.
func (w *wire) fence() error {
	if w.config.Fence == nil {
		return nil
	}
	return w.config.Fence()
}

// fenced is fence right before a request is sent. Who was held up for longer than the
// request may take does not send it.
func (w *wire) fenced(ctx context.Context) error {
	if err := w.fence(); err != nil {
		return err
	}
	if until, ok := ctx.Deadline(); ok && !time.Now().Before(until) {
		return context.DeadlineExceeded
	}
	return nil
}

// rightful gives the head that this writer goes on from: the one that it wrote last, where
// the cluster has another of no later epoch. That is what a writer left that was replaced
// and was held up between its last look at who writes and the cluster.
func (c *collection) rightful(ctx context.Context, h *head) (*head, error) {
	last := c.last.Load()
	if last == nil || !h.before(last) {
		return h, nil
	}
	c.config.Log.WarnContext(ctx, "the head of the collection was overwritten by a request that came late, or by a writer that was replaced; it is written again",
		"sequence", h.Sequence, "epoch", h.Epoch, "want", last.Sequence)
	newest := *last
	return &newest, c.putHead(ctx, &newest)
}

// putHead writes the head, and remembers it.
func (c *collection) putHead(ctx context.Context, h *head) error {
	if err := c.putState(ctx, headID(), h); err != nil {
		return err
	}
	last := *h
	c.last.Store(&last)
	return nil
}

// group reads a group of the log by a quorum; nil if there is none.
func (c *collection) group(ctx context.Context, n uint64) (*group, error) {
	f, err := c.fetch(ctx, c.state, groupID(n))
	if err != nil || f == nil {
		return nil, err
	}
	var g group
	return &g, f.decode(propData, &g)
}

// paperAt reads a paper by a quorum; nil if it is not there.
func (c *collection) paperAt(ctx context.Context, id string) (*version, []float32, error) {
	f, err := c.fetch(ctx, c.papers, paperID(id))
	if err != nil || f == nil {
		return nil, nil, err
	}
	var v version
	if err := f.decode(propRecord, &v); err != nil {
		return nil, nil, err
	}
	return &v, scaled(f.Vector, -v.Scale), nil
}

// copyAt reads the copy of a version by a quorum; nil if there is none.
func (c *collection) copyAt(ctx context.Context, id string, born uint64) (*version, error) {
	f, err := c.fetch(ctx, c.state, copyID(id, born))
	if err != nil || f == nil {
		return nil, err
	}
	var v version
	return &v, f.decode(propData, &v)
}

// priors gives the version that each paper had before a group.
func (g *group) priors() map[string]uint64 {
	out := make(map[string]uint64)
	for _, e := range g.Entries {
		if _, ok := out[e.ID]; !ok {
			out[e.ID] = e.Prior
		}
	}
	return out
}

// recover takes back the group that a writer began and did not finish, if there is one.
func (c *collection) recover(ctx context.Context, h *head) error {
	g, err := c.group(ctx, h.Group+1)
	if err != nil || g == nil {
		return err
	}
	if err := c.takeBack(ctx, g); err != nil {
		return err
	}
	g.Void = true
	if err := c.putState(ctx, groupID(h.Group+1), g); err != nil {
		return err
	}
	h.Group++
	// The numbers of versions are not given twice.
	for _, e := range g.Entries {
		h.Sequence = max(h.Sequence, e.Sequence)
	}
	h.Ordinal += uint32(len(g.Entries))
	return c.putHead(ctx, h)
}

// takeBack gives each paper of a group the version that it had.
func (c *collection) takeBack(ctx context.Context, g *group) error {
	priors := g.priors()
	ids := make([]string, 0, len(priors))
	for id := range priors {
		ids = append(ids, id)
	}
	return each(ctx, len(ids), func(ctx context.Context, i int) error {
		id, prior := ids[i], priors[ids[i]]
		now, _, err := c.paperAt(ctx, id)
		switch {
		case err != nil:
			return err
		case prior == 0 && now == nil, now != nil && now.Born == prior:
			return nil
		case prior == 0:
			return c.remove(ctx, c.papers, paperID(id))
		}
		was, err := c.copyAt(ctx, id, prior)
		if err != nil {
			return err
		}
		if was == nil { // it is copied before anything is replaced
			return damaged(fmt.Errorf("there is no copy of %q of change %d", id, prior))
		}
		vector := vectorFrom(was.Vector)
		was.Vector = nil
		o, err := object(c.papers, was, vector)
		if err != nil {
			return err
		}
		return c.put(ctx, []*batchObject{o})
	})
}

// trim removes the copies of groups that no view can be of any more, a few at a time.
func (c *collection) trim(ctx context.Context, h *head) error {
	const most = 8
	from := h.Trimmed
	for h.Trimmed < h.Group && h.Trimmed < from+most {
		g, err := c.group(ctx, h.Trimmed+1)
		if err != nil {
			return err
		}
		if g != nil && time.Since(time.Unix(0, g.At)) < c.config.Keep {
			return nil
		}
		// What a void group wrote over is still the version that there is: the group that
		// replaces it names the same copy, which may be newer.
		if g != nil && !g.Void {
			priors := g.priors()
			var ids []string
			for id, prior := range priors {
				if prior > 0 {
					ids = append(ids, id)
				}
			}
			err = each(ctx, len(ids), func(ctx context.Context, i int) error { return c.remove(ctx, c.state, copyID(ids[i], priors[ids[i]])) })
		}
		if err != nil {
			return err
		}
		h.Trimmed++
	}
	return nil
}
