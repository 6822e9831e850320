package ingest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// arrowRows makes rows with a column of every kind of type.
func arrowRows(n int) arrow.RecordBatch {
	fields := []arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Uint64},
		{Name: "title", Type: arrow.BinaryTypes.String},
		{Name: "authors", Type: arrow.ListOf(arrow.StructOf(arrow.Field{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true})), Nullable: true},
		{Name: "signals", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Float64), Nullable: true},
		{Name: "date", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
		{Name: "half", Type: arrow.FixedWidthTypes.Float16},
		{Name: "price", Type: &arrow.Decimal128Type{Precision: 10, Scale: 2}},
		{Name: "bytes", Type: arrow.BinaryTypes.Binary},
		{Name: "uuid", Type: extensions.NewUUIDType()},
		{Name: "at", Type: arrow.FixedWidthTypes.Time64us},
		{Name: "day", Type: arrow.FixedWidthTypes.Date32},
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for i := range n {
		b.Field(0).(*array.Uint64Builder).Append(1<<63 + uint64(i))
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("Paper %d", i))
		authors := b.Field(2).(*array.ListBuilder)
		if authors.Append(i%5 != 0); i%5 != 0 {
			author := authors.ValueBuilder().(*array.StructBuilder)
			author.Append(true)
			author.FieldBuilder(0).(*array.StringBuilder).Append(fmt.Sprintf("Author %d", i))
		}
		signals := b.Field(3).(*array.MapBuilder)
		signals.Append(true)
		signals.KeyBuilder().(*array.StringBuilder).Append("cites")
		signals.ItemBuilder().(*array.Float64Builder).Append(float64(i))
		b.Field(4).(*array.TimestampBuilder).Append(arrow.Timestamp(1557619200_000000))
		b.Field(5).(*array.Float16Builder).Append(float16.New(1.5))
		b.Field(6).(*array.Decimal128Builder).Append(decimal128.FromI64(-12345))
		b.Field(7).(*array.BinaryBuilder).Append([]byte{0, 0xFF, byte(i)})
		b.Field(8).(*extensions.UUIDBuilder).AppendBytes([16]byte{1, 2, 3, 15: byte(i)})
		b.Field(9).(*array.Time64Builder).Append(arrow.Time64(3_600_000_000))
		b.Field(10).(*array.Date32Builder).Append(arrow.Date32(18028))
	}
	return b.NewRecordBatch()
}

// checkArrowRows says whether all values of arrowRows were read.
func checkArrowRows(t *testing.T, what string, got []result, n int) {
	t.Helper()
	if len(got) != n {
		t.Fatalf("%s: %d rows, want %d", what, len(got), n)
	}
	for i, row := range got {
		p := row.Paper
		if p == nil || p.ID != fmt.Sprint(uint64(1<<63)+uint64(i)) || p.Title != fmt.Sprintf("Paper %d", i) || p.Signals["cites"] != float64(i) ||
			p.PublishDate.String() != "2019-05-12" || (len(p.Authors) == 1) != (i%5 != 0) || len(p.Authors) == 1 && p.Authors[0].Name != fmt.Sprintf("Author %d", i) {
			t.Fatalf("%s: row %d: %+v", what, i, row)
		}
		for key, want := range map[string]string{
			"half": "1.5", "price": "-123.45", "bytes": fmt.Sprintf("00ff%02x", byte(i)), "uuid": fmt.Sprintf("01020300-0000-0000-0000-0000000000%02x", byte(i)),
			"at": "01:00:00", "day": "2019-05-12",
		} {
			if p.Metadata[key] != want {
				t.Fatalf("%s: row %d: %s is %q, want %q", what, i, key, p.Metadata[key], want)
			}
		}
	}
}

// TestParquetCodecs reads every type in every codec, and in both versions of pages.
func TestParquetCodecs(t *testing.T) {
	const n = 300
	rows := arrowRows(n)
	for name, codec := range map[string]compress.Compression{
		"none": compress.Codecs.Uncompressed, "snappy": compress.Codecs.Snappy, "gzip": compress.Codecs.Gzip,
		"brotli": compress.Codecs.Brotli, "zstd": compress.Codecs.Zstd, "lz4_raw": compress.Codecs.Lz4Raw,
	} {
		for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
			var b bytes.Buffer
			w, err := pqarrow.NewFileWriter(rows.Schema(), &b, parquet.NewWriterProperties(
				parquet.WithCompression(codec), parquet.WithDataPageVersion(version), parquet.WithMaxRowGroupLength(100)), pqarrow.DefaultWriterProps())
			if err == nil {
				err = w.WriteBuffered(rows)
			}
			if err == nil {
				err = w.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := readFile(t, b.Bytes(), Options{})
			if err != nil {
				t.Fatal(name, err)
			}
			checkArrowRows(t, name, got, n)
		}
	}
}

// arrowFile writes rows as a file, or as a stream.
func arrowFile(t testing.TB, rows arrow.RecordBatch, stream bool, opts ...ipc.Option) []byte {
	t.Helper()
	var b bytes.Buffer
	opts = append(opts, ipc.WithSchema(rows.Schema()))
	var w interface {
		Write(arrow.RecordBatch) error
		Close() error
	}
	var err error
	if stream {
		w = ipc.NewWriter(&b, opts...)
	} else if w, err = ipc.NewFileWriter(&b, opts...); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Write(rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArrow(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	const n = 100
	rows := arrowRows(n)
	for name, content := range map[string][]byte{
		"file": arrowFile(t, rows, false), "stream": arrowFile(t, rows, true),
		"lz4": arrowFile(t, rows, false, ipc.WithLZ4()), "zstd": arrowFile(t, rows, true, ipc.WithZstd()),
	} {
		r, err := Open(write(t, "rows", gzipOf(t, content)), Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		got := readAll(t, r)
		if r.Format() != "arrow" || len(got) != 2*n {
			t.Fatalf("%s: %s, %d rows", name, r.Format(), len(got))
		}
		checkArrowRows(t, name, got[:n], n)
		checkArrowRows(t, name, got[n:], n)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		for cut := 10; cut < len(content); cut += len(content) / 20 {
			if _, err := readFile(t, content[:cut], Options{Format: "arrow"}); err != nil && !isClassified(err) {
				t.Errorf("%s cut after %d: %v", name, cut, err)
			}
		}
	}
}

func FuzzArrow(f *testing.F) {
	fuzzFormat(f, "arrow", string(arrowFile(f, arrowRows(3), false)), string(arrowFile(f, arrowRows(3), true)))
}
