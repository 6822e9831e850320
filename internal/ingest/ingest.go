package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"akin/internal/paper"
)

// MaxLineBytes is the longest line that is read. A longer one is rejected with
// its line number, and reading goes on after it.
const MaxLineBytes = 16 << 20

// headBytes is how much of a file's beginning is looked at to guess its format.
const headBytes = 64 << 10

// Source is where a paper was found.
type Source struct {
	File string
	// Line counts from 1; for a paper of several lines it is the first.
	Line int
}

// Row is one paper and where it was found.
type Row struct {
	Paper  paper.Paper
	Source Source
	// Deleted says that the source took the paper back; then Paper has an ID
	// and nothing else.
	Deleted bool
	// Unread are the optional values that could not be read.
	Unread []Unread
	// Cleaned says that title or abstract had markup, which was taken out: what another
	// program made of the source's text is not of the paper's.
	Cleaned bool
}

// Rejected is a row that could not become a paper.
type Rejected struct {
	File string
	// Line counts from 1; for a row of several lines it is the first.
	Line int
	// Reason is a sentence for the person who mends the file.
	Reason string
	// Raw is the row as it stands in the file, without its line end; of a line
	// above MaxLineBytes only the beginning.
	Raw []byte
}

// RejectedError is the error for one bad row; reading may go on after it.
type RejectedError struct{ Rejected }

// Error gives file, line and reason.
func (e *RejectedError) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}

// Rejection makes an entry for a quarantine of an error of a reader: of one bad
// row, or of a file that cannot be read (on).
func Rejection(err error) Rejected {
	var bad *RejectedError
	if errors.As(err, &bad) {
		return bad.Rejected
	}
	file, _, _ := strings.Cut(err.Error(), ": ")
	return Rejected{File: file, Reason: err.Error()}
}

// Options say what a file does not say itself. The zero value is useful.
type Options struct {
	// Year is the year of the first date heading of a listing that names none;
	// 0 means that it is not known: then dates stay without, and whoever keeps the
	// papers takes the nearest past ones. Further headings follow from it: what lies
	// across a turn of the year gets the year before or after.
	Year int
	// Format is one of Formats, or "" to guess it from the content.
	Format string
	// Map says for fields of a paper which column holds them, for example
	// "abstract" -> "summary", in formats whose columns are for the file to
	// name (JSON Lines, CSV, TSV, Parquet). A column of the field's own name
	// then counts as any unknown one.
	Map map[string]string
	// Encoding is that of all text, by one of the names that the web or Python has
	// for it; "" to guess it.
	Encoding string
	// Delimiter stands between the cells of CSV; 0 to guess it.
	Delimiter rune
	// Columns are the names of the columns of CSV and TSV that have no line of
	// names.
	Columns []string
	// Meter, if it is not nil, learns how many bytes of the files were read.
	Meter *Meter
	// Notes, if it is not nil, learns what could not be read of rows that were
	// read, and what had to be guessed.
	Notes *Notes
	// Stdin is read for the path "-"; nil is the process's.
	Stdin io.Reader
	// Streams, if it is not nil, digests what can be read only once.
	Streams *Streams
	// depth counts the archives that a file lies in.
	depth int
}

// Validate says what is wrong with the options, all faults at once.
func (o Options) Validate() error {
	var faults []paper.Violation
	if o.Year < 0 || o.Year > 9999 {
		faults = append(faults, paper.Violation{
			Field: "year", Description: fmt.Sprintf("is %d; it must be 1 to 9999, or 0 for unknown", o.Year),
		})
	}
	if o.Format != "" && !slices.Contains(Formats(), o.Format) {
		faults = append(faults, paper.Violation{
			Field:       "format",
			Description: fmt.Sprintf("is %q; supported are %s", o.Format, strings.Join(Formats(), ", ")),
		})
	}
	if o.Encoding != "" {
		if _, err := encodingNamed(o.Encoding); err != nil {
			faults = append(faults, paper.Violation{Field: "encoding", Description: err.Error()})
		}
	}
	if d := o.Delimiter; d == '"' || d == '\r' || d == '\n' || d == utf8.RuneError || d >= utf8.RuneSelf {
		faults = append(faults, paper.Violation{
			Field:       "delimiter",
			Description: fmt.Sprintf("is %q; it must be one ASCII character that is no quote and no line end", d),
		})
	}
	faults = append(faults, mapFaults(o.Map)...)
	if len(faults) == 0 {
		return nil
	}
	return &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Message: "options are not valid", Violations: faults,
	}
}

// rows is what a format implements: next gives a row, a *RejectedError for one
// bad row, io.EOF at the end, a *paper.Error for what is wrong with the whole
// file, or what the lines below it returned. One that holds more than memory
// has a Close too.
type rows interface {
	next(ctx context.Context) (Row, error)
}

// Reader reads the papers of one file. Make one with Open or NewReader; it
// belongs to one goroutine.
type Reader struct {
	name   string
	notes  *Notes
	format string
	codec  codec
	lines  *lines
	rows   rows
	close  []io.Closer
	again  bool  // the file can be opened again
	some   bool  // a row or a rejected one was given
	err    error // the first error that was not about one row; final
}

// Open opens a file of papers; "-" is standard input. The caller closes the reader.
func Open(path string, opt Options) (*Reader, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	src, f, err := openPath(path, opt.Stdin)
	if err != nil {
		return nil, err
	}
	file := regular(f)
	if file == nil {
		src = opt.Streams.watch(path, src)
	}
	r, err := newReader(path, opt.Meter.watch(src), opt, file)
	if f == nil {
		return r, err
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.close = append(r.close, f)
	return r, nil
}

// NewReader reads papers from src; name stands for the file in rows and errors.
// Closing the reader does not close src.
func NewReader(name string, src io.Reader, opt Options) (*Reader, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	return newReader(name, src, opt, nil)
}

// regular gives f if it is a regular file, else nil.
func regular(f *os.File) *os.File {
	if f == nil {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return f
}

// newReader is NewReader after the options were checked; file is src where that
// is a regular file.
func newReader(name string, src io.Reader, opt Options, file *os.File) (*Reader, error) {
	r := &Reader{name: name, notes: opt.Notes, again: file != nil}
	plain, err := r.decompress(bufio.NewReaderSize(src, headBytes))
	if err != nil {
		return nil, err
	}
	if r.codec != codecNone {
		file = nil
	}
	in, f, err := r.recognise(plain, opt)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	in.file = file
	r.format = f.name
	r.lines = in.lines
	r.rows = f.open(in)
	if c, ok := r.rows.(io.Closer); ok {
		r.close = append(r.close, c)
	}
	return r, nil
}

// recognise finds the format of a file, and reads its text as UTF-8.
func (r *Reader) recognise(plain *bufio.Reader, opt Options) (input, format, error) {
	var none format
	if _, err := plain.Peek(1); err != nil && !errors.Is(err, io.EOF) {
		return input{}, none, r.readError(err)
	}
	mac := false
	if !binaryFormat(opt.Format) && (opt.Format != "" || !binaryHead(plain)) {
		plain, mac = r.text(plain, opt)
	}
	in := input{name: r.name, opt: opt}
	peek := func() {
		head, err := plain.Peek(headBytes) // an error other than io.EOF comes again
		in.head = newHead(head, errors.Is(err, io.EOF), opt)
	}
	peek()
	first := in.head
	if opt.Encoding == "" && !in.head.binary() && !namesItsEncoding(in.head.text) {
		// Whatever the format is but a listing, where a strange byte is damage.
		if f, ok := choose(opt.Format, in.head); !ok || f.name != "listing" {
			plain = bufio.NewReaderSize(&legacyText{src: plain, mac: mac, notice: func(encoding string) {
				opt.Notes.notice("%s: read as %s, for it is not UTF-8; --encoding names another", r.name, encoding)
			}}, headBytes)
			peek()
		}
	}
	f, ok := choose(opt.Format, in.head)
	if !ok {
		return in, none, unknownFormat(r.name, first)
	}
	in.lines = &lines{src: plain, max: MaxLineBytes}
	return in, f, nil
}

// text looks through what text may be wrapped in: the encoding that was named, or
// a wide one, and the line ends of old Macs.
func (r *Reader) text(src *bufio.Reader, opt Options) (_ *bufio.Reader, mac bool) {
	if opt.Encoding != "" {
		if e, err := encodingNamed(opt.Encoding); err == nil { // which was checked
			src = decoded(src, e)
		}
	} else {
		var wide string
		if src, wide = wideText(src); wide == "" && strayZeros(src) {
			src = bufio.NewReaderSize(withoutZeros{src}, headBytes)
		}
	}
	return oldMacLines(src)
}

// decompress looks through the compression of src, if there is any.
func (r *Reader) decompress(src *bufio.Reader) (*bufio.Reader, error) {
	r.codec = detectCodec(src)
	if r.codec == codecNone {
		return src, nil
	}
	c := &counted{src: src}
	d, err := r.codec.open(bufio.NewReaderSize(c, headBytes))
	if err != nil {
		return nil, r.readError(err)
	}
	r.close = append(r.close, d)
	return bounded(d, c), nil
}

// Format is the name of the file's format; "" for an empty file.
func (r *Reader) Format() string { return r.format }

// Next gives the next paper; a *RejectedError for one bad row, after which
// reading may go on; io.EOF at the end. Any other error is final.
func (r *Reader) Next(ctx context.Context) (Row, error) {
	if r.err != nil {
		return Row{}, r.err
	}
	row, err := r.rows.next(ctx)
	var rejected *RejectedError
	if err == nil || errors.As(err, &rejected) {
		r.some = true
	}
	switch {
	case err == nil:
		r.notes.addRow(&row)
		return row, nil
	case errors.As(err, &rejected):
		return row, err
	case errors.Is(err, io.EOF) && r.nothing():
		r.err = io.EOF
		return Row{}, &RejectedError{Rejected{
			File: r.name, Line: 1,
			Reason: fmt.Sprintf("it was read as %s, and no paper was found in it; say with --format what it is", r.format),
		}}
	case errors.Is(err, io.EOF):
		r.err = io.EOF
	case paper.Canceled(err), isClassified(err):
		r.err = err
	default:
		r.err = r.readError(err)
	}
	return Row{}, r.err
}

// hollow is a format in which a file may have no papers, and rightly so: it says
// whether this one is such a file.
type hollow interface{ holdsNothing() bool }

// nothing says that a file has ended of which nothing was taken, although there is
// something in it.
func (r *Reader) nothing() bool {
	if r.some || r.format == "" || r.format == "oai" || r.format == "atom" || r.format == "feed" {
		return false
	}
	h, ok := r.rows.(hollow)
	return !ok || !h.holdsNothing()
}

// isClassified says that a format found what is wrong with the file itself.
func isClassified(err error) bool {
	var classified *paper.Error
	return errors.As(err, &classified)
}

// Close releases what the reader holds; it may be called at any time, once.
func (r *Reader) Close() error {
	var err error
	for _, c := range r.close {
		err = errors.Join(err, c.Close())
	}
	r.close = nil
	return err
}

// readError says in which file, and where, reading failed. What goes wrong
// while decompressing is damage, unless the operating system reported it.
func (r *Reader) readError(err error) error {
	line := 0
	if r.lines != nil {
		line = r.lines.num
	}
	var system *fs.PathError
	if r.codec == codecNone || errors.As(err, &system) {
		return fmt.Errorf("read %s after line %d: %w", r.name, line, err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.ErrUnexpectedEOF
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: err,
		Message: fmt.Sprintf("%s: the %s data is damaged or cut off after line %d (%v); fetch or compress the file again",
			r.name, r.codec, line, err),
	}
}

// Papers iterates over the papers of files and folders, in the order of Walk.
// Beside papers it yields errors: a *RejectedError for one bad row, and any
// other error for a file that cannot be read further; whoever goes on ranging
// after that gets the next file. It ends after an error of Walk or of ctx.
// Files of Semantic Scholar come last: papers joined with their abstracts, in
// the order of their numbers, sorted in temporary files (TMPDIR).
func Papers(ctx context.Context, paths []string, opt Options) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		err := opt.Validate()
		var files []string
		if err == nil {
			files, err = Walk(paths)
		}
		if err != nil {
			yield(Row{}, err)
			return
		}
		j := &join{opt: opt, memory: spillBytes}
		defer j.close() //nolint:errcheck // only of files that were not read
		for _, file := range files {
			if !eachPaper(ctx, file, opt, j, yield) {
				return
			}
		}
		j.each(ctx, yield)
	}
}

// eachPaper yields the papers of one file, unless they must wait for other
// files, and says whether to go on with the next one.
func eachPaper(ctx context.Context, file string, opt Options, j *join, yield func(Row, error) bool) bool {
	r, err := Open(file, opt)
	if err != nil {
		return yield(Row{}, err)
	}
	held, err := j.hold(file, r)
	switch {
	case err != nil:
		return yield(Row{}, fmt.Errorf("close %s: %w", file, err))
	case held:
		return true
	default:
		return drain(ctx, r, yield)
	}
}

// drain yields what is left of a file, closes it, and says whether to go on.
func drain(ctx context.Context, r *Reader, yield func(Row, error) bool) (more bool) {
	defer func() {
		if err := r.Close(); err != nil && more {
			more = yield(Row{}, fmt.Errorf("close %s: %w", r.name, err))
		}
	}()
	for {
		row, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return true
		}
		if !yield(row, err) || paper.Canceled(err) {
			return false
		}
		if r.err != nil {
			return true
		}
	}
}
