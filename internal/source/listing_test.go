package source_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"akin/internal/source"
)

func daily() source.Config {
	return source.Config{Name: "daily", Kind: source.Listing, URL: "http://daily.example/api?date={date}"}
}

func dailyPaper(id string, upvotes int) string {
	return fmt.Sprintf(`{"paper":{"id":"%s","title":"Paper %s","summary":"About it.","upvotes":%d,"publishedAt":"1999-12-20T00:00:00.000Z"}}`, id, id, upvotes)
}

// Each day has its page; days that were missed come after an outage, and signals change
// as they are.
func TestListing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, daily()).open(true)
		defer r.close()
		asked := make(map[string]int)
		upvotes := 1
		r.net.handle("daily.example", func(w http.ResponseWriter, req *http.Request) {
			day := req.URL.Query().Get("date")
			asked[day]++
			at, err := time.Parse(time.DateOnly, day)
			switch {
			case err != nil || at.After(time.Now()):
				http.Error(w, `{"error":"bad date"}`, http.StatusBadRequest)
			case at.Weekday() == time.Sunday:
				fmt.Fprint(w, "[]")
			default:
				fmt.Fprintf(w, "[%s]", dailyPaper(fmt.Sprintf("2601.%05d", at.YearDay()+at.Year()%100*400), upvotes))
			}
		})
		time.Sleep(3 * 24 * time.Hour)
		r.net.setDown(true)
		time.Sleep(6 * 24 * time.Hour)
		r.net.sync()
		if s := r.status("daily"); s.State.Failures == 0 || !strings.Contains(s.NextSentence(time.Now()), "tried again") {
			t.Errorf("while it is down: %q", s.NextSentence(time.Now()))
		}
		r.net.setDown(false)
		upvotes = 7
		r.net.sync()
		time.Sleep(24 * time.Hour)
		r.net.sync()
		for day := time.Date(1999, 12, 25, 0, 0, 0, 0, time.UTC); day.Before(time.Now()); day = day.AddDate(0, 0, 1) {
			if asked[day.Format(time.DateOnly)] == 0 {
				t.Errorf("%v was never asked for", day.Format(time.DateOnly))
			}
		}
		today := time.Now().UTC().Add(-time.Hour)
		p := r.papers.get(fmt.Sprintf("arXiv:2601.%05d", today.YearDay()+today.Year()%100*400))
		if p.Signals["upvotes"] != 7 || len(p.ListedDates) != 1 || p.ListedDates[0].Day != today.Day() {
			t.Errorf("%+v", p)
		}
	})
}

// Pages of a day end with an empty one, or with one that comes again.
func TestPages(t *testing.T) {
	for name, last := range map[string]string{"empty": "[]", "again": ""} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				c := daily()
				c.URL += "&p={page}"
				c.From = source.DayOf(time.Now())
				r := newRig(t, c).open(false)
				defer r.close()
				r.net.handle("daily.example", func(w http.ResponseWriter, req *http.Request) {
					page := req.URL.Query().Get("p")
					if page >= "3" {
						if last != "" {
							fmt.Fprint(w, last)
							return
						}
						page = "2"
					}
					fmt.Fprintf(w, "[%s]", dailyPaper("2601.0000"+page, 1))
				})
				if run := r.run("daily"); run.Counts.New != 3 || run.Requests != 4 {
					t.Errorf("%+v", run)
				}
			})
		})
	}
}

// A page that is none is trouble; one bad paper costs itself.
func TestListingTrouble(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, daily()).open(false)
		defer r.close()
		body := "<html><body>Bad gateway</body></html>"
		r.net.handle("daily.example", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		if err := r.fails("daily"); !strings.Contains(err.Error(), "does not read") {
			t.Error(err)
		}
		body = "[" + dailyPaper("2601.00001", 1) + `,{"paper":{"id":"x"}},` + dailyPaper("2601.00002", 1) + "]"
		run := r.run("daily")
		if run.Counts.New != 2 || run.Counts.Refused == 0 {
			t.Errorf("%+v", run)
		}
	})
}

// A source that has no page for any day has moved.
func TestListingGone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, daily()).open(false)
		defer r.close()
		r.net.handle("daily.example", http.NotFound)
		if err := r.fails("daily"); !strings.Contains(err.Error(), "no page for any of the last 8 days") {
			t.Error(err)
		}
	})
}
