package notify_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/engine"
	"akin/internal/feed"
	"akin/internal/kv"
	"akin/internal/library"
	"akin/internal/notify"
	"akin/internal/notify/outbox"
	"akin/internal/notify/sentfile"
	"akin/internal/paper"
	"akin/internal/seal"
)

// shelf are papers, feeds and marks in memory.
type shelf struct {
	mu     sync.Mutex
	papers map[string]paper.Record
	order  []string // for listings
	items  map[string][]feed.Item
	marks  map[string]library.Entry
	fail   error
	quiet  []notify.Delivery
}

func newShelf() *shelf {
	return &shelf{papers: map[string]paper.Record{}, items: map[string][]feed.Item{}, marks: map[string]library.Entry{}}
}

func (s *shelf) add(feedName string, at time.Time, ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.papers[id] = paper.Record{Paper: paper.Paper{
			ID: id, Title: "Title of " + id, Abstract: "We show what " + id + " is about in one sentence. And more.",
			Authors: []paper.Author{{Name: "Ada Lovelace"}, {Name: "Author of " + id}}, Venue: "Venue", PublishDate: paper.Date{Year: 2026, Month: 11, Day: 3},
		}, CreateTime: at}
		s.order = append(s.order, id)
		if feedName != "" {
			n := len(s.items[feedName])
			s.items[feedName] = append(s.items[feedName], feed.Item{
				Cursor: uint64(n + 1), PaperID: id, Score: float64(n), Percentile: 99, Time: at, Reasons: []feed.Reason{{Kind: feed.ByText, Share: 1}},
			})
		}
	}
}

func (s *shelf) Get(_ context.Context, _ string, ids []string) (found []paper.Record, missing []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(ids) == 0 || len(ids) > 1_000 { // as the engine does
		return nil, nil, paper.InvalidField("ids", "has %d items", len(ids))
	}
	for _, id := range ids {
		if r, ok := s.papers[id]; ok {
			found = append(found, r)
		} else {
			missing = append(missing, id)
		}
	}
	return found, missing, s.fail
}

func (s *shelf) List(_ context.Context, _ engine.List) (out engine.Listed, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Backward(s.order) {
		if r, ok := s.papers[id]; ok {
			out.Papers = append(out.Papers, r)
		}
	}
	return out, s.fail
}

func (s *shelf) Feed(_ context.Context, owner, name string) (feed.Feed, error) {
	return feed.Feed{Owner: owner, Name: name, DisplayName: "Feed " + name, Collection: paper.DefaultCollection, Query: feed.Query{Text: "graphs"}}, nil
}

func (s *shelf) Items(_ context.Context, _, name string, after uint64, limit int) (out []feed.Item, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, it := range s.items[name] {
		if it.Cursor > after && len(out) < limit {
			out = append(out, it)
		}
	}
	return out, s.fail
}

func (s *shelf) Lookup(_ context.Context, _, _ string, papers []string) (out []library.Shelved, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range papers {
		if e, ok := s.marks[id]; ok {
			out = append(out, library.Shelved{Library: "reading", Entry: e})
		}
	}
	return out, nil
}

func (s *shelf) Set(_ context.Context, _ string, _ library.Place, changes []library.Change, _ bool) (out []library.Changed, l library.Library, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		done := library.Changed{Entry: c.Entry}
		if before, ok := s.marks[c.PaperID]; ok {
			done.Before = &before
		}
		s.marks[c.PaperID] = c.Entry
		out = append(out, done)
	}
	return out, l, nil
}

func (s *shelf) Deliveries(context.Context, string) ([]notify.Delivery, error) { return s.quiet, nil }

// box is a mail server in memory: it keeps what it took, and fails as it is told.
type box struct {
	mu    sync.Mutex
	mails []notify.Mail
	// next says what becomes of the next mails; nothing left means that they are taken.
	next []plan
}

// plan is what a mail server does with one mail.
type plan struct {
	outcome notify.Outcome
	// took says that it takes the mail although its answer is lost.
	took bool
	// silent says that it never gets to the mail's first byte.
	silent bool
}

func (b *box) Send(_ context.Context, m *notify.Mail, begin func() error) notify.Result {
	b.mu.Lock()
	p := plan{outcome: notify.Delivered}
	if len(b.next) > 0 {
		p, b.next = b.next[0], b.next[1:]
	}
	b.mu.Unlock()
	if !p.silent {
		if err := begin(); err != nil {
			return notify.Result{Outcome: notify.Withdrawn, Words: "not begun"}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.outcome == notify.Delivered || p.took {
		b.mails = append(b.mails, *m)
	}
	return notify.Result{Outcome: p.outcome, Code: 451, Words: "as planned"}
}

func (b *box) Rest() {}

// bubble calls a test.
func bubble(t *testing.T, fn func(*testing.T)) { fn(t) }

func (b *box) got() []notify.Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mails)
}

// rig is Digests over a database in memory.
type rig struct {
	*notify.Digests
	t      *testing.T
	shelf  *shelf
	box    *box
	fs     *vfs.MemFS
	db     *kv.DB
	secret string
	set    notify.Settings
	log    *bytes.Buffer
	clock  time.Time
	// outside is on another disk, which no snapshot has and no power cut reaches.
	outside *sentfile.File
}

// now is the clock of the rig: the database has timers of its own, so that days of a
// bubble of testing/synctest would take long.
func (r *rig) now() time.Time { return r.clock }

func (r *rig) sleep(d time.Duration) { r.clock = r.clock.Add(d) }

const owner = "ada"

func newRig(t *testing.T, set notify.Settings) *rig {
	t.Helper()
	set.PublicURL, set.Domain, set.PerMinute = "https://papers.example.org", "example.org", 1_000_000_000
	r := &rig{t: t, shelf: newShelf(), box: new(box), fs: vfs.NewCrashableMem(), secret: filepath.Join(t.TempDir(), seal.FileName), set: set, log: new(bytes.Buffer)}
	r.clock = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	r.open(true)
	return r
}

// open opens the database as it is, and makes Digests anew.
func (r *rig) open(create bool) {
	r.t.Helper()
	db, err := kv.Open("d", kv.Options{Create: create, FS: r.fs})
	if err != nil {
		r.t.Fatal(err)
	}
	secrets, err := seal.Open(r.secret)
	if err != nil {
		r.t.Fatal(err)
	}
	secrets = secrets.WithClock(r.now)
	r.db = db
	if r.outside != nil {
		r.outside.Close()
	}
	if r.outside, err = sentfile.Open(r.secret+sentfile.Suffix, r.now); err != nil {
		r.t.Fatal(err)
	}
	r.Digests = notify.New(notify.Parts{
		Store: outbox.New(db, nil), Seal: secrets, Papers: r.shelf, Marks: r.shelf, Feeds: r.shelf, Sources: r.shelf, Post: r.box, Now: r.now,
		Log: slog.New(slog.NewTextHandler(r.log, nil)), Outside: r.outside,
	}, r.set)
}

// verify says that the database is whole.
func (r *rig) verify() {
	r.t.Helper()
	snap := r.db.Snapshot()
	defer snap.Close()
	if err := outbox.Verify(r.t.Context(), snap, func(fault error) { r.t.Errorf("fault: %v", fault) }); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) close() {
	r.t.Helper()
	if err := r.db.Close(); err != nil {
		r.t.Error(err)
	}
}

// run sends what is due for some time.
func (r *rig) run(d time.Duration) {
	r.t.Helper()
	r.runUntil(r.t.Context(), r.clock.Add(d))
}

// runUntil is run until a time, or until the context ends.
func (r *rig) runUntil(ctx context.Context, end time.Time) {
	r.t.Helper()
	for rounds := 0; ctx.Err() == nil; rounds++ {
		next, err := r.Round(ctx)
		if err != nil && ctx.Err() == nil {
			r.t.Fatal(err)
		}
		if !next.After(r.clock) {
			next = r.clock.Add(time.Second)
		}
		if rounds > 100_000 {
			r.t.Fatal("it goes round and round")
		}
		if next.After(end) {
			r.clock = end
			return
		}
		r.clock = next
	}
}

func daily(minute int, zone string) notify.Schedule {
	return notify.Schedule{Every: notify.Daily, Minute: minute, Zone: zone}
}

// make makes a digest of an owner that needs no confirmation.
func (r *rig) make(name string, change func(*notify.Digest)) notify.Book {
	r.t.Helper()
	d := notify.Digest{Name: name, Feeds: []string{"f"}, Schedule: daily(7*60, "")}
	if change != nil {
		change(&d)
	}
	b, err := r.Create(r.t.Context(), owner, d, name+"@example.org", true)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

var mailToken = regexp.MustCompile(`/mail/([a-z]+)\?t=([A-Za-z0-9_-]+)`)

// tokens gives the tokens of a mail by the page that they lead to.
func tokens(text string) map[string][]string {
	out := map[string][]string{}
	for _, m := range mailToken.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(out[m[1]], m[2]) {
			out[m[1]] = append(out[m[1]], m[2])
		}
	}
	return out
}

// papersOf gives the ids of the papers of a mail, in order.
func papersOf(m notify.Mail) (ids []string) {
	for line := range strings.Lines(m.Text) {
		if _, rest, ok := strings.Cut(line, "Title of "); ok && len(line) > 0 && line[0] >= '0' && line[0] <= '9' {
			ids = append(ids, strings.TrimSpace(rest))
		}
	}
	return ids
}

func ids(prefix string, from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("%s%03d", prefix, i))
	}
	return out
}
