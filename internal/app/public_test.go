package app

import (
	"strings"
	"testing"
)

func TestPublicURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://papers.example.org":       "https://papers.example.org",
		"https://Papers.Example.org/":      "https://papers.example.org",
		"https://papers.example.org/akin/": "https://papers.example.org/akin",
		"https://papers.example.org:8443":  "https://papers.example.org:8443",
		"http://127.0.0.1:7412":            "http://127.0.0.1:7412",
		"http://[::1]:7412/":               "http://[::1]:7412",
		"http://localhost:7412":            "http://localhost:7412",
		"https://xn--bcher-kva.example":    "https://xn--bcher-kva.example",
	} {
		if got, err := checkPublicURL(text); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
		if c, err := (Config{PublicURL: text}).withDefaults(); err != nil || c.PublicURL != want {
			t.Errorf("%s: %q, %v", text, c.PublicURL, err)
		}
	}
	for _, text := range []string{
		"papers.example.org", "//papers.example.org", "http://papers.example.org", "ftp://papers.example.org", "https://", "https:papers.example.org",
		"https://papers.example.org?", "https://papers.example.org/?a=b", "https://papers.example.org/#x", "https://papers.example.org/#",
		"https://user@papers.example.org", "https://papers.example.org:", "https://papers.example.org:0", "https://papers.example.org:99999",
		"https://papers.example.org/a/../b", "https://papers.example.org//b", "https://papers.example.org/a b", "https://bücher.example",
		"https://papers.example.org/\r\nBcc: x", "javascript:alert(1)", "https://" + strings.Repeat("a", 300), "http://127.0.0.1.example.org",
	} {
		if got, err := checkPublicURL(text); err == nil {
			t.Errorf("%q was taken as %q", text, got)
		}
		if _, err := (Config{PublicURL: text}).withDefaults(); err == nil || len(FaultsOf(err)) != 1 {
			t.Errorf("%q: %v", text, err)
		}
	}
	c := Config{PublicURL: "https://papers.example.org:8443", HTTPHosts: []string{"other.example.org"}}
	if got := strings.Join(c.httpHosts(), " "); got != "other.example.org papers.example.org" {
		t.Errorf("hosts %s", got)
	}
}
