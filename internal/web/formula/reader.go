package formula

import (
	"html/template"
	"regexp"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/wyatt915/treeblood"
)

const (
	// maxBytes is the longest formula that is read.
	maxBytes = 1_000
	// maxDepth is how deeply groups may be nested.
	maxDepth = 20
	// maxMarkup is how many bytes of MathML a formula may become.
	maxMarkup = 32 << 10
	// cacheSize is how many formulas are kept; what they hold is bounded by the above,
	// and is some hundred bytes each.
	cacheSize = 4_096
)

// Reader turns formulas into MathML, and remembers what it did lately.
type Reader struct {
	macros map[string]treeblood.Macro
	known  *lru.Cache[key, template.HTML]
}

type key struct {
	tex     string
	display bool
}

// NewReader makes a reader.
func NewReader() (*Reader, error) {
	known, err := lru.New[key, template.HTML](cacheSize)
	if err != nil {
		return nil, err
	}
	return &Reader{macros: treeblood.PrepareMacros(macros()), known: known}, nil
}

// MathML gives a formula as an element math, or "" if it cannot be read.
func (r *Reader) MathML(tex string, display bool) template.HTML {
	k := key{tex, display}
	if out, ok := r.known.Get(k); ok {
		return out
	}
	out := r.read(tex, display)
	r.known.Add(k, out)
	return out
}

func (r *Reader) read(tex string, display bool) template.HTML {
	if strings.TrimSpace(tex) == "" || len(tex) > maxBytes || !plain(tex) {
		return ""
	}
	raw, err := convert(prepare(tex), r.macros)
	if err != nil || strings.Contains(raw, "merror") || len(raw) > maxMarkup {
		return ""
	}
	out, ok := clean(raw, display, tex)
	if !ok {
		return ""
	}
	return template.HTML(out) //nolint:gosec // written by clean, which escapes all that it does not know
}

// forbidden are commands that define others, or that are about the page and not the
// formula.
var forbidden = regexp.MustCompile(`\\(?:def|let|newcommand|renewcommand|providecommand|DeclareMathOperator|require|href|url|class|cssId|style|html[A-Za-z]*|` +
	`includegraphics|label|tag|ref|eqref|rule|unicode|ce|pu|input|include|csname|futurelet|newenvironment)\b`)

// plain says that a formula has none of what is not read: control characters, commands
// that are forbidden, and groups that are too deep or do not match.
func plain(tex string) bool {
	depth := 0
	for i := 0; i < len(tex); i++ {
		switch c := tex[i]; {
		case c < ' ' && c != '\n' && c != '\t' || c == 0x7f:
			return false
		case c == '\\':
			i++ // what is escaped is no group
		case c == '{':
			if depth++; depth > maxDepth {
				return false
			}
		case c == '}':
			if depth--; depth < 0 {
				return false
			}
		}
	}
	return depth == 0 && !forbidden.MatchString(tex) && strings.Count(tex, `\left`) <= 2*maxDepth
}

var (
	starred = regexp.MustCompile(`(\\[A-Za-z]+)\*`)
	// digits are arguments without braces.
	digits = regexp.MustCompile(`\\([dt]?frac|binom) *([0-9]) *([0-9])`)
	// accents are those over a letter of another alphabet.
	accents = regexp.MustCompile(`\\((?:wide)?(?:tilde|hat)|bar|overline|underline|vec|d?dot) *(\\(?:math[a-z]+|boldsymbol|bm) *(?:\{[^{}]*\}|[A-Za-z0-9]))`)
)

// prepare writes what the library misreads in a way that it reads: it takes \| for one
// bar, loses the star after a command, and wants braces around arguments.
func prepare(tex string) string {
	tex = digits.ReplaceAllString(tex, `\$1{$2}{$3}`)
	tex = accents.ReplaceAllString(tex, `\$1{$2}`)
	const held = "\uFDD0"
	tex = strings.ReplaceAll(tex, `\\|`, held)
	tex = strings.ReplaceAll(tex, `\|`, `\Vert `)
	tex = strings.ReplaceAll(tex, held, `\\|`)
	tex = strings.ReplaceAll(tex, `\operatorname*`, `\operatorname`)
	return starred.ReplaceAllString(tex, "$1 *")
}

// macros are commands that papers use and the library does not know.
func macros() map[string]string {
	return map[string]string{
		"bm": `\mathbf{#1}`, "bs": `\boldsymbol{#1}`, "mathds": `\mathbb{#1}`, "mathbbm": `\mathbb{#1}`,
		"textbf": `\text{#1}`, "textit": `\text{#1}`, "textrm": `\text{#1}`, "texttt": `\text{#1}`, "textsc": `\text{#1}`, "textsf": `\text{#1}`, "emph": `\text{#1}`,
		"smash": `#1`, "operatorname": `\mathrm{#1}`, "cal": `\mathcal{#1}`, "set": `\{#1\}`, "norm": `\Vert #1 \Vert`, "abs": `\vert #1 \vert`,
		"dotsc": `\ldots`, "dotsb": `\cdots`, "eps": `\epsilon`, "mod": `\mathrm{mod}`, "arg": `\mathrm{arg}`,
		"mbox": `\text{#1}`, "hbox": `\text{#1}`, "Tilde": `\tilde{#1}`, "Hat": `\hat{#1}`, "Bar": `\bar{#1}`, "Vec": `\vec{#1}`, "wt": `\widetilde{#1}`, "wh": `\widehat{#1}`,
		"poly": `\mathrm{poly}`, "polylog": `\mathrm{polylog}`, "rank": `\mathrm{rank}`, "diag": `\mathrm{diag}`, "tr": `\mathrm{tr}`, "Tr": `\mathrm{Tr}`, "opt": `\mathrm{opt}`, "OPT": `\mathrm{OPT}`, "err": `\mathrm{err}`,
		"RR": `\mathbb{R}`, "EE": `\mathbb{E}`, "NN": `\mathbb{N}`, "ZZ": `\mathbb{Z}`, "CC": `\mathbb{C}`, "PP": `\mathbb{P}`, "half": `\frac{1}{2}`, "defeq": `\triangleq`, "varnothing": `\emptyset`,
		"stackrel": `\overset{#1}{#2}`, "xrightarrow": `\overset{#1}{\rightarrow}`, "xleftarrow": `\overset{#1}{\leftarrow}`, "nicefrac": `#1/#2`, "sfrac": `#1/#2`, "ensuremath": `#1`, "boxed": `#1`,
		"R": `\mathbb{R}`, "E": `\mathbb{E}`, "N": `\mathbb{N}`,
	}
}
