package engine

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"reflect"
	"strconv"
	"time"
)

// requestKey tells two requests apart: a page token only fits its own.
type requestKey [sha256.Size]byte

// unkeyed is the value of the tag "key" of fields that do not shape a list.
const unkeyed = "-"

// keyOf digests a request: its type, and the names and values of all fields that
// are not tagged as unkeyed, so that a new field is in it without being named
// anywhere. A field of a kind that encode does not know has no part in it, which
// the test of keys reports.
func keyOf(request any) requestKey {
	h := sha256.New()
	v := reflect.ValueOf(request)
	put(h, v.Type().Name())
	encode(h, v)
	return requestKey(h.Sum(nil))
}

// encode writes a value so that no two values are written alike.
func encode(h hash.Hash, v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		when := ""
		if t, ok := v.Interface().(time.Time); ok && !t.IsZero() {
			when = t.UTC().Format(time.RFC3339Nano)
		}
		put(h, when)
		return
	}
	switch v.Kind() { //nolint:exhaustive // requests have no others
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Tag.Get("key") != unkeyed {
				put(h, f.Name)
				encode(h, v.Field(i))
			}
		}
	case reflect.Pointer:
		if v.IsNil() {
			put(h, "nil")
			return
		}
		put(h, "to")
		encode(h, v.Elem())
	case reflect.Slice:
		put(h, strconv.Itoa(v.Len()))
		for i := range v.Len() {
			encode(h, v.Index(i))
		}
	case reflect.String:
		put(h, v.String())
	case reflect.Bool:
		put(h, strconv.FormatBool(v.Bool()))
	case reflect.Int:
		put(h, strconv.FormatInt(v.Int(), 10))
	case reflect.Float64:
		put(h, number(v.Float()))
	}
}

// put writes the length before a text, so that two texts never run together.
func put(w io.Writer, s string) { fmt.Fprintf(w, "%d:%s", len(s), s) }

// number writes a number so that reading it gives the same one.
func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
