package web_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// mapSite serves the sample corpus, and waits for its map.
func mapSite(t *testing.T) string {
	t.Helper()
	at := site(t, samplePapers(t)...)
	for deadline := time.Now().Add(5 * time.Minute); get(t, at+"/map/points").status != http.StatusOK; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("there is no map after five minutes")
		}
	}
	return at
}

// headOfMap is what stands before the bytes of the map.
type headOfMap struct {
	Tag                string
	Papers, Points     int
	Categories, Venues []string
	Clusters           []struct{ Name string }
}

// head reads it, and checks how many bytes follow.
func head(t *testing.T, body string) (h headOfMap) {
	t.Helper()
	size := int(binary.LittleEndian.Uint32([]byte(body)))
	if err := json.Unmarshal([]byte(body[4:4+size]), &h); err != nil {
		t.Fatal(err)
	}
	if want := 4 + size + h.Points + 4*h.Papers; len(body) != want {
		t.Errorf("the map has %d bytes, want %d", len(body), want)
	}
	return h
}

func TestMapAsList(t *testing.T) {
	at := mapSite(t)
	r := get(t, at+"/map")
	if r.status != http.StatusOK || strings.Contains(r.body, "being made") || strings.Count(r.body, "data-group") == 0 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	seen := 0
	for i := 0; ; i++ {
		page := get(t, fmt.Sprint(at, "/map?cluster=", i))
		if page.status == http.StatusNotFound {
			break
		}
		seen += strings.Count(page.body, "data-item")
		for next := page; strings.Contains(next.body, `rel="next"`); {
			next = get(t, at+next.link(t, "More of this group"))
			seen += strings.Count(next.body, "data-item")
		}
	}
	if n := len(samplePapers(t)); seen != n {
		t.Errorf("the groups list %d papers, there are %d", seen, n)
	}
}

func TestMapForScript(t *testing.T) {
	at := mapSite(t)
	r := get(t, at+"/map/points")
	h := head(t, r.body)
	if h.Papers != len(samplePapers(t)) || len(h.Clusters) == 0 || len(h.Categories) == 0 {
		t.Errorf("the map is %+v", h)
	}
	if again := get(t, at+"/map/points", "If-None-Match", r.header.Get("ETag")); again.status != http.StatusNotModified || again.body != "" {
		t.Errorf("the same map is sent again: %d, %d bytes", again.status, len(again.body))
	}
	var lines []struct {
		Number     int
		URL, Title string
	}
	papers := get(t, at+"/map/papers?n=0,5&tag="+h.Tag)
	if err := json.Unmarshal([]byte(papers.body), &lines); err != nil || len(lines) != 2 || lines[1].Number != 5 {
		t.Fatalf("papers: %s, %v", papers.body, err)
	}
	if page := get(t, at+lines[0].URL); page.status != http.StatusOK || !strings.Contains(page.body, "<h1") {
		t.Errorf("the paper's page: %d", page.status)
	}
	var found struct{ Numbers []int }
	for query, most := range map[string]int{"q=" + url.QueryEscape(lines[1].Title): h.Papers, "category=" + url.QueryEscape(h.Categories[0]): h.Papers - 1} {
		r := get(t, at+"/map/find?"+query)
		if err := json.Unmarshal([]byte(r.body), &found); err != nil || len(found.Numbers) == 0 || len(found.Numbers) > most {
			t.Errorf("%s: %d %s, %v", query, r.status, r.body, err)
		}
	}
	marked := get(t, at+"/map?category="+url.QueryEscape(h.Categories[0]))
	if !strings.Contains(marked.body, `data-find="category=`) {
		t.Error("a result is not marked")
	}
	for path, want := range map[string]int{
		"/map/papers?n=": 400, "/map/papers?n=x": 400, "/map/papers?n=-1": 400, "/map/papers?n=999999": 400, "/map/papers?n=0&tag=other": 409,
		"/map/papers?n=" + strings.Repeat("0,", 200) + "0": 400, "/map/find?filter=(": 400, "/map?cluster=x": 404, "/map?cluster=-1": 404, "/map/other": 404,
	} {
		if r := get(t, at+path); r.status != want {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

func TestMapOfNothing(t *testing.T) {
	at := site(t)
	for deadline := time.Now().Add(5 * time.Minute); get(t, at+"/map/points").status != http.StatusOK; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("there is no map after five minutes")
		}
	}
	if r := get(t, at+"/map"); r.status != http.StatusOK || !strings.Contains(r.body, "no papers here yet") {
		t.Errorf("%d %s", r.status, r.body)
	}
}
