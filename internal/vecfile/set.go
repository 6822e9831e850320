package vecfile

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"akin/internal/paper"
	whole "akin/internal/pending"
)

// Row is a paper and its vector.
type Row struct {
	Paper *paper.Paper
	// Vector is float32 [dim], unit length; nil in files without vectors.
	Vector []float32
	// Tokens were embedded, [CLS] and [SEP] included; 0 is unknown.
	Tokens int
	// Truncated says that the text had more tokens than were embedded.
	Truncated bool
}

// The formats that a [Set] writes.
const (
	// NPY is NAME.npy, float32 or float16, with ids.txt beside it.
	NPY = "npy"
	// FVECS is NAME.fvecs, with ids.txt beside it.
	FVECS = "fvecs"
	// Parquet is NAME.parquet: the papers' fields and the vectors.
	Parquet = "parquet"
	// JSONL is NAME.jsonl: the papers' fields and the vectors.
	JSONL = "jsonl"
)

// IDsFile has the id of each row, one a line, beside NPY and FVECS.
const IDsFile = "ids.txt"

// Formats gives the names of the formats that can be written.
func Formats() []string { return []string{NPY, Parquet, JSONL, FVECS} }

// Options say what a [Set] writes.
type Options struct {
	// Dir is the directory, which exists; Name the files' name without suffix.
	Dir, Name string
	// Formats are some of Formats, each once.
	Formats []string
	// Dimension is that of the vectors; 0 writes papers without vectors, which
	// NPY and FVECS cannot.
	Dimension int
	// Half stores NPY as float16.
	Half bool
	// Metadata goes into the metadata of a Parquet file.
	Metadata map[string]string
}

func (o Options) check() error {
	e := &paper.Error{Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Message: "what to write is not valid"}
	fault := func(format string, args ...any) {
		e.Violations = append(e.Violations, paper.Violation{Field: "formats", Description: fmt.Sprintf(format, args...)})
	}
	if len(o.Formats) == 0 {
		fault("is empty; give some of %s", strings.Join(Formats(), ", "))
	}
	for i, f := range o.Formats {
		switch {
		case !slices.Contains(Formats(), f):
			fault("has %q; it must be one of %s", f, strings.Join(Formats(), ", "))
		case slices.Contains(o.Formats[:i], f):
			fault("has %s twice", f)
		case o.Dimension == 0 && (f == NPY || f == FVECS):
			fault("has %s, which holds only vectors, and no vectors are written", f)
		}
	}
	if len(e.Violations) > 0 {
		return e
	}
	return nil
}

// writer is what a format implements.
type writer interface {
	write(r *Row) error
	// finish writes what is missing; the files are then whole but unnamed.
	finish() error
	files() []*pending
}

// stream is the part of a writer whose one file needs nothing but its rows.
type stream struct{ out *pending }

func (s stream) finish() error     { return s.out.fail(s.out.Flush()) }
func (s stream) files() []*pending { return []*pending{s.out} }

// Set writes rows to files of several formats. Make one with [Create]; end it
// with Commit, and with Abandon in any case.
type Set struct {
	options Options
	writers []writer
	rows    int
}

// Create begins the files, and removes what killed runs left of files that were
// not whole yet.
func Create(opt Options) (_ *Set, err error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if err := whole.SweepFolder(opt.Dir); err != nil {
		return nil, err
	}
	s := &Set{options: opt}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Abandon())
		}
	}()
	for _, f := range opt.Formats {
		w, err := s.open(f)
		if err != nil {
			return nil, err
		}
		s.writers = append(s.writers, w)
	}
	if slices.Contains(opt.Formats, NPY) || slices.Contains(opt.Formats, FVECS) {
		w, err := newIDs(filepath.Join(opt.Dir, IDsFile))
		if err != nil {
			return nil, err
		}
		s.writers = append(s.writers, w)
	}
	return s, nil
}

func (s *Set) open(format string) (writer, error) {
	path := filepath.Join(s.options.Dir, s.options.Name+"."+format)
	switch format {
	case NPY:
		return newNPY(path, s.options.Dimension, s.options.Half)
	case FVECS:
		return newFVECS(path)
	case Parquet:
		return newParquet(path, s.options)
	default:
		return newJSONL(path)
	}
}

// Write adds a row to every file.
func (s *Set) Write(r *Row) error {
	if len(r.Vector) != s.options.Dimension {
		return fmt.Errorf("write row %d (%s): its vector has %d numbers, the files' rows have %d", s.rows, r.Paper.ID, len(r.Vector), s.options.Dimension)
	}
	s.rows++
	for _, w := range s.writers {
		if err := w.write(r); err != nil {
			return err
		}
	}
	return nil
}

// Rows is how many rows were written.
func (s *Set) Rows() int { return s.rows }

// Committed is what became of one file.
type Committed struct {
	// Name is the file's name in the directory, SHA256 its digest in hex.
	Name, SHA256 string
	// Unchanged says that a file with the same bytes was there, and was left.
	Unchanged bool
}

// Commit completes the files, syncs them and gives them their names. A file
// that is there with the same bytes is left alone, so that what depends on it
// by its time need not be made anew.
func (s *Set) Commit() ([]Committed, error) {
	for _, w := range s.writers {
		if err := w.finish(); err != nil {
			return nil, err
		}
	}
	var all []Committed
	for _, w := range s.writers {
		for _, f := range w.files() {
			c, err := f.compare()
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	i := 0
	for _, w := range s.writers {
		for _, f := range w.files() {
			if !all[i].Unchanged {
				if err := f.file.Commit(); err != nil {
					return nil, f.fail(err)
				}
			}
			i++
		}
	}
	return all, s.Abandon()
}

// Abandon removes what was written. After Commit it does nothing.
func (s *Set) Abandon() error {
	var errs []error
	for _, w := range s.writers {
		for _, f := range w.files() {
			if err := f.file.Abandon(); err != nil {
				errs = append(errs, f.fail(err))
			}
		}
	}
	return errors.Join(errs...)
}

// pending is a buffered file that takes its name only when it is whole.
type pending struct {
	*bufio.Writer
	path string
	file *whole.File
}

// writeBuffer is the room of one file's buffer.
const writeBuffer = 256 << 10

func create(path string) (*pending, error) {
	f, err := whole.Create(path, 0o644)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return &pending{Writer: bufio.NewWriterSize(f, writeBuffer), path: path, file: f}, nil
}

// fail says which file could not be written.
func (p *pending) fail(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write %s: %w", p.path, err)
}

// compare reads the whole file again (a .npy header changes at the end) and
// tells whether the one that it would replace has the same bytes.
func (p *pending) compare() (Committed, error) {
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return Committed{}, p.fail(err)
	}
	sum, size, err := digest(p.file)
	if err != nil {
		return Committed{}, p.fail(err)
	}
	c := Committed{Name: filepath.Base(p.path), SHA256: sum}
	if info, err := os.Stat(p.path); err == nil && info.Mode().IsRegular() && info.Size() == size {
		old, err := DigestFile(p.path)
		c.Unchanged = err == nil && old == sum
	}
	return c, nil
}

func digest(src io.Reader) (sum string, size int64, err error) {
	h := sha256.New()
	size, err = io.Copy(h, src)
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// DigestFile gives the SHA-256 of a regular file, in hex.
func DigestFile(path string) (string, error) {
	f, err := openFile(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum, _, err := digest(f)
	return sum, err
}
