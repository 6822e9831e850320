package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// join holds back the files of Semantic Scholar until all inputs are known, for
// a paper and its abstract are rows of different files. It belongs to one
// goroutine.
type join struct {
	opt       Options
	files     []heldFile
	abstracts bool // there are files of abstracts
	papers    bool // there are files of papers
	memory    int  // bytes to sort in

	pending *spilled // the last abstract
	used    bool     // a paper took it
	text    string   // of the last abstract
}

// heldFile is a file that was opened to see its format. One that can be opened
// again is closed meanwhile, and its reader nil.
type heldFile struct {
	path   string
	reader *Reader
	format string
}

// hold takes a file if it is one to be joined.
func (j *join) hold(path string, r *Reader) (bool, error) {
	if r.Format() != s2agPapers && r.Format() != s2agAbstracts {
		return false, nil
	}
	f := heldFile{path: path, reader: r, format: r.Format()}
	j.papers = j.papers || f.format == s2agPapers
	j.abstracts = j.abstracts || f.format == s2agAbstracts
	var err error
	if r.again {
		err = r.Close()
		f.reader = nil
	}
	j.files = append(j.files, f)
	return true, err
}

// open gives the file's reader, from the beginning.
func (f *heldFile) open(opt Options) (*Reader, error) {
	if r := f.reader; r != nil {
		f.reader = nil
		return r, nil
	}
	opt.Format = f.format
	return Open(f.path, opt)
}

// close closes what was held and not read.
func (j *join) close() error {
	var err error
	for _, f := range j.files {
		if f.reader != nil {
			err = errors.Join(err, f.reader.Close())
		}
	}
	return err
}

// each yields what the files hold.
func (j *join) each(ctx context.Context, yield func(Row, error) bool) {
	if j.papers && j.abstracts {
		s := &spill{max: j.memory}
		more := j.gather(ctx, s, yield) && j.joined(ctx, s, yield)
		if err := s.close(); err != nil && more {
			yield(Row{}, fmt.Errorf("remove sorted rows: %w", err))
		}
		return
	}
	for i := range j.files {
		r, err := j.files[i].open(j.opt)
		if err != nil && !yield(Row{}, err) || err == nil && !drain(ctx, r, yield) {
			return
		}
	}
}

// gather sorts the rows of all files by their corpusid and yields what is wrong
// with them.
func (j *join) gather(ctx context.Context, s *spill, yield func(Row, error) bool) bool {
	faults := func(row Row, err error) bool { return err == nil || yield(row, err) }
	for i := range j.files {
		r, err := j.files[i].open(j.opt)
		if err != nil {
			if !yield(Row{}, err) {
				return false
			}
			continue
		}
		if o, ok := r.rows.(*objects); ok {
			o.decode = intoSpill(s, i, r.lines, j.files[i].format)
		} else {
			r.rows = &objects{file: r.name, from: r.lines, decode: intoSpill(s, i, r.lines, j.files[i].format)}
		}
		if !drain(ctx, r, faults) {
			return false
		}
	}
	return true
}

// joined yields papers with their abstracts, in the order of their numbers.
func (j *join) joined(ctx context.Context, s *spill, yield func(Row, error) bool) bool {
	rows, err := s.sorted()
	if err != nil {
		return yield(Row{}, err)
	}
	for {
		if err := ctx.Err(); err != nil {
			yield(Row{}, err)
			return false
		}
		row, err := rows.next()
		if errors.Is(err, io.EOF) {
			return j.settle(yield)
		}
		if err != nil {
			return yield(Row{}, err)
		}
		if !j.take(row, yield) {
			return false
		}
	}
}

// spillError is a failure of the disk, which is not about one row.
type spillError struct{ error }

func (e spillError) Unwrap() error { return e.error }

// intoSpill gives the decoder that only looks for a row's key and spills it.
func intoSpill(s *spill, file int, l *lines, format string) func([]byte) (Row, error) {
	rank := uint8(1)
	if format == s2agAbstracts {
		rank = 0 // before the paper
	}
	return func(object []byte) (Row, error) {
		var key struct {
			CorpusID wholeNumber `json:"corpusid"`
		}
		var wrong *wrongValueError
		if err := decodeStrictly(object, &key); errors.As(err, &wrong) {
			return Row{}, fmt.Errorf("corpusid must be a whole number, but is %s", wrong.text)
		} else if err != nil {
			return Row{}, err
		}
		if key.CorpusID.value == nil {
			return Row{}, errNoCorpusID
		}
		err := s.add(spilled{key: *key.CorpusID.value, rank: rank, file: uint32(file), line: uint64(l.num), raw: bytes.Clone(object)})
		if err != nil {
			return Row{}, spillError{err}
		}
		return Row{}, nil
	}
}

// take takes one row in the order of keys, a key's abstracts before its papers.
// Of several abstracts, as a full file and an update have them, the last counts.
func (j *join) take(row spilled, yield func(Row, error) bool) bool {
	if j.pending != nil && j.pending.key != row.key && !j.settle(yield) {
		return false
	}
	if row.rank == 0 {
		text, err := decodeS2AGAbstract(row.raw)
		if err != nil {
			return yield(Row{}, j.rejected(row, err.Error()))
		}
		j.pending, j.text, j.used = &row, text, false
		return true
	}
	text := ""
	if j.pending != nil {
		j.used, text = true, j.text
	}
	p, err := decodeS2AG(row.raw, text)
	if err != nil {
		return yield(Row{}, j.rejected(row, err.Error()))
	}
	p.Source = Source{File: j.files[row.file].path, Line: int(row.line)}
	j.opt.Notes.addRow(&p)
	return yield(p, nil)
}

// settle rejects the last abstract if no paper took it.
func (j *join) settle(yield func(Row, error) bool) bool {
	last := j.pending
	j.pending = nil
	if last == nil || j.used || j.text == "" {
		return true
	}
	return yield(Row{}, j.rejected(*last, fmt.Sprintf("there is no paper with the corpusid %d among the files", last.key)))
}

func (j *join) rejected(row spilled, reason string) error {
	return &RejectedError{Rejected{File: j.files[row.file].path, Line: int(row.line), Reason: reason, Raw: row.raw}}
}
