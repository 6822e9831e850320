package vecfile_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"akin/internal/vecfile"
)

// A manifest that others wrote names files beside it, or is refused at once.
func TestManifestNames(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Mkdir(filepath.Join(dir, "folder.npy"), 0o700)
	os.Symlink("/dev/zero", filepath.Join(dir, "zero.npy"))
	for _, name := range []string{
		"/dev/zero", "../../dev/zero", "..", ".", "", "a/b.npy", "/etc/passwd", "pipe", "folder.npy", "zero.npy", "./x", "x/",
	} {
		raw, err := json.Marshal(map[string]any{
			"format": "akin.embeddings.v2", "dimension": 2, "rows": 1, "files_sha256": map[string]string{name: strings.Repeat("0", 64)},
		})
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile(filepath.Join(dir, vecfile.ManifestFile), raw, 0o600)
		if v, err := vecfile.Open(dir); err == nil || !strings.Contains(err.Error(), "it names") {
			t.Errorf("%q: %v, %v", name, v, err)
		}
	}
	// The manifest itself is a pipe.
	os.Remove(filepath.Join(dir, vecfile.ManifestFile))
	os.Rename(filepath.Join(dir, "pipe"), filepath.Join(dir, vecfile.ManifestFile))
	if _, err := vecfile.Open(dir); err == nil || !strings.Contains(err.Error(), "no file") {
		t.Errorf("a pipe: %v", err)
	}
	// So is the file of the ids.
	os.Remove(filepath.Join(dir, vecfile.IDsFile))
	syscall.Mkfifo(filepath.Join(dir, vecfile.IDsFile), 0o600)
	npy := filepath.Join(dir, "v.npy")
	header := "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }"
	os.WriteFile(npy, []byte(header+strings.Repeat(" ", 127-len(header))+"\n"+"12345678"), 0o600)
	if _, err := vecfile.OpenNPY(npy); err == nil || !strings.Contains(err.Error(), "no file") {
		t.Errorf("a pipe of ids: %v", err)
	}
}
