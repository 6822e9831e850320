package job_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"akin/internal/ingest"
	"akin/internal/job"
	"akin/internal/pending"
	"akin/internal/vecfile"
)

// A disk that is full at any point of a run is an error that says so, and once
// there is room the same run goes on and writes what it should.
func TestDiskFull(t *testing.T) {
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(mount, 0) })
	input := filepath.Join(t.TempDir(), "papers.jsonl")
	corpus(t, input)
	wholeDir := t.TempDir()
	if _, err := run(t.Context(), t, wholeDir, input, new(fake), job.Shard{}); err != nil {
		t.Fatal(err)
	}
	out, failed := filepath.Join(mount, "out"), 0
	for _, size := range []string{"64k", "300k", "540k", "600k", "700k", "800k", "1200k", "2000k", "3000k"} {
		if err := syscall.Mount("", mount, "", syscall.MS_REMOUNT, "size="+size); err != nil {
			t.Fatal(err)
		}
		err := attempt(t, out, input)
		if err == nil {
			break
		}
		failed++
		if !pending.IsFull(err) || !strings.Contains(err.Error(), "no space left on device") {
			t.Fatalf("with %s: %v", size, err)
		}
		if left := files(t, out); len(left) > 0 {
			t.Errorf("with %s, half a run left %d files", size, len(left))
		}
	}
	if failed < 3 {
		t.Errorf("the disk was full only %d times", failed)
	}
	if err := syscall.Mount("", mount, "", syscall.MS_REMOUNT, "size=40m"); err != nil {
		t.Fatal(err)
	}
	if err := attempt(t, out, input); err != nil {
		t.Fatal(err)
	}
	same(t, files(t, out), files(t, wholeDir))
}

// attempt is a run whose every step may fail.
func attempt(t *testing.T, dir, input string) (err error) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	cache, err := job.OpenCache(filepath.Join(dir, "cache"), "0123456789abcdef", dim)
	if err != nil {
		return err
	}
	defer cache.Close()
	out, err := vecfile.Create(vecfile.Options{Dir: dir, Name: "embeddings", Formats: vecfile.Formats(), Dimension: dim})
	if err != nil {
		return err
	}
	defer out.Abandon()
	q := ingest.NewQuarantine(filepath.Join(dir, "quarantine.jsonl"))
	defer q.Close()
	if _, err := job.Run(t.Context(), job.Config{Inputs: []string{input}, Cache: cache, Embedder: new(fake), Output: out, Quarantine: q}); err != nil {
		return err
	}
	if err := q.Close(); err != nil {
		return err
	}
	_, err = out.Commit()
	if err != nil {
		os.Remove(q.Path()) // as akin embed removes it with the next run
	}
	return err
}
