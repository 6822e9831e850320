package courier_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/courier"
	"akin/internal/engine"
	"akin/internal/feed"
	"akin/internal/feed/ledger"
	"akin/internal/feed/match"
	"akin/internal/library"
	"akin/internal/library/shelf"
	"akin/internal/paper"
	"akin/internal/rpc/rpctest"
	"akin/internal/store"
)

// rig is a store with its catalog, feeds and libraries, which can be stopped and made again.
type rig struct {
	t         *testing.T
	dir       string
	store     *store.Store
	catalog   *local.Catalog
	engine    *engine.Engine
	libraries *library.Libraries
	ledger    *failing
	now       atomic.Int64 // seconds since 1970
	*courier.Courier
}

// failing is a ledger of which some writes fail.
type failing struct {
	feed.Ledger
	fail atomic.Pointer[func() error]
}

func (f *failing) Write(ctx context.Context, fn func(feed.Writer) error) error {
	return f.Ledger.Write(ctx, func(w feed.Writer) error {
		if err := fn(w); err != nil {
			return err
		}
		if fail := f.fail.Load(); fail != nil {
			return (*fail)()
		}
		return nil
	})
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: filepath.Join(t.TempDir(), "d")}
	r.now.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Unix())
	r.open(true)
	t.Cleanup(r.close)
	return r
}

func (r *rig) open(create bool) {
	r.t.Helper()
	s, err := store.Open(r.dir, store.Options{Create: create, Beside: []store.Beside{
		{Prefixes: shelf.Prefixes(), Verify: shelf.Verify}, {Prefixes: ledger.Prefixes(), Verify: ledger.Verify},
	}})
	if err != nil {
		r.t.Fatal(err)
	}
	kept := ledger.New(s.DB(), s.Moved)
	c, err := local.Open(r.t.Context(), local.Config{Store: s, Space: rpctest.Space(), GraphFrom: 1 << 30, Followed: func(collection string) uint64 {
		at, err := courier.Followed(context.Background(), kept, collection)
		if err != nil {
			r.t.Error(err)
		}
		return at
	}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.store, r.catalog, r.ledger = s, c, &failing{Ledger: kept}
	r.engine = engine.New(engine.OneModel{Model: &rpctest.Words{}}, c, nil)
	r.libraries = library.New(shelf.New(s.DB(), s.Moved), nil)
	r.Courier = courier.New(r.ledger, c, r.engine, r.libraries, courier.Options{
		Look: 5 * time.Millisecond, Now: func() time.Time { return time.Unix(r.now.Load(), 0) },
	})
}

func (r *rig) close() {
	if err := errors.Join(r.catalog.Close(), r.store.Close()); err != nil {
		r.t.Error(err)
	}
}

// run matches until the function that it gives is called.
func (r *rig) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return func() {
		r.t.Helper()
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	}
}

// put puts papers into the collection.
func (r *rig) put(papers ...paper.Paper) {
	r.t.Helper()
	for some := range slices.Chunk(papers, 1000) {
		var group []catalog.Mutation
		for _, p := range some {
			v, err := rpctest.Vector(p.Title + " " + p.Abstract)
			if err != nil {
				r.t.Fatal(err)
			}
			group = append(group, catalog.Mutation{Paper: p, Vector: v, TokenCount: 8})
		}
		if _, _, err := r.catalog.Apply(r.t.Context(), paper.DefaultCollection, group); err != nil {
			r.t.Fatal(err)
		}
	}
}

func by(author string, from, to int) (papers []paper.Paper) {
	for i := from; i < to; i++ {
		papers = append(papers, paper.Paper{ID: fmt.Sprintf("p%05d", i), Title: fmt.Sprintf("Topic%d word%d", i, i%50), Authors: []paper.Author{{Name: author}}})
	}
	return papers
}

func (r *rig) people(name string, perDay int) feed.State {
	r.t.Helper()
	st, err := r.Create(r.t.Context(), "o", feed.Feed{Name: name, Query: feed.Query{Authors: []string{"Ada Lovelace"}}, MaxPerDay: perDay})
	if err != nil {
		r.t.Fatal(err)
	}
	return st
}

// untilMatched is how long a test waits for what is matched at once, on however busy a machine.
const untilMatched = 5 * time.Minute

// until waits until a feed has n items, and gives their papers, the oldest first.
func (r *rig) until(name string, n int) []string {
	r.t.Helper()
	for deadline := time.Now().Add(untilMatched); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		_, items, err := r.Items(r.t.Context(), "o", name, 0, false, 10_000)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(items) >= n {
			var ids []string
			for i, it := range items {
				if i > 0 && it.Cursor <= items[i-1].Cursor {
					r.t.Errorf("cursor %d comes after %d", it.Cursor, items[i-1].Cursor)
				}
				ids = append(ids, it.PaperID)
			}
			return ids
		}
	}
	r.t.Fatalf("feed %s has not got %d items", name, n)
	return nil
}

func once(t *testing.T, ids []string, n int) {
	t.Helper()
	slices.Sort(ids)
	if whole := len(ids); len(slices.Compact(ids)) != n || whole != n {
		t.Errorf("%d items of %d papers, want %d", whole, len(slices.Compact(ids)), n)
	}
}

// A stop at any time, a commit that fails, and a start over the same data lose nothing and
// find nothing twice.
func TestRestarts(t *testing.T) {
	r := newRig(t)
	r.people("f", 1000)
	r.put(by("A. Lovelace", 0, 300)...)
	stop := r.run()
	r.until("f", 1)
	stop()
	r.put(by("Ada King Lovelace", 300, 600)...)
	r.close()
	r.open(false)
	r.put(by("Lovelace, Ada", 600, 700)...)
	stop = r.run()
	once(t, r.until("f", 700), 700)
	stop()
	if report, err := r.store.Verify(t.Context()); err != nil || len(report.Faults) > 0 {
		t.Errorf("%v, %v", report, err)
	}
}

// What was matched and could not be kept is matched again.
func TestFailedCommits(t *testing.T) {
	r := newRig(t)
	r.people("f", 1000)
	failed := make(chan struct{})
	var tell sync.Once
	fail := func() error {
		tell.Do(func() { close(failed) })
		r.ledger.fail.Store(nil)
		return errors.New("no")
	}
	r.ledger.fail.Store(&fail)
	r.put(by("Ada Lovelace", 0, 20)...)
	stop := r.run()
	defer stop()
	<-failed
	once(t, r.until("f", 20), 20)
}

// Where the log does not reach back, what changed since is looked for.
func TestTrimmedLog(t *testing.T) {
	r := newRig(t)
	r.put(by("Somebody Else", 0, 100)...)
	r.people("f", 1000)
	stop := r.run()
	r.put(by("Ada Lovelace", 100, 110)...)
	r.until("f", 10)
	stop()
	r.put(by("Ada Lovelace", 110, 400)...)
	if err := r.store.TrimChanges(t.Context(), paper.DefaultCollection, 350); err != nil {
		t.Fatal(err)
	}
	r.put(by("Somebody Else", 400, 401)...) // what was trimmed is seen from here on
	stop = r.run()
	defer stop()
	once(t, r.until("f", 300), 300)
	for deadline := time.Now().Add(untilMatched); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if st, err := r.Get(t.Context(), "o", "f"); err != nil || st.Following.GapTo == 401 {
			break
		}
	}
	if st, err := r.Get(t.Context(), "o", "f"); err != nil || st.Following.GapTo != 401 || st.Following.GapFrom < 100 || st.Following.Cursor != 401 {
		t.Errorf("%+v, %v", st.Following, err)
	}
}

// The log is not let go of before feeds have seen it.
func TestLogIsKept(t *testing.T) {
	r := newRig(t)
	r.people("f", 10)
	r.put(by("Somebody Else", 0, 21_000)...)
	changes := 0
	for _, err := range r.store.Changes(t.Context(), paper.DefaultCollection, 0) {
		if err != nil {
			t.Fatal(err)
		}
		changes++
	}
	if changes != 21_000 {
		t.Errorf("the log has %d changes", changes)
	}
	if err := r.Delete(t.Context(), "o", "f"); err != nil {
		t.Fatal(err)
	}
	r.put(by("Somebody Else", 21_000, 21_001)...)
	if _, err := first(r.store.Changes(t.Context(), paper.DefaultCollection, 0)); !errors.Is(err, store.ErrTrimmed) {
		t.Errorf("without feeds the log is kept: %v", err)
	}
}

func first(all func(func(store.Change, error) bool)) (store.Change, error) {
	for c, err := range all {
		return c, err
	}
	return store.Change{}, nil
}

// The daily limit begins anew with the day.
func TestDays(t *testing.T) {
	r := newRig(t)
	r.people("f", 2)
	stop := r.run()
	defer stop()
	r.put(by("Ada Lovelace", 0, 5)...)
	once(t, r.until("f", 2), 2)
	r.now.Add(24 * 60 * 60)
	r.put(by("Ada Lovelace", 5, 10)...)
	once(t, r.until("f", 4), 4)
}

// A feed can go, and come back as another, while papers come.
func TestDeleteWhileMatching(t *testing.T) {
	r := newRig(t)
	stop := r.run()
	defer stop()
	var wait sync.WaitGroup
	wait.Go(func() {
		for i := range 40 {
			r.put(by("Ada Lovelace", i*20, i*20+20)...)
		}
	})
	for i := range 20 {
		name := fmt.Sprintf("f%d", i%3)
		r.people(name, 1000)
		watching := make(chan error, 1)
		go func() {
			watching <- r.Watch(t.Context(), "o", name, 0, time.Minute, func(*feed.Feed, []feed.Item) error { return nil })
		}()
		time.Sleep(time.Millisecond)
		if err := r.Delete(t.Context(), "o", name); err != nil {
			t.Error(err)
		}
		if err := <-watching; paper.KindOf(err) != paper.NotFound {
			t.Errorf("who watched a feed that is gone: %v", err)
		}
	}
	wait.Wait()
	r.people("last", 1000)
	r.put(by("Ada Lovelace", 900, 910)...)
	once(t, r.until("last", 10), 10)
	if report, err := r.store.Verify(t.Context()); err != nil || len(report.Faults) > 0 {
		t.Errorf("%v, %v", report, err)
	}
}

// In another space, and after the collection has grown, feeds are calibrated anew.
func TestRecalibration(t *testing.T) {
	r := newRig(t)
	r.put(by("Somebody Else", 0, 150)...)
	st, err := r.Create(t.Context(), "o", feed.Feed{Name: "f", Query: feed.Query{Text: "sourdough bread"}})
	if err != nil {
		t.Fatal(err)
	}
	other := st.Calibration
	other.Space, other.Vector = "another", []float32{1}
	if err := r.Calibrate(t.Context(), []feed.Feed{st.Feed}, []*feed.Calibration{&other}); err != nil {
		t.Fatal(err)
	}
	stop := r.run()
	defer stop()
	calibrated := func(what string, is func(*feed.Calibration) bool) {
		t.Helper()
		for deadline := time.Now().Add(untilMatched); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if st, err := r.Get(t.Context(), "o", "f"); err == nil && is(&st.Calibration) {
				return
			}
		}
		t.Errorf("not calibrated anew: %s", what)
	}
	calibrated("another space", func(c *feed.Calibration) bool {
		return c.Space == rpctest.Space().Fingerprint() && slices.Equal(c.Vector, st.Calibration.Vector)
	})
	r.put(by("Somebody Else", 150, 320)...)
	calibrated("twice the papers", func(c *feed.Calibration) bool { return c.Papers == 320 })
	r.put(paper.Paper{ID: "bread", Title: "Sourdough bread", Abstract: "sourdough bread"})
	for deadline := time.Now().Add(untilMatched); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if slices.Contains(r.until("f", 1), "bread") { // beside what was the best before
			return
		}
	}
	t.Errorf("%v", r.until("f", 1))
}

// A feed that was calibrated by older rules is calibrated anew, once: what it matched
// stays, no paper matches twice, and its words are those of today's index.
func TestOlderRules(t *testing.T) {
	r := newRig(t)
	r.put(by("Somebody Else", 0, 150)...)
	if _, err := r.Create(t.Context(), "o", feed.Feed{Name: "f", Query: feed.Query{Text: "colour bread"}, Breadth: feed.Broad}); err != nil {
		t.Fatal(err)
	}
	bread := func(id, title string) paper.Paper {
		return paper.Paper{ID: id, Title: title, Abstract: "colour bread colour bread"}
	}
	stop := r.run()
	r.put(bread("one", "Colour of bread"))
	r.until("f", 1)
	stop()
	st, err := r.Get(t.Context(), "o", "f")
	if err != nil {
		t.Fatal(err)
	}
	older := st.Calibration
	older.Version, older.Terms = match.Version-1, []feed.Term{{Name: "colour", Weight: 4}}
	older.Threshold, older.Made = 0, older.Made.Add(-time.Hour)
	if err := r.Calibrate(t.Context(), []feed.Feed{st.Feed}, []*feed.Calibration{&older}); err != nil {
		t.Fatal(err)
	}
	r.close()
	r.open(false)
	stop = r.run()
	r.put(bread("one", "The colour of bread"), bread("two", "Color of bread"))
	if ids := r.until("f", 2); !slices.Equal(ids, []string{"one", "two"}) {
		t.Errorf("items are %v", ids)
	}
	now, err := r.Get(t.Context(), "o", "f")
	if err != nil || now.Calibration.Version != match.Version || !slices.Equal(namesOf(now.Calibration.Terms), []string{"bread", "color"}) || now.Calibration.Threshold == 0 {
		t.Errorf("calibrated as %+v, %v", now.Calibration, err)
	}
	stop()
	r.now.Add(3600)
	stop = r.run()
	r.put(bread("three", "Colour of a bread"))
	once(t, r.until("f", 3), 3)
	stop()
	if again, err := r.Get(t.Context(), "o", "f"); err != nil || !again.Calibration.Made.Equal(now.Calibration.Made) {
		t.Errorf("calibrated again at %v, %v", again.Calibration.Made, err)
	}
}

func namesOf(terms []feed.Term) (names []string) {
	for _, t := range terms {
		names = append(names, t.Name)
	}
	slices.Sort(names)
	return names
}

// A thousand authors, a filter that nothing passes, and an empty library cost no more than
// they should, and match what they should.
func TestOddFeeds(t *testing.T) {
	r := newRig(t)
	r.put(by("Somebody Else", 0, 120)...)
	var many []string
	for i := range feed.MaxAuthors - 1 {
		many = append(many, fmt.Sprintf("Person%c%c Family%c%c", 'a'+rune(i%26), 'a'+rune(i/26), 'a'+rune(i%26), 'a'+rune(i/26)))
	}
	if _, err := r.libraries.Create(t.Context(), "o", library.Library{Name: "empty"}); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]feed.Feed{
		"many":    {Query: feed.Query{Authors: append(many, "Ada Lovelace")}},
		"nothing": {Query: feed.Query{Authors: []string{"Ada Lovelace"}}, Filter: "year > 3000"},
		"empty":   {Query: feed.Query{Library: "empty"}, Breadth: feed.Broad},
		"stop":    {Query: feed.Query{Text: "the of and"}},
	} {
		f.Name = name
		if _, err := r.Create(t.Context(), "o", f); err != nil {
			t.Fatal(name, err)
		}
	}
	stop := r.run()
	defer stop()
	r.put(by("Ada Lovelace", 200, 210)...)
	once(t, r.until("many", 10), 10)
	for _, name := range []string{"nothing", "empty"} {
		if _, items, err := r.Items(t.Context(), "o", name, 0, false, 9); err != nil || len(items) > 0 {
			t.Errorf("%s: %v, %v", name, items, err)
		}
	}
}
