package source_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"akin/internal/source"
)

func inbox(t *testing.T) (source.Config, string) {
	dir := t.TempDir()
	return source.Config{Name: "inbox", Kind: source.Folder, Path: dir}, dir
}

func rows(ids ...string) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, `{"id":%q,"title":"Paper %s"}`+"\n", id, id)
	}
	return b.String()
}

func write(t *testing.T, path, content string, age time.Duration) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
		t.Fatal(err)
	}
}

// Files are taken once they are whole, once by what is in them; a bad one costs itself.
func TestFolder(t *testing.T) {
	c, dir := inbox(t)
	inBubble(t, func(t *testing.T) {
		r := newRig(t, c).open(false)
		defer r.close()
		write(t, filepath.Join(dir, "a.jsonl"), rows("a", "b"), time.Hour)
		write(t, filepath.Join(dir, "b.jsonl.part"), rows("c"), time.Hour)
		write(t, filepath.Join(dir, ".hidden.jsonl"), rows("d"), time.Hour)
		write(t, filepath.Join(dir, "c.pdf"), "%PDF-1.4 ...", time.Hour)
		write(t, filepath.Join(dir, "growing.jsonl"), rows("e"), 0)
		write(t, filepath.Join(dir, "z.jsonl"), rows("z")+"{\n"+rows("y"), time.Hour)
		if err := os.Symlink("/dev/zero", filepath.Join(dir, "endless")); err != nil {
			t.Fatal(err)
		}
		run := r.run("inbox")
		if run.Counts.New != 4 || run.Counts.Refused != 2 {
			t.Errorf("%+v", run)
		}
		wantIDs(t, r, []string{"a", "b", "y", "z"})
		refused, err := r.m.Refusals(t.Context(), "inbox", 10)
		if err != nil || len(refused) != 2 || !strings.HasPrefix(refused[0].Place, dir) {
			t.Errorf("%+v, %v", refused, err)
		}
		if again := r.run("inbox"); again.Counts.All() != 0 {
			t.Errorf("again: %+v", again)
		}
		time.Sleep(time.Minute)
		if err := os.Rename(filepath.Join(dir, "b.jsonl.part"), filepath.Join(dir, "b.jsonl")); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "copy-of-a.jsonl"), rows("a", "b"), time.Hour)
		if run := r.run("inbox"); run.Counts.New != 2 || run.Counts.Known != 0 {
			t.Errorf("after the rename: %+v", run)
		}
		wantIDs(t, r, []string{"a", "b", "c", "e", "y", "z"})
		write(t, filepath.Join(dir, "a.jsonl"), rows("a", "b", "f"), time.Hour)
		if run := r.run("inbox"); run.Counts.New != 1 || run.Counts.Known != 2 {
			t.Errorf("after it was replaced: %+v", run)
		}
	})
}

func TestFolderGone(t *testing.T) {
	c, dir := inbox(t)
	inBubble(t, func(t *testing.T) {
		r := newRig(t, c).open(false)
		defer r.close()
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := r.fails("inbox"); !strings.Contains(err.Error(), "no such file") {
			t.Error(err)
		}
	})
}

// A folder is looked at often, and only a look that finds something is a run.
func TestFolderRests(t *testing.T) {
	c, dir := inbox(t)
	inBubble(t, func(t *testing.T) {
		r := newRig(t, c).open(true)
		defer r.close()
		time.Sleep(time.Hour)
		write(t, filepath.Join(dir, "a.jsonl"), rows("a"), time.Hour)
		time.Sleep(5 * time.Minute)
		wantIDs(t, r, []string{"a"})
		s := r.status("inbox")
		if s.State.Runs != 2 || time.Since(s.State.Succeeded) > 2*time.Minute || s.ProblemSentence() != "" {
			t.Errorf("%d runs, %q, %+v", s.State.Runs, s.ProblemSentence(), s.State)
		}
	})
}

// A fault of a reader ends a run, and not the process.
func TestPanic(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRig(t, plainLane()).open(true)
		defer r.close()
		r.net.handle("rss.example", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, announced(entry("2508.13426", "v1", "Word association", "As models decide.")))
		})
		r.papers.setHook(func() { panic("a fault") })
		time.Sleep(2 * time.Hour)
		if s := r.status("today"); !strings.Contains(s.ProblemSentence(), "a fault of akin") {
			t.Errorf("%q", s.ProblemSentence())
		}
		r.papers.setHook(nil)
		time.Sleep(3 * time.Hour)
		if s := r.status("today"); s.ProblemSentence() != "" {
			t.Errorf("%q", s.ProblemSentence())
		}
	})
}
