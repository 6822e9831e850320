package monthtest

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"akin/internal/crashtest"
	"akin/internal/feed"
	"akin/internal/library"
	"akin/internal/notify"
	"akin/internal/paper"
)

// reader is somebody who gets a digest; a visitor has no feeds.
type reader struct {
	name  string
	feeds map[string][]string // the authors that they look for
	notify.Schedule
	quiet notify.Quiet
	// dismisses says that each fifth paper is dismissed before it comes.
	dismisses bool
}

func (r *reader) address() string { return r.name + "@example.org" }

func (r *reader) visitor() bool { return len(r.feeds) == 0 }

// wants says whether a paper is for the reader.
func (r *reader) wants(a announced) bool {
	for _, authors := range r.feeds {
		if slices.Contains(authors, a.author) {
			return true
		}
	}
	return r.visitor()
}

// readers are those of the month. The clocks leave 02:30 out in New York on 8 March and in
// Berlin on 29 March, and show it twice in Sydney on 5 April.
func readers() []reader {
	at := func(every notify.Every, zone string, minute int) notify.Schedule {
		return notify.Schedule{Every: every, Weekday: time.Monday, Minute: minute, Zone: zone}
	}
	return []reader{
		{name: "york", feeds: map[string][]string{"ada": {ada}}, Schedule: at(notify.Daily, "America/New_York", 150)},
		{name: "berlin", feeds: map[string][]string{"ada": {ada}, "both": {ada, emmy}}, Schedule: at(notify.Daily, "Europe/Berlin", 150), dismisses: true},
		{name: "sydney", feeds: map[string][]string{"emmy": {emmy}}, Schedule: at(notify.Daily, "Australia/Sydney", 150), quiet: notify.Explain},
		{name: "tokyo", feeds: map[string][]string{"mary": {mary}}, Schedule: at(notify.Weekdays, "Asia/Tokyo", 420)},
		{name: "weekly", feeds: map[string][]string{"mary": {mary}}, Schedule: at(notify.Weekly, "America/New_York", 480)},
		{name: "full", feeds: map[string][]string{"ada": {ada}}, Schedule: at(notify.Daily, "Europe/Berlin", 540)},
		{name: "visitor", Schedule: at(notify.Daily, "Europe/Berlin", 420)},
	}
}

// A month: at its end each reader got what the model says, once.
func TestMonth(t *testing.T) {
	for seed := range uint64(crashtest.Rounds(t, 2)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				month(t, seed)
				time.Sleep(time.Minute) // connections notice that nobody is there
			})
		})
	}
}

var (
	monthBegins = time.Date(2026, time.March, 5, 10, 0, 0, 0, time.UTC)
	weatherFrom = monthBegins.Add(6 * time.Hour)
	calmFrom    = time.Date(2026, time.April, 5, 6, 0, 0, 0, time.UTC)
	monthEnds   = time.Date(2026, time.April, 9, 6, 0, 0, 0, time.UTC)
)

func month(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	time.Sleep(time.Until(monthBegins))
	w := &world{draw: draw{r: rand.New(rand.NewPCG(seed, 2))}, calm: true, pages: map[string][]string{}}
	p := &post{draw: draw{r: rand.New(rand.NewPCG(seed, 3))}, world: w}
	m := &machine{t: t, world: w, post: p, resend: seed%2 == 1}
	m.begin()
	all := readers()
	m.subscribe(all)
	for time.Now().Before(monthEnds) {
		now := time.Now()
		calm := now.Before(weatherFrom) || !now.Before(calmFrom)
		w.set(calm, !calm && random.IntN(10) == 0)
		if now.Before(calmFrom) {
			made := w.announce(random.IntN(4))
			for i := range all {
				m.dismiss(&all[i], made)
			}
		}
		pause := time.Duration(random.Int64N(int64(10 * time.Hour)))
		if calm {
			pause = time.Hour
		}
		select {
		case <-m.cut:
		case <-time.After(pause):
			if calm || random.IntN(3) > 0 {
				continue
			}
			m.blackOut(m.running, random)
		}
		after := time.Duration(random.Int64N(int64(20 * time.Minute)))
		if random.IntN(4) == 0 {
			after *= 40
		}
		m.again(after)
	}
	check(t, m, all)
	t.Logf("%d papers, %d power cuts, %d attempts to send a mail", len(w.all), len(m.down), len(p.seen()))
	m.end()
}

// subscribe makes feeds and digests of all readers.
func (m *machine) subscribe(all []reader) {
	ctx, t := m.t.Context(), m.t
	for i := range all {
		r := &all[i]
		if r.visitor() {
			m.check("subscribe", m.digests.Subscribe(ctx, notify.Subscription{
				Address: r.address(), Listing: notify.Newest, Schedule: r.Schedule, MaxItems: notify.MaxItems, Caller: "192.0.2.1",
			}))
			continue
		}
		d := notify.Digest{Name: "mine", Schedule: r.Schedule, Quiet: r.quiet, MaxItems: notify.MaxItems}
		for name, authors := range r.feeds {
			must(m.feeds.Create(ctx, r.name, feed.Feed{Name: name, Query: feed.Query{Authors: authors}, MaxPerDay: 1000}))(t)
			d.Feeds = append(d.Feeds, name)
		}
		must(m.digests.Create(ctx, r.name, d, r.address(), true))(t)
	}
	time.Sleep(time.Minute)
	for _, a := range m.post.seen() {
		token := regexp.MustCompile(`/mail/confirm\?t=([A-Za-z0-9_-]+)`).FindStringSubmatch(a.text)
		if token == nil {
			t.Fatalf("a mail that nobody asked for: %v", a)
		}
		must(m.digests.Confirm(ctx, token[1], false))(t)
	}
}

// dismissed says that a reader dismisses a paper.
func (r *reader) dismissed(id string) bool {
	return r.dismisses && (id[len(id)-1] == '0' || id[len(id)-1] == '5')
}

// dismiss has a reader dismiss papers before they come.
func (m *machine) dismiss(r *reader, made []announced) {
	m.t.Helper()
	for _, a := range made {
		if !r.dismissed(a.id) || !r.wants(a) {
			continue
		}
		change := library.Change{Entry: library.Entry{PaperID: "arXiv:" + a.id, Mark: library.Disliked}, Fields: library.FieldMark}
		_, _, err := m.books.Set(m.t.Context(), r.name, library.Place{Name: "reading", Create: true, Collection: paper.DefaultCollection}, []library.Change{change}, true)
		m.check("dismiss", err)
	}
}
