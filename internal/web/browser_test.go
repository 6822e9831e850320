//go:build page

package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// These tests drive a real Chromium. make test-page installs it and names what they
// need.

// setting is what make test-page names, without which nothing here runs.
func setting(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		if os.Getenv("AKIN_REQUIRE") != "" {
			t.Fatalf("%s is not set; make test-page sets it", name)
		}
		t.Skipf("%s is not set; make test-page sets it and runs this test", name)
	}
	return value
}

// program serves the sample corpus with the program itself, and gives its address.
func program(t *testing.T) string {
	t.Helper()
	return programOf(t, filepath.Join(t.TempDir(), "data"))
}

// programOf serves it from a data directory, with flags; by default at a free address.
func programOf(t *testing.T, data string, flags ...string) string {
	t.Helper()
	akin := setting(t, "AKIN_PROGRAM")
	home, err := filepath.Abs("../../.akin")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), akin, "import", "--data", data, "--home", home, sampleFile).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(flags) == 0 {
		flags = []string{"--http-addr", "127.0.0.1:0"}
	}
	serve := exec.Command(akin, append([]string{"serve", "--data", data, "--home", home, "--grpc-addr", "127.0.0.1:0"}, flags...)...)
	out, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		serve.Process.Signal(syscall.SIGTERM)
		serve.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "http://"); ok {
			return "http://" + strings.TrimSpace(address)
		}
	}
	t.Fatal("the program says no address")
	return ""
}

// browser starts Chromium. A test takes tabs of it.
func browser(t *testing.T) context.Context {
	t.Helper()
	setting(t, "AKIN_PROGRAM")
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.NoSandbox)...)
	ctx, leave := chromedp.NewContext(allocator)
	t.Cleanup(func() { leave(); stop() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return ctx
}

// tab is one of a browser, with what went wrong in it and what it asked for.
type tab struct {
	t   *testing.T
	ctx context.Context
	at  string

	mu    sync.Mutex // guards what follows
	wrong []string
	asked []string
	bytes float64
}

func open(t *testing.T, b context.Context, at string) *tab {
	t.Helper()
	ctx, leave := chromedp.NewContext(b)
	ctx, cancel := context.WithTimeout(ctx, 9*time.Minute)
	t.Cleanup(func() { cancel(); leave() })
	p := &tab{t: t, ctx: ctx, at: at}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	chromedp.Listen(ctx, func(event any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			p.asked = append(p.asked, e.Request.URL)
		case *network.EventLoadingFinished:
			p.bytes += e.EncodedDataLength
		case *cdplog.EventEntryAdded:
			if e.Entry.Source == "security" || strings.Contains(e.Entry.Text, "Content Security Policy") {
				p.wrong = append(p.wrong, e.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			p.wrong = append(p.wrong, "exception: "+e.ExceptionDetails.Text)
		case *page.EventJavascriptDialogOpening:
			p.wrong = append(p.wrong, "a dialog opened: "+e.Message)
		}
	})
	p.call(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, cdplog.Enable, cdp.Empty{})
		return err
	}))
	p.size(1280, 900)
	return p
}

func (p *tab) call(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) visit(path string) { p.t.Helper(); p.call(chromedp.Navigate(p.at + path)) }

func (p *tab) size(width, height int64) {
	p.t.Helper()
	if width < 600 {
		p.call(chromedp.EmulateViewport(width, height, chromedp.EmulateMobile, chromedp.EmulateTouch))
		return
	}
	p.call(chromedp.EmulateViewport(width, height))
}

func (p *tab) scheme(name string) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	}); err != nil {
		p.t.Fatal(err)
	}
}

// js gives what an expression is in the page.
func js[T any](p *tab, expression string, options ...chromedp.EvaluateOption) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, options...))
	if err != nil {
		p.t.Fatalf("%.200s: %v", expression, err)
	}
	return v
}

// until waits for a condition.
func (p *tab) until(condition string) {
	p.t.Helper()
	for range 200 {
		// A page may be half there, or give way to the next while it is asked.
		held, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("(() => { try { return document.readyState === 'complete' && !!("+condition+") } catch { return false } })()"))
		if err == nil && held {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Fatalf("never: %s; the page is %s, titled %q", condition, js[string](p, "location.href"), js[string](p, "document.title"))
}

// press presses keys as a person does: a letter that is prevented types nothing.
func (p *tab) press(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key}
		switch key {
		case "Enter":
			down.Text, down.WindowsVirtualKeyCode, down.Code = "\r", 13, "Enter"
		case "Tab":
			down.WindowsVirtualKeyCode, down.Code = 9, "Tab"
		case "Escape":
			down.WindowsVirtualKeyCode, down.Code = 27, "Escape"
		default:
			down.Text = key
		}
		up := down
		up.Type, up.Text = input.DispatchKeyEventTypeKeyUp, ""
		for _, event := range []input.DispatchKeyEventParams{down, up} {
			if _, err := chromedp.Call(p.ctx, input.DispatchKeyEvent, event); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

func (p *tab) fine() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, wrong := range p.wrong {
		p.t.Error(wrong)
	}
	for _, address := range p.asked {
		if !strings.HasPrefix(address, p.at) && !strings.HasPrefix(address, "about:") && !strings.HasPrefix(address, "data:") {
			p.t.Errorf("something was asked for elsewhere: %s", address)
		}
	}
}

const titles = `[...document.querySelectorAll("#main [data-open]")].map(a => a.textContent)`

func TestBrowser(t *testing.T) {
	at, b := program(t), browser(t)
	for name, test := range map[string]func(*tab){
		"Typing": typing, "Facets": facets, "Paper": similarPapers, "Keys": keyboard, "WithoutScript": withoutScript, "FirstView": firstView,
		"Narrow": narrow, "Likes": likes, "Steady": steady,
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, b, at)
			test(&tab{t: t, ctx: p.ctx, at: at})
			p.fine()
		})
	}
	prepare(t, open(t, b, at))
	for _, scheme := range []string{"light", "dark"} {
		t.Run("Accessible/"+scheme, func(t *testing.T) { accessible(t, open(t, b, at), scheme) })
		t.Run("Screenshots/"+scheme, func(t *testing.T) { screenshots(t, open(t, b, at), scheme) })
	}
}

// typing: results come while typing; back goes to where it began, forward to them.
func typing(p *tab) {
	p.visit("/")
	p.press("/")
	p.press(strings.Split("graph neural", "")...)
	p.until(`location.search === "?q=graph+neural" && document.title.startsWith("graph neural")`)
	first := js[[]string](p, titles)
	if len(first) == 0 || !js[bool](p, `document.activeElement.id === "q"`) {
		p.t.Errorf("%q; the box lost the focus", first)
	}
	p.press(strings.Split(" networks", "")...)
	p.until(`document.title.startsWith("graph neural networks")`)
	if !js[bool](p, `document.getElementById("said").textContent.includes("results")`) {
		p.t.Error("a screen reader is told nothing")
	}
	p.call(chromedp.Evaluate[chromedp.Void]("history.back()"))
	p.until(`location.pathname === "/" && document.querySelector("h1").textContent === "New papers" && document.getElementById("q").value === ""`)
	p.call(chromedp.Evaluate[chromedp.Void]("history.forward()"))
	p.until(`document.title.startsWith("graph neural networks") && document.getElementById("q").value === "graph neural networks"`)
}

func facets(p *tab) {
	p.visit("/search?q=language+models")
	p.call(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll(".facet .value")].find(a => a.textContent === "cs.CL").click()`))
	p.until(`location.search.includes("category=cs.CL") && document.querySelector(".chips")`)
	tags := js[[]string](p, `[...document.querySelectorAll(".hit")].map(h => [...h.querySelectorAll(".tag")].map(t => t.textContent).join(" "))`)
	for _, tag := range tags {
		if !strings.Contains(tag, "cs.CL") {
			p.t.Errorf("a paper of %s is left", tag)
		}
	}
	// Typing goes on under what is chosen.
	p.press("/")
	p.press(strings.Split("parsing", "")...)
	p.until(`location.search.includes("q=parsing") && location.search.includes("category=cs.CL")`)
	p.call(chromedp.Evaluate[chromedp.Void](`document.querySelector(".chips a").click()`))
	p.until(`!location.search.includes("category") && !document.querySelector(".chips")`)
}

func similarPapers(p *tab) {
	p.visit("/search?q=attention+is+all+you+need&mode=words")
	p.call(chromedp.Click(chromedp.CSS(".hit .title a")))
	p.until(`location.pathname.startsWith("/paper/") && document.querySelector("math") && document.querySelectorAll("#main .hit").length > 3`)
	title := js[string](p, `document.querySelector("h1").textContent`)
	p.call(chromedp.Evaluate[chromedp.Void](`document.querySelector("#main .hit .title a").click()`))
	p.until(`location.pathname.startsWith("/paper/") && document.querySelector("h1").textContent !== ` + fmt.Sprintf("%q", title))
	p.call(chromedp.Evaluate[chromedp.Void]("history.back()"))
	p.until(`document.querySelector("h1").textContent === ` + fmt.Sprintf("%q", title))
}

// keyboard reaches everything.
func keyboard(p *tab) {
	p.visit("/search?q=translation")
	p.press("j", "j", "k", "j")
	second := js[string](p, `document.activeElement.textContent`)
	if all := js[[]string](p, titles); second != all[1] {
		p.t.Errorf("j, j, k, j is at %q, not at %q", second, all[1])
	}
	p.press("?")
	p.until(`document.getElementById("keys").open`)
	p.press("j")
	p.press("Escape")
	p.until(`!document.getElementById("keys").open`)
	if back := js[string](p, `document.activeElement.textContent`); back != second {
		p.t.Errorf("the focus was lost: it is at %q", back)
	}
	p.press("s")
	p.until(`location.search.startsWith("?like=") && document.querySelector(".like")`)
	p.press("j", "Enter")
	p.until(`location.pathname.startsWith("/paper/")`)
	p.press("/")
	if js[string](p, `document.activeElement.id`) != "q" || js[string](p, `document.getElementById("q").value`) != "" {
		p.t.Error("/ does not go to the box, or is typed there")
	}
	p.visit("/search?q=translation")
	p.press("Tab")
	if js[string](p, `document.activeElement.className`) != "skip" {
		p.t.Error("the first Tab does not offer to skip")
	}
	p.press("Enter", "Tab")
	if !js[bool](p, `document.getElementById("main").contains(document.activeElement)`) {
		p.t.Error("skipping does not lead to the content")
	}
	// Keys can be turned off.
	p.visit("/help")
	p.call(chromedp.Click(chromedp.CSS("#single-keys")))
	p.visit("/search?q=translation")
	p.press("j")
	if js[bool](p, `!!document.activeElement.closest("[data-item]")`) {
		p.t.Error("j acts though keys are off")
	}
	js[chromedp.Void](p, `localStorage.clear()`)
}

func withoutScript(p *tab) {
	if _, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		p.t.Fatal(err)
	}
	p.visit("/")
	p.call(chromedp.SendKeys(chromedp.CSS("#q"), "speech recognition"))
	p.press("Enter")
	p.until(`location.search === "?q=speech+recognition" && document.querySelectorAll(".hit").length > 3`)
	p.call(chromedp.Click(chromedp.CSS(".tools .choices:nth-child(3) a")))
	p.until(`document.querySelector(".evidence")`)
	p.call(chromedp.Click(chromedp.CSS(".hit .title a")))
	p.until(`location.pathname.startsWith("/paper/")`)
}

// prepare likes some papers, so that the views that need likes have something to show.
func prepare(t *testing.T, p *tab) {
	t.Helper()
	p.visit("/search?q=attention&mode=words")
	for range 3 {
		js[chromedp.Void](p, `document.querySelector('.hit [data-mark="like"][aria-pressed="false"]')?.click()`)
		p.until(`!document.getElementById("toast").hidden`)
		p.visit("/search?q=graph+networks&mode=words")
	}
}

// firstView is small, and all of it comes from the server itself.
func firstView(p *tab) {
	full := open(p.t, p.ctx, p.at)
	for _, path := range []string{"/", "/search?q=attention&evidence=1", "/paper/arXiv:1706.03762"} {
		full.mu.Lock()
		full.bytes = 0
		full.mu.Unlock()
		if _, err := chromedp.Call(full.ctx, network.ClearBrowserCache, cdp.Empty{}); err != nil {
			p.t.Fatal(err)
		}
		full.visit(path)
		full.until(`document.readyState === "complete"`)
		time.Sleep(300 * time.Millisecond)
		full.mu.Lock()
		got := full.bytes
		full.mu.Unlock()
		p.t.Logf("%s: %.1f kB transferred", path, got/1000)
		if got > 100_000 || got == 0 {
			p.t.Errorf("%s takes %.0f bytes", path, got)
		}
	}
	full.fine()
}

// likes: marks are set by keys and buttons, undone, and change what is recommended;
// a file of references becomes a library.
func likes(p *tab) {
	p.visit("/for-you")
	if !js[bool](p, `document.body.textContent.includes("Your own papers")`) {
		p.t.Error("a newcomer is not told how to begin")
	}
	p.visit("/search?q=attention+is+all+you+need")
	p.press("j", "l")
	p.until(`document.querySelector('.hit [data-mark="like"]').getAttribute("aria-pressed") === "true" && !document.getElementById("toast").hidden`)
	if !js[bool](p, `!!document.activeElement.closest("[data-item]")`) {
		p.t.Error("liking loses the focus")
	}
	p.visit("/for-you")
	p.until(`document.querySelectorAll("#main .hit").length > 3 && document.querySelector(".because").textContent.includes("Attention is All you Need")`)
	first := js[[]string](p, titles)
	p.press("j", "x")
	p.until(`document.querySelector("#main .hit").hidden`)
	if at := js[string](p, `document.activeElement.textContent`); at != first[1] {
		p.t.Errorf("after dismissing, the focus is at %q, not at %q", at, first[1])
	}
	p.call(chromedp.Click(chromedp.CSS("#toast button")))
	p.until(`!document.querySelector("#main .hit").hidden && document.activeElement.textContent === ` + fmt.Sprintf("%q", first[0]))
	p.press("x")
	p.until(`document.querySelector("#main .hit").hidden`)
	p.visit("/for-you")
	if again := js[[]string](p, titles); slices.Contains(again, first[0]) {
		p.t.Errorf("%q came back", first[0])
	}
	file := filepath.Join(p.t.TempDir(), "refs.bib")
	if err := os.WriteFile(file, []byte("@article{a, title={How Powerful are Graph Neural Networks?}}\n@article{b, title={None}}\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.visit("/library")
	p.call(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file}), chromedp.Click(chromedp.CSS(`#main .block .inline button`)))
	p.until(`document.querySelector("h1").textContent === "Imported" && document.body.textContent.includes("1 paper found here")`)
	p.call(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll("#main a")].find(a => a.textContent === "What did I miss?").click()`))
	p.until(`[...document.querySelectorAll(".because")].some(b => b.textContent.includes("How Powerful are Graph"))`)
}

// views are the pages that are looked at.
func views() map[string]string {
	return map[string]string{
		"new": "/", "search": "/search?q=graph+neural+networks", "evidence": "/search?q=attention&evidence=1&category=cs.CL&not-year=2019", "nothing": "/search?q=zebra&mode=words&year=1901",
		"paper": "/paper/arXiv:1706.03762?evidence=1&novelty=1", "similar": "/search?like=arXiv:1706.03762", "day": "/day/2017", "listed": "/day/2026-03-17",
		"trending": "/trending?window=month", "trended": "/trending?window=week&day=2026-03-17", "untrended": "/trending?window=day&signal=none",
		"author": "/search?author=Ilya+Sutskever",
		"foryou": "/for-you", "begin": "/for-you?library=none", "libraries": "/library", "library": "/library/reading", "sign": "/sign-in", "own": "/for-you?name=Sutskever",
		"map": "/map", "group": "/map?cluster=0", "marked": "/map?q=graph+neural+networks&mode=words",
		"these": "/search?like=arXiv:1706.03762&like=arXiv:1810.04805",
		"feeds": "/feeds?text=graph+neural+networks", "follow": "/follow?text=graph+neural+networks&breadth=broad", "badfeed": "/follow?text=a&filter=year+%3E", "subscribe": "/mail/subscribe",
		"status": "/status", "help": "/help", "fault": "/paper/nothing", "filter": "/search?filter=year+%3E%3D+soon",
	}
}

// look visits a view and waits until nothing more comes.
func (p *tab) look(path string) {
	p.t.Helper()
	p.visit(path)
	p.until(`!document.getElementById("map") || document.querySelector("#map[data-ready]")`)
}

// steady: nothing jumps while a page loads, as browsers measure it.
func steady(p *tab) {
	for _, size := range [][2]int64{{360, 740}, {1280, 900}} {
		p.size(size[0], size[1])
		for name, path := range views() {
			p.look(path)
			jumped := js[[]string](p, `new Promise((done) => setTimeout(() => {
				const all = [];
				new PerformanceObserver((list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) all.push(e); }).observe({ type: "layout-shift", buffered: true });
				setTimeout(() => done(all.flatMap((e) => e.sources.map((s) => e.value.toFixed(4) + " " + (s.node?.outerHTML ?? s.node?.textContent ?? "").slice(0, 80)))), 50);
			}, 250))`, chromedp.EvalAwaitPromise)
			for _, what := range jumped {
				p.t.Errorf("%s at %d: %s", name, size[0], what)
			}
		}
	}
}

// narrow: no page is wider than a phone.
func narrow(p *tab) {
	p.size(360, 740)
	for name, path := range views() {
		p.look(path)
		if wide := js[int](p, `document.documentElement.scrollWidth`); wide > 360 {
			p.t.Errorf("%s is %d wide", name, wide)
		}
	}
}

// accessible: axe finds nothing serious in light or dark, wide or narrow.
func accessible(t *testing.T, p *tab, scheme string) {
	axe, err := os.ReadFile(setting(t, "AKIN_AXE"))
	if err != nil {
		t.Fatal(err)
	}
	p.scheme(scheme)
	for name, path := range views() {
		p.look(path)
		js[chromedp.Void](p, string(axe))
		found := js[[]string](p, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
			.then(r => r.violations.map(v => v.impact + " " + v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + n.failureSummary).join(" | ")))`, chromedp.EvalAwaitPromise)
		for _, v := range found {
			if strings.HasPrefix(v, "serious") || strings.HasPrefix(v, "critical") {
				t.Errorf("%s, %s: %s", name, scheme, v)
			} else {
				t.Logf("%s, %s: %s", name, scheme, v)
			}
		}
	}
	p.fine()
}

func screenshots(t *testing.T, p *tab, scheme string) {
	dir := setting(t, "AKIN_SCREENSHOTS")
	p.scheme(scheme)
	for _, size := range [][2]int64{{360, 740}, {820, 1180}, {1440, 1000}} {
		p.size(size[0], size[1])
		for name, path := range views() {
			p.look(path)
			picture(t, p, filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, size[0], scheme)))
		}
	}
}

func picture(t *testing.T, p *tab, file string) {
	t.Helper()
	b, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestBrowserPicture takes the picture of the README, if it is told where to.
func TestBrowserPicture(t *testing.T) {
	file := os.Getenv("AKIN_PICTURE")
	if file == "" {
		t.Skip("AKIN_PICTURE is not set; make page-picture sets it")
	}
	p := open(t, browser(t), program(t))
	p.size(1080, 660)
	p.visit("/search?q=dense+retrieval+without+labelled+data&evidence=1")
	picture(t, p, file)
}

// TestBrowserHostile: no text of a paper runs, wherever it is shown.
func TestBrowserHostile(t *testing.T) {
	b := browser(t)
	at := site(t, hostilePapers()...)
	p := open(t, b, at)
	paths := []string{"/", "/day/2024", "/trending", "/search?q=graph+networks&evidence=1", "/status"}
	for _, paper := range hostilePapers() {
		id := url.QueryEscape(paper.GetId())
		paths = append(paths, "/paper?id="+id, "/search?q="+url.QueryEscape(strings.ReplaceAll(paper.GetTitle(), "\x00", "")))
	}
	p.size(360, 740)
	for _, path := range paths {
		p.visit(path)
		if wide := js[int](p, `document.documentElement.scrollWidth`); wide > 360 {
			t.Errorf("%.80s is %d wide", path, wide)
		}
	}
	// The script puts it into the page as well.
	p.visit("/")
	p.press("/")
	p.press(strings.Split("<script>", "")...)
	p.until(`location.search.includes("script")`)
	p.fine()
}
