package alone

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gofrs/flock"
)

// TestDo adds to a number in a file from many goroutines, none of which may be lost.
func TestDo(t *testing.T) {
	dir := t.TempDir()
	lock, file := filepath.Join(dir, "lock"), filepath.Join(dir, "number")
	if err := os.WriteFile(file, []byte("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				err := Do(lock, 0o600, func() error {
					raw, err := os.ReadFile(file)
					if err != nil {
						return err
					}
					n, err := strconv.Atoi(string(raw))
					if err != nil {
						return err
					}
					return os.WriteFile(file, []byte(strconv.Itoa(n+1)), 0o600)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if raw, err := os.ReadFile(file); err != nil || string(raw) != "40" {
		t.Errorf("40 additions give %s (%v)", raw, err)
	}
	if info, err := os.Stat(lock); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the lock file: %v, %v", info, err)
	}
}

// A process that holds a lock and is halted does not halt others for good.
func TestDoIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	synctest.Test(t, func(t *testing.T) {
		held := flock.New(path)
		if ok, err := held.TryLock(); err != nil || !ok {
			t.Fatal(ok, err)
		}
		err := Do(path, 0o600, func() error { t.Error("not alone"); return nil })
		if !errors.Is(err, ErrHeld) {
			t.Error(err)
		}
		if err := held.Unlock(); err != nil {
			t.Fatal(err)
		}
		want := errors.New("of what was done")
		if err := Do(path, 0o600, func() error { return want }); !errors.Is(err, want) || errors.Is(err, ErrHeld) {
			t.Error(err)
		}
	})
	if err := Do(filepath.Join(path, "below a file"), 0o600, func() error { t.Error("not locked"); return nil }); err == nil {
		t.Error("a lock that cannot be made is no error")
	}
}
