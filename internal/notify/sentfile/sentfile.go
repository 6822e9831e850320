// Package sentfile remembers which mails went out, in a file that no snapshot has. A data
// directory that was restored from a backup does not know of the mails that went out since
// the backup; this file does.
//
// A File is safe for concurrent use; each note is on disk when the call returns.
//
// Caveats: it has numbers that whoever notes makes with a secret, so that nobody else
// learns from it who was sent what. Notes are kept for Kept; a backup that is older may
// send again what came since. A line that a power cut tore is left out. The file is
// described in docs/format/sent.md.
package sentfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"akin/internal/pending"
)

const (
	// Suffix is that of the file's name, beside the secret file's.
	Suffix = ".sent"
	// Kept is how long a note is kept.
	Kept = 45 * 24 * time.Hour

	magic = "akin-sent 1\n"
	// tidyBytes is from which length on a file is written anew when it has doubled.
	tidyBytes = 1 << 20
	maxLine   = 1 << 16
	daySecs   = 24 * 60 * 60
)

// File is the notes. The zero value is not usable.
type File struct {
	path string
	now  func() time.Time

	mu     sync.Mutex // guards what follows
	file   *os.File
	size   int64 // of the file; tidied is what it was when it was last written anew
	tidied int64
	issues map[uint64]int
	papers map[uint64]bool
}

// Open opens a file, or makes it, and forgets what is old. now is the clock; nil means
// time.Now. Close it.
func Open(path string, now func() time.Time) (*File, error) {
	if now == nil {
		now = time.Now
	}
	f := &File{path: path, now: now}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f, f.tidy()
}

// Close closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}

// Attempt gives the last attempt of an issue that was noted and not voided; 0 for none.
func (f *File) Attempt(issue uint64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.issues[issue]
}

// Sent says whether a paper was noted, and not voided.
func (f *File) Sent(paper uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.papers[paper]
}

// Note notes an attempt to send an issue with papers.
func (f *File) Note(issue uint64, attempt int, papers []uint64) error {
	return f.append(note{true, issue, attempt, papers})
}

// Void takes back a note: nothing of the mail was delivered.
func (f *File) Void(issue uint64, attempt int, papers []uint64) error {
	return f.append(note{false, issue, attempt, papers})
}

// note is one line.
type note struct {
	sent    bool
	issue   uint64
	attempt int
	papers  []uint64
}

func (n *note) line(day int64) string {
	var b strings.Builder
	sign := "-"
	if n.sent {
		sign = "+"
	}
	fmt.Fprintf(&b, "%d %s %016x %d", day, sign, n.issue, n.attempt)
	for _, p := range n.papers {
		fmt.Fprintf(&b, " %016x", p)
	}
	return fmt.Sprintf("%s %08x\n", b.String(), crc32.Checksum([]byte(b.String()), crc32.MakeTable(crc32.Castagnoli)))
}

// parse reads a line without its end; false if it is not whole.
func parse(line string) (n note, day int64, ok bool) {
	text, sum, ok := cutLast(line)
	want, err := strconv.ParseUint(sum, 16, 32)
	if !ok || err != nil || uint32(want) != crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)) {
		return n, 0, false
	}
	words := strings.Fields(text)
	const head = 4
	if len(words) < head {
		return n, 0, false
	}
	var faults [3]error
	day, faults[0] = strconv.ParseInt(words[0], 10, 64)
	n.sent = words[1] == "+"
	n.issue, faults[1] = strconv.ParseUint(words[2], 16, 64)
	n.attempt, faults[2] = strconv.Atoi(words[3])
	for _, w := range words[head:] {
		p, err := strconv.ParseUint(w, 16, 64)
		if err != nil {
			return n, 0, false
		}
		n.papers = append(n.papers, p)
	}
	return n, day, errors.Join(faults[:]...) == nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// take takes a note over. The caller holds the lock.
func (f *File) take(n *note) {
	switch {
	case n.sent:
		f.issues[n.issue] = n.attempt
	case f.issues[n.issue] == n.attempt:
		delete(f.issues, n.issue)
	}
	for _, p := range n.papers {
		if n.sent {
			f.papers[p] = true
		} else {
			delete(f.papers, p)
		}
	}
}

func (f *File) append(n note) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return fmt.Errorf("note what was sent in %s: %w", f.path, fs.ErrClosed)
	}
	if f.size > 2*max(f.tidied, tidyBytes) {
		if err := f.tidy(); err != nil {
			return err
		}
	}
	line := n.line(f.now().Unix() / daySecs)
	wrote, err := f.file.WriteString(line)
	f.size += int64(wrote)
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		if wrote > 0 && wrote < len(line) { // the next line begins a new one
			_, again := f.file.WriteString("\n")
			err = errors.Join(err, again)
		}
		return fmt.Errorf("note what was sent in %s: %w", f.path, err)
	}
	f.take(&n)
	return nil
}

// tidy reads the file, and writes it anew without what is old. The caller holds the lock.
func (f *File) tidy() error {
	f.issues, f.papers = map[uint64]int{}, map[uint64]bool{}
	raw, err := os.ReadFile(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read what was sent: %w", err)
	}
	if len(raw) > 0 && !bytes.HasPrefix(raw, []byte(magic)) && len(raw) >= len(magic) {
		return fmt.Errorf("the file %s is no list of mails that went out; move it away", f.path)
	}
	oldest := (f.now().Unix() - int64(Kept/time.Second)) / daySecs
	out := bytes.NewBufferString(magic)
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		n, day, ok := parse(lines.Text())
		if ok && day >= oldest {
			f.take(&n)
			out.WriteString(n.line(day))
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read what was sent in %s: %w", f.path, err)
	}
	if err := pending.WriteFile(f.path, out.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write what was sent: %w", err)
	}
	if f.file != nil {
		f.file.Close() // replaced; each of its lines was synced
	}
	f.size, f.tidied = int64(out.Len()), int64(out.Len())
	if f.file, err = os.OpenFile(f.path, os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return fmt.Errorf("open what was sent: %w", err)
	}
	return nil
}
