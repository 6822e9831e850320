package text

import (
	"bytes"
	"html"
	"slices"
	"strings"

	xhtml "golang.org/x/net/html"
)

// unmark takes entities and tags away.
func unmark(s string) string { return untag(decode(s)) }

// maxEntity is the longest entity: its name has at most so many bytes.
const maxEntity = 33

// decode replaces entities, which must end in a semicolon: in prose, "R&D" and
// "?a=1&copy=2" are none. An ampersand that was escaped twice or more often
// (&amp;amp;lt;) is one too.
func decode(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	var out strings.Builder
	for {
		before, after, found := strings.Cut(s, "&")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		for s = after; ; {
			text, rest, ok := entity(s)
			if !ok {
				out.WriteByte('&')
				break
			}
			s = rest
			if text != "&" {
				out.WriteString(text)
				break
			}
		}
	}
}

// entity reads the entity whose ampersand stands before s.
func entity(s string) (text, rest string, ok bool) {
	end := strings.IndexByte(s[:min(len(s), maxEntity)], ';')
	if end < 1 {
		return "", s, false
	}
	for i := range end {
		if c := s[i]; !letter(c) && (c < '0' || c > '9') && (c != '#' || i > 0) {
			return "", s, false
		}
	}
	if digits := strings.TrimLeft(s[:end], "#xX"); s[0] == '#' && digits == "" {
		return "", s, false
	}
	name := "&" + s[:end+1]
	text = html.UnescapeString(name)
	if text == name {
		return "", s, false
	}
	return strings.Map(printable, text), s[end+1:], true
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// tag is a tag, comment or the like at s[start:end].
type tag struct {
	start, end int
	name       string // "" of a comment
	kind       xhtml.TokenType
	text       string // of CDATA
}

// untag takes tags, comments and MathML away.
func untag(s string) string {
	if !strings.Contains(s, "<") {
		return s
	}
	tags := genuine(s, findTags(s))
	if len(tags) == 0 {
		return s
	}
	e := emitter{in: s, tex: slices.ContainsFunc(tags, func(t tag) bool { return local(t.name) == "tex-math" })}
	for _, t := range tags {
		e.write(s[e.at:t.start])
		e.tag(t)
		e.at = t.end
	}
	e.write(s[e.at:])
	return string(e.out)
}

// findTags finds what has the form of a tag.
func findTags(s string) (all []tag) {
	open := map[string]bool{}
	for i := 0; i < len(s); {
		at := strings.IndexByte(s[i:], '<')
		if at < 0 {
			return all
		}
		at += i
		t, ok := tagAt(s, at, open)
		if !ok {
			i = at + 1
			continue
		}
		all = append(all, t)
		i = t.end
	}
	return all
}

// tagAt reads a tag. What was seen not to be closed in the rest of the text is
// in open, so that the text is not searched again for it.
func tagAt(s string, at int, open map[string]bool) (tag, bool) {
	rest := s[at:]
	for _, section := range []struct {
		begin, end string
		kind       xhtml.TokenType
	}{{"<!--", "-->", xhtml.CommentToken}, {"<![CDATA[", "]]>", xhtml.TextToken}, {"<?xml", "?>", xhtml.CommentToken}} {
		if !strings.HasPrefix(rest, section.begin) || open[section.begin] {
			continue
		}
		n := strings.Index(rest, section.end)
		if open[section.begin] = n < 0; n < 0 {
			return tag{}, false
		}
		t := tag{start: at, end: at + n + len(section.end), kind: section.kind}
		if t.kind == xhtml.TextToken {
			t.text = rest[len(section.begin):n]
		}
		return t, true
	}
	if len(rest) < 3 || !letter(rest[1]) && (rest[1] != '/' || !letter(rest[2])) {
		return tag{}, false // a comparison
	}
	n := strings.IndexAny(rest[1:], "<>")
	if n < 0 || rest[1+n] == '<' {
		return tag{}, false
	}
	t := tag{start: at, end: at + n + 2}
	z := xhtml.NewTokenizer(strings.NewReader(s[t.start:t.end]))
	t.kind = z.Next()
	name, more := z.TagName()
	t.name = string(name)
	values := 0
	for more {
		_, _, more = z.TagAttr()
		values++
	}
	// "x <i and j> y" is prose: an attribute has a value.
	return t, known(t.name) && strings.Count(rest[:n], "=") >= values
}

// known says that elements of the name are markup of texts.
func known(name string) bool {
	if _, after, ok := strings.Cut(name, ":"); ok {
		return after != ""
	}
	return inline(name) || slices.Contains(blocks(), name)
}

// local is a name without the prefix of its namespace.
func local(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }

// inline are elements that end no word.
func inline(name string) bool {
	switch local(name) {
	case "i", "b", "em", "strong", "sup", "sub", "sc", "scp", "inf", "u", "s", "q", "a", "tt", "code", "kbd", "var", "samp", "small", "big", "span",
		"font", "strike", "del", "ins", "mark", "cite", "abbr", "nobr", "wbr", "bold", "italic", "monospace", "underline", "overline", "roman",
		"smallcaps", "named-content", "styled-content", "ext-link", "xref", "email", "uri", "bdi", "bdo", "dfn", "inline-formula", "tex-math", "tex",
		"alternatives", "math", "mi", "mo", "mn", "mrow", "msup", "msub", "msubsup", "mfrac", "mtext", "mstyle", "semantics", "annotation",
		"annotation-xml", "msqrt", "mroot", "mover", "munder", "munderover", "mfenced", "mpadded", "mphantom", "menclose", "nlm":
		return true
	}
	return false
}

// blocks are elements that stand apart from the words beside them.
func blocks() []string {
	return []string{
		"p", "br", "hr", "div", "li", "ul", "ol", "dl", "dt", "dd", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption",
		"h1", "h2", "h3", "h4", "h5", "h6", "title", "sec", "section", "article", "abstract", "abstracttext", "header", "footer", "main", "aside",
		"list", "list-item", "disp-formula", "disp-quote", "blockquote", "pre", "center", "img", "figure", "figcaption", "graphic", "inline-graphic",
		"script", "style", "mspace", "mtable", "mtr", "mtd", "html", "body", "head", "label", "fn", "break",
	}
}

// alone are elements that need no end tag.
func alone(name string) bool {
	switch local(name) {
	case "br", "hr", "img", "wbr", "graphic", "inline-graphic", "mspace", "break":
		return true
	}
	return false
}

// genuine leaves out start tags that have no end: "a<b" and "if p<i" hold signs.
// Paragraphs and list items need no end where there are several.
func genuine(s string, tags []tag) []tag {
	last, count := map[string]int{}, map[string]int{}
	for i, t := range tags {
		switch t.kind {
		case xhtml.EndTagToken:
			last[t.name] = i + 1
		case xhtml.StartTagToken:
			count[t.name]++
		}
	}
	kept := tags[:0]
	for i, t := range tags {
		switch {
		case t.kind != xhtml.StartTagToken, alone(t.name), last[t.name] > i,
			strings.TrimSpace(s[:t.start]) == "",
			count[t.name] > 1 && slices.Contains([]string{"p", "li", "td", "th", "tr", "dt", "dd", "jats:p"}, t.name):
			kept = append(kept, t)
		}
	}
	return kept
}

// emitter writes a text without its tags.
type emitter struct {
	in  string
	at  int
	tex bool // formulas are there as TeX too
	out []byte
	// hidden counts the open elements whose content is not text.
	hidden int
	// heading is where the content of an open heading begins in out, or -1.
	heading int
	opened  bool
	// scripts are the open elements of MathML that have an argument above or
	// below, with the number of arguments seen.
	scripts []script
}

type script struct {
	name  string
	depth int
	seen  int
}

func (e *emitter) write(s string) {
	if e.hidden == 0 {
		e.out = append(e.out, s...)
	}
}

func (e *emitter) tag(t tag) {
	name := local(t.name)
	if e.hides(name) {
		if name == "script" || name == "style" {
			e.write(" ")
		}
		switch t.kind {
		case xhtml.StartTagToken:
			e.hidden++
		case xhtml.EndTagToken:
			e.hidden = max(0, e.hidden-1)
		}
		return
	}
	switch {
	case t.kind == xhtml.TextToken:
		e.write(t.text)
		return
	case t.name == "":
		return
	case t.kind == xhtml.StartTagToken && (name == "sup" || name == "sub"):
		e.raise(t)
	case t.kind == xhtml.EndTagToken && name == "tex-math":
		e.document()
	case !inline(t.name):
		e.write(" ")
		e.title(t, name)
	case t.kind == xhtml.StartTagToken && name == "tex-math":
		e.heading, e.opened = len(e.out), true
	}
	e.mathML(t, name)
}

// hides says that the content of an element is no text, or is there twice.
func (e *emitter) hides(name string) bool {
	switch name {
	case "script", "style", "annotation", "annotation-xml":
		return true
	case "math":
		return e.tex
	}
	return false
}

// title drops a heading that only says that this is the abstract.
func (e *emitter) title(t tag, name string) {
	if name != "title" && (len(name) != 2 || name[0] != 'h') {
		return
	}
	if t.kind == xhtml.StartTagToken {
		e.heading, e.opened = len(e.out), true
		return
	}
	if !e.opened {
		return
	}
	e.opened = false
	if len(bytes.TrimSpace(e.out[:e.heading])) > 0 {
		return
	}
	switch strings.ToLower(strings.Trim(string(e.out[e.heading:]), " .:\n\t\r")) {
	case "abstract", "summary", "zusammenfassung", "résumé", "resumen", "resumo":
		e.out = e.out[:e.heading]
	}
}

// document takes a formula out of the document for TeX that some publishers
// wrap it in.
func (e *emitter) document() {
	if !e.opened {
		return
	}
	e.opened = false
	_, body, ok := strings.Cut(string(e.out[e.heading:]), `\begin{document}`)
	if !ok {
		return
	}
	body, _, _ = strings.Cut(body, `\end{document}`)
	body = strings.ReplaceAll(strings.TrimSpace(body), "$$", "$")
	e.out = append(e.out[:e.heading], body...)
}

// raise marks a power: 10<sup>6</sup> is not 106. Elsewhere what is raised or
// lowered stands as it is: H<sub>2</sub>O, <sup>13</sup>C, Ca<sup>2+</sup>.
func (e *emitter) raise(t tag) {
	if local(t.name) != "sup" {
		return
	}
	content, _, _ := strings.Cut(e.in[t.end:], "<")
	if power(string(e.out[max(0, len(e.out)-8):]), content) {
		e.write("^")
	}
}

// power says that a raised number after a text is the power of a number.
func power(before, raised string) bool {
	digits := len(before) - len(strings.TrimRight(before, "0123456789"))
	raised = strings.TrimSpace(raised)
	for _, minus := range []string{"-", "−", "–", "+"} {
		raised = strings.TrimPrefix(raised, minus)
	}
	// Four digits are a year with the number of a note.
	return digits > 0 && digits < 4 && raised != "" && strings.Trim(raised, "0123456789") == ""
}

// mathML writes the signs between the arguments of powers and fractions.
func (e *emitter) mathML(t tag, name string) {
	if n := len(e.scripts); n > 0 && t.kind == xhtml.StartTagToken {
		top := &e.scripts[n-1]
		if top.depth == 0 {
			if top.seen++; top.seen > 1 {
				e.write(sign(top.name, top.seen))
			}
		}
		top.depth++
	} else if n > 0 && t.kind == xhtml.EndTagToken {
		if top := &e.scripts[n-1]; top.depth > 0 {
			top.depth--
		}
	}
	switch name {
	case "msup", "msub", "msubsup", "mfrac":
		if n := len(e.scripts); t.kind == xhtml.EndTagToken && n > 0 {
			e.scripts = e.scripts[:n-1]
			if n > 1 && e.scripts[n-2].depth > 0 {
				e.scripts[n-2].depth--
			}
		} else if t.kind == xhtml.StartTagToken {
			e.scripts = append(e.scripts, script{name: name})
		}
	}
}

func sign(name string, argument int) string {
	switch {
	case name == "mfrac":
		return "/"
	case name == "msub", name == "msubsup" && argument == 2:
		return "_"
	default:
		return "^"
	}
}
