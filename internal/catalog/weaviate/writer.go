package weaviate

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"akin/internal/paper"
)

// writer is what this process knows of a collection that it writes to. It takes the
// collection over once, and goes on from what it wrote itself.
type writer struct {
	// own is the head that this writer wrote last; nil before it took over.
	own *head
	// decided is what a take-over that did not come to its end begins with, and left the group
	// that it takes back: they may be there already, and must not be others the next time.
	decided *head
	left    *group
	// begun is the group behind own that was begun and not finished; nil if there is none.
	begun *group
	// doubt is the head behind own of which it is not known whether it was written. It is
	// written, the same, before anything else is: nothing can call it back.
	doubt *head
	// made is the plan that it is the end of; nil if something was taken back.
	made    *plan
	watched watched
}

// hintEvery is how many groups the hint may be behind.
const hintEvery = 32

// mine says whether a process may write at all.
func (c *collection) mine() error {
	if c.config.Epoch == 0 {
		return c.readsOnly()
	}
	return c.fence()
}

func (c *collection) replaced(by uint64) error {
	if by == c.config.Epoch {
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonWriterReplaced,
			Message: fmt.Sprintf("another server, which has another writer file, has written with the epoch %d of this one; start this one with a greater epoch", by),
		}
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonWriterReplaced,
		Message: fmt.Sprintf("the writer of epoch %d has taken over from this one, of epoch %d; send changes there, or start this one with a greater epoch", by, c.config.Epoch),
	}
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

// takeOver makes a collection that of this writer: one that is not there is made, of one
// that is there everybody who wrote before is ended, and what they did not finish is taken
// back: after this writer has begun, for until then a head that comes late may finish it.
// The caller holds writing.
func (c *collection) takeOver(ctx context.Context, space paper.Space) error {
	if err := c.mine(); err != nil {
		return err
	}
	if c.decided == nil {
		b, left, err := c.beginning(ctx, space)
		if err != nil {
			return err
		}
		c.decided, c.left = b, left
	}
	b, left := c.decided, c.left
	var err error
	if left != nil {
		err = c.putState(ctx, b.named("group", b.Group+1), left)
	}
	if err == nil {
		err = c.putState(ctx, b.named("begin", 0), b)
	}
	if err == nil {
		err = c.putState(ctx, hintID(), b)
	}
	if err == nil {
		err = c.ended(ctx, b)
	}
	if err != nil {
		return err
	}
	c.writer = writer{own: b, begun: left, watched: watched{recalled: b.Begun == 0}}
	c.found.Store(b)
	if left != nil {
		return c.undo(ctx)
	}
	return nil
}

// beginning gives what this writer begins with, and the group that nobody finished; nil if
// there is none.
func (c *collection) beginning(ctx context.Context, space paper.Space) (b *head, left *group, err error) {
	hint, err := c.hint(ctx)
	if err == nil && hint != nil && hint.Format == format {
		hint, err = c.stillThere(ctx, hint)
	}
	if err != nil {
		return nil, nil, err
	}
	if hint == nil {
		b = &head{Format: format, Lineage: rand.Text(), Space: space, Epoch: c.config.Epoch, Token: c.token}
		return b, nil, c.belongs(b)
	}
	if err := sameSpace(hint, space); err != nil {
		return nil, nil, err
	}
	last, err := c.endOthers(ctx, hint)
	if err != nil {
		return nil, nil, err
	}
	if left, err = c.groupOf(ctx, last, last.Group+1); err != nil || last.Epoch == c.config.Epoch { // begun before, and the answer lost
		return last, left, err
	}
	next := *last
	if err := c.belongs(&next); err != nil {
		return nil, nil, err
	}
	next.Before, next.Begun, next.Epoch, next.Token, next.Void = last.Epoch, last.Group, c.config.Epoch, c.token, false
	return &next, left, nil
}

// stillThere gives nil for a hint that no writer began with: it is of a collection that was
// dropped, and came late.
func (c *collection) stillThere(ctx context.Context, hint *head) (*head, error) {
	first, err := c.beginOf(ctx, hint)
	if err != nil || first != nil {
		return hint, err
	}
	if n, err := c.count(ctx, nil); err != nil || n > 0 {
		return nil, errors.Join(err, damaged(errors.New("there are papers, and nothing that says who wrote them")))
	}
	return nil, nil //nolint:nilnil // there is no collection
}

// skip leaves out the numbers that a group gave and that was taken back: they are not
// given twice.
func (h *head) skip(g *group) {
	for _, e := range g.Entries {
		h.Sequence = max(h.Sequence, e.Sequence)
	}
	h.Ordinal += uint32(len(g.Entries))
}

// endOthers says that those who wrote before write no more, and gives the last head that
// they wrote. First the end, then the look: who writes looks after each write whether it
// was ended, so that one of both sees the other.
func (c *collection) endOthers(ctx context.Context, hint *head) (*head, error) {
	if hint.Format == formatBefore { // its writers look at the hint, and find another format
		if hint.Epoch >= c.config.Epoch {
			return nil, c.replaced(hint.Epoch)
		}
		last := *hint
		last.Format, last.Lineage, last.Epoch = format, rand.Text(), 0
		return &last, nil
	}
	last, err := c.last(ctx, hint)
	if err != nil || last.Epoch == c.config.Epoch {
		return last, err
	}
	now := *last
	if err := c.belongs(&now); err != nil { // who may not open it ends nobody
		return nil, err
	}
	epochs := []uint64{last.Epoch}
	for e := max(last.Epoch+1, c.config.Epoch-min(c.config.Epoch, mostEpochs)); e < c.config.Epoch; e++ {
		epochs = append(epochs, e)
	}
	err = each(ctx, len(epochs), func(ctx context.Context, i int) error {
		return c.putState(ctx, last.of(epochs[i]).named("over", 0), over{By: c.config.Epoch})
	})
	if err == nil {
		err = c.ended(ctx, last.of(c.config.Epoch))
	}
	if err != nil {
		return nil, err
	}
	return c.last(ctx, last)
}

// last gives the newest head, if this writer may follow on it.
func (c *collection) last(ctx context.Context, from *head) (*head, error) {
	h, err := c.forward(ctx, from)
	if err == nil && (h.Epoch > c.config.Epoch || h.Epoch == c.config.Epoch && h.Token != c.token) {
		err = c.replaced(h.Epoch)
	}
	return h, err
}

// ended gives the error of a writer that another one has ended.
func (c *collection) ended(ctx context.Context, h *head) error {
	by, err := c.overAt(ctx, h)
	if err == nil && by > 0 {
		err = c.replaced(by)
	}
	return err
}

// ready gives the head that the next group goes on from, if this process may write, and
// finishes or takes back what it began. The caller holds writing.
func (c *collection) ready(ctx context.Context) (*head, error) {
	if err := cmp.Or(ctx.Err(), c.mine()); err != nil {
		return nil, err
	}
	if c.dropped {
		return nil, c.unknown()
	}
	if c.own == nil {
		h, err := c.newest(ctx)
		if err == nil && h == nil {
			err = c.unknown()
		}
		if err == nil {
			err = c.takeOver(ctx, h.Space)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := c.stillMine(ctx); err != nil {
		return nil, err
	}
	if err := c.resolve(ctx); err != nil {
		return nil, err
	}
	if c.begun != nil {
		if err := c.undo(ctx); err != nil {
			return nil, err
		}
	}
	h := *c.own
	return &h, nil
}

// stillMine looks whether somebody has ended this writer, and mends the hint: a request
// that was sent before and took a long way may have overwritten it.
func (c *collection) stillMine(ctx context.Context) error {
	var hint *head
	g, both := errgroup.WithContext(ctx)
	g.Go(func() (err error) { hint, err = c.hint(both); return err })
	g.Go(func() error { return c.ended(both, c.own) })
	switch err := g.Wait(); {
	case err != nil:
		return err
	case hint == nil:
		return c.unknown()
	case hint.Epoch == c.own.Epoch && hint.Token != c.token:
		return c.replaced(hint.Epoch)
	case hint.Lineage == c.own.Lineage && (hint.Epoch > c.own.Epoch || hint.Epoch == c.own.Epoch && hint.Group+hintEvery > c.own.Group):
		return nil
	case hint.Lineage != c.own.Lineage && hint.Epoch > c.own.Epoch:
		return c.replaced(hint.Epoch) // which began a collection of its own
	}
	return c.putState(ctx, hintID(), c.own)
}

// resolve writes the head that is in doubt.
func (c *collection) resolve(ctx context.Context) error {
	if c.doubt == nil {
		return nil
	}
	if err := c.putState(ctx, c.doubt.named("commit", c.doubt.Group), c.doubt); err != nil {
		return err
	}
	if err := c.ended(ctx, c.doubt); err != nil {
		return err
	}
	if c.made != nil {
		c.watchPlan(c.made)
	} else {
		for id, prior := range c.begun.priors() {
			c.watch(id, prior, time.Now().Add(firstLook))
		}
	}
	c.own, c.begun, c.doubt, c.made = c.doubt, nil, nil, nil
	c.found.Store(c.own)
	return nil
}

// commit writes a plan. Where that fails before the head, it is taken back, by the next
// change, or by the next writer. Where it fails after that, it may happen yet.
func (c *collection) commit(ctx context.Context, p *plan) error {
	p.group.At = p.now.UnixNano()
	p.head.Group, p.head.Void = c.own.Group+1, false
	c.begun = &p.group
	err := c.putState(ctx, p.head.named("group", p.head.Group), p.group)
	if err == nil {
		err = c.ended(ctx, &p.head)
	}
	if err == nil {
		err = c.write(ctx, p)
	}
	if err != nil {
		if undoErr := c.undo(ctx); undoErr != nil {
			c.config.Log.WarnContext(ctx, "a group of changes was begun and not taken back; the next one does that first", "error", undoErr)
		}
		return err
	}
	if err := c.trim(ctx, &p.head); err != nil {
		c.config.Log.WarnContext(ctx, "copies of replaced papers could not be removed", "error", err)
	}
	c.doubt, c.made = &p.head, p
	return c.resolve(ctx)
}

// undo takes back the group that was begun. Views go by the log, which has to have no gap.
func (c *collection) undo(ctx context.Context) error {
	if err := c.ended(ctx, c.own); err != nil { // who ended this one takes it back
		return err
	}
	void := *c.own
	void.Group, void.Void = void.Group+1, true
	void.skip(c.begun)
	err := c.putState(ctx, void.named("group", void.Group), c.begun)
	if err == nil {
		err = c.takeBack(ctx, c.begun)
	}
	if err != nil {
		return err
	}
	c.doubt = &void
	return c.resolve(ctx)
}

// takeBack gives each paper of a group the version that it had.
func (c *collection) takeBack(ctx context.Context, g *group) error {
	priors := g.priors()
	ids := slices.Collect(maps.Keys(priors))
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
		return c.putBack(ctx, id, prior)
	})
}

// putBack writes a version from its copy.
func (c *collection) putBack(ctx context.Context, id string, born uint64) error {
	was, err := c.copied(ctx, id, born)
	if err != nil {
		return err
	}
	if was.version == nil { // it is copied before anything is replaced
		return damaged(fmt.Errorf("there is no copy of %q of change %d", id, born))
	}
	o, err := object(c.papers, was.version, was.vector)
	if err != nil {
		return err
	}
	return c.put(ctx, []*batchObject{o})
}

// trim removes the copies of groups that no view can be of any more, a few at a time, and
// none that might be written once more by a request that comes late.
func (c *collection) trim(ctx context.Context, h *head) error {
	const most = 8
	keep := max(c.config.Keep, c.config.Late)
	from := h.Trimmed
	for h.Trimmed < c.own.Group && h.Trimmed < from+most {
		g, _, err := c.logged(ctx, c.own, h.Trimmed+1)
		if err != nil {
			return err
		}
		if time.Since(time.Unix(0, g.At)) < keep {
			return nil
		}
		// What a void group wrote over is still the version that there is: the group that
		// replaces it names the same copy, which may be newer.
		if !g.Void {
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
