package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// auditedIDs is how many ids of papers an event names.
	auditedIDs = 10
	// longestAudited bounds each text of an event, in bytes: callers write ids.
	longestAudited = 256
)

// Event is a line of the audit log: who did what to what, and what came of it. Texts
// of papers and secrets have no place in it.
type Event struct {
	Time    time.Time `json:"time"`
	Request string    `json:"request,omitempty"`
	// Owner, KeyID, Key and Address are the caller's.
	Owner   string `json:"owner,omitempty"`
	KeyID   string `json:"key_id,omitempty"`
	Key     string `json:"key,omitempty"`
	Address string `json:"address,omitempty"`
	// Action is the method, or key.create and the like.
	Action     string `json:"action"`
	Collection string `json:"collection,omitempty"`
	// Papers counts those that were named, and IDs has the first of them.
	Papers   int      `json:"papers,omitempty"`
	IDs      []string `json:"ids,omitempty"`
	Snapshot string   `json:"snapshot,omitempty"`
	// Operation is a long-running one that was cancelled or forgotten.
	Operation string `json:"operation,omitempty"`
	// Subject is the key that was made, revoked or rotated, its id and its name; or the
	// source that was changed or run.
	Subject string `json:"subject,omitempty"`
	// Result is a gRPC code, OK if all went well, and Reason says more.
	Result string `json:"result"`
	Reason string `json:"reason,omitempty"`
}

// By says who did it.
func (e *Event) By(c *Caller) {
	e.Owner, e.KeyID, e.Key, e.Address = c.Owner, c.KeyID, c.Key, c.Address
}

// Name counts papers, and takes down the first of their ids.
func (e *Event) Name(ids ...string) {
	e.Papers += len(ids)
	for _, id := range ids {
		if len(e.IDs) == auditedIDs {
			return
		}
		e.IDs = append(e.IDs, cut(id))
	}
}

func cut(text string) string { return text[:min(len(text), longestAudited)] }

// Audit appends events to a file. A nil Audit takes none. Each event is one write,
// so that several processes may append, and whoever rotates the file loses nothing.
type Audit struct {
	path   string
	when   func() bool
	log    *slog.Logger
	seldom rate.Sometimes

	mu   sync.Mutex // guards file
	file *os.File   // nil until the first event
}

// NewAudit makes a log over a file, which is made with its first event. It takes those
// that happen when a function says so; nil is always.
func NewAudit(path string, when func() bool, log *slog.Logger) *Audit {
	return &Audit{path: path, when: when, log: log, seldom: rate.Sometimes{First: 1, Interval: time.Minute}}
}

// Record appends an event. What cannot be written is said in the log, and does not
// undo what was done.
func (a *Audit) Record(e *Event) {
	if a == nil || a.when != nil && !a.when() {
		return
	}
	if err := a.Append(e); err != nil {
		a.seldom.Do(func() {
			a.log.Error("the audit log cannot be written: actions go on without it", "file", a.path, "error", err)
		})
	}
}

// Append is Record for those who can do something about an error.
func (a *Audit) Append(e *Event) error {
	e.Time = e.Time.UTC()
	e.Collection, e.Snapshot, e.Operation, e.Subject = cut(e.Collection), cut(e.Snapshot), cut(e.Operation), cut(e.Subject)
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		if a.file, err = openAudit(a.path); err != nil {
			a.file = nil
			return err
		}
	}
	if _, err := a.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

func openAudit(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return f, nil
}

// Reopen lets go of the file, so that the next event begins one where the other was
// moved away.
func (a *Audit) Reopen() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.file == nil {
		return nil
	}
	err := a.file.Close()
	a.file = nil
	return err
}

// Close ends the log.
func (a *Audit) Close() error { return a.Reopen() }

// errGone is what is wrong with a file that was there before.
var errGone = errors.New("it is gone")
