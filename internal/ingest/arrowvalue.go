package ingest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
)

// maxCellDepth bounds how deep values are nested.
const maxCellDepth = 64

// shortBinary is how many bytes that are no text are kept, as hexadecimal.
const shortBinary = 64

// cellWriter writes cells of Arrow as JSON: times as ISO 8601 writes them, what
// is missing or no number as null, decimals with all their digits.
type cellWriter struct {
	buf []byte
	// opaque is the first value that has no form in text: its beginning.
	opaque string
}

// cell gives one cell. The bytes are the caller's. opaque is not empty if a part
// of it had to be left out.
func (w *cellWriter) cell(a arrow.Array, i int) (value json.RawMessage, opaque string) {
	w.buf, w.opaque = nil, ""
	w.value(a, i, 0)
	if w.full() {
		return json.RawMessage("null"), fmt.Sprintf("a value of more than %d bytes", MaxLineBytes)
	}
	return w.buf, w.opaque
}

// full says that the value is longer than is kept.
func (w *cellWriter) full() bool { return len(w.buf) > MaxLineBytes }

// span checks where the elements of a list stand, which a damaged file may place
// outside of it.
func span(from, to int64, values arrow.Array) (int64, int64) {
	if from < 0 || to < from || to > int64(values.Len()) {
		panic(errors.New("a list ends beyond its elements")) //nolint:forbidigo // columnar.guard makes an error of it, as of the library's
	}
	return from, to
}

func (w *cellWriter) raw(text string) { w.buf = append(w.buf, text...) }

func (w *cellWriter) text(text string) { w.buf = append(w.buf, toJSON(text)...) }

func (w *cellWriter) float(x float64) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		w.raw("null") // data frames write what is missing as NaN
		return
	}
	w.buf = strconv.AppendFloat(w.buf, x, 'g', -1, 64)
}

// value appends the value at i.
func (w *cellWriter) value(a arrow.Array, i, depth int) {
	// A column of nothing but nulls has a type of its own, of which IsNull says no.
	if a.IsNull(i) || a.DataType().ID() == arrow.NULL || depth > maxCellDepth {
		w.raw("null")
		return
	}
	switch a := a.(type) {
	case *array.Boolean:
		w.buf = strconv.AppendBool(w.buf, a.Value(i))
	case *array.Float16:
		w.float(float64(a.Value(i).Float32()))
	case *array.Float32:
		w.float(float64(a.Value(i)))
	case *array.Float64:
		w.float(a.Value(i))
	case array.StringLike:
		w.str(a.Value(i))
	case *array.Binary:
		w.binary(a.Value(i))
	case *array.LargeBinary:
		w.binary(a.Value(i))
	case *array.BinaryView:
		w.binary(a.Value(i))
	case *array.FixedSizeBinary:
		w.binary(a.Value(i))
	default:
		w.nested(a, i, depth)
	}
}

// nested appends values that hold others.
func (w *cellWriter) nested(a arrow.Array, i, depth int) {
	switch a := a.(type) {
	case *array.Map: // before lists, for it is one
		w.mapping(a, i, depth)
	case array.ListLike:
		elements := listOfLists(a.ListValues())
		from, to := a.ValueOffsets(i)
		from, to = span(from, to, elements)
		w.raw("[")
		for k := from; k < to && !w.full(); k++ {
			if k > from {
				w.raw(",")
			}
			w.value(elements, int(k), depth+1)
		}
		w.raw("]")
	case *array.Struct:
		w.raw("{")
		for k, f := range a.DataType().(*arrow.StructType).Fields() {
			if k > 0 {
				w.raw(",")
			}
			w.text(strings.ToValidUTF8(f.Name, "\uFFFD"))
			w.raw(":")
			w.value(a.Field(k), i, depth+1)
		}
		w.raw("}")
	case *array.Dictionary:
		w.value(a.Dictionary(), a.GetValueIndex(i), depth+1)
	case *array.RunEndEncoded:
		w.value(a.Values(), a.GetPhysicalIndex(i), depth+1)
	case *extensions.UUIDArray:
		w.text(a.Value(i).String())
	case array.ExtensionArray:
		w.value(a.Storage(), i, depth+1)
	default:
		w.scalar(a, i)
	}
}

// listOfLists takes away the group named array that old writers of Parquet put
// around lists within lists.
func listOfLists(a arrow.Array) arrow.Array {
	group, ok := a.(*array.Struct)
	if !ok || group.NumField() != 1 || group.DataType().(*arrow.StructType).Field(0).Name != "array" {
		return a
	}
	if inner, ok := group.Field(0).(array.ListLike); ok {
		return inner
	}
	return a
}

// mapping appends a map: an object if its keys are texts that differ, else a list
// of keys and values.
func (w *cellWriter) mapping(a *array.Map, i, depth int) {
	from, to := a.ValueOffsets(i)
	from, to = span(from, to, a.Items())
	var keys []string
	seen := map[string]bool{}
	object := true
	for k := from; k < to && object; k++ {
		texts, isText := a.Keys().(array.StringLike)
		if !isText || a.Keys().IsNull(int(k)) || seen[texts.Value(int(k))] || !utf8.ValidString(texts.Value(int(k))) {
			object = false
			break
		}
		keys = append(keys, texts.Value(int(k)))
		seen[keys[len(keys)-1]] = true
	}
	w.raw(map[bool]string{true: "{", false: "["}[object])
	for k := from; k < to && !w.full(); k++ {
		if k > from {
			w.raw(",")
		}
		if object {
			w.text(keys[k-from])
			w.raw(":")
			w.value(a.Items(), int(k), depth+1)
			continue
		}
		w.raw(`{"key":`)
		w.value(a.Keys(), int(k), depth+1)
		w.raw(`,"value":`)
		w.value(a.Items(), int(k), depth+1)
		w.raw("}")
	}
	w.raw(map[bool]string{true: "}", false: "]"}[object])
}

// scalar appends numbers and times.
func (w *cellWriter) scalar(a arrow.Array, i int) {
	switch a := a.(type) {
	case *array.Timestamp:
		w.time(a, i)
	case *array.Date32:
		w.text(a.Value(i).ToTime().Format(time.DateOnly))
	case *array.Date64:
		w.text(a.Value(i).ToTime().Format(time.DateOnly))
	case *array.Time32:
		w.text(clock(a.Value(i).ToTime(a.DataType().(*arrow.Time32Type).Unit)))
	case *array.Time64:
		w.text(clock(a.Value(i).ToTime(a.DataType().(*arrow.Time64Type).Unit)))
	case *array.Decimal128:
		w.raw(a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale))
	case *array.Decimal256:
		w.raw(a.Value(i).ToString(a.DataType().(*arrow.Decimal256Type).Scale))
	case *array.Decimal32:
		w.raw(a.Value(i).ToString(a.DataType().(*arrow.Decimal32Type).Scale))
	case *array.Decimal64:
		w.raw(a.Value(i).ToString(a.DataType().(*arrow.Decimal64Type).Scale))
	case *array.Duration, *array.MonthInterval, *array.DayTimeInterval, *array.MonthDayNanoInterval:
		w.str(a.ValueStr(i))
	case *array.SparseUnion, *array.DenseUnion:
		w.str(a.ValueStr(i))
	default: // whole numbers, and what comes to Arrow after this was written
		text := a.ValueStr(i)
		if isNumber([]byte(text)) && json.Valid([]byte(text)) {
			w.raw(text)
			return
		}
		w.str(text)
	}
}

// time appends a time as a day if it is midnight, which is how data frames store
// days.
func (w *cellWriter) time(a *array.Timestamp, i int) {
	t := a.Value(i).ToTime(a.DataType().(*arrow.TimestampType).Unit)
	switch {
	case t.Year() < 0 || t.Year() > 9999:
		w.str(fmt.Sprint(int64(a.Value(i))))
	case t.Equal(t.Truncate(24 * time.Hour)):
		w.text(t.Format(time.DateOnly))
	default:
		w.text(t.Format("2006-01-02T15:04:05.999999999"))
	}
}

// clock gives the time of a day.
func clock(t time.Time) string { return t.Format("15:04:05.999999999") }

// str appends a text, and notes what is none.
func (w *cellWriter) str(text string) {
	if !utf8.ValidString(text) {
		w.leave([]byte(text))
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	w.text(text)
}

// binary appends bytes: as text if they are text, which many files do not say;
// in hexadecimal if they are few.
func (w *cellWriter) binary(raw []byte) {
	switch {
	case utf8.Valid(raw) && strings.IndexFunc(string(raw), func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }) < 0:
		w.text(string(raw))
	case len(raw) <= shortBinary:
		w.text(hex.EncodeToString(raw))
	default:
		w.leave(raw)
		w.raw("null")
	}
}

// leave notes bytes that cannot be kept.
func (w *cellWriter) leave(raw []byte) {
	if w.opaque == "" {
		w.opaque = fmt.Sprintf("%d bytes that are no text, in base64 %s", len(raw), base64.StdEncoding.EncodeToString(raw[:min(len(raw), 24)]))
	}
}
