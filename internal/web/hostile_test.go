package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	nethtml "golang.org/x/net/html"

	akinv1 "akin/proto/akin/v1"
)

// hostileTexts are texts that try to be something else.
func hostileTexts() []string {
	return []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</title><script>alert(1)</script>`, `' onmouseover='alert(1)`,
		`$\text{<script>alert(1)</script>}$`, `$\class{a" onmouseover="alert(1)}{x}$`, `$\href{javascript:alert(1)}{x}$`, `\(\color{red;background:url(http://e)}x\)`,
		`{{.}} {{template "page"}}`, `javascript:alert(1)`, `https://example.org/"><script>alert(1)</script>`, "\u202egnp.exe \u2066x", "a\u0000b\u0007c\u001b[31md",
		strings.Repeat("w", 3_000), strings.Repeat("$x", 500), strings.Repeat("<", 1_000), `<math><mtext><img src=x onerror=alert(1)></mtext></math>`,
		`&lt;script&gt;alert(1)&lt;/script&gt;`, `<!--<script>-->`, `]]><script>alert(1)</script>`, `<a href="javascript:alert(1)">x</a>`, `<style>*{display:none}</style>`,
		`<svg onload=alert(1)>`, `<base href="//example.org">`, `<meta http-equiv=refresh content="0;url=//example.org">`, `http://[::1`, `https://github.com/<script>/x`,
	}
}

// hostilePapers have them everywhere.
func hostilePapers() (out []*akinv1.Paper) {
	for i, text := range hostileTexts() {
		held := strings.Map(func(r rune) rune { // an id has no control characters
			if r < ' ' {
				return -1
			}
			return r
		}, text)
		id := held[:min(len(held), 200)]
		out = append(out, &akinv1.Paper{
			Id: id, Title: text, Abstract: text + " graph networks " + strings.Repeat(text, 3), Authors: []*akinv1.Author{{Name: text}},
			Categories: []string{held}, Venue: text, PublishDate: dateOf([]string{"2024-01-01", "2024-01", "2024"}[i%3]), Doi: text, ArxivId: held[:min(len(held), 60)],
			Urls: []string{"javascript:alert(1)//" + held, "data:text/html," + held, "https://example.org/?" + url.QueryEscape(held)}, Language: "en",
			Metadata: map[string]string{"note": text}, Signals: map[string]float64{"upvotes": float64(i)},
		})
	}
	long := paperOf("long", "A long word", strings.Repeat("w", 64<<10), "2024-01-01")
	endless := paperOf("🦋/مرحبا بالعالم/%2F..", strings.Repeat("Title without end ", 200), strings.Repeat(`$\frac{\frac{a}{b}}{\sqrt{x_{y_{z}}}}$ and $\norm{\norm{\norm{x}}}$ `, 700), "2024-01-01")
	for i := range 300 {
		endless.Authors = append(endless.Authors, &akinv1.Author{Name: fmt.Sprintf("Author %d von und zu Langenname", i)})
	}
	other := paperOf("rtl", "\u200fمرحبا بالعالم (abc) \u202d123", "שלום עולם "+strings.Repeat("Z\u0335\u0336\u0337\u0338", 300), "2024-01-01")
	other.Language = "ar"
	return append(out, long, endless, other)
}

// assertHarmless finds nothing in a page that runs, loads from elsewhere, or leads to
// where only programs go.
func assertHarmless(t *testing.T, r reply) {
	t.Helper()
	scripts := 0
	for _, n := range r.all(func(*nethtml.Node) bool { return true }) {
		switch n.Data {
		case "script":
			if scripts++; textOf(n) != "" {
				t.Errorf("a script within the page: %s", textOf(n))
			}
		case "style", "iframe", "object", "embed", "img", "base", "image", "foreignobject", "annotation-xml", "mglyph":
			t.Errorf("an element %s", n.Data)
		}
		for _, a := range n.Attr {
			value := strings.ToLower(strings.TrimSpace(a.Val))
			switch {
			case strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" || a.Key == "http-equiv":
				t.Errorf("%s has an attribute %s=%q", n.Data, a.Key, a.Val)
			case a.Key == "src" && !strings.HasPrefix(value, "/assets/"):
				t.Errorf("%s loads %q", n.Data, a.Val)
			case a.Key == "action":
				if address, err := url.Parse(a.Val); err != nil || address.Host != "" || !strings.HasPrefix(a.Val, "/") {
					t.Errorf("a form goes to %q", a.Val)
				}
			case a.Key == "href" && n.Data != "link":
				assertAddress(t, a.Val)
			}
		}
	}
	if scripts > 1 {
		t.Errorf("%d scripts", scripts)
	}
}

func assertAddress(t *testing.T, href string) {
	t.Helper()
	u, err := url.Parse(href)
	switch {
	case err != nil:
		t.Errorf("the address %q: %v", href, err)
	case u.Scheme == "" && u.Host == "" && (strings.HasPrefix(href, "/") || strings.HasPrefix(href, "#")):
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
	default:
		t.Errorf("a link leads to %q", href)
	}
}

func TestHostileCorpus(t *testing.T) {
	at := site(t, hostilePapers()...)
	paths := []string{"/", "/day/2024", "/trending", "/search?q=graph+networks&evidence=1", "/search?q=graph&mode=words&versions=apart", "/status", "/search?filter=year=2024"}
	for _, text := range hostileTexts() {
		if strings.ContainsRune(text, 0) {
			continue
		}
		paths = append(paths, "/search?"+url.Values{"q": {text}, "category": {text}, "not-author": {text}}.Encode(), "/search?"+url.Values{"filter": {text}}.Encode(), "/trending?"+url.Values{"signal": {text}, "window": {text}}.Encode())
	}
	listed := get(t, at+"/day/2024")
	for _, n := range listed.all(func(n *nethtml.Node) bool { _, ok := attribute(n, "data-open"); return ok }) {
		href, _ := attribute(n, "href")
		paths = append(paths, browserPath(t, href))
	}
	if len(paths) < 40 {
		t.Fatalf("only %d pages", len(paths))
	}
	for _, path := range paths {
		r := get(t, at+path)
		if r.status >= 500 {
			t.Errorf("%.80s: %d %.300s", path, r.status, r.body)
		}
		if strings.ContainsAny(textOf(r.tree), "\u202e\u2066\x00\x07\x1b") {
			t.Errorf("%.80s has characters that are not seen", path)
		}
		assertHarmless(t, r)
	}
}
