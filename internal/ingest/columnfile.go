package ingest

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// arrowMagic begins a file of Arrow, which Feather is since its version 2; a
// stream has no magic and is only read when it is named.
const arrowMagic = "ARROW1"

func looksLikeArrow(h head) bool {
	return bytes.HasPrefix(h.text, []byte(arrowMagic)) || arrowStream(h.text)
}

// arrowStream says that a text begins as the stream format does: a continuation
// mark and the length of a message that is no larger than schemas are.
func arrowStream(text []byte) bool {
	return len(text) > 8 && bytes.HasPrefix(text, []byte("\xFF\xFF\xFF\xFF")) && text[6] == 0 && text[7] == 0 && !bytes.HasPrefix(text[4:], []byte("\xFF\xFF"))
}

func newArrow(in input) rows {
	return &columnar{in: in, what: "Arrow", begin: func(c *columnar, f *os.File) (batches, error) { return openArrow(c, f) }}
}

// arrowBatches reads the record batches of a file or a stream.
type arrowBatches struct {
	file   *ipc.FileReader
	stream *ipc.Reader
	at     int
	places []int
	last   arrow.RecordBatch // the file's own
}

func openArrow(c *columnar, f *os.File) (b *arrowBatches, err error) {
	b = new(arrowBatches)
	allocator := ipc.WithAllocator(&allowing{Allocator: memory.NewGoAllocator(), most: columnarAtMost})
	src := io.NewSectionReader(f, 0, sizeOf(f))
	head := make([]byte, len(arrowMagic))
	if _, err := src.ReadAt(head, 0); err != nil {
		return nil, err
	}
	if err := checkArrow(src, sizeOf(f), string(head) == arrowMagic); err != nil {
		return nil, err
	}
	var schema *arrow.Schema
	if string(head) == arrowMagic {
		if b.file, err = ipc.NewFileReader(src, allocator); err != nil {
			return nil, err
		}
		schema = b.file.Schema()
	} else {
		if b.stream, err = ipc.NewReader(src, allocator); err != nil {
			return nil, err
		}
		schema = b.stream.Schema()
	}
	var names []string
	for _, field := range schema.Fields() {
		names = append(names, field.Name)
	}
	b.places, err = c.name(names)
	return b, err
}

func (b *arrowBatches) next() (arrow.RecordBatch, error) {
	b.release()
	if b.file != nil {
		if b.at == b.file.NumRecords() {
			return nil, io.EOF
		}
		b.at++
		batch, err := b.file.RecordBatch(b.at - 1)
		if err != nil {
			return nil, err
		}
		b.last = batch
		return b.project(batch), nil
	}
	if b.stream.Next() {
		return b.project(b.stream.RecordBatch()), nil
	}
	if err := b.stream.Err(); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return nil, io.EOF
}

// project gives the columns that are read.
func (b *arrowBatches) project(batch arrow.RecordBatch) arrow.RecordBatch {
	var columns []arrow.Array
	var fields []arrow.Field
	for _, place := range b.places {
		columns = append(columns, batch.Column(place))
		fields = append(fields, batch.Schema().Field(place))
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, batch.NumRows())
}

func (b *arrowBatches) release() {
	if b.last != nil {
		b.last.Release()
		b.last = nil
	}
}

func (b *arrowBatches) close() error {
	b.release()
	switch {
	case b.file != nil:
		return b.file.Close()
	case b.stream != nil:
		b.stream.Release()
	}
	return nil
}
