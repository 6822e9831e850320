package model

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is no regular file in a directory that came from elsewhere is an error at once: a
// pipe is not waited for, and a device is not read until memory is full.
func TestOnlyRegularFiles(t *testing.T) {
	for name, read := range map[string]func(dir string) error{
		ConfigFile:    func(dir string) error { _, err := ReadConfig(filepath.Join(dir, ConfigFile)); return err },
		ManifestFile:  func(dir string) error { _, err := ReadManifest(dir); return err },
		TokenizerFile: func(dir string) error { _, err := ReadTokenizer(dir); return err },
		PoolingFile:   func(dir string) error { _, err := ReadPooling(dir, "mean"); return err },
		WeightsFile:   func(dir string) error { _, err := OpenTensors(filepath.Join(dir, WeightsFile)); return err },
		ExportFile: func(dir string) error {
			_, err := OpenExport(filepath.Join(dir, filepath.FromSlash(ExportFile)))
			return err
		},
		"digest": func(dir string) error { _, err := Digest(filepath.Join(dir, "digest")); return err },
		"file": func(dir string) error {
			_, err := Fetcher{From: dir}.Library(File{Name: "file", Size: 10, SHA256: strings.Repeat("0", 64)}, Package{}, filepath.Join(dir, "to"))
			return err
		},
	} {
		for kind, place := range map[string]func(path string) error{
			"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
			"device": func(path string) error { return os.Symlink("/dev/zero", path) },
			"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		} {
			dir := t.TempDir()
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := place(path); err != nil {
				t.Fatal(err)
			}
			done := time.AfterFunc(5*time.Minute, func() { panic(name + ", a " + kind + ": is waited for") })
			err := read(dir)
			done.Stop()
			if err == nil || !strings.Contains(err.Error(), "is no regular file") {
				t.Errorf("%s, a %s: %v", name, kind, err)
			}
		}
	}
}
