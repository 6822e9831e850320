package formula

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	nethtml "golang.org/x/net/html"
)

func reader(t testing.TB) *Reader {
	t.Helper()
	r, err := NewReader()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                     nil,
		"no formula":                           nil,
		"from $50K to $40K":                    nil,
		"it costs $5, not $6":                  nil,
		"a $x$ b":                              {"x"},
		"$O(n^2 d)$ operations":                {"O(n^2 d)"},
		"$ x$ and $y $":                        nil,
		"$x$5":                                 nil,
		`\$x\$ is money`:                       nil,
		`$a\$b$ c`:                             {`a\$b`},
		`\(x+1\) and \[y\]`:                    {"x+1", "y"},
		"$$x$$":                                {"x"},
		"$a$ $b$":                              {"a", "b"},
		"$never closed":                        nil,
		"$":                                    nil,
		"$$":                                   nil,
		`\`:                                    nil,
		"$x\n\ny$":                             nil,
		"$" + strings.Repeat("x", 2_000) + "$": nil,
		"räume $ä$ é":                          {"ä"},
	} {
		var got []string
		var whole strings.Builder
		for _, p := range Split(text) {
			whole.WriteString(p.Source)
			if p.Formula {
				got = append(got, p.Text)
			}
		}
		if strings.Join(got, "|") != strings.Join(want, "|") || whole.String() != text {
			t.Errorf("%q: formulas %q, want %q; together %q", text, got, want, whole.String())
		}
	}
}

func TestMathML(t *testing.T) {
	r := reader(t)
	for tex, want := range map[string]string{
		"x":            "<mi>x</mi>",
		"x<y":          "&lt;",
		`\|x\|_2`:      "‖",
		`\alpha`:       "α",
		`\frac{1}{k}`:  "<mfrac>",
		`\mathbb{R}^d`: "ℝ",
		`\epsilon*n`:   "*",
		`\bm{y}`:       "y",

		`x \text{ for all } y`:         "<mtext>\u00a0for all\u00a0</mtext>",
		`\text{if }x`:                  "<mtext>if\u00a0</mtext>",
		`\frac12`:                      "<mfrac><mn>1</mn><mn>2</mn></mfrac>",
		`\dfrac 1 2`:                   "<mn>1</mn><mn>2</mn></mfrac>",
		`\tilde\mathcal{O}(n)`:         `<mover accent="true"><mi>𝒪`,
		`\widehat \mathbf X`:           `<mover accent="true"><mi>𝐗</mi>`,
		`\mbox{rank}(Y)`:               "<mtext>rank</mtext>",
		`\Tilde{O}(n)`:                 `<mover accent="true"><mi>O</mi>`,
		`\stackrel{d}{=}`:              "<mi>d</mi></mover>",
		`X \xrightarrow{a} Y`:          "<mi>a</mi></mover>",
		`\nicefrac{1}{2}`:              "<mn>1</mn><mo>/</mo><mn>2</mn>",
		`\operatorname*{argmin}_x f`:   `<msub>`,
		`\varnothing`:                  "∅",
		`2^{O(k^2)} \poly(mn)`:         `<mi mathvariant="normal">p</mi>`,
		`\ensuremath{\epsilon}-greedy`: "ϵ",
	} {
		got := string(r.MathML(tex, false))
		if !strings.HasPrefix(got, "<math") || strings.Contains(got, "<mo>*</mo></mpadded>") || !strings.Contains(strings.ReplaceAll(got, "∥", "‖"), want) {
			t.Errorf("%s: %q has no %q", tex, got, want)
		}
	}
	for _, tex := range []string{"", `\mycommand{x}`, "{", "}", strings.Repeat("{", 30) + strings.Repeat("}", 30), strings.Repeat("x", 1_001), "a\x00b", `\def\a{\a\a}\a`} {
		if got := r.MathML(tex, false); got != "" {
			t.Errorf("%q was read: %q", tex, got)
		}
	}
}

// hostile are formulas that try to get out of the formula, or to take all the time.
func hostile() []string {
	return []string{
		`<img src=x onerror=alert(1)>`, `\text{<script>alert(1)</script>}`, `\href{javascript:alert(1)}{x}`, `\url{javascript:alert(1)}`,
		`\class{a" onmouseover="alert(1)}{x}`, `\includegraphics{http://example.org/a.png}`, `\color{red;background:url(http://e)}x`,
		`\textcolor{"onload="x}{y}`, `\unicode{x3c}`, `\htmlStyle{color:red}{x}`, `\def\a{\a\a}\a`, strings.Repeat("x^", 400),
		`\begin{array}{c}1\\2`, `\left(`, `\\`, `a & b`, `\operatorname{<b>}`, `</math><script>alert(1)</script>`, "\x00\xff", `\rule{99999em}{99999em}`,
		`\mathrm{<script>alert(1)</script>}`, `\text{<img src=x onerror=alert(1)>}`, `\label{"><img src=x>}`, `\tag{<b>}`, `\hspace{99999em}`, `\u`,
		`\tilde \mathcal{O}(\cdot)`, strings.Repeat(`\frac{1}{`, 18) + strings.Repeat("}", 18), strings.Repeat(`\sqrt`, 200), strings.Repeat(`\left(`, 200),
		strings.Repeat("_", 900), strings.Repeat(`\begin{matrix}`, 60), `\text{</math><style>*{display:none}</style>}`, `\text{</mtext></math><a href="javascript:alert(1)">x</a>}`,
		`\text{<mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">}`, `\text{<![CDATA[<script>alert(1)</script>]]>}`, `\text{&lt;script&gt;}`,
	}
}

func TestHostile(t *testing.T) {
	r := reader(t)
	for _, tex := range hostile() {
		began := time.Now()
		for _, display := range []bool{false, true} {
			assertSafe(t, tex, string(r.read(tex, display)))
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%.60q took %v", tex, took)
		}
	}
}

// assertSafe reads the markup as a browser would, inside a paragraph, and finds
// nothing but formulas.
func assertSafe(t *testing.T, tex, markup string) {
	t.Helper()
	if markup == "" {
		return
	}
	nodes, err := nethtml.ParseFragment(strings.NewReader("<p>"+markup+"</p>"), nil)
	if err != nil {
		t.Fatal(err)
	}
	frame := setOf("html head body p math")
	var walk func(n *nethtml.Node)
	walk = func(n *nethtml.Node) {
		if n.Type == nethtml.ElementNode {
			if !frame[n.Data] && !elements[n.Data] {
				t.Errorf("%q gives an element %s: %s", tex, n.Data, markup)
			}
			for _, a := range n.Attr {
				if !attributes[a.Key] && a.Key != "alttext" {
					t.Errorf("%q gives an attribute %s: %s", tex, a.Key, markup)
				}
			}
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
	}
	for _, n := range nodes {
		walk(n)
	}
}

func TestSameBytes(t *testing.T) {
	r := reader(t)
	const tex = `\left\{\sum_{i=1}^{n} \hat{x}_i \mid \mathbf{A} \in \mathbb{R}^{d \times m}\right\}`
	first := r.read(tex, false)
	if first == "" {
		t.Fatal("not read")
	}
	for range 20 {
		if again := r.read(tex, false); again != first {
			t.Fatalf("%s\n%s", first, again)
		}
	}
}

// TestPrintsNothing: what panics in the library, or makes it warn, goes nowhere.
func TestPrintsNothing(t *testing.T) {
	silence()
	var out bytes.Buffer
	logger.SetOutput(&out)
	t.Cleanup(func() { logger.SetOutput(new(discard)) })
	if _, err := convert(`\u`, nil); err == nil {
		t.Log("the library reads it by now")
	}
	_, err := convert(`\tilde \mathcal{O}(\cdot)`, nil)
	if err != nil && !errors.Is(err, errUnread) {
		t.Fatal(err)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// TestRealFormulas reads formulas of real papers; most must be readable.
func TestRealFormulas(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "cases", "page", "formulas30.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the folder shared with cases of the page is not there")
	}
	if err != nil {
		t.Fatal(err)
	}
	var formulas []string
	if err := json.Unmarshal(data, &formulas); err != nil {
		t.Fatal(err)
	}
	r := reader(t)
	for _, tex := range formulas {
		got := string(r.MathML(tex, false))
		assertSafe(t, tex, got)
		if got == "" {
			t.Errorf("not read: %s", tex)
		}
	}
}

func FuzzMathML(f *testing.F) {
	for _, tex := range hostile() {
		f.Add(tex)
	}
	r := reader(f)
	f.Fuzz(func(t *testing.T, tex string) {
		for _, p := range Split("a $" + tex + "$ b") {
			if p.Formula {
				assertSafe(t, p.Text, string(r.read(p.Text, p.Display)))
			}
		}
	})
}
