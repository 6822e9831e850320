package sentfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "akin.secrets"+Suffix)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	open := func() *File {
		t.Helper()
		f, err := Open(path, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	f := open()
	must(f.Note(1, 1, []uint64{10, 11}))
	must(f.Note(2, 1, []uint64{20}))
	must(f.Void(2, 1, []uint64{20}))
	must(f.Note(3, 1, nil))
	must(f.Note(3, 2, []uint64{30}))
	must(f.Void(3, 1, nil)) // of an attempt that is not the last
	check := func(f *File) {
		t.Helper()
		if f.Attempt(1) != 1 || f.Attempt(2) != 0 || f.Attempt(3) != 2 || f.Attempt(4) != 0 {
			t.Errorf("attempts %d %d %d %d", f.Attempt(1), f.Attempt(2), f.Attempt(3), f.Attempt(4))
		}
		if !f.Sent(10) || !f.Sent(11) || f.Sent(20) || !f.Sent(30) {
			t.Error("papers are others than were noted")
		}
	}
	check(f)
	must(f.Close())
	if f.Note(9, 1, nil) == nil {
		t.Error("a closed file took a note")
	}
	check(open())

	// A power cut tore the last line, and somebody broke another.
	raw, err := os.ReadFile(path)
	must(err)
	must(os.WriteFile(path, append(raw, "20513 + 0000000000000004 1 00"...), 0o600))
	check(open())
	must(os.WriteFile(path, []byte(strings.Replace(string(raw), "0000000000000001 1", "0000000000000005 1", 1)), 0o600))
	if f := open(); f.Attempt(5) != 0 || f.Attempt(1) != 0 || f.Attempt(3) != 2 {
		t.Error("a line with a wrong sum was believed")
	}
	// What is old is forgotten.
	now = now.Add(Kept - 24*time.Hour)
	f = open()
	if f.Attempt(3) != 2 {
		t.Error("forgotten too early")
	}
	must(f.Note(6, 1, nil))
	now = now.Add(3 * 24 * time.Hour)
	if f = open(); f.Attempt(3) != 0 || f.Sent(30) || f.Attempt(6) != 1 {
		t.Error("what is old is not forgotten, or what is not is")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	must(os.WriteFile(path, []byte("something else altogether\n"), 0o600))
	if _, err := Open(path, nil); err == nil {
		t.Error("another file was taken")
	}
}

// A file does not grow for ever.
func TestGrowth(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s"+Suffix)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f, err := Open(path, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	many := make([]uint64, 2_000)
	for i := range many {
		many[i] = uint64(i)
	}
	for i := range 300 { // of 34 kB
		now = now.Add(24 * time.Hour)
		if err := f.Note(uint64(i), 1, many); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > 5<<20 || f.Attempt(299) != 1 || f.Attempt(1) != 0 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
}
