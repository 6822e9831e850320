package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"akin/internal/paper"
)

// Fields gives the fields of a paper that a column can hold.
func Fields() []string {
	return []string{
		"id", "title", "abstract", "authors", "categories", "venue", "publish_date", "date", "year",
		"listed_dates", "doi", "arxiv_id", "url", "urls", "language", "signals", "metadata",
	}
}

// mapFaults checks what Options.Map says.
func mapFaults(fields map[string]string) (faults []paper.Violation) {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(Fields(), field) {
			faults = append(faults, paper.Violation{
				Field:       "map",
				Description: fmt.Sprintf("names the field %q, which a paper does not have; its fields are %s", field, strings.Join(Fields(), ", ")),
			})
		} else if fields[field] == "" {
			faults = append(faults, paper.Violation{
				Field: "map", Description: fmt.Sprintf("names no column for %s; write %s=COLUMN", field, field),
			})
		}
	}
	return faults
}

// columns says which fields of a paper the columns of a file hold.
type columns struct {
	mapped map[string]string // field to column
	fields map[string][]string
}

func newColumns(mapped map[string]string) *columns {
	c := &columns{mapped: mapped, fields: map[string][]string{}}
	for _, field := range slices.Sorted(maps.Keys(mapped)) {
		c.fields[mapped[field]] = append(c.fields[mapped[field]], field)
	}
	return c
}

// of gives the fields that a column holds; none means metadata.
func (c *columns) of(column string) []string {
	if fields := c.fields[column]; fields != nil {
		return fields
	}
	if field := spelling(column); c.mapped[field] == "" {
		return []string{field}
	}
	return nil
}

// row makes a paper of the columns of a row.
func (c *columns) row(values []member) (Row, error) {
	var r record
	for _, v := range values {
		fields := c.of(v.key)
		if fields == nil {
			if err := r.addExtra(v.key, v.value); err != nil {
				return Row{}, err
			}
		}
		for _, field := range fields {
			if err := r.set(v.key, field, v.value); err != nil {
				return Row{}, err
			}
		}
	}
	if err := r.finish(); err != nil {
		return Row{}, err
	}
	return completed(r.paper, r.unread...)
}

// header is the row of column names of a table.
type header struct {
	names   []string // as the file has them, trimmed
	columns *columns
}

// newHeader checks the column names of a table against what was mapped. A name
// such as "Title" stands for the field title.
func newHeader(file string, names []string, mapped map[string]string) (*header, error) {
	h := &header{names: make([]string, len(names)), columns: newColumns(mapped)}
	fault := func(format string, args ...any) error {
		return &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonInvalidField,
			Message: fmt.Sprintf("%s: %s; its columns are %s", file, fmt.Sprintf(format, args...), strings.Join(h.names, ", ")),
		}
	}
	seen := map[string]bool{}
	for i, name := range names {
		h.names[i] = collapse(name)
	}
	for i, name := range h.names {
		if name == "" {
			name = fmt.Sprintf("column %d", i+1) // as data frames write their index
		} else if h.columns.fields[name] == nil && slices.Contains(Fields(), fold(name)) {
			name = fold(name)
		}
		if seen[name] {
			return nil, fault("the column %q is there twice; rename one", name)
		}
		seen[name], h.names[i] = true, name
	}
	for _, field := range slices.Sorted(maps.Keys(mapped)) {
		if !seen[mapped[field]] {
			return nil, fault("there is no column %q, which is to be the %s", mapped[field], field)
		}
	}
	if !h.has("title") && !h.has("abstract") {
		return nil, fault("no column is the title or the abstract; say which with --map title=COLUMN")
	}
	return h, nil
}

// fold gives a column's name the spelling of fields.
func fold(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), " ", "_")
}

// has says that a column holds the field.
func (h *header) has(field string) bool {
	return slices.ContainsFunc(h.names, func(name string) bool { return slices.Contains(h.columns.of(name), field) })
}

// quoted gives text as a JSON string, null where it is empty.
func quoted(text string) []byte {
	if text == "" {
		return []byte("null")
	}
	return toJSON(text)
}

// toJSON writes a value that is known to be fit for JSON.
func toJSON(value any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return []byte("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
