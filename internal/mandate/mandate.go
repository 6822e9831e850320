// Package mandate says which of several servers over one cluster writes to it: a mark in
// a file that they share. The mark has an epoch, which grows with each server that begins
// to write, so that one that was replaced sees it, however long it was held up.
//
// # Concurrency
//
// All functions may be called from any goroutine and any process: who changes the mark
// holds a lock on the file beside it (FILE.lock), and who reads it finds it whole.
//
// # Caveats
//
// The file must be on a file system that all servers see, and that has locks; what a
// machine keeps in a cache of its own is seen late by others. Who looks at the mark and
// then writes elsewhere may be held up in between: the mark cannot call that write back.
package mandate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"akin/internal/paper"
	"akin/internal/pending"
	"akin/internal/pending/alone"
)

// Reasons of errors.
const (
	// ReasonReplaced says that another server is the writer now.
	ReasonReplaced = "WRITER_REPLACED"
	// ReasonUnreadable says that nobody knows who is.
	ReasonUnreadable = "WRITER_FILE_UNREADABLE"
)

const (
	format = "akin.writer.v1"
	// maxFile bounds the file, in bytes.
	maxFile = 4 << 10
)

// Mark says who writes.
type Mark struct {
	Format string `json:"format"`
	// Epoch grows with each change of who writes.
	Epoch uint64 `json:"epoch"`
	// Writer is the name of the server that writes, or is to; Address is where it
	// answers, "" as long as it has not begun.
	Writer  string `json:"writer"`
	Address string `json:"address,omitempty"`
	// Since is when the mark last changed hands.
	Since time.Time `json:"since"`
	// Acting is the epoch of the last process that began to write, Ended the last one of
	// which it is known that it writes no more.
	Acting uint64 `json:"acting,omitempty"`
	Ended  uint64 `json:"ended,omitempty"`
}

// String names the writer, and where it answers.
func (m Mark) String() string {
	if m.Address == "" {
		return m.Writer
	}
	return m.Writer + " at " + m.Address
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckName says what is wrong with the name of a server.
func CheckName(name string) error {
	if plainName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%.80q is no name of a server; write 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-', beginning with a letter or a digit", name)
}

// Read gives the mark; nil if nobody ever wrote.
func Read(path string) (*Mark, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // that nobody wrote yet is no error
	}
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, unreadable(path, err)
	}
	var m Mark
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, unreadable(path, err)
	}
	if m.Format != format || m.Epoch == 0 || CheckName(m.Writer) != nil {
		return nil, unreadable(path, fmt.Errorf("it is of the format %.40q, and %q is read", m.Format, format))
	}
	return &m, nil
}

func unreadable(path string, err error) error {
	return &paper.Error{
		Kind: paper.Unavailable, Reason: ReasonUnreadable, RetryAfter: time.Second, Cause: err,
		Message: fmt.Sprintf("the file %s, which says what server writes, cannot be read (%v); nothing is written until it can. "+
			"If it is lost, remove it, see that one server alone runs as the writer, and start that one anew", filepath.Base(path), err),
	}
}

// Begin makes a process the writer, if nobody is yet or the mark names its server, with an
// epoch greater than all before and than least. began says whether it is. prior is the
// epoch of the process that wrote before and may still do so; 0 if there is none.
func Begin(path, writer, address string, least uint64, now time.Time) (m Mark, began bool, prior uint64, err error) {
	err = change(path, func(old *Mark) *Mark {
		if old != nil && old.Writer != writer {
			m = *old
			return nil
		}
		next := &Mark{Format: format, Writer: writer, Address: address, Since: now}
		if old != nil {
			*next, next.Address = *old, address
			if old.Acting > old.Ended {
				prior = old.Acting
			}
		}
		next.Epoch = max(next.Epoch, least) + 1
		next.Acting = next.Epoch
		m, began = *next, true
		return next
	})
	return m, began && err == nil, prior, err
}

// Pass gives the writing to the server of a name, with an epoch greater than all before.
// It gives nil for the mark before where nobody wrote. A server that writes already goes
// on.
func Pass(path, to string, now time.Time) (before *Mark, after Mark, err error) {
	if err := CheckName(to); err != nil {
		return nil, Mark{}, paper.InvalidField("writer", "%v", err)
	}
	err = change(path, func(old *Mark) *Mark {
		before = old
		if old != nil && old.Writer == to {
			after = *old
			return nil
		}
		next := Mark{Format: format, Writer: to, Since: now, Epoch: 1}
		if old != nil {
			next.Epoch, next.Acting, next.Ended = old.Epoch+1, old.Acting, old.Ended
		}
		after = next
		return &next
	})
	return before, after, err
}

// End says that the process of an epoch writes no more.
func End(path string, epoch uint64) error {
	return change(path, func(old *Mark) *Mark {
		if old == nil || old.Ended >= epoch {
			return nil
		}
		next := *old
		next.Ended = epoch
		return &next
	})
}

// Check says whether the process of an epoch is the writer.
func Check(path string, epoch uint64) error {
	m, err := Read(path)
	switch {
	case err != nil:
		return err
	case m == nil:
		return unreadable(path, fs.ErrNotExist)
	case m.Epoch != epoch:
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonReplaced, Metadata: map[string]string{"writer": m.String()},
			Message: fmt.Sprintf("this server is not the writer any more: %s is, since %s; send changes there", *m, m.Since.UTC().Format(time.RFC3339)),
		}
	}
	return nil
}

// change replaces the mark with what f makes of it, nil leaving it as it is, while nobody
// else changes it.
func change(path string, f func(old *Mark) *Mark) error {
	began := false
	err := alone.Do(path+".lock", 0o600, func() error {
		began = true
		return changeAlone(path, f)
	})
	if err != nil && !began {
		return unreadable(path, err)
	}
	return err
}

func changeAlone(path string, f func(old *Mark) *Mark) error {
	old, err := Read(path)
	if err != nil {
		return err
	}
	next := f(old)
	if next == nil {
		return nil
	}
	raw, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("mark who writes: %w", err)
	}
	if err := pending.WriteFile(path, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("mark who writes: %w", err)
	}
	return nil
}
