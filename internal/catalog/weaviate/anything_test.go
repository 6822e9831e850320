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
	log      []string // what happened, for who has to find a fault
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

func (w *world) all(c *Catalog) (map[string]string, catalog.Info) {
	v, err := c.View(w.Context(), paper.DefaultCollection)
	if err != nil {
		w.fatal("%v", err)
	}
	defer v.Close()
	var ids []string
	for i := range 8 {
		ids = append(ids, fmt.Sprint("p", i))
	}
	records, err := v.Get(w.Context(), catalog.Refs(ids...))
	if err != nil {
		w.fatal("%v: %v", err, errors.Unwrap(err))
	}
	got := make(map[string]string)
	for _, r := range records {
		if r != nil {
			got[r.ID] = r.Title
		}
	}
	if _, err := v.(catalog.Changes).Changed(w.Context(), 0, 1e6); err != nil {
		w.fatal("the log: %v: %v", err, errors.Unwrap(err))
	}
	return got, v.Info()
}

// check sees that somebody sees what was acknowledged, or what can be besides.
func (w *world) check(when string, c *Catalog) {
	w.Helper()
	got, info := w.all(c)
	i := slices.IndexFunc(w.possible(), func(may map[string]string) bool { return maps.Equal(may, got) })
	if i < 0 || int(info.Papers) != len(got) || info.Sequence < w.sequence {
		w.fatal("%s: there is %v of %+v, behind %d; want %v or one of %v", when, got, info, w.sequence, w.want, w.maybe)
	}
	w.sequence = info.Sequence
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
}

func (w *world) lookBack() {
	own, err := w.now.collection(w.Context(), paper.DefaultCollection)
	if err != nil {
		w.fatal("%v", err)
	}
	own.writing.Lock()
	_, err = own.ready(w.Context())
	for _, at := range own.watched.papers {
		at.next = time.Time{}
	}
	own.writing.Unlock()
	if err != nil {
		w.fatal("%v", err)
	}
	mended, err := own.lookBack(w.Context(), time.Now())
	if err != nil {
		w.fatal("%v", err)
	}
	w.note("%d papers are mended", mended)
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
			for range 60 {
				switch dice := w.random.IntN(20); {
				case dice < 11:
					w.write()
				case dice < 13:
					w.trouble()
				case dice < 16:
					w.land()
				case dice < 18 && len(w.halted) > 0:
					changes := w.changes()
					c := w.halted[w.random.IntN(len(w.halted))]
					if _, _, err := c.Apply(t.Context(), paper.DefaultCollection, changes); err == nil {
						w.fatal("a writer that was replaced got changes acknowledged")
					}
				case dice < 19:
					w.takeOver()
				default:
					w.check("a reader", w.reader)
				}
			}
			w.land()
		})
	}
}
