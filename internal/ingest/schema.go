package ingest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"akin/internal/paper"
)

// decodeSchema reads valid JSON into a struct of a fixed schema. Keys that the
// struct does not have are passed over. What is of a type that cannot be read is
// left out and counted.
func decodeSchema[T any](object []byte, u *unread) (T, error) {
	var whole T
	if json.Unmarshal(object, &whole) == nil {
		return whole, nil
	}
	fields, err := members(object)
	var parts T
	if err != nil {
		return parts, err
	}
	for _, f := range fields {
		if json.Unmarshal(slices.Concat([]byte{'{'}, toJSON(f.key), []byte{':'}, f.value, []byte{'}'}), &parts) != nil {
			*u = append(*u, Unread{Field: f.key, Text: shorten(collapse(string(f.value)), unreadText), key: f.key})
		}
	}
	return parts, nil
}

// decodeStrictly reads valid JSON, and says what is of the wrong type.
func decodeStrictly(object []byte, into any) error {
	err := json.Unmarshal(object, into)
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	want, is := goType(wrong.Type), "the "+wrong.Value // "number 2.5"
	switch {
	case wrong.Value == "number" || strings.HasPrefix(wrong.Value, "number ") && !strings.HasSuffix(want, "number"):
		is = "a number"
	case wrong.Value == "bool":
		is = "a boolean"
	case !strings.Contains(wrong.Value, " "):
		is = article(wrong.Value)
	}
	return fmt.Errorf("%s must be %s, but is %s", cmp.Or(wrong.Field, "a value"), want, is)
}

// goType names the JSON that a Go type is read from.
func goType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Bool:
		return "true or false"
	case reflect.Pointer:
		return goType(t.Elem())
	case reflect.Int, reflect.Int64:
		return "a whole number"
	default:
		return "a number"
	}
}

// wholeNumber is a whole number that some write as text; nil where there is none.
type wholeNumber struct{ value *int64 }

// UnmarshalJSON reads either.
func (n *wholeNumber) UnmarshalJSON(value []byte) error {
	if isNull(value) {
		return nil
	}
	x, err := strconv.ParseInt(strings.TrimSuffix(strings.Trim(string(value), `"`), ".0"), 10, 64)
	if err != nil {
		return wrongValue(value)
	}
	n.value = &x
	return nil
}

// flexDate is a date of a fixed schema, in any form that asDate reads.
type flexDate struct {
	date paper.Date
	// text is what it is instead, or beside it.
	text string
	how  dateReading
}

// UnmarshalJSON reads what asDate reads, and keeps the text of the rest.
func (d *flexDate) UnmarshalJSON(value []byte) error {
	d.date, d.how = asDate(value)
	if texts, ok := looseTexts(value); ok && len(texts) == 1 {
		d.text = texts[0]
		return nil
	}
	text, err := asText(value)
	d.text = text
	return err
}

// take gives the date, or counts it and keeps it as a note.
func (d *flexDate) take(p *paper.Paper, u *unread, key string) paper.Date {
	switch d.how {
	case dateUnread:
		u.leave(p, key, "publish_date", d.text)
	case dateInPart:
		keep(p, key, d.text)
	}
	return d.date
}

// schemaDate reads a date of a fixed schema, and says which one is wrong.
func schemaDate(field, text string) (paper.Date, error) {
	d, how := readDate(text)
	if how == dateUnread {
		return d, fmt.Errorf("%s: %q is no date that can be read", field, text)
	}
	return d, nil
}

// takeDate takes the first of several dates, best first, that says something.
func takeDate(p *paper.Paper, u *unread, dates map[string]*flexDate, order ...string) {
	for _, key := range order {
		if d := dates[key].take(p, u, key); p.PublishDate.IsZero() {
			p.PublishDate = d
		}
	}
}

// yes writes a truth for metadata; what is not true is not worth a note.
func yes(is bool) string {
	if !is {
		return ""
	}
	return strconv.FormatBool(is)
}
