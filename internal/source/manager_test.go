package source_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/paper"
	"akin/internal/source"
	"akin/internal/source/sourcetest"
)

// One request at a time goes to a site, whatever the number of its sources and hosts.
func TestOneRequestAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var sources []source.Config
		for i := range 6 {
			sources = append(sources, source.Config{Name: fmt.Sprintf("s%d", i), Kind: source.Feed, URL: fmt.Sprintf("http://h%d.arxiv.example/feed", i%3)})
		}
		r := newRig(t, sources...).open(true)
		defer r.close()
		for i := range 3 {
			r.net.handle(fmt.Sprintf("h%d.arxiv.example", i), func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(20 * time.Second)
				fmt.Fprint(w, emptyFeed)
			})
		}
		time.Sleep(6 * time.Hour)
		var all []time.Time
		for i := range 3 {
			all = append(all, r.net.times(fmt.Sprintf("h%d.arxiv.example", i))...)
		}
		slices.SortFunc(all, time.Time.Compare)
		if r.net.most != 1 || len(all) < 6*5 {
			t.Errorf("%d requests, %d at once", len(all), r.net.most)
		}
		for i := 1; i < len(all); i++ {
			if gap := all[i].Sub(all[i-1]); gap < 23*time.Second {
				t.Errorf("request %d began %v after the one before, which took 20 s", i, gap)
			}
		}
	})
}

// What Retry-After asks for, in whatever form, is kept to, over restarts as well, and by
// the other sources of the site.
func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"1800": 30 * time.Minute, "": time.Minute, "0": time.Minute, "-5": time.Minute, "soon": time.Minute, "86400000000000000000000": 24 * time.Hour,
		"31536000": 24 * time.Hour, "date": time.Hour, "past": time.Minute, "1e9": 24 * time.Hour, "NaN": time.Minute,
	} {
		t.Run(header, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				other := plainLane()
				other.Name, other.URL = "other", "http://rss.example/other"
				r := newRig(t, plainLane(), other).open(false)
				r.net.handle("rss.example", func(w http.ResponseWriter, req *http.Request) {
					if len(r.net.times("rss.example")) > 1 {
						fmt.Fprint(w, emptyFeed)
						return
					}
					text := header
					switch header {
					case "date":
						text = time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
					case "past":
						text = time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
					}
					if text != "" {
						w.Header().Set("Retry-After", text)
					}
					w.WriteHeader(http.StatusTooManyRequests)
				})
				if want > 2*time.Minute {
					if err := r.fails("today"); !strings.Contains(err.Error(), "429") {
						t.Error(err)
					}
					r.close()
					r.open(false) // a restart forgets nothing
					if err := r.fails("other"); paper.KindOf(err) != paper.FailedPrecondition || !strings.Contains(err.Error(), "left alone") {
						t.Error(err)
					}
					time.Sleep(want)
				}
				r.run("today")
				r.run("other")
				r.close()
				times := r.net.times("rss.example")
				if gap := times[1].Sub(times[0]); gap < want || gap > want+2*time.Minute {
					t.Errorf("asked again after %v; want %v", gap, want)
				}
			})
		})
	}
}

// Failures in a row are tried again less and less often, but always again, and what comes
// next is said.
func TestBackOff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, plainLane()).open(true)
		defer r.close()
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		time.Sleep(10 * 24 * time.Hour)
		times := r.net.times("rss.example")
		if n := len(times); n < 30 || n > 60 {
			t.Errorf("asked %d times in ten days", n)
		}
		for i := 2; i < len(times); i++ {
			if gap := times[i].Sub(times[i-1]); gap > 7*time.Hour+13*time.Minute {
				t.Errorf("%v between two tries", gap)
			}
		}
		s := r.status("today")
		if s.State.Failing.IsZero() || !strings.Contains(s.ProblemSentence(), "502") || !strings.Contains(s.ProblemSentence(), "failures since 1 January 2000") {
			t.Errorf("%q", s.ProblemSentence())
		}
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, emptyFeed) })
		time.Sleep(8 * time.Hour)
		if s := r.status("today"); s.ProblemSentence() != "" || s.State.Last.Outcome != source.Quiet {
			t.Errorf("afterwards: %q, %+v", s.ProblemSentence(), s.State.Last)
		}
	})
}

// While papers cannot be changed, nothing is asked, and the state says why.
func TestReadOnly(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, plainLane())
		full := errors.New("the disk is full")
		r.readOnly.Store(&full)
		r.open(true)
		defer r.close()
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, emptyFeed) })
		time.Sleep(3 * time.Hour)
		s := r.status("today")
		if next := s.NextSentence(time.Now()); !strings.Contains(next, "the disk is full") || len(r.net.times("rss.example")) > 0 {
			t.Errorf("%q, asked %d times", next, len(r.net.times("rss.example")))
		}
		if err := r.fails("today"); !strings.Contains(err.Error(), "the disk is full") {
			t.Error(err)
		}
		r.readOnly.Store(new(error))
		time.Sleep(2 * time.Minute)
		if len(r.net.times("rss.example")) != 1 {
			t.Error("it did not go on")
		}
	})
}

// A disk that takes nothing more in the middle of a run stops it, and does not spin.
func TestDiskFull(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		memory := sourcetest.NewMemory()
		r := newRig(t, plainLane())
		r.book = memory
		r.open(true)
		defer r.close()
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) {
			memory.Refuse(errors.New("no space left"))
			fmt.Fprint(w, emptyFeed)
		})
		time.Sleep(time.Hour)
		s := r.status("today")
		if !strings.Contains(s.Held, "no space left") || len(r.net.times("rss.example")) > 70 {
			t.Errorf("held %q, asked %d times", s.Held, len(r.net.times("rss.example")))
		}
		memory.Refuse(nil)
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, emptyFeed) })
		time.Sleep(2 * time.Hour)
		if s := r.status("today"); s.Held != "" || s.State.Last == nil || s.State.Last.Outcome != source.Quiet {
			t.Errorf("afterwards: held %q, %+v", s.Held, s.State.Last)
		}
	})
}

// The end of the process in the middle of a run, and a backup that is restored, lose
// nothing and bring nothing twice.
func TestStopAndRestore(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		repo, memory := newRepository(), sourcetest.NewMemory()
		r := newRig(t, ledger())
		r.book = memory
		want := repo.fill(6, 4)
		r.net.handle("oai.example", repo.ServeHTTP)
		r.open(true)
		for len(r.net.times("oai.example")) < 3 {
			time.Sleep(time.Second)
		}
		backup := memory.Clone()
		r.close()
		if n := len(r.papers.ids()); n == 0 || n == len(want) {
			t.Fatalf("%d papers when it was stopped", n)
		}
		time.Sleep(3 * 24 * time.Hour)
		r.open(true)
		time.Sleep(2 * time.Hour)
		r.close()
		wantIDs(t, r, want)
		r.papers, r.book = newPapers(), backup // an older state of both
		r.open(true)
		time.Sleep(2 * time.Hour)
		defer r.close()
		if len(r.papers.ids()) == 0 {
			t.Error("the backup fetches nothing")
		}
		for id, n := range r.papers.writes {
			if n != 1 {
				t.Errorf("%s was written %d times", id, n)
			}
		}
	})
}

// A clock that is set back does not put a source to sleep.
func TestClockBack(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		memory := sourcetest.NewMemory()
		r := newRig(t, plainLane())
		r.book = memory
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, emptyFeed) })
		time.Sleep(365 * 24 * time.Hour)
		r.open(false)
		r.run("today")
		r.close()
		back := 200 * 24 * time.Hour
		m, err := source.New(t.Context(), source.Options{
			Book: memory, Papers: r.papers, Settings: r.settings, Dial: r.net.dial, Now: func() time.Time { return time.Now().Add(-back) },
		})
		if err != nil {
			t.Fatal(err)
		}
		m.Start()
		defer m.Close()
		before := len(r.net.times("rss.example"))
		time.Sleep(3 * time.Hour)
		if got := len(r.net.times("rss.example")) - before; got < 2 {
			t.Errorf("asked %d times in three hours", got)
		}
	})
}

// A paused source does nothing, over restarts too, but when it is asked to.
func TestPause(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, plainLane()).open(true)
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, emptyFeed) })
		if _, err := r.m.Pause(t.Context(), "today", true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		r.close()
		r.open(true)
		defer r.close()
		time.Sleep(3 * time.Hour)
		s := r.status("today")
		if n := len(r.net.times("rss.example")); n != 0 || !strings.Contains(s.NextSentence(time.Now()), "paused since") {
			t.Errorf("asked %d times; %q", n, s.NextSentence(time.Now()))
		}
		r.run("today")
		if s := r.status("today"); s.State.Paused.IsZero() {
			t.Error("a run ended the pause")
		}
		if _, err := r.m.Pause(t.Context(), "today", false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		if n := len(r.net.times("rss.example")); n < 3 {
			t.Errorf("asked %d times after it was resumed", n)
		}
	})
}

// Settings that are read anew begin, change and end sources, and leave the others alone.
func TestConfigure(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, plainLane()).open(true)
		defer r.close()
		for _, host := range []string{"rss.example", "added.example", "new.example"} {
			r.net.handle(host, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, emptyFeed) })
		}
		if _, err := r.m.Create(t.Context(), source.Config{Name: "mine", Kind: source.Feed, URL: "http://added.example/feed"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		s := r.settings
		moved := plainLane()
		moved.URL = "http://new.example/feed"
		s.Sources = []source.Config{moved}
		s.Hosts = nil // what was made keeps its state, but may not be asked any more
		if err := r.m.Configure(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		old, added := len(r.net.times("rss.example")), len(r.net.times("added.example"))
		time.Sleep(3 * time.Hour)
		if len(r.net.times("rss.example")) != old || len(r.net.times("new.example")) < 3 || len(r.net.times("added.example")) != added || added < 3 {
			t.Errorf("old %d and %d, new %d, added %d and %d", old, len(r.net.times("rss.example")), len(r.net.times("new.example")), added, len(r.net.times("added.example")))
		}
		if s := r.status("mine"); !strings.Contains(s.ProblemSentence(), "source-hosts") {
			t.Errorf("%q", s.ProblemSentence())
		}
		s.Sources = []source.Config{{Name: "bad name", Kind: "x"}}
		if err := r.m.Configure(t.Context(), s); err == nil || len(r.m.List()) != 2 {
			t.Errorf("%v; %d sources", err, len(r.m.List()))
		}
	})
}

// All that is wrong with a source is said at once.
func TestParse(t *testing.T) {
	_, faults := source.Parse(map[string]string{"name": "A b", "kind": "oai", "url": "ftp://x", "overlap-days": "1", "window-days": "100000", "prefix": "marc", "sets": "a,a"})
	var fields []string
	for _, f := range faults {
		fields = append(fields, f.Field)
	}
	slices.Sort(fields)
	if got := strings.Join(fields, " "); got != "name overlap-days prefix sets url window-days" {
		t.Errorf("%v", faults)
	}
	_, faults = source.Parse(map[string]string{"every": "soon", "from": "2026-02-30", "max-body": "lots", "interval": "-3s"})
	if len(faults) != 4 {
		t.Errorf("%v", faults)
	}
	c, faults := source.Parse(map[string]string{"name": "a", "kind": "oai", "url": "https://oai.example/oai", "every": "4d", "max-body": "16MiB", "sets": "cs, math", "from": "2026-11-30"})
	if len(faults) > 0 || c.Every != 96*time.Hour || c.MaxBody != 16<<20 || len(c.Sets) != 2 || c.From.String() != "2026-11-30" {
		t.Errorf("%+v, %v", c, faults)
	}
}

// What could not be imported was not heard: it comes with the next try.
func TestImportFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, plainLane()).open(false)
		defer r.close()
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, announced(entry("2508.13426", "v1", "Word association", "As models decide."), `<entry><title></title></entry>`))
		})
		r.papers.broken = &paper.Error{Kind: paper.Exhausted, Message: "the queue is full"}
		if err := r.fails("today"); !strings.Contains(err.Error(), "the queue is full") {
			t.Error(err)
		}
		r.papers.broken = nil
		if run := r.run("today"); run.Counts.New != 1 || len(r.papers.ids()) != 1 {
			t.Errorf("%+v", run)
		}
		time.Sleep(25 * time.Hour)
		for range 3 { // one that is refused again and again is kept once
			r.run("today")
		}
		if refused, err := r.m.Refusals(t.Context(), "today", 100); err != nil || len(refused) != 1 {
			t.Errorf("%+v, %v", refused, err)
		}
		r.papers.broken = &paper.Error{Kind: paper.NotFound, Message: "there is no such collection"}
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, announced(entry("2508.13427", "v1", "Another", "One.")))
		})
		r.fails("today")
		if s := r.status("today"); s.State.Run != nil || !strings.Contains(s.LastSentence(), "no such collection") {
			t.Errorf("%q", s.LastSentence())
		}
	})
}
