package hop_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"akin/internal/source/hop"
)

func TestNext(t *testing.T) {
	for _, c := range []struct{ from, location, want string }{
		{"http://a.example/oai", "/other?x=1#f", "http://a.example/other?x=1"},
		{"http://a.example/oai", "https://a.example/oai", "https://a.example/oai"},
		{"http://a.example:8080/oai", "https://a.example/oai", "https://a.example/oai"},
		{"https://a.example/oai", "//A.example./oai", "https://A.example./oai"},
		{"https://[2001:db8::1]/oai", "https://[2001:DB8::1]/x", "https://[2001:DB8::1]/x"},
		{"https://a.example/oai", "http://a.example/oai", ""},
		{"http://a.example/oai", "http://b.example/oai", ""},
		{"http://a.example/oai", "//b.example/oai", ""},
		{"http://a.example/oai", "http://a.example:22/oai", ""},
		{"http://a.example/oai", "https://a.example:8443/oai", ""},
		{"http://a.example/oai", "http://me:secret@a.example/oai", ""},
		{"http://a.example/oai", "file:///etc/passwd", ""},
		{"http://a.example/oai", "gopher://a.example/", ""},
		{"http://a.example/oai", "http://169.254.169.254/latest/meta-data", ""},
		{"http://a.example/oai", "http://a.example@169.254.169.254/", ""},
		{"http://a.example/oai", `http:\\b.example`, ""},
		{"http://a.example/oai", "http://a.example\x00.b.example/", ""},
	} {
		from, err := url.Parse(c.from)
		if err != nil {
			t.Fatal(err)
		}
		to, err := hop.Next(from, c.location)
		var refused *hop.Error
		switch {
		case c.want == "" && (!errors.As(err, &refused) || refused.Host != from.Host || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s to %q: %v, %v", c.from, c.location, to, err)
		case c.want != "" && (err != nil || to.String() != c.want):
			t.Errorf("%s to %q: %v, %v; want %s", c.from, c.location, to, err, c.want)
		}
	}
}

func TestPolicy(t *testing.T) {
	var via []*http.Request
	next, err := http.NewRequest(http.MethodGet, "http://a.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= hop.Most; n++ {
		via = append(via, next)
		if err := hop.Policy(next, via); err != nil {
			t.Errorf("redirect %d: %v", n, err)
		}
	}
	if err := hop.Policy(next, append(via, next)); err == nil || !strings.Contains(err.Error(), "more than 5 times") {
		t.Errorf("one more: %v", err)
	}
}
