package monthtest

import (
	"context"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/catalog/local"
	"akin/internal/courier"
	"akin/internal/engine"
	"akin/internal/feed"
	"akin/internal/feed/ledger"
	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/library/shelf"
	"akin/internal/notify"
	"akin/internal/notify/outbox"
	"akin/internal/rpc/rpctest"
	"akin/internal/seal"
	"akin/internal/source"
	"akin/internal/source/logbook"
	"akin/internal/store"
)

// machine is what the power is cut of: its disk, and all that runs on it.
type machine struct {
	t      *testing.T
	world  *world
	post   *post
	resend bool
	secret string // the path of its file, which is on another disk

	disk *vfs.MemFS
	down []span // when it had no power
	*running
}

// span is from one time to another.
type span struct{ from, to time.Time }

// running is a machine from one start to the next power cut.
type running struct {
	store   *store.Store
	catalog *local.Catalog
	engine  *engine.Engine
	books   *librarian.Librarian
	feeds   *courier.Courier
	sources *source.Manager
	digests *notify.Digests
	end     func()

	mu  sync.Mutex // held by whoever cuts the power
	off atomic.Bool
	cut chan struct{} // closed when the power is cut
	was time.Time     // when that was
	fs  *vfs.MemFS    // the disk as it was then
}

// begin starts what the disk has.
func (m *machine) begin() {
	m.t.Helper()
	create := m.disk == nil
	if create {
		m.disk = vfs.NewCrashableMem()
		m.secret = filepath.Join(m.t.TempDir(), seal.FileName)
	}
	r := &running{cut: make(chan struct{})}
	m.running = r
	r.open(m, create)
	ctx, stop := context.WithCancel(m.t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if err := r.feeds.Run(ctx); err != nil {
			m.t.Error(err)
		}
	})
	all.Go(func() { r.digests.Run(ctx) })
	r.sources.Start()
	r.end = func() {
		stop()
		all.Wait()
		m.check("sources", r.sources.Close())
		m.check("catalog", r.catalog.Close())
		m.check("store", r.store.Close())
	}
}

func (m *machine) check(what string, err error) {
	m.t.Helper()
	if err != nil {
		m.t.Errorf("%s: %v", what, err)
	}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// open makes all parts over the disk, as the server does.
func (r *running) open(m *machine, create bool) {
	m.t.Helper()
	ctx := m.t.Context()
	r.store = must(store.Open("d", store.Options{Create: create, Beside: []store.Beside{
		{Prefixes: shelf.Prefixes(), Verify: shelf.Verify},
		{Prefixes: ledger.Prefixes(), Verify: ledger.Verify},
		{Prefixes: logbook.Prefixes(), Verify: logbook.Verify},
		{Prefixes: outbox.Prefixes(), Verify: outbox.Verify},
	}}.WithFS(m.disk)))(m.t)
	db, moved := r.store.DB(), r.store.Moved
	kept := ledger.New(db, moved)
	r.catalog = must(local.Open(ctx, local.Config{Store: r.store, Space: rpctest.Space(), Followed: func(collection string) uint64 {
		at, err := courier.Followed(context.WithoutCancel(ctx), kept, collection)
		if err != nil {
			return 0
		}
		return at
	}}))(m.t)
	r.engine = engine.New(engine.OneModel{Model: &rpctest.Words{}}, r.catalog, nil)
	libraries := library.New(shelf.New(db, moved), nil)
	r.books = librarian.New(libraries, r.engine, nil)
	r.feeds = courier.New(kept, r.catalog, r.engine, libraries, courier.Options{Look: time.Hour})
	r.sources = must(source.New(ctx, source.Options{
		Book: logbook.New(db, moved), Papers: r.engine, Settings: m.world.settings(), Version: "test",
		Dial: func(ctx context.Context, _, address string) (net.Conn, error) { return m.world.dial(ctx, r, address) },
	}))(m.t)
	secrets := must(seal.Open(m.secret))(m.t)
	r.digests = notify.New(notify.Parts{
		Store: outbox.New(db, moved), Seal: secrets, Papers: r.engine, Marks: r.books, Feeds: found{r.feeds}, Sources: delivered{r.sources},
		Post: slot{m.post, r, m},
	}, notify.Settings{PublicURL: "https://papers.example.org", Domain: "example.org", PerMinute: 1_000_000_000, Resend: m.resend})
}

// blackOut cuts the power: what had reached the disk is all that is left.
func (m *machine) blackOut(r *running, random *rand.Rand) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off.Swap(true) {
		return
	}
	r.was = time.Now()
	r.fs = m.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
	close(r.cut)
}

// again starts the machine after a power cut.
func (m *machine) again(after time.Duration) {
	m.t.Helper()
	m.end()
	m.disk = m.fs
	time.Sleep(after)
	m.down = append(m.down, span{m.was, time.Now()})
	m.begin()
}

// found are the feeds that digests tell of.
type found struct{ *courier.Courier }

// Feed implements notify.Feeds.
func (f found) Feed(ctx context.Context, owner, name string) (feed.Feed, error) {
	st, err := f.Get(ctx, owner, name)
	return st.Feed, err
}

// Items implements notify.Feeds.
func (f found) Items(ctx context.Context, owner, name string, after uint64, limit int) ([]feed.Item, error) {
	_, items, err := f.Courier.Items(ctx, owner, name, after, false, limit)
	return items, err
}

// delivered says what sources last delivered.
type delivered struct{ *source.Manager }

// Deliveries implements notify.Sources.
func (d delivered) Deliveries(ctx context.Context, collection string) (all []notify.Delivery, err error) {
	for _, s := range d.Manager.Deliveries(ctx, collection) {
		all = append(all, notify.Delivery{Source: s.Source, Time: s.Time, Sentence: s.Sentence})
	}
	return all, nil
}
