package weaviate

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"akin/internal/paper"
)

// head is what a collection is after a group. What a writer begins with is one, too.
type head struct {
	Format int
	// Lineage tells collections apart that had one name, one after the other.
	Lineage  string `json:",omitempty"`
	Space    paper.Space
	Sequence uint64
	Papers   uint32
	// Group is the last one that was acknowledged or taken back.
	Group uint64
	// Void says that Group was taken back.
	Void bool `json:",omitempty"`
	// Length is how many words all papers have, those of titles as often as they count.
	Length uint64
	// Ordinal is the next one.
	Ordinal uint32
	// Epoch is that of the writer, Begun the group that it began behind, and Before the
	// epoch that wrote that one; 0 if nobody did, or an akin whose groups had no epoch.
	Epoch  uint64
	Begun  uint64 `json:",omitempty"`
	Before uint64 `json:",omitempty"`
	// Token is of the writer's process.
	Token string `json:",omitempty"`
	// Trimmed is the last group whose copies are gone.
	Trimmed uint64
	// Migration names what the collection is being filled from; "" once it is complete.
	Migration string `json:",omitempty"`
	// Migrated names what it was filled from.
	Migrated string `json:",omitempty"`
}

// format is that of what this package writes; docs/format/weaviate.md describes it. A
// collection of formatBefore becomes one of it when a writer takes it over.
const (
	format       = 3
	formatBefore = 2
)

// group is what the log says of some changes that become visible together.
type group struct {
	// At is when it was written, Unix nanoseconds.
	At int64
	// Void says that it changed nothing: it only mended. One that was taken back has a
	// head that says so.
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

// over says that the writer of an epoch writes no more.
type over struct {
	// By is the epoch of a later one.
	By uint64
}

// hintID is the one object that is overwritten: some head, from where the newest is found.
func hintID() string { return idOf("head", "") }

// named is the id of an object of a writer. What it holds is always the same, so that a
// request that comes late changes nothing.
func (h *head) named(kind string, number uint64) string {
	name := h.Lineage + "/" + strconv.FormatUint(h.Epoch, 10)
	if kind == "group" || kind == "commit" {
		name += "/" + strconv.FormatUint(number, 10)
	}
	return idOf(kind, name)
}

// of is a head of another epoch, to name objects by.
func (h *head) of(epoch uint64) *head { return &head{Lineage: h.Lineage, Epoch: epoch} }

// stateAt reads an object that is no paper by a quorum; false if there is none.
func (c *collection) stateAt(ctx context.Context, id string, into any) (bool, error) {
	f, err := c.fetch(ctx, c.state, id)
	if err != nil || f == nil {
		return false, err
	}
	return true, f.decode(propData, into)
}

func (c *collection) putState(ctx context.Context, id string, value any) error {
	o, err := other(c.state, id, value)
	if err != nil {
		return err
	}
	return c.put(ctx, []*batchObject{o})
}

// headAt reads a head; nil if there is none.
func (c *collection) headAt(ctx context.Context, id string) (*head, error) {
	var h head
	if there, err := c.stateAt(ctx, id, &h); err != nil || !there {
		return nil, err
	}
	if h.Format != format && h.Format != formatBefore {
		return nil, c.unsupported(&h, fmt.Sprintf("and this akin reads %d; run the akin that wrote it, or move the papers to a new collection", format))
	}
	return &h, nil
}

func (c *collection) unsupported(h *head, remedy string) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
		Message: fmt.Sprintf("collection %q of the cluster is of format %d, %s", c.name, h.Format, remedy),
	}
}

func (c *collection) hint(ctx context.Context) (*head, error) { return c.headAt(ctx, hintID()) }

// commitOf reads the head after a group of the epoch of h.
func (c *collection) commitOf(ctx context.Context, h *head, number uint64) (*head, error) {
	return c.headAt(ctx, h.named("commit", number))
}

// beginOf reads what the writer of an epoch began with.
func (c *collection) beginOf(ctx context.Context, h *head) (*head, error) {
	return c.headAt(ctx, h.named("begin", 0))
}

// groupOf reads a group of the epoch of h; nil if there is none.
func (c *collection) groupOf(ctx context.Context, h *head, number uint64) (*group, error) {
	var g group
	id := h.named("group", number)
	if h.Epoch == 0 { // of an akin whose groups had no epoch
		id = idOf("group", strconv.FormatUint(number, 10))
	}
	if there, err := c.stateAt(ctx, id, &g); err != nil || !there {
		return nil, err
	}
	return &g, nil
}

// overAt says by whom the writer of the epoch of h was ended; 0 if it was not.
func (c *collection) overAt(ctx context.Context, h *head) (by uint64, err error) {
	var o over
	if there, err := c.stateAt(ctx, h.named("over", 0), &o); err != nil || !there {
		return 0, err
	}
	return max(o.By, h.Epoch+1), nil
}

// head gives the newest head that was acknowledged.
func (c *collection) head(ctx context.Context) (*head, error) {
	h, err := c.newest(ctx)
	switch {
	case err != nil:
		return nil, err
	case h == nil:
		return nil, c.unknown()
	case h.Format == formatBefore:
		return nil, c.unsupported(h, fmt.Sprintf("and this akin reads %d; start a server that writes to the cluster, which makes it one of that", format))
	}
	return h, nil
}

func (c *collection) unknown() error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: paper.ReasonCollectionUnknown, ResourceType: "collection", ResourceName: c.name,
		Message: fmt.Sprintf("collection %q does not exist", c.name),
	}
}

// newest finds the newest head: from the one that was found last, or from the hint. nil
// says that there is no collection.
func (c *collection) newest(ctx context.Context) (h *head, err error) {
	known := c.found.Load()
	var hint, from *head
	g, both := errgroup.WithContext(ctx)
	g.Go(func() (err error) { hint, err = c.hint(both); return err })
	if known != nil {
		g.Go(func() (err error) { from, err = c.forward(both, known); return err })
	}
	if err := g.Wait(); err != nil || hint == nil || hint.Format != format && known == nil {
		return hint, err
	}
	if from == nil || hint.Format == format && from.Lineage != hint.Lineage {
		if from, err = c.fromHint(ctx, hint); err != nil {
			return nil, err
		}
	}
	c.found.Store(from)
	newest := *from
	return &newest, nil
}

// fromHint finds the newest head from the hint. One that came late can be of a collection
// that was dropped; nothing else is left of that.
func (c *collection) fromHint(ctx context.Context, hint *head) (*head, error) {
	if b, err := c.beginOf(ctx, hint); err != nil {
		return nil, err
	} else if b == nil {
		return nil, &paper.Error{
			Kind: paper.Unavailable, Reason: ReasonClusterChanging, RetryAfter: time.Second,
			Message: fmt.Sprintf("the cluster has a head of a collection %q that was dropped; the server that writes mends that within seconds, ask again", c.name),
		}
	}
	return c.forward(ctx, hint)
}

// forward goes from a head to the newest of its lineage.
func (c *collection) forward(ctx context.Context, h *head) (*head, error) {
	for {
		var next *head
		var by uint64
		g, both := errgroup.WithContext(ctx)
		g.Go(func() (err error) { next, err = c.commitOf(both, h, h.Group+1); return err })
		g.Go(func() (err error) { by, err = c.overAt(both, h); return err })
		err := g.Wait()
		switch {
		case err != nil:
			return nil, err
		case next != nil:
			h, err = c.latest(ctx, next)
		case by == 0:
			return h, nil
		default:
			if next, err = c.successor(ctx, h, by); err == nil && next == nil {
				return h, nil
			}
			h = next
		}
		if err != nil {
			return nil, err
		}
	}
}

// latest finds the last head of a writer: one is written once the one before is there.
func (c *collection) latest(ctx context.Context, h *head) (*head, error) {
	for step := uint64(1); ; {
		next, err := c.commitOf(ctx, h, h.Group+step)
		switch {
		case err != nil:
			return nil, err
		case next != nil:
			h, step = next, 2*step
		case step == 1:
			return h, nil
		default:
			step /= 2
		}
	}
}

// after gives the group of a writer behind one or, if it wrote no more, what a later writer
// began with; nothing where the log ends.
func (c *collection) after(ctx context.Context, writer *head, number uint64) (g *group, next *head, err error) {
	var by uint64
	both, asked := errgroup.WithContext(ctx)
	both.Go(func() (err error) { g, err = c.groupOf(asked, writer, number+1); return err })
	both.Go(func() (err error) { by, err = c.overAt(asked, writer); return err })
	if err := both.Wait(); err != nil || g != nil || by == 0 {
		return g, nil, err
	}
	next, err = c.successor(ctx, writer, by)
	return nil, next, err
}

// continued gives who wrote the log behind a group: next, or, where more groups came before
// that began than were seen, who wrote those. They are all there: next began behind them.
func (c *collection) continued(ctx context.Context, writer, next *head, number uint64) (*head, error) {
	w, err := c.writerOf(ctx, next, number+1)
	if err != nil || w.Epoch != writer.Epoch {
		return w, err
	}
	g, err := c.groupOf(ctx, w, number+1) // it was written while it was looked for
	if err == nil && g == nil {
		err = damaged(fmt.Errorf("group %d of %d is not in the log", number+1, next.Begun))
	}
	return writer, err
}

// mostEpochs is how many epochs are looked at between two writers, of which all those may
// have begun; see end.
const mostEpochs = 64

// successor finds what a writer began with after the epoch of h, which one of epoch by
// ended; nil if none has yet.
func (c *collection) successor(ctx context.Context, h *head, by uint64) (*head, error) {
	for at := h.Epoch; by > at; {
		first := max(at+1, by-min(by, mostEpochs))
		found := make([]*head, by-first+1)
		err := each(ctx, len(found), func(ctx context.Context, i int) (err error) {
			found[i], err = c.beginOf(ctx, h.of(first+uint64(i)))
			return err
		})
		if err != nil {
			return nil, err
		}
		for i := len(found) - 1; i >= 0; i-- {
			if found[i] != nil {
				return found[i], nil
			}
		}
		// Who ended it got no further; somebody may have ended that one.
		at = by
		if by, err = c.overAt(ctx, h.of(at)); err != nil {
			return nil, err
		}
	}
	return nil, nil //nolint:nilnil // no successor is no error
}

// writers remembers who wrote which groups, which does not change.
type writers struct {
	mu     sync.Mutex       // guards begins
	begins map[string]*head // by the id of the object
}

// writerOf gives what the writer of a group began with, of those up to h. Its epoch is 0
// for groups of an akin that gave them none.
func (c *collection) writerOf(ctx context.Context, h *head, number uint64) (*head, error) {
	for number <= h.Begun {
		at := h.of(h.Before)
		if h.Before == 0 {
			return at, nil
		}
		id := at.named("begin", 0)
		c.writers.mu.Lock()
		b := c.writers.begins[id]
		c.writers.mu.Unlock()
		if b == nil {
			var err error
			if b, err = c.beginOf(ctx, at); err != nil {
				return nil, err
			}
			if b == nil {
				return nil, damaged(fmt.Errorf("what the writer of epoch %d began with is not there", at.Epoch))
			}
			c.writers.mu.Lock()
			if c.writers.begins == nil {
				c.writers.begins = make(map[string]*head)
			}
			c.writers.begins[id] = b
			c.writers.mu.Unlock()
		}
		h = b
	}
	return h, nil
}

// logged reads a group up to the one of h, and the sequence number after it. One that was
// taken back is void, and may have no entries.
func (c *collection) logged(ctx context.Context, h *head, number uint64) (*group, uint64, error) {
	w, err := c.writerOf(ctx, h, number)
	if err != nil {
		return nil, 0, err
	}
	var g *group
	var after *head
	both, asked := errgroup.WithContext(ctx)
	both.Go(func() (err error) { g, err = c.groupOf(asked, w, number); return err })
	if w.Epoch > 0 {
		both.Go(func() (err error) { after, err = c.commitOf(asked, w, number); return err })
	}
	if err := both.Wait(); err != nil {
		return nil, 0, err
	}
	switch {
	case g == nil || w.Epoch > 0 && after == nil:
		return nil, 0, damaged(fmt.Errorf("group %d of %d is not in the log", number, h.Group))
	case after != nil:
		g.Void = g.Void || after.Void
		return g, after.Sequence, nil
	case len(g.Entries) == 0:
		return g, 0, nil
	}
	return g, g.Entries[len(g.Entries)-1].Sequence, nil
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
	if err := c.belongs(h); err != nil {
		return err
	}
	return sameSpace(h, space)
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
	var v version
	if there, err := c.stateAt(ctx, copyID(id, born), &v); err != nil || !there {
		return nil, err
	}
	return &v, nil
}

// copied is copyAt of a paper as it is written again: its vector is beside it.
func (c *collection) copied(ctx context.Context, id string, born uint64) (state, error) {
	v, err := c.copyAt(ctx, id, born)
	if err != nil || v == nil {
		return state{}, err
	}
	vector := vectorFrom(v.Vector)
	v.Vector = nil
	return state{v, vector}, nil
}
