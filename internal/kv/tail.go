package kv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// fault is what is wrong with the files of a database that was closed, or was
// killed: something acknowledged that is not there.
type fault struct {
	file string // within the data directory
	why  string
	// log is the damaged log, with the size of its readable beginning; no log
	// if the damage is elsewhere.
	log markedFile
	// mark is what was acknowledged; nil if it is the mark that is damaged.
	mark *mark
}

// checkTail looks whether the logs and the manifest in use that the mark names
// are there and can be read to the byte: Pebble itself takes one that breaks
// off for one that a power cut tore, and goes on without the rest. It reads
// them once and writes nothing.
func checkTail(fs vfs.FS, dir string, m *mark) (*fault, error) {
	desc, err := pebble.Peek(dir, fs)
	if err != nil {
		return nil, fmt.Errorf("kv: look at %s: %w", dir, err)
	}
	current, ok := parseMarked(fs.PathBase(desc.ManifestFilename))
	if !desc.Exists || !ok {
		return &fault{file: storeDir + "/marker.manifest.*", why: "is missing", mark: m}, nil
	}
	known := false
	for _, f := range m.files {
		if f.kind == manifestFile && f.number != current.number {
			continue // one that Pebble is done with, or did not come to use
		}
		known = known || f.kind == manifestFile
		good, why, err := checkFile(fs, fs.PathJoin(dir, f.name()), f, m.clean)
		if err != nil {
			return nil, err
		}
		if why != "" {
			at := &fault{file: storeDir + "/" + f.name(), why: why, mark: m}
			if f.kind == logFile {
				at.log = markedFile{kind: logFile, number: f.number, size: good}
			}
			return at, nil
		}
	}
	if known {
		return nil, nil //nolint:nilnil // no fault
	}
	return &fault{
		file: storeDir + "/" + current.name(), mark: m,
		why: "is in use, but is not of the time of the high-water mark: files of different copies were mixed",
	}, nil
}

// checkFile reads a log or manifest as far as it was synced. why is empty if
// all is well; good is where the readable beginning of the file ends.
func checkFile(fs vfs.FS, path string, f markedFile, exact bool) (good int64, why string, err error) {
	file, err := fs.Open(path, vfs.SequentialReadsOption)
	if errors.Is(err, os.ErrNotExist) {
		return 0, "is missing", nil
	}
	if err != nil {
		return 0, "", fmt.Errorf("kv: open %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return 0, "", fmt.Errorf("kv: stat %s: %w", path, err)
	}
	if info.IsDir() {
		return 0, "is a directory", nil
	}
	good, scanErr := scanRecords(io.NewSectionReader(file, 0, f.size), f)
	switch size := info.Size(); {
	case size < f.size:
		return good, fmt.Sprintf("has %d bytes; %d were written", size, f.size), nil
	case scanErr != nil:
		return good, fmt.Sprintf("cannot be read from byte %d on, of the %d that were written: %s", good, f.size, firstLine(scanErr)), nil
	case exact && size > f.size:
		return good, fmt.Sprintf("has %d bytes; only %d were written", size, f.size), nil
	}
	return good, "", nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// trailerBytes is the length of what Pebble puts at the end of a log that it
// closes: the head of a chunk of the following log.
const trailerBytes = 11

// scanRecords reads records up to the end and returns where the last that could
// be read ends.
func scanRecords(r *io.SectionReader, f markedFile) (good int64, err error) {
	number := f.number
	if f.kind == manifestFile {
		number = 0 // its records have none
	}
	rr := recordReader(record.NewReader, r, number)
	for {
		chunk, err := rr.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, chunk)
			if err == nil {
				good = rr.Offset()
				continue
			}
		}
		if !errors.Is(err, io.EOF) {
			return good, err
		}
		// What looks like the trailer ends the reading, too.
		rest := r.Size() - rr.Offset()
		if rest == 0 || rest == trailerBytes {
			return good, nil
		}
		if padded, err := isPadding(r, rest); err != nil || padded {
			return good, err
		}
		return good, fmt.Errorf("it ends %d bytes early", rest)
	}
}

const (
	// blockBytes is the length of the blocks that Pebble writes records in.
	blockBytes = 32 << 10
	// headBytes is the length of the longest head of a chunk: where a block has no room for
	// one, Pebble fills it with zeros.
	headBytes = 19
)

// isPadding says whether the last bytes of a file are what fills a block up.
func isPadding(r *io.SectionReader, rest int64) (bool, error) {
	if rest >= headBytes || r.Size()%blockBytes != 0 {
		return false, nil
	}
	last := make([]byte, rest)
	if _, err := r.ReadAt(last, r.Size()-rest); err != nil {
		return false, err
	}
	return !bytes.ContainsFunc(last, func(c rune) bool { return c != 0 }), nil
}

// recordReader calls record.NewReader, the type of whose number has no name
// outside of Pebble.
func recordReader[N ~uint64](newReader func(io.Reader, N) *record.Reader, r io.Reader, number uint64) *record.Reader {
	return newReader(r, N(number))
}

// salvageFS shows a Pebble directory as if the damaged log ended where it can
// be read, and those after it were not there, so that what Pebble recovers is
// a state that there was. It refuses to write.
type salvageFS struct {
	vfs.FS
	log markedFile // kind 0 for none
}

func (fs salvageFS) hidden(name string) bool {
	f, ok := parseMarked(fs.PathBase(name))
	return ok && fs.log.kind == logFile && f.kind == logFile && f.number > fs.log.number
}

func (fs salvageFS) List(dir string) ([]string, error) {
	names, err := fs.FS.List(dir)
	kept := names[:0]
	for _, name := range names {
		if !fs.hidden(name) {
			kept = append(kept, name)
		}
	}
	return kept, err
}

func (fs salvageFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	file, err := fs.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	f, ok := parseMarked(fs.PathBase(name))
	if ok && fs.log.kind == logFile && f.kind == logFile && f.number == fs.log.number {
		return &cutFile{File: file, rest: fs.log.size}, nil
	}
	return file, nil
}

// cutFile reads the beginning of a file.
type cutFile struct {
	vfs.File
	rest int64
}

func (f *cutFile) Read(p []byte) (int, error) {
	if f.rest == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	n, err := f.File.Read(p[:min(int64(len(p)), f.rest)])
	f.rest -= int64(n)
	return n, err
}

// Lock does nothing: the data directory has a lock of its own.
func (salvageFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }
