package cite

import (
	"bytes"
	"fmt"
	"strings"

	"akin/internal/paper"
)

// bibtexOf writes BibTeX, as BibLaTeX reads it too.
func bibtexOf(items []Item, keys []string) []byte {
	var b bytes.Buffer
	for i := range items {
		if i > 0 {
			b.WriteByte('\n')
		}
		bibtexItem(&b, &items[i], keys[i])
	}
	return b.Bytes()
}

func bibtexItem(b *bytes.Buffer, it *Item, key string) {
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "  %s = {%s},\n", name, value)
		}
	}
	entry, venue := "misc", "howpublished"
	switch kindOf(it.Paper) {
	case article:
		entry, venue = "article", "journal"
	case proceedings:
		entry, venue = "inproceedings", "booktitle"
	case book:
		entry, venue = "book", "publisher"
	case thesis:
		entry, venue = "phdthesis", "school"
	case other:
		if strings.HasPrefix(strings.ToLower(it.Venue), "arxiv") {
			entry, venue = "article", "journal"
		}
	}
	fmt.Fprintf(b, "@%s{%s,\n", entry, key)
	if title := escaped(it.Title); title != "" {
		field("title", "{"+title+"}") // in the case that it has
	}
	field("author", bibtexAuthors(it.Authors))
	field(venue, escaped(it.Venue))
	if d := it.PublishDate; d.Year != 0 {
		field("year", fmt.Sprintf("%04d", d.Year))
		if d.Month != 0 {
			fmt.Fprintf(b, "  month = %s,\n", months[d.Month-1])
		}
		if d.Day != 0 {
			field("day", fmt.Sprint(d.Day))
		}
	}
	field("doi", bare(it.DOI))
	if it.ArxivID != "" {
		field("eprint", bare(it.ArxivID))
		field("archiveprefix", "arXiv")
	}
	field("url", bare(link(it.Paper)))
	field("abstract", escaped(it.Abstract))
	field("keywords", escaped(strings.Join(it.keywords(), ", ")))
	field("language", escaped(it.Language))
	field("annote", escaped(it.Note))
	b.WriteString("}\n")
}

//nolint:gochecknoglobals // a table that nothing writes to
var months = [12]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// bibtexAuthors joins names by "and". One that BibTeX would take apart otherwise than
// it is meant is put into braces.
func bibtexAuthors(authors []paper.Author) string {
	names := make([]string, 0, len(authors))
	for _, a := range authors {
		given, last := nameParts(a.Name)
		name := escaped(last)
		switch lower := " " + strings.ToLower(a.Name) + " "; {
		case name == "":
			continue
		case strings.ContainsAny(a.Name, ",") || strings.Contains(lower, " and ") || strings.EqualFold(last, "others"):
			name = "{" + escaped(a.Name) + "}"
		case given != "":
			name += ", " + escaped(given)
		}
		names = append(names, name)
	}
	return strings.Join(names, " and ")
}

// latex are the characters that mean something to LaTeX, and how to write them.
//
//nolint:gochecknoglobals // a table that nothing writes to
var latex = strings.NewReplacer(
	`\`, `{\textbackslash}`, "{", `{\textbraceleft}`, "}", `{\textbraceright}`, "$", `\$`, "&", `\&`, "%", `\%`, "#", `\#`, "_", `\_`,
	"~", `{\textasciitilde}`, "^", `{\textasciicircum}`, "<", `{\textless}`, ">", `{\textgreater}`, "`", `{\textasciigrave}`,
)

// escaped writes text for LaTeX, on one line. Formulas between dollar signs stay as
// they are, where they are balanced.
func escaped(text string) string {
	var b strings.Builder
	rest := oneLine(text)
	for {
		before, formula, after, ok := cutFormula(rest)
		b.WriteString(plainTeX(before))
		if !ok {
			return b.String()
		}
		b.WriteString("$" + formula + "$")
		rest = after
	}
}

// plainTeX writes text without formulas; a hyphen beside another would become a dash.
func plainTeX(text string) string {
	out := latex.Replace(text)
	return strings.ReplaceAll(out, "--", "-{}-")
}

// cutFormula finds the first formula: between two dollar signs of which neither is
// escaped, nor stands beside another or before or behind white space, and with balanced
// braces.
func cutFormula(text string) (before, formula, after string, ok bool) {
	for at := 0; ; {
		open := strings.IndexByte(text[at:], '$')
		if open < 0 {
			return text, "", "", false
		}
		open += at
		size := strings.IndexByte(text[open+1:], '$')
		if size < 0 {
			return text, "", "", false
		}
		formula, after = text[open+1:open+1+size], text[open+2+size:]
		if isFormula(formula) && (open == 0 || text[open-1] != '\\') {
			return text[:open], formula, after, true
		}
		at = open + 1
	}
}

func isFormula(s string) bool {
	if s == "" || strings.TrimSpace(s) != s || strings.HasSuffix(s, `\`) || strings.ContainsAny(s, "%#") {
		return false
	}
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] { // BibTeX counts those that are escaped too
		case '{':
			depth++
		case '}':
			if depth--; depth < 0 {
				return false
			}
		}
	}
	// Two prices are no formula.
	return depth == 0 && (strings.ContainsAny(s, `\^_=<>+*/(){}|`) || !strings.Contains(s, " "))
}

// bare writes an identifier or address, in which nothing is escaped; braces are
// percent-encoded, so that they cannot end the field.
func bare(text string) string {
	return strings.NewReplacer("{", "%7B", "}", "%7D", `\`, "%5C", " ", "%20").Replace(oneLine(text))
}
