//go:build page

package web_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// TestBrowserMap drives the map of the sample corpus.
func TestBrowserMap(t *testing.T) {
	b := browser(t)
	at := mapSite(t)
	for name, test := range map[string]func(*tab){
		"Hover": mapHover, "Lasso": mapLasso, "Keys": mapKeys, "Legend": mapLegend, "Result": mapResult, "Address": mapAddress, "WithoutScript": mapWithoutScript,
		"Back": mapBack, "Narrow": mapNarrow, "Fingers": mapFingers, "Examples": mapExamples, "Accessible": mapAccessible,
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, b, at)
			p.t = t
			test(p)
			p.fine()
		})
	}
}

// mouse moves, presses or lets go of the mouse over the plane, in its pixels.
func (p *tab) mouse(kind input.DispatchMouseEventType, x, y float64) {
	p.t.Helper()
	box := js[[]float64](p, `(() => { const b = document.querySelector(".plane").getBoundingClientRect(); return [b.left, b.top]; })()`)
	e := input.DispatchMouseEventParams{Type: kind, X: box[0] + x, Y: box[1] + y, Button: input.MouseButtonLeft, ClickCount: 1}
	if kind == input.DispatchMouseEventTypeMouseMoved {
		e.ClickCount = 0
	}
	if _, err := chromedp.Call(p.ctx, input.DispatchMouseEvent, e); err != nil {
		p.t.Fatal(err)
	}
}

// map opens the map and waits until it is drawn.
func (p *tab) openMap(path string) {
	p.t.Helper()
	p.visit(path)
	p.until(`document.querySelector("#map[data-ready]")`)
}

// aPoint gives the place of a paper in the plane, and its number.
func (p *tab) aPoint() (x, y float64, number int) {
	p.t.Helper()
	v := js[[]float64](p, `(() => { const m = akinMap, s = m.scale(), i = 7; return [m.w / 2 + (m.data.xs[i] - m.view.x) * s, m.h / 2 + (m.data.ys[i] - m.view.y) * s, i]; })()`)
	return v[0], v[1], int(v[2])
}

func mapHover(p *tab) {
	p.openMap("/map")
	x, y, _ := p.aPoint()
	p.mouse(input.DispatchMouseEventTypeMouseMoved, x, y)
	p.until(`!document.querySelector(".tip").hidden && document.querySelector(".tip strong").textContent.length > 5`)
	title := js[string](p, `document.querySelector(".tip strong").textContent`)
	p.mouse(input.DispatchMouseEventTypeMousePressed, x, y)
	p.mouse(input.DispatchMouseEventTypeMouseReleased, x, y)
	p.until(`location.pathname.startsWith("/paper")`)
	if got := js[string](p, `document.querySelector("h1").textContent`); !strings.Contains(got, title[:10]) {
		p.t.Errorf("the point of %q leads to %q", title, got)
	}
}

func mapLasso(p *tab) {
	p.openMap("/map")
	w := js[[]float64](p, "[akinMap.w, akinMap.h]")
	p.call(chromedp.Click(chromedp.CSS(`[data-do="lasso"]`)))
	p.mouse(input.DispatchMouseEventTypeMousePressed, 3, 3)
	for _, c := range [][2]float64{{w[0] - 3, 3}, {w[0] - 3, w[1] - 3}, {3, w[1] - 3}, {3, 10}} {
		p.mouse(input.DispatchMouseEventTypeMouseMoved, c[0], c[1])
	}
	p.mouse(input.DispatchMouseEventTypeMouseReleased, 3, 10)
	p.until(`document.querySelectorAll(".picked li a").length > 10`)
	n := js[float64](p, "akinMap.data.n")
	if title := js[string](p, `document.querySelector(".picked h2").textContent`); !strings.Contains(title, fmt.Sprint("Drawn around: ", n)) {
		p.t.Errorf("around all is %q", title)
	}
	p.call(chromedp.Click(chromedp.CSS(`[data-do="close"]`)))
	p.until(`document.querySelector(".picked").hidden && document.querySelector("#map").contains(document.activeElement)`)
}

func mapKeys(p *tab) {
	p.openMap("/map")
	p.call(chromedp.Evaluate[chromedp.Void](`document.querySelector(".plane").focus()`))
	p.press("+", "+")
	p.until("akinMap.view.z > 2.5")
	p.press("Enter")
	p.until(`!document.querySelector(".picked").hidden && document.querySelector(".picked h2").textContent.startsWith("In view") && document.activeElement.closest(".picked") && document.querySelector(".picked li")`)
	p.press("j")
	p.until(`document.activeElement.matches(".picked [data-open]")`)
	p.call(chromedp.Evaluate[chromedp.Void](`document.querySelector(".plane").focus()`))
	p.press("0")
	p.until("akinMap.view.z === 1")
}

func mapLegend(p *tab) {
	p.openMap("/map")
	for _, by := range []string{"category", "year", "venue", "cluster"} {
		p.call(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => { const s = document.querySelector("#map-by"); s.value = %q; s.dispatchEvent(new Event("change", { bubbles: true })); })()`, by)))
		sum := js[float64](p, `[...document.querySelectorAll(".legend .n")].reduce((a, e) => a + +e.textContent.replace(",", ""), 0)`)
		if n := js[float64](p, "akinMap.data.n"); sum != n {
			p.t.Errorf("by %s the legend has %v papers of %v", by, sum, n)
		}
	}
	p.call(chromedp.Click(chromedp.CSS(".legend button")))
	p.until(`document.querySelector(".legend button").getAttribute("aria-pressed") === "true" && document.activeElement === document.querySelector(".legend button")`)
	if js[bool](p, "akinMap.all || akinMap.lit.reduce((a, b) => a + b, 0) === 0") {
		p.t.Error("choosing a group does not leave it alone")
	}
}

func mapResult(p *tab) {
	p.visit("/search?q=language+models")
	p.call(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll("a")].find(a => a.textContent === "On the map").click()`))
	p.until(`location.pathname === "/map" && document.querySelector("#map[data-ready]") && akinMap.found`)
	if js[bool](p, "!akinMap.found.some(x => x)") {
		p.t.Error("no paper of the result is marked")
	}
}

// mapAddress: a view has an address, which gives it again.
func mapAddress(p *tab) {
	p.openMap("/map#20000,30000,4.00,year")
	if !js[bool](p, `akinMap.view.x === 20000 && akinMap.view.z === 4 && document.querySelector("#map-by").value === "year"`) {
		p.t.Errorf("the view is %s", js[string](p, "JSON.stringify(akinMap.view)"))
	}
	p.call(chromedp.Click(chromedp.CSS(`[data-do="in"]`)))
	p.until(`location.hash.startsWith("#20000,30000,6.40,year")`)
}

// mapBack: typing leaves the map, and going back shows it again.
func mapBack(p *tab) {
	p.openMap("/map")
	p.press("/")
	p.press(strings.Split("graph", "")...)
	p.until(`location.pathname === "/search"`)
	p.call(chromedp.Evaluate[chromedp.Void]("history.back()"))
	p.until(`location.pathname === "/map" && document.querySelector("#map[data-ready]") && akinMap.root.isConnected`)
}

func mapWithoutScript(p *tab) {
	if _, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		p.t.Fatal(err)
	}
	p.visit("/map")
	if !js[bool](p, `document.querySelector("#map").offsetHeight === 0 && [...document.querySelectorAll("#map-list a")].filter(a => a.checkVisibility({contentVisibilityAuto: true}) && a.offsetHeight > 0).length > 10`) {
		p.t.Error("without a script the list is not there, or the map is")
	}
}

// touch puts fingers on the plane, moves them, or lifts those that are not named.
func (p *tab) touch(kind input.DispatchTouchEventType, points ...[2]float64) {
	p.t.Helper()
	box := js[[]float64](p, `(() => { const b = document.querySelector(".plane").getBoundingClientRect(); return [b.left, b.top]; })()`)
	e := input.DispatchTouchEventParams{Type: kind, TouchPoints: []*input.TouchPoint{}}
	for i, at := range points {
		id := float64(i)
		e.TouchPoints = append(e.TouchPoints, &input.TouchPoint{X: box[0] + at[0], Y: box[1] + at[1], ID: &id})
	}
	if _, err := chromedp.Call(p.ctx, input.DispatchTouchEvent, e); err != nil {
		p.t.Fatal(err)
	}
}

// mapFingers: two fingers zoom where they are, one moves the map, and a tap names a paper.
func mapFingers(p *tab) {
	p.size(360, 740)
	p.openMap("/map")
	p.touch(input.DispatchTouchEventTypeTouchStart, [2]float64{150, 150})
	p.touch(input.DispatchTouchEventTypeTouchStart, [2]float64{150, 150}, [2]float64{200, 150})
	p.touch(input.DispatchTouchEventTypeTouchMove, [2]float64{125, 150}, [2]float64{225, 150})
	p.touch(input.DispatchTouchEventTypeTouchEnd)
	p.until("akinMap.view.z > 1.7 && akinMap.view.z < 2.3")
	if js[int](p, "akinMap.pointers.size") != 0 {
		p.t.Error("a finger is still there")
	}
	before := js[float64](p, "akinMap.view.x")
	p.touch(input.DispatchTouchEventTypeTouchStart, [2]float64{150, 150})
	p.touch(input.DispatchTouchEventTypeTouchMove, [2]float64{100, 150})
	p.touch(input.DispatchTouchEventTypeTouchEnd)
	if after := js[float64](p, "akinMap.view.x"); after <= before {
		p.t.Errorf("moving a finger to the left leads from %v to %v", before, after)
	}
	if js[bool](p, "scrollY > 0 || visualViewport.scale !== 1") {
		p.t.Error("the page moved instead of the map")
	}
	p.openMap("/map")
	x, y, _ := p.aPoint()
	p.touch(input.DispatchTouchEventTypeTouchStart, [2]float64{x, y})
	p.touch(input.DispatchTouchEventTypeTouchEnd)
	p.until(`!document.querySelector(".tip").hidden && document.querySelector(".tip strong").textContent.length > 5`)
}

// mapExamples: what is drawn around leads to papers like it, and an entry of the list
// shows its point.
func mapExamples(p *tab) {
	p.openMap("/map")
	p.call(chromedp.Click(chromedp.CSS(`[data-do="view"]`)))
	p.until(`document.querySelectorAll(".picked li a").length > 10`)
	p.press("j")
	p.until(`document.activeElement.matches(".picked [data-open]") && document.querySelector(".lasso circle").getAttribute("r") > 0`)
	p.call(chromedp.Click(chromedp.CSS("[data-examples]")))
	p.until(`location.pathname === "/search" && document.querySelector("h1").textContent === "More like these" && document.querySelectorAll("#main .hit").length > 3`)
}

func mapNarrow(p *tab) {
	p.size(360, 740)
	p.openMap("/map")
	if js[bool](p, "document.documentElement.scrollWidth > innerWidth") {
		p.t.Error("the map is wider than a phone")
	}
	if dir := os.Getenv("AKIN_SCREENSHOTS"); dir != "" {
		time.Sleep(100 * time.Millisecond)
		b, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		if err == nil {
			err = os.WriteFile(dir+"/map-360.png", b, 0o600)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

// mapAccessible looks with axe-core, in both schemes, with a list open.
func mapAccessible(p *tab) {
	axe, err := os.ReadFile(setting(p.t, "AKIN_AXE"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		p.openMap("/map")
		p.call(chromedp.Click(chromedp.CSS(`[data-do="view"]`)))
		p.until(`document.querySelectorAll(".picked li").length > 0`)
		p.call(chromedp.Evaluate[chromedp.Void](string(axe)))
		found := js[[]string](p, `axe.run().then(r => r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => v.id + ": " + v.nodes.map(n => n.html).slice(0, 2).join(" ")))`, chromedp.EvalAwaitPromise)
		for _, f := range found {
			p.t.Errorf("%s: %s", scheme, f)
		}
	}
}
