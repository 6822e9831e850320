package courier

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/feed"
	"akin/internal/feed/match"
	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/rank"
)

const (
	// PreviewDays is how far a preview looks back.
	PreviewDays = 30
	// MostPreviewed is how many papers a preview looks at: the newest.
	MostPreviewed = 100_000
	// MaxPreview is how many items a preview shows.
	MaxPreview = 1_000
	// reasonLikes is how many likes are named as reasons.
	reasonLikes = 3
)

// Preview is what a feed would have found.
type Preview struct {
	Feed        feed.Feed
	Calibration feed.Calibration
	// Items are what it would have sent, the newest day first, and of a day the best.
	Items []feed.Item
	// Total is how many in all, Matched how many without the daily limit, Looked how many
	// papers were looked at. Cut says that there were more papers than that.
	Total, Matched, Looked int
	Cut                    bool
	Days                   int
}

// Preview says what a feed would have sent in the last days, had it been there: one that
// is, if it has nothing but a name, or one that could be made.
func (c *Courier) Preview(ctx context.Context, owner string, f feed.Feed, days int) (*Preview, error) {
	switch {
	case days == 0:
		days = PreviewDays
	case days < 0 || days > 366:
		return nil, paper.InvalidField("days", "is %d; give 1 to 366, or 0 for %d", days, PreviewDays)
	}
	f.Owner = owner
	var cal *feed.Calibration
	if f.Query.Kind() == 0 && f.Name != "" {
		st, err := c.Get(ctx, owner, f.Name)
		if err != nil {
			return nil, err
		}
		f, cal = st.Feed, &st.Calibration
	} else {
		if err := c.complete(ctx, &f); err != nil {
			return nil, err
		}
		made, _, err := c.calibrateOne(ctx, &f, true)
		if err != nil {
			return nil, err
		}
		cal = made
	}
	f.Since = 0
	rule, err := compile(f, cal)
	if err != nil {
		return nil, err
	}
	view, err := c.catalog.View(ctx, f.Collection)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	out := &Preview{Feed: f, Calibration: *cal, Days: days}
	return out, c.lookBack(ctx, view, rule, out)
}

// lookBack holds the papers of the last days against a rule.
func (c *Courier) lookBack(ctx context.Context, view catalog.View, rule *match.Rule, out *Preview) error {
	log, ok := view.(catalog.Changes)
	if !ok {
		return lacks(catalog.CapChanges)
	}
	since := c.now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-out.Days)
	refs, err := log.CreatedSince(ctx, since, MostPreviewed+1)
	if err != nil {
		return err
	}
	if out.Cut = len(refs) > MostPreviewed; out.Cut {
		refs = refs[:MostPreviewed]
	}
	out.Looked = len(refs)
	set, err := match.NewSet(match.NewBasis(view.Info().Space.Dimension, nil), []*match.Rule{rule}, resolver(ctx, view))
	if err != nil {
		return err
	}
	for some := range slices.Chunk(refs, match.BatchPapers) {
		if err := c.lookAt(ctx, view, set, some, out); err != nil {
			return err
		}
	}
	out.limit(rule.Feed.MaxPerDay)
	return nil
}

// lookAt holds some papers against a set of one rule.
func (c *Courier) lookAt(ctx context.Context, view catalog.View, set *match.Set, refs []paper.Ref, out *Preview) error {
	papers, err := papersOf(ctx, view, refs)
	if err != nil {
		return err
	}
	for i := range papers {
		papers[i].Sequence, papers[i].Fields = view.Info().Sequence, paper.AllFields
	}
	reads := &reading{ctx: ctx, view: view, refs: refs, records: make(map[int]*paper.Record)}
	hits := set.Match(papers, reads.read)
	if hits, err = allowed(ctx, view, papers, hits); err != nil {
		return err
	}
	for i := range hits {
		it := itemOf(&papers[hits[i].Paper], &hits[i])
		if r := reads.read(hits[i].Paper); r != nil {
			it.Time = r.CreateTime
			out.Items = append(out.Items, it)
		}
	}
	return reads.err
}

// limit keeps the best of each day, and puts the newest day first.
func (p *Preview) limit(perDay int) {
	slices.SortFunc(p.Items, func(a, b feed.Item) int {
		return cmp.Or(cmp.Compare(feed.DayOf(b.Time), feed.DayOf(a.Time)), cmp.Compare(b.Score, a.Score), cmp.Compare(a.PaperID, b.PaperID))
	})
	p.Matched = len(p.Items)
	kept, day, n := p.Items[:0], -1, 0
	for _, it := range p.Items {
		if d := feed.DayOf(it.Time); d != day {
			day, n = d, 0
		}
		if n++; n <= perDay {
			kept = append(kept, it)
		}
	}
	p.Total = len(kept)
	p.Items = kept[:min(len(kept), MaxPreview)]
}

// Explain gives items their reasons, where the library's likes are: the likes that are
// nearest now.
func (c *Courier) Explain(ctx context.Context, f *feed.Feed, items []feed.Item) error {
	if f.Query.Library == "" || len(items) == 0 {
		return nil
	}
	_, entries, err := c.libraries.Entries(ctx, f.Owner, f.Query.Library)
	if paper.KindOf(err) == paper.NotFound && err != nil {
		return nil
	}
	if err != nil {
		return err
	}
	view, err := c.catalog.View(ctx, f.Collection)
	if err != nil {
		return err
	}
	defer view.Close()
	var likes []paper.Ref
	var weights []float64
	for i := range entries {
		if entries[i].Mark == library.Liked {
			likes, weights = append(likes, paper.Ref{ID: entries[i].PaperID}), append(weights, max(entries[i].Weight, 0))
		}
	}
	return explain(ctx, view, likes, weights, items)
}

func explain(ctx context.Context, view catalog.View, likes []paper.Ref, weights []float64, items []feed.Item) error {
	vectors, err := view.Vectors(ctx, likes)
	if err != nil {
		return err
	}
	var known []rank.Weighted
	var ids []string
	for i, v := range vectors {
		if v == nil {
			continue
		}
		if weights[i] == 0 {
			weights[i] = 1
		}
		known, ids = append(known, rank.Weighted{Vector: v, Weight: weights[i]}), append(ids, likes[i].ID)
	}
	refs := make([]paper.Ref, len(items))
	for i := range items {
		refs[i].ID = items[i].PaperID
	}
	found, err := view.Vectors(ctx, refs)
	if err != nil {
		return err
	}
	examples := rank.NewExamples(known)
	var scratch rank.Scratch
	for i, v := range found {
		if v == nil || len(known) == 0 {
			continue
		}
		parts := rank.Contributions(examples.Similarities(v, &scratch), nil, reasonLikes)
		total := rank.Sum(parts)
		items[i].Reasons = nil
		for _, p := range parts {
			if total > 0 && p.Value > 0 {
				items[i].Reasons = append(items[i].Reasons, feed.Reason{Kind: feed.ByLike, Name: ids[p.Example], Share: p.Value / total})
			}
		}
	}
	return nil
}

// Evidence gives the sentences that speak for items: parallel to them, none for papers
// that are gone. For feeds of authors, it is what says most of what the paper's title says.
func (c *Courier) Evidence(ctx context.Context, f *feed.Feed, items []feed.Item) ([][]engine.Evidence, error) {
	out := make([][]engine.Evidence, len(items))
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].PaperID
	}
	switch q := &f.Query; {
	case len(items) == 0:
		return out, nil
	case len(q.Authors) > 0:
		return out, c.byTitles(ctx, f.Collection, ids, out)
	case q.Text != "":
		return c.papers.Evidence(ctx, f.Collection, engine.Speaking{Query: q.Text}, ids)
	case q.PaperID != "":
		return c.papers.Evidence(ctx, f.Collection, engine.Speaking{PaperIDs: []string{q.PaperID}}, ids)
	}
	for i := range items { // each with the like that brought it
		if len(items[i].Reasons) == 0 {
			continue
		}
		one, err := c.papers.Evidence(ctx, f.Collection, engine.Speaking{PaperIDs: []string{items[i].Reasons[0].Name}}, ids[i:i+1])
		if err != nil {
			return nil, err
		}
		out[i] = one[0]
	}
	return out, nil
}

// byTitles sets the sentences of papers that are nearest to their titles, parallel to ids.
func (c *Courier) byTitles(ctx context.Context, collection string, ids []string, out [][]engine.Evidence) error {
	view, err := c.catalog.View(ctx, collection)
	if err != nil {
		return err
	}
	defer view.Close()
	records, err := view.Get(ctx, catalog.Refs(ids...))
	if err != nil {
		return err
	}
	for i, r := range records {
		if r == nil || r.Title == "" || r.Abstract == "" {
			continue
		}
		one, err := c.papers.Evidence(ctx, collection, engine.Speaking{Query: r.Title}, ids[i:i+1])
		if err != nil {
			return err
		}
		out[i] = one[0]
	}
	return nil
}

// ItemsOf is feed.Feeds.Items with reasons.
func (c *Courier) ItemsOf(ctx context.Context, owner, name string, cursor uint64, newest bool, limit int) (feed.Feed, []feed.Item, error) {
	f, items, err := c.Items(ctx, owner, name, cursor, newest, limit)
	if err == nil {
		err = c.Explain(ctx, &f, items)
	}
	return f, items, err
}

// watchAtOnce is how many items are sent at a time.
const watchAtOnce = 100

// Limits of those who watch at a time.
const (
	MaxWatching    = 1_000
	MaxOwnWatching = 100
)

// begin counts one who watches, if there may be more.
func (c *Courier) begin(owner string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watching[""] >= MaxWatching || c.watching[owner] >= MaxOwnWatching {
		return &paper.Error{
			Kind: paper.Exhausted, Reason: paper.ReasonQueueFull, RetryAfter: time.Minute,
			Message: fmt.Sprintf("feeds are watched by %d streams, of which this owner has %d; there may be %d, and %d of an owner: end some, or list items from time to time",
				c.watching[""], c.watching[owner], MaxWatching, MaxOwnWatching),
		}
	}
	c.watching[""]++
	c.watching[owner]++
	return nil
}

func (c *Courier) end(owner string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watching[""]--
	if c.watching[owner]--; c.watching[owner] <= 0 {
		delete(c.watching, owner)
	}
}

// Watch calls send with the items of a feed behind a cursor, in order, and then with what
// comes, until ctx ends, send fails, or the feed is deleted; and with none where nothing
// came for a time. It waits for nobody but its own send.
func (c *Courier) Watch(ctx context.Context, owner, name string, cursor uint64, alive time.Duration, send func(*feed.Feed, []feed.Item) error) error {
	st, err := c.Get(ctx, owner, name)
	if err != nil {
		return err
	}
	if err := c.begin(owner); err != nil {
		return err
	}
	defer c.end(owner)
	for {
		more := c.watch(st.ID)
		f, items, err := c.ItemsOf(ctx, owner, name, cursor, false, watchAtOnce)
		switch {
		case err != nil:
			return err
		case f.ID != st.ID: // another feed has its name
			return feed.Unknown(name)
		case len(items) > 0:
			if err := send(&f, items); err != nil {
				return err
			}
			cursor = items[len(items)-1].Cursor
			continue
		}
		timer := time.NewTimer(alive)
		select {
		case <-more:
		case <-timer.C:
			err = send(&f, nil)
		case <-ctx.Done():
			err = ctx.Err()
		}
		timer.Stop()
		if err != nil {
			return err
		}
	}
}

// watch gives what is closed when a feed has something new, or is gone.
func (c *Courier) watch(id uint32) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watched[id] == nil {
		c.watched[id] = make(chan struct{})
	}
	return c.watched[id]
}
