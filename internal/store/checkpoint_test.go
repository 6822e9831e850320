package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"akin/internal/kv"
	"akin/internal/paper"
)

// A checkpoint that is made while papers are written is one state of the store;
// restored, it is that state, and nothing newer is believed.
func TestCheckpointUnderWrites(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s := must(Open(filepath.Join(dir, "data"), testOptions()))(t)
	must(s.EnsureCollection(ctx, papers, testSpace()))(t)
	apply(t, s, upsert(testPaper("first", "first")))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				apply(t, s, upsert(testPaper(ids(1000)[i%1000], ids(1000)[i/1000])), upsert(testPaper("first", ids(1000)[i%1000])))
			}
		}
	})
	copied := filepath.Join(dir, "snapshots", "one")
	made := must(s.Checkpoint(ctx, copied, "v1"))(t)
	close(stop)
	wg.Wait()
	apply(t, s, upsert(testPaper("last", "last")))
	late := must(s.Snapshot(papers))(t).Point()
	if err := s.Holds(made.Point); err != nil {
		t.Errorf("the store does not know its copy: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	read := must(VerifyCheckpoint(ctx, copied))(t)
	if read.Point != made.Point || len(read.Files) != len(made.Files) || read.Program != "v1" || read.Bytes() == 0 {
		t.Errorf("verified %+v", read)
	}
	restored := filepath.Join(dir, "restored")
	must(Restore(ctx, copied, restored, false))(t)
	if _, err := Restore(ctx, copied, restored, false); paper.KindOf(err) != paper.FailedPrecondition {
		t.Errorf("over a store: %v", err)
	}
	must(VerifyCheckpoint(ctx, copied))(t) // restoring has not touched it
	s = must(Open(restored, Options{}))(t)
	sn := must(s.Snapshot(papers))(t)
	want := made.Collections[0]
	if sn.Point() != made.Point || sn.Sequence() != want.Sequence || sn.Count() != want.Papers || want.Name != papers || want.Papers == 0 {
		t.Errorf("restored %v, sequence %d, %d papers; the copy is of %+v", sn.Point(), sn.Sequence(), sn.Count(), made)
	}
	sn.Close()
	verified(t, s)
	for range 3 {
		if err := s.Holds(late); err == nil {
			t.Error("what is newer than the copy is believed")
		}
		apply(t, s, upsert(testPaper("after", ids(100)[must(s.Count(papers))(t)%100])))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkpointOf makes a small checkpoint.
func checkpointOf(t *testing.T, dir string) string {
	t.Helper()
	s := must(Open(filepath.Join(dir, "data"), testOptions()))(t)
	must(s.EnsureCollection(context.Background(), papers, testSpace()))(t)
	apply(t, s, upsert(testPaper("a", "a")))
	copied := filepath.Join(dir, "copy")
	must(s.Checkpoint(context.Background(), copied, "v1"))(t)
	if _, err := s.Checkpoint(context.Background(), copied, "v1"); paper.KindOf(err) != paper.FailedPrecondition {
		t.Errorf("over another: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return copied
}

// Whatever is done to a checkpoint is found by verifying it, and not restored.
func TestHarmedCheckpoint(t *testing.T) {
	ctx := context.Background()
	base := t.TempDir()
	copied := checkpointOf(t, base)
	c := must(VerifyCheckpoint(ctx, copied))(t)
	for _, f := range c.Files {
		for _, harm := range []string{"flip", "cut", "remove", "directory", "link"} {
			dir := filepath.Join(base, "harmed", harm, filepath.FromSlash(strings.ReplaceAll(f.Name, "/", "-")))
			if err := os.CopyFS(dir, os.DirFS(copied)); err != nil {
				t.Fatal(err)
			}
			at := filepath.Join(dir, filepath.FromSlash(f.Name))
			if f.Size == 0 && (harm == "flip" || harm == "cut") {
				continue
			}
			harmFile(t, at, harm)
			_, err := VerifyCheckpoint(ctx, dir)
			if !isDamage(err) || !strings.Contains(err.Error(), filepath.Base(f.Name)) {
				t.Errorf("%s %s: %v", harm, f.Name, err)
			}
			if harm != "flip" {
				continue
			}
			target := filepath.Join(base, "target", harm, filepath.Base(f.Name))
			if _, err := Restore(ctx, dir, target, false); !isDamage(err) {
				t.Errorf("%s %s: restored: %v", harm, f.Name, err)
			}
			if _, err := os.Stat(filepath.Join(target, "store")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s %s: a part was restored", harm, f.Name)
			}
		}
	}
}

func harmFile(t *testing.T, at, harm string) {
	t.Helper()
	b, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(at); err != nil {
		t.Fatal(err)
	}
	switch harm {
	case "flip":
		b[len(b)/2] ^= 1
		err = os.WriteFile(at, b, 0o600)
	case "cut":
		err = os.WriteFile(at, b[:len(b)-1], 0o600)
	case "directory":
		err = os.Mkdir(at, 0o700)
	case "link":
		err = os.Symlink("/dev/zero", at)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Names in a manifest lead nowhere but into the checkpoint.
func TestManifestNames(t *testing.T) {
	copied := checkpointOf(t, t.TempDir())
	at := filepath.Join(copied, "manifest.json")
	whole, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../FORMAT", "/etc/passwd", "store/../FORMAT", "store/x/y", "./FORMAT", "store/", "..", `store\\x`} {
		b := strings.Replace(string(whole), `"FORMAT"`, `"`+name+`"`, 1)
		if err := os.WriteFile(at, []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyCheckpoint(context.Background(), copied); !isDamage(err) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, b := range []string{"", "null", "{}", `{"format": 99, "files": [{"name": "FORMAT"}]}`, strings.Repeat("[", 1<<20)} {
		if err := os.WriteFile(at, []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyCheckpoint(context.Background(), copied); !isDamage(err) && paper.KindOf(err) != paper.Unsupported {
			t.Errorf("%.20q: %v", b, err)
		}
	}
}

// With replace, a store is replaced, a damaged one too, with what was derived
// from it; what is somebody else's is not, nor one that is in use.
func TestRestoreReplaces(t *testing.T) {
	ctx := context.Background()
	base := t.TempDir()
	copied := checkpointOf(t, base)
	data := filepath.Join(base, "data")
	s := must(Open(data, Options{}))(t)
	if _, err := Restore(ctx, copied, data, true); paper.KindOf(err) != paper.FailedPrecondition {
		t.Errorf("over a store in use: %v", err)
	}
	apply(t, s, upsert(testPaper("b", "b")))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.MkdirAll(filepath.Join(data, "indexes"), 0o700),
		os.WriteFile(filepath.Join(data, "FORMAT"), []byte("akin-data 1 00000000\n"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	must(Restore(ctx, copied, data, true))(t)
	entries, err := os.ReadDir(data)
	if err != nil || len(entries) != 3 {
		t.Errorf("left: %v, %v", entries, err)
	}
	s = must(Open(data, Options{}))(t)
	if n := must(s.Count(papers))(t); n != 1 {
		t.Errorf("%d papers", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "thesis.tex"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	var e *paper.Error
	if _, err := Restore(ctx, copied, other, true); !errors.As(err, &e) || e.Reason != kv.ReasonForeignDirectory {
		t.Errorf("over somebody else's: %v", err)
	}
}
