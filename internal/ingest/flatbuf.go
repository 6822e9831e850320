package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The library for Arrow believes the lengths that stand in the metadata of a file
// and allocates what they say, which nothing can recover from. Metadata are
// FlatBuffers; here every list in them that is read is checked against their size
// first. The numbers of slots are those of Schema.fbs, Message.fbs and File.fbs.

const (
	arrowMaxMetadata = 64 << 20
	arrowMaxFields   = 100_000
	arrowMaxRows     = 1 << 26 // of a batch
)

var errFlat = errors.New("its metadata name more than they hold")

// flat is the bytes of one FlatBuffer. What lies outside of them is a panic, which
// the caller makes an error of.
type flat struct {
	raw    []byte
	fields int
}

func (f *flat) u32(at int) int { return int(binary.LittleEndian.Uint32(f.raw[at:])) }

func (f *flat) i64(at int) int64 { return int64(binary.LittleEndian.Uint64(f.raw[at:])) }

// ref follows an offset.
func (f *flat) ref(at int) int { return at + f.u32(at) }

// slot is where the value of a table's slot stands; 0 if it has none.
func (f *flat) slot(table, i int) int {
	vtable := table - int(int32(f.u32(table)))
	if vtable < 0 {
		panic(errFlat) //nolint:forbidigo // see flat
	}
	if size := int(binary.LittleEndian.Uint16(f.raw[vtable:])); 4+2*i+2 > size {
		return 0
	}
	offset := int(binary.LittleEndian.Uint16(f.raw[vtable+4+2*i:]))
	if offset == 0 {
		return 0
	}
	return table + offset
}

// vector gives the place and length of a list of elements of so many bytes.
func (f *flat) vector(table, slot, size int) (at, n int) {
	if at = f.slot(table, slot); at == 0 {
		return 0, 0
	}
	at = f.ref(at)
	n = f.u32(at)
	if at += 4; n > (len(f.raw)-at)/size {
		panic(errFlat) //nolint:forbidigo // see flat
	}
	return at, n
}

func (f *flat) schema(table int) {
	at, n := f.vector(table, 1, 4)
	for i := range n {
		f.field(f.ref(at+4*i), 0)
	}
	f.vector(table, 2, 4)
}

func (f *flat) field(table, depth int) {
	if f.fields++; f.fields > arrowMaxFields || depth > maxCellDepth {
		panic(errFlat) //nolint:forbidigo // see flat
	}
	f.vector(table, 6, 4)
	at, n := f.vector(table, 5, 4)
	for i := range n {
		f.field(f.ref(at+4*i), depth+1)
	}
}

// message checks a message and gives the length of what follows it.
func (f *flat) message() int64 {
	root := f.ref(0)
	f.vector(root, 4, 4)
	kind, header := f.slot(root, 1), f.slot(root, 2)
	if kind == 0 || header == 0 {
		panic(errFlat) //nolint:forbidigo // see flat
	}
	header = f.ref(header)
	switch f.raw[kind] {
	case 1:
		f.schema(header)
	case 2:
		if data := f.slot(header, 1); data != 0 {
			f.batch(f.ref(data))
		}
	case 3:
		f.batch(header)
	}
	if at := f.slot(root, 3); at != 0 {
		return f.i64(at)
	}
	return 0
}

func (f *flat) batch(table int) {
	if at := f.slot(table, 0); at != 0 && (f.i64(at) < 0 || f.i64(at) > arrowMaxRows) {
		panic(errFlat) //nolint:forbidigo // see flat
	}
	f.vector(table, 1, 16)
	f.vector(table, 2, 16)
	f.vector(table, 4, 8)
}

// checkArrow checks all metadata of a file or a stream of so many bytes.
func checkArrow(src io.ReaderAt, size int64, file bool) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%w: %v", errFlat, fault)
		}
	}()
	if file {
		return checkFooter(src, size)
	}
	for at := int64(0); at < size; {
		length, skip, err := metadataAt(src, at, size)
		if err != nil {
			return err
		}
		if length == 0 {
			return nil // the end of the stream
		}
		body, err := checkMessage(src, at+skip, length, size)
		if err != nil {
			return err
		}
		at += skip + length + body
	}
	return nil
}

// metadataAt reads the length of the message at a place, and that of what stands
// before it.
func metadataAt(src io.ReaderAt, at, size int64) (length, skip int64, err error) {
	var head [8]byte
	if _, err := src.ReadAt(head[:], at); err != nil && at+4 > size {
		return 0, 0, io.ErrUnexpectedEOF
	}
	length, skip = int64(binary.LittleEndian.Uint32(head[:])), 4
	if length == 0xFFFFFFFF {
		length, skip = int64(binary.LittleEndian.Uint32(head[4:])), 8
	}
	return length, skip, nil
}

// checkMessage checks one message and gives the length of its body.
func checkMessage(src io.ReaderAt, at, length, size int64) (body int64, err error) {
	if length > arrowMaxMetadata || at+length > size {
		return 0, errFlat
	}
	f := flat{raw: make([]byte, length)}
	if _, err := src.ReadAt(f.raw, at); err != nil {
		return 0, fmt.Errorf("read metadata: %w", err)
	}
	if body = f.message(); body < 0 || body > size-at-length {
		return 0, errFlat
	}
	return body, nil
}

// checkFooter checks the table at the end of a file, and what it points to.
func checkFooter(src io.ReaderAt, size int64) error {
	var end [10]byte
	if size < 2*int64(len(arrowMagic))+4 {
		return io.ErrUnexpectedEOF
	}
	if _, err := src.ReadAt(end[:], size-int64(len(end))); err != nil {
		return fmt.Errorf("read footer: %w", err)
	}
	length := int64(binary.LittleEndian.Uint32(end[:]))
	if length > arrowMaxMetadata || length > size-int64(len(end)) {
		return errFlat
	}
	f := flat{raw: make([]byte, length)}
	if _, err := src.ReadAt(f.raw, size-int64(len(end))-length); err != nil {
		return fmt.Errorf("read footer: %w", err)
	}
	root := f.ref(0)
	if at := f.slot(root, 1); at != 0 {
		f.schema(f.ref(at))
	}
	f.vector(root, 4, 4)
	for _, slot := range []int{2, 3} { // dictionaries and batches
		at, n := f.vector(root, slot, 24)
		for i := range n {
			place := f.i64(at + 24*i)
			if place < 0 || place >= size {
				return errFlat
			}
			meta, skip, err := metadataAt(src, place, size)
			if err != nil {
				return err
			}
			if _, err := checkMessage(src, place+skip, meta, size); err != nil {
				return err
			}
			if announced := f.u32(at + 24*i + 8); int64(announced) > size-place || f.i64(at+24*i+16) > size-place || f.i64(at+24*i+16) < 0 {
				return errFlat
			}
		}
	}
	return nil
}
