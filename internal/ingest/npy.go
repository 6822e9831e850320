package ingest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// npyHeaderBytes is the length of the whole header, which is written first and
// again at the end, when the number of rows is known. It is a multiple of 64,
// as the format asks for.
const npyHeaderBytes = 128

// NPYWriter writes float32 rows as a .npy file of version 1.0 (NEP 1): dtype
// <f4, C order, shape (rows, dim). The file takes its name when Close succeeds;
// before, it is a temporary file beside it. It belongs to one goroutine.
type NPYWriter struct {
	file *renameio.PendingFile
	buf  *bufio.Writer
	dim  int
	rows int
}

// NewNPYWriter begins a file of rows of the given dimension.
func NewNPYWriter(path string, dim int) (*NPYWriter, error) {
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o644))
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	w := &NPYWriter{file: f, buf: bufio.NewWriterSize(f, 1<<18), dim: dim}
	if _, err := w.buf.Write(npyHeader(0, dim)); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return w, nil
}

func npyHeader(rows, dim int) []byte {
	h := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	h = fmt.Appendf(h, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, dim)
	h = append(h, strings.Repeat(" ", npyHeaderBytes-len(h)-1)...)
	h = append(h, '\n')
	binary.LittleEndian.PutUint16(h[8:], npyHeaderBytes-10)
	return h
}

// Write adds a row, float32 [dim].
func (w *NPYWriter) Write(row []float32) error {
	if len(row) != w.dim {
		return fmt.Errorf("write row %d: it has %d numbers, the file's rows have %d", w.rows, len(row), w.dim)
	}
	var b [4]byte
	for _, x := range row {
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(x))
		if _, err := w.buf.Write(b[:]); err != nil {
			return fmt.Errorf("write row %d: %w", w.rows, err)
		}
	}
	w.rows++
	return nil
}

// Rows is how many rows were written.
func (w *NPYWriter) Rows() int { return w.rows }

// Close completes the file, syncs it and gives it its name.
func (w *NPYWriter) Close() error {
	if err := w.buf.Flush(); err != nil {
		return fmt.Errorf("write npy: %w", err)
	}
	if _, err := w.file.WriteAt(npyHeader(w.rows, w.dim), 0); err != nil {
		return fmt.Errorf("write npy header: %w", err)
	}
	if err := w.file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write npy: %w", err)
	}
	return nil
}

// Abandon removes what was written. After Close it does nothing.
func (w *NPYWriter) Abandon() error {
	if err := w.file.Cleanup(); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove unfinished npy: %w", err)
	}
	return nil
}
