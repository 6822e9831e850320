package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"akin/internal/rpc/rpctest"
)

// post sends a form as a page of the site does.
func post(t testing.TB, address string, form url.Values, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req, append([]string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}, headers...)...)
}

// TestLikes: what is liked changes what is recommended, says why, and what is dismissed
// or read does not come back.
func TestLikes(t *testing.T) {
	at := site(t, samplePapers(t)...)
	start := get(t, at+"/for-you")
	if start.status != http.StatusOK || !strings.Contains(start.body, "Your own papers") || len(start.titles()) != 9 {
		t.Fatalf("a newcomer sees %d %q", start.status, start.titles())
	}
	if own := get(t, at+"/for-you?name=sutskever"); len(own.titles()) != 6 || !strings.Contains(own.body, "like all 6") {
		t.Errorf("a name has %q", own.titles())
	}
	r := post(t, at+"/mark", url.Values{"id": {"arXiv:1706.03762"}, "do": {"like"}, "back": {"/search?q=attention"}})
	back := r.header.Get("Location")
	if r.status != http.StatusSeeOther || !strings.HasPrefix(back, "/search?q=attention&done=like") {
		t.Fatalf("%d to %q", r.status, back)
	}
	if shown := get(t, at+back); !strings.Contains(shown.body, "Liked.") || !strings.Contains(shown.body, `aria-pressed="true"`) {
		t.Error("the page does not say that the paper is liked")
	}
	r = get(t, at+"/for-you")
	titles := r.titles()
	if len(titles) < 5 || slices.Contains(titles, "Attention is All you Need") || !strings.Contains(r.body, "Because you liked <a href=\"/paper/arXiv:1706.03762\"") {
		t.Fatalf("%q", titles)
	}
	for _, path := range []string{"?age=recent&spread=diverse", "?days=31", "?venue=ACL+2020", "?library=reading&days=x"} {
		if r := get(t, at+"/for-you"+path); r.status != http.StatusOK {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	var answer struct {
		Disliked bool
		Undo     string
	}
	id := idOf(t, titles[0])
	r = post(t, at+"/mark", url.Values{"id": {id}, "do": {"dislike"}}, "Accept", "application/json")
	if err := json.Unmarshal([]byte(r.body), &answer); err != nil || !answer.Disliked || answer.Undo != "forget-mark" {
		t.Errorf("%v: %s", err, r.body)
	}
	post(t, at+"/mark", url.Values{"id": {idOf(t, titles[1])}, "do": {"read"}})
	if again := get(t, at+"/for-you").titles(); slices.Contains(again, titles[0]) || slices.Contains(again, titles[1]) {
		t.Errorf("what was dismissed or read came back: %q", again)
	}
	for _, form := range []url.Values{{}, {"do": {"like"}}, {"do": {"burn"}, "id": {"x"}}} {
		if r := post(t, at+"/mark", form); r.status != http.StatusBadRequest {
			t.Errorf("%v: %d", form, r.status)
		}
	}
	if r := post(t, at+"/mark", url.Values{"id": {"nothing"}, "do": {"like"}}); r.status != http.StatusNotFound {
		t.Errorf("a paper that is not there: %d", r.status)
	}
	for _, back := range []string{"//example.org", "https://example.org", `/\example.org`, "javascript:alert(1)", "/\t/example.org", "example.org"} {
		r := post(t, at+"/mark", url.Values{"id": {id}, "do": {"clear"}, "back": {back}})
		if to := r.header.Get("Location"); !strings.HasPrefix(to, "/?") {
			t.Errorf("%q leads to %q", back, to)
		}
	}
}

func idOf(t *testing.T, title string) string {
	t.Helper()
	for _, p := range samplePapers(t) {
		if p.GetTitle() == title {
			return p.GetId()
		}
	}
	t.Fatalf("no paper %q", title)
	return ""
}

func TestLibrary(t *testing.T) {
	at := site(t, samplePapers(t)...)
	if r := get(t, at+"/library/reading"); r.status != http.StatusOK || !strings.Contains(r.body, "nothing here yet") {
		t.Errorf("an empty library: %d", r.status)
	}
	r := upload(t, at+"/library/reading/import", "@article{a, title={Attention is All you Need}}\n@article{b, title={<script>alert(1)</script> of Nothing}}\n@article{c, doi={10.0000/none}, title={None}}\n")
	if r.status != http.StatusOK || !strings.Contains(r.body, "1 paper found here") || !strings.Contains(r.body, "2 not found") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	assertHarmless(t, r)
	post(t, at+"/library/reading/note", url.Values{"id": {"arXiv:1706.03762"}, "note": {"<b>Read</b> this\r\nagain"}, "tags": {"nlp, old,,"}})
	r = get(t, at+"/library/reading?tag=nlp&text=attention&show=liked&sort=title")
	if len(r.titles()) != 1 || !strings.Contains(r.body, "&lt;b&gt;Read&lt;/b&gt; this") {
		t.Errorf("%q", r.titles())
	}
	assertHarmless(t, r)
	for format, want := range map[string]string{"bibtex": "@", "ris": "TY  - ", "csl": "Attention"} {
		for _, path := range []string{"/library/reading/export?format=", "/cite?id=arXiv:1706.03762&format="} {
			r := get(t, at+path+format)
			if r.status != http.StatusOK || !strings.Contains(r.body, want) || !strings.HasPrefix(r.header.Get("Content-Disposition"), "attachment") {
				t.Errorf("%s%s: %d %v %s", path, format, r.status, r.header, r.body)
			}
		}
	}
	post(t, at+"/library/reading/remove", url.Values{"id": {"arXiv:1706.03762"}})
	if r := get(t, at+"/library/reading"); len(r.titles()) != 0 {
		t.Errorf("it is still there: %q", r.titles())
	}
	for path, want := range map[string]int{"/library/none": 404, "/library/UPPER": 400, "/library/reading/export?format=x": 400, "/library/reading/x": 400, "/library": 200, "/library/none/export?format=ris": 404} {
		if r := get(t, at+path); r.status != want {
			t.Errorf("%s: %d, want %d", path, r.status, want)
		}
	}
	if r := upload(t, at+"/library/reading/import", strings.Repeat("x", 5<<20)); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large file: %d", r.status)
	}
	if r := upload(t, at+"/library/reading/import", ""); r.status != http.StatusBadRequest {
		t.Errorf("an empty file: %d", r.status)
	}
	if r := upload(t, at+"/library/reading/import", "\x00\x01\xff nothing"); r.status != http.StatusBadRequest && r.status != http.StatusOK {
		t.Errorf("a file that is none: %d", r.status)
	}
}

func upload(t *testing.T, address, content string) reply {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	file, err := w.CreateFormFile("file", "refs.bib")
	if err != nil {
		t.Fatal(err)
	}
	file.Write([]byte(content))
	w.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, &body)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req, "Content-Type", w.FormDataContentType(), "Sec-Fetch-Site", "same-origin")
}

// keyed lets calls through that carry a key it knows.
type keyed struct {
	grpc.ClientConnInterface
	revoked *bool
}

func (k keyed) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	md, _ := metadata.FromOutgoingContext(ctx)
	if key := md.Get("authorization"); *k.revoked || len(key) != 1 || key[0] != "Bearer good" {
		return status.Error(codes.Unauthenticated, "this server asks for a key")
	}
	return k.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

// TestSignIn: a key begins a session, whose cookie says nothing of it; signing out and
// revoking the key end it.
func TestSignIn(t *testing.T) {
	s := rpctest.Serve(t, rpctest.Options{})
	revoked := false
	at := over(t, keyed{s.Conn, &revoked})
	if r := get(t, at+"/library"); r.status != http.StatusUnauthorized || !strings.Contains(r.body, `name="key"`) {
		t.Fatalf("without a key: %d", r.status)
	}
	for _, key := range []string{"bad", "", "a b", "\x00", strings.Repeat("x", 9_000)} {
		if r := post(t, at+"/sign-in", url.Values{"key": {key}}); r.status < 400 || r.header.Get("Set-Cookie") != "" {
			t.Errorf("the key %.20q signs in: %d", key, r.status)
		}
	}
	in := func() string {
		r := post(t, at+"/sign-in", url.Values{"key": {" good "}, "back": {"/library"}})
		cookie := r.header.Get("Set-Cookie")
		if r.header.Get("Location") != "/library" || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") || strings.Contains(cookie, "good") {
			t.Fatalf("%d %v", r.status, r.header)
		}
		cookie, _, _ = strings.Cut(cookie, ";")
		return cookie
	}
	cookie := in()
	if r := get(t, at+"/library", "Cookie", cookie); r.status != http.StatusOK || !strings.Contains(r.body, "Sign out") {
		t.Errorf("signed in: %d", r.status)
	}
	post(t, at+"/sign-out", nil, "Cookie", cookie)
	if r := get(t, at+"/library", "Cookie", cookie); r.status != http.StatusUnauthorized {
		t.Errorf("signed out: %d", r.status)
	}
	cookie = in()
	revoked = true
	if r := get(t, at+"/library", "Cookie", cookie); r.status != http.StatusUnauthorized {
		t.Errorf("revoked: %d", r.status)
	}
	if r := post(t, at+"/sign-in", url.Values{"key": {"good"}}, "Sec-Fetch-Site", "cross-site"); r.status != http.StatusForbidden {
		t.Errorf("from another site: %d", r.status)
	}
}
