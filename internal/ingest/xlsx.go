package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"akin/internal/paper"
)

const (
	// workbookBytes is the largest workbook, expanded.
	workbookBytes = 2 << 30
	// workbookFile is the largest workbook as it lies on disk: the library holds it in
	// memory.
	workbookFile = 512 << 20
	// workbookMemory is how much of it is held in memory; the rest goes to temporary files.
	workbookMemory = 16 << 20
)

// looksLikeXLSX says that this is a zip archive with the parts of a workbook.
func looksLikeXLSX(h head) bool {
	return bytes.HasPrefix(h.text, []byte(zipMagic)) && slices.ContainsFunc([]string{"xl/workbook.xml", "xl/worksheets/", "xl/_rels/"},
		func(name string) bool { return bytes.Contains(h.text, []byte(name)) })
}

// workbook reads the sheets of an Excel workbook that have a row of column names,
// one row of cells after the other.
type workbook struct {
	in     input
	spool  *columnar // copies what is no regular file
	book   *excelize.File
	epoch  time.Time
	sheets []string // that are still to be read
	sheet  string
	rows   *excelize.Rows
	header *header // of this sheet; nil while it is looked for
	row    int
	found  bool // a sheet had a row of names
	cut    bool // it was said that cells are not read
}

func newXLSX(in input) rows { return &workbook{in: in, spool: &columnar{in: in, what: "Excel"}} }

// holdsNothing implements hollow.
func (w *workbook) holdsNothing() bool { return w.found }

func (w *workbook) next(ctx context.Context) (Row, error) {
	if w.book == nil {
		if err := w.open(ctx); err != nil {
			return Row{}, err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return Row{}, err
		}
		cells, err := w.cells()
		if err != nil {
			return Row{}, err
		}
		if w.header == nil || len(cells) == 0 || !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
			continue
		}
		name := w.in.name + ":" + w.sheet
		row, err := w.header.row(w.fit(cells))
		if err != nil {
			return Row{}, &RejectedError{Rejected{File: name, Line: w.row, Reason: err.Error(), Raw: toJSON(cells)}}
		}
		row.Source = Source{File: name, Line: w.row}
		return row, nil
	}
}

// cells gives the next row of cells, of the next sheet after the end of one.
func (w *workbook) cells() (cells []string, err error) {
	err = w.guard(func() error {
		for w.rows == nil || !w.rows.Next() {
			if err := w.turn(); err != nil {
				return err
			}
		}
		w.row++
		cells, err = w.rows.Columns(excelize.Options{RawCellValue: true})
		return err
	})
	if err != nil || w.header != nil {
		return cells, err
	}
	return nil, w.lookForNames(cells) // which is no paper itself
}

// turn goes on to the next sheet.
func (w *workbook) turn() error {
	if w.rows != nil {
		if err := errors.Join(w.rows.Error(), w.rows.Close()); err != nil {
			return err
		}
		if w.header == nil && w.row > 0 {
			w.in.opt.Notes.notice("%s: the sheet %q was passed over: no row of it names a title or an abstract; --map title=COLUMN says which column is", w.in.name, w.sheet)
		}
		w.rows = nil
	}
	if len(w.sheets) == 0 {
		if !w.found {
			return &paper.Error{
				Kind: paper.Invalid, Reason: paper.ReasonInvalidField,
				Message: w.in.name + ": no sheet has a row of column names, one of which is the title or the abstract; say which with --map title=COLUMN",
			}
		}
		return io.EOF
	}
	w.sheet, w.sheets, w.header, w.row = w.sheets[0], w.sheets[1:], nil, 0
	var err error
	w.rows, err = w.book.Rows(w.sheet)
	return err
}

// lookForNames takes a row for that of the column names if it is like one.
func (w *workbook) lookForNames(cells []string) error {
	if w.row > maxPreamble || len(cells) == 0 {
		return nil
	}
	known, text := 0, false
	names := make([]string, len(cells))
	for i, cell := range cells {
		names[i] = collapse(cell)
	}
	for _, fields := range newColumns(w.in.opt.Map).assign(names) {
		known += min(len(fields), 1)
		text = text || slices.Contains(fields, "title") || slices.Contains(fields, "abstract")
	}
	if !text || w.row > 1 && known < 2 {
		return nil
	}
	header, err := newHeader(w.in, cells)
	if err != nil {
		return err
	}
	w.header, w.found = header, true
	return nil
}

// fit makes a row as long as that of the names: cells at the end that are empty are
// not stored. Days are stored as numbers.
func (w *workbook) fit(cells []string) []string {
	fitted := make([]string, len(w.header.names))
	copy(fitted, cells)
	beyond := func(c string) bool { return strings.TrimSpace(c) != "" }
	if len(cells) > len(fitted) && !w.cut && slices.ContainsFunc(cells[len(fitted):], beyond) {
		w.cut = true
		w.in.opt.Notes.notice("%s: row %d of the sheet %q has cells behind the last column with a name; such cells are not read", w.in.name, w.row, w.sheet)
	}
	for i, fields := range w.header.fields {
		if slices.Contains(fields, "date") || slices.Contains(fields, "publish_date") {
			fitted[i] = w.day(fitted[i])
		}
	}
	return fitted
}

// day writes the number of a day as a date.
func (w *workbook) day(text string) string {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 10_000 || n > 100_000 { // 1927 to 2173; years are less
		return text
	}
	return w.epoch.AddDate(0, 0, int(n)).Format(time.DateOnly)
}

func (w *workbook) open(ctx context.Context) error {
	f := w.in.file
	if f == nil {
		if err := w.spool.copy(ctx); err != nil {
			return err
		}
		f = w.spool.spool
	}
	if size := sizeOf(f); size > workbookFile {
		return &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonUnsupported,
			Message: fmt.Sprintf("%s: the workbook has %d bytes; the limit is %d; save the sheet as CSV", w.in.name, size, workbookFile),
		}
	}
	return w.guard(func() (err error) {
		w.book, err = excelize.OpenReader(io.NewSectionReader(f, 0, sizeOf(f)), excelize.Options{
			RawCellValue: true, UnzipSizeLimit: workbookBytes, UnzipXMLSizeLimit: workbookMemory, TmpDir: os.TempDir(),
		})
		if err != nil {
			return err
		}
		w.epoch = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
		if props, err := w.book.GetWorkbookProps(); err == nil && props.Date1904 != nil && *props.Date1904 {
			w.epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		w.sheets = w.book.GetSheetList()
		return nil
	})
}

// guard makes sentences of the library's errors and panics.
func (w *workbook) guard(do func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = w.fault(fmt.Errorf("%v", fault))
		}
	}()
	if err = do(); err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) || isClassified(err) {
		return err
	}
	return w.fault(err)
}

func (w *workbook) fault(err error) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: err,
		Message: fmt.Sprintf("%s: the Excel workbook is damaged, encrypted or too large after row %d of sheet %q (%s); save the sheet as CSV", w.in.name, w.row, w.sheet, shorten(collapse(err.Error()), unreadText)),
	}
}

// Close removes temporary files.
func (w *workbook) Close() error {
	var errs []error
	if w.rows != nil {
		errs = append(errs, w.rows.Close())
	}
	if w.book != nil {
		errs = append(errs, w.book.Close())
	}
	return errors.Join(append(errs, w.spool.Close())...)
}
