package letter

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// plain writes a letter as plain text.
func plain(l *Letter) string {
	var out strings.Builder
	heading := l.Title
	if l.Date != "" {
		heading += " – " + l.Date
	}
	para(&out, "", heading)
	out.WriteString(strings.Repeat("=", min(width, utf8.RuneCountInString(heading))) + "\n")
	if l.Opening != "" {
		out.WriteString("\n")
		para(&out, "", l.Opening)
	}
	if l.Button != nil {
		fmt.Fprintf(&out, "\n%s:\n%s\n", l.Button.Label, l.Button.URL)
	}
	for i := range l.Items {
		out.WriteString("\n")
		l.Items[i].plain(&out, i+1)
	}
	if l.More != nil {
		fmt.Fprintf(&out, "\n%s:\n%s\n", l.More.Label, l.More.URL)
	}
	out.WriteString("\n-- \n")
	para(&out, "", l.Footer)
	if l.Unsubscribe != "" {
		fmt.Fprintf(&out, "Unsubscribe: %s\n", l.Unsubscribe)
	}
	return out.String()
}

func (it *Item) plain(out *strings.Builder, n int) {
	const indent = "   "
	para(out, indent, fmt.Sprintf("%d. %s", n, it.Title))
	para(out, indent, it.By())
	para(out, indent, it.Where())
	if it.Sentence != "" {
		para(out, indent, "“"+it.Sentence+"”")
	}
	if it.Pinned != "" {
		para(out, indent, "First, because it is by "+it.Pinned+".")
	}
	para(out, indent, it.Why)
	addresses := append([]Link{{"Read", it.URL}}, it.Links...)
	addresses = append(addresses, Link{"Like", it.Like}, Link{"Dismiss", it.Dismiss})
	for _, a := range addresses {
		if a.URL != "" {
			fmt.Fprintf(out, "%s%s: %s\n", indent, a.Label, a.URL)
		}
	}
}

// para writes a paragraph, broken between words. Its first line stands out by the
// indent, if it begins with a number.
func para(out *strings.Builder, indent, s string) {
	if s == "" {
		return
	}
	at := indent
	if len(s) > 1 && s[0] >= '0' && s[0] <= '9' && strings.Contains(s[:min(4, len(s))], ". ") {
		at = ""
	}
	length := 0
	for i, word := range strings.Fields(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
			out.WriteString(at)
			length = len(at)
		case length+1+n > width:
			out.WriteString("\n" + indent)
			length = len(indent)
		default:
			out.WriteString(" ")
			length++
		}
		out.WriteString(word)
		length += n
	}
	out.WriteString("\n")
}
