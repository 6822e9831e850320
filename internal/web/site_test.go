package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	nethtml "golang.org/x/net/html"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"akin/internal/rpc/rpctest"
	akinv1 "akin/proto/akin/v1"
)

// paperOf makes a paper for tests.
func paperOf(id, title, abstract, day string) *akinv1.Paper {
	return &akinv1.Paper{Id: id, Title: title, Abstract: abstract, PublishDate: dateOf(day), Categories: []string{"cs.CL"}, Venue: "ACL"}
}

func TestEmptyCollection(t *testing.T) {
	at := site(t)
	for _, path := range []string{"/", "/trending", "/search", "/search?q=x", "/status", "/help", "/day/2024-05-01", "/search?category=cs.CL"} {
		if r := get(t, at+path); r.status != http.StatusOK || !strings.Contains(r.body, "<h1") {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if r := get(t, at+"/"); !strings.Contains(r.body, "no papers here yet") {
		t.Errorf("an empty collection is not called so: %s", r.body)
	}
}

// TestDays: papers are listed by day, and every day leads to those beside it.
func TestDays(t *testing.T) {
	listed := paperOf("c", "Listed late", "Of old.", "1999-01-01")
	listed.ListedDates = append(listed.ListedDates, dateOf("2024-05-03"))
	at := site(
		t, paperOf("a", "First", "Some text.", "2024-05-01"), paperOf("b", "Second", "More text.", "2024-05-02"), listed,
		paperOf("d", "Month alone", "Text.", "2024-04"), paperOf("e", "Year alone", "Text.", "2019"), paperOf("f", "Long ago", "Text.", "1905-11-25"),
	)
	r := get(t, at+"/")
	if want := []string{"Listed late", "Second", "First", "Month alone", "Year alone", "Long ago"}; !slices.Equal(r.titles(), want) {
		t.Errorf("the newest are %q, want %q", r.titles(), want)
	}
	for day, want := range map[string]struct{ titles, newer, older string }{
		"2024-05-02": {"Second", "/day/2024-05-03", "/day/2024-05-01"},
		"2024-05-03": {"Listed late", "", "/day/2024-05-02"},
		"2024-05":    {"Listed late|Second|First", "", "/day/2024-04"},
		"2024":       {"Listed late|Second|First|Month alone", "", "/day/2019"},
		"1905-11-25": {"Long ago", "/day/2019", ""},
		"2030-01-01": {"", "", "/day/2024-05-03"},
	} {
		r := get(t, at+"/day/"+day)
		if got := strings.Join(r.titles(), "|"); r.status != http.StatusOK || got != want.titles {
			t.Errorf("%s: %d %q, want %q", day, r.status, got, want.titles)
		}
		for rel, want := range map[string]string{"next": want.newer, "prev": want.older} {
			got := ""
			for _, n := range r.all(func(n *nethtml.Node) bool { value, _ := attribute(n, "rel"); return value == rel }) {
				got, _ = attribute(n, "href")
			}
			if got != want {
				t.Errorf("%s: %s is %q, want %q", day, rel, got, want)
			}
		}
	}
	for _, day := range []string{"x", "", "2024-13", "2024-05-32", "0000", "2024-05-01/2"} {
		if r := get(t, at+"/day/"+day); r.status != http.StatusNotFound {
			t.Errorf("day %q is answered with %d", day, r.status)
		}
	}
}

// TestManyPapers: a day with very many papers is counted, and shown a page at a time.
func TestManyPapers(t *testing.T) {
	s := rpctest.Serve(t, rpctest.Options{})
	for batch := range 2 {
		var papers []*akinv1.Paper
		for i := range 600 {
			papers = append(papers, paperOf(fmt.Sprintf("p%d-%d", batch, i), fmt.Sprintf("Paper %d of batch %d", i, batch), "Text.", "2024-05-01"))
		}
		if _, err := s.Client.Papers.BatchUpsertPapers(t.Context(), &akinv1.BatchUpsertPapersRequest{Papers: papers}); err != nil {
			t.Fatal(err)
		}
	}
	at := over(t, s.Conn)
	if r := get(t, at+"/"); len(r.titles()) != 40 || !strings.Contains(r.body, "1,200 papers in the collection") {
		t.Errorf("the first page shows %d papers", len(r.titles()))
	}
	r := get(t, at+"/day/2024-05-01")
	if len(r.titles()) != 40 || !strings.Contains(r.body, "1,200 papers") || len(get(t, at+r.link(t, "More papers")).titles()) != 40 {
		t.Errorf("the day shows %d papers", len(r.titles()))
	}
}

func TestSearch(t *testing.T) {
	at := site(t, samplePapers(t)...)
	r := get(t, at+"/search?q=graph+attention+networks&mode=words&evidence=1")
	if titles := r.titles(); r.status != http.StatusOK || len(titles) < 5 || titles[0] != "Graph Attention Networks" {
		t.Fatalf("%d %q", r.status, titles)
	}
	if !strings.Contains(r.body, "<mark>Graph</mark>") || !strings.Contains(r.body, "<mark>graphs</mark>") || !strings.Contains(r.body, `<blockquote class="evidence">`) {
		t.Error("words are not marked, or there is no evidence")
	}
	if len(get(t, at+r.link(t, "More results")).titles()) == 0 {
		t.Error("the next page is empty")
	}
	// Facets take and exclude, and say that they do.
	cl := get(t, at+r.link(t, "cs.CL"))
	if cl.status != http.StatusOK || len(cl.titles()) == 0 || !strings.Contains(cl.body, "Subject: cs.CL") {
		t.Errorf("taken: %d %q", cl.status, cl.titles())
	}
	not := get(t, at+r.link(t, "Exclude cs.LG"))
	if slices.Contains(not.titles(), "Graph Attention Networks") || len(not.titles()) == 0 {
		t.Errorf("excluded: %q", not.titles())
	}
	// By date, the years do not rise.
	dated := get(t, at+"/search?q=networks&sort=date")
	last := 9999
	for _, n := range dated.all(func(n *nethtml.Node) bool { return n.Data == "time" }) {
		value, _ := attribute(n, "datetime")
		var year int
		if fmt.Sscanf(value, "%4d", &year); year > last {
			t.Errorf("%d comes after %d", year, last)
		}
		last = year
	}
}

// TestBox: what names a paper leads to it; a whole abstract gives papers like it.
func TestBox(t *testing.T) {
	at := site(t, samplePapers(t)...)
	for text, want := range map[string]string{
		"1706.03762": "/paper/arXiv:1706.03762", "arXiv:1706.03762v2": "/paper/arXiv:1706.03762",
		"https://arxiv.org/pdf/1706.03762v1.pdf": "/paper/arXiv:1706.03762", "https://huggingface.co/papers/1706.03762": "/paper/arXiv:1706.03762",
		"arXiv:1706.03762v7 [cs.CL]": "/paper/arXiv:1706.03762", "arxiv: 1706.03762.": "/paper/arXiv:1706.03762", "arxiv.org/abs/1706.03762": "/paper/arXiv:1706.03762",
		"<https://www.alphaxiv.org/abs/1706.03762>": "/paper/arXiv:1706.03762", "https://arxiv.org/abs/1706.03762?context=cs#x": "/paper/arXiv:1706.03762",
		"2999.99999": "", "attention": "", "https://example.org/1706.03762": "", "//example.org": "", "10.1234/nothing": "",
	} {
		r := get(t, at+"/search?"+url.Values{"q": {text}}.Encode())
		if got := r.header.Get("Location"); got != want || want == "" && r.status != http.StatusOK {
			t.Errorf("%q leads to %q (%d), want %q", text, got, r.status, want)
		}
	}
	for _, p := range samplePapers(t) {
		if p.GetDoi() == "" {
			continue
		}
		for _, text := range []string{p.GetDoi(), "doi: " + p.GetDoi() + ".", "https://doi.org/" + p.GetDoi(), "DOI:" + strings.ToUpper(p.GetDoi()), "https://publisher.example.org/doi/abs/" + p.GetDoi() + "?x=1"} {
			r := get(t, at+"/search?"+url.Values{"q": {text}}.Encode())
			if r.status != http.StatusSeeOther || !strings.HasPrefix(r.header.Get("Location"), "/paper") {
				t.Errorf("%q leads to %q (%d)", text, r.header.Get("Location"), r.status)
			}
		}
	}
	if r := get(t, at+"/search?part=main&q=1706.03762"); len(r.titles()) != 1 || !strings.Contains(r.body, "Enter opens it") {
		t.Errorf("typing an id shows %q", r.titles())
	}
	years := get(t, at+"/search?q=networks&since=2016&until=2017&category=cs.LG")
	for _, n := range years.all(func(n *nethtml.Node) bool { return n.Data == "time" }) {
		if day, _ := attribute(n, "datetime"); day[:4] != "2016" && day[:4] != "2017" {
			t.Errorf("a paper of %s is left", day)
		}
	}
	if len(years.titles()) == 0 || strings.Contains(years.link(t, "From 2016"), "since") || !strings.Contains(years.link(t, "From 2016"), "until=2017") {
		t.Errorf("years: %q, lifted by %s", years.titles(), years.link(t, "From 2016"))
	}
	abstract := samplePapers(t)[0].GetAbstract()
	if r := get(t, at+"/search?"+url.Values{"q": {abstract}}.Encode()); !strings.Contains(r.body, "Papers like the text you pasted") || len(r.titles()) == 0 {
		t.Errorf("an abstract gives %q", r.titles())
	}
	r := get(t, at+"/search?author=Ilya+Sutskever")
	if len(r.titles()) != 6 || !strings.Contains(r.body, "6 papers, the newest first") {
		t.Errorf("an author has %q", r.titles())
	}
	if r := get(t, at+"/search?like=arXiv:1706.03762"); r.status != http.StatusOK || slices.Contains(r.titles(), "Attention is All you Need") || len(r.titles()) == 0 {
		t.Errorf("more like a paper: %d %q", r.status, r.titles())
	}
}

// TestThinList: a list that is short says why, and its links lift just that.
func TestThinList(t *testing.T) {
	at := site(t, samplePapers(t)...)
	r := get(t, at+"/search?q=attention&mode=words&category=cs.CL&year=1901")
	if len(r.titles()) != 0 || !strings.Contains(r.body, "Nothing here") {
		t.Fatalf("%q", r.titles())
	}
	lifted, err := url.Parse(r.link(t, "Without “Year: 1901”"))
	if err != nil {
		t.Fatal(err)
	}
	if v := lifted.Query(); v.Get("year") != "" || v.Get("category") != "cs.CL" || v.Get("q") != "attention" || v.Get("mode") != "words" {
		t.Errorf("the link lifts more than the year: %s", lifted)
	}
	if len(get(t, at+lifted.String()).titles()) == 0 {
		t.Error("without the year there is still nothing")
	}
	r = get(t, at+"/search?mode=words&q=%22attention+zebra%22")
	if len(r.titles()) == 0 {
		t.Error("a phrase that no paper has leaves nothing")
	}
	r = get(t, at+r.link(t, "Insist on it"))
	if len(r.titles()) != 0 {
		t.Errorf("who insists on a phrase finds %q", r.titles())
	}
	if without := r.link(t, "Without the quotation marks"); strings.Contains(without, "%22") {
		t.Errorf("the quotation marks are still there: %s", without)
	}
	r = get(t, at+"/search?mode=words&q=zzzqqq")
	if !strings.Contains(r.link(t, "Search by meaning"), "mode=meaning") {
		t.Error("nothing leads to a search by meaning")
	}
	r = get(t, at+"/search?year=1901&category=cs.CL")
	if len(get(t, at+r.link(t, "Without “Year: 1901”")).titles()) == 0 {
		t.Error("a filter without papers cannot be lifted")
	}
}

func TestBadFilter(t *testing.T) {
	at := site(t, samplePapers(t)[:20]...)
	for _, more := range []string{"", "&category=cs.CL", "&q=attention", "&q=attention&category=cs.CL"} {
		r := get(t, at+"/search?filter=year+%3E%3D+soon"+more)
		if r.status != http.StatusBadRequest || !strings.Contains(r.body, "column 9") {
			t.Errorf("%q: %d, without the place: %s", more, r.status, r.body)
		}
	}
}

func TestPaper(t *testing.T) {
	p := paperOf("arXiv:2401.00001", `Bounds of $O(n^2)$ and \(\unknowncommand{x}\)`, "It costs $5 to $6. See https://github.com/akin/code. It is $x < y$.", "2024-01-02")
	p.Authors = []*akinv1.Author{{Name: `Ada "Countess" Lovelace`}}
	p.ArxivId, p.Doi, p.Language = "2401.00001", "10.1000/abc<def>", "en"
	p.Urls = []string{"https://example.org/a", "javascript:alert(1)", "data:text/html,x", "ftp://example.org", "//example.org", "https://user@example.org"}
	p.Signals, p.Metadata = map[string]float64{"upvotes": 12}, map[string]string{"license": "CC BY", "site": "javascript:alert(2)"}
	later := paperOf("later", "Later bounds", "It is $x < y$ in more cases.", "2025-01-01")
	at := site(t, p, later, paperOf("earlier", "Earlier bounds", "It costs more.", "2020-01-01"))
	r := get(t, at+"/paper/arXiv:2401.00001")
	if r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	for _, want := range []string{
		"<math", "<code class=\"tex\">", "$5 to $6", "https://github.com/akin/code", "https://arxiv.org/abs/2401.00001", "https://example.org/a",
		"upvotes", "CC BY", "What came after", "Later bounds", "What came before", "Earlier bounds", `lang="en"`,
	} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	assertHarmless(t, r)
	author := get(t, at+r.link(t, "Lovelace"))
	if len(author.titles()) != 1 {
		t.Errorf("the author's papers are %q", author.titles())
	}
	if r := get(t, at+"/paper/2401.00001"); r.header.Get("Location") != "/paper/arXiv:2401.00001" {
		t.Errorf("a name of the paper leads to %q", r.header.Get("Location"))
	}
	if r := get(t, at+"/paper/nothing"); r.status != http.StatusNotFound || !strings.Contains(r.body, `name="q"`) {
		t.Errorf("an unknown paper is answered with %d", r.status)
	}
}

// TestIds: every id has a page, and links lead there.
func TestIds(t *testing.T) {
	ids := []string{
		"10.1000/182", "a b", "100%", "a%2Fb", "a/b/c", "..", "../x", "a/../b", "./a", "//a", "a//b", "/a", "a/", "?x=1", "#x", "a;b", "a+b", "ä/ö", "日本",
		`"><script>alert(1)</script>`, "a&b=c", `\`, "a:b", "http://example.org/x", "status", "a?b#c", "%00", "a'b", "\u202eabc",
	}
	var papers []*akinv1.Paper
	for i, id := range ids {
		papers = append(papers, paperOf(id, fmt.Sprintf("Paper number %d of a kind", i), "Words of a kind.", "2024-01-01"))
	}
	at := site(t, papers...)
	r := get(t, at+"/day/2024-01-01")
	links := r.all(func(n *nethtml.Node) bool { _, ok := attribute(n, "data-open"); return ok })
	if len(links) != len(ids) {
		t.Fatalf("%d of %d papers are listed", len(links), len(ids))
	}
	for _, n := range links {
		href, _ := attribute(n, "href")
		page := get(t, at+browserPath(t, href))
		if page.status != http.StatusOK || !strings.Contains(page.body, textOf(n)) {
			t.Errorf("%s: %d, want the page of %q", href, page.status, textOf(n))
		}
		assertHarmless(t, page)
	}
}

// browserPath is what a browser makes of a link: it takes dots out of paths, also
// written with percent signs.
func browserPath(t *testing.T, href string) string {
	t.Helper()
	if !strings.HasPrefix(href, "/") || strings.HasPrefix(href, "//") {
		t.Fatalf("%q is no path of this site", href)
	}
	path, _, _ := strings.Cut(href, "?")
	for part := range strings.SplitSeq(strings.ReplaceAll(strings.ToLower(path), "%2e", "."), "/") {
		if part == "." || part == ".." {
			t.Fatalf("a browser makes something else of %q", href)
		}
	}
	return href
}

// failing is a connection on which every call fails.
type failing struct{ err error }

func (f failing) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return f.err }

func (f failing) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, f.err
}

func TestFailures(t *testing.T) {
	busy, err := status.New(codes.ResourceExhausted, "too many calls").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		err    error
		status int
		retry  string
	}{
		{busy.Err(), 503, "2"},
		{status.Error(codes.Unavailable, "gone"), 503, "1"},
		{status.Error(codes.Unauthenticated, "no key"), 401, ""},
		{status.Error(codes.PermissionDenied, "not yours"), 403, ""},
		{status.Error(codes.DeadlineExceeded, "late"), 504, ""},
		{status.Error(codes.Internal, "<b>broken</b>"), 500, ""},
		{status.Error(codes.NotFound, "none"), 404, ""},
	} {
		at := over(t, failing{c.err})
		for _, path := range []string{"/", "/search?q=x", "/paper/x", "/status", "/day/2024", "/trending?window=day", "/search?q=1706.03762"} {
			r := get(t, at+path)
			if path == "/search?q=1706.03762" && c.status == 404 {
				continue // then it is searched for
			}
			if r.status != c.status || r.header.Get("Retry-After") != c.retry || !strings.Contains(r.body, "<h1>") || strings.Contains(r.body, "<b>") {
				t.Errorf("%v at %s: %d, Retry-After %q: %s", c.err, path, r.status, r.header.Get("Retry-After"), r.body)
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	at := site(t, samplePapers(t)[:10]...)
	for _, path := range []string{"/", "/nope", "/search?q=x", "/robots.txt", "/opensearch.xml", "/favicon.ico"} {
		r := get(t, at+path)
		if !strings.Contains(r.header.Get("Content-Security-Policy"), "default-src 'none'") || r.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, r.header)
		}
	}
	r := get(t, at+"/")
	if again := get(t, at+"/", "If-None-Match", r.header.Get("ETag")); again.status != http.StatusNotModified || again.body != "" {
		t.Errorf("the same page is sent again: %d", again.status)
	}
	for _, n := range r.all(func(n *nethtml.Node) bool { return n.Data == "script" || n.Data == "link" }) {
		address, _ := attribute(n, "src")
		if address == "" {
			address, _ = attribute(n, "href")
		}
		a := get(t, at+address)
		if a.status != http.StatusOK || strings.HasPrefix(address, "/assets/") && !strings.Contains(a.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %s", address, a.status, a.header.Get("Cache-Control"))
		}
	}
	if r := get(t, at+"/opensearch.xml"); !strings.Contains(r.body, at+"/search?q={searchTerms}") {
		t.Error(r.body)
	}
}

func TestBounds(t *testing.T) {
	at := site(t, samplePapers(t)[:10]...)
	long := strings.Repeat("word ", 30_000)
	for path, want := range map[string]int{
		"/search?q=" + strings.Repeat("x", 70_000):        http.StatusOK,
		"/search?q=" + url.QueryEscape(long):              http.StatusRequestURITooLong,
		"/search?q=%ff":                                   http.StatusBadRequest,
		"/paper/%ff":                                      http.StatusBadRequest,
		"/paper/" + strings.Repeat("x", 5_000):            http.StatusBadRequest,
		"/search?page=nonsense&q=x":                       http.StatusGone,
		"/search?" + strings.Repeat("category=x&", 5_000): http.StatusOK,
		"/search?year=x&min=9&mode=no&sort=no&q=x":        http.StatusOK,
		"/search?q=+++":                                   http.StatusOK,
	} {
		if r := get(t, at+path); r.status != want {
			t.Errorf("%.60s: %d, want %d: %.300s", path, r.status, want, r.body)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at+"/", strings.NewReader("a=b"))
	if err != nil {
		t.Fatal(err)
	}
	if r := do(t, req, "Sec-Fetch-Site", "cross-site"); r.status != http.StatusForbidden {
		t.Errorf("a form of another site is answered with %d", r.status)
	}
}
