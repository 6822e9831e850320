package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	nethtml "golang.org/x/net/html"
)

// fields are what the form of a page sends to an address: of several, that which undoes
// something.
func (r reply) fields(t *testing.T, action string) url.Values {
	t.Helper()
	forms := r.all(func(n *nethtml.Node) bool { to, _ := attribute(n, "action"); return n.Data == "form" && to == action })
	slices.SortStableFunc(forms, func(a, b *nethtml.Node) int {
		x, _ := attribute(a, "class")
		y, _ := attribute(b, "class")
		return strings.Compare(strings.TrimSuffix(y, "marks"), strings.TrimSuffix(x, "marks"))
	})
	if len(forms) == 0 {
		t.Fatalf("no form leads to %s in %s", action, r.body)
	}
	out := url.Values{}
	for n := range forms[0].Descendants() {
		name, named := attribute(n, "name")
		if value, ok := attribute(n, "value"); named && ok && (n.Data == "input" || n.Data == "button") {
			out.Add(name, value)
		}
	}
	return out
}

// led goes where a form led.
func led(t *testing.T, at string, r reply) reply {
	t.Helper()
	to := r.header.Get("Location")
	if r.status != http.StatusSeeOther || !strings.HasPrefix(to, "/") {
		t.Fatalf("%d to %q: %s", r.status, to, r.body)
	}
	return get(t, at+to)
}

const attention = "arXiv:1706.03762"

// TestUndo: whatever is taken away comes back as it was, without a script and with one.
func TestUndo(t *testing.T) {
	at := site(t, samplePapers(t)...)
	post(t, at+"/mark", url.Values{"id": {attention}, "do": {"like"}})
	post(t, at+"/mark", url.Values{"id": {attention}, "do": {"read"}})
	post(t, at+"/library/reading/note", url.Values{"id": {attention}, "note": {"first"}, "tags": {"nlp, 🦊"}})
	whole := get(t, at+"/library/reading").body

	r := led(t, at, post(t, at+"/library/reading/remove", url.Values{"id": {attention}, "back": {"/library/reading?sort=title"}}))
	if len(r.titles()) != 0 || !strings.Contains(r.body, "Taken out of the library") {
		t.Fatalf("taken out: %s", r.body)
	}
	undo := r.fields(t, "/undo")
	if got := undo.Get("back"); got != "/library/reading?sort=title" {
		t.Errorf("it leads back to %q", got)
	}
	r = led(t, at, post(t, at+"/undo", undo))
	if len(r.titles()) != 1 || !strings.Contains(r.body, "Undone") {
		t.Fatalf("brought back: %s", r.body)
	}
	if got := get(t, at+"/library/reading").body; got != whole {
		t.Errorf("it is not as it was:\n%s\n%s", whole, got)
	}
	if r := post(t, at+"/undo", undo); r.status != http.StatusGone {
		t.Errorf("undone twice: %d", r.status)
	}

	var answer struct{ Said, Token string }
	r = post(t, at+"/library/reading/remove", url.Values{"id": {attention}}, "Accept", "application/json")
	if err := json.Unmarshal([]byte(r.body), &answer); err != nil || answer.Token == "" {
		t.Fatalf("%v: %s", err, r.body)
	}
	// It came back in another window: that stays as it is.
	post(t, at+"/library/reading/note", url.Values{"id": {attention}, "note": {"second"}})
	post(t, at+"/undo", url.Values{"undo": {answer.Token}}, "Accept", "application/json")
	if got := get(t, at+"/library/reading").body; !strings.Contains(got, "second") {
		t.Error("undoing took away what was written since")
	}
	// A note.
	r = led(t, at, post(t, at+"/library/reading/note", url.Values{"id": {attention}, "note": {"third"}}))
	if r = led(t, at, post(t, at+"/undo", r.fields(t, "/undo"))); !strings.Contains(r.body, "second") || strings.Contains(r.body, "third") {
		t.Error("the note before did not come back")
	}
	// Several marks at once.
	own := get(t, at+"/for-you?name=sutskever")
	if r = led(t, at, post(t, at+"/mark", own.fields(t, "/mark"))); !strings.Contains(r.body, "Liked: 6 papers") {
		t.Fatalf("six liked: %s", r.body)
	}
	led(t, at, post(t, at+"/undo", r.fields(t, "/undo")))
	if got := get(t, at+"/library/reading").titles(); len(got) != 1 {
		t.Errorf("after undoing, the library has %q", got)
	}
}

// TestMarkIsSaidBesideThePaper: without a script, a mark leads back to the paper's place.
func TestMarkIsSaidBesideThePaper(t *testing.T) {
	at := site(t, samplePapers(t)...)
	r := post(t, at+"/mark", url.Values{"id": {attention}, "do": {"like"}, "back": {"/search?q=attention#x"}})
	to, anchor, _ := strings.Cut(r.header.Get("Location"), "#")
	page := get(t, at+to)
	hits := page.all(func(n *nethtml.Node) bool { id, _ := attribute(n, "id"); return n.Data == "article" && id == anchor })
	if len(hits) != 1 || !strings.Contains(textOf(hits[0]), "Liked.") {
		t.Fatalf("it is not said at #%s of %s", anchor, to)
	}
	undo := page.fields(t, "/mark")
	if undo.Get("do") != "forget-mark" || undo.Get("back") != "/search?q=attention" {
		t.Errorf("undone by %v", undo)
	}
	if r = led(t, at, post(t, at+"/mark", undo)); !strings.Contains(r.body, "Undone") || strings.Contains(r.body, `aria-pressed="true"`) {
		t.Error("the mark is still there")
	}
	// One that is not on the page any more is said above it.
	post(t, at+"/mark", url.Values{"id": {attention}, "do": {"like"}})
	first := get(t, at+"/for-you").titles()[0]
	r = led(t, at, post(t, at+"/mark", url.Values{"id": {idOf(t, first)}, "do": {"dislike"}, "back": {"/for-you"}}))
	if !strings.Contains(r.body, "it will not come back") || r.fields(t, "/mark").Get("do") != "forget-mark" {
		t.Error("what was dismissed cannot be undone")
	}
	if r = led(t, at, post(t, at+"/mark", r.fields(t, "/mark"))); r.titles()[0] != first {
		t.Errorf("what was undone is not back: %q", r.titles())
	}
	if got := get(t, at+"/library/reading").titles(); len(got) != 1 {
		t.Errorf("what was undone is in the library: %q", got)
	}
	// What has a note by now stays in the library.
	post(t, at+"/library/reading/note", url.Values{"id": {attention}, "note": {"x"}})
	post(t, at+"/mark", url.Values{"id": {attention}, "do": {"forget-mark"}})
	if got := get(t, at+"/library/reading").titles(); len(got) != 1 {
		t.Errorf("undoing a mark took a note along: %q", got)
	}
}

// TestShelves: libraries are made, renamed, merged, deleted and brought back.
func TestShelves(t *testing.T) {
	at := site(t, samplePapers(t)...)
	for _, label := range []string{"", " ", "\u202e"} {
		if r := post(t, at+"/library", url.Values{"label": {label}}); r.status != http.StatusBadRequest || !strings.Contains(r.body, "Give it a name") {
			t.Errorf("a library %q: %d", label, r.status)
		}
	}
	r := post(t, at+"/library", url.Values{"label": {strings.Repeat("ü", 150)}})
	if r.status != http.StatusBadRequest || !strings.Contains(r.body, strings.Repeat("ü", 150)) {
		t.Errorf("a name that is too long: %d", r.status)
	}
	places := map[string]string{}
	for _, label := range []string{"Thèse & notes", "these notes", "文献 <b>", "../../x?y#z", "reading"} {
		r := post(t, at+"/library", url.Values{"label": {label}})
		places[label], _, _ = strings.Cut(r.header.Get("Location"), "?")
		if page := led(t, at, r); page.status != http.StatusOK || !strings.Contains(page.body, "The library is made") {
			t.Errorf("%q: %d", label, page.status)
		}
	}
	if places["Thèse & notes"] != "/library/these-notes" || places["these notes"] != "/library/these-notes-2" || places["../../x?y#z"] != "/library/x-y-z" {
		t.Errorf("they are at %q", places)
	}
	here := places["Thèse & notes"]
	post(t, at+"/mark", url.Values{"id": {attention}, "do": {"save"}, "library": {"these-notes"}})
	post(t, at+"/mark", url.Values{"id": {attention}, "do": {"like"}, "library": {"reading"}})
	if r := get(t, at+"/paper/"+attention); len(r.all(func(n *nethtml.Node) bool { return n.Data == "option" })) != 5 {
		t.Error("the page of a paper does not offer the five libraries")
	}
	r = led(t, at, post(t, at+here+"/rename", url.Values{"label": {"Thesis <script>"}, "description": {"for\r\nchapter 2"}}))
	if !strings.Contains(r.body, "Thesis &lt;script&gt;") || !strings.Contains(r.body, "chapter 2") {
		t.Errorf("renamed: %s", r.body)
	}
	assertHarmless(t, r)
	other := places["文献 <b>"]
	if r = led(t, at, post(t, at+other+"/merge", url.Values{"from": {"these-notes"}})); len(r.titles()) != 1 {
		t.Errorf("merged: %q", r.titles())
	}
	r = led(t, at, post(t, at+here+"/delete", nil))
	if !strings.Contains(r.body, "The library is deleted") || get(t, at+here).status != http.StatusNotFound {
		t.Errorf("deleted: %s", r.body)
	}
	if !strings.Contains(get(t, at+"/library").body, "gone for good on") {
		t.Error("the libraries do not say what can come back")
	}
	if r = led(t, at, post(t, at+here+"/undelete", r.fields(t, here+"/undelete"))); len(r.titles()) != 1 || !strings.Contains(r.body, "The library is back") {
		t.Errorf("back: %q", r.titles())
	}
	for path, want := range map[string]int{
		"/library/none/delete": 404, "/library/none/undelete": 404, "/library/none/rename": 404, "/library/none/merge": 404, "/library/UP%2FPER/delete": 404, "/library/UPPER/delete": 400,
		"/library/these-notes/burn": 404, "/undo": 410, "/library//delete": 400,
	} {
		if r := post(t, at+path, url.Values{"label": {"x"}, "from": {"reading"}}); r.status != want {
			t.Errorf("%s: %d, want %d", path, r.status, want)
		}
		if r := post(t, at+path, nil, "Sec-Fetch-Site", "cross-site"); r.status != http.StatusForbidden {
			t.Errorf("%s from another site: %d", path, r.status)
		}
	}
}

// TestSave: what is saved is in the library without a mark, and can be taken out again.
func TestSave(t *testing.T) {
	at := site(t, samplePapers(t)...)
	r := led(t, at, post(t, at+"/mark", url.Values{"id": {attention}, "do": {"save"}, "back": {"/search?q=attention"}}))
	if !strings.Contains(r.body, "Saved in the library") || !strings.Contains(r.body, `value="unsave" aria-pressed="true"`) {
		t.Fatal("the page does not say that it is saved")
	}
	saved := r
	if got := get(t, at+"/library/reading").titles(); len(got) != 1 {
		t.Errorf("saved are %q", got)
	}
	post(t, at+"/library/reading/note", url.Values{"id": {attention}, "note": {"kept"}})
	r = led(t, at, post(t, at+"/mark", url.Values{"id": {attention}, "do": {"unsave"}, "back": {"/search?q=attention"}}))
	if got := get(t, at+"/library/reading").titles(); len(got) != 0 {
		t.Errorf("taken out, there are %q", got)
	}
	led(t, at, post(t, at+"/undo", r.fields(t, "/undo")))
	if got := get(t, at+"/library/reading"); len(got.titles()) != 1 || !strings.Contains(got.body, "kept") {
		t.Errorf("undone, there are %q", got.titles())
	}
	led(t, at, post(t, at+"/undo", saved.fields(t, "/undo")))
	if got := get(t, at+"/library/reading").titles(); len(got) != 1 {
		t.Errorf("undoing what was saved took a note along: %q", got)
	}
}

// TestNotesOfTwoWindows: of two windows that change a note, the later is asked.
func TestNotesOfTwoWindows(t *testing.T) {
	at := site(t, samplePapers(t)...)
	post(t, at+"/mark", url.Values{"id": {attention}, "do": {"like"}})
	form := get(t, at+"/library/reading").fields(t, "/library/reading/note")
	first, second := url.Values{"note": {"one"}}, url.Values{"note": {"zwei\r\nlines"}, "tags": {"x"}}
	for name, values := range form {
		for _, to := range []url.Values{first, second} {
			if name != "tags" {
				to[name] = values
			}
		}
	}
	led(t, at, post(t, at+"/library/reading/note", first))
	r := post(t, at+"/library/reading/note", second)
	if r.status != http.StatusConflict || !strings.Contains(r.body, "one") || !strings.Contains(r.body, "zwei\nlines") {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if got := get(t, at+"/library/reading").body; strings.Contains(got, "zwei") {
		t.Error("the later window won")
	}
	again := r.fields(t, "/library/reading/note")
	again.Set("note", "both")
	if r = led(t, at, post(t, at+"/library/reading/note", again)); !strings.Contains(r.body, "both") {
		t.Error("what was decided is not saved")
	}
	if r := post(t, at+"/library/reading/note", again); r.status != http.StatusSeeOther {
		t.Errorf("the same twice: %d", r.status)
	}
}
