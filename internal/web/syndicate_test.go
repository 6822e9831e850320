package web_test

import (
	"encoding/json"
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"akin/internal/rpc/rpctest"
	"akin/internal/web"
	akinv1 "akin/proto/akin/v1"
)

// published is a site with an address of its own, behind the gateway that compresses.
func published(t *testing.T, papers ...*akinv1.Paper) (address string, s *rpctest.Server) {
	t.Helper()
	s = rpctest.Serve(t, rpctest.Options{})
	if _, err := s.Client.Papers.BatchUpsertPapers(t.Context(), &akinv1.BatchUpsertPapersRequest{Papers: papers}); err != nil {
		t.Fatal(err)
	}
	page, err := web.New(s.Conn, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	page.Publish("https://papers.example.org")
	server := httptest.NewServer(page)
	t.Cleanup(server.Close)
	return server.URL, s
}

type atomFeed struct {
	XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Links   []struct {
		Rel  string `xml:"rel,attr"`
		Href string `xml:"href,attr"`
	} `xml:"link"`
	Entries []struct {
		ID      string   `xml:"id"`
		Title   string   `xml:"title"`
		Updated string   `xml:"updated"`
		Authors []string `xml:"author>name"`
		Content string   `xml:"content"`
		Links   []struct {
			Href string `xml:"href,attr"`
		} `xml:"link"`
	} `xml:"entry"`
}

func readAtom(t *testing.T, r reply) (f atomFeed) {
	t.Helper()
	if r.status != http.StatusOK || !strings.HasPrefix(r.header.Get("Content-Type"), "application/atom+xml") {
		t.Fatalf("%d %s: %s", r.status, r.header.Get("Content-Type"), r.body)
	}
	if err := xml.Unmarshal([]byte(r.body), &f); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, e := range f.Entries {
		if _, err := time.Parse(time.RFC3339, e.Updated); err != nil || ids[e.ID] || !strings.HasPrefix(e.ID, "tag:papers.example.org,2026:paper/") {
			t.Errorf("%+v, %v", e, err)
		}
		ids[e.ID] = true
		for _, l := range e.Links {
			if u, err := url.Parse(l.Href); err != nil || !u.IsAbs() {
				t.Errorf("a link to %s", l.Href)
			}
		}
		if strings.Contains(e.Content, `href="/`) {
			t.Errorf("a relative address in %s", e.Content)
		}
	}
	if f.Links[0].Rel != "self" || !strings.HasPrefix(f.Links[0].Href, "https://papers.example.org/atom.xml") {
		t.Errorf("%+v", f.Links)
	}
	return f
}

func TestFeedsOfLists(t *testing.T) {
	papers := samplePapers(t)
	papers[3].Signals = map[string]float64{"stars": 5}
	papers[4].Title = "Odd \x0b <b>title</b> & $x<y$ \ufffe"
	papers[4].PublishDate = dateOf("2999-01-01")
	at, s := published(t, papers...)
	newest := readAtom(t, get(t, at+"/atom.xml"))
	if len(newest.Entries) == 0 || newest.Entries[0].Title != "Odd <b>title</b> & $x<y$" || len(newest.Entries[1].Authors) == 0 {
		t.Errorf("%+v", newest.Entries[:min(2, len(newest.Entries))])
	}
	if newest.ID != "tag:papers.example.org,2026:list/newest" {
		t.Error(newest.ID)
	}
	papers[3].Signals["stars"] = 9
	if _, err := s.Client.Papers.UpsertPaper(t.Context(), &akinv1.UpsertPaperRequest{Paper: papers[3]}); err != nil {
		t.Fatal(err)
	}
	trending := readAtom(t, get(t, at+"/atom.xml?window=week"))
	for _, e := range trending.Entries {
		if !strings.Contains(e.Content, "stars in 7 days") {
			t.Errorf("%s", e.Content)
		}
	}
	category := papers[0].GetCategories()[0]
	filtered := readAtom(t, get(t, at+"/atom.xml?"+url.Values{"category": {category}}.Encode()))
	if len(filtered.Entries) == 0 || len(filtered.Entries) >= len(papers) || !strings.Contains(filtered.Title, category) {
		t.Errorf("%d of %d in %q", len(filtered.Entries), len(papers), filtered.Title)
	}
	found := readAtom(t, get(t, at+"/atom.xml?q="+url.QueryEscape(papers[0].GetTitle())))
	if len(found.Entries) <= 20 || found.Entries[0].ID != "tag:papers.example.org,2026:paper/"+papers[0].GetId() {
		t.Errorf("%d entries, %+v", len(found.Entries), found.Entries[0])
	}
	like := readAtom(t, get(t, at+"/atom.xml?like="+url.QueryEscape(papers[0].GetId())))
	if len(like.Entries) == 0 || like.Entries[0].ID == found.Entries[0].ID {
		t.Errorf("%+v", like)
	}
	for _, bad := range []string{"/atom.xml?filter=" + url.QueryEscape("year >"), "/feed.json?like=none", "/atom.xml?window=day&day=soon"} {
		if r := get(t, at+bad); r.status < 400 || r.status >= 500 || !strings.Contains(r.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d", bad, r.status)
		}
	}
}

func TestJSONFeed(t *testing.T) {
	at, _ := published(t, samplePapers(t)...)
	r := get(t, at+"/feed.json?window=month")
	var f struct {
		Version string
		Self    string `json:"feed_url"`
		Items   []struct{ ID, URL string }
	}
	if err := json.Unmarshal([]byte(r.body), &f); err != nil || f.Version != "https://jsonfeed.org/version/1.1" || f.Self != "https://papers.example.org/feed.json?window=month" {
		t.Errorf("%+v, %v", f, err)
	}
	if !strings.HasPrefix(r.header.Get("Content-Type"), "application/feed+json") {
		t.Error(r.header)
	}
}

// A reader that has the feed is not sent it again, whichever it knows.
func TestFeedsAreNotSentAgain(t *testing.T) {
	at, s := published(t, samplePapers(t)...)
	for _, path := range []string{"/atom.xml", "/feed.json", "/atom.xml?q=graph"} {
		first := get(t, at+path)
		tag, modified := first.header.Get("ETag"), first.header.Get("Last-Modified")
		if tag == "" || modified == "" || !strings.HasPrefix(first.header.Get("Cache-Control"), "public") {
			t.Errorf("%s: %v", path, first.header)
		}
		for name, headers := range map[string][]string{
			"tag": {"If-None-Match", tag}, "time": {"If-Modified-Since", modified}, "both": {"If-None-Match", tag, "If-Modified-Since", modified},
			"strong tag": {"If-None-Match", strings.TrimPrefix(tag, "W/")},
		} {
			if r := get(t, at+path, headers...); r.status != http.StatusNotModified || r.body != "" {
				t.Errorf("%s, %s: %d", path, name, r.status)
			}
		}
		if r := get(t, at+path, "If-None-Match", `W/"other"`, "If-Modified-Since", modified); r.status != http.StatusOK {
			t.Errorf("%s: another tag: %d", path, r.status)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, at+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if r := do(t, req); r.status != http.StatusOK || r.body != "" || r.header.Get("ETag") != tag {
			t.Errorf("HEAD %s: %d %v", path, r.status, r.header)
		}
	}
	before := get(t, at+"/atom.xml").header.Get("ETag")
	if _, err := s.Client.Papers.UpsertPaper(t.Context(), &akinv1.UpsertPaperRequest{Paper: &akinv1.Paper{Id: "new", Title: "New", PublishDate: dateOf("2999-01-02")}}); err != nil {
		t.Fatal(err)
	}
	if r := get(t, at+"/atom.xml", "If-None-Match", before); r.status != http.StatusOK || !strings.Contains(r.body, "paper/new") {
		t.Errorf("a new paper: %d", r.status)
	}
}

func TestPagesNameTheirFeeds(t *testing.T) {
	at, _ := published(t, samplePapers(t)...)
	for page, feed := range map[string]string{
		"/": `href="/atom.xml"`, "/trending?window=day": `href="/atom.xml?window=day"`, "/search?q=graph&evidence=1": `href="/feed.json?q=graph"`,
	} {
		if r := get(t, at+page); !strings.Contains(r.body, `rel="alternate"`) || !strings.Contains(r.body, feed) {
			t.Errorf("%s does not name %s", page, feed)
		}
	}
	if r := get(t, at+"/search"); strings.Contains(r.body, `rel="alternate"`) {
		t.Error("a search for nothing has a feed")
	}
}

// Without the address at which people reach the server there are no feeds, which is said.
func TestFeedsNeedAnAddress(t *testing.T) {
	at := site(t, samplePapers(t)[0])
	if r := get(t, at+"/atom.xml"); r.status != http.StatusConflict || !strings.Contains(r.body, "--public-url") {
		t.Errorf("%d: %s", r.status, r.body)
	}
	if r := get(t, at+"/"); strings.Contains(r.body, `rel="alternate"`) {
		t.Error("a page names a feed that there is not")
	}
	if r := do(t, must(http.NewRequestWithContext(t.Context(), http.MethodPost, at+"/atom.xml", http.NoBody))); r.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", r.status)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A feed of somebody's own has an address that is enough to read it.
func TestOwnFeeds(t *testing.T) {
	s := rpctest.Serve(t, rpctest.Options{PublicURL: "https://papers.example.org"})
	page, err := web.New(s.Conn, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	page.Publish("https://papers.example.org")
	server := httptest.NewServer(page)
	defer server.Close()
	if _, err := s.Client.Feeds.CreateFeed(t.Context(), &akinv1.CreateFeedRequest{Feed: &akinv1.Feed{
		Name: "ada", DisplayName: "Ada <& friends>", Authors: []string{"Ada Lovelace"},
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client.Papers.UpsertPaper(t.Context(), &akinv1.UpsertPaperRequest{Paper: &akinv1.Paper{
		Id: "a", Title: "Notes", Authors: []*akinv1.Author{{Name: "Ada Lovelace"}, {Name: "Charles Babbage"}},
	}}); err != nil {
		t.Fatal(err)
	}
	at, err := s.Client.Syndication.GetFeedAddress(t.Context(), &akinv1.GetFeedAddressRequest{Feed: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	local := func(address string) string {
		return server.URL + strings.TrimPrefix(address, "https://papers.example.org")
	}
	var f atomFeed
	var last reply
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) { // until it is matched
		last = get(t, local(at.GetAtomUrl()))
		f = atomFeed{}
		if err := xml.Unmarshal([]byte(last.body), &f); err != nil {
			t.Fatalf("%v in %s", err, last.body)
		}
		if len(f.Entries) > 0 {
			break
		}
	}
	if len(f.Entries) != 1 || f.Title != "Ada <& friends> – akin" || len(f.Entries[0].Authors) != 2 || !strings.Contains(f.Entries[0].Content, "It is by Ada Lovelace") {
		t.Errorf("%+v", f)
	}
	if f.Links[0].Href != at.GetAtomUrl() || !strings.Contains(last.header.Get("Cache-Control"), "private") || last.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%+v, %v", f.Links, last.header)
	}
	if r := get(t, local(at.GetAtomUrl()), "If-None-Match", last.header.Get("ETag")); r.status != http.StatusNotModified {
		t.Errorf("%d", r.status)
	}
	if r := get(t, local(at.GetJsonUrl())); !json.Valid([]byte(r.body)) || !strings.Contains(r.body, at.GetJsonUrl()) {
		t.Errorf("%s", r.body)
	}
	all, err := s.Client.Syndication.GetFeedAddress(t.Context(), &akinv1.GetFeedAddressRequest{Feed: "-"})
	if err != nil {
		t.Fatal(err)
	}
	if r := get(t, local(all.GetOpmlUrl())); r.status != http.StatusOK || !strings.Contains(r.body, at.GetAtomUrl()) || !strings.Contains(r.body, "Ada &lt;&amp; friends&gt;") {
		t.Errorf("%d: %s", r.status, r.body)
	}
	for _, path := range []string{"/feeds/", "/feeds/x/atom.xml", "/feeds/" + at.GetToken(), "/feeds/" + at.GetToken() + "/../atom.xml", "/feeds/" + at.GetToken() + "/feeds.opml", "/feeds/" + all.GetToken() + "/atom.xml"} {
		if r := get(t, server.URL+path); r.status != http.StatusNotFound || strings.Contains(r.body, "Lovelace") {
			t.Errorf("%s: %d", path, r.status)
		}
	}
}
