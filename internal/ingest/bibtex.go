package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"akin/internal/paper"
)

// Bounds of what is kept over a whole file.
const (
	maxMacros     = 10_000
	maxMacroBytes = 1 << 20 // all together
)

// bibEntry is how an entry begins; bibLine is that at the beginning of a line,
// where the type is a usual one, or a key and a comma follow.
var (
	bibEntry = regexp.MustCompile(`(?:^|[\s})])(@)\s*([A-Za-z][\w.:+-]*)\s*([{(])`)
	bibLine  = regexp.MustCompile(`(?i)^\s*@\s*(?:(?:article|book|booklet|collection|comment|conference|dataset|electronic|inbook|incollection|inproceedings|` +
		`manual|mastersthesis|misc|online|patent|phdthesis|preamble|proceedings|report|software|string|techreport|thesis|unpublished|www)\s*[{(]|` +
		`[a-z][\w.:+-]*\s*\{\s*(?:[^\s,={}()"]*\s*,|[^\s,={}()"]+\s*$))`)
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

// bibtex reads BibTeX and BibLaTeX entry by entry. Text between entries is a
// comment. Where an entry is not closed, the next line that begins one ends it.
//
// It is written here because no maintained library reads from a stream, in
// bounded memory, and goes on after an entry that is broken.
type bibtex struct {
	file   string
	lines  *lines
	queue  []line // to read once more, before lines
	last   line
	again  bool   // last is read once more, before queue
	rest   []byte // of the current line
	num    int
	macros map[string]string
	size   int  // bytes of macros
	reread int  // bytes of comments without an end, which were read once more
	open   bool // the end of the last entry was missing
	cross  crossrefs
	end    error // of the file, once the rows that wait were given
}

func newBibTeX(in input) rows {
	return &bibtex{file: in.name, lines: in.lines, macros: map[string]string{}, cross: newCrossrefs()}
}

// next gives what was read in the order of the file. Where an entry waits for
// one that it takes fields from, what follows waits too.
func (b *bibtex) next(ctx context.Context) (Row, error) {
	for b.end == nil && !b.cross.ready() {
		if err := ctx.Err(); err != nil {
			return Row{}, err
		}
		e, err := b.read(ctx)
		var rejected *RejectedError
		switch {
		case err == nil && e == nil: // a comment or macro
		case err == nil:
			b.cross.add(e)
		case errors.As(err, &rejected):
			b.cross.add(&bibRecord{line: rejected.Line, raw: rejected.Raw, fault: err})
		case paper.Canceled(err):
			return Row{}, err
		default:
			b.end = err
			b.cross.finish()
		}
	}
	e := b.cross.take()
	switch {
	case e == nil:
		return Row{}, b.end
	case e.fault != nil:
		return Row{}, e.fault
	}
	row, err := e.row()
	if err != nil {
		return Row{}, &RejectedError{Rejected{File: b.file, Line: e.line, Reason: err.Error(), Raw: e.raw}}
	}
	row.Source = Source{File: b.file, Line: e.line}
	return row, nil
}

// read reads the next entry; nil is one that is no record.
func (b *bibtex) read(ctx context.Context) (*bibRecord, error) {
	b.open = false
	raw, line, err := b.entry(ctx)
	if err != nil && raw == nil {
		return nil, err
	}
	var e *bibRecord
	if err == nil {
		e, err = b.record(raw)
	}
	if err != nil {
		return nil, &RejectedError{Rejected{File: b.file, Line: line, Reason: err.Error(), Raw: raw}}
	}
	if e != nil {
		e.line, e.raw = line, raw
		if b.open {
			e.left = append(e.left, Unread{Field: "the closing brace", Text: "it is missing, and so may be what should stand before it"})
		}
	}
	return e, nil
}

// line gives the next line.
func (b *bibtex) line(ctx context.Context) (line, error) {
	if b.again {
		b.again = false
		return b.last, nil
	}
	if len(b.queue) > 0 {
		b.last, b.queue = b.queue[0], b.queue[1:]
		return b.last, nil
	}
	l, err := b.lines.next(ctx)
	b.last = l
	return l, err
}

// unread makes line give the last line once more.
func (b *bibtex) unread() { b.last, b.again = b.kept(), true }

// readAgain makes line give some lines once more, and the last one behind them unless
// the file ended there.
func (b *bibtex) readAgain(seen []line, ended bool) {
	switch {
	case len(seen) == 0 && !ended:
		b.unread() // and not by a copy of the queue
	case !ended:
		b.queue = append(append(seen, b.kept()), b.queue...)
	default:
		b.queue = append(seen, b.queue...)
	}
}

// kept gives the last line with a text of its own.
func (b *bibtex) kept() line {
	l := b.last
	l.text = bytes.Clone(l.text)
	return l
}

const (
	// maxComment is how far the end of a comment is looked for.
	maxComment = 256 << 10
	// maxReread is how much of a file is read once more because a comment had no end:
	// further comments end with their line.
	maxReread = 2 << 20
)

// entry gathers the text of the next entry. An error with text is about that
// entry.
func (b *bibtex) entry(ctx context.Context) (raw []byte, num int, _ error) {
	scan, raw, err := b.begin(ctx)
	num = b.num
	var seen []line // of a comment
	for err == nil {
		if end := scan.end(b.rest); end >= 0 {
			raw = append(raw, b.rest[:end]...)
			b.rest = b.rest[end:]
			return raw, num, nil
		}
		raw = append(append(raw, b.rest...), '\n')
		b.rest = nil
		l, err := b.line(ctx)
		open := errors.Is(err, io.EOF)
		switch {
		case scan.comment && (open || err == nil && (len(raw) > maxComment || b.reread > maxReread)):
			first, _, _ := bytes.Cut(raw, []byte("\n"))
			b.readAgain(seen, open)
			b.reread += len(raw)
			return first, num, errors.New("a brace of this comment is not closed; what follows its line was read")
		case open && scan.whole():
			return b.closed(raw, scan), num, nil
		case open:
			return raw, num, errors.New("the file ends in the middle of this entry: a brace or quote is not closed")
		case err != nil:
			return nil, 0, err
		case !scan.comment && bibLine.Match(l.text):
			b.unread()
			if scan.whole() {
				return b.closed(raw, scan), num, nil
			}
			return raw, num, errors.New("the next entry begins before this one ends: a brace or quote is not closed")
		case l.tooLong() || len(raw)+len(l.text) > b.lines.max:
			return raw[:min(len(raw), keptOfLong)], num, fmt.Errorf("the entry is longer than the limit of %d bytes; only its beginning is kept here", MaxLineBytes)
		case scan.comment:
			l.text = bytes.Clone(l.text)
			seen = append(seen, l)
		}
		b.rest, b.num = l.text, l.num
	}
	return raw, num, err
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
		l, err := b.line(ctx)
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

// whole says that nothing is missing but the end of the entry itself.
func (s *bibScan) whole() bool { return s.depth == 0 && !s.quoted && !s.comment }

// closed adds the end that is missing to an entry, which is said in the record.
func (b *bibtex) closed(raw []byte, scan bibScan) []byte {
	b.open = true
	if scan.round {
		return append(raw, ')')
	}
	return append(raw, '}')
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

// bibRecord is an entry with its fields.
type bibRecord struct {
	kind, key string
	fields    []bibField
	left      unread // what stands where a field must
	line      int
	raw       []byte
	fault     error // instead of all but line and raw
}

// record takes an entry apart; nil is a macro, a comment, or a word to BibTeX.
func (b *bibtex) record(raw []byte) (*bibRecord, error) {
	if err := checkUTF8(raw); err != nil {
		return nil, err
	}
	at := bibEntry.FindSubmatchIndex(raw)
	kind := strings.ToLower(string(raw[at[4]:at[5]]))
	p := bibParser{text: string(raw[at[7] : len(raw)-1]), macros: b.macros}
	switch kind {
	case "comment", "preamble", "control", "ieeetranbstctl", "bibnote":
		return nil, nil //nolint:nilnil // what is no record is no fault either
	case "string":
		fields, err := p.fields(nil)
		if err != nil {
			return nil, err
		}
		return nil, b.define(fields)
	}
	e := &bibRecord{kind: kind}
	e.key = p.key()
	var err error
	e.fields, err = p.fields(&e.left)
	return e, err
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
	// sought are the bytes that were looked through for closing quotes, in vain.
	sought int
}

// maxSought bounds that: an entry may have a quote that nothing closes in each of its
// fields, and is read to its end for each. Entries are some kilobytes.
const maxSought = 16 << 20

// skip passes over white space, the signs of also, and remarks, which BibTeX
// does not know but people write: from a percent sign to the end of the line.
func (p *bibParser) skip(also string) {
	for p.i < len(p.text) {
		switch c := p.text[p.i]; {
		case c == '%':
			n := strings.IndexByte(p.text[p.i:], '\n')
			if n < 0 {
				n = len(p.text) - p.i
			}
			p.i += n
		case strings.IndexByte(" \t\r\n"+also, c) >= 0:
			p.i++
		default:
			return
		}
	}
}

// key takes the key of an entry; some have none.
func (p *bibParser) key() string {
	p.skip("")
	key, rest, _ := strings.Cut(p.text[p.i:], ",")
	if strings.Contains(key, "=") {
		return ""
	}
	p.text, p.i = rest, 0
	return collapse(key)
}

// word takes what stands before white space or one of the signs.
func (p *bibParser) word() string {
	start := p.i
	for p.i < len(p.text) && strings.IndexByte(" \t\r\n=,#{}\"", p.text[p.i]) < 0 {
		p.i++
	}
	return p.text[start:p.i]
}

// fields reads the fields of an entry. What is none is left, with the name of
// the field before it; without left, it is an error.
func (p *bibParser) fields(left *unread) (all []bibField, _ error) {
	for {
		p.skip(",")
		if p.i == len(p.text) {
			return all, nil
		}
		start := p.i
		f, err := p.field(all)
		switch {
		case err == nil:
			all = append(all, f)
		case left == nil || p.size > MaxLineBytes || errors.Is(err, errQuotes):
			return nil, err
		case len(*left) == maxLeft:
			return nil, fmt.Errorf("more than %d places of it are no NAME = VALUE; the last one: %w", maxLeft, err)
		default:
			p.recover(start)
			field := cmp.Or(f.name, "after "+cmp.Or(lastName(all), "the key"))
			*left = append(*left, Unread{Field: field, Text: shorten(collapse(p.text[start:p.i]), unreadText)})
		}
	}
}

// maxLeft is how many places of an entry may be no fields.
const maxLeft = 1_000

var errQuotes = errors.New("it has too many quotes that are not closed; put what has quotes in braces")

func (p *bibParser) field(all []bibField) (f bibField, _ error) {
	start := p.i
	f.name = strings.ToLower(p.word())
	p.skip("")
	if f.name == "" || p.i == len(p.text) || p.text[p.i] != '=' {
		return f, fmt.Errorf("after the field %q, %.20q stands where NAME = VALUE must", lastName(all), collapse(p.text[start:min(len(p.text), start+unreadText)]))
	}
	p.i++
	value, err := p.value()
	if err != nil {
		return f, fmt.Errorf("%s: %w", f.name, err)
	}
	f.value = value
	return f, nil
}

// fieldBegins is how the next field begins, at the beginning of a line.
var fieldBegins = regexp.MustCompile(`^\s*[A-Za-z][\w:+-]*\s*=\s*["{\w]`)

// recover goes on from start behind what is no field: to the next comma outside
// of braces, or the next line that begins a field.
func (p *bibParser) recover(start int) {
	depth := 0
	for p.i = max(p.i, start+1); p.i < len(p.text); p.i++ {
		switch p.text[p.i] {
		case '{':
			depth++
		case '}':
			depth = max(0, depth-1)
		case ',':
			if depth == 0 {
				return
			}
		case '\n':
			if line, _, _ := strings.Cut(p.text[p.i+1:], "\n"); depth == 0 && fieldBegins.MatchString(line) {
				return
			}
		}
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

// part reads one text of a value. A value may be missing: "pages = ,".
func (p *bibParser) part() (string, error) {
	if p.i == len(p.text) || p.text[p.i] == ',' {
		return "", nil
	}
	start := p.i
	switch p.text[p.i] {
	case '{':
		p.i = groupEnd(p.text, p.i)
		return p.text[start+1 : max(start+1, p.i-1)], nil
	case '"':
		if !p.quoted() {
			return "", errors.New("its quote is not closed")
		}
		if p.sought > maxSought {
			return "", errQuotes
		}
		return p.text[start+1 : p.i-1], nil
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

// quoted goes behind the quote that closes a value: a comma, a # or the next
// field must follow it, or the end. Others are quotes within the text, which
// people forget to put in braces.
func (p *bibParser) quoted() bool {
	first, depth := -1, 0
	for i := p.i + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == '"' && depth <= 0:
			rest := strings.TrimLeft(p.text[i+1:min(len(p.text), i+200)], " \t\r\n")
			if rest == "" || rest[0] == ',' || rest[0] == '#' || rest[0] == '%' || fieldBegins.MatchString(rest) {
				p.i = i + 1
				return true
			}
			if first < 0 {
				first = i + 1
			}
		}
	}
	p.sought += len(p.text) - p.i
	if first >= 0 {
		p.i = first
	}
	return first >= 0
}

// groupEnd is the index after the brace that closes the one at i, or the end of
// the text. To BibTeX, braces after a backslash count too.
func groupEnd(text string, i int) int {
	for depth := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}
