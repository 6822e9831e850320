package monthtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/feed"
	"akin/internal/notify"
	"akin/internal/paper"
)

const (
	late = 6 * time.Hour
	slow = 3 * time.Minute // how long after its time a mail is tried if nothing is wrong
)

// check holds what is kept, and what readers got, against what sources had.
func check(t *testing.T, m *machine, all []reader) {
	t.Helper()
	ctx := t.Context()
	report := must(m.store.Verify(ctx))(t)
	for _, fault := range report.Faults {
		t.Errorf("the store: %v", fault)
	}
	created := map[string]time.Time{}
	for _, a := range m.world.all {
		found, _, err := m.engine.Get(ctx, paper.DefaultCollection, []string{"arXiv:" + a.id})
		if err != nil || len(found) == 0 {
			t.Errorf("paper %s did not come: %v", a.id, err)
			continue
		}
		created[a.id] = found[0].CreateTime
	}
	if report.Papers != len(m.world.all) {
		t.Errorf("there are %d papers; sources had %d", report.Papers, len(m.world.all))
	}
	if len(m.world.all) < 40 || len(m.down) < 5 {
		t.Errorf("the month was dull: %d papers, %d power cuts", len(m.world.all), len(m.down))
	}
	for i := range all {
		r := &all[i]
		l := &ledgerOf{t: t, m: m, reader: r, came: created, sent: map[string]bool{}}
		if !r.visitor() {
			l.came = itemsOf(t, m, r)
		}
		l.check()
	}
}

// itemsOf gives when each paper came to the feeds of a reader: all that the reader wants,
// each once.
func itemsOf(t *testing.T, m *machine, r *reader) map[string]time.Time {
	t.Helper()
	came := map[string]time.Time{}
	for name, authors := range r.feeds {
		_, items, err := m.feeds.Items(t.Context(), r.name, name, 0, false, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for i := range items {
			id := strings.TrimPrefix(items[i].PaperID, "arXiv:")
			got = append(got, id)
			if at, ok := came[id]; !ok || items[i].Time.Before(at) {
				came[id] = items[i].Time
			}
			if items[i].Reasons[0].Kind != feed.ByAuthor || !slices.Contains(authors, items[i].Reasons[0].Name) {
				t.Errorf("%s, feed %s: %s came by %+v", r.name, name, id, items[i].Reasons)
			}
		}
		for _, a := range m.world.all {
			if slices.Contains(authors, a.author) {
				want = append(want, a.id)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s, feed %s has %v\nwant %v", r.name, name, got, want)
		}
	}
	return came
}

// times are when a reader's mails are due: for each date that the schedule names, the
// first minute at which the clock on the wall shows the time, or a later one.
func (r *reader) times(from, to time.Time) (out []time.Time) {
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		panic(err)
	}
	last := -1 // the last day that was due
	for at := from.Truncate(time.Minute); at.Before(to); at = at.Add(time.Minute) {
		wall := at.In(zone)
		if wall.YearDay() == last || wall.Hour()*60+wall.Minute() < r.Minute {
			continue
		}
		last = wall.YearDay()
		weekend := wall.Weekday() == time.Saturday || wall.Weekday() == time.Sunday
		if r.Every == notify.Weekdays && weekend || r.Every == notify.Weekly && wall.Weekday() != r.Weekday || !at.After(monthBegins) {
			continue
		}
		out = append(out, at)
	}
	return out
}

// ledgerOf is what a reader has, as far as the model went.
type ledgerOf struct {
	t      *testing.T
	m      *machine
	reader *reader
	came   map[string]time.Time // when papers came, by id
	sent   map[string]bool
	points int       // of refusals
	last   time.Time // refusal
}

// paused says whether the reader's address is left alone: so it is for 30 days after
// refusals of four points.
func (l *ledgerOf) paused(at time.Time) bool {
	return l.points >= 4 && at.Before(l.last.Add(30*24*time.Hour))
}

// refused counts a refusal.
func (l *ledgerOf) refused(at time.Time, points int) {
	if !at.Before(l.last.Add(30 * 24 * time.Hour)) {
		l.points = 0
	}
	l.points += points
	l.last = at
}

// check goes through the mails of a reader in their order.
func (l *ledgerOf) check() {
	l.t.Helper()
	due := l.reader.times(monthBegins.Add(-24*time.Hour), time.Now())
	var mine []attempt
	for _, a := range l.m.post.seen() {
		if a.to == l.reader.address() && !strings.Contains(a.text, "/mail/confirm") {
			mine = append(mine, a)
		}
	}
	for i, at := range due {
		end := time.Now()
		if i+1 < len(due) {
			end = due[i+1]
		}
		n := 0
		for n < len(mine) && mine[n].at.Before(end) {
			n++
		}
		l.issue(at, mine[:n])
		mine = mine[n:]
	}
	if len(mine) > 0 {
		l.t.Errorf("%s: mails at times that are none: %v", l.reader.name, mine)
	}
	if l.reader.name == "full" && l.last.IsZero() {
		l.t.Error("an address that refuses all mail was not tried")
	}
	if l.reader.name != "full" && !l.paused(due[len(due)-1]) {
		if left, _ := l.waiting(due[len(due)-1].Add(-time.Second)); len(left) > 0 {
			l.t.Errorf("%s never got %v", l.reader.name, left)
		}
	}
}

// waiting gives the papers that a mail of a time must have, and those it may have: what
// comes at the very same time may be seen or not.
func (l *ledgerOf) waiting(at time.Time) (must, may []string) {
	for _, a := range l.m.world.all {
		came, ok := l.came[a.id]
		if !ok || l.sent[a.id] || l.reader.dismissed(a.id) || came.After(at) {
			continue
		}
		may = append(may, a.id)
		if came.Before(at) {
			must = append(must, a.id)
		}
	}
	return must, may
}

// issue holds the attempts of one due time against what was there to send.
func (l *ledgerOf) issue(due time.Time, attempts []attempt) {
	l.t.Helper()
	fault := func(format string, args ...any) {
		l.t.Helper()
		l.t.Errorf("%s, due at %v: "+format, append([]any{l.reader.name, due}, args...)...)
	}
	if len(attempts) == 0 {
		if must, _ := l.waiting(due); (len(must) > 0 || l.reader.quiet == notify.Explain) && !l.paused(due) && l.m.fine(due) {
			fault("no mail was tried, and %v waited", must)
		}
		return
	}
	if l.paused(attempts[0].at) {
		fault("a mail was tried though the address is paused: %v", attempts)
	}
	first := &attempts[0]
	if l.m.fine(due) && first.at.After(due.Add(slow)) {
		fault("it was tried only at %v", first.at)
	}
	must, may := l.waiting(first.at)
	got := slices.Sorted(slices.Values(first.papers))
	switch {
	case !within(got, may) || !within(must, got) && len(got) < notify.MaxItems:
		fault("it has %v; it must have %v, and may have %v", got, must, may)
	case len(got) == 0 && l.reader.quiet == notify.Silent:
		fault("a mail without papers")
	case len(got) == 0 && !strings.Contains(first.text, "Source "):
		fault("it does not say why nothing came: %s", first.text)
	}
	l.outcome(attempts, got, fault)
}

// outcome follows what became of the attempts.
func (l *ledgerOf) outcome(attempts []attempt, got []string, fault func(string, ...any)) {
	counted, arrived, over := 0, 0, false
	for i := range attempts {
		a := &attempts[i]
		if over {
			fault("it was tried again after it was over: %v", attempts)
		}
		if a.at.Sub(attempts[0].at) > late {
			fault("it was tried as late as %v", a.at)
		}
		if now := slices.Sorted(slices.Values(a.papers)); !slices.Equal(now, got) || a.id != attempts[0].id {
			fault("it changed from one attempt to the next: %v, %v", got, now)
		}
		if a.arrived {
			arrived++
		}
		switch known := !a.cut; {
		case a.counts():
			counted++
			over = known && a.outcome == notify.Delivered || !l.m.resend || counted == 2
		case known && a.outcome == notify.Rejected:
			l.refused(a.at, 2)
			over = true
		case known && a.outcome == notify.RejectedMail:
			l.refused(a.at, 1)
			over = true
		}
	}
	if arrived > counted || arrived > 1 && !l.m.resend {
		fault("it arrived %d times", arrived)
	}
	if counted > 0 {
		for _, id := range got {
			l.sent[id] = true
		}
	}
}

// fine says that neither the machine nor the mail server had trouble around a time.
func (m *machine) fine(due time.Time) bool {
	for _, d := range m.down {
		if d.from.Before(due.Add(slow)) && d.to.After(due.Add(-slow)) {
			return false
		}
	}
	return !slices.ContainsFunc(m.post.seen(), func(a attempt) bool {
		return a.outcome == notify.Unreachable && a.at.After(due.Add(-35*time.Minute)) && a.at.Before(due.Add(slow))
	})
}

// within says whether all of a is in b.
func within(a, b []string) bool {
	return !slices.ContainsFunc(a, func(id string) bool { return !slices.Contains(b, id) })
}
