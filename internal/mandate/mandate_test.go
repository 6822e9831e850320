package mandate_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"akin/internal/mandate"
	"akin/internal/paper"
)

func reason(err error) string {
	var e *paper.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return fmt.Sprint(err)
}

func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// The life of a mark: the first server takes it, another one waits, is given it, and the
// first sees that.
func TestTakeover(t *testing.T) {
	path := filepath.Join(t.TempDir(), "writer")
	if m, err := mandate.Read(path); m != nil || err != nil {
		t.Fatalf("%v, %v", m, err)
	}
	a, began, prior, err := mandate.Begin(path, "a", "host:1", 7, at(1))
	if err != nil || !began || prior != 0 || a.Epoch != 8 {
		t.Fatalf("%+v, %v, %d, %v", a, began, prior, err)
	}
	seen, began, _, err := mandate.Begin(path, "b", "host:2", 0, at(2))
	if err != nil || began || seen.Writer != "a" || seen.String() != "a at host:1" {
		t.Fatalf("%+v, %v, %v", seen, began, err)
	}
	if err := mandate.Check(path, a.Epoch); err != nil {
		t.Fatal(err)
	}
	before, after, err := mandate.Pass(path, "b", at(3))
	if err != nil || before.Writer != "a" || after.Writer != "b" || after.Epoch != 9 || !after.Since.Equal(at(3)) {
		t.Fatalf("%+v, %+v, %v", before, after, err)
	}
	if err := mandate.Check(path, a.Epoch); reason(err) != mandate.ReasonReplaced {
		t.Errorf("the first goes on: %v", err)
	}
	if _, again, err := mandate.Pass(path, "b", at(4)); err != nil || again != after {
		t.Errorf("passed twice: %+v, %v", again, err)
	}
	b, began, prior, err := mandate.Begin(path, "b", "host:2", 0, at(5))
	if err != nil || !began || prior != a.Epoch || b.Epoch != 10 {
		t.Fatalf("%+v, %v, %d, %v", b, began, prior, err)
	}
	// The first ends late; the second is not touched, and who begins next need not wait for it.
	if err := mandate.End(path, a.Epoch); err != nil {
		t.Fatal(err)
	}
	if err := mandate.Check(path, b.Epoch); err != nil {
		t.Error(err)
	}
	if err := mandate.End(path, b.Epoch); err != nil {
		t.Fatal(err)
	}
	if _, began, prior, err = mandate.Begin(path, "b", "host:2", 0, at(6)); err != nil || !began || prior != 0 {
		t.Errorf("%v, %d, %v", began, prior, err)
	}
	if err := mandate.Check(path, b.Epoch); reason(err) != mandate.ReasonReplaced {
		t.Errorf("a process of the same name goes on: %v", err)
	}
}

// Of servers that begin at the same time, one does.
func TestRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "writer")
	var wait sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 16 {
		wait.Go(func() {
			_, began, _, err := mandate.Begin(path, fmt.Sprint("s", i), "", 0, at(1))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if began {
				won++
			}
		})
	}
	wait.Wait()
	if won != 1 {
		t.Errorf("%d servers write", won)
	}
}

// A file that says nothing is no mark, and nothing is written by it.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "writer")
	if reason(mandate.Check(path, 1)) != mandate.ReasonUnreadable {
		t.Error("a mark that is gone lets write")
	}
	for _, text := range []string{
		"", "{", "{}", `{"format":"akin.writer.v2","epoch":1,"writer":"a"}`, `{"format":"akin.writer.v1","writer":"a"}`,
		`{"format":"akin.writer.v1","epoch":1,"writer":"../a"}`, string(make([]byte, 1<<20)),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := mandate.Check(path, 1); reason(err) != mandate.ReasonUnreadable {
			t.Errorf("%.60q: %v", text, err)
		}
		if _, _, _, err := mandate.Begin(path, "a", "", 0, at(1)); reason(err) != mandate.ReasonUnreadable {
			t.Errorf("%.60q is replaced: %v", text, err)
		}
	}
	if err := mandate.Check(t.TempDir(), 1); reason(err) != mandate.ReasonUnreadable {
		t.Errorf("a directory: %v", err)
	}
	for _, name := range []string{"", "a b", "-a", "ä", "a/b", string(make([]byte, 65))} {
		if _, _, err := mandate.Pass(path, name, at(1)); paper.KindOf(err) != paper.Invalid {
			t.Errorf("%q is a name: %v", name, err)
		}
	}
}
