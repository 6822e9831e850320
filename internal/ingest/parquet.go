package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"akin/internal/paper"
)

// parquetMagic begins and ends a file; one whose footer is encrypted has the
// other.
const (
	parquetMagic    = "PAR1"
	parquetSecret   = "PARE"
	parquetBatch    = 64      // rows that are decoded at a time
	parquetBuffer   = 1 << 18 // bytes that are read of a column at a time
	columnarAtMost  = 1 << 30 // bytes that decoding may hold
	columnarTooMuch = "more than a gigabyte would be held in memory"
)

func looksLikeParquet(h head) bool {
	return bytes.HasPrefix(h.text, []byte(parquetMagic)) || bytes.HasPrefix(h.text, []byte(parquetSecret))
}

// batches gives the rows of a columnar file some at a time.
type batches interface {
	// next gives some rows with the columns at the given places; io.EOF at the end. The
	// batch is valid until the next call.
	next() (arrow.RecordBatch, error)
	close() error
}

// columnar reads Parquet and Arrow. Some are not read from front to back: a source
// that is no regular file, or is compressed as a whole, is copied to a temporary
// file first.
type columnar struct {
	in     input
	what   string // the format, for messages
	begin  func(c *columnar, f *os.File) (batches, error)
	spool  *os.File // the copy, if one was made
	from   batches
	header *header
	places []int // of the batch's columns among the file's
	batch  arrow.RecordBatch
	cells  cellWriter
	at     int
	row    int // number of the last row
}

func newParquet(in input) rows {
	return &columnar{in: in, what: "Parquet", begin: func(c *columnar, f *os.File) (batches, error) { return openParquet(c, f) }}
}

func (c *columnar) next(ctx context.Context) (Row, error) {
	if c.from == nil {
		if err := c.open(ctx); err != nil {
			return Row{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return Row{}, err
	}
	for c.batch == nil || c.at == int(c.batch.NumRows()) {
		err := c.guard(func() (err error) {
			c.batch, err = c.from.next()
			c.at = 0
			return err
		})
		if err != nil {
			return Row{}, err
		}
	}
	var row Row
	var values []member
	err := c.guard(func() (err error) {
		values, row.Unread, err = c.members()
		return err
	})
	c.at++
	c.row++
	if isClassified(err) {
		return Row{}, err
	}
	if err == nil {
		left := row.Unread
		if row, err = c.header.columns.row(values); err == nil {
			row.Unread = append(row.Unread, left...)
		}
	}
	if err != nil {
		return Row{}, &RejectedError{Rejected{File: c.in.name, Line: c.row, Reason: err.Error(), Raw: rawRow(values)}}
	}
	row.Source = Source{File: c.in.name, Line: c.row}
	return row, nil
}

// holdsNothing implements hollow: a file without rows is an empty input.
func (c *columnar) holdsNothing() bool { return c.from != nil }

// open finds the columns.
func (c *columnar) open(ctx context.Context) error {
	f := c.in.file
	if f == nil {
		if err := c.copy(ctx); err != nil {
			return err
		}
		f = c.spool
	}
	return c.guard(func() error {
		from, err := c.begin(c, f)
		if err == nil {
			c.from = from
		}
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF // not the end of the rows
		}
		return err
	})
}

// name checks the columns and gives the places of those that are read: what akin
// itself wrote of a paper, such as its vector, is not.
func (c *columnar) name(columns []string) (places []int, err error) {
	if c.header, err = newHeader(c.in, columns); err != nil {
		return nil, err
	}
	for i, fields := range c.header.fields {
		if fields == nil || len(fields) > 0 {
			places = append(places, i)
		}
	}
	c.places = places
	return places, nil
}

// copy spools the source to a temporary file.
func (c *columnar) copy(ctx context.Context) (err error) {
	if c.spool, err = os.CreateTemp("", "akin-columns-"); err != nil {
		return fmt.Errorf("make a temporary file for %s: %w", c.what, err)
	}
	if err := spoolTo(ctx, c.spool, c.in.lines.src); err != nil {
		return fmt.Errorf("copy %s to a temporary file: %w", c.what, err)
	}
	return nil
}

// spoolTo copies a source to a temporary file.
func spoolTo(ctx context.Context, f *os.File, src io.Reader) error {
	buf := make([]byte, 1<<18)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := src.Read(buf)
		if _, err := f.Write(buf[:n]); err != nil {
			return fmt.Errorf("%w; TMPDIR names another disk", err)
		}
		if errors.Is(err, io.EOF) {
			_, err := f.Seek(0, io.SeekStart)
			return err
		}
		if err != nil {
			return err
		}
	}
}

// Close removes the temporary copy.
func (c *columnar) Close() error {
	var err error
	if c.from != nil {
		err = c.guard(c.from.close)
	}
	if c.spool != nil {
		err = errors.Join(err, c.spool.Close(), os.Remove(c.spool.Name()))
	}
	return err
}

// guard classifies what goes wrong in the library, which panics on some files
// that are damaged.
func (c *columnar) guard(do func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = c.fault(fmt.Errorf("%v", fault))
		}
	}()
	err = do()
	if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) || isClassified(err) {
		return err
	}
	return c.fault(err)
}

// fault tells what is not supported from what is damaged.
func (c *columnar) fault(err error) error {
	text := strings.ToLower(err.Error())
	for _, word := range []string{
		"codec", "implemented", "unsupported", "not supported", "encrypt", "decrypt", "crypto", "logical type",
		"int96", "exceeds", "of its rows", columnarTooMuch,
	} {
		if strings.Contains(text, word) {
			return &paper.Error{
				Kind: paper.Invalid, Reason: paper.ReasonUnsupported, Cause: err,
				Message: fmt.Sprintf("%s: the %s file cannot be read after row %d: %s; write it again, unencrypted, in types and codecs that all readers have (Snappy, gzip, Zstandard, LZ4_RAW), with pages of at most 256 MiB", c.in.name, c.what, c.row, shorten(collapse(err.Error()), unreadText)),
			}
		}
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: err,
		Message: fmt.Sprintf("%s: the %s file is damaged or cut off after row %d (%s); fetch it again", c.in.name, c.what, c.row,
			shorten(collapse(err.Error()), unreadText)),
	}
}

// members gives the columns of a row as JSON, in the order of the file.
func (c *columnar) members() (values []member, left unread, _ error) {
	values = make([]member, len(c.header.names))
	for i, name := range c.header.names {
		values[i] = member{key: name, value: []byte("null")}
	}
	for k, place := range c.places {
		m := &values[place]
		var opaque string
		m.value, opaque = c.cells.cell(c.batch.Column(k), c.at)
		if opaque != "" {
			left = append(left, Unread{Field: m.key, Text: opaque})
		}
		if isString(m.value) {
			text, err := asString("", m.value)
			if err != nil {
				return values, left, fmt.Errorf("%s: %w", m.key, err)
			}
			if fields := c.header.fields[place]; len(fields) > 0 {
				m.value = cellValue(fields, text)
			}
		}
	}
	return values, left, nil
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

// parquetBatches reads the row groups of a Parquet file, some rows at a time.
type parquetBatches struct {
	file *file.Reader
	rows pqarrow.RecordReader
	want int64 // rows that are still to come
}

func openParquet(c *columnar, f *os.File) (_ *parquetBatches, err error) {
	head := make([]byte, len(parquetSecret))
	if _, err := f.ReadAt(head, 0); err == nil && string(head) == parquetSecret {
		return nil, errors.New("its footer is encrypted")
	}
	memory := &allowing{Allocator: memory.NewGoAllocator(), most: columnarAtMost}
	props := parquet.NewReaderProperties(memory)
	props.BufferedStreamEnabled, props.BufferSize = true, parquetBuffer
	b := new(parquetBatches)
	// The library closes what it reads from, which is not its own.
	if b.file, err = file.NewParquetReader(io.NewSectionReader(f, 0, sizeOf(f)), file.WithReadProps(props)); err != nil {
		return nil, err
	}
	schema := b.file.MetaData().Schema
	var names []string
	for i := range schema.Root().NumFields() {
		names = append(names, schema.Root().Field(i).Name())
	}
	places, err := c.name(names)
	if err != nil {
		return nil, err
	}
	// The sum at the end of the file is wrong in some files.
	for i := range b.file.NumRowGroups() {
		b.want += b.file.MetaData().RowGroup(i).NumRows()
	}
	if b.want == 0 {
		return b, nil
	}
	var leaves []int
	for i := range schema.NumColumns() {
		root := schema.ColumnRoot(i)
		for _, place := range places {
			if schema.Root().Field(place) == root {
				leaves = append(leaves, i)
			}
		}
	}
	if err := b.probe(leaves); err != nil {
		return nil, err
	}
	reader, err := pqarrow.NewFileReader(b.file, pqarrow.ArrowReadProperties{BatchSize: parquetBatch}, memory)
	if err != nil {
		return nil, err
	}
	b.rows, err = reader.GetRecordReader(context.Background(), leaves, nil)
	return b, err
}

// probe opens all columns of all row groups: the library does so for the parts of
// structs in goroutines of its own, where nobody recovers from its panics.
func (b *parquetBatches) probe(leaves []int) error {
	for group := range b.file.NumRowGroups() {
		rg := b.file.RowGroup(group)
		for _, leaf := range leaves {
			pages, err := rg.GetColumnPageReader(leaf)
			if err != nil {
				return err
			}
			if err := pages.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

func sizeOf(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

func (b *parquetBatches) next() (arrow.RecordBatch, error) {
	if b.rows == nil {
		return nil, io.EOF
	}
	if b.rows.Next() {
		batch := b.rows.RecordBatch()
		b.want -= batch.NumRows()
		return batch, nil
	}
	if err := b.rows.Err(); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if b.want != 0 {
		return nil, fmt.Errorf("%d of its rows cannot be decoded: their nesting is not supported", b.want)
	}
	return nil, io.EOF
}

func (b *parquetBatches) close() error {
	if b.rows != nil {
		b.rows.Release()
	}
	return nil // the file is the reader's
}

// allowing is an allocator that gives no more than so many bytes at a time: what
// a damaged or hostile file asks for is not bounded by its size.
type allowing struct {
	memory.Allocator
	most, held int
}

func (a *allowing) Allocate(size int) []byte {
	a.grow(size)
	return a.Allocator.Allocate(size)
}

func (a *allowing) Reallocate(size int, b []byte) []byte {
	a.grow(size - len(b))
	return a.Allocator.Reallocate(size, b)
}

func (a *allowing) Free(b []byte) {
	a.held -= len(b)
	a.Allocator.Free(b)
}

func (a *allowing) grow(by int) {
	if a.held += by; a.held > a.most {
		panic(errors.New(columnarTooMuch)) //nolint:forbidigo // an allocator has no other way; guard makes an error of it
	}
}
