package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	pqformat "github.com/parquet-go/parquet-go/format"

	"akin/internal/paper"
)

// parquetMagic begins and ends a file.
const parquetMagic = "PAR1"

// parquetBatch is how many rows are decoded at a time.
const parquetBatch = 64

func looksLikeParquet(h head) bool { return bytes.HasPrefix(h.text, []byte(parquetMagic)) }

// columnar reads Parquet. Its footer is at the end: a source that is no regular
// file, or is compressed as a whole, is copied to a temporary file first.
type columnar struct {
	in     input
	spool  *os.File // the copy, if one was made
	reader *parquet.GenericReader[any]
	header *header
	names  []string                          // of the columns, as in the file
	values map[string]func(any) (any, error) // for columns that are no plain value
	batch  []any
	at     int
	row    int // number of the last row
}

func newParquet(in input) rows { return &columnar{in: in} }

func (c *columnar) next(ctx context.Context) (Row, error) {
	if c.reader == nil {
		if err := c.open(ctx); err != nil {
			return Row{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return Row{}, err
	}
	if c.at == len(c.batch) {
		if err := c.fill(); err != nil {
			return Row{}, err
		}
	}
	record, _ := c.batch[c.at].(map[string]any)
	c.batch[c.at] = nil
	c.at++
	c.row++
	values, err := c.members(record)
	var row Row
	if err == nil {
		row, err = c.header.columns.row(values)
	}
	if err != nil {
		return Row{}, &RejectedError{Rejected{File: c.in.name, Line: c.row, Reason: err.Error(), Raw: rawRow(values)}}
	}
	row.Source = Source{File: c.in.name, Line: c.row}
	return row, nil
}

// open finds the columns.
func (c *columnar) open(ctx context.Context) error {
	file := c.in.file
	if file == nil {
		if err := c.copy(ctx); err != nil {
			return err
		}
		file = c.spool
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return c.guard(func() error {
		f, err := parquet.OpenFile(file, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		if err != nil {
			return err
		}
		c.values = map[string]func(any) (any, error){}
		for _, field := range f.Schema().Fields() {
			c.names = append(c.names, field.Name())
			if field.Leaf() {
				c.values[field.Name()] = parquetValue(field)
			}
		}
		if c.header, err = newHeader(c.in, c.names); err != nil {
			return err
		}
		c.reader = parquet.NewGenericReader[any](f)
		return nil
	})
}

// copy spools the source to a temporary file.
func (c *columnar) copy(ctx context.Context) (err error) {
	if c.spool, err = os.CreateTemp("", "akin-parquet-"); err != nil {
		return fmt.Errorf("make a temporary file for Parquet: %w", err)
	}
	buf := make([]byte, 1<<18)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := c.in.lines.src.Read(buf)
		if _, err := c.spool.Write(buf[:n]); err != nil {
			return fmt.Errorf("copy Parquet to a temporary file: %w; TMPDIR names another disk", err)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Close removes the temporary copy.
func (c *columnar) Close() error {
	var err error
	if c.reader != nil {
		err = c.guard(c.reader.Close)
	}
	if c.spool != nil {
		err = errors.Join(err, c.spool.Close(), os.Remove(c.spool.Name()))
	}
	return err
}

// fill decodes the next rows.
func (c *columnar) fill() error {
	if c.batch == nil {
		c.batch = make([]any, parquetBatch)
	}
	c.batch, c.at = c.batch[:parquetBatch], 0
	clear(c.batch)
	return c.guard(func() error {
		n, err := c.reader.Read(c.batch)
		c.batch = c.batch[:n]
		if n > 0 {
			return nil // an error comes again
		}
		if err == nil {
			err = io.ErrNoProgress
		}
		return err
	})
}

// guard classifies what goes wrong in the library, which panics on some files
// that are damaged.
func (c *columnar) guard(do func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = c.damaged(fmt.Errorf("%v", fault))
		}
	}()
	err = do()
	if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) || isClassified(err) {
		return err
	}
	return c.damaged(err)
}

func (c *columnar) damaged(err error) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: err,
		Message: fmt.Sprintf("%s: the Parquet file is damaged or cut off after row %d (%v); fetch it again", c.in.name, c.row, err),
	}
}

// members gives the columns of a row as JSON, in the order of the file.
func (c *columnar) members(record map[string]any) ([]member, error) {
	values := make([]member, len(c.names))
	var fault error
	for i, name := range c.names {
		value := record[name]
		var err error
		if convert := c.values[name]; convert != nil && value != nil {
			value, err = convert(value)
		} else {
			value, err = plainValue(value)
		}
		if err != nil && fault == nil {
			fault = fmt.Errorf("%s: %w", name, err)
		}
		values[i] = member{key: c.header.names[i], value: toJSON(value)}
		if text, ok := value.(string); ok && err == nil {
			values[i].value = cellValue(c.header.fields[i], text)
		}
	}
	return values, fault
}

// rawRow writes a row as a JSON object, for the quarantine.
func rawRow(values []member) []byte {
	var b bytes.Buffer
	for i, v := range values {
		b.WriteByte("{,"[min(i, 1)])
		b.Write(toJSON(v.key))
		b.WriteByte(':')
		b.Write(v.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// parquetValue gives what makes dates of the numbers of a column, nil if its
// type is no time.
func parquetValue(field parquet.Node) func(any) (any, error) {
	unit := parquetUnit(field.Type())
	if unit == 0 {
		return nil
	}
	return func(value any) (any, error) {
		var x int64
		switch n := value.(type) {
		case int32:
			x = int64(n)
		case int64:
			x = n
		default:
			return plainValue(value)
		}
		at := time.Unix(x*int64(max(unit/time.Second, 1)), 0)
		if perSecond := int64(time.Second / unit); perSecond > 1 {
			at = time.Unix(x/perSecond, x%perSecond*int64(unit))
		}
		return at.UTC().Format(time.DateOnly), nil
	}
}

// parquetUnit is what one stands for in a column of times, 0 in any other. Old
// files say it in another place.
func parquetUnit(t parquet.Type) time.Duration {
	if logical := t.LogicalType(); logical != nil {
		switch of := logical.Value.(type) {
		case *pqformat.DateType:
			return 24 * time.Hour
		case *pqformat.TimestampType:
			if of.Unit.Value != nil {
				return of.Unit.Value.Duration()
			}
		}
		return 0
	}
	if converted := t.ConvertedType(); converted != nil {
		switch *converted {
		case deprecated.Date:
			return 24 * time.Hour
		case deprecated.TimestampMillis:
			return time.Millisecond
		case deprecated.TimestampMicros:
			return time.Microsecond
		}
	}
	return 0
}

// plainValue gives a value that JSON can hold.
func plainValue(value any) (any, error) {
	switch x := value.(type) {
	case nil, bool, int32, int64, uint32, uint64:
		return x, nil
	case float32:
		return plainValue(float64(x))
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, nil //nolint:nilnil // data frames write what is missing as NaN
		}
		return json.Number(strconv.FormatFloat(x, 'g', -1, 64)), nil
	case string:
		if !utf8.ValidString(x) {
			return strings.ToValidUTF8(x, "\uFFFD"), errors.New("not valid UTF-8; only text can be read")
		}
		return x, nil
	case []byte:
		return plainValue(string(x))
	case []any:
		return plainList(x)
	case map[string]any:
		return plainObject(x)
	default:
		return fmt.Sprint(x), nil
	}
}

func plainList(list []any) (any, error) {
	all := make([]any, len(list))
	var fault error
	for i, e := range list {
		var err error
		if all[i], err = plainValue(e); err != nil {
			fault = err
		}
	}
	return all, fault
}

func plainObject(object map[string]any) (any, error) {
	all := make(map[string]any, len(object))
	var fault error
	for key, e := range object {
		value, err := plainValue(e)
		if err != nil {
			fault = err
		}
		all[strings.ToValidUTF8(key, "\uFFFD")] = value
	}
	return all, fault
}
