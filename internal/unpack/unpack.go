// Package unpack takes apart the bytes of files that can be made anew, which a checksum
// has vouched for but nobody else: nothing in them makes a reader take more memory than
// they have bytes, or crash. It depends on nothing of akin's, and keeps no state beside
// what a caller holds, one goroutine at a time.
package unpack

import (
	"encoding/binary"
	"strings"
)

// Reader takes bytes apart. After it failed, it gives zeros.
type Reader struct {
	// Rest is what is not read yet.
	Rest []byte
	// Failed says that the bytes were not what somebody asked for.
	Failed bool
}

// Fail makes all that follows fail too.
func (r *Reader) Fail() { r.Failed, r.Rest = true, nil }

// Number reads an unsigned varint.
func (r *Reader) Number() uint64 {
	v, n := binary.Uvarint(r.Rest)
	if n <= 0 {
		r.Fail()
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// Signed reads a signed varint.
func (r *Reader) Signed() int64 {
	v, n := binary.Varint(r.Rest)
	if n <= 0 {
		r.Fail()
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// Count reads a number of things that take so many bytes each, at least, of which there
// cannot be more than bytes are left for.
func (r *Reader) Count(each int) int {
	n := r.Number()
	if n > uint64(len(r.Rest)/each) {
		r.Fail()
		return 0
	}
	return int(n)
}

// Below reads a number below a limit.
func (r *Reader) Below(limit int) int {
	n := r.Number()
	if n >= uint64(limit) {
		r.Fail()
		return 0
	}
	return int(n)
}

// Bytes gives the next n bytes, which are those of Rest; nil if there are fewer.
func (r *Reader) Bytes(n int) []byte {
	if n > len(r.Rest) {
		r.Fail()
		return nil
	}
	b := r.Rest[:n]
	r.Rest = r.Rest[n:]
	return b
}

// Counted reads a length and so many bytes, as AppendText wrote them.
func (r *Reader) Counted() []byte { return r.Bytes(r.Count(1)) }

// AppendText appends the length of a text, a varint, and the text.
func AppendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Texts keeps many short texts in few pieces of memory. The zero Texts is ready.
type Texts struct{ room strings.Builder }

// piece is how large a piece is.
const piece = 64 << 10

// Keep gives a text of its own with the bytes.
func (t *Texts) Keep(b []byte) string {
	if t.room.Cap()-t.room.Len() < len(b) {
		t.room = strings.Builder{}
		t.room.Grow(max(piece, len(b)))
	}
	from := t.room.Len()
	t.room.Write(b)
	return t.room.String()[from:]
}
