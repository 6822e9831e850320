package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"akin/internal/paper"
)

// looksLikeJSONL says that the first line that is not blank opens an object and
// goes on within the line. The line need not be valid: a bad first row is a
// rejected row, not another format.
func looksLikeJSONL(h head) bool {
	text := h.text
	i := skipSpace(text, 0)
	if i == len(text) || text[i] != '{' {
		return false
	}
	for i++; i < len(text) && (text[i] == ' ' || text[i] == '\t'); i++ {
	}
	return i < len(text) && (text[i] == '"' || text[i] == '}')
}

// newJSONL reads lines of which each is a paper in akin's own fields.
func newJSONL(in input) rows {
	columns := newColumns(in.opt.Map)
	return &objects{file: in.name, from: in.lines, decode: func(object []byte) (Row, error) {
		fields, err := members(object)
		if err != nil {
			return Row{}, err
		}
		return columns.row(fields)
	}}
}

// objects reads a file of JSON objects, one a line or one an element of an
// array, of which decode makes rows.
type objects struct {
	file string
	from interface {
		next(context.Context) (line, error)
	}
	// decode gets the text of a valid object. The row needs no source yet.
	decode func(object []byte) (Row, error)
}

func (o *objects) next(ctx context.Context) (Row, error) {
	for {
		l, err := o.from.next(ctx)
		if err != nil {
			return Row{}, err
		}
		if l.blank() {
			continue
		}
		if l.tooLong() {
			return Row{}, l.rejected(o.file, "")
		}
		row, err := o.row(l)
		var disk spillError
		if errors.As(err, &disk) {
			return Row{}, err
		}
		if err != nil {
			return Row{}, l.rejected(o.file, err.Error())
		}
		row.Source = Source{File: o.file, Line: l.num}
		return row, nil
	}
}

func (o *objects) row(l line) (Row, error) {
	if err := checkJSON(l.text); err != nil {
		if !l.ended {
			return Row{}, fmt.Errorf("the file ends in the middle of this %s (%w)", l.name(), err)
		}
		return Row{}, err
	}
	text := l.text[skipSpace(l.text, 0):]
	if !isObject(text) {
		return Row{}, wrongType(article(l.name()), "a JSON object", text)
	}
	return o.decode(text)
}

// record gathers a paper from its fields.
type record struct {
	paper paper.Paper
	// given holds the fields that were given, in their own spelling, so that
	// publish_date and publishDate do not both count.
	given map[string]string
	// extra are the columns that are not fields of a paper.
	extra map[string]string
	dates []givenDate
	// unread are the values that could not be read.
	unread unread
}

// givenDate is one of the columns that say when a paper appeared.
type givenDate struct {
	column string
	date   paper.Date
	text   string
}

// spelling gives the field that a column stands for: protojson, in which akin
// exports papers, writes lowerCamelCase.
func spelling(column string) string {
	switch column {
	case "publishDate":
		return "publish_date"
	case "listedDates":
		return "listed_dates"
	case "arxivId":
		return "arxiv_id"
	case "createTime":
		return "create_time"
	case "updateTime":
		return "update_time"
	case "contentDigest":
		return "content_digest"
	case "workId":
		return "work_id"
	case "tokenCount":
		return "token_count"
	default:
		return column
	}
}

// set takes one column as a field.
func (r *record) set(column, field string, value []byte) error {
	if before, twice := r.given[field]; twice {
		return fmt.Errorf("%s is given twice, as %s and as %s", field, before, column)
	}
	if r.given == nil {
		r.given = map[string]string{}
	}
	r.given[field] = column
	p := &r.paper
	var err error
	switch field {
	case "id":
		p.ID, err = asID(field, value)
	case "title":
		p.Title, err = asCollapsed(field, value)
	case "abstract":
		p.Abstract, err = asCollapsed(field, value)
	case "venue":
		p.Venue, err = asCollapsed(field, value)
	case "doi":
		p.DOI, err = asCollapsed(field, value)
	case "arxiv_id":
		p.ArxivID, err = asCollapsed(field, value)
	case "language":
		p.Language, err = asCollapsed(field, value)
	case "authors":
		p.Authors, err = asAuthors(field, value)
	case "categories":
		p.Categories, err = asCategories(field, value)
	case "publish_date", "date", "year":
		err = r.addDate(field, value)
	case "listed_dates":
		p.ListedDates, err = asDates(field, value)
	case "url", "urls":
		err = r.addURLs(field, value)
	case "signals":
		p.Signals, err = asSignals(field, value)
	case "metadata":
		p.Metadata, err = asMetadata(field, value)
	case "revision", "create_time", "update_time", "content_digest", "work_id", "token_count", "truncated", "embedding":
		// What akin itself knows of a paper it finds out anew. Vectors come in
		// with a manifest that says what they are.
	default:
		err = r.addExtra(column, value)
	}
	return err
}

func (r *record) addExtra(column string, value []byte) error {
	if isNull(value) {
		return nil
	}
	text, err := asText(value)
	if err != nil {
		return err
	}
	if r.extra == nil {
		r.extra = map[string]string{}
	}
	r.extra[column] = text
	return nil
}

func (r *record) addDate(field string, value []byte) error {
	d, err := asDate(field, value)
	if err != nil || d.IsZero() {
		return err
	}
	text, err := asText(value)
	r.dates = append(r.dates, givenDate{column: field, date: d, text: text})
	return err
}

// addURLs adds to the URLs; url and urls may both be given, and name the same.
func (r *record) addURLs(field string, value []byte) error {
	urls, err := asStrings(field, value)
	if err != nil {
		return err
	}
	for _, u := range urls {
		if !slices.Contains(r.paper.URLs, u) {
			r.paper.URLs = append(r.paper.URLs, u)
		}
	}
	return nil
}

// finish settles what depends on several columns.
func (r *record) finish() error {
	r.settleDates()
	for column, text := range r.extra {
		if before, ok := r.paper.Metadata[column]; ok && before != text {
			return fmt.Errorf("%q is a column and a key of metadata, and they differ", column)
		}
	}
	if len(r.extra) > 0 && r.paper.Metadata == nil {
		r.paper.Metadata = map[string]string{}
	}
	for column, text := range r.extra {
		r.paper.Metadata[column] = text
	}
	return nil
}

// settleDates takes publish_date before date before year. Another of them that
// says the same less exactly is dropped; one that says something else (a
// conference's year is often not that of the preprint) is kept as metadata.
func (r *record) settleDates() {
	rank := []string{"publish_date", "date", "year"}
	slices.SortFunc(r.dates, func(a, b givenDate) int {
		return slices.Index(rank, a.column) - slices.Index(rank, b.column)
	})
	for i, d := range r.dates {
		if i == 0 {
			r.paper.PublishDate = d.date
			continue
		}
		if covers(r.paper.PublishDate, d.date) {
			continue
		}
		if r.extra == nil {
			r.extra = map[string]string{}
		}
		r.extra[d.column] = d.text
	}
}

// covers says that d agrees with all that less says.
func covers(d, less paper.Date) bool {
	return d.Year == less.Year && (less.Month == 0 || d.Month == less.Month) && (less.Day == 0 || d.Day == less.Day)
}
