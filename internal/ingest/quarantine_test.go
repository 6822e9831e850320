package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestQuarantine(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "bad.jsonl")
	q := NewQuarantine(path)
	for _, r := range []Rejected{
		{File: "a.jsonl", Line: 3, Reason: "a <reason> & more", Raw: []byte("{\"x\":\n\"é\"}")},
		{File: "b.jsonl", Line: 9, Reason: "not UTF-8", Raw: []byte("caf\xe9")},
	} {
		if err := q.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file has its name before it is whole: %v", err)
	}
	if err := errors.Join(q.Close(), q.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"file":"a.jsonl","line":3,"reason":"a <reason> & more","row":"{\"x\":\n\"é\"}"}
{"file":"b.jsonl","line":9,"reason":"not UTF-8","row":"caf` + "\uFFFD" + `","row_base64":"Y2Fm6Q=="}
`
	if string(got) != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if q.Count() != 2 || q.Path() != path {
		t.Errorf("count %d, path %s", q.Count(), q.Path())
	}
	if err := q.Add(Rejected{}); err == nil {
		t.Error("a row was added after Close")
	}
	assertFiles(t, dir, 1)
}

// assertFiles fails unless the folder has n entries, hidden ones included.
func assertFiles(t *testing.T, dir string, n int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != n {
		t.Errorf("%d files in the folder (%v), want %d", len(entries), err, n)
	}
}

func TestQuarantineWithoutRows(t *testing.T) {
	dir := t.TempDir()
	q := NewQuarantine(filepath.Join(dir, "bad.jsonl"))
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	assertFiles(t, dir, 0)
}

func TestQuarantineParallel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.jsonl")
	q := NewQuarantine(path)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				if err := q.Add(Rejected{File: fmt.Sprint(i), Line: j, Raw: bytes.Repeat([]byte("r"), 100)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(content)) {
		if !json.Valid([]byte(line)) {
			t.Fatalf("line %d is torn", n+1)
		}
		n++
	}
	if n != 800 || q.Count() != 800 {
		t.Errorf("%d lines, count %d; want 800", n, q.Count())
	}
}

// breaking is a real temporary file of which one operation fails.
type breaking struct {
	pendingFile
	write, commit error
}

func (b breaking) Write(p []byte) (int, error) {
	if b.write != nil {
		return 0, b.write
	}
	return b.pendingFile.Write(p)
}

func (b breaking) Commit() error {
	if b.commit != nil {
		return b.commit
	}
	return b.pendingFile.Commit()
}

func TestQuarantineFails(t *testing.T) {
	full := errors.New("no space left on device")
	for name, broken := range map[string]breaking{"writing": {write: full}, "naming": {commit: full}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "bad.jsonl")
			q := NewQuarantine(path)
			q.create = func(path string) (pendingFile, error) {
				f, err := createPending(path)
				broken.pendingFile = f
				return broken, err
			}
			row := Rejected{File: "a", Line: 1, Raw: bytes.Repeat([]byte("r"), 3000)}
			var err error
			for range 3 { // beyond the buffer
				err = errors.Join(err, q.Add(row))
			}
			if name == "writing" && !errors.Is(err, full) {
				t.Errorf("Add: got %v", err)
			}
			if err := q.Close(); !errors.Is(err, full) || !strings.Contains(err.Error(), path) {
				t.Errorf("Close: got %v", err)
			}
			assertFiles(t, dir, 0)
		})
	}
	q := NewQuarantine(filepath.Join(t.TempDir(), "no", "such", "folder.jsonl"))
	if err := q.Add(Rejected{File: "a", Line: 1}); !os.IsNotExist(errors.Unwrap(err)) {
		t.Errorf("a folder that is missing: got %v", err)
	}
	if err := q.Close(); err == nil || q.Count() != 0 {
		t.Errorf("Close gave %v, count %d", err, q.Count())
	}
}
