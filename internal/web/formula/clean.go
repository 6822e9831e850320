package formula

import (
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	nethtml "golang.org/x/net/html"
)

// elements are those of MathML Core that formulas need: none of them loads, links to
// or runs anything.
//
//nolint:gochecknoglobals // a table that nothing writes to
var elements = setOf("mrow mi mn mo mtext mspace ms mfrac msqrt mroot msub msup msubsup mover munder munderover " +
	"mtable mtr mtd mphantom mpadded mstyle mmultiscripts mprescripts none")

// attributes are those that change how a formula looks and nothing else, with the
// signs that their values may have.
//
//nolint:gochecknoglobals // a table that nothing writes to
var attributes = setOf("display displaystyle accent accentunder stretchy fence form largeop movablelimits symmetric separator " +
	"lspace rspace width height depth voffset minsize maxsize linethickness columnalign rowalign columnspacing rowspacing scriptlevel mathvariant")

func setOf(names string) map[string]bool {
	set := make(map[string]bool)
	for name := range strings.FieldsSeq(names) {
		set[name] = true
	}
	return set
}

// maxNodes bounds what is written of one formula, maxNesting how deep its elements are.
const (
	maxNodes   = 2_000
	maxNesting = 100
)

// writer writes a formula anew.
type writer struct {
	b     strings.Builder
	nodes int
}

// clean reads markup and writes what the allow-list knows of its first formula. It is
// not ok if there is something else, or nothing to see.
func clean(markup string, display bool, tex string) (string, bool) {
	nodes, err := nethtml.ParseFragment(strings.NewReader(markup), nil)
	if err != nil {
		return "", false
	}
	math := find(nodes)
	if math == nil {
		return "", false
	}
	w := new(writer)
	w.b.WriteString("<math")
	if display {
		w.b.WriteString(` display="block"`)
	}
	w.b.WriteString(` alttext="` + html.EscapeString(tex) + `">`)
	for child := math.FirstChild; child != nil; child = child.NextSibling {
		if !w.node(child, 0) {
			return "", false
		}
	}
	w.b.WriteString("</math>")
	return w.b.String(), w.nodes > 0
}

// find gives the one element math, if all else is the frame that parsing puts around.
func find(nodes []*nethtml.Node) (math *nethtml.Node) {
	for depth := 0; len(nodes) > 0 && depth < maxNesting; depth++ {
		var next []*nethtml.Node
		for _, n := range nodes {
			switch {
			case n.Type != nethtml.ElementNode:
				continue
			case n.Data == "math" && math == nil:
				math = n
				continue
			case n.Data != "html" && n.Data != "head" && n.Data != "body":
				return nil // it got out of the formula
			}
			for child := n.FirstChild; child != nil; child = child.NextSibling {
				next = append(next, child)
			}
		}
		nodes = next
	}
	return math
}

// node writes a node and what is in it. It is false if the node is not allowed.
func (w *writer) node(n *nethtml.Node, depth int) bool {
	if w.nodes++; w.nodes > maxNodes || depth > maxNesting {
		return false
	}
	switch n.Type {
	case nethtml.TextNode:
		words := strings.Join(strings.Fields(n.Data), " ")
		if n.Parent != nil && n.Parent.Data == "mtext" {
			words = keepEnds(n.Data, words)
		}
		w.b.WriteString(html.EscapeString(words))
		return true
	case nethtml.ElementNode:
	default:
		return true // comments are left out
	}
	switch {
	case n.Data == "annotation":
		return true // the source, which the reader of the text has
	case n.Data == "semantics":
		return w.children(n, depth)
	case !elements[n.Data] || n.Namespace != "math":
		return false
	}
	w.b.WriteString("<" + n.Data)
	w.attributes(n.Attr)
	w.b.WriteString(">")
	ok := w.children(n, depth)
	w.b.WriteString("</" + n.Data + ">")
	return ok
}

func (w *writer) children(n *nethtml.Node, depth int) bool {
	leaf := slices.Contains([]string{"mi", "mn", "mo", "mtext", "ms"}, n.Data)
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		blank := child.Type == nethtml.TextNode && strings.TrimSpace(child.Data) == ""
		switch {
		case blank && (!leaf || n.FirstChild != child || child.NextSibling != nil):
			continue // indentation
		case blank && n.Data == "mtext":
			w.b.WriteString("\u00a0") // a space that is meant
			continue
		}
		if !w.node(child, depth+1) {
			return false
		}
	}
	return true
}

// keepEnds puts a space that is shown where a text begins or ends with space: words beside
// it would run into it.
func keepEnds(text, words string) string {
	const shown = "\u00a0"
	if words == "" {
		return words
	}
	if first, _ := utf8.DecodeRuneInString(text); unicode.IsSpace(first) {
		words = shown + words
	}
	if last, _ := utf8.DecodeLastRuneInString(text); unicode.IsSpace(last) {
		words += shown
	}
	return words
}

func (w *writer) attributes(given []nethtml.Attribute) {
	sorted := slices.Clone(given)
	slices.SortFunc(sorted, func(a, b nethtml.Attribute) int { return strings.Compare(a.Key, b.Key) })
	for _, a := range sorted {
		if attributes[a.Key] && len(a.Val) <= 40 && !huge(a.Val) && strings.IndexFunc(a.Val, strange) < 0 {
			w.b.WriteString(" " + a.Key + `="` + html.EscapeString(a.Val) + `"`)
		}
	}
}

// strange says that a character is none of lengths, numbers and keywords.
func strange(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(" .-+%", r)
}

// huge says that a value has a number of three or more digits before the point: no
// formula is made to cover the page.
func huge(value string) bool {
	digits := 0
	for _, r := range value {
		switch {
		case '0' <= r && r <= '9':
			if digits++; digits > 2 && !strings.Contains(value, "%") {
				before, _, _ := strings.Cut(value, ".")
				return len(strings.Trim(before, "abcdefghijklmnopqrstuvwxyz +-")) > 2
			}
		default:
			digits = 0
		}
	}
	return false
}
