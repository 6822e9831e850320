package weaviate

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/catalog"
	"akin/internal/crashtest"
	"akin/internal/paper"
)

// world is a collection with writers that come and go, and what it must have.
type world struct {
	*testing.T
	random *rand.Rand
	node   *fake
	config Config

	epoch    uint64
	now      *Catalog   // who writes
	halted   []*Catalog // who wrote, and do not know that it is over
	reader   *Catalog
	want     map[string]string   // titles by id
	maybe    []map[string]string // what there can be besides: what was not acknowledged happened or not
	sequence uint64
	feed     []catalog.LogEntry // the log as it was seen last
	held     []held
	log      []string // what happened, for who has to find a fault
}

// held is a view that stays open, and what it had.
type held struct {
	catalog.View
	who  string
	got  map[string]string
	feed []catalog.LogEntry
	old  bool // it is older than what is kept for views
}

func (w *world) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) fatal(format string, args ...any) {
	w.Helper()
	w.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(w.log, "\n"))
}

// configOf is how tests open a fake node.
func configOf(at Address) Config {
	return Config{
		Nodes: []Address{at}, Replicas: 1, Shards: 1, AuditEvery: -1, Log: slog.New(slog.DiscardHandler),
		Space: paper.Space{Model: "m", ModelDigest: "d", TokenizerDigest: "t", Pooling: "mean", MaxTokens: 8, Dimension: 4, Precision: "float32"},
	}
}

func (w *world) open(epoch uint64) (*Catalog, error) {
	config := w.config
	config.Epoch = epoch
	c, err := Open(w.Context(), config)
	if err == nil {
		w.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

// takeOver begins another writer, as often as it takes.
func (w *world) takeOver() {
	if w.now != nil {
		w.halted = append(w.halted, w.now)
		w.now = nil
	}
	for tries := 0; w.now == nil; tries++ {
		if tries > 3 {
			w.node.setFail(nil)
		}
		w.epoch += 1 + uint64(w.random.IntN(3))
		c, err := w.open(w.epoch)
		if w.note("epoch %d begins: %v", w.epoch, err); err == nil {
			w.now = c
		}
	}
	if w.reader == nil {
		var err error
		if w.reader, err = w.open(0); err != nil {
			w.fatal("a reader: %v", err)
		}
	}
	w.check("after a take-over", w.reader)
}

// changes makes a group.
func (w *world) changes() (out []catalog.Mutation) {
	for range 1 + w.random.IntN(4) {
		p := paper.Paper{ID: fmt.Sprint("p", w.random.IntN(8)), Title: fmt.Sprint("title ", w.random.IntN(1e9))}
		if _, there := w.want[p.ID]; there && w.random.IntN(3) == 0 {
			out = append(out, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: p.ID}})
		} else {
			out = append(out, catalog.Mutation{Paper: p, Vector: []float32{1, 0, 0, w.random.Float32()}, TokenCount: 3})
		}
	}
	return out
}

// with is what a group makes of what there is.
func with(base map[string]string, changes []catalog.Mutation) map[string]string {
	after := maps.Clone(base)
	for i := range changes {
		if m := &changes[i]; m.Delete {
			delete(after, m.Paper.ID)
		} else {
			after[m.Paper.ID] = m.Paper.Title
		}
	}
	return after
}

// all is what there can be.
func (w *world) possible() []map[string]string { return append(slices.Clone(w.maybe), w.want) }

func (w *world) write() {
	changes := w.changes()
	_, _, err := w.now.Apply(w.Context(), paper.DefaultCollection, changes)
	var after []map[string]string
	for _, base := range w.possible() { // what was in doubt came before this, or did not happen
		after = append(after, with(base, changes))
	}
	w.note("epoch %d writes %v: %v", w.epoch, after[len(after)-1], err)
	if err != nil {
		w.maybe = append(w.maybe, after...)
		return
	}
	w.want, w.maybe = after[len(after)-1], after[:len(after)-1]
	w.check("after a write", w.now)
	w.maybe = nil
}

func (w *world) view(c *Catalog) catalog.View {
	v, err := c.View(w.Context(), paper.DefaultCollection)
	if err != nil {
		w.fatal("%v", err)
	}
	return v
}

// all is what a view has.
func (w *world) all(v catalog.View) (map[string]string, error) {
	var ids []string
	for i := range 8 {
		ids = append(ids, fmt.Sprint("p", i))
	}
	records, err := v.Get(w.Context(), catalog.Refs(ids...))
	got := make(map[string]string)
	for _, r := range records {
		if r != nil {
			got[r.ID] = r.Title
		}
	}
	return got, err
}

// changed is the log of a view, of which every part has to be the same, and which has to
// end in what the view has.
func (w *world) changed(v catalog.View, got map[string]string) []catalog.LogEntry {
	w.Helper()
	all, err := v.(catalog.Changes).Changed(w.Context(), 0, 1e6)
	if err != nil {
		w.fatal("the log: %v: %v", err, errors.Unwrap(err))
	}
	there, last := make(map[string]bool), uint64(0)
	for _, e := range all {
		if there[e.ID] = !e.Deleted; e.Deleted {
			delete(there, e.ID)
		}
		if e.Sequence <= last || e.Sequence > v.Info().Sequence {
			w.fatal("the log of %d has %d after %d", v.Info().Sequence, e.Sequence, last)
		}
		last = e.Sequence
	}
	if !slices.Equal(slices.Sorted(maps.Keys(there)), slices.Sorted(maps.Keys(got))) {
		w.fatal("by the log there are %v, and there is %v", there, got)
	}
	after := uint64(w.random.IntN(int(v.Info().Sequence) + 1))
	part, err := v.(catalog.Changes).Changed(w.Context(), after, 1e6)
	whole := slices.DeleteFunc(slices.Clone(all), func(e catalog.LogEntry) bool { return e.Sequence <= after })
	if err != nil || !slices.Equal(part, whole) {
		w.fatal("the log after %d is %v, %v; want %v", after, part, err, whole)
	}
	return all
}

// hold keeps a view open.
func (w *world) hold(who string, c *Catalog) {
	v := w.view(c)
	got, err := w.all(v)
	if err != nil {
		w.fatal("%v: %v", err, errors.Unwrap(err))
	}
	w.note("%s opens a view of %d: %v", who, v.Info().Sequence, got)
	if w.held = append(w.held, held{v, who, got, w.changed(v, got), false}); len(w.held) > 6 {
		w.held = w.held[1:]
	}
}

// look sees that views that stay open have what they had.
func (w *world) look() {
	for _, h := range w.held {
		got, err := w.all(h)
		if h.old && reasonOf(err) == ReasonClusterChanging {
			continue
		}
		if err != nil || !maps.Equal(got, h.got) {
			w.fatal("the view of %d of %s has %v: %v; want %v", h.Info().Sequence, h.who, got, err, h.got)
		}
		if feed := w.changed(h.View, got); !slices.Equal(feed, h.feed) {
			w.fatal("the view of %d of %s has the log %v; want %v", h.Info().Sequence, h.who, feed, h.feed)
		}
	}
}

// check sees that somebody sees what was acknowledged, or what can be besides.
func (w *world) check(when string, c *Catalog) {
	w.Helper()
	v := w.view(c)
	defer v.Close()
	info := v.Info()
	got, err := w.all(v)
	if err != nil {
		w.fatal("%v: %v", err, errors.Unwrap(err))
	}
	i := slices.IndexFunc(w.possible(), func(may map[string]string) bool { return maps.Equal(may, got) })
	if i < 0 || int(info.Papers) != len(got) || info.Sequence < w.sequence {
		w.fatal("%s: there is %v of %+v, behind %d; want %v or one of %v", when, got, info, w.sequence, w.want, w.maybe)
	}
	feed := w.changed(v, got)
	if len(feed) < len(w.feed) || !slices.Equal(feed[:len(w.feed)], w.feed) {
		w.fatal("%s: the log is %v; it was %v", when, feed, w.feed)
	}
	w.sequence, w.feed = info.Sequence, feed
	if i < len(w.maybe) { // what else was in doubt may follow on it
		w.maybe = append(w.maybe, w.want)
		w.want = got
	}
}

// trouble lets some requests of those to come fail.
func (w *world) trouble() {
	rare := 1 + w.random.IntN(12)
	w.note("one of %d requests fails", rare)
	w.node.setFail(func() failure {
		if w.random.IntN(rare) > 0 {
			return none
		}
		return before + failure(w.random.IntN(4))
	})
}

// land lets some of what was under way arrive, and the writer look back.
func (w *world) land() {
	w.node.setFail(nil)
	n := 1 + w.random.IntN(6)
	for range n {
		w.node.land(w.random.IntN)
	}
	w.note("%d requests come late", n)
	w.lookBack()
	w.check("after late requests", w.reader)
	w.check("after late requests, the writer", w.now)
	w.look()
}

func (w *world) lookBack() {
	own, err := w.now.collection(w.Context(), paper.DefaultCollection)
	if err != nil {
		w.fatal("%v", err)
	}
	own.writing.Lock()
	for _, at := range own.watched.papers {
		at.next = time.Time{}
	}
	own.writing.Unlock()
	mended, err := own.lookBack(w.Context(), time.Now())
	if err != nil {
		w.fatal("%v", err)
	}
	w.note("%d papers are mended", mended)
}

// mend writes papers again as they are, as an audit does.
func (w *world) mend() {
	own, err := w.now.collection(w.Context(), paper.DefaultCollection)
	if err != nil {
		w.fatal("%v", err)
	}
	own.writing.Lock()
	defer own.writing.Unlock()
	h, err := own.ready(w.Context())
	if err == nil {
		p := planOn(h)
		if err = own.restate(w.Context(), p, []string{fmt.Sprint("p", w.random.IntN(8)), "p0"}); err == nil && len(p.group.Entries) > 0 {
			err = own.commit(w.Context(), p)
		}
	}
	w.note("epoch %d mends: %v", w.epoch, err)
}

// pass lets more time pass than requests can be under way, and copies are kept.
func (w *world) pass() {
	const long = 21 * time.Minute
	w.note("%s pass", long)
	w.node.pass(long)
	for i := range w.held {
		w.held[i].old = true
	}
	for _, c := range append(w.halted, w.now) {
		own, err := c.collection(w.Context(), paper.DefaultCollection)
		if err != nil {
			w.fatal("%v", err)
		}
		own.writing.Lock()
		for _, at := range own.watched.papers {
			at.since, at.next = at.since.Add(-long), at.next.Add(-long)
		}
		own.writing.Unlock()
	}
}

// Writers come, are halted, replaced and go on; requests are refused, happen without an
// answer, happen later, or twice, and whatever is late comes again at any time. Nothing
// that was acknowledged is lost, nobody goes back, and nothing of a writer that was
// replaced counts.
func TestKilledAndLate(t *testing.T) {
	for seed := range uint64(crashtest.Rounds(t, 6)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			node, at := newFake(t)
			w := &world{T: t, random: rand.New(rand.NewPCG(seed, 28)), node: node, want: map[string]string{}}
			w.config = configOf(at)
			w.takeOver()
			for range 80 {
				w.step()
			}
			w.land()
		})
	}
}

// step lets something happen.
func (w *world) step() {
	switch dice := w.random.IntN(26); {
	case dice < 11:
		w.write()
	case dice < 13:
		w.trouble()
	case dice < 16:
		w.land()
	case dice < 18 && len(w.halted) > 0:
		changes := w.changes()
		c := w.halted[w.random.IntN(len(w.halted))]
		if _, _, err := c.Apply(w.Context(), paper.DefaultCollection, changes); err == nil {
			w.fatal("a writer that was replaced got changes acknowledged")
		}
	case dice < 19:
		w.takeOver()
	case dice < 21:
		w.mend()
	case dice < 22:
		w.pass()
	case dice < 24:
		w.hold("the writer", w.now)
		w.hold("a reader", w.reader)
	default:
		w.check("a reader", w.reader)
	}
}
