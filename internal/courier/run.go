package courier

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"akin/internal/catalog"
	"akin/internal/feed"
	"akin/internal/feed/match"
	"akin/internal/paper"
)

const (
	// noteEvery is after how many changes that matched nothing it is kept how far a
	// collection was matched: a start looks at so many again at most.
	noteEvery = 10_000
	// retryAfter is how long a collection rests that could not be matched.
	retryAfter = 5 * time.Second
)

// Run matches until ctx ends; its error is then nil. It is called once at a time.
func (c *Courier) Run(ctx context.Context) error {
	m := &matcher{Courier: c, collections: make(map[string]*following)}
	for ctx.Err() == nil {
		wake := c.woken()
		worked, err := m.round(ctx)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			c.log.WarnContext(ctx, "feeds could not be matched; trying again soon", "error", err)
			m.rest(ctx, retryAfter, nil)
			continue
		}
		if !worked {
			c.forget()
			m.wait(ctx, wake)
		}
	}
	m.note(context.WithoutCancel(ctx))
	return nil //nolint:nilerr // that ctx ended is no failure
}

// woken gives what is closed when there is something to do.
func (c *Courier) woken() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wake
}

// matcher is what Run knows. It belongs to one goroutine.
type matcher struct {
	*Courier
	loaded      bool
	collections map[string]*following
	looked      time.Time // at libraries
}

// following is a collection that feeds follow.
type following struct {
	name string
	feed.Following
	kept  uint64 // the cursor that is kept
	rules map[uint32]*match.Rule
	// full are the feeds that have all that they may today, with the score that a paper
	// must exceed to take the place of another.
	full map[uint32]float64
	day  int
	// set is made of rules; nil when it must be made anew.
	set *match.Set
}

// round does what there is to do, and says whether there may be more.
func (m *matcher) round(ctx context.Context) (worked bool, err error) {
	if err := m.reload(ctx); err != nil {
		return false, err
	}
	if m.now().Sub(m.looked) >= m.look {
		m.looked = m.now()
		if err := m.lookAtLibraries(ctx); err != nil {
			return false, err
		}
	}
	var faults []error
	for _, name := range m.names() {
		more, err := m.step(ctx, m.collections[name])
		if err != nil {
			faults = append(faults, fmt.Errorf("collection %q: %w", name, err))
		}
		worked = worked || more
	}
	return worked, errors.Join(faults...)
}

func (m *matcher) names() []string {
	names := make([]string, 0, len(m.collections))
	for name := range m.collections {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// reload takes over feeds that were made, changed or deleted; at first, all there are.
func (m *matcher) reload(ctx context.Context) error {
	m.mu.Lock()
	pending := m.pending
	m.pending = make(map[uint32]*feed.State)
	m.mu.Unlock()
	if !m.loaded {
		all, err := m.all(ctx)
		if err != nil {
			return err
		}
		for i := range all {
			m.put(&all[i])
		}
		m.loaded = true
		return nil
	}
	for id, st := range pending {
		if st == nil {
			m.drop(id)
		} else {
			m.put(st)
		}
	}
	return nil
}

// all reads the feeds of all owners.
func (m *matcher) all(ctx context.Context) (all []feed.State, err error) {
	err = m.ledger.Read(ctx, func(r feed.Reader) error {
		feeds, err := r.Feeds("")
		if err != nil {
			return err
		}
		for _, f := range feeds {
			st, err := feed.StateOf(r, f)
			if err != nil {
				// One that is damaged must not keep the others from being matched.
				m.log.Error("a feed cannot be read and is not matched; delete it and make it anew", "owner", f.Owner, "feed", f.Name, "error", err)
				continue
			}
			all = append(all, st)
		}
		return nil
	})
	return all, err
}

// put takes a feed over.
func (m *matcher) put(st *feed.State) {
	f := m.collections[st.Collection]
	if f == nil {
		f = &following{name: st.Collection, Following: st.Following, kept: st.Following.Cursor, rules: map[uint32]*match.Rule{}, full: map[uint32]float64{}}
		f.day = feed.DayOf(m.now())
		m.collections[f.name] = f
	}
	rule, err := match.Compile(st.Feed, &st.Calibration)
	if err != nil {
		m.log.Error("a feed's filter cannot be read, and the feed is not matched; update it", "owner", st.Owner, "feed", st.Name, "error", err)
		delete(f.rules, st.ID)
		f.set = nil
		return
	}
	f.rules[st.ID], f.set = rule, nil
	delete(f.full, st.ID)
	if st.Progress.Day == f.day && st.Progress.DayItems >= st.MaxPerDay {
		f.full[st.ID] = math.Inf(-1) // it is seen when something comes
	}
}

// drop forgets a feed, and its collection with the last one.
func (m *matcher) drop(id uint32) {
	for name, f := range m.collections {
		if f.rules[id] == nil {
			continue
		}
		delete(f.rules, id)
		f.set = nil
		if len(f.rules) == 0 {
			delete(m.collections, name)
		}
	}
}

// step matches the next changes of a collection, and says whether there were any.
func (m *matcher) step(ctx context.Context, f *following) (more bool, err error) {
	view, err := m.catalog.View(ctx, f.name)
	if paper.KindOf(err) == paper.NotFound && err != nil {
		return false, nil // the collection is gone; its feeds wait
	}
	if err != nil {
		return false, err
	}
	defer view.Close()
	log, ok := view.(catalog.Changes)
	if !ok {
		return false, lacks(catalog.CapChanges)
	}
	if err := m.prepare(ctx, f, view); err != nil {
		return false, err
	}
	if view.Info().Sequence == f.Cursor {
		return false, nil
	}
	entries, err := log.Changed(ctx, f.Cursor, match.BatchPapers)
	if reason := reasonOf(err); reason == catalog.ReasonChangesTrimmed || reason == catalog.ReasonChangesAhead {
		return true, m.bridge(ctx, f, view)
	}
	if err != nil || len(entries) == 0 {
		return false, err
	}
	to := f.Following
	to.Cursor, to.Time = entries[len(entries)-1].Sequence, m.clock()
	return true, m.match(ctx, f, view, latest(entries), to)
}

func reasonOf(err error) string {
	var fault *paper.Error
	if errors.As(err, &fault) {
		return fault.Reason
	}
	return ""
}

// latest keeps one entry a paper, the last, with all that changed, and drops papers that
// were deleted.
func latest(entries []catalog.LogEntry) []catalog.LogEntry {
	fields := make(map[paper.Ref]paper.Fields, len(entries))
	for _, e := range entries {
		fields[e.Ref] |= e.Fields
		if e.Deleted {
			delete(fields, e.Ref)
		}
	}
	var out []catalog.LogEntry
	for i := len(entries) - 1; i >= 0; i-- {
		if all, ok := fields[entries[i].Ref]; ok && !entries[i].Deleted {
			entries[i].Fields = all
			out = append(out, entries[i])
			delete(fields, entries[i].Ref)
		}
	}
	slices.Reverse(out)
	return out
}

// prepare sees that a collection's feeds are calibrated for what it is now, and makes its
// set.
func (m *matcher) prepare(ctx context.Context, f *following, view catalog.View) error {
	info := view.Info()
	if today := feed.DayOf(m.now()); today != f.day {
		f.day = today
		clear(f.full)
		if f.set != nil {
			f.set.Pause(nil)
		}
	}
	if due := m.due(f, info); len(due) > 0 {
		if err := m.recalibrate(ctx, f, view, due); err != nil {
			return err
		}
	}
	if f.set != nil {
		return nil
	}
	b, err := m.background(ctx, view)
	if err != nil {
		return err
	}
	rules := make([]*match.Rule, 0, len(f.rules))
	for _, id := range sortedIDs(f.rules) {
		rules = append(rules, f.rules[id])
	}
	if f.set, err = match.NewSet(b.basis, rules, resolver(ctx, view)); err != nil {
		return err
	}
	f.pause()
	return nil
}

// pause leaves out full feeds that no paper can change any more today: where all score
// alike, none is better than another.
func (f *following) pause() {
	var ids []uint32
	for id := range f.full {
		if r := f.rules[id]; r != nil && len(r.Feed.Query.Authors) > 0 {
			ids = append(ids, id)
		}
	}
	f.set.Pause(ids)
}

// better drops papers that full feeds have no room for.
func (f *following) better(hits []match.Hit) []match.Hit {
	return slices.DeleteFunc(hits, func(h match.Hit) bool {
		floor, full := f.full[h.Rule.Feed.ID]
		return full && h.Score <= floor
	})
}

// resolver gives terms their numbers.
func resolver(ctx context.Context, view catalog.View) func([]string) ([]uint32, []bool, error) {
	words, ok := view.(catalog.WordCounts)
	if !ok {
		return func(names []string) ([]uint32, []bool, error) {
			return make([]uint32, len(names)), make([]bool, len(names)), nil
		}
	}
	return func(names []string) ([]uint32, []bool, error) { return words.TermIDs(ctx, names) }
}

func sortedIDs[V any](m map[uint32]V) []uint32 {
	ids := make([]uint32, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// due gives the feeds that must be calibrated anew: the collection has twice the papers
// that they know, is of another space, or the rules are others.
func (m *matcher) due(f *following, info catalog.Info) (due []uint32) {
	space := info.Space.Fingerprint()
	for _, id := range sortedIDs(f.rules) {
		c := f.rules[id].Calibration
		grown := info.Papers >= match.LeastBackground && info.Papers >= 2*c.Papers && len(f.rules[id].Feed.Query.Authors) == 0
		missing := c.Waits == feed.WaitsForPaper && info.Sequence > c.Sequence && info.Papers != c.Papers
		if c.Space != space || c.Version != match.Version || grown || missing {
			due = append(due, id)
		}
	}
	return due
}

// calibrateAtOnce is how many feeds' calibrations are kept in one step.
const calibrateAtOnce = 256

// recalibrate calibrates feeds anew. What they have matched stays.
func (m *matcher) recalibrate(ctx context.Context, f *following, view catalog.View, ids []uint32) error {
	begin := m.now()
	for some := range slices.Chunk(ids, calibrateAtOnce) {
		feeds := make([]feed.Feed, len(some))
		all, had := make([]*feed.Feed, len(some)), make([]*feed.Calibration, len(some))
		for i, id := range some {
			feeds[i], had[i] = f.rules[id].Feed, f.rules[id].Calibration
			all[i] = &feeds[i]
		}
		made, err := m.calibrateAll(ctx, view, all, had, false)
		if err != nil {
			return err
		}
		if err := m.Calibrate(ctx, feeds, made); err != nil {
			return err
		}
		for i := range feeds {
			rule, err := match.Compile(feeds[i], made[i])
			if err != nil {
				return err
			}
			f.rules[feeds[i].ID] = rule
		}
		f.set = nil
	}
	m.log.InfoContext(ctx, "feeds are calibrated", "collection", f.name, "feeds", len(ids), "papers", view.Info().Papers, "seconds", m.now().Sub(begin).Seconds())
	return nil
}

// lookAtLibraries calibrates feeds anew whose libraries have changed.
func (m *matcher) lookAtLibraries(ctx context.Context) error {
	for _, name := range m.names() {
		f := m.collections[name]
		var changed []uint32
		for _, id := range sortedIDs(f.rules) {
			r := f.rules[id]
			if r.Feed.Query.Library == "" {
				continue
			}
			l, err := m.libraries.Get(ctx, r.Feed.Owner, r.Feed.Query.Library)
			switch gone := paper.KindOf(err) == paper.NotFound && err != nil; {
			case gone && r.Calibration.Waits != feed.WaitsForLibrary, err == nil && !l.UpdateTime.Equal(r.Calibration.LibraryTime):
				changed = append(changed, id)
			case err != nil && !gone:
				return err
			}
		}
		if len(changed) == 0 {
			continue
		}
		view, err := m.catalog.View(ctx, name)
		if err != nil {
			return err
		}
		err = m.recalibrate(ctx, f, view, changed)
		view.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// match holds changed papers against all feeds, and keeps what matches together with how
// far the collection was matched.
func (m *matcher) match(ctx context.Context, f *following, view catalog.View, entries []catalog.LogEntry, to feed.Following) error {
	refs := make([]paper.Ref, len(entries))
	for i := range entries {
		refs[i] = entries[i].Ref
	}
	papers, err := papersOf(ctx, view, refs)
	if err != nil {
		return err
	}
	for i := range papers {
		papers[i].Sequence, papers[i].Fields = entries[i].Sequence, entries[i].Fields
	}
	if err := f.set.Resolve(resolver(ctx, view)); err != nil {
		return err
	}
	reads := &reading{ctx: ctx, view: view, refs: refs, records: make(map[int]*paper.Record)}
	hits := f.set.Match(papers, reads.read)
	if reads.err != nil {
		return reads.err
	}
	if hits, err = allowed(ctx, view, papers, f.better(hits)); err != nil {
		return err
	}
	f.Following = to
	if len(hits) == 0 && to.Cursor < f.kept+noteEvery && to.GapTo == 0 {
		return nil
	}
	return m.keep(ctx, f, papers, hits)
}

// keep makes what was found durable, and tells whoever watches.
func (m *matcher) keep(ctx context.Context, f *following, papers []match.Paper, hits []match.Hit) error {
	recorded, err := m.Record(ctx, f.name, f.Following, foundOf(papers, hits))
	if err != nil {
		f.Cursor = f.kept // what was matched since is matched again
		return err
	}
	f.kept = f.Cursor
	for id, floor := range recorded.Full {
		f.full[id] = floor
	}
	if len(recorded.Full) > 0 {
		f.pause()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range recorded.Items {
		m.tell(recorded.Items[i].FeedID)
	}
	return nil
}

// reading reads the records of papers that are asked for.
type reading struct {
	ctx     context.Context //nolint:containedctx // of the one call that it lives in
	view    catalog.View
	refs    []paper.Ref
	records map[int]*paper.Record
	err     error
}

func (r *reading) read(i int) *paper.Record {
	record, known := r.records[i]
	if known || r.err != nil {
		return record
	}
	records, err := r.view.Get(r.ctx, r.refs[i:i+1])
	if err != nil {
		r.err = err
		return nil
	}
	r.records[i] = records[0]
	return records[0]
}

// foundOf gives hits as items, the best of a feed first.
func foundOf(papers []match.Paper, hits []match.Hit) []feed.Found {
	slices.SortStableFunc(hits, func(a, b match.Hit) int {
		if a.Rule != b.Rule {
			return int(int64(a.Rule.Feed.ID) - int64(b.Rule.Feed.ID))
		}
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return a.Paper - b.Paper
	})
	found := make([]feed.Found, len(hits))
	for i := range hits {
		found[i] = feed.Found{
			FeedID: hits[i].Rule.Feed.ID, Owner: hits[i].Rule.Feed.Owner, Name: hits[i].Rule.Feed.Name,
			Item: itemOf(&papers[hits[i].Paper], &hits[i]),
		}
	}
	return found
}

func itemOf(p *match.Paper, h *match.Hit) feed.Item {
	it := feed.Item{PaperID: p.ID, Sequence: p.Sequence, Score: h.Score, Cosine: h.Cosine}
	if q := &h.Rule.Feed.Query; h.Author != "" {
		it.Reasons = []feed.Reason{{Kind: feed.ByAuthor, Name: h.Author, Share: 1}}
	} else if q.Library == "" {
		it.Reasons = []feed.Reason{{Kind: q.Kind(), Name: q.PaperID, Share: 1}}
	}
	if h.Author == "" {
		it.Percentile = h.Rule.Calibration.Percentile(h.Score)
	}
	return it
}

// allowed drops papers that a feed's text excludes, or that lack its phrases.
func allowed(ctx context.Context, view catalog.View, papers []match.Paper, hits []match.Hit) ([]match.Hit, error) {
	matcher, ok := view.(catalog.Matcher)
	if !ok {
		return hits, nil
	}
	drop := make(map[int]bool)
	byRule := make(map[*match.Rule][]int)
	for i := range hits {
		if typed(hits[i].Rule.Feed.Query.Text) {
			byRule[hits[i].Rule] = append(byRule[hits[i].Rule], i)
		}
	}
	for rule, at := range byRule {
		refs := make([]paper.Ref, len(at))
		for k, i := range at {
			refs[k] = papers[hits[i].Paper].Ref
		}
		may, err := matcher.Allows(ctx, catalog.Words{Text: rule.Feed.Query.Text, Typed: true}, refs)
		if err != nil {
			return nil, err
		}
		for k, i := range at {
			drop[i] = !may[k]
		}
	}
	kept := hits[:0]
	for i := range hits {
		if !drop[i] {
			kept = append(kept, hits[i])
		}
	}
	return kept, nil
}

// typed says whether a text has signs of searches that ask for, or exclude, something.
func typed(text string) bool {
	for i, r := range text {
		if r == '"' || r == '“' || r == '”' || r == '-' && (i == 0 || text[i-1] == ' ') {
			return true
		}
	}
	return false
}

// bridge matches what changed since the log no longer tells: it looks for the papers that
// were changed since the last ones were matched.
func (m *matcher) bridge(ctx context.Context, f *following, view catalog.View) error {
	info := view.Info()
	gap := f.Following
	gap.GapFrom, gap.GapTo, gap.GapTime = f.Cursor, info.Sequence, m.clock()
	m.log.WarnContext(ctx, "the change log does not reach back to what feeds have seen; looking through all papers that changed since",
		"collection", f.name, "from", f.Cursor, "to", info.Sequence, "since", f.Time)
	var some []catalog.LogEntry
	flush := func() error {
		err := m.match(ctx, f, view, some, f.Following)
		some = some[:0]
		return err
	}
	since := f.Time
	for r, err := range view.List(ctx, catalog.Listing{}) {
		if err != nil {
			return err
		}
		if r.UpdateTime.Before(since) {
			continue
		}
		some = append(some, catalog.LogEntry{Sequence: info.Sequence, Ref: paper.Ref{ID: r.ID, Handle: r.Handle}, Fields: fieldsSince(r, since)})
		if len(some) == match.BatchPapers {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	gap.Cursor, gap.Time = info.Sequence, m.clock()
	f.Following = gap
	return m.keep(ctx, f, nil, nil)
}

// fieldsSince are those that may have changed.
func fieldsSince(r *paper.Record, since time.Time) paper.Fields {
	if r.CreateTime.Before(since) {
		return paper.AllFields &^ paper.FieldCreation
	}
	return paper.AllFields
}

// note keeps how far collections were matched, before a stop.
func (m *matcher) note(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, name := range m.names() {
		f := m.collections[name]
		if f.Cursor == f.kept {
			continue
		}
		if _, err := m.Record(ctx, name, f.Following, nil); err != nil {
			m.log.WarnContext(ctx, "it was not kept how far feeds were matched; the next start looks at a few papers again", "error", err)
		}
	}
}

// wait waits until there is something to do.
func (m *matcher) wait(ctx context.Context, wake <-chan struct{}) {
	waiter, ok := m.catalog.(catalog.Waiter)
	if !ok || len(m.collections) == 0 {
		m.rest(ctx, m.look, wake)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	moved := make(chan struct{}, len(m.collections))
	done := make(chan struct{}, len(m.collections))
	for name, f := range m.collections {
		cursor := f.Cursor
		go func() {
			defer func() { done <- struct{}{} }()
			if waiter.Wait(ctx, name, cursor) == nil {
				moved <- struct{}{}
			}
		}()
	}
	timer := time.NewTimer(m.look)
	select {
	case <-ctx.Done():
	case <-wake:
	case <-moved:
	case <-timer.C:
	}
	timer.Stop()
	cancel()
	for range m.collections {
		<-done
	}
}

// rest waits for some time, or until wake is closed.
func (m *matcher) rest(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}
