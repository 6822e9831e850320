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

	"akin/internal/paper"
)

// looksLikeTable gives the test for a table whose first line names its columns,
// one of them the title or the abstract.
func looksLikeTable(separator rune) func(head) bool {
	return func(h head) bool {
		if h.binary() {
			return false
		}
		for line := range h.eachLine {
			if line == "" {
				continue
			}
			names, err := parseRecord([]byte(line), separator)
			if err != nil || len(names) < 2 {
				return false
			}
			return slices.ContainsFunc(names, func(name string) bool {
				name = collapse(name)
				field := fold(name)
				return name != "" && (name == h.opt.Map["title"] || name == h.opt.Map["abstract"] || field == "title" || field == "abstract")
			})
		}
		return false
	}
}

// table reads CSV or TSV with a header line (RFC 4180). A record goes on over
// lines while a quoted cell is open.
type table struct {
	file      string
	lines     *lines
	separator rune
	mapped    map[string]string
	header    *header // nil before it was read
}

func newTable(separator rune) func(input) rows {
	return func(in input) rows {
		return &table{file: in.name, lines: in.lines, separator: separator, mapped: in.opt.Map}
	}
}

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

func (t *table) readHeader(ctx context.Context) error {
	raw, num, err := t.record(ctx)
	var rejected *RejectedError
	if errors.As(err, &rejected) {
		num, err = rejected.Line, errors.New(rejected.Reason)
	} else if err != nil {
		return err
	}
	var names []string
	if err == nil {
		names, err = parseRecord(raw, t.separator)
	}
	if err != nil {
		return &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Cause: err,
			Message: fmt.Sprintf("%s: the first line that is not blank (%d) must name the columns, but cannot be read: %v", t.file, num, err),
		}
	}
	t.header, err = newHeader(t.file, names, t.mapped)
	return err
}

func (t *table) row(raw []byte) (Row, error) {
	if err := checkUTF8(raw); err != nil {
		return Row{}, err
	}
	cells, err := parseRecord(raw, t.separator)
	if err != nil {
		return Row{}, err
	}
	if len(cells) != len(t.header.names) {
		return Row{}, fmt.Errorf("the header names %d columns, but the number of cells in this row is %d", len(t.header.names), len(cells))
	}
	values := make([]member, len(cells))
	for i, cell := range cells {
		name := t.header.names[i]
		values[i] = member{key: name, value: cellValue(t.header.columns.of(name), cell)}
	}
	return t.header.columns.row(values)
}

// cellValue gives a cell as JSON. Where a field is a list or an object, a cell
// may hold it as JSON; listing dates may also be separated as categories are.
func cellValue(fields []string, cell string) []byte {
	for _, field := range fields {
		switch field {
		case "authors", "categories", "url", "urls", "listed_dates", "signals", "metadata":
		default:
			continue
		}
		text := strings.TrimSpace(cell)
		if (strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{")) && json.Valid([]byte(text)) {
			return []byte(text)
		}
		if dates, err := asCategories(field, quoted(cell)); field == "listed_dates" && err == nil && len(dates) > 0 {
			return toJSON(dates)
		}
	}
	return quoted(cell)
}

// record gathers the lines of one record and gives it with the number of its
// first line. Where a quoted cell is not closed as it should be, the lines
// before the one where that shows are rejected, and that one begins anew.
func (t *table) record(ctx context.Context) ([]byte, int, error) {
	var raw []byte
	first, state := 0, atCell
	for {
		l, err := t.lines.next(ctx)
		if errors.Is(err, io.EOF) && raw != nil {
			return nil, 0, t.unclosed(raw, first)
		}
		if err != nil {
			return nil, 0, err
		}
		if raw == nil && l.blank() {
			continue
		}
		if raw != nil && len(raw)+len(l.text) > t.lines.max || l.tooLong() && raw != nil {
			t.lines.unread()
			return nil, 0, t.unclosed(raw, first)
		}
		if l.tooLong() {
			return nil, 0, l.rejected(t.file, "")
		}
		after := scanCells(state, l.text, t.separator)
		if raw != nil && after == broken {
			t.lines.unread()
			return nil, 0, t.unclosed(raw, first)
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
func scanCells(state cellState, text []byte, separator rune) cellState {
	start := state != inQuotes // the next byte begins a cell
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case state == inQuotes && c == '"':
			switch {
			case i+1 < len(text) && text[i+1] == '"':
				i++
			case i+1 < len(text) && rune(text[i+1]) != separator:
				return broken
			default:
				state, start = atCell, false
			}
		case state == inQuotes:
		case c == '"' && start:
			state, start = inQuotes, false
		default:
			start = rune(c) == separator
		}
	}
	return state
}

// parseRecord divides one record into cells. A quote within a cell that does
// not begin with one stands for itself.
func parseRecord(raw []byte, separator rune) ([]string, error) {
	read := func(lazy bool) ([]string, error) {
		r := csv.NewReader(bytes.NewReader(raw))
		r.Comma, r.LazyQuotes, r.FieldsPerRecord = separator, lazy, -1
		return r.Read()
	}
	cells, err := read(false)
	if errors.Is(err, csv.ErrBareQuote) {
		cells, err = read(true)
	}
	if errors.Is(err, csv.ErrQuote) {
		return nil, errors.New(`a quoted cell is not closed, or something follows its closing quote; a quote within quotes is written twice ("")`)
	}
	return cells, err
}
