package weaviate

import (
	"context"
	"slices"
	"time"
)

// A request that was given up, and sent again to another node, may reach the cluster
// minutes later, from a node that was cut off and comes back: the packets are under way as
// long as the connection lives. What is written once bears that (see state.go). A paper is
// replaced in its place: there the older version would be back, or what was deleted. So the
// writer keeps a copy of what it writes over something recent, and looks, for as long as
// that can happen, whether papers are as they should be.

const (
	// mostWatched is how many papers are looked at again; of more, those that come
	// last are not.
	mostWatched = 200_000
	// mostLooks is how many are looked at with one step.
	mostLooks = 500
	// firstLook is how long after a change a paper is looked at first; each time it is
	// twice as long until the next.
	firstLook = 15 * time.Second
	// mostRecalled is how many groups a writer reads of those before it.
	mostRecalled = 50_000
)

// watch is what a paper has to be.
type watch struct {
	// want is the version; 0 says that there is none.
	want  uint64
	since time.Time
	next  time.Time
}

// watched are papers that a request of before may change. The collection's writing guards
// it.
type watched struct {
	papers map[string]*watch
	// recalled says that those are in it that writers before this one changed.
	recalled bool
}

// risky says whether something that was written to a paper lately may come late, behind
// what a plan writes. Until it is known what those before this writer wrote, all may be: a
// group that was taken back, or that mended, wrote to papers that did not change.
func (c *collection) risky(p *plan, id string) bool {
	if !c.watched.recalled || p.group.Void || p.after[id].version == nil || c.watched.papers[id] != nil {
		return true
	}
	was := p.before[id].version
	return was != nil && p.now.Sub(time.Unix(0, was.Record.Updated)) < c.config.Late
}

// watch looks at a paper from a time on.
func (c *collection) watch(id string, want uint64, from time.Time) {
	if c.watched.papers == nil {
		c.watched.papers = make(map[string]*watch)
	}
	if len(c.watched.papers) >= mostWatched && c.watched.papers[id] == nil {
		return
	}
	c.watched.papers[id] = &watch{want: want, since: time.Now(), next: from}
}

// watchPlan looks from now on at those papers of a plan that are at risk.
func (c *collection) watchPlan(p *plan) {
	from := time.Now().Add(firstLook)
	for id, s := range p.after {
		switch {
		case !c.risky(p, id):
		case s.version == nil:
			c.watch(id, 0, from)
		default:
			c.watch(id, s.version.Born, from)
		}
	}
}

// lookBack looks at the papers whose time has come, mends those that are not as they
// should be, and says how many.
func (c *collection) lookBack(ctx context.Context, now time.Time) (mended int, err error) {
	if err := c.recall(ctx, now); err != nil {
		return 0, err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.own == nil || c.mine() != nil {
		return 0, nil
	}
	// What was begun is finished or taken back first: that needs copies which are removed
	// here, and a writer that was replaced removes none.
	if _, err := c.ready(ctx); err != nil {
		return 0, err
	}
	if len(c.watched.papers) >= mostWatched {
		c.config.Log.WarnContext(ctx, "more papers were deleted, or changed twice in a short time, than are looked at again; an older version of the others would stay, if a request came late", "looked at", mostWatched)
	}
	var due, over []string
	for id, w := range c.watched.papers {
		switch {
		case now.Sub(w.since) >= c.config.Late:
			over = append(over, id)
		case !now.Before(w.next) && len(due) < mostLooks:
			due = append(due, id)
		}
	}
	if err := c.unwatch(ctx, over[:min(len(over), mostLooks)]); err != nil {
		return 0, err
	}
	slices.Sort(due)
	wrong, err := c.wrong(ctx, due)
	if err != nil {
		return 0, err
	}
	for _, id := range due {
		w := c.watched.papers[id]
		w.next = now.Add(max(firstLook, now.Sub(w.since)))
	}
	for some := range slices.Chunk(wrong, pageOf) {
		if err := c.restore(ctx, some); err != nil {
			return mended, err
		}
		mended += len(some)
	}
	return mended, nil
}

// unwatch looks at papers no more. Their copies are of no use then: no view is as old.
func (c *collection) unwatch(ctx context.Context, ids []string) error {
	err := each(ctx, len(ids), func(ctx context.Context, i int) error {
		want := c.watched.papers[ids[i]].want
		if want == 0 {
			return nil
		}
		return c.remove(ctx, c.state, copyID(ids[i], want))
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		delete(c.watched.papers, id)
	}
	return nil
}

// wrong gives the papers that are not as they should be.
func (c *collection) wrong(ctx context.Context, ids []string) ([]string, error) {
	bad := make([]bool, len(ids))
	err := each(ctx, len(ids), func(ctx context.Context, i int) error {
		v, _, err := c.paperAt(ctx, ids[i])
		born := uint64(0)
		if v != nil {
			born = v.Born
		}
		bad[i] = err == nil && born != c.watched.papers[ids[i]].want
		return err
	})
	var out []string
	for i, id := range ids {
		if bad[i] {
			out = append(out, id)
		}
	}
	return out, err
}

// restore makes papers again what they should be, behind what this writer wrote last. As mending does, it changes nothing for
// anybody who looks at the log.
func (c *collection) restore(ctx context.Context, ids []string) error {
	p := planOn(c.own)
	p.group.Void = true
	for _, id := range ids {
		want := c.watched.papers[id].want
		if want == 0 {
			p.after[id], p.gone = state{}, append(p.gone, id)
			p.group.Entries = append(p.group.Entries, entry{Sequence: p.head.Sequence, ID: id})
			continue
		}
		was, err := c.copied(ctx, id, want)
		if err != nil {
			return err
		}
		if was.version == nil {
			c.config.Log.ErrorContext(ctx, "a request that came late has changed a paper, and there is no copy of what it was; import it again", "paper", id)
			delete(c.watched.papers, id)
			continue
		}
		p.again(was)
	}
	if len(p.group.Entries) == 0 {
		return nil
	}
	c.config.Log.WarnContext(ctx, "papers were changed by requests that came late; they are written again", "collection", c.name, "papers", len(p.group.Entries))
	return c.commit(context.WithoutCancel(ctx), p)
}

// recall finds what those who wrote before this writer changed lately, once. What it reads
// does not change, and changes go on meanwhile.
func (c *collection) recall(ctx context.Context, now time.Time) error {
	c.writing.Lock()
	own, done := c.own, c.own == nil || c.watched.recalled
	c.writing.Unlock()
	if done {
		return nil
	}
	since := now.Add(-c.config.Late).UnixNano()
	var groups []*group // the newest first
	for n := own.Begun; n > 0 && len(groups) < mostRecalled; {
		some := make([]*group, min(n, 4*parallel))
		err := each(ctx, len(some), func(ctx context.Context, i int) (err error) {
			some[i], _, err = c.logged(ctx, own, n-uint64(i))
			return err
		})
		if err != nil {
			return err
		}
		groups, n = append(groups, some...), n-uint64(len(some))
		if some[len(some)-1].At < since {
			break
		}
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	for id, want := range changedTwice(groups, since) {
		if c.watched.papers[id] == nil {
			c.watch(id, want, now) // this writer did not change it; see risky
		}
	}
	c.watched.recalled = true
	return nil
}

// changedTwice gives what papers have to be that may be changed by requests that come late:
// of groups since a time, the newest first.
func changedTwice(groups []*group, since int64) map[string]uint64 {
	risky, seen := make(map[string]uint64), make(map[string]bool)
	for _, g := range slices.Backward(groups) {
		if g.At < since {
			continue
		}
		for _, e := range g.Entries {
			switch {
			case g.Void: // it was taken back, or is as it was
				risky[e.ID] = e.Prior
			case e.Deleted:
				risky[e.ID] = 0
			case seen[e.ID]:
				risky[e.ID] = e.Sequence
			}
			seen[e.ID] = true
		}
	}
	return risky
}
