package ingest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"akin/internal/paper"
)

func TestWalk(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.jsonl", "a/2.txt", "a/1.txt", "a/deep/x", ".hidden", ".git/config", "c", "a/.part"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"d": "c", "circle": ".", "e": "b.jsonl"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	all := []string{"a/1.txt", "a/2.txt", "a/deep/x", "b.jsonl", "c", "d", "e"}
	for _, tc := range []struct {
		name        string
		paths, want []string
	}{
		{"folder", []string{"."}, all},
		{"file", []string{"c"}, []string{"c"}},
		{"in the order of the paths, each once", []string{"c", "a", "./c", "a/1.txt", "b.jsonl"}, []string{"c", "a/1.txt", "a/2.txt", "a/deep/x", "b.jsonl"}},
		{"hidden, but named", []string{".hidden"}, []string{".hidden"}},
		{"a link to a folder, but named", []string{"circle/a"}, []string{"circle/a/1.txt", "circle/a/2.txt", "circle/a/deep/x"}},
		{"empty folder", []string{"empty"}, nil},
		{"nothing", nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var paths, got []string
			for _, p := range tc.paths {
				paths = append(paths, dir+"/"+p)
			}
			files, err := Walk(paths)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				got = append(got, strings.TrimPrefix(f, dir+"/"))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestWalkErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "nowhere")
	_, err := Walk([]string{missing})
	if paper.KindOf(err) != paper.NotFound || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing+": there is no such file or folder") {
		t.Errorf("Walk: got %v", err)
	}
	if _, err := Open(missing, Options{}); paper.KindOf(err) != paper.NotFound {
		t.Errorf("Open: got %v", err)
	}
	dir := t.TempDir()
	if err := os.Symlink("gone", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := Walk([]string{dir}); err == nil || !strings.Contains(err.Error(), "link") {
		t.Errorf("a link that leads nowhere: got %v", err)
	}
	if r, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder opened as a file: got %v, %v", r, err)
	}
}
