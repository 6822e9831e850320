package ingest

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"akin/internal/paper"
)

// dialect is how a table is written.
type dialect struct {
	separator rune // 0 if the text is no table
	// skip is how many lines stand before that of the column names: a line
	// "sep=;", or what an export says of itself.
	skip int
	// backslash says that a quote within quotes is written \", as Spark and
	// MySQL do, not twice.
	backslash bool
}

// maxPreamble is how many lines are looked at for the column names.
const maxPreamble = 40

// separators are what stands between cells.
func separators(opt Options) []rune {
	if opt.Delimiter != 0 {
		return []rune{opt.Delimiter}
	}
	return []rune{',', ';', '\t', '|'}
}

// sniffTable looks for the line of column names, one of them the title or the
// abstract, and for what divides it. A line after the first counts only if it
// names several columns that are known.
func sniffTable(h head) dialect {
	opt, n := h.opt, -1
	if len(opt.Columns) > 0 {
		return dialect{separator: bestSeparator(h), backslash: backslashes(h.text)}
	}
	for line := range h.eachLine {
		if n++; n == maxPreamble {
			break
		}
		if rest, ok := cutSeparatorLine(line); n == 0 && ok {
			opt.Delimiter = rest
			continue
		}
		if line == "" {
			continue
		}
		best, most := rune(0), 0
		for _, separator := range separators(opt) {
			if known := knownColumns(line, separator, opt); known > most {
				best, most = separator, known
			}
		}
		if most > 2 || most > 0 && (n == 0 || n == 1 && opt.Delimiter != h.opt.Delimiter || firstText(h, n)) {
			return dialect{separator: best, skip: n, backslash: backslashes(h.text)}
		}
	}
	return dialect{}
}

// firstText says that only blank lines stand before line n.
func firstText(h head, n int) bool {
	for line := range h.eachLine {
		if n == 0 {
			return true
		}
		if line != "" {
			return false
		}
		n--
	}
	return true
}

// cutSeparatorLine reads a line "sep=;", with which Excel is told what divides
// the cells.
func cutSeparatorLine(line string) (rune, bool) {
	line = strings.Trim(strings.TrimPrefix(line, byteOrderMark), `"`)
	if rest := cutPrefixFold(line, "sep="); rest != line {
		if rest == "" || rest == `\t` {
			return '\t', true // a tab, trimmed
		}
		return rune(rest[0]), len(rest) == 1
	}
	return 0, false
}

// knownColumns counts the columns of a line of names that are fields of a paper,
// if one of them is the title or the abstract.
func knownColumns(line string, separator rune, opt Options) int {
	names, err := parseRecord([]byte(line), dialect{separator: separator})
	if err != nil || len(names) < 2 {
		return 0
	}
	known, text := 0, false
	for i := range names {
		names[i] = collapse(names[i])
	}
	for _, fields := range newColumns(opt.Map).assign(names) {
		if len(fields) > 0 {
			known++
		}
		text = text || slices.Contains(fields, "title") || slices.Contains(fields, "abstract")
	}
	if !text {
		return 0
	}
	return known
}

// bestSeparator finds what divides lines into as many cells as there are names.
func bestSeparator(h head) rune {
	for _, separator := range separators(h.opt) {
		for line := range h.eachLine {
			cells, err := parseRecord([]byte(line), dialect{separator: separator})
			if line != "" && (err != nil || len(cells) != len(h.opt.Columns)) {
				break
			}
			if line != "" {
				return separator
			}
		}
	}
	return h.opt.Delimiter
}

// backslashes says that quotes within quotes are written \": such a quote goes on
// with the cell, where one that closes it has the end of a cell after it.
func backslashes(text []byte) bool {
	for rest := text; ; {
		at := bytes.Index(rest, []byte(`\"`))
		if at < 0 || at+2 >= len(rest) {
			return false
		}
		if next := rune(rest[at+2]); unicode.IsLetter(next) || unicode.IsDigit(next) || next == ' ' {
			return true
		}
		rest = rest[at+2:]
	}
}

func looksLikeTSV(h head) bool { return h.table.separator == '\t' }

func looksLikeCSV(h head) bool { return h.table.separator != 0 && h.table.separator != '\t' }

// table reads CSV or TSV with a line of column names (RFC 4180). A record goes
// on over lines while a quoted cell is open.
type table struct {
	file    string
	lines   *lines
	in      input
	dialect dialect
	header  *header // nil before it was read
	queue   []again // to read once more, before lines
	reread  int     // bytes of lines that were
}

// again are lines that are read once more: one, or several as one text.
type again struct {
	one  line
	text []byte // nil is the one
	num  int    // of the first of several
}

// maxReplayed is how much of a table is read once more because a quote was not closed: what
// is beyond is rejected with the line that has the quote.
const maxReplayed = 32 << 20

// line gives the next line.
func (t *table) line(ctx context.Context) (line, error) {
	if len(t.queue) == 0 {
		return t.lines.next(ctx)
	}
	next := &t.queue[0]
	if next.text == nil {
		l := next.one
		t.queue = t.queue[1:]
		return l, ctx.Err()
	}
	text, rest, more := bytes.Cut(next.text, []byte("\n"))
	l := line{text: text, num: next.num, size: int64(len(text)), ended: true}
	if next.text, next.num = rest, next.num+1; !more {
		t.queue = t.queue[1:]
	}
	return l, ctx.Err()
}

// replay gives the error for some lines after a quote that was opened and not closed, and
// has those behind the first read once more, and then the one where that shows: it was the
// quote of the first.
func (t *table) replay(raw []byte, first int, shows *line) error {
	head, rest, several := bytes.Cut(raw, []byte("\n"))
	if t.reread += len(rest); several && t.reread > maxReplayed {
		head, several = raw, false
	}
	var queue []again
	if several {
		queue = append(queue, again{text: bytes.Clone(rest), num: first + 1})
	}
	if shows != nil {
		l := *shows
		l.text = bytes.Clone(l.text)
		queue = append(queue, again{one: l})
	}
	// Nothing is left of a queue that was there: every line in it but its last ended within
	// quotes, and so did those that were read of it since, so that both stop at the same line.
	t.queue = queue
	return t.unclosed(head, first)
}

func newTSV(in input) rows { return newTable(in, '\t') }

func newCSV(in input) rows {
	separator := in.opt.Delimiter
	if separator == 0 {
		separator = ','
	}
	return newTable(in, separator)
}

// newTable reads a table; the separator is for one that was not recognised.
func newTable(in input, separator rune) *table {
	t := &table{file: in.name, lines: in.lines, in: in, dialect: in.head.table}
	if t.dialect.separator == 0 {
		t.dialect.separator = separator
	}
	if t.dialect.skip > 0 && separatorLines(in.head) != t.dialect.skip {
		in.opt.Notes.notice("%s: the first %d lines were passed over: the columns are named in line %d", in.name, t.dialect.skip, t.dialect.skip+1)
	}
	return t
}

// separatorLines is 1 if the first line says what divides the cells.
func separatorLines(h head) int {
	for line := range h.eachLine {
		if _, ok := cutSeparatorLine(line); ok {
			return 1
		}
		return 0
	}
	return 0
}

// holdsNothing implements hollow: a table may have a header alone.
func (t *table) holdsNothing() bool { return t.header != nil }

func (t *table) next(ctx context.Context) (Row, error) {
	if t.header == nil {
		if err := t.readHeader(ctx); err != nil {
			return Row{}, err
		}
	}
	raw, num, err := t.record(ctx)
	if err != nil {
		return Row{}, err
	}
	row, err := t.row(raw)
	if err != nil {
		return Row{}, &RejectedError{Rejected{File: t.file, Line: num, Reason: err.Error(), Raw: raw}}
	}
	row.Source = Source{File: t.file, Line: num}
	return row, nil
}

func (t *table) readHeader(ctx context.Context) (err error) {
	if names := t.in.opt.Columns; len(names) > 0 {
		t.header, err = newHeader(t.in, names)
		return err
	}
	for range t.dialect.skip {
		if _, err := t.lines.next(ctx); err != nil {
			return err
		}
	}
	raw, num, err := t.record(ctx)
	var rejected *RejectedError
	if errors.As(err, &rejected) {
		num, err = rejected.Line, errors.New(rejected.Reason)
	} else if err != nil {
		return err
	}
	var names []string
	if err == nil {
		names, err = parseRecord(raw, t.dialect)
	}
	if err != nil {
		return &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Cause: err,
			Message: fmt.Sprintf("%s: the first line that is not blank (%d) must name the columns, but cannot be read: %v", t.file, num, err),
		}
	}
	t.header, err = newHeader(t.in, names)
	return err
}

func (t *table) row(raw []byte) (Row, error) {
	if err := checkUTF8(raw); err != nil {
		return Row{}, err
	}
	cells, err := parseRecord(raw, t.dialect)
	if err != nil {
		return Row{}, err
	}
	for len(cells) > len(t.header.names) && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1] // a separator too many at the end of the line
	}
	if len(cells) != len(t.header.names) {
		if openQuote(raw, t.dialect) {
			return Row{}, errOpenQuote
		}
		return Row{}, fmt.Errorf("the header names %d columns, but the number of cells in this row is %d", len(t.header.names), len(cells))
	}
	return t.header.row(cells)
}

// row makes a paper of cells.
func (h *header) row(cells []string) (Row, error) {
	values := make([]member, len(cells))
	for i, cell := range cells {
		values[i] = member{key: h.names[i], value: cellValue(h.fields[i], cell)}
	}
	return h.columns.row(values)
}

// cellValue gives a cell as JSON. Where a field is a list or an object, a cell
// may hold it as JSON, or as Python prints it.
func cellValue(fields []string, cell string) []byte {
	if isMissing(strings.TrimSpace(cell)) {
		return []byte("null")
	}
	if text, ok := strings.CutPrefix(cell, `="`); ok && len(text) > 0 && strings.IndexByte(text, '"') == len(text)-1 {
		cell = text[:len(text)-1] // a formula, by which programs keep Excel from reading numbers
	}
	for _, field := range fields {
		switch field {
		case "title", "id", "doi", "arxiv_id", "language":
			continue
		}
		text := strings.TrimSpace(cell)
		if !strings.HasPrefix(text, "[") && !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "('") {
			break
		}
		if json.Valid([]byte(text)) {
			return []byte(text)
		}
		if value, ok := pythonJSON(text); ok {
			return value
		}
	}
	return quoted(cell)
}

// record gathers the lines of one record and gives it with the number of its
// first line. Where a quoted cell is not closed as it should be, the line where it
// began is rejected, and the next begins anew.
func (t *table) record(ctx context.Context) ([]byte, int, error) {
	var raw []byte
	first, state := 0, atCell
	for {
		l, err := t.line(ctx)
		if errors.Is(err, io.EOF) && raw != nil {
			return nil, 0, t.replay(raw, first, nil)
		}
		if err != nil {
			return nil, 0, err
		}
		if raw == nil && l.blank() {
			continue
		}
		if raw != nil && len(raw)+len(l.text) > t.lines.max || l.tooLong() && raw != nil {
			return nil, 0, t.replay(raw, first, &l)
		}
		if l.tooLong() {
			return nil, 0, l.rejected(t.file, "")
		}
		after := scanCells(state, l.text, t.dialect)
		if raw != nil && after == broken {
			return nil, 0, t.replay(raw, first, &l)
		}
		if raw == nil {
			first = l.num
		} else {
			raw = append(raw, '\n')
		}
		raw = append(raw, l.text...)
		if state = after; state != inQuotes {
			return raw, first, nil
		}
	}
}

// unclosed is the error for lines after a quote that was opened and not closed.
func (t *table) unclosed(raw []byte, first int) error {
	return &RejectedError{Rejected{
		File: t.file, Line: first, Raw: raw[:min(len(raw), keptOfLong)],
		Reason: `a quoted cell is not closed; a quote within quotes is written twice ("")`,
	}}
}

// cellState is where in a record a line ended.
type cellState int

const (
	atCell   cellState = iota // between cells, or in one without quotes
	inQuotes                  // a quoted cell goes on
	broken                    // something follows a closing quote
)

// scanCells finds whether a quoted cell is open at the end of a line that began
// in the given state.
func scanCells(state cellState, text []byte, d dialect) cellState {
	start := state != inQuotes // the next byte begins a cell
	began := false             // the open cell does, on this line
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case state == inQuotes && c == '\\' && d.backslash:
			i++
		case state == inQuotes && c == '"':
			switch {
			case i+1 < len(text) && text[i+1] == '"':
				i++
			case i+1 < len(text) && rune(text[i+1]) != d.separator:
				if !began {
					return broken
				}
				state, start = atCell, false // not a quoted cell, but one with a quote in it
			default:
				state, start = atCell, false
			}
		case state == inQuotes:
		case c == '"' && start:
			state, start, began = inQuotes, false, true
		default:
			start = rune(c) == d.separator
		}
	}
	return state
}

// parseRecord divides one record into cells. A quote within a cell that does
// not begin with one stands for itself.
func parseRecord(raw []byte, d dialect) ([]string, error) {
	if d.backslash {
		raw = doubledQuotes(raw)
	}
	read := func(lazy bool) ([]string, error) {
		r := csv.NewReader(bytes.NewReader(raw))
		r.Comma, r.LazyQuotes, r.FieldsPerRecord = d.separator, lazy, -1
		return r.Read()
	}
	cells, err := read(false)
	if errors.Is(err, csv.ErrBareQuote) {
		cells, err = read(true)
	}
	if errors.Is(err, csv.ErrQuote) {
		if cells, ok := literalCells(string(raw), d.separator); ok {
			return cells, nil
		}
		return nil, errOpenQuote
	}
	return cells, err
}

var errOpenQuote = errors.New(`a quoted cell is not closed, or something follows its closing quote; a quote within quotes is written twice ("")`)

// openQuote says that the quotes of a record are not those of RFC 4180.
func openQuote(raw []byte, d dialect) bool {
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comma, r.FieldsPerRecord = d.separator, -1
	_, err := r.Read()
	return errors.Is(err, csv.ErrQuote)
}

// literalCells divides a record in which a cell has something behind what would be its
// closing quote: such a cell ("Big data" in health) has quotes that stand for themselves,
// and goes to the next separator. ok is false where a quote is not closed.
func literalCells(raw string, separator rune) (cells []string, ok bool) {
	end := string(separator)
	for {
		cell, rest, more := strings.Cut(raw, end)
		if quoted, after, closed := cutQuoted(raw); closed && (after == "" || strings.HasPrefix(after, end)) {
			cell = quoted
			rest, more = strings.CutPrefix(after, end)
		} else if strings.HasPrefix(raw, `"`) && !closed {
			return nil, false
		}
		cells = append(cells, cell)
		if !more {
			return cells, true
		}
		raw = rest
	}
}

// cutQuoted cuts a quoted cell from the beginning of a text.
func cutQuoted(text string) (cell, after string, closed bool) {
	if !strings.HasPrefix(text, `"`) {
		return "", text, false
	}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] != '"':
		case i+1 < len(text) && text[i+1] == '"':
			i++
		default:
			return strings.ReplaceAll(text[1:i], `""`, `"`), text[i+1:], true
		}
	}
	return "", text, false
}

// doubledQuotes writes \" as "" and \\ as \.
func doubledQuotes(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' && i+1 < len(raw) && (raw[i+1] == '"' || raw[i+1] == '\\') {
			if i++; raw[i] == '"' {
				out = append(out, '"')
			}
		}
		out = append(out, raw[i])
	}
	return out
}
