package source_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"akin/internal/source"
)

// repository speaks OAI-PMH as arXiv's does: its tokens are a query and an offset, so
// that its lists shift when a record changes meanwhile.
type repository struct {
	mu       sync.Mutex
	records  []record
	pageSize int
	noSize   bool // does not tell how long lists are
	clock    func() time.Time
	// before answers a request in its own way, if it says so.
	before func(w http.ResponseWriter, r *http.Request) bool
	asked  []string
}

type record struct {
	id      string
	day     time.Time
	deleted bool
	title   string
}

func (o *repository) put(id string, day time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.records = slices.DeleteFunc(o.records, func(r record) bool { return r.id == id })
	o.records = append(o.records, record{id: id, day: day, title: "Paper " + id})
}

func (o *repository) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	o.mu.Lock()
	before := o.before
	o.asked = append(o.asked, req.URL.RawQuery)
	o.mu.Unlock()
	if before != nil && before(w, req) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>%s</responseDate>`, o.clock().UTC().Format(time.RFC3339))
	defer fmt.Fprint(w, `</OAI-PMH>`)
	q := req.URL.Query()
	from, until, at := q.Get("from"), q.Get("until"), 0
	if token := q.Get("resumptionToken"); token != "" {
		parts := strings.Split(token, "|")
		if len(parts) != 4 || parts[3] != o.clock().UTC().Format(time.DateOnly) {
			fmt.Fprint(w, `<error code="badResumptionToken">expired</error>`)
			return
		}
		from, until = parts[0], parts[1]
		at, _ = strconv.Atoi(parts[2])
	}
	var found []record
	for _, r := range o.records {
		if day := r.day.UTC().Format(time.DateOnly); day >= from && day <= until {
			found = append(found, r)
		}
	}
	if at >= len(found) {
		fmt.Fprint(w, `<error code="noRecordsMatch">none</error>`)
		return
	}
	fmt.Fprint(w, `<ListRecords>`)
	end := min(at+o.pageSize, len(found))
	for _, r := range found[at:end] {
		fmt.Fprint(w, r.xml())
	}
	size := fmt.Sprintf(` completeListSize="%d"`, len(found))
	if o.noSize {
		size = ""
	}
	if end < len(found) {
		fmt.Fprintf(w, `<resumptionToken%s>%s|%s|%d|%s</resumptionToken>`, size, from, until, end, o.clock().UTC().Format(time.DateOnly))
	} else if at > 0 {
		fmt.Fprintf(w, `<resumptionToken%s/>`, size)
	}
	fmt.Fprint(w, `</ListRecords>`)
}

func (r *record) xml() string {
	status, body := "", ""
	if r.deleted {
		status = ` status="deleted"`
	} else {
		body = fmt.Sprintf(`<metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>%s</id><created>%s</created><authors><author><keyname>Person</keyname><forenames>A.</forenames></author></authors><title>%s</title><categories>cs.CL</categories><abstract>About it.</abstract></arXiv></metadata>`,
			r.id, r.day.Format(time.DateOnly), r.title)
	}
	return fmt.Sprintf(`<record><header%s><identifier>oai:arXiv.org:%s</identifier><datestamp>%s</datestamp></header>%s</record>`, status, r.id, r.day.UTC().Format(time.DateOnly), body)
}

func newRepository() *repository { return &repository{pageSize: 4, clock: time.Now} }

// fill puts papers on each of some days before now.
func (o *repository) fill(days, perDay int) (ids []string) {
	n := len(o.records)
	for d := days - 1; d >= 0; d-- {
		for range perDay {
			id := fmt.Sprintf("2601.%05d", n)
			o.put(id, time.Now().AddDate(0, 0, -d))
			ids = append(ids, "arXiv:"+id)
			n++
		}
	}
	return ids
}

func ledger() source.Config {
	return source.Config{Name: "ledger", Kind: source.OAI, URL: "http://oai.example/oai"}
}

func wantIDs(t *testing.T, r *rig, want []string) {
	t.Helper()
	slices.Sort(want)
	if got := r.papers.ids(); !slices.Equal(got, want) {
		t.Errorf("%d papers: %v; want %d: %v", len(got), got, len(want), want)
	}
}

// A month of days, in lists of many pages, comes whole; the next run asks for the last
// days once more, and finds them known.
func TestHarvest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		repo, c := newRepository(), ledger()
		c.From, _ = source.ParseDay(time.Now().AddDate(0, 0, -30).Format(time.DateOnly))
		r := newRig(t, c).open(false)
		defer r.close()
		r.net.handle("oai.example", repo.ServeHTTP)
		want := repo.fill(30, 3)
		run := r.run("ledger")
		wantIDs(t, r, want)
		if run.Outcome != source.Brought || run.Counts.New != 90 || run.Requests < 23 {
			t.Errorf("%+v", run)
		}
		again := r.run("ledger")
		if again.Counts.New != 0 || again.Counts.Known != 9 || again.Outcome != source.Quiet || again.Message != "nothing new: all 9 were known" {
			t.Errorf("%+v", again)
		}
		times := r.net.times("oai.example")
		for i := 1; i < len(times); i++ {
			if gap := times[i].Sub(times[i-1]); gap < 3*time.Second {
				t.Errorf("request %d came %v after the one before", i, gap)
			}
		}
	})
}

// What moves while its list is read comes all the same.
func TestOffsetShift(t *testing.T) {
	for _, noSize := range []bool{false, true} {
		inBubble(t, func(t *testing.T) {
			repo := newRepository()
			repo.noSize = noSize
			r := newRig(t, ledger()).open(false)
			defer r.close()
			want := repo.fill(2, 8)
			n := 0
			repo.before = func(http.ResponseWriter, *http.Request) bool {
				if n++; n == 2 { // between two pages, the first record changes: all behind it shift
					repo.put(strings.TrimPrefix(want[0], "arXiv:"), time.Now())
				}
				return false
			}
			r.net.handle("oai.example", repo.ServeHTTP)
			r.run("ledger")
			if noSize { // the repository gives no hint: the overlap finds it
				time.Sleep(24 * time.Hour)
				r.run("ledger")
			}
			wantIDs(t, r, want)
		})
	}
}

// Trouble of all kinds interrupts a run and loses nothing; errors come with status 200.
func TestOAITrouble(t *testing.T) {
	const fine = 0
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   string
		lasts  bool
	}{
		"429": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "900")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "429", false},
		"503 with a date": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		}, "503", false},
		"500":           {func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }, "500", false},
		"HTML with 200": {func(w http.ResponseWriter) { fmt.Fprint(w, "<!DOCTYPE html><html><body>Maintenance</body></html>") }, "Maintenance", false},
		"cut":           {func(w http.ResponseWriter) { fmt.Fprint(w, `<OAI-PMH><ListRecords><record><header><identi`) }, "a page that is none", false},
		"nothing":       {func(http.ResponseWriter) {}, "a page that is none", false},
		"error with 200": {func(w http.ResponseWriter) {
			fmt.Fprint(w, `<OAI-PMH><error code="noSetHierarchy">no</error></OAI-PMH>`)
		}, "noSetHierarchy", true},
		"404":              {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, "is http://oai.example/oai", true},
		"said to be gzip":  {func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "gzip"); fmt.Fprint(w, "no") }, "is not", false},
		"another encoding": {func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "br"); fmt.Fprint(w, "no") }, "br", false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				repo := newRepository()
				r := newRig(t, ledger()).open(true)
				defer r.close()
				want := repo.fill(5, 4)
				n := fine
				repo.before = func(w http.ResponseWriter, _ *http.Request) bool {
					if n++; n == 3 {
						c.answer(w)
						return true
					}
					return false
				}
				r.net.handle("oai.example", repo.ServeHTTP)
				for len(r.net.times("oai.example")) < 3 {
					time.Sleep(time.Second)
				}
				time.Sleep(time.Second)
				s := r.status("ledger")
				problem := s.ProblemSentence()
				if !strings.Contains(problem, c.want) || (s.State.Run == nil) != c.lasts {
					t.Errorf("problem %q, run %+v, next %q", problem, s.State.Run, s.NextSentence(time.Now()))
				}
				if got := len(r.papers.ids()); got != 8 {
					t.Errorf("%d papers after two pages", got)
				}
				time.Sleep(13 * time.Hour)
				wantIDs(t, r, want)
				if s := r.status("ledger"); s.ProblemSentence() != "" || s.State.Failures != 0 || s.State.Error != "" {
					t.Errorf("still %q", s.ProblemSentence())
				}
			})
		})
	}
}

// What a repository may send without an end is cut, or refused: its words, its tokens, and
// records that are no papers.
func TestHostileRepository(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct{ answer, want string }{
		"an error": {`<OAI-PMH><error code="badArgument">` + long + `</error></OAI-PMH>`, "the repository answered with the error badArgument: xxx"},
		"a token": {
			`<OAI-PMH><ListRecords><record/><resumptionToken>` + long + `</resumptionToken></ListRecords></OAI-PMH>`,
			"the resumption token has 1048576 bytes; the limit is 16384",
		},
	} {
		inBubble(t, func(t *testing.T) {
			r := newRig(t, ledger()).open(true)
			defer r.close()
			r.net.handle("oai.example", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.answer) })
			for len(r.net.times("oai.example")) < 1 {
				time.Sleep(time.Second)
			}
			time.Sleep(time.Second)
			s := r.status("ledger")
			if problem := s.ProblemSentence(); !strings.Contains(problem, c.want) || len(problem) > 8<<10 {
				t.Errorf("%s: %d bytes: %.400s", name, len(problem), problem)
			}
		})
	}
	inBubble(t, func(t *testing.T) {
		var page strings.Builder
		page.WriteString(`<OAI-PMH><ListRecords>`)
		const records = 20_000
		for i := range records {
			fmt.Fprintf(&page, `<record>%d</record>`, i)
		}
		page.WriteString(`</ListRecords></OAI-PMH>`)
		r := newRig(t, ledger()).open(false)
		defer r.close()
		r.net.handle("oai.example", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page.String()) })
		run := r.run("ledger")
		refused, err := r.m.Refusals(t.Context(), "ledger", records)
		if err != nil || run.Counts.Refused < records || len(refused) > source.MaxRefusals {
			t.Errorf("%d are kept of %+v, %v", len(refused), run.Counts, err)
		}
	})
}

// A token that the repository forgot begins the list anew, half as long.
func TestExpiredToken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		repo := newRepository()
		r := newRig(t, ledger()).open(false)
		defer r.close()
		want := repo.fill(4, 4)
		n := 0
		repo.before = func(w http.ResponseWriter, _ *http.Request) bool {
			if n++; n == 3 {
				fmt.Fprint(w, `<OAI-PMH><error code="badResumptionToken">forgotten</error></OAI-PMH>`)
				return true
			}
			return false
		}
		r.net.handle("oai.example", repo.ServeHTTP)
		r.run("ledger")
		wantIDs(t, r, want)
	})
}

// Records that are taken back are removed; one that is no paper costs itself and is kept
// to look at.
func TestDeletedAndRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		repo := newRepository()
		r := newRig(t, ledger()).open(false)
		defer r.close()
		r.net.handle("oai.example", repo.ServeHTTP)
		want := repo.fill(1, 6)
		repo.records[1].title = "" // neither title nor id of its own: its abstract makes one up
		r.run("ledger")
		repo.mu.Lock()
		repo.records[0].deleted = true
		repo.records = append(repo.records, record{id: "not an id \x00", day: time.Now(), title: "x\x00"})
		repo.mu.Unlock()
		run := r.run("ledger")
		if run.Counts.Removed != 1 || slices.Contains(r.papers.ids(), want[0]) {
			t.Errorf("%+v", run)
		}
		refused, err := r.m.Refusals(t.Context(), "ledger", 10)
		if err != nil || uint64(len(refused)) != run.Counts.Refused {
			t.Errorf("%d refusals are kept of %+v, %v", len(refused), run.Counts, err)
		}
	})
}

// A clock that was ahead for a while leaves no gap.
func TestClockAhead(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		repo := newRepository()
		ahead := time.Duration(0)
		repo.clock = func() time.Time { return time.Now().Add(-ahead) }
		r := newRig(t, ledger()).open(false)
		defer r.close()
		r.net.handle("oai.example", repo.ServeHTTP)
		ahead = 20 * 24 * time.Hour // the repository's clock is right: this machine's is 20 days ahead
		repo.put("2601.00001", repo.clock())
		r.run("ledger")
		s := r.status("ledger")
		if through := s.Through(); through > source.DayOf(repo.clock()) {
			t.Errorf("done through %v; the repository is at %v", through, repo.clock())
		}
	})
}

// A list without end is given up, and said.
func TestEndlessList(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		repo := newRepository()
		r := newRig(t, ledger()).open(false)
		defer r.close()
		r.net.handle("oai.example", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `<OAI-PMH><ListRecords>%s<resumptionToken>same</resumptionToken></ListRecords></OAI-PMH>`, (&record{id: "2601.00001", day: time.Now(), title: "x"}).xml())
		})
		if err := r.fails("ledger"); !strings.Contains(err.Error(), "same resumption token") {
			t.Error(err)
		}
		_ = repo
	})
}
