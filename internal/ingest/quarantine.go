package ingest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"akin/internal/pending"
)

// Quarantine keeps rejected rows in a file of JSON Lines, one object each:
// file, line, reason, row, and row_base64 where the row is not UTF-8 (its row
// then has U+FFFD in place of what is not). Its methods may be called from
// several goroutines.
//
// The file appears whole, when Close has written it durably, and only if a row
// was rejected; it replaces a file of an earlier run. What a killed run left is
// removed by the next: see package pending.
type Quarantine struct {
	path   string
	create func(path string) (pendingFile, error)

	mu     sync.Mutex // guards all below
	file   pendingFile
	buf    *bufio.Writer
	count  int
	first  []Rejected // the first few, without their rows
	err    error      // the first failure; final
	closed bool
}

// pendingFile is a file that takes its name only when it is whole. It is the
// seam at which tests make writing fail.
type pendingFile interface {
	io.Writer
	// Commit syncs, renames and closes.
	Commit() error
	// Abandon removes the file unless it was renamed.
	Abandon() error
}

// NewQuarantine makes a quarantine that will be written to path. Nothing is
// created before the first row.
func NewQuarantine(path string) *Quarantine {
	return &Quarantine{path: path, create: createPending}
}

func createPending(path string) (pendingFile, error) { return pending.Create(path, 0o644) }

// Add keeps one row. After a failure the quarantine keeps nothing more and
// gives the same error again: a job should then stop, for it would lose rows.
func (q *Quarantine) Add(r Rejected) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return fmt.Errorf("quarantine %s: row added after it was closed", q.path)
	case q.err != nil:
		return q.err
	}
	if err := q.write(r); err != nil {
		q.err = fmt.Errorf("quarantine %s: keep row %s:%d: %w", q.path, r.File, r.Line, err)
		return q.err
	}
	q.count++
	if len(q.first) < quarantineExamples {
		q.first = append(q.first, Rejected{File: r.File, Line: r.Line, Reason: r.Reason})
	}
	return nil
}

// quarantineExamples is how many rows Examples gives.
const quarantineExamples = 3

// Examples gives file, line and reason of the first rows that were kept.
func (q *Quarantine) Examples() []Rejected {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.first)
}

func (q *Quarantine) write(r Rejected) error {
	if q.file == nil {
		f, err := q.create(q.path)
		if err != nil {
			return err
		}
		q.file, q.buf = f, bufio.NewWriter(f)
	}
	row := struct {
		File   string `json:"file"`
		Line   int    `json:"line"`
		Reason string `json:"reason"`
		Row    string `json:"row"`
		Base64 []byte `json:"row_base64,omitempty"` // encoding/json writes bytes as base64
	}{File: r.File, Line: r.Line, Reason: r.Reason, Row: string(r.Raw)}
	if !utf8.Valid(r.Raw) {
		row.Row = strings.ToValidUTF8(row.Row, "\uFFFD")
		row.Base64 = r.Raw
	}
	enc := json.NewEncoder(q.buf)
	enc.SetEscapeHTML(false)
	return enc.Encode(row)
}

// Count is how many rows were kept.
func (q *Quarantine) Count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count
}

// Path is where the file is, or will be.
func (q *Quarantine) Path() string { return q.path }

// Close writes the file durably and gives it its name. After a failure it
// removes what was written and returns the failure. Closing again does nothing.
func (q *Quarantine) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.file == nil {
		q.closed = true
		return q.err
	}
	q.closed = true
	if q.err == nil {
		if err := q.commit(); err != nil {
			q.err = fmt.Errorf("quarantine %s: write: %w", q.path, err)
		}
	}
	return errors.Join(q.err, q.file.Abandon())
}

func (q *Quarantine) commit() error {
	if err := q.buf.Flush(); err != nil {
		return err
	}
	return q.file.Commit()
}
