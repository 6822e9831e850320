package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"akin/internal/rpc/rpctest"
)

// keyedSite serves a page whose server knows the key "good".
func keyedSite(t *testing.T) (at string, revoked *bool) {
	t.Helper()
	s := rpctest.Serve(t, rpctest.Options{})
	revoked = new(bool)
	return over(t, keyed{s.Conn, revoked}), revoked
}

// cookieOf is the cookie that an answer sets, as a browser sends it back.
func cookieOf(t *testing.T, r reply) string {
	t.Helper()
	cookie, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	if cookie == "" {
		t.Fatalf("%d sets no cookie", r.status)
	}
	return cookie
}

// TestAttempts: wrong keys are bounded, and a right one costs nothing.
func TestAttempts(t *testing.T) {
	at, _ := keyedSite(t)
	for range 20 {
		if r := post(t, at+"/sign-in", url.Values{"key": {"good"}}); r.status != http.StatusSeeOther {
			t.Fatalf("a right key: %d", r.status)
		}
	}
	for n := range 10 {
		if r := post(t, at+"/sign-in", url.Values{"key": {"bad" + strconv.Itoa(n)}}); r.status != http.StatusForbidden {
			t.Fatalf("wrong key %d: %d", n, r.status)
		}
	}
	r := post(t, at+"/sign-in", url.Values{"key": {"good"}, "back": {"/library"}})
	seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
	if r.status != http.StatusTooManyRequests || err != nil || seconds < 1 || seconds > 6 || !strings.Contains(r.body, `value="/library"`) {
		t.Errorf("after ten wrong keys: %d, Retry-After %q", r.status, r.header.Get("Retry-After"))
	}
	if r.header.Get("Set-Cookie") != "" {
		t.Error("a key is taken though too many were tried")
	}
}

// TestSessionIsNotFixed: an id that somebody else put into the browser is never a
// session, and signing in twice ends the session before.
func TestSessionIsNotFixed(t *testing.T) {
	at, _ := keyedSite(t)
	planted := "akin_session=" + strings.Repeat("A", 26)
	in := post(t, at+"/sign-in", url.Values{"key": {"good"}}, "Cookie", planted)
	first := cookieOf(t, in)
	if first == planted {
		t.Fatal("the planted id is the session")
	}
	if r := get(t, at+"/library", "Cookie", planted); r.status != http.StatusUnauthorized {
		t.Errorf("the planted id: %d", r.status)
	}
	second := cookieOf(t, post(t, at+"/sign-in", url.Values{"key": {"good"}}, "Cookie", first))
	if r := get(t, at+"/library", "Cookie", first); r.status != http.StatusUnauthorized {
		t.Errorf("the session before: %d", r.status)
	}
	// Another browser has a session of its own, which this one's end leaves alone.
	other := cookieOf(t, post(t, at+"/sign-in", url.Values{"key": {"good"}}))
	post(t, at+"/sign-out", nil, "Cookie", second)
	if r := get(t, at+"/library", "Cookie", other); r.status != http.StatusOK {
		t.Errorf("the other browser: %d", r.status)
	}
}

// TestManySessions: a key has so many sessions, and never drives out those of others.
func TestManySessions(t *testing.T) {
	at, _ := keyedSite(t)
	first := cookieOf(t, post(t, at+"/sign-in", url.Values{"key": {"good"}}))
	last := ""
	for range 50 {
		last = cookieOf(t, post(t, at+"/sign-in", url.Values{"key": {"good"}}))
	}
	if r := get(t, at+"/library", "Cookie", first); r.status != http.StatusUnauthorized {
		t.Errorf("the first of 51 sessions: %d", r.status)
	}
	if r := get(t, at+"/library", "Cookie", last); r.status != http.StatusOK {
		t.Errorf("the last: %d", r.status)
	}
}

// TestCookieOverTLS: over TLS a cookie is of this host alone, and never sent without.
func TestCookieOverTLS(t *testing.T) {
	at, _ := keyedSite(t)
	r := post(t, at+"/sign-in", url.Values{"key": {"good"}}, "X-Forwarded-Proto", "https")
	all := r.header.Get("Set-Cookie")
	for _, want := range []string{"__Host-akin_session=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q lacks %s", all, want)
		}
	}
	cookie := cookieOf(t, r)
	if r := get(t, at+"/library", "Cookie", cookie, "X-Forwarded-Proto", "https"); r.status != http.StatusOK {
		t.Errorf("over TLS: %d", r.status)
	}
	if r := get(t, at+"/library", "Cookie", "akin_session="+strings.TrimPrefix(cookie, "__Host-akin_session="), "X-Forwarded-Proto", "https"); r.status != http.StatusUnauthorized {
		t.Errorf("the same id in a cookie that anybody can set: %d", r.status)
	}
	out := post(t, at+"/sign-out", nil, "Cookie", cookie, "X-Forwarded-Proto", "https")
	if !strings.Contains(out.header.Get("Set-Cookie"), "__Host-akin_session=;") || !strings.Contains(out.header.Get("Clear-Site-Data"), "cache") {
		t.Errorf("signing out: %v", out.header)
	}
}

// TestNothingTypedIsLost: whose session has ended while a note was written signs in and
// saves it then.
func TestNothingTypedIsLost(t *testing.T) {
	at, revoked := keyedSite(t)
	cookie := cookieOf(t, post(t, at+"/sign-in", url.Values{"key": {"good"}}))
	*revoked = true
	note := url.Values{"id": {attention}, "note": {"<i>long</i>\r\nthought"}, "tags": {"a, b"}, "back": {"/library/reading?sort=title"}}
	r := post(t, at+"/library/reading/note", note, "Cookie", cookie)
	if r.status != http.StatusUnauthorized || !strings.Contains(r.body, "What you sent is kept") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	assertHarmless(t, r)
	*revoked = false
	again := r.fields(t, "/sign-in")
	again.Set("key", "wrong")
	if r = post(t, at+"/sign-in", again); !strings.Contains(r.body, "thought") {
		t.Error("a wrong key loses it")
	}
	again = r.fields(t, "/sign-in")
	again.Set("key", "good")
	r = post(t, at+"/sign-in", again)
	if r.status != http.StatusOK || !strings.Contains(r.body, "&lt;i&gt;long&lt;/i&gt;") || !strings.Contains(r.body, "Sign out") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	sent := r.fields(t, "/library/reading/note")
	for name, values := range note {
		if sent.Get(name) != strings.ReplaceAll(values[0], "\r\n", "\n") { // a browser sends \r\n again
			t.Errorf("%s is %q, was %q", name, sent.Get(name), values[0])
		}
	}
	// Nothing is kept for what is no form of the site, or leads elsewhere.
	for _, to := range []string{"https://example.org/x", "//example.org", "/sign-out", "/sign-in", "/search", "/mark?x=1", `/\example.org`} {
		r := post(t, at+"/sign-in", url.Values{"key": {"good"}, "to": {to}, "kept-id": {"x"}})
		if r.status != http.StatusSeeOther || r.header.Get("Location") != "/" {
			t.Errorf("%s: %d to %q", to, r.status, r.header.Get("Location"))
		}
	}
}

// TestRevokedKeyOnOpenPages: pages that everybody may see say at once that a session is
// over.
func TestRevokedKeyOnOpenPages(t *testing.T) {
	s := rpctest.Serve(t, rpctest.Options{})
	revoked := false
	put(t, s, samplePapers(t)...)
	at := over(t, public{s.Conn, keyed{s.Conn, &revoked}})
	cookie := cookieOf(t, post(t, at+"/sign-in", url.Values{"key": {"good"}}))
	if r := get(t, at+"/search?q=attention", "Cookie", cookie); !strings.Contains(r.body, "Sign out") || !strings.Contains(r.body, "data-marks") {
		t.Fatalf("signed in: %d", r.status)
	}
	revoked = true
	r := get(t, at+"/search?q=attention", "Cookie", cookie)
	if r.status != http.StatusOK || strings.Contains(r.body, "Sign out") || !strings.Contains(r.body, "Sign in") || strings.Contains(r.body, "data-marks") {
		t.Errorf("revoked: %d", r.status)
	}
	revoked = false
	if r := get(t, at+"/library", "Cookie", cookie); r.status != http.StatusUnauthorized {
		t.Errorf("a session that is over comes back: %d", r.status)
	}
}

// public lets everything through that is not about libraries.
type public struct {
	grpc.ClientConnInterface
	keyed keyed
}

func (o public) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if strings.Contains(method, "LibraryService") {
		return o.keyed.Invoke(ctx, method, args, reply, opts...)
	}
	return o.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}
