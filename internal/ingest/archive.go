package ingest

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode"

	"github.com/klauspost/compress/zstd"

	"akin/internal/paper"
)

const (
	zipMagic = "PK\x03\x04"
	// tarMagic stands at tarAt of a tar archive.
	tarMagic = "ustar"
	tarAt    = 257
	// maxNesting is how deep archives may lie within archives.
	maxNesting = 2
	// maxEntries is how many files an archive may have.
	maxEntries = 1_000_000
)

func looksLikeZip(h head) bool {
	return bytes.HasPrefix(h.text, []byte(zipMagic)) || bytes.HasPrefix(h.text, []byte("PK\x05\x06"))
}

func looksLikeTar(h head) bool {
	return len(h.text) > tarAt+len(tarMagic) && string(h.text[tarAt:tarAt+len(tarMagic)]) == tarMagic
}

// archive reads the files in a zip or tar archive, each as if it stood alone. The
// names of entries are only shown, never used as paths; links are refused.
type archive struct {
	in    input
	spool *columnar
	// advance gives the next entry; io.EOF after the last.
	advance func() (entry, error)
	reader  *Reader // of the current entry
	open    io.Closer
	count   int
}

// entry is one file of an archive.
type entry struct {
	name string
	// open gives its content; refused says why it is not read instead.
	open    func() (io.Reader, error)
	refused string
}

func newZip(in input) rows { return &archive{in: in, spool: &columnar{in: in, what: "zip"}} }

func newTar(in input) rows {
	a := &archive{in: in}
	a.advance = a.tarEntries(tar.NewReader(in.lines.src))
	return a
}

// holdsNothing implements hollow.
func (a *archive) holdsNothing() bool { return a.count == 0 }

func (a *archive) next(ctx context.Context) (Row, error) {
	if a.advance == nil {
		if err := a.openZip(ctx); err != nil {
			return Row{}, err
		}
	}
	for {
		if a.reader == nil {
			if err := a.turn(); err != nil {
				return Row{}, err
			}
		}
		row, err := a.reader.Next(ctx)
		var bad *RejectedError
		switch {
		case err == nil, errors.As(err, &bad), paper.Canceled(err):
			return row, err
		}
		name := a.reader.name
		closing := a.reader.Close()
		a.reader = nil
		if closing != nil {
			return Row{}, closing
		}
		if !errors.Is(err, io.EOF) {
			return Row{}, refusal(name, strings.TrimPrefix(err.Error(), name+": "))
		}
	}
}

// refusal is the error for an entry that is not read; the others are.
func refusal(name, reason string) *RejectedError {
	return &RejectedError{Rejected{File: name, Reason: reason}}
}

// turn opens the next entry.
func (a *archive) turn() error {
	e, err := a.advance()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if err != nil {
		return a.damaged(err)
	}
	if a.count++; a.count > maxEntries {
		return &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonUnsupported,
			Message: fmt.Sprintf("%s: the archive has more than %d files; unpack it", a.in.name, maxEntries),
		}
	}
	name := a.in.name + ":" + entryName(e.name)
	if e.refused != "" {
		return refusal(name, e.refused)
	}
	src, err := e.open()
	if err != nil {
		return refusal(name, fmt.Sprintf("cannot be unpacked (%v)", err))
	}
	opt := a.in.opt
	if opt.depth++; opt.depth > maxNesting+1 {
		return refusal(name, fmt.Sprintf("lies in archives within archives; the limit is %d; unpack the outer one", maxNesting))
	}
	a.reader, err = newReader(name, src, opt, nil)
	if err != nil {
		return refusal(name, strings.TrimPrefix(err.Error(), name+": "))
	}
	return nil
}

// entryName makes a name fit for a message.
func entryName(name string) string {
	return shorten(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, name), unreadText)
}

// passedOver says that a file of an archive is not one that somebody put there to be
// read, as in folders.
func passedOver(name string) bool {
	for part := range strings.SplitSeq(strings.ReplaceAll(name, `\`, "/"), "/") {
		if strings.HasPrefix(part, ".") && part != "." && part != ".." || part == "__MACOSX" {
			return true
		}
	}
	return false
}

// tarEntries gives the files of a tar archive.
func (a *archive) tarEntries(t *tar.Reader) func() (entry, error) {
	return func() (entry, error) {
		for {
			h, err := t.Next()
			if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
				return entry{}, err
			}
			e := entry{name: h.Name, open: func() (io.Reader, error) { return t, nil }}
			switch {
			case h.Typeflag == tar.TypeDir, h.Typeflag == tar.TypeXGlobalHeader, passedOver(h.Name):
				continue
			case h.Typeflag != tar.TypeReg:
				e.refused = "is a link or a device; only files of archives are read"
			}
			return e, nil
		}
	}
}

// openZip finds the files of a zip archive, whose table is at its end.
func (a *archive) openZip(ctx context.Context) error {
	f := a.in.file
	if f == nil {
		if err := a.spool.copy(ctx); err != nil {
			return err
		}
		f = a.spool.spool
	}
	z, err := zip.NewReader(f, sizeOf(f))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return a.damaged(err)
	}
	z.RegisterDecompressor(93, func(src io.Reader) io.ReadCloser {
		d, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return io.NopCloser(noDecoder{err})
		}
		return d.IOReadCloser()
	})
	if what := document(z); what != "" {
		return &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonUnsupported, Cause: ErrUnknownFormat,
			Message: fmt.Sprintf("%s: format not recognised: it is %s", a.in.name, what),
		}
	}
	a.advance = a.zipEntries(z)
	return nil
}

// document says what a zip archive is that is no archive of files to its owner.
func document(z *zip.Reader) string {
	for _, f := range z.File {
		switch f.Name {
		case "word/document.xml":
			return "a Word document, .docx (export BibTeX, RIS or CSV from the program that has the list)"
		case "ppt/presentation.xml":
			return "a presentation, .pptx (export BibTeX, RIS or CSV from the program that has the list)"
		case "xl/workbook.xml":
			return "an Excel workbook (say so with --format xlsx)"
		case "content.xml":
			return "an OpenDocument file, such as .ods (save the sheet as .xlsx or CSV)"
		case "META-INF/container.xml":
			return "an e-book, .epub (export BibTeX, RIS or CSV from the program that has the list)"
		}
	}
	return ""
}

type noDecoder struct{ err error }

// Read implements io.Reader.
func (n noDecoder) Read([]byte) (int, error) { return 0, n.err }

func (a *archive) zipEntries(z *zip.Reader) func() (entry, error) {
	at := 0
	return func() (entry, error) {
		for at < len(z.File) {
			f := z.File[at]
			at++
			if f.FileInfo().IsDir() || passedOver(f.Name) {
				continue
			}
			e := entry{name: f.Name, open: func() (io.Reader, error) { return a.unpack(f) }}
			switch {
			case f.Mode()&fs.ModeType != 0:
				e.refused = "is a link or a device; only files of archives are read"
			case f.Flags&1 != 0:
				e.refused = "is encrypted; unpack the archive with its password first"
			}
			return e, nil
		}
		return entry{}, io.EOF
	}
}

// unpack opens a file of a zip archive, whose expansion is bounded.
func (a *archive) unpack(f *zip.File) (io.Reader, error) {
	if a.open != nil {
		if err := a.open.Close(); err != nil {
			return nil, err
		}
		a.open = nil
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	a.open = r
	return &expansion{src: r, packed: func() int64 { return int64(f.CompressedSize64) }}, nil
}

func (a *archive) damaged(err error) error {
	if paper.Canceled(err) || isClassified(err) {
		return err
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: err,
		Message: fmt.Sprintf("%s: the archive is damaged or cut off after file %d (%v); fetch or pack it again", a.in.name, a.count, err),
	}
}

// Close removes temporary files.
func (a *archive) Close() error {
	var errs []error
	if a.reader != nil {
		errs = append(errs, a.reader.Close())
	}
	if a.open != nil {
		errs = append(errs, a.open.Close())
	}
	if a.spool != nil {
		errs = append(errs, a.spool.Close())
	}
	return errors.Join(errs...)
}

const (
	// expansionRatio is how many times its size packed data may become, once it is
	// more than expansionFree bytes. Papers become five to thirty times their size.
	expansionRatio = 300
	expansionFree  = 256 << 20
	// expansionTotal is how much one file may become.
	expansionTotal = 1 << 40
)

// expansion bounds what packed data becomes.
type expansion struct {
	src    io.Reader
	packed func() int64
	out    int64
}

// Read implements io.Reader.
func (e *expansion) Read(p []byte) (int, error) {
	n, err := e.src.Read(p)
	e.out += int64(n)
	if e.out > expansionTotal || e.out > expansionFree && e.out/expansionRatio > e.packed() {
		return 0, &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonUnsupported,
			Message: fmt.Sprintf("the packed data becomes more than %d times its size (%d bytes so far); unpack it yourself if it is to be trusted", expansionRatio, e.out),
		}
	}
	return n, err
}

// counted counts what is read.
type counted struct {
	src io.Reader
	n   int64
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded bounds the expansion of a decoder that reads from c.
func bounded(d io.Reader, c *counted) *bufio.Reader {
	return bufio.NewReaderSize(&expansion{src: d, packed: func() int64 { return c.n }}, headBytes)
}

// standardInput is the path that stands for it.
const standardInput = "-"

// openPath opens a file, or standard input.
func openPath(path string, stdin io.Reader) (io.Reader, *os.File, error) {
	if path == standardInput {
		if stdin == nil {
			stdin = os.Stdin
		}
		return stdin, nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, pathError(path, err)
	}
	return f, f, nil
}
