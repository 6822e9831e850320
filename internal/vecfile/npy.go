package vecfile

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/x448/float16"
)

// npyHeaderBytes is the length of the whole header, which is written first and
// again at the end, when the number of rows is known. It is a multiple of 64,
// as the format asks for.
const npyHeaderBytes = 128

// npy writes vectors as a .npy file of version 1.0 (NEP 1): dtype <f4 or <f2, C
// order, shape (rows, dim).
type npy struct {
	out  *pending
	dim  int
	half bool
	rows int
	row  []byte // one row, encoded
}

func newNPY(path string, dim int, half bool) (*npy, error) {
	out, err := create(path)
	if err != nil {
		return nil, err
	}
	w := &npy{out: out, dim: dim, half: half}
	if _, err := out.Write(w.header()); err != nil {
		return nil, out.fail(err)
	}
	return w, nil
}

func (w *npy) header() []byte {
	descr := "<f4"
	if w.half {
		descr = "<f2"
	}
	h := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	h = fmt.Appendf(h, "{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }", descr, w.rows, w.dim)
	h = append(h, strings.Repeat(" ", npyHeaderBytes-len(h)-1)...)
	h = append(h, '\n')
	binary.LittleEndian.PutUint16(h[8:], npyHeaderBytes-10)
	return h
}

func (w *npy) write(r *Row) error {
	w.row = w.row[:0]
	if w.half {
		for _, x := range r.Vector {
			w.row = binary.LittleEndian.AppendUint16(w.row, float16.Fromfloat32(x).Bits())
		}
	} else {
		w.row = AppendVector(w.row, r.Vector)
	}
	w.rows++
	_, err := w.out.Write(w.row)
	return w.out.fail(err)
}

func (w *npy) finish() error {
	if err := w.out.Flush(); err != nil {
		return w.out.fail(err)
	}
	_, err := w.out.file.WriteAt(w.header(), 0)
	return w.out.fail(err)
}

func (w *npy) files() []*pending { return []*pending{w.out} }

// AppendVector appends float32 numbers, little endian, to raw.
func AppendVector(raw []byte, vector []float32) []byte {
	for _, x := range vector {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return raw
}

// ReadVector reads what AppendVector wrote.
func ReadVector(raw []byte) []float32 {
	vector := make([]float32, len(raw)/4)
	for i := range vector {
		vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return vector
}

// fvecs writes vectors as the tools of nearest-neighbour research read them:
// each row an int32 dimension and that many float32, little endian.
type fvecs struct {
	stream
	row []byte
}

func newFVECS(path string) (*fvecs, error) {
	out, err := create(path)
	return &fvecs{stream: stream{out}}, err
}

func (w *fvecs) write(r *Row) error {
	w.row = AppendVector(binary.LittleEndian.AppendUint32(w.row[:0], uint32(len(r.Vector))), r.Vector)
	_, err := w.out.Write(w.row)
	return w.out.fail(err)
}

// ids writes the id of each row, one a line.
type ids struct{ stream }

func newIDs(path string) (*ids, error) {
	out, err := create(path)
	return &ids{stream{out}}, err
}

func (w *ids) write(r *Row) error {
	_, err := w.out.WriteString(r.Paper.ID)
	if err == nil {
		err = w.out.WriteByte('\n')
	}
	return w.out.fail(err)
}
