package model

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A file that was not touched is not read again, and any touch shows.
func TestRememberedDigest(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.onnx")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	digest := func() string {
		t.Helper()
		sum, err := RememberedDigest(path)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	write("one")
	honest := digest()
	if _, err := os.Stat(filepath.Join(dir, memoryFile)); err == nil {
		t.Error("a file that was just written is remembered, though a change in the same tick would not show")
	}
	forge := func() { // a memory of the file as it is now, that says something else
		t.Helper()
		now, err := look(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := writeMemory(dir, map[string]remembered{"model.onnx": {seen: now, SHA256: strings.Repeat("f", 64)}}); err != nil {
			t.Fatal(err)
		}
	}
	forge()
	if digest() != strings.Repeat("f", 64) {
		t.Fatal("the memory is not asked")
	}
	for name, touch := range map[string]func(){
		"content of equal length": func() { write("two") },
		"times set back": func() {
			info, _ := os.Stat(path)
			write("six")
			os.Chtimes(path, info.ModTime(), info.ModTime())
		},
		"another file in its place": func() {
			os.WriteFile(path+".new", []byte("ten"), 0o600)
			os.Rename(path+".new", path)
		},
		"permissions":   func() { os.Chmod(path, 0o644) },
		"longer":        func() { write("three") },
		"time of later": func() { os.Chtimes(path, time.Now(), time.Now().Add(time.Hour)) },
	} {
		forge()
		touch()
		want, err := Digest(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := digest(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	write("one")
	os.WriteFile(filepath.Join(dir, memoryFile), []byte("{broken"), 0o600)
	if digest() != honest {
		t.Error("a broken memory is believed")
	}
}
