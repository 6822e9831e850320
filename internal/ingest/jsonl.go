package ingest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"akin/internal/paper"
)

// looksLikeJSONL says that these are objects of JSON. The first need not be
// valid: a bad first row is a rejected row, not another format.
func looksLikeJSONL(h head) bool { return h.json.kind != noJSON }

// newJSONL reads objects of which each is a paper in akin's own fields, or in
// those that others use.
func newJSONL(in input) rows {
	columns := newColumns(in.opt.Map)
	return newObjects(in, func(object []byte) (Row, error) {
		fields, err := members(object)
		if err != nil {
			return Row{}, err
		}
		return columns.row(fields)
	})
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
	hollow bool // an array without elements
	notes  *Notes
}

// newObjects reads objects wherever the file holds them.
func newObjects(in input, decode func(object []byte) (Row, error)) *objects {
	o := &objects{file: in.name, from: in.lines, decode: decode, hollow: in.head.json.empty, notes: in.opt.Notes}
	switch in.head.json.kind {
	case inArray:
		o.from = newJSONArray(in)
	case inWrapper:
		o.from = newNested(in, in.head.json.path)
	case spread:
		o.from = newNested(in, nil)
	case inObject:
		o.from = newNested(in, []string{})
	}
	return o
}

// holdsNothing implements hollow.
func (o *objects) holdsNothing() bool { return o.hollow }

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
		if l.key != "" {
			l.text = keyed(l.key, l.text)
		}
		row, err := o.row(l)
		var disk spillError
		if errors.As(err, &disk) {
			return Row{}, err
		}
		if other := noPaperError(""); errors.As(err, &other) {
			o.notes.notice("%s: notes, attachments and annotations without an abstract were passed over", o.file)
			continue
		}
		if err != nil {
			return Row{}, l.rejected(o.file, err.Error())
		}
		row.Source = Source{File: o.file, Line: l.num}
		return row, nil
	}
}

func (o *objects) row(l line) (Row, error) {
	err := checkJSON(l.text)
	if err != nil {
		if mended, ok := mendJSON(l.text); ok && utf8.Valid(mended) {
			l.text, err = mended, nil
		}
	}
	if err != nil {
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
	said  []givenDate
	// month and day are those of columns of these names, which complete a year.
	month, day string
	// doi and arxiv are what external lists.
	doi, arxiv string
	days       []givenDate // texts that may be dates without their year
	// unread are the values that could not be read.
	unread unread
}

// givenDate is one of the columns that say when a paper appeared.
type givenDate struct {
	field  string
	column string
	date   paper.Date
	text   string
}

// set takes one column as a field.
func (r *record) set(column, field string, value []byte) error {
	switch field {
	case "publish_date", "date", "year":
		r.addDate(column, field, value)
		return nil
	case "url", "urls":
		r.urls(column, value)
		return nil
	}
	if before, twice := r.given[field]; twice {
		r.another(column, before, value)
		return nil
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
		p.Title = r.text(column, field, value, "")
	case "abstract":
		p.Abstract = r.abstract(column, value)
	case "venue":
		p.Venue = r.text(column, field, value, "")
	case "doi":
		p.DOI = r.text(column, field, value, "")
	case "arxiv_id":
		p.ArxivID = r.text(column, field, value, "")
	case "language":
		p.Language = r.text(column, field, value, "")
		p.Language = cmp.Or(languageNamed(p.Language), p.Language)
	case "authors":
		p.Authors = r.authors(column, value)
	case "categories":
		p.Categories = r.categories(column, value)
	case "listed_dates":
		p.ListedDates = r.dates(column, value)
	case "signals":
		p.Signals = r.signals(column, value)
	case "metadata":
		r.metadata(column, value)
	default:
		r.addExtra(column, value)
	}
	return err
}

// ownField says that akin itself knows this of a paper, and finds it out anew.
// Vectors come in with a manifest that says what they are.
func ownField(field string) bool {
	switch field {
	case "revision", "create_time", "update_time", "content_digest", "work_id", "token_count", "truncated", "embedding":
		return true
	}
	return false
}

// another takes a value of a field that was given before: where it says the
// same, nothing is lost.
func (r *record) another(column, before string, value []byte) {
	if isNull(value) {
		return
	}
	text, err := asText(value)
	if err != nil {
		text = string(value)
	}
	if text = collapse(text); text == "" || text == r.paper.Title || text == r.paper.Abstract {
		return
	}
	r.unread.leave(&r.paper, column, column+", given beside "+before, text)
}

// addExtra keeps a column that is no field of a paper.
func (r *record) addExtra(column string, value []byte) {
	if isNull(value) {
		return
	}
	text, err := asText(value)
	if err != nil {
		r.leave(column, column, value)
		return
	}
	switch normal(column) {
	case "external_ids":
		r.external(value)
	case "extra": // of Zotero, which has no field for an identifier of arXiv
		if !ofAnother.MatchString(text) && r.arxiv == "" {
			r.arxiv, _ = paper.FindArxivID(text)
		}
	case "month", "pub_month", "publication_month", "published_month":
		r.month = strings.TrimSuffix(collapse(text), ".0")
	case "day", "pub_day", "publication_day", "published_day":
		r.day = strings.TrimSuffix(collapse(text), ".0")
	}
	r.setExtra(column, text)
}

// external takes identifiers out of {"DOI": …, "ArXiv": …}, as Semantic Scholar lists them,
// where no column has them.
func (r *record) external(value []byte) {
	if isString(value) { // in a cell
		text, err := asString("", value)
		if mended, ok := pythonJSON(text); err == nil && ok {
			value = mended
		} else if value = []byte(text); !json.Valid(value) {
			return
		}
	}
	if value = bytes.TrimSpace(value); len(value) == 0 || !isObject(value) {
		return
	}
	fields, err := members(value)
	if err != nil {
		return
	}
	for _, f := range fields {
		texts, _ := looseTexts(f.value)
		switch key := squeezed(normal(f.key)); {
		case len(texts) != 1:
		case key == "doi":
			r.doi = texts[0]
		case key == "arxiv":
			r.arxiv = texts[0]
		}
	}
}

// setExtra keeps a text as it is, beside another of the same name.
func (r *record) setExtra(key, text string) {
	if r.paper.Metadata == nil {
		r.paper.Metadata = map[string]string{}
	}
	if before, ok := r.paper.Metadata[key]; ok && before != text {
		key += " (2)"
	}
	r.paper.Metadata[key] = text
}

func (r *record) addDate(column, field string, value []byte) {
	d, how := asDate(value)
	text, err := asText(value)
	if err != nil {
		text = string(value)
	}
	switch how {
	case dateUnread:
		r.days = append(r.days, givenDate{column: column, text: text})
	case dateInPart:
		keep(&r.paper, column, text)
	}
	if !d.IsZero() {
		r.said = append(r.said, givenDate{field: field, column: column, date: d, text: text})
	}
}

// settleDates takes publish_date before date before year. Another of them that
// says the same less exactly is dropped; one that says something else (a
// conference's year is often not that of the preprint) is kept as metadata.
func (r *record) settleDates() {
	rank := []string{"publish_date", "date", "year"}
	slices.SortStableFunc(r.said, func(a, b givenDate) int {
		return slices.Index(rank, a.field) - slices.Index(rank, b.field)
	})
	for i, d := range r.said {
		if i == 0 {
			r.paper.PublishDate = d.date
			continue
		}
		if !covers(r.paper.PublishDate, d.date) {
			keep(&r.paper, d.column, d.text)
		}
	}
	for _, day := range r.days {
		r.settleDay(day)
	}
	r.settleMonth()
}

// settleMonth completes a year with the columns that have the month and the day.
func (r *record) settleMonth() {
	d := r.paper.PublishDate
	if d.Year == 0 || d.Month != 0 || r.month == "" {
		return
	}
	n, err := strconv.Atoi(r.month)
	if err != nil {
		n = monthOf(strings.ToLower(strings.TrimSuffix(r.month, ".")))
	}
	whole := paper.Date{Year: d.Year, Month: n}
	if n == 0 || whole.Validate() != nil {
		return
	}
	r.paper.PublishDate = whole
	whole.Day, err = strconv.Atoi(r.day)
	if err == nil && whole.Day != 0 && whole.Validate() == nil {
		r.paper.PublishDate = whole
	}
}

// settleDay reads "MAY 12" beside a year, as Web of Science writes dates, and counts
// what is none.
func (r *record) settleDay(day givenDate) {
	if d := r.paper.PublishDate; d.Year != 0 && d.Month == 0 {
		if whole, how := readDate(day.text + " " + d.String()); how == dateRead && whole.Month != 0 {
			r.paper.PublishDate = whole
			return
		}
	}
	r.unread.leave(&r.paper, day.column, "publish_date", day.text)
}

// finish makes the row.
func (r *record) finish() (Row, error) {
	r.settleDates()
	r.paper.DOI, r.paper.ArxivID = cmp.Or(r.paper.DOI, r.doi), cmp.Or(r.paper.ArxivID, r.arxiv)
	r.findArxiv()
	if r.paper.ID == "" {
		identify(&r.paper)
	}
	return completed(r.paper, r.unread...)
}

// findArxiv looks for an identifier of arXiv where columns of other names hold
// one.
func (r *record) findArxiv() {
	p := &r.paper
	for _, text := range append([]string{p.ArxivID, p.ID}, p.URLs...) {
		if p.ArxivID != "" && text != p.ArxivID || text == p.ID && !strings.Contains(strings.ToLower(text), "arxiv") {
			continue // an id such as 2401.00001 may be anybody's
		}
		if id, _, ok := parseArxivID(text); ok {
			p.ArxivID = id
			return
		}
	}
}

// covers says that d agrees with all that less says.
func covers(d, less paper.Date) bool {
	return d.Year == less.Year && (less.Month == 0 || d.Month == less.Month) && (less.Day == 0 || d.Day == less.Day)
}
