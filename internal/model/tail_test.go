package model

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Of what a program says its end is kept, whatever it says and however it says it.
func TestTail(t *testing.T) {
	for name, parts := range map[string][]string{
		"nothing":       nil,
		"a little":      {"could not ", "find it\n"},
		"as much":       {strings.Repeat("x", mostTail)},
		"one at a time": strings.Split(strings.Repeat("abcdefg", 1000), ""),
		"all at once":   {strings.Repeat("abcdefg", 10_000)},
		"then a little": {strings.Repeat("x", 3*mostTail), "the end"},
	} {
		var w tail
		for _, p := range parts {
			if n, err := w.Write([]byte(p)); n != len(p) || err != nil {
				t.Fatalf("%s: %d, %v", name, n, err)
			}
			if len(w.said) > mostTail {
				t.Fatalf("%s: keeps %d bytes", name, len(w.said))
			}
		}
		all := strings.Join(parts, "")
		if want := all[max(0, len(all)-mostTail):]; w.String() != want {
			t.Errorf("%s: %q, want %q", name, w.String(), want)
		}
	}
	var w tail
	w.Write([]byte("a\x1b[31mb\x00\r\n\tc\xff\u009bd"))
	if got := w.String(); got != "a[31mb\n\tcd" {
		t.Errorf("%q", got)
	}
}

// What pip and Maven say without end costs no memory, and its end is in the error.
func TestTalkativePrograms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	script := "#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' x >&2\necho the reason >&2\nexit 1\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, registry := range []string{"", FromMaven} {
		pkg := Package{Name: "g:p", Version: "1", SHA256: strings.Repeat("0", 64), Registry: registry}
		_, err := Fetcher{Python: path, Maven: path}.Ensure(t.Context(), t.TempDir(), pkg, []File{{Name: "x", Size: 1}})
		if err == nil || !strings.Contains(err.Error(), "the reason") || len(err.Error()) > mostTail+1000 {
			t.Errorf("%q: %d bytes of error: %.200v", registry, len(err.Error()), err)
		}
	}
}
