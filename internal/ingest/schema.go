package ingest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"akin/internal/paper"
)

// decodeSchema reads valid JSON into a struct of a fixed schema. Keys that the
// struct does not have are passed over.
func decodeSchema(object []byte, into any) error {
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

// textOrNumber is a string that some write as a number.
type textOrNumber string

// UnmarshalJSON reads either.
func (t *textOrNumber) UnmarshalJSON(value []byte) error {
	switch {
	case isNull(value):
		return nil
	case isNumber(value):
		*t = textOrNumber(value)
		return nil
	case isString(value):
		s, err := asString("", value)
		*t = textOrNumber(s)
		return err
	default:
		return &json.UnmarshalTypeError{Value: strings.TrimPrefix(strings.TrimPrefix(jsonType(value), "an "), "a "), Type: reflect.TypeFor[string]()}
	}
}

// schemaDate reads a date of a fixed schema, and says which one is wrong.
func schemaDate(field, text string) (paper.Date, error) {
	d, err := paper.ParseDate(dateText(collapse(text)))
	if err != nil {
		return d, fmt.Errorf("%s: %w", field, err)
	}
	return d, nil
}

// mailDate reads a date as e-mail writes it: "Mon, 2 Apr 2007 19:18:42 GMT".
func mailDate(field, text string) (paper.Date, error) {
	text = collapse(text)
	if text == "" {
		return paper.Date{}, nil
	}
	for _, layout := range []string{"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return paper.Date{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}, nil
		}
	}
	return paper.Date{}, fmt.Errorf("%s: %q is not of the form \"Mon, 2 Apr 2007 19:18:42 GMT\"", field, text)
}

// yearDate gives the date of a year, the zero date for 0.
func yearDate(field string, year int) (paper.Date, error) {
	if year < 0 || year > 9999 {
		return paper.Date{}, fmt.Errorf("%s is %d; it must be between 1 and 9999", field, year)
	}
	return paper.Date{Year: year}, nil
}

// yes writes a truth for metadata; what is not true is not worth a note.
func yes(is bool) string {
	if !is {
		return ""
	}
	return strconv.FormatBool(is)
}
