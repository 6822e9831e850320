package vecfile

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/x448/float16"

	"akin/internal/paper"
)

// Foreign are vectors that another program made, by the ids of the papers. What
// model made them is for the caller to check. Every row is finite, has the same
// number of numbers and unit length. Make one with [OpenForeign]; it belongs to one
// goroutine. Memory grows with the ids, not with the vectors.
type Foreign struct {
	// Dimension is how many numbers a vector has, Rows how many vectors there are.
	Dimension, Rows int
	places          map[string]int // rows by id
	file            io.ReaderAt
	offset          int64
	width           int // bytes of a number: 2, 4 or 8
	closers         []func() error
	raw             []byte
}

// unitTolerance is how far a vector's length may be from one, for half precision.
const unitTolerance = 2e-3

// OpenForeign opens a .npy file with ids, one a line, in a file (ids.txt beside it
// if that is empty), a Parquet file with a column of ids and one of vectors, or a
// directory that holds one of these. The caller closes it.
func OpenForeign(path, ids string) (_ *Foreign, err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if path, err = onlyVectors(path); err != nil {
			return nil, err
		}
	}
	f := new(Foreign)
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	switch strings.ToLower(filepath.Ext(path)) {
	case "." + NPY:
		err = f.openArray(path, ids)
	case "." + Parquet:
		err = f.openColumn(path)
	default:
		return nil, unusable(path, "it is neither .npy nor .parquet")
	}
	if err != nil {
		return nil, err
	}
	return f, f.check(path)
}

// onlyVectors finds the file of vectors in a directory.
func onlyVectors(dir string) (string, error) {
	for _, suffix := range []string{NPY, Parquet} {
		found, err := filepath.Glob(filepath.Join(dir, "*."+suffix))
		if err != nil {
			return "", fmt.Errorf("look for vectors: %w", err)
		}
		if len(found) == 1 {
			return found[0], nil
		}
		if len(found) > 1 {
			return "", unusable(dir, fmt.Sprintf("it has %d files that end in .%s; name one of them", len(found), suffix))
		}
	}
	return "", unusable(dir, "it has no .npy and no .parquet file")
}

// HasVectors says that a directory has one file of vectors that may be another
// program's.
func HasVectors(dir string) bool {
	_, err := onlyVectors(dir)
	return err == nil
}

func unusable(path, why string) error {
	return &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonUnsupported,
		Message: fmt.Sprintf("the vectors in %s cannot be used: %s", path, why),
	}
}

// npyFields are what the header of a .npy file says.
var npyFields = regexp.MustCompile(`^\{'descr': '([<|>=]?[a-z]\d+)', 'fortran_order': (True|False), 'shape': \((\d+), (\d+)\),? *\}\s*$`)

// openArray opens a .npy file of any version and precision.
func (f *Foreign) openArray(path, ids string) error {
	file, err := openFile(path)
	if err != nil {
		return fmt.Errorf("read vectors: %w", err)
	}
	f.closers = append(f.closers, file.Close)
	f.file = file
	head := make([]byte, 12)
	if _, err := io.ReadFull(file, head); err != nil || string(head[:6]) != "\x93NUMPY" {
		return unusable(path, "it is no .npy file")
	}
	at, size := int64(10), int64(binary.LittleEndian.Uint16(head[8:]))
	if head[6] > 1 {
		at, size = 12, int64(binary.LittleEndian.Uint32(head[8:]))
	}
	text := make([]byte, min(size, 1<<16))
	if _, err := file.ReadAt(text, at); err != nil {
		return unusable(path, "it has no whole header")
	}
	match := npyFields.FindStringSubmatch(string(text))
	if match == nil || match[2] != "False" {
		return unusable(path, fmt.Sprintf("its header is %.200q; wanted are rows of floats in C order, of shape (papers, numbers)", text))
	}
	width := map[string]int{"<f2": 2, "<f4": 4, "<f8": 8}[match[1]]
	if width == 0 {
		return unusable(path, fmt.Sprintf("its numbers are %q; wanted are float16, float32 or float64, little endian", match[1]))
	}
	f.width, f.offset = width, at+size
	f.Rows, _ = strconv.Atoi(match[3])
	f.Dimension, _ = strconv.Atoi(match[4])
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("read vectors: %w", err)
	}
	if f.Dimension < 1 || f.Dimension > maxNPYDimension || f.offset+int64(f.Rows)*int64(f.Dimension)*int64(width) != info.Size() {
		return unusable(path, fmt.Sprintf("its header says %d rows of %d numbers, and it has %d bytes", f.Rows, f.Dimension, info.Size()))
	}
	if ids == "" {
		ids = filepath.Join(filepath.Dir(path), IDsFile)
	}
	return f.readIDs(path, ids)
}

// readIDs reads the ids of the rows.
func (f *Foreign) readIDs(path, name string) error {
	ids, err := openFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return unusable(path, fmt.Sprintf("there is no %s with the id of each row, one a line", name))
	}
	if err != nil {
		return fmt.Errorf("read ids: %w", err)
	}
	defer ids.Close()
	f.places = make(map[string]int, f.Rows)
	lines, n := bufio.NewScanner(ids), 0
	for lines.Scan() {
		if err := f.place(path, strings.TrimSuffix(lines.Text(), "\r"), n); err != nil {
			return err
		}
		n++
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read ids: %w", err)
	}
	if n != f.Rows {
		return unusable(path, fmt.Sprintf("%s has %d lines, and there are %d vectors", name, n, f.Rows))
	}
	return nil
}

// place notes where the vector of an id stands. The same id twice is no fault where
// a corpus has a paper twice; the first counts.
func (f *Foreign) place(path, id string, row int) error {
	if err := paper.ValidateID(id); err != nil {
		return unusable(path, fmt.Sprintf("the id of row %d %v", row+1, err))
	}
	if _, twice := f.places[id]; !twice {
		f.places[id] = row
	}
	return nil
}

// openColumn copies the vectors of a Parquet file to a temporary one, where each can
// be found.
func (f *Foreign) openColumn(path string) (err error) {
	defer func() {
		if fault := recover(); fault != nil { // the library panics on damaged files
			err = unusable(path, fmt.Sprintf("it is damaged (%v)", fault))
		}
	}()
	src, err := openFile(path)
	if err != nil {
		return fmt.Errorf("read vectors: %w", err)
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return fmt.Errorf("read vectors: %w", err)
	}
	props := parquet.NewReaderProperties(memory.NewGoAllocator())
	props.BufferedStreamEnabled = true
	reader, err := file.NewParquetReader(io.NewSectionReader(src, 0, info.Size()), file.WithReadProps(props))
	if err != nil {
		return unusable(path, err.Error())
	}
	rows, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{BatchSize: 256}, memory.NewGoAllocator())
	if err != nil {
		return unusable(path, err.Error())
	}
	records, err := rows.GetRecordReader(context.Background(), nil, nil)
	if err != nil {
		return unusable(path, err.Error())
	}
	defer records.Release()
	id, vector := vectorColumns(records.Schema())
	if id < 0 || vector < 0 {
		return unusable(path, "it has no column id of text, or no column embedding or vector of lists of floats")
	}
	temp, err := os.CreateTemp("", "akin-vectors-")
	if err != nil {
		return fmt.Errorf("make a temporary file for vectors: %w", err)
	}
	f.closers = append(f.closers, func() error { return errors.Join(temp.Close(), os.Remove(temp.Name())) })
	f.file, f.width, f.places = temp, 4, map[string]int{}
	out := bufio.NewWriterSize(temp, writeBuffer)
	for records.Next() {
		if err := f.copyBatch(path, out, records.RecordBatch(), id, vector); err != nil {
			return err
		}
	}
	if err := records.Err(); err != nil && !errors.Is(err, io.EOF) {
		return unusable(path, err.Error())
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("copy vectors to a temporary file: %w; TMPDIR names another disk", err)
	}
	if want := reader.NumRows(); int64(f.Rows) != want {
		return unusable(path, fmt.Sprintf("%d of its %d rows could be decoded", f.Rows, want))
	}
	return nil
}

// vectorColumns finds the columns of ids and of vectors.
func vectorColumns(schema *arrow.Schema) (id, vector int) {
	id, vector = -1, -1
	for i, field := range schema.Fields() {
		name := strings.ToLower(field.Name)
		list, isList := field.Type.(arrow.ListLikeType)
		switch {
		case name == "id" && field.Type.ID() == arrow.STRING:
			id = i
		case isList && arrow.IsFloating(list.Elem().ID()) && (vector < 0 || slices.Contains([]string{"embedding", "vector"}, name)):
			vector = i
		}
	}
	return id, vector
}

// copyBatch writes vectors as float32.
func (f *Foreign) copyBatch(path string, out io.Writer, batch arrow.RecordBatch, id, vector int) error {
	ids, _ := batch.Column(id).(*array.String)
	lists, ok := batch.Column(vector).(array.ListLike)
	if ids == nil || !ok {
		return unusable(path, "its columns change their types")
	}
	for i := range int(batch.NumRows()) {
		from, to := lists.ValueOffsets(i)
		if f.Dimension == 0 {
			f.Dimension = int(to - from)
		}
		if lists.IsNull(i) || ids.IsNull(i) || int(to-from) != f.Dimension || f.Dimension > maxNPYDimension {
			return unusable(path, fmt.Sprintf("row %d has no id, no vector, or one of another length than %d", f.Rows+1, f.Dimension))
		}
		raw := make([]byte, 0, 4*f.Dimension)
		for k := from; k < to; k++ {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(floatAt(lists.ListValues(), int(k))))
		}
		if _, err := out.Write(raw); err != nil {
			return fmt.Errorf("copy vectors to a temporary file: %w; TMPDIR names another disk", err)
		}
		if err := f.place(path, ids.Value(i), f.Rows); err != nil {
			return err
		}
		f.Rows++
	}
	return nil
}

// floatAt gives a number; what is null is none.
func floatAt(values arrow.Array, i int) float32 {
	if values.IsNull(i) {
		return float32(math.NaN())
	}
	switch a := values.(type) {
	case *array.Float16:
		return a.Value(i).Float32()
	case *array.Float32:
		return a.Value(i)
	case *array.Float64:
		return float32(a.Value(i))
	}
	return float32(math.NaN())
}

// check reads every row once.
func (f *Foreign) check(path string) error {
	for i := range f.Rows {
		v, err := f.read(i)
		if err != nil {
			return err
		}
		length := math.Sqrt(dot(v, v))
		if math.IsNaN(length) || math.IsInf(length, 0) {
			return unusable(path, fmt.Sprintf("row %d has a number that is not finite", i+1))
		}
		if math.Abs(length-1) > unitTolerance {
			return unusable(path, fmt.Sprintf("row %d has the length %.4g; every vector must have unit length: divide it by its length", i+1, length))
		}
	}
	return nil
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// read gives the vector of a row as it stands in the file.
func (f *Foreign) read(row int) ([]float32, error) {
	size := f.width * f.Dimension
	f.raw = slices.Grow(f.raw[:0], size)[:size]
	if _, err := f.file.ReadAt(f.raw, f.offset+int64(row)*int64(size)); err != nil {
		return nil, fmt.Errorf("read vectors: %w", err)
	}
	v := make([]float32, f.Dimension)
	for i := range v {
		switch f.width {
		case 2:
			v[i] = float16.Frombits(binary.LittleEndian.Uint16(f.raw[2*i:])).Float32()
		case 4:
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(f.raw[4*i:]))
		default:
			v[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(f.raw[8*i:])))
		}
	}
	return v, nil
}

// Vector gives the vector of a paper, float32 [Dimension], unit length; nil if there
// is none.
func (f *Foreign) Vector(id string) ([]float32, error) {
	row, ok := f.places[id]
	if !ok {
		return nil, nil
	}
	v, err := f.read(row)
	if err != nil {
		return nil, err
	}
	scale := 1 / math.Sqrt(dot(v, v)) // rounding changed the length
	for i := range v {
		v[i] = float32(float64(v[i]) * scale)
	}
	return v, nil
}

// Close closes and removes temporary files.
func (f *Foreign) Close() error {
	var errs []error
	for _, c := range f.closers {
		errs = append(errs, c())
	}
	f.closers = nil
	return errors.Join(errs...)
}

// Cosine is that of two vectors of unit length.
func Cosine(a, b []float32) float64 {
	if len(a) != len(b) {
		return 0
	}
	return dot(a, b)
}
