package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"akin/internal/paper"
)

// Bounds of what is kept over a whole file.
const (
	maxMacros     = 10_000
	maxMacroBytes = 1 << 20 // all together
)

// bibEntry is how an entry begins; bibLine is that at the beginning of a line,
// with a type of entry that is known.
var (
	bibEntry = regexp.MustCompile(`(?:^|[\s})])(@)\s*([A-Za-z]+)\s*([{(])`)
	bibLine  = regexp.MustCompile(`(?i)^\s*@\s*(article|book|booklet|collection|comment|conference|dataset|inbook|incollection|inproceedings|` +
		`manual|mastersthesis|misc|online|patent|phdthesis|preamble|proceedings|report|software|string|techreport|thesis|unpublished|www)\s*[{(]`)
)

// looksLikeBibTeX says that a line begins an entry.
func looksLikeBibTeX(h head) bool {
	if h.binary() {
		return false
	}
	for line := range h.eachLine {
		if bibLine.MatchString(line) {
			return true
		}
	}
	return false
}

// bibtex reads BibTeX entry by entry. Text between entries is a comment. Where
// an entry is not closed, the next line that begins one ends it.
//
// It is written here because no maintained library reads from a stream, in
// bounded memory, and goes on after an entry that is broken.
type bibtex struct {
	file   string
	lines  *lines
	rest   []byte // of the current line
	num    int
	macros map[string]string
	size   int // bytes of macros
}

func newBibTeX(in input) rows {
	return &bibtex{file: in.name, lines: in.lines, macros: map[string]string{}}
}

func (b *bibtex) next(ctx context.Context) (Row, error) {
	for {
		raw, line, err := b.entry(ctx)
		if err != nil && raw == nil {
			return Row{}, err
		}
		var row Row
		var isPaper bool
		if err == nil {
			row, isPaper, err = b.row(raw)
		}
		if err != nil {
			return Row{}, &RejectedError{Rejected{File: b.file, Line: line, Reason: err.Error(), Raw: raw}}
		}
		if isPaper {
			row.Source = Source{File: b.file, Line: line}
			return row, nil
		}
	}
}

// entry gathers the text of the next entry. An error with text is about that
// entry.
func (b *bibtex) entry(ctx context.Context) (raw []byte, line int, _ error) {
	scan, raw, err := b.begin(ctx)
	line = b.num
	for err == nil {
		if end := scan.end(b.rest); end >= 0 {
			raw = append(raw, b.rest[:end]...)
			b.rest = b.rest[end:]
			return raw, line, nil
		}
		raw = append(append(raw, b.rest...), '\n')
		b.rest = nil
		l, err := b.lines.next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return raw, line, errors.New("the file ends in the middle of this entry: a brace or quote is not closed")
		case err != nil:
			return nil, 0, err
		case !scan.comment && bibLine.Match(l.text):
			b.lines.unread()
			return raw, line, errors.New("the next entry begins before this one ends: a brace or quote is not closed")
		case l.tooLong() || len(raw)+len(l.text) > b.lines.max:
			return raw[:min(len(raw), keptOfLong)], line, fmt.Errorf("the entry is longer than the limit of %d bytes; only its beginning is kept here", MaxLineBytes)
		}
		b.rest, b.num = l.text, l.num
	}
	return raw, line, err
}

// begin finds the next entry and takes its beginning, to the opening brace.
func (b *bibtex) begin(ctx context.Context) (scan bibScan, raw []byte, _ error) {
	for {
		if at := bibEntry.FindSubmatchIndex(b.rest); at != nil {
			scan.round = b.rest[at[6]] == '('
			scan.comment = strings.EqualFold(string(b.rest[at[4]:at[5]]), "comment")
			raw = bytes.Clone(b.rest[at[2]:at[7]])
			b.rest = b.rest[at[7]:]
			return scan, raw, nil
		}
		l, err := b.lines.next(ctx)
		if err != nil {
			return scan, nil, err
		}
		b.rest, b.num = l.text, l.num
		if l.tooLong() {
			b.rest = nil
			return scan, bytes.Clone(l.text), errors.New(l.rejected(b.file, "").Reason)
		}
	}
}

// bibScan finds the end of an entry, line by line. Braces count everywhere, as
// in BibTeX itself, even in quotes and after a backslash.
type bibScan struct {
	round, comment, quoted bool
	depth                  int
}

// end is the index after the end of the entry, or -1.
func (s *bibScan) end(text []byte) int {
	for i, c := range text {
		switch {
		case c == '{':
			s.depth++
		case c == '}' && s.depth == 0 && !s.round:
			return i + 1
		case c == '}':
			s.depth = max(0, s.depth-1)
		case c == '"' && s.depth == 0:
			s.quoted = !s.quoted
		case c == ')' && s.round && s.depth == 0 && !s.quoted:
			return i + 1
		}
	}
	return -1
}

// row makes a paper of an entry, or takes it as a macro or comment.
func (b *bibtex) row(raw []byte) (_ Row, isPaper bool, _ error) {
	if err := checkUTF8(raw); err != nil {
		return Row{}, false, err
	}
	at := bibEntry.FindSubmatchIndex(raw)
	kind := strings.ToLower(string(raw[at[4]:at[5]]))
	p := bibParser{text: string(raw[at[7] : len(raw)-1]), macros: b.macros}
	switch kind {
	case "comment", "preamble":
		return Row{}, false, nil
	case "string":
		fields, err := p.fields()
		if err != nil {
			return Row{}, false, err
		}
		return Row{}, false, b.define(fields)
	}
	key, rest, _ := strings.Cut(p.text, ",")
	p.text = rest
	if strings.Contains(key, "=") {
		return Row{}, false, fmt.Errorf("the entry has no key; it begins as @%s{key, ", kind)
	}
	fields, err := p.fields()
	if err != nil {
		return Row{}, false, err
	}
	row, err := bibPaper(kind, collapse(key), fields)
	return row, true, err
}

func (b *bibtex) define(fields []bibField) error {
	for _, f := range fields {
		if b.size += len(f.value); b.size > maxMacroBytes || len(b.macros) >= maxMacros {
			return fmt.Errorf("the macro %.40q is not kept: a file has at most %d, of at most %d bytes together", f.name, maxMacros, maxMacroBytes)
		}
		b.macros[f.name] = f.value
	}
	return nil
}

// bibField is a field with its value as written for TeX.
type bibField struct{ name, value string }

// bibParser reads fields: name = value, where a value is one or more texts in
// braces, in quotes, numbers or macros, with # between them.
type bibParser struct {
	text   string
	i      int
	size   int // bytes of values
	macros map[string]string
}

func (p *bibParser) skip(also string) {
	for p.i < len(p.text) && strings.IndexByte(" \t\r\n"+also, p.text[p.i]) >= 0 {
		p.i++
	}
}

// word takes what stands before white space or one of the signs.
func (p *bibParser) word() string {
	start := p.i
	for p.i < len(p.text) && strings.IndexByte(" \t\r\n=,#{}\"", p.text[p.i]) < 0 {
		p.i++
	}
	return p.text[start:p.i]
}

func (p *bibParser) fields() (all []bibField, _ error) {
	for {
		p.skip(",")
		if p.i == len(p.text) {
			return all, nil
		}
		name := strings.ToLower(p.word())
		p.skip("")
		if name == "" || p.i == len(p.text) || p.text[p.i] != '=' {
			return nil, fmt.Errorf("after the field %q, %.20q stands where NAME = VALUE must", lastName(all), name+p.text[p.i:])
		}
		p.i++
		value, err := p.value()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, bibField{name, value})
	}
}

func lastName(all []bibField) string {
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1].name
}

func (p *bibParser) value() (string, error) {
	var value strings.Builder
	for {
		p.skip("")
		part, err := p.part()
		if err != nil {
			return "", err
		}
		value.WriteString(part)
		if p.size += len(part); p.size > MaxLineBytes {
			return "", fmt.Errorf("with its macros the entry is longer than the limit of %d bytes", MaxLineBytes)
		}
		p.skip("")
		if p.i == len(p.text) || p.text[p.i] != '#' {
			return value.String(), nil
		}
		p.i++
	}
}

func (p *bibParser) part() (string, error) {
	if p.i == len(p.text) {
		return "", errors.New("the value is missing")
	}
	start := p.i
	switch p.text[p.i] {
	case '{':
		p.i = braceEnd(p.text, p.i)
		return p.text[start+1 : max(start+1, p.i-1)], nil
	case '"':
		depth := 0
		for p.i++; p.i < len(p.text); p.i++ {
			switch c := p.text[p.i]; {
			case c == '{':
				depth++
			case c == '}':
				depth--
			case c == '"' && depth <= 0:
				p.i++
				return p.text[start+1 : p.i-1], nil
			}
		}
		return "", errors.New("its quote is not closed")
	}
	word := p.word()
	if word == "" {
		return "", fmt.Errorf("%.20q is no value; put it in braces", p.text[p.i:])
	}
	if text, ok := p.macros[strings.ToLower(word)]; ok {
		return text, nil
	}
	return word, nil // a number, a month, or a macro of a style
}

// bibPaper maps an entry.
func bibPaper(kind, key string, fields []bibField) (Row, error) {
	f := map[string]string{}
	for _, field := range fields {
		if _, twice := f[field.name]; !twice {
			f[field.name] = field.value
		}
	}
	take := func(names ...string) string {
		for _, name := range names {
			if text := f[name]; strings.TrimSpace(text) != "" {
				delete(f, name)
				return text
			}
		}
		return ""
	}
	p := paper.Paper{
		Title: plainTeX(take("title")), Abstract: plainTeX(take("abstract")),
		Venue: plainTeX(take("journal", "journaltitle", "booktitle", "publisher", "school", "institution")),
		DOI:   bareDOI(bareTeX(take("doi"))), Authors: bibAuthors(take("author")),
	}
	for _, name := range split(take("primaryclass", "eprintclass"), " ") {
		p.Categories = append(p.Categories, bareTeX(name))
	}
	p.Categories = append(p.Categories, keywords(plainTeX(take("keywords", "keyword")))...)
	if date := take("date"); date != "" {
		setDate(&p, bareTeX(date))
	} else {
		setDate(&p, plainTeX(take("year")+" "+take("month")))
	}
	link(&p, bareTeX(take("url")))
	setLanguage(&p, plainTeX(take("language", "langid")))
	bibArxiv(&p, f)
	identify(&p)
	note(&p, "citation_key", key)
	note(&p, "type", kind)
	for name, text := range f {
		note(&p, name, plainTeX(text))
	}
	return completed(p)
}

// bareTeX takes TeX's marks away from an identifier or address, in which
// dashes and tildes stand for themselves.
func bareTeX(text string) string {
	text = strings.NewReplacer("{", "", "}", "", `\url`, "", `\_`, "_", `\%`, "%", `\&`, "&", `\#`, "#", `\~`, "~", `\textasciitilde`, "~").Replace(text)
	return strings.TrimSpace(text)
}

var arxivInText = regexp.MustCompile(`(?i)arxiv:\s*(\S+)`)

// bibArxiv finds an identifier of arXiv: in eprint, or in a venue such as
// "arXiv preprint arXiv:2112.09118".
func bibArxiv(p *paper.Paper, f map[string]string) {
	archive := bareTeX(cmp.Or(f["archiveprefix"], f["eprinttype"], "arxiv"))
	if id, _, ok := parseArxivID(bareTeX(f["eprint"])); ok && strings.EqualFold(archive, "arxiv") {
		p.ArxivID = id
		for _, name := range []string{"eprint", "archiveprefix", "eprinttype"} {
			delete(f, name)
		}
		return
	}
	for _, text := range slices.Concat([]string{p.Venue}, p.URLs) {
		if found := arxivInText.FindStringSubmatch(text); found != nil {
			text = strings.TrimRight(found[1], ".,;")
		}
		if id, _, ok := parseArxivID(text); ok {
			p.ArxivID = id
			return
		}
	}
}

// bibAuthors divides names at "and", outside of braces.
func bibAuthors(text string) (all []paper.Author) {
	for _, name := range splitOutside(collapse(text), func(rest string) int {
		const and = " and "
		if len(rest) >= len(and) && strings.EqualFold(rest[:len(and)], and) {
			return len(and)
		}
		return 0
	}) {
		parts := splitOutside(name, func(rest string) int { return len(rest) - len(strings.TrimPrefix(rest, ",")) })
		for i := range parts {
			parts[i] = plainTeX(parts[i])
		}
		switch full := fullName(parts[len(parts)-1], strings.Join(parts[:1], ""), strings.Join(parts[1:max(1, len(parts)-1)], " ")); {
		case strings.EqualFold(collapse(name), "others"):
		case len(parts) == 1:
			all = append(all, named(parts[0])...)
		default:
			all = append(all, named(full)...)
		}
	}
	return all
}

// splitOutside divides text outside of braces, where separator gives the length
// of a separator at the beginning of what it gets.
func splitOutside(text string, separator func(rest string) int) (parts []string) {
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth > 0 {
			continue
		}
		if n := separator(text[i:]); n > 0 {
			parts = append(parts, text[start:i])
			start = i + n
			i = start - 1
		}
	}
	return append(parts, text[start:])
}
