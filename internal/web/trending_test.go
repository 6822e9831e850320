package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	nethtml "golang.org/x/net/html"

	akinv1 "akin/proto/akin/v1"
)

// daysAgo is a day before today, in UTC.
func daysAgo(n int) string { return time.Now().UTC().AddDate(0, 0, -n).Format(time.DateOnly) }

// signalled makes a paper with a signal.
func signalled(id, day, signal string, value float64) *akinv1.Paper {
	p := paperOf(id, "Paper "+id, "Text of "+id+".", day)
	p.Signals = map[string]float64{signal: value}
	return p
}

// links are where the elements with a value of an attribute lead.
func (r reply) links(name, value string) (out []string) {
	for _, n := range r.all(func(n *nethtml.Node) bool { got, _ := attribute(n, name); return n.Data == "a" && got == value }) {
		href, _ := attribute(n, "href")
		out = append(out, href)
	}
	return out
}

// why is what is said of each paper's place.
func (r reply) why() (out []string) {
	for _, n := range r.all(func(n *nethtml.Node) bool { got, _ := attribute(n, "class"); return got == "why" }) {
		out = append(out, textOf(n))
	}
	return out
}

// TestTrending: what gained most comes first and says what it gained, the newest follow.
func TestTrending(t *testing.T) {
	at := site(
		t, signalled("few", daysAgo(3), "upvotes", 4), signalled("many", daysAgo(3), "upvotes", 4_000), signalled("old", "1999-01-01", "github_stars", 9),
		paperOf("new", "Paper new", "Text.", daysAgo(1)), paperOf("newer", "Paper newer", "Text.", daysAgo(0)),
	)
	r := get(t, at+"/trending?window=week")
	if got := r.titles(); len(got) != 5 || got[0] != "Paper many" || got[1] != "Paper few" {
		t.Errorf("%q", got)
	}
	if got := r.why(); len(got) < 2 || got[0] != "+4,000 upvotes in 7 days" || got[1] != "+4 upvotes in 7 days" {
		t.Errorf("the reasons are %q", got)
	}
	if got := r.links("aria-current", "page"); !slices.Equal(got, []string{"/", "/trending?window=week"}) {
		t.Errorf("where the reader is: %q", got)
	}
	for _, path := range []string{"/trending", "/trending?window=nonsense"} {
		if got := get(t, at+path); !slices.Equal(got.titles(), r.titles()) || !strings.Contains(got.body, `rel="canonical" href="/trending?window=week"`) {
			t.Errorf("%s: %d %q", path, got.status, got.titles())
		}
	}
	// Of the signals, one can be chosen.
	stars := get(t, at+"/trending?window=month&signal=github_stars")
	if got := stars.why(); len(got) != 1 || got[0] != "+less than 0.1 github stars in 30 days" {
		t.Errorf("the reasons are %q", got)
	}
	if got := stars.titles(); len(got) != 5 || got[0] != "Paper old" || !strings.Contains(stars.body, "The newest of the others") || got[1] != "Paper newer" {
		t.Errorf("by stars: %q", got)
	}
	if got := stars.link(t, "Any signal"); got != "/trending?window=month" {
		t.Errorf("back to any signal: %q", got)
	}
	if got := get(t, at+stars.link(t, "today")); got.status != http.StatusOK || !strings.Contains(got.body, "<h1>Trending today</h1>") {
		t.Errorf("today: %d", got.status)
	}
	if again := get(t, at+"/trending?window=week", "If-None-Match", r.header.Get("ETag")); again.status != http.StatusNotModified {
		t.Errorf("the same list is sent again: %d", again.status)
	}
	if home := get(t, at+"/"); home.titles()[0] != "Paper newer" || home.link(t, "this month") != "/trending?window=month" {
		t.Errorf("the first page has %q", home.titles())
	}
}

// TestTrendingNothing: where no signal rose, the page says that it shows the newest.
func TestTrendingNothing(t *testing.T) {
	if r := get(t, site(t)+"/trending"); r.status != http.StatusOK || !strings.Contains(r.body, "no papers here yet") {
		t.Errorf("without papers: %d %s", r.status, r.body)
	}
	at := site(t, paperOf("a", "Older", "Text.", "2024-05-01"), paperOf("b", "Newer", "Text.", "2024-05-02"))
	for path, note := range map[string]string{
		"/trending?window=day":              "No signal rose in 24 hours. These are the newest papers instead.",
		"/trending?window=month&signal=%3C": "No paper&#39;s “&lt;” rose in 30 days.",
		"/trending?day=2024-05-02":          "to the end of Thursday, 2 May 2024",
	} {
		r := get(t, at+path)
		if r.status != http.StatusOK || !strings.Contains(r.body, note) || !slices.Equal(r.titles(), []string{"Newer", "Older"}) || len(r.why()) != 0 {
			t.Errorf("%s: %d %q %s", path, r.status, r.titles(), r.body)
		}
	}
	for _, day := range []string{"x", "2024", "2024-05", "2024-05-32", "2024-05-01%00"} {
		if r := get(t, at+"/trending?day="+day); r.status != http.StatusNotFound {
			t.Errorf("day %q is answered with %d", day, r.status)
		}
	}
}

// TestTrendingDay: a list of then leads to the days beside it, and to what was listed.
func TestTrendingDay(t *testing.T) {
	at := site(
		t, signalled("a", "2024-05-01", "upvotes", 90_000), signalled("b", "2024-05-03", "upvotes", 50_000),
		paperOf("m", "Month", "Text.", "2024-05"), paperOf("c", "Later", "Text.", "2024-06-03"),
	)
	r := get(t, at+"/trending?window=week&day=2024-05-03")
	if got := r.titles(); len(got) == 0 || got[0] != "Paper a" || slices.Contains(got, "Later") || !strings.Contains(r.body, "<h1>Trending in the week to Friday, 3 May 2024</h1>") {
		t.Errorf("%d %q", r.status, got)
	}
	if got := append(r.links("rel", "next"), r.links("rel", "prev")...); !slices.Equal(got, []string{"/trending?day=2024-06-03&window=week", "/trending?day=2024-05-01&window=week"}) {
		t.Errorf("the days beside are %q", got)
	}
	if got := r.link(t, "Listed"); got != "/day/2024-05-03" {
		t.Errorf("the papers of the day are at %q", got)
	}
	if got := get(t, at+"/day/2024-05-03").link(t, "that week"); got != "/trending?day=2024-05-03&window=week" {
		t.Errorf("what trended that week is at %q", got)
	}
	if got := get(t, at+"/trending").links("rel", "prev"); !slices.Equal(got, []string{"/trending?day=2024-06-03&window=week"}) {
		t.Errorf("from now, the day before is %q", got)
	}
}

// follow reads all pages of a list.
func follow(t *testing.T, at, path string) (titles []string, pages int) {
	t.Helper()
	for path != "" && pages < 20 {
		r := get(t, at+path)
		if r.status != http.StatusOK {
			t.Fatalf("%s: %d", path, r.status)
		}
		if !strings.Contains(r.body, `rel="canonical" href="`+strings.ReplaceAll(path, "&", "&amp;")) {
			t.Errorf("%s calls itself otherwise", path)
		}
		if len(r.titles()) > 40 {
			t.Errorf("%s has %d papers", path, len(r.titles()))
		}
		titles = append(titles, r.titles()...)
		if pages++; pages > 1 {
			r.link(t, "Back to the first page")
		}
		if !strings.Contains(r.body, ">More papers<") {
			return titles, pages
		}
		path = r.link(t, "More papers")
	}
	return titles, pages
}

// TestListPages: every page of a list has its own papers, and all are there.
func TestListPages(t *testing.T) {
	var papers []*akinv1.Paper
	for i := range 100 {
		day := "2024-05-02"
		if i >= 70 {
			day = fmt.Sprintf("2024-04-%02d", 100-i)
		}
		papers = append(papers, paperOf(fmt.Sprintf("p%03d", i), fmt.Sprintf("Paper %d", i), "Text.", day))
	}
	papers = append(papers, paperOf("q", "Of April", "Text.", "2024-04"), paperOf("r", "Of the year", "Text.", "2024"))
	at := site(t, papers...)
	var want []string
	for _, p := range papers {
		want = append(want, p.GetTitle())
	}
	for path, want := range map[string][]string{
		"/": want, "/day/2024": want, "/day/2024-05-02": want[:70], "/day/2024-04": want[70:101], "/trending?window=month": want,
	} {
		got, pages := follow(t, at, path)
		if !slices.Equal(got, want) || pages != (len(want)+39)/40 {
			t.Errorf("%s: %d papers on %d pages: %q", path, len(got), pages, got)
		}
	}
	r := get(t, at+"/")
	if !strings.Contains(r.body, `<a href="/day/2024-05-02">Thursday, 2 May 2024</a> <span class="n">70 papers</span>`) {
		t.Error("the day does not say how many papers it has")
	}
	if r := get(t, at+"/day/2024-04"); !strings.Contains(r.body, `<h2>April 2024, day not known <span class="n">1 paper</span></h2>`) {
		t.Error("papers of some day of April are not called so")
	}
	for _, path := range []string{"/?page=nonsense", "/day/2024?page=nonsense", "/day/2024-05-02?page=nonsense"} {
		r := get(t, at+path)
		if again := r.link(t, "Begin again"); r.status != http.StatusGone || strings.Contains(again, "page") || get(t, at+again).status != http.StatusOK {
			t.Errorf("%s: %d, again at %q", path, r.status, again)
		}
	}
}

// TestPaperDay: a paper says the day it stands under, also if only its import is known.
func TestPaperDay(t *testing.T) {
	undated := &akinv1.Paper{Id: "u", Title: "Undated", Abstract: "Text."}
	listed := signalled("l", "2017", "upvotes", 12)
	listed.ListedDates = append(listed.ListedDates, dateOf("2024-05-03"))
	at := site(t, undated, listed)
	if r := get(t, at+"/paper/u"); !strings.Contains(r.body, "First imported") {
		t.Error("the day of import is not said")
	}
	r := get(t, at+"/paper/l")
	if got := r.link(t, "Friday, 3 May 2024"); got != "/day/2024-05-03" || !strings.Contains(r.body, "upvotes") {
		t.Errorf("its day is at %q", got)
	}
	// When it was published is another day, that says so.
	if got := get(t, at+r.link(t, "2017")); !slices.Equal(got.titles(), []string{"Paper l"}) {
		t.Errorf("of 2017 are %q", got.titles())
	}
	if got := get(t, at+"/day/2017"); len(got.titles()) != 0 || !slices.Equal(get(t, at+got.link(t, "1 paper published then, listed later")).titles(), []string{"Paper l"}) {
		t.Errorf("in 2017 were listed %q", got.titles())
	}
	if home := get(t, at+"/"); !slices.Equal(home.titles(), []string{"Undated", "Paper l"}) {
		t.Errorf("the newest are %q", home.titles())
	}
}
