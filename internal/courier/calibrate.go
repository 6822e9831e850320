package courier

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"akin/internal/catalog"
	"akin/internal/feed"
	"akin/internal/feed/match"
	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/rank"
)

const (
	// backgroundDrift: a background is drawn anew after one change for so many papers.
	backgroundDrift = 10
	// backgroundIdle is how long one is kept that nobody asks for.
	backgroundIdle = 10 * time.Minute
	// likesAtOnce is how many papers are read at a time for a taste.
	likesAtOnce = 512
)

// background is the background of a collection, as it was drawn.
type background struct {
	*match.Background
	basis    *match.Basis
	space    string
	sequence uint64
	papers   uint32
	used     time.Time
}

// fresh says whether a background still stands for a state of its collection.
func (b *background) fresh(info catalog.Info) bool {
	return b != nil && b.space == info.Space.Fingerprint() && info.Papers < 2*max(b.papers, match.LeastBackground) &&
		(info.Sequence <= b.sequence || (info.Sequence-b.sequence)*backgroundDrift <= uint64(b.papers))
}

// background gives that of a view's collection.
func (c *Courier) background(ctx context.Context, view catalog.View) (*background, error) {
	info := view.Info()
	c.mu.Lock()
	kept := c.backgrounds[info.Collection]
	if kept.fresh(info) {
		kept.used = c.now()
		c.mu.Unlock()
		return kept, nil
	}
	c.mu.Unlock()
	sampler, ok := view.(catalog.Sampler)
	if !ok {
		return nil, lacks(catalog.CapSampler)
	}
	refs, err := sampler.Background(ctx, match.BackgroundPapers)
	if err != nil {
		return nil, err
	}
	papers, err := papersOf(ctx, view, refs)
	if err != nil {
		return nil, err
	}
	made := &background{
		Background: match.NewBackground(info.Space.Dimension, papers), space: info.Space.Fingerprint(),
		sequence: info.Sequence, papers: info.Papers, used: c.now(),
	}
	made.basis = made.Basis()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.backgrounds[info.Collection] = made
	return made, nil
}

// forget lets go of backgrounds that nobody has asked for lately.
func (c *Courier) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, b := range c.backgrounds {
		if c.now().Sub(b.used) > backgroundIdle {
			delete(c.backgrounds, name)
		}
	}
}

// lacks is the error for a catalog that lacks what feeds need.
func lacks(what catalog.Capability) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
		Message: fmt.Sprintf("this server's catalog cannot match feeds: it lacks the capability %q", what),
	}
}

// papersOf reads what feeds look at of papers: parallel to refs, without a vector for one
// that is gone.
func papersOf(ctx context.Context, view catalog.View, refs []paper.Ref) ([]match.Paper, error) {
	out := make([]match.Paper, len(refs))
	vectors, err := view.Vectors(ctx, refs)
	if err != nil {
		return nil, err
	}
	var counts []catalog.Counted
	if words, ok := view.(catalog.WordCounts); ok {
		if counts, err = words.WordCounts(ctx, refs); err != nil {
			return nil, err
		}
	}
	for i := range out {
		out[i].Ref, out[i].Vector = refs[i], vectors[i]
		if counts != nil {
			out[i].Counts = counts[i]
		}
	}
	return out, nil
}

// compile makes a rule.
func compile(f feed.Feed, cal *feed.Calibration) (*match.Rule, error) {
	r, err := match.Compile(f, cal)
	if err != nil {
		return nil, prefixed(err)
	}
	return r, nil
}

// prefixed gives faults of a filter the field of the request.
func prefixed(err error) error {
	if e, ok := err.(*paper.Error); ok && e.Kind == paper.Invalid { //nolint:errorlint // made just now
		return e.Prefixed("feed.")
	}
	return err
}

// calibrateOne calibrates a feed by its collection as it is now, and says which state that
// is. strict refuses what a person should know at once.
func (c *Courier) calibrateOne(ctx context.Context, f *feed.Feed, strict bool) (*feed.Calibration, uint64, error) {
	if _, err := compile(*f, &feed.Calibration{}); err != nil {
		return nil, 0, err
	}
	view, err := c.catalog.View(ctx, f.Collection)
	if err != nil {
		return nil, 0, err
	}
	defer view.Close()
	if _, ok := view.(catalog.Changes); !ok {
		return nil, 0, lacks(catalog.CapChanges)
	}
	made, err := c.calibrate(ctx, view, f, nil, strict)
	return made, view.Info().Sequence, err
}

// calibrate calibrates a feed by a view. had is what it was matched by, whose vector of a
// text still holds in the same space; nil for none.
func (c *Courier) calibrate(ctx context.Context, view catalog.View, f *feed.Feed, had *feed.Calibration, strict bool) (*feed.Calibration, error) {
	made, err := c.calibrateAll(ctx, view, []*feed.Feed{f}, []*feed.Calibration{had}, strict)
	if err != nil {
		return nil, err
	}
	return made[0], nil
}

// calibrateAll is calibrate for many, parallel to them.
func (c *Courier) calibrateAll(
	ctx context.Context, view catalog.View, feeds []*feed.Feed, had []*feed.Calibration, strict bool,
) ([]*feed.Calibration, error) {
	made := make([]*feed.Calibration, len(feeds))
	var all []match.Calibrating
	for i, f := range feeds {
		asked, ready, err := c.ask(ctx, view, f, had[i], strict)
		switch {
		case err != nil && !strict && paper.KindOf(err) == paper.Invalid:
			// What was taken once and is not any more must not keep the others waiting.
			c.log.ErrorContext(ctx, "a feed cannot be calibrated and waits; update it", "owner", f.Owner, "feed", f.Name, "error", err)
			asked.Made.Waits, ready = feed.WaitsForWords, false
		case err != nil:
			return nil, err
		}
		if made[i] = asked.Made; ready {
			all = append(all, asked)
		}
	}
	if len(all) == 0 {
		return made, nil
	}
	b, err := c.background(ctx, view)
	if err != nil {
		return nil, err
	}
	b.Calibrate(all...)
	for i := range all {
		if all[i].Made.Waits != feed.WaitsForNothing { // the text's vector is kept for later
			all[i].Made.Vector = all[i].Asked.Vector
		}
	}
	return made, nil
}

// ask finds out what a feed asks for; it is ready to be calibrated unless it goes by
// authors, or waits for something.
func (c *Courier) ask(
	ctx context.Context, view catalog.View, f *feed.Feed, had *feed.Calibration, strict bool,
) (x match.Calibrating, ready bool, err error) {
	info := view.Info()
	x = match.Calibrating{Feed: f, Made: &feed.Calibration{
		Version: match.Version, Space: info.Space.Fingerprint(), Sequence: info.Sequence, Papers: info.Papers, Made: c.clock(),
	}}
	if len(f.Query.Authors) > 0 {
		return x, false, checkAuthors(f, strict)
	}
	a := asking{c: c, ctx: ctx, view: view, feed: f, had: had, made: x.Made}
	if x.Asked, err = a.asked(); err == nil {
		err = a.check(&x.Asked, strict)
	}
	return x, err == nil && x.Made.Waits == feed.WaitsForNothing, err
}

// clock is the time to keep: UTC, and without what a round trip would lose.
func (c *Courier) clock() time.Time { return time.Unix(0, c.now().UnixNano()).UTC() }

func checkAuthors(f *feed.Feed, strict bool) error {
	if !strict {
		return nil
	}
	for i, text := range f.Query.Authors {
		if !match.IsName(text) {
			return paper.InvalidField(fmt.Sprintf("feed.authors[%d]", i), "is %.80q, which has no letters; give a name as papers print it", text)
		}
	}
	return nil
}

// asking finds out what a feed asks for.
type asking struct {
	c    *Courier
	ctx  context.Context //nolint:containedctx // of the one call that it lives in
	view catalog.View
	feed *feed.Feed
	had  *feed.Calibration
	made *feed.Calibration
}

// check refuses what can match nothing.
func (a *asking) check(asked *match.Asked, strict bool) error {
	if a.feed.Mode != feed.Lexical || a.made.Waits != feed.WaitsForNothing {
		return nil
	}
	if _, ok := a.view.(catalog.WordCounts); !ok {
		return lacks(catalog.CapWordCounts)
	}
	if len(asked.Terms) > 0 {
		return nil
	}
	if strict && a.feed.Query.Text != "" {
		return paper.InvalidField("feed.text", "has no words that count: only stop words or signs; use the mode hybrid or semantic, or other words")
	}
	a.made.Waits = feed.WaitsForWords
	return nil
}

func (a *asking) asked() (match.Asked, error) {
	switch q := &a.feed.Query; {
	case q.Text != "":
		return a.text()
	case q.PaperID != "":
		return a.paper()
	default:
		return a.library()
	}
}

// wantsVector and wantsWords say what the mode goes by.
func (a *asking) wantsVector() bool { return a.feed.Mode != feed.Lexical }

func (a *asking) words() (catalog.WordCounts, bool) {
	words, ok := a.view.(catalog.WordCounts)
	return words, ok && a.feed.Mode != feed.Semantic
}

// text asks for a text, without the signs of searches.
func (a *asking) text() (asked match.Asked, err error) {
	text := a.feed.Query.Text
	if syntax, ok := a.view.(catalog.Syntax); ok {
		typed, err := syntax.Parse(text)
		if err != nil {
			return asked, err
		}
		text = typed.Asked
	}
	if a.wantsVector() {
		if a.had != nil && a.had.Space == a.made.Space && len(a.had.Vector) > 0 {
			asked.Vector = a.had.Vector
		} else if asked.Vector, err = a.c.papers.QueryVector(a.ctx, a.feed.Collection, text); err != nil {
			return asked, err
		}
	}
	words, ok := a.words()
	if !ok {
		return asked, nil
	}
	terms, err := words.TextTerms(a.ctx, text)
	if err != nil {
		return asked, err
	}
	names := make([]string, len(terms))
	for i, t := range terms {
		names[i] = t.Name
	}
	ids, found, err := words.TermIDs(a.ctx, names)
	if err != nil {
		return asked, err
	}
	having, err := words.Frequencies(a.ctx, ids)
	if err != nil {
		return asked, err
	}
	asked.Terms = match.Weigh(terms, a.made.Papers, func(i int) uint32 {
		if !found[i] {
			return 0
		}
		return having[i]
	}, match.MostTextTerms)
	return asked, a.number(words, &asked)
}

// number gives terms their numbers.
func (a *asking) number(words catalog.WordCounts, asked *match.Asked) (err error) {
	names := make([]string, len(asked.Terms))
	for i, t := range asked.Terms {
		names[i] = t.Name
	}
	asked.IDs, asked.Found, err = words.TermIDs(a.ctx, names)
	return err
}

// paper asks for what is like a paper.
func (a *asking) paper() (asked match.Asked, err error) {
	refs := catalog.Refs(a.feed.Query.PaperID)
	asked.Own = []string{a.feed.Query.PaperID}
	vectors, err := a.view.Vectors(a.ctx, refs)
	if err != nil {
		return asked, err
	}
	if vectors[0] == nil {
		a.made.Waits = feed.WaitsForPaper
		return asked, nil
	}
	if a.wantsVector() {
		asked.Vector = slices.Clone(vectors[0])
	}
	return asked, a.likedWords(&asked, refs, []float64{1}, match.MostPaperTerms)
}

// library asks for what is like the likes of a library, and unlike its dislikes.
func (a *asking) library() (asked match.Asked, err error) {
	l, entries, err := a.c.libraries.Entries(a.ctx, a.feed.Owner, a.feed.Query.Library)
	switch {
	case paper.KindOf(err) == paper.NotFound:
		a.made.Waits = feed.WaitsForLibrary
		return asked, nil
	case err != nil:
		return asked, err
	}
	a.made.LibraryTime = l.UpdateTime
	likes, dislikes, liked, weights, err := a.taste(entries, &asked)
	if err != nil {
		return asked, err
	}
	if len(likes) == 0 {
		a.made.Waits = feed.WaitsForLikes
		return asked, nil
	}
	if a.wantsVector() {
		if asked.Vector, err = rank.MeanVector(likes, dislikes); err != nil {
			asked.Vector, err = rank.MeanVector(likes, nil) // the dislikes take all away
		}
		if err != nil {
			a.made.Waits = feed.WaitsForLikes
			return asked, nil //nolint:nilerr // the likes cancel each other out
		}
	}
	return asked, a.likedWords(&asked, liked, weights, match.MostLibraryTerms)
}

// taste reads the vectors of marked papers, as far as the collection has them.
func (a *asking) taste(entries []library.Entry, asked *match.Asked) (
	likes, dislikes []rank.Weighted, liked []paper.Ref, weights []float64, err error,
) {
	for some := range slices.Chunk(entries, likesAtOnce) {
		refs := make([]paper.Ref, len(some))
		for i := range some {
			refs[i].ID = some[i].PaperID
			asked.Own = append(asked.Own, some[i].PaperID)
		}
		vectors, err := a.view.Vectors(a.ctx, refs)
		if err != nil {
			return nil, nil, nil, nil, err
		}
		for i, v := range vectors {
			w := some[i].Weight
			if w == 0 {
				w = 1
			}
			switch {
			case v == nil:
			case some[i].Mark == library.Liked:
				likes = append(likes, rank.Weighted{Vector: v, Weight: w})
				liked, weights = append(liked, refs[i]), append(weights, w)
			case some[i].Mark == library.Disliked:
				dislikes = append(dislikes, rank.Weighted{Vector: v, Weight: w})
			}
		}
	}
	return likes, dislikes, liked, weights, nil
}

// likedWords takes the words that papers have most of, in comparison with the
// collection: each paper counts alike, however long it is, but for its weight.
func (a *asking) likedWords(asked *match.Asked, refs []paper.Ref, weights []float64, most int) error {
	words, ok := a.words()
	if !ok {
		return nil
	}
	sums := make(map[uint32]float64)
	for from := 0; from < len(refs); from += likesAtOnce {
		to := min(from+likesAtOnce, len(refs))
		counts, err := words.WordCounts(a.ctx, refs[from:to])
		if err != nil {
			return err
		}
		for i := range counts {
			if err := a.addWords(words, sums, counts[i].Terms, weights[from+i]); err != nil {
				return err
			}
		}
	}
	ids := make([]uint32, 0, len(sums))
	for id := range sums {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	names, err := words.TermNamesOf(a.ctx, ids)
	if err != nil {
		return err
	}
	terms := make([]feed.Term, len(ids))
	for i, id := range ids {
		terms[i] = feed.Term{Name: names[i], Weight: sums[id]}
	}
	asked.Terms = match.Heaviest(terms, most)
	return a.number(words, asked)
}

func (a *asking) addWords(words catalog.WordCounts, sums map[uint32]float64, terms []catalog.TermCount, weight float64) error {
	ids := make([]uint32, len(terms))
	for i, t := range terms {
		ids[i] = t.ID
	}
	having, err := words.Frequencies(a.ctx, ids)
	if err != nil {
		return err
	}
	own, square := make([]float64, len(terms)), 0.0
	for i, t := range terms {
		own[i] = (1 + math.Log(float64(max(1, t.Count)))) * match.Rarity(a.made.Papers, having[i])
		square += float64(own[i] * own[i])
	}
	for i, t := range terms {
		if square > 0 {
			sums[t.ID] += float64(weight * own[i] / math.Sqrt(square))
		}
	}
	return nil
}
