package ingest

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"akin/internal/paper"
)

// Unread is an optional value of a row that could not be read. It costs itself,
// never the paper; where it is text, it is kept in the metadata.
type Unread struct {
	// Field is the field of a paper that it should have been ("publish_date",
	// "authors[3].orcid"), or the source's own name of it.
	Field string
	// Text is the value as the source has it, or its beginning.
	Text string
	// key is where completed keeps the text as a note; "" if that was done.
	key string
}

// unreadText is how much of a value is kept.
const unreadText = 200

// unread gathers what could not be read of one row. Readers hand it to
// completed, with the paper. The zero value is ready.
type unread []Unread

// leave says that the value of a field could not be read. It is counted, and
// kept in the paper's metadata under key; an empty key only counts.
func (u *unread) leave(p *paper.Paper, key, field, text string) {
	*u = append(*u, Unread{Field: field, Text: shorten(collapse(text), unreadText)})
	if key != "" {
		keep(p, key, text)
	}
}

// date reads a date in one of the spellings of readDate. What cannot be read is
// left under key; of what can be read in part only ("Spring 2019"), the text is
// kept there too.
func (u *unread) date(p *paper.Paper, key, text string) paper.Date {
	d, how := readDate(text)
	switch how {
	case dateUnread:
		u.leave(p, key, "publish_date", text)
	case dateInPart:
		keep(p, key, text)
	}
	return d
}

// keep is note for a key that may be there with another text already.
func keep(p *paper.Paper, key, text string) {
	if before, ok := p.Metadata[key]; ok && before != collapse(text) {
		key += "_unread"
	}
	note(p, key, text)
}

// shorten cuts a text after so many bytes, between characters.
func shorten(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}

// shed takes out of a paper what Validate refuses and a paper can do without.
// What is left of the error is about the paper itself.
func (u *unread) shed(p *paper.Paper, err error) error {
	var e *paper.Error
	if !errors.As(err, &e) {
		return err
	}
	// From the end, so that the places of what is still to go stay true.
	slices.SortStableFunc(e.Violations, func(a, b paper.Violation) int {
		return -cmp.Compare(placeOf(a.Field), placeOf(b.Field))
	})
	shed := false
	for _, v := range e.Violations {
		text, ok := takeOut(p, v.Field)
		if ok {
			shed = true
			*u = append(*u, Unread{Field: v.Field, Text: shorten(text, unreadText) + " (" + v.Description + ")"})
		}
	}
	if !shed {
		return err
	}
	return p.Validate()
}

// place is the number or key in the name of a field such as authors[3].orcid.
var place = regexp.MustCompile(`^([a-z_]+)\[(\d+|".*")\](.*)$`)

func placeOf(field string) int {
	match := place.FindStringSubmatch(field)
	if match == nil {
		return -1
	}
	n, err := strconv.Atoi(match[2])
	if err != nil {
		return -1
	}
	return n
}

// takeOut empties an optional field and gives what it held, as text.
func takeOut(p *paper.Paper, field string) (text string, ok bool) {
	if match := place.FindStringSubmatch(field); match != nil {
		return takeItem(p, match[1], match[2], match[3])
	}
	clear := func(s *string) (string, bool) {
		text, *s = *s, ""
		return text, true
	}
	switch field {
	case "venue":
		return clear(&p.Venue)
	case "doi":
		return clear(&p.DOI)
	case "arxiv_id":
		return clear(&p.ArxivID)
	case "language":
		return clear(&p.Language)
	case "publish_date":
		text, p.PublishDate = p.PublishDate.String(), paper.Date{}
	case "authors":
		text, p.Authors = fmt.Sprintf("%d authors", len(p.Authors)), p.Authors[:min(len(p.Authors), paper.MaxAuthors)]
	case "categories":
		text, p.Categories = fmt.Sprintf("%d categories", len(p.Categories)), p.Categories[:min(len(p.Categories), paper.MaxListItems)]
	case "urls":
		text, p.URLs = fmt.Sprintf("%d URLs", len(p.URLs)), p.URLs[:min(len(p.URLs), paper.MaxListItems)]
	case "listed_dates":
		text, p.ListedDates = fmt.Sprintf("%d dates", len(p.ListedDates)), p.ListedDates[:min(len(p.ListedDates), paper.MaxListItems)]
	case "metadata":
		return takeLargest(p)
	default:
		return "", false
	}
	return text, true
}

// takeLargest takes the longest values out of metadata until it is small enough.
func takeLargest(p *paper.Paper) (text string, ok bool) {
	type entry struct{ key, value string }
	var all []entry
	total := 0
	for key, value := range p.Metadata {
		all = append(all, entry{key, value})
		total += len(key) + len(value)
	}
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(-cmp.Compare(len(a.key)+len(a.value), len(b.key)+len(b.value)), cmp.Compare(a.key, b.key))
	})
	var keys []string
	for len(all) > 0 && (total > paper.MaxMetadataBytes || len(all) > paper.MaxListItems) {
		delete(p.Metadata, all[0].key)
		total -= len(all[0].key) + len(all[0].value)
		keys = append(keys, all[0].key)
		all = all[1:]
	}
	return strings.Join(keys, ", "), len(keys) > 0
}

// takeItem takes one item out of a list or a map.
func takeItem(p *paper.Paper, field, at, part string) (text string, ok bool) {
	if key, err := strconv.Unquote(at); err == nil {
		switch field {
		case "signals":
			text, ok = fmt.Sprint(p.Signals[key]), true
			delete(p.Signals, key)
		case "metadata":
			text, ok = p.Metadata[key], true
			delete(p.Metadata, key)
		}
		return text, ok
	}
	i, err := strconv.Atoi(at)
	if err != nil {
		return "", false
	}
	without := func(list *[]string) (string, bool) {
		if i >= len(*list) {
			return "", false
		}
		text := (*list)[i]
		*list = slices.Delete(slices.Clone(*list), i, i+1)
		return text, true
	}
	switch {
	case field == "categories":
		return without(&p.Categories)
	case field == "urls":
		return without(&p.URLs)
	case field == "listed_dates" && i < len(p.ListedDates):
		text = p.ListedDates[i].String()
		p.ListedDates = slices.Delete(p.ListedDates, i, i+1)
		return text, true
	case field == "authors" && i < len(p.Authors) && part == ".orcid":
		text, p.Authors[i].ORCID = p.Authors[i].ORCID, ""
		return text, true
	case field == "authors" && i < len(p.Authors):
		text = p.Authors[i].Name
		p.Authors = slices.Delete(p.Authors, i, i+1)
		return text, true
	}
	return "", false
}

// Notes gathers what was said about rows and files that were read all the same:
// values that could not be read, by field, and what had to be guessed. The zero
// value is ready; all methods may be called from any goroutine.
type Notes struct {
	mu      sync.Mutex // guards all below
	fields  map[string]*fieldNotes
	notices []string
}

// fieldNotes are the values of one field that could not be read.
type fieldNotes struct {
	count   int
	example Unread
	source  Source
}

// maxNotices bounds how many files are named.
const maxNotices = 20

// addRow counts what could not be read of a row.
func (n *Notes) addRow(row *Row) {
	if n == nil || len(row.Unread) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fields == nil {
		n.fields = map[string]*fieldNotes{}
	}
	for _, u := range row.Unread {
		field := fieldOf(u.Field)
		f := n.fields[field]
		if f == nil {
			f = &fieldNotes{example: u, source: row.Source}
			n.fields[field] = f
		}
		f.count++
	}
}

// fieldOf takes the place out of a field's name: authors[3].orcid is of
// authors.orcid.
func fieldOf(name string) string {
	if match := place.FindStringSubmatch(name); match != nil {
		if strings.HasPrefix(match[2], `"`) {
			key, _ := strconv.Unquote(match[2])
			return match[1] + "." + key
		}
		return match[1] + match[3]
	}
	return name
}

// notice says something about a file.
func (n *Notes) notice(format string, args ...any) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if len(n.notices) <= maxNotices && !slices.Contains(n.notices, text) {
		n.notices = append(n.notices, text)
	}
}

// Unread is how many values could not be read.
func (n *Notes) Unread() (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.fields {
		count += f.count
	}
	return count
}

// Lines says it all in sentences for a person, one a line: what was guessed of
// files, then what could not be read, by field.
func (n *Notes) Lines() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := slices.Clone(n.notices[:min(len(n.notices), maxNotices)])
	if len(n.notices) > maxNotices {
		lines = append(lines, "the same of further files")
	}
	var fields []string
	for field := range n.fields {
		fields = append(fields, field)
	}
	slices.Sort(fields)
	for _, field := range fields {
		f := n.fields[field]
		lines = append(lines, fmt.Sprintf("%s not read, e.g. %q (%s:%d)",
			countOf(f.count, field), f.example.Text, f.source.File, f.source.Line))
	}
	return lines
}

func countOf(n int, field string) string {
	what, many := "value of "+field, "values of "+field
	if field == "publish_date" {
		what, many = "date", "dates"
	}
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %s", n, many)
}
