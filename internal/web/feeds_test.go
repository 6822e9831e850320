package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"akin/internal/rpc/rpctest"
	akinv1 "akin/proto/akin/v1"
)

// TestFeedOfTheReader: a search leads to a preview, the preview to a feed, new papers to
// the feed's page, and what is deleted can be made again from the form.
func TestFeedOfTheReader(t *testing.T) {
	s := rpctest.Serve(t, rpctest.Options{})
	put(t, s, samplePapers(t)...)
	at := over(t, s.Conn)
	follow := get(t, at+"/search?q=graph+neural+networks&category=cs.LG").link(t, "Follow")
	preview := get(t, at+follow)
	if preview.status != http.StatusOK || !strings.Contains(preview.body, "category = (cs.LG)") && !strings.Contains(preview.body, "cs.LG") {
		t.Fatalf("%s: %d %s", follow, preview.status, preview.body)
	}
	for _, width := range []string{"Strict", "Broad"} {
		if r := get(t, at+preview.link(t, width)); r.status != http.StatusOK {
			t.Errorf("%s: %d", width, r.status)
		}
	}
	form := url.Values{"text": {"graph neural networks"}, "label": {"Graphs & “nets”"}, "breadth": {"broad"}}
	made := post(t, at+"/feeds", form)
	where, _, _ := strings.Cut(made.header.Get("Location"), "?")
	if made.status != http.StatusSeeOther || where != "/feed/graphs-nets" {
		t.Fatalf("%d to %q", made.status, where)
	}
	if again := post(t, at+"/feeds", form); !strings.HasPrefix(again.header.Get("Location"), "/feed/graphs-nets-2?") {
		t.Errorf("the same again leads to %q", again.header.Get("Location"))
	}
	put(t, s, &akinv1.Paper{Id: "new", Title: "Graph neural networks of graphs", Abstract: "We train graph neural networks on graphs, and graph neural networks again."})
	var shown reply
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) { // it is matched when it is matched
		if shown = get(t, at+where); len(shown.titles()) > 0 {
			break
		}
	}
	if titles := shown.titles(); len(titles) != 1 || titles[0] != "Graph neural networks of graphs" || !strings.Contains(shown.body, "nearer than") {
		t.Fatalf("%q %s", titles, shown.body)
	}
	if list := get(t, at+"/feeds"); !strings.Contains(list.body, "1 paper so far") || !strings.Contains(list.body, "Graphs &amp; “nets”") {
		t.Error("the list of feeds does not have it: " + list.body)
	}
	if r := post(t, at+where+"/edit", url.Values{"label": {"Graphs"}, "breadth": {"strict"}, "max": {"5"}}); r.status != http.StatusSeeOther || !strings.Contains(get(t, at+where).body, `value="5"`) {
		t.Errorf("editing it: %d %s", r.status, r.body)
	}
	gone := post(t, at+where+"/delete", url.Values{})
	back := get(t, at+gone.header.Get("Location"))
	if gone.status != http.StatusSeeOther || !strings.Contains(back.body, ">graph neural networks</textarea>") || get(t, at+where).status != http.StatusNotFound {
		t.Errorf("deleting it: %d to %q", gone.status, gone.header.Get("Location"))
	}
}

// TestFeedFaults: what cannot be a feed is said, with what was typed.
func TestFeedFaults(t *testing.T) {
	at := site(t, samplePapers(t)...)
	for path, want := range map[string]int{
		"/follow?text=a&filter=year+%3E+soon":          http.StatusBadRequest,
		"/follow?text=%00":                             http.StatusSeeOther,
		"/follow":                                      http.StatusSeeOther,
		"/follow?text=<script>alert(1)</script>":       http.StatusOK,
		"/follow?paper=nothing":                        http.StatusNotFound,
		"/follow?library=nothing":                      http.StatusNotFound,
		"/follow?author=" + strings.Repeat("x", 4_000): http.StatusBadRequest,
		"/feed/nothing":                                http.StatusNotFound,
		"/feed/..%2f..%2fetc":                          http.StatusBadRequest,
		"/feeds?text=" + strings.Repeat("x", 20_000):   http.StatusOK,
	} {
		r := get(t, at+path)
		if r.status != want || strings.Contains(r.body, "<script>alert") {
			t.Errorf("%.60s: %d, want %d", path, r.status, want)
		}
	}
	wrong := post(t, at+"/feeds", url.Values{"text": {"a"}, "filter": {"year >"}})
	if wrong.status != http.StatusBadRequest || !strings.Contains(wrong.body, "year &gt;") || !strings.Contains(wrong.body, `role="alert"`) {
		t.Errorf("%d %s", wrong.status, wrong.body)
	}
	if r := post(t, at+"/feeds", url.Values{"text": {"a"}, "max": {"many"}}); r.status != http.StatusBadRequest {
		t.Errorf("max=many: %d", r.status)
	}
	if r := do(t, foreign(t, at+"/feeds"), "Sec-Fetch-Site", "cross-site"); r.status != http.StatusForbidden {
		t.Errorf("a form of another site: %d", r.status)
	}
}

// foreign is a form that another site sends.
func foreign(t *testing.T, address string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("text=x"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

// TestFeedsWithoutMail: a server that sends no mail says why, and still has feeds.
func TestFeedsWithoutMail(t *testing.T) {
	at := site(t, samplePapers(t)...)
	r := get(t, at+"/feeds?text=attention")
	if r.status != http.StatusOK || !strings.Contains(r.body, "By mail") || strings.Contains(r.body, `action="/digests"`) || !strings.Contains(r.body, ">attention</textarea>") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := get(t, at+"/digests/none"); r.status < 400 {
		t.Errorf("a digest that is not there: %d", r.status)
	}
}
