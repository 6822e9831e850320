//go:build page

package web_test

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestBrowserReader is somebody who begins, and keeps a library.
func TestBrowserReader(t *testing.T) {
	at, b := program(t), browser(t)
	for _, one := range []struct {
		name string
		test func(*tab)
	}{{"Begin", beginning}, {"ByKeysAlone", byKeysAlone}, {"Undo", undoing}, {"Shelves", shelving}, {"WithoutScript", readingWithoutScript}} {
		t.Run(one.name, func(t *testing.T) {
			p := open(t, b, at)
			one.test(&tab{t: t, ctx: p.ctx, at: at})
			p.fine()
		})
	}
}

// TestBrowserUnderstood is somebody whose query was understood as more than words, and who
// undoes that.
func TestBrowserUnderstood(t *testing.T) {
	at, b := program(t), browser(t)
	p := open(t, b, at)
	p.t, p.at = t, at
	search := func(query string) { p.visit("/search?q=" + url.QueryEscape(query)) }
	notes := func() string {
		return js[string](p, `[...document.querySelectorAll("#main p.note")].map(n => n.textContent.trim().replace(/\s+/g, " ")).join("\n")`)
	}
	says := func(want string) {
		t.Helper()
		if got := notes(); !strings.Contains(got, want) {
			t.Errorf("the page says %q, without %q", got, want)
		}
	}
	search("Vaswani attention 2017")
	says("Papers of the author Ashish Vaswani and the year 2017 are raised. Only these These are words, no names")
	if dir := os.Getenv("AKIN_SCREENSHOTS"); dir != "" {
		p.size(820, 700)
		picture(t, p, filepath.Join(dir, "understood.png"))
	}
	p.clickText("p.note a", "Only these")
	p.until(`new URLSearchParams(location.search).get("filter")?.includes("vaswani") && document.querySelectorAll("#main .hit").length === 1`)
	p.do(`history.back()`) // NavigateBack waits for a page to load; one that was kept does not
	p.until(`!new URLSearchParams(location.search).get("filter") && document.querySelectorAll("#main .hit").length > 1`)
	p.clickText("p.note a", "These are words, no names")
	p.until(`!document.body.textContent.includes("are raised") && document.querySelectorAll("#main .hit").length > 3`)

	search("convolutional netwrks")
	says("No paper has what was mistyped, or hardly any: “netwrks” was read as “networks”. Search for what was typed")
	p.clickText("p.note a", "Search for what was typed")
	p.until(`!document.body.textContent.includes("was read as") && document.getElementById("q").value === "convolutional netwrks"`)

	search(`"attention is all you need" "graph"`)
	says("No paper has all that the query puts in quotation marks; these are the nearest without that. Insist on it")
	p.clickText("p.note a", "Insist on it")
	p.until(`document.querySelectorAll("#main .hit").length === 0 && document.getElementById("q").value.includes("all you need")`)

	search("the of and")
	says("The query has no words that papers could be told apart by")
	search("<b>netwrks</b> \u202e")
	if strings.Contains(notes(), "\u202e") || js[bool](p, `!!document.querySelector("p.note b")`) {
		t.Errorf("a note is %q", notes())
	}
	p.fine()
}

// do runs a script.
func (p *tab) do(script string) {
	p.t.Helper()
	p.call(chromedp.Evaluate[chromedp.Void](script))
}

// clickText clicks what has a text.
func (p *tab) clickText(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => e.textContent.trim() === %q)`, selector, text))
	p.do(fmt.Sprintf(`[...document.querySelectorAll(%q)].find(e => e.textContent.trim() === %q).click()`, selector, text))
}

// ended waits until the server has seen that a key is revoked: it looks every second.
func (p *tab) ended() {
	p.t.Helper()
	p.do(`(function ask() { fetch("/library").then((r) => r.status === 401 ? document.body.dataset.over = "1" : setTimeout(ask, 100)) })()`)
	p.until(`document.body.dataset.over === "1"`)
}

func (p *tab) focused() string {
	p.t.Helper()
	return js[string](p, `document.activeElement.textContent.trim()`)
}

func (p *tab) said() string {
	p.t.Helper()
	return js[string](p, `document.getElementById("said").textContent`)
}

// beginning: a newcomer rates what the server chooses, and gets others by what was said;
// what is liked is why something is recommended.
func beginning(p *tab) {
	p.visit("/for-you")
	first := js[[]string](p, titles)
	if len(first) != 9 {
		p.t.Fatalf("a newcomer is asked about %q", first)
	}
	p.press("j", "l")
	p.until(`document.querySelector('.hit [data-mark="like"]').getAttribute("aria-pressed") === "true"`)
	p.press("j", "x")
	p.until(`document.querySelectorAll('.hit [data-mark="dislike"][aria-pressed="true"]').length === 1`)
	if got := p.focused(); got != first[1] {
		p.t.Errorf("rating moves the focus to %q", got)
	}
	p.clickText("#main a", "Others, by what I said")
	p.until(`location.search === "?rate=1" && document.body.textContent.includes("You have rated 2 papers")`)
	second := js[[]string](p, titles)
	if slices.Contains(second, first[0]) || slices.Contains(second, first[1]) {
		p.t.Errorf("what was rated is asked again: %q", second)
	}
	p.clickText("#main a", "Show what I get from that")
	p.until(fmt.Sprintf(`location.pathname === "/for-you" && [...document.querySelectorAll(".because")].every(b => b.textContent.includes(%q))`, first[0]))
	if all := js[[]string](p, titles); slices.Contains(all, first[1]) || slices.Contains(all, first[0]) {
		p.t.Error("what was rated is recommended")
	}
	// Everything there is to choose changes the list, or says why it is empty.
	for _, choice := range []string{"Recent", "Classic", "Of any age", "Diverse", "Focused", "Week"} {
		p.clickText("#main .choices a", choice)
		p.until(fmt.Sprintf(`[...document.querySelectorAll("#main .choices [aria-current]")].some(a => a.textContent === %q)`, choice))
	}
	p.until(`document.querySelector(".limits")`)
	p.clickText(".limits a", "Of all time")
	p.until(`document.querySelectorAll("#main .hit").length > 3`)
}

// byKeysAlone: from nothing to a list of one's own, without a pointer.
func byKeysAlone(p *tab) {
	p.visit("/")
	p.press("/")
	p.press(strings.Split("convolutional networks", "")...)
	p.until(`document.title.startsWith("convolutional networks")`)
	p.press("Tab")
	p.press("j")
	p.until(`!!document.activeElement.closest("[data-item]")`)
	at := p.focused()
	p.press("l")
	p.until(`!document.getElementById("toast").hidden`)
	if said := p.said(); !strings.Contains(said, "Liked") || !strings.Contains(said, "Press u to undo") {
		p.t.Errorf("a screen reader hears %q", said)
	}
	p.press("u")
	p.until(`document.getElementById("said").textContent === "Undone"`)
	if got := p.focused(); got != at {
		p.t.Errorf("undoing moves the focus to %q", got)
	}
	p.press("u")
	if said := p.said(); said != "There is nothing to undo" {
		p.t.Errorf("undoing nothing says %q", said)
	}
	p.press("l", "Enter")
	p.until(`location.pathname.startsWith("/paper/")`)
	p.until(`document.querySelector('.paper-head [data-mark="like"]').getAttribute("aria-pressed") === "true"`)
	p.press("x")
	p.until(`document.querySelector('.paper-head [data-mark="dislike"]').getAttribute("aria-pressed") === "true"`)
	p.press("u")
	p.until(`document.querySelector('.paper-head [data-mark="like"]').getAttribute("aria-pressed") === "true"`)
	p.press("s")
	p.until(`location.search.startsWith("?like=") && document.querySelectorAll("#main .hit").length > 3`)
	p.press("?")
	p.until(`document.getElementById("keys").open`)
	p.press("Escape")
	for _, path := range []string{"/", "/trending?window=month", "/for-you", "/for-you?rate=1", "/library", "/library/reading", "/paper/arXiv:1706.03762", "/day/2026-03-17"} {
		p.visit(path)
		p.press("j")
		if !js[bool](p, `!!document.activeElement.closest("[data-item]")`) {
			p.t.Errorf("j does nothing on %s", path)
		}
		p.press("?")
		p.until(`document.getElementById("keys").open`)
		p.press("Escape", "/")
		if js[string](p, `document.activeElement.id`) != "q" {
			p.t.Errorf("/ does nothing on %s", path)
		}
	}
	p.visit("/status")
	p.press("l")
	if said := p.said(); said != "There is no paper to mark here" {
		p.t.Errorf("liking nothing says %q", said)
	}
}

// undoing: what is taken out of a library, and a note, come back at the place where
// they were.
func undoing(p *tab) {
	for _, id := range []string{"arXiv:1706.03762", "arXiv:1810.04805"} {
		p.visit("/paper/" + id)
		p.do(`document.querySelector('.paper-head [data-mark="read"]').click()`)
		p.until(`!document.getElementById("toast").hidden`)
	}
	p.visit("/library/reading?show=read&sort=title")
	before := js[[]string](p, titles)
	p.do(`document.querySelector(".notes summary").click()`)
	p.do(`(() => { const f = document.querySelector("[data-note]"); f.elements.note.value = "two\nlines"; f.elements.tags.value = "🦊, x"; f.requestSubmit(f.querySelector("button")); })()`)
	p.until(`document.querySelector(".notes .note-text")?.textContent === "two\nlines" && document.querySelector(".notes summary").textContent.includes("🦊, x")`)
	p.press("Escape")
	p.do(`document.getElementById("main").focus()`)
	p.press("u")
	p.until(`document.getElementById("said").textContent === "Undone" && document.querySelector(".notes .note-text").textContent === ""`)
	p.do(`(() => { const f = document.querySelector("[data-remove]"); f.requestSubmit(f.querySelector("button")); })()`)
	p.until(`document.querySelector("[data-entry]").hidden`)
	if got := p.focused(); got != before[1] {
		p.t.Errorf("the focus is at %q, not at %q", got, before[1])
	}
	p.press("u")
	p.until(`!document.querySelector("[data-entry]").hidden`)
	if got := p.focused(); got != before[0] {
		p.t.Errorf("the focus is at %q, not at %q", got, before[0])
	}
	p.visit("/library/reading?show=read&sort=title")
	if after := js[[]string](p, titles); !slices.Equal(after, before) {
		p.t.Errorf("%q became %q", before, after)
	}
	// Two windows: the later one is asked, and has what it wrote.
	p.do(`document.querySelector(".notes summary").click()`)
	p.do(`fetch(document.querySelector("[data-note]").action, {method: "POST", body: new URLSearchParams({id: document.querySelector("[data-note] [name=id]").value, note: "elsewhere"})}).then(() => document.body.dataset.sent = "1")`)
	p.until(`document.body.dataset.sent === "1"`)
	p.do(`(() => { const f = document.querySelector("[data-note]"); f.elements.note.value = "here"; f.requestSubmit(f.querySelector("button")); })()`)
	p.until(`document.querySelector("h1").textContent === "Changed meanwhile" && document.querySelector("textarea").value === "here" && document.body.textContent.includes("elsewhere")`)
	p.clickText("button", "Save this")
	p.until(`location.pathname === "/library/reading" && document.body.textContent.includes("Note saved")`)
}

// shelving makes, fills, renames, merges, deletes and brings back libraries.
func shelving(p *tab) {
	p.visit("/library")
	p.call(chromedp.SendKeys(chromedp.CSS("#label"), "Thèse 🦊"))
	p.press("Enter")
	p.until(`location.pathname === "/library/these" && document.querySelector("h1").textContent === "Thèse 🦊" && document.body.textContent.includes("The library is made")`)
	p.visit("/paper/arXiv:1706.03762")
	p.do(`document.getElementById("into").value = "these"`)
	p.clickText("button", "Add")
	p.until(`document.body.textContent.includes("Saved in the library")`)
	p.visit("/library/these")
	p.do(`document.querySelector("#from").value = "reading"`)
	p.clickText("button", "Add them")
	p.until(`document.querySelectorAll("#main [data-entry]").length > 1`)
	p.clickText("button", "Delete this library")
	p.until(`location.pathname === "/library" && document.activeElement.textContent === "Undo"`)
	p.press("u")
	p.until(`location.pathname === "/library/these" && document.querySelectorAll("#main [data-entry]").length > 1`)
}

// readingWithoutScript: links and forms do all of it, and say where they are.
func readingWithoutScript(p *tab) {
	if _, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		p.t.Fatal(err)
	}
	p.visit("/for-you?library=quiet")
	first := js[[]string](p, titles)
	p.call(chromedp.Click(chromedp.CSS(`.hit:nth-of-type(2) [data-mark="like"]`)))
	p.until(`location.search.includes("rate=1") && location.hash.startsWith("#p-")`)
	p.visit("/for-you?library=quiet")
	p.until(fmt.Sprintf(`[...document.querySelectorAll(".because")].some(b => b.textContent.includes(%q))`, first[1]))
	listed := js[[]string](p, titles)
	p.call(chromedp.Click(chromedp.CSS(`.hit [data-mark="dislike"]`)))
	p.until(`document.querySelector(".undo") && document.activeElement.textContent === "Undo"`)
	if again := js[[]string](p, titles); slices.Contains(again, listed[0]) {
		p.t.Error("what was dismissed is still there")
	}
	p.press("Enter")
	p.until(`document.body.textContent.includes("Undone.")`)
	if again := js[[]string](p, titles); !slices.Contains(again, listed[0]) {
		p.t.Error("what was undone is not back")
	}
	p.visit("/library/quiet")
	p.call(chromedp.Click(chromedp.CSS(".notes summary")))
	p.call(chromedp.Click(chromedp.CSS(`[data-remove] button`)))
	p.until(`document.body.textContent.includes("Taken out of the library") && document.activeElement.textContent === "Undo"`)
	p.press("Enter")
	p.until(`document.querySelectorAll("#main .hit").length === 1`)
}

// TestBrowserSignIn: a real server with keys. Who signs in has a library of their own;
// signing out and revoking the key end that at once, and nothing that was typed is lost.
func TestBrowserSignIn(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	at, b := programOf(t, data), browser(t)
	akin := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), setting(t, "AKIN_PROGRAM"), append(args, "--data", data)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	key := func(name, owner string) string {
		t.Helper()
		file := filepath.Join(t.TempDir(), name)
		akin("key", "create", name, "--owner", owner, "--scopes", "read,write", "--out", file)
		secret, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(secret))
	}
	p := open(t, b, at)
	p.visit("/paper/arXiv:1706.03762")
	p.press("l")
	p.until(`!document.getElementById("toast").hidden`)
	ann, bob := key("ann-1", "ann"), key("bob-1", "bob")
	for range 40 { // the server looks for keys every second
		if p.visit("/library/reading"); js[bool](p, `document.activeElement.id === "key"`) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	p.until(`document.activeElement.id === "key"`)
	signIn := func(p *tab, key string) {
		p.call(chromedp.SendKeys(chromedp.CSS("#key"), key))
		p.press("Enter")
	}
	signIn(p, "wrong")
	p.until(`document.querySelector("[role=alert]")?.textContent.includes("does not know that key") && document.activeElement.id === "key"`)
	signIn(p, ann)
	p.until(`location.pathname === "/library/reading" && document.body.textContent.includes("Sign out")`)
	if len(js[[]string](p, titles)) != 0 {
		t.Error("a key has the likes of the local owner without being given them")
	}
	akin("library", "adopt", "ann")
	p.visit("/library/reading")
	if got := js[[]string](p, titles); len(got) != 1 {
		t.Errorf("adopted are %q", got)
	}
	if seen := js[string](p, "document.cookie"); seen != "" {
		t.Errorf("a script sees the cookie %q", seen)
	}
	cookies, err := chromedp.Call(p.ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil || len(cookies.Cookies) != 1 || !cookies.Cookies[0].HTTPOnly || cookies.Cookies[0].SameSite != network.CookieSameSiteLax || strings.Contains(ann, cookies.Cookies[0].Value) {
		t.Errorf("cookies: %v %v", cookies, err)
	}
	// Another window signs out; this one says so, and leads back.
	other := open(t, b, at)
	other.visit("/library/reading")
	if len(js[[]string](other, titles)) != 1 {
		t.Error("another window is not signed in")
	}
	p.visit("/search?q=attention")
	other.clickText("button", "Sign out")
	other.until(`location.pathname === "/" && document.body.textContent.includes("You are signed out")`)
	p.press("j", "l")
	p.until(`!document.getElementById("toast").hidden && document.getElementById("toast").textContent.includes("not signed in any more")`)
	p.clickText("#toast button", "Sign in")
	p.until(`location.pathname === "/sign-in"`)
	signIn(p, bob)
	p.until(`location.pathname === "/search" && location.search === "?q=attention"`)
	p.visit("/library/reading")
	if got := js[[]string](p, titles); len(got) != 0 {
		t.Errorf("bob sees %q", got)
	}
	p.clickText("button", "Sign out")
	p.until(`location.pathname === "/"`)
	p.visit("/sign-in?back=" + url.QueryEscape("/library/reading"))
	signIn(p, ann)
	p.until(`location.pathname === "/library/reading"`)
	// The key is revoked while a note is written.
	p.do(`document.querySelector(".notes summary").click()`)
	p.do(`document.querySelector("[data-note] textarea").value = "a long thought"`)
	akin("key", "revoke", "ann-1")
	p.ended()
	p.do(`(() => { const f = document.querySelector("[data-note]"); f.requestSubmit(f.querySelector("button")); })()`)
	p.until(`document.querySelector("h1").textContent === "Sign in" && document.body.textContent.includes("What you sent is kept")`)
	signIn(p, key("ann-2", "ann"))
	p.until(`document.querySelector("h1").textContent === "You are signed in" && document.body.textContent.includes("a long thought")`)
	p.until(`document.activeElement.matches("main button, form button")`) // which comes a moment after the page
	p.press("Enter")
	p.until(`location.pathname === "/library/reading" && document.querySelector("textarea").value === "a long thought"`)
	akin("key", "revoke", "ann-2")
	p.ended()
	p.visit("/library/reading")
	p.until(`document.querySelector("h1").textContent === "Sign in"`)
	p.fine()
}
