package web_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"akin/internal/rpc/rpctest"
	akinv1 "akin/proto/akin/v1"
)

// TestHostileUploads: no file does more than be refused, or found to be none.
func TestHostileUploads(t *testing.T) {
	at := site(t, samplePapers(t)...)
	var zipped, gzipped bytes.Buffer
	z := zip.NewWriter(&zipped)
	f, err := z.Create("refs.bib")
	if err != nil {
		t.Fatal(err)
	}
	f.Write(bytes.Repeat([]byte{' '}, 64<<20))
	z.Close()
	g := gzip.NewWriter(&gzipped)
	g.Write(bytes.Repeat([]byte{'@'}, 64<<20))
	g.Close()
	for name, content := range map[string]string{
		"a zip bomb": zipped.String(), "a gzip bomb": gzipped.String(), "braces": "@article{a, title = " + strings.Repeat("{", 1<<20),
		"closed braces":     "@article{a, title = {" + strings.Repeat("{", 100_000) + strings.Repeat("}", 100_000) + "}}",
		"a macro of itself": "@string{a = a # a}\n@article{b, title = a # a # a}", "an endless entry": "@article{" + strings.Repeat("x", 4<<20-20),
		"crossrefs in a ring": "@book{a, crossref={b}, title={x}}\n@book{b, crossref={a}, title={y}}", "many": strings.Repeat("@misc{a,title={x}}\n", 19_000),
		"too many": strings.Repeat("@misc{a,title={x}}\n", 21_000), "deep JSON": strings.Repeat("[", 100_000), "deep closed JSON": strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000),
		"a JSON of numbers": `[{"title": 1e999999, "DOI": {"a": []}, "author": 7}]`, "RIS without an end": strings.Repeat("TY  - JOUR\nTI  - x\n", 5_000),
		"ids": strings.Repeat("10.1/x\n", 20_001), "nothing but zeroes": strings.Repeat("\x00", 1<<20), "UTF-16": "\xff\xfe@\x00a\x00", "markup": `<script>alert(1)</script>`,
		"markup in an entry": `@article{<svg onload=alert(1)>, title={<img src=x onerror=alert(1)>}, doi={javascript:alert(1)}}`,
	} {
		r := upload(t, at+"/library/reading/import", content)
		if r.status >= http.StatusInternalServerError || r.body == "" {
			t.Errorf("%s: %d %.200s", name, r.status, r.body)
		}
		assertHarmless(t, r)
	}
	for name, r := range map[string]reply{
		"no file":        post(t, at+"/library/reading/import", url.Values{"file": {"x"}}),
		"no boundary":    post(t, at+"/library/reading/import", nil, "Content-Type", "multipart/form-data"),
		"JSON":           post(t, at+"/mark", nil, "Content-Type", "application/json"),
		"many fields":    post(t, at+"/mark", url.Values{"id": make([]string, 100_000), "do": {"like"}}),
		"many papers":    post(t, at+"/mark", url.Values{"id": make([]string, 1_001), "do": {"like"}}),
		"broken escapes": post(t, at+"/mark?do=%zz", nil),
	} {
		if r.status < 400 || r.status >= http.StatusInternalServerError {
			t.Errorf("%s: %d", name, r.status)
		}
	}
}

// TestHostileNotes: notes and tags are text, whatever they are.
func TestHostileNotes(t *testing.T) {
	at := site(t, samplePapers(t)...)
	post(t, at+"/mark", url.Values{"id": {attention}, "do": {"like"}})
	for _, text := range append(hostileTexts(), "👩‍👩‍👧‍👦 🏳️‍🌈", "e\u0301", "\u200b\u200d", "مرحبا", strings.Repeat("é", 2_048)) {
		tag := strings.ReplaceAll(text, ",", "")
		r := post(t, at+"/library/reading/note", url.Values{"id": {attention}, "note": {text}, "tags": {tag}})
		if r.status != http.StatusSeeOther && r.status != http.StatusBadRequest {
			t.Errorf("%.40q: %d", text, r.status)
		}
		for _, path := range []string{"/library/reading", "/library/reading?tag=" + url.QueryEscape(tag), "/library/reading?text=" + url.QueryEscape(tag)} {
			page := get(t, at+path)
			if page.status != http.StatusOK && page.status != http.StatusBadRequest {
				t.Errorf("%.60q: %d", path, page.status)
			}
			assertHarmless(t, page)
		}
	}
	post(t, at+"/library/reading/note", url.Values{"id": {attention}, "tags": {"👩‍👩‍👧‍👦, ünïcode , 👩‍👩‍👧‍👦"}})
	r := get(t, at+"/library/reading")
	if got := get(t, at+r.link(t, "👩‍👩‍👧‍👦")).titles(); len(got) != 1 {
		t.Errorf("by an emoji: %q", got)
	}
}

// TestLargeLibrary: ten thousand entries come in pages, each once, whatever the order.
func TestLargeLibrary(t *testing.T) {
	s := rpctest.Serve(t, rpctest.Options{})
	put(t, s, samplePapers(t)...)
	at := over(t, s.Conn)
	for from := 0; from < 10_000; from += 1_000 {
		req := &akinv1.SetEntriesRequest{Library: "reading", CreateLibrary: true, AllowMissing: true}
		for i := range 1_000 {
			req.Entries = append(req.Entries, &akinv1.Entry{PaperId: fmt.Sprintf("p%05d", from+i), Tags: []string{fmt.Sprintf("t%d", i%40)}})
		}
		if _, err := s.Client.Libraries.SetEntries(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	for _, order := range []string{"", "?sort=title"} {
		seen, path := map[string]bool{}, "/library/reading"+order
		for range 3 {
			r := get(t, at+path)
			titles := r.titles()
			if r.status != http.StatusOK || len(titles) != 25 {
				t.Fatalf("%s: %d, %d papers", path, r.status, len(titles))
			}
			for _, title := range titles {
				if seen[title] {
					t.Errorf("%s stands twice", title)
				}
				seen[title] = true
			}
			if path = r.link(t, "More"); len(r.body) > 200_000 {
				t.Errorf("a page of %d bytes", len(r.body))
			}
		}
	}
	if r := get(t, at+"/library/reading?tag=t7&text=p00047"); len(r.titles()) != 1 {
		t.Errorf("within ten thousand: %q", r.titles())
	}
}
