package ingest

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"akin/internal/pending"
)

const (
	// spillBytes is how much is sorted in memory at a time.
	spillBytes = 32 << 20
	// spillRuns is how many sorted files are open at once: as many of one
	// level are merged into one of the next.
	spillRuns = 32
)

// spilled is one row on its way through a spill.
type spilled struct {
	key  int64
	rank uint8 // orders rows of one key, before their order of arrival
	seq  uint64
	file uint32
	line uint64
	raw  []byte
}

func (s spilled) compare(t spilled) int {
	return cmp.Or(cmp.Compare(s.key, t.key), cmp.Compare(s.rank, t.rank), cmp.Compare(s.seq, t.seq))
}

// spill sorts rows by key in memory that does not grow with their number
// (libraries for this count rows, and a row may have 16 MiB): sorted runs go to
// temporary files without a name, which are merged and which the system frees,
// however the program ends. It belongs to one goroutine.
type spill struct {
	max    int // bytes in memory
	buf    []spilled
	size   int
	seq    uint64
	levels [][]*os.File
}

// add takes a row. raw becomes the spill's.
func (s *spill) add(row spilled) error {
	s.seq++
	row.seq = s.seq
	s.buf = append(s.buf, row)
	if s.size += len(row.raw) + 64; s.size < s.max {
		return nil
	}
	return s.flush()
}

func (s *spill) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	slices.SortFunc(s.buf, spilled.compare)
	i := 0
	err := s.write(0, func() (spilled, error) {
		if i == len(s.buf) {
			return spilled{}, io.EOF
		}
		i++
		return s.buf[i-1], nil
	})
	clear(s.buf)
	s.buf, s.size = s.buf[:0], 0
	return err
}

// write makes a run of rows that are sorted, and merges its level if that is
// full.
func (s *spill) write(level int, next func() (spilled, error)) error {
	f, err := pending.Scratch("")
	if err != nil {
		return fmt.Errorf("make a temporary file for rows to sort: %w; TMPDIR names another folder", err)
	}
	for len(s.levels) <= level {
		s.levels = append(s.levels, nil)
	}
	s.levels[level] = append(s.levels[level], f)
	if err := writeRun(f, next); err != nil {
		return fmt.Errorf("write rows to sort: %w; TMPDIR names another disk", err)
	}
	if len(s.levels[level]) < spillRuns {
		return nil
	}
	full := s.levels[level]
	s.levels[level] = nil
	m, err := merge(full)
	if err == nil {
		err = s.write(level+1, m.next)
	}
	return errors.Join(err, closeAll(full))
}

func closeAll(files []*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

func writeRun(f io.Writer, next func() (spilled, error)) error {
	w := bufio.NewWriterSize(f, 1<<16)
	var b []byte
	for {
		row, err := next()
		if errors.Is(err, io.EOF) {
			return w.Flush()
		}
		if err != nil {
			return err
		}
		b = binary.AppendVarint(b[:0], row.key)
		for _, n := range []uint64{uint64(row.rank), row.seq, uint64(row.file), row.line, uint64(len(row.raw))} {
			b = binary.AppendUvarint(b, n)
		}
		if _, err := w.Write(append(b, row.raw...)); err != nil {
			return err
		}
	}
}

// sorted gives all rows in order, until the spill is closed.
func (s *spill) sorted() (*merging, error) {
	if err := s.flush(); err != nil {
		return nil, err
	}
	return merge(slices.Concat(s.levels...))
}

// close frees the temporary files.
func (s *spill) close() error {
	err := closeAll(slices.Concat(s.levels...))
	s.levels = nil
	return err
}

// run is one sorted file that is read.
type run struct {
	src  *bufio.Reader
	head spilled
}

// advance reads the next row into head.
func (r *run) advance() error {
	key, err := binary.ReadVarint(r.src)
	if err != nil {
		return err // io.EOF at the end
	}
	var n [5]uint64
	for i := range n {
		if n[i], err = binary.ReadUvarint(r.src); err != nil {
			return fmt.Errorf("read sorted rows: %w", err)
		}
	}
	raw := make([]byte, n[4])
	if _, err := io.ReadFull(r.src, raw); err != nil {
		return fmt.Errorf("read sorted rows: %w", err)
	}
	r.head = spilled{key: key, rank: uint8(n[0]), seq: n[1], file: uint32(n[2]), line: n[3], raw: raw}
	return nil
}

// merging reads several runs as one. It is the heap of those that are not at
// their end.
type merging struct{ runs []*run }

func (m *merging) Len() int           { return len(m.runs) }
func (m *merging) Less(i, j int) bool { return m.runs[i].head.compare(m.runs[j].head) < 0 }
func (m *merging) Swap(i, j int)      { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }
func (m *merging) Push(x any)         { m.runs = append(m.runs, x.(*run)) }
func (m *merging) Pop() any {
	last := m.runs[len(m.runs)-1]
	m.runs = m.runs[:len(m.runs)-1]
	return last
}

func merge(files []*os.File) (*merging, error) {
	m := new(merging)
	for _, f := range files {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("read sorted rows: %w", err)
		}
		r := &run{src: bufio.NewReaderSize(f, 1<<16)}
		m.runs = append(m.runs, r)
		if err := r.advance(); err != nil { // no run is empty
			return nil, err
		}
	}
	heap.Init(m)
	return m, nil
}

func (m *merging) next() (spilled, error) {
	if len(m.runs) == 0 {
		return spilled{}, io.EOF
	}
	r := m.runs[0]
	row := r.head
	switch err := r.advance(); {
	case errors.Is(err, io.EOF):
		heap.Pop(m)
		return row, nil
	case err != nil:
		return spilled{}, err
	}
	heap.Fix(m, 0)
	return row, nil
}
