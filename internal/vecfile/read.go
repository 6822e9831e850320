package vecfile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/parquet-go/parquet-go"
	"github.com/x448/float16"

	"akin/internal/paper"
)

// Vectors reads the vectors that `akin embed` wrote, with their ids, in order.
// Make one with [Open]; it belongs to one goroutine.
type Vectors struct {
	// Manifest says what the vectors are.
	Manifest *Manifest
	source   source
	closers  []io.Closer
	row      int
}

// source gives one row after the other, io.EOF at the end.
type source interface {
	next() (id string, vector []float32, err error)
}

// Open opens the vectors of a directory, after checking that the files are those
// that the manifest names. The caller closes it.
func Open(dir string) (_ *Vectors, err error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	v := &Vectors{Manifest: m}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	for name, want := range m.Files {
		if err := checkName(dir, name); err != nil {
			return nil, err
		}
		have, err := DigestFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("read vectors: %w", err)
		}
		if have != want {
			return nil, corrupt(filepath.Join(dir, name), "it is not the file that the manifest names")
		}
	}
	for name := range m.Files {
		path := filepath.Join(dir, name)
		switch filepath.Ext(name) {
		case "." + NPY:
			v.source, err = v.openNPY(path)
		case "." + Parquet:
			if v.source == nil { // a .npy is read faster
				v.source, err = v.openParquet(path)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if v.source == nil {
		return nil, &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonUnsupported,
			Message: fmt.Sprintf("%s has neither .npy nor .parquet vectors; write one with `akin embed --write npy`, which embeds nothing again", dir),
		}
	}
	return v, nil
}

// checkName refuses what a manifest, which others may have written, must not
// name: anything but a file beside it.
func checkName(dir, name string) error {
	var why string
	switch info, err := os.Stat(filepath.Join(dir, filepath.Base(name))); {
	case name != filepath.Base(name) || !filepath.IsLocal(name) || name == ".":
		why = "that is not the name of a file beside it"
	case err != nil:
		return fmt.Errorf("read vectors: %w", err)
	case !info.Mode().IsRegular():
		why = "that is no file, but a folder, a pipe or a device"
	default:
		return nil
	}
	return corrupt(filepath.Join(dir, ManifestFile), "it names %q, and %s", name, why)
}

// openFile opens a file, and nothing whose reading may never end.
func openFile(path string) (*os.File, error) {
	// Opening a pipe would wait for its writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file, but a folder, a pipe or a device", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// maxNPYDimension bounds what a header can make OpenNPY allocate.
const maxNPYDimension = 1 << 16

// OpenNPY opens a .npy file of vectors with ids.txt beside it, which need no
// manifest: the caller knows what space they belong to. The header must be one
// that akin, or numpy, writes for float32 or float16 rows in C order. Of the
// manifest, Rows and Dimension are set. The caller closes it.
func OpenNPY(path string) (_ *Vectors, err error) {
	v := &Vectors{Manifest: new(Manifest)}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read vectors: %w", err)
	}
	defer f.Close()
	header := make([]byte, npyHeaderBytes)
	if _, err := io.ReadFull(f, header); err != nil {
		return nil, foreignNPY(path, "it has no whole header")
	}
	_, shape, _ := strings.Cut(string(header), "'shape': ")
	m := v.Manifest
	if n, err := fmt.Sscanf(shape, "(%d, %d)", &m.Rows, &m.Dimension); n != 2 || err != nil || m.Rows < 0 || m.Dimension < 1 || m.Dimension > maxNPYDimension {
		return nil, foreignNPY(path, "its header gives no shape of two numbers")
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read vectors: %w", err)
	}
	if v.source, err = v.openNPY(path); err != nil {
		return nil, err
	}
	source, _ := v.source.(*npySource)
	if want := npyHeaderBytes + int64(m.Rows)*int64(len(source.raw)); info.Size() != want {
		return nil, foreignNPY(path, fmt.Sprintf("it has %d bytes; %d rows of %d numbers are %d", info.Size(), m.Rows, m.Dimension, want))
	}
	return v, nil
}

func foreignNPY(path, why string) error {
	return &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonUnsupported,
		Message: fmt.Sprintf("%s cannot be used: %s; wanted is a .npy file of float32 or float16 rows, with ids.txt beside it", path, why),
	}
}

func corrupt(path, format string, args ...any) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message: fmt.Sprintf("%s cannot be used: %s; run `akin embed` again", path, fmt.Sprintf(format, args...)),
	}
}

// Next gives the id and the vector of the next row, float32 [dim], unit length;
// io.EOF at the end.
func (v *Vectors) Next() (id string, vector []float32, err error) {
	id, vector, err = v.source.next()
	switch {
	case errors.Is(err, io.EOF) && v.row != v.Manifest.Rows:
		return "", nil, corrupt("the vectors", "they end after %d rows, the manifest says %d", v.row, v.Manifest.Rows)
	case err != nil:
		return "", nil, err
	}
	v.row++
	if len(vector) != v.Manifest.Dimension {
		return "", nil, corrupt("the vectors", "row %d has %d numbers, the manifest says %d", v.row, len(vector), v.Manifest.Dimension)
	}
	return id, vector, nil
}

// Close closes the files.
func (v *Vectors) Close() error {
	var errs []error
	for _, c := range v.closers {
		errs = append(errs, c.Close())
	}
	v.closers = nil
	return errors.Join(errs...)
}

func (v *Vectors) open(path string) (*os.File, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("read vectors: %w", err)
	}
	v.closers = append(v.closers, f)
	return f, nil
}

// npySource reads .npy and ids.txt side by side.
type npySource struct {
	rows io.Reader
	ids  *bufio.Scanner
	half bool
	raw  []byte
}

func (v *Vectors) openNPY(path string) (source, error) {
	f, err := v.open(path)
	if err != nil {
		return nil, err
	}
	ids, err := v.open(filepath.Join(filepath.Dir(path), IDsFile))
	if err != nil {
		return nil, err
	}
	s := &npySource{rows: bufio.NewReaderSize(f, writeBuffer), ids: bufio.NewScanner(ids)}
	header := make([]byte, npyHeaderBytes)
	if _, err := io.ReadFull(s.rows, header); err != nil {
		return nil, corrupt(path, "it has no whole header")
	}
	for _, half := range []bool{false, true} {
		w := npy{dim: v.Manifest.Dimension, rows: v.Manifest.Rows, half: half}
		if string(w.header()) != string(header) {
			continue
		}
		size := 4
		if s.half = half; half {
			size = 2
		}
		s.raw = make([]byte, size*w.dim)
		return s, nil
	}
	return nil, corrupt(path, "its header is %q, which is not one that akin writes for %d rows of %d numbers", strings.TrimSpace(string(header[10:])), v.Manifest.Rows, v.Manifest.Dimension)
}

func (s *npySource) next() (string, []float32, error) {
	if !s.ids.Scan() {
		if err := s.ids.Err(); err != nil {
			return "", nil, fmt.Errorf("read ids: %w", err)
		}
		return "", nil, io.EOF
	}
	if _, err := io.ReadFull(s.rows, s.raw); err != nil {
		return "", nil, fmt.Errorf("read vectors: %w", err)
	}
	if !s.half {
		return s.ids.Text(), ReadVector(s.raw), nil
	}
	v := make([]float32, len(s.raw)/2)
	var sum float64
	for i := range v {
		v[i] = float16.Frombits(binary.LittleEndian.Uint16(s.raw[2*i:])).Float32()
		sum += float64(v[i]) * float64(v[i])
	}
	scale := float32(1 / math.Sqrt(sum)) // rounding changed the length
	for i := range v {
		v[i] *= scale
	}
	return s.ids.Text(), v, nil
}

// parquetSource reads the id and embedding columns.
type parquetSource struct {
	reader *parquet.GenericReader[vectorRow]
	rows   [256]vectorRow
	have   int
	at     int
}

type vectorRow struct {
	ID        string    `parquet:"id"`
	Embedding []float32 `parquet:"embedding,list"`
}

func (v *Vectors) openParquet(path string) (source, error) {
	f, err := v.open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read vectors: %w", err)
	}
	p, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		return nil, corrupt(path, "%v", err)
	}
	return &parquetSource{reader: parquet.NewGenericReader[vectorRow](p)}, nil
}

func (s *parquetSource) next() (string, []float32, error) {
	if s.at == s.have {
		clear(s.rows[:]) // the caller keeps what it got
		n, err := s.reader.Read(s.rows[:])
		if n == 0 {
			if err == nil || errors.Is(err, io.EOF) {
				return "", nil, io.EOF
			}
			return "", nil, fmt.Errorf("read vectors: %w", err)
		}
		s.have, s.at = n, 0
	}
	r := &s.rows[s.at]
	s.at++
	return r.ID, r.Embedding, nil
}
