package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	akinv1 "akin/proto/akin/v1"
)

// A snapshot that a server made is what the store was then: it is listed, verified
// and restored, also into the directory that it is in, whose former contents are
// kept, and nothing that was derived from what came after is.
func TestSnapshot(t *testing.T) {
	dir := t.TempDir()
	data, more := filepath.Join(dir, "data"), filepath.Join(dir, "more.jsonl")
	importFew(t, data)
	s := host(t, data)
	made := unmarshal(t, mustRun(t, "snapshot", "create", "--server", s.grpc, "--json", "before"), new(akinv1.Snapshot))
	if made.GetName() != "before" || made.GetPaperCount() != 12 || made.GetSequence() != 12 || made.GetSizeBytes() == 0 {
		t.Errorf("made %v", made)
	}
	writeCorpus(t, more, 30) // 18 of them are new
	mustRun(t, "import", "--server", s.grpc, more)
	if code, _, errOut := run(t, "", "snapshot", "create", "--server", s.grpc, "before"); code != 1 || !strings.Contains(errOut, "already") {
		t.Errorf("the same name again: exit code %d, %q", code, errOut)
	}
	mustRun(t, "snapshot", "create", "--server", s.grpc)
	list := unmarshal(t, mustRun(t, "snapshot", "list", "--server", s.grpc, "--json"), new(akinv1.ListSnapshotsResponse)).GetSnapshots()
	if len(list) != 2 || list[1].GetName() != "before" || list[0].GetPaperCount() != 30 || list[0].GetFault() != "" {
		t.Errorf("listed %v", list)
	}
	if out := mustRun(t, "snapshot", "verify", "--server", s.grpc, "before"); !strings.Contains(out, "12 papers at sequence 12") {
		t.Errorf("verified: %s", out)
	}
	if code, _, errOut := run(t, "", "snapshot", "restore", "before", "--data", data, "--force"); code != 1 || !strings.Contains(errOut, "stop it") {
		t.Errorf("restored under a server: exit code %d, %q", code, errOut)
	}
	s.stop(t)
	if code, _, errOut := run(t, "", "snapshot", "restore", "before", "--data", data); code != 1 || !strings.Contains(errOut, "--force") {
		t.Errorf("restored over data: exit code %d, %q", code, errOut)
	}
	if code, _, errOut := run(t, "", "snapshot", "restore", "never", "--data", data, "--force"); code == 0 || !strings.Contains(errOut, "never") {
		t.Errorf("restored what is not there: exit code %d, %q", code, errOut)
	}
	out := mustRun(t, "snapshot", "restore", "before", "--data", data, "--force")
	_, aside, ok := strings.Cut(out, "is kept in ")
	if aside, _, _ = strings.Cut(aside, ";"); !ok || aside == "" {
		t.Fatalf("restored: %s", out)
	}
	for path, want := range map[string]bool{
		filepath.Join(aside, "store"): true, filepath.Join(data, "store"): true, filepath.Join(data, "indexes"): false,
		filepath.Join(data, "snapshots", "before"): true, filepath.Join(aside, "snapshots"): false,
	} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", path, err, want)
		}
	}
	if out := mustRun(t, "verify", "--data", data); !strings.Contains(out, "12 papers at sequence 12") {
		t.Errorf("after restoring: %s", out)
	}
	if out := mustRun(t, "verify", "--data", aside); !strings.Contains(out, "30 papers at sequence 30") {
		t.Errorf("what was kept: %s", out)
	}
	// The indexes of what came after are not believed by what was restored.
	if err := os.CopyFS(filepath.Join(data, "indexes"), os.DirFS(filepath.Join(aside, "indexes"))); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := run(t, "", "verify", "--data", data); code != 1 || !strings.Contains(out, "words: ") {
		t.Errorf("indexes of another history: exit code %d, %s", code, out)
	}
}

// A snapshot that is damaged is not restored, and what is there stays.
func TestDamagedSnapshot(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	importFew(t, data)
	mustRun(t, "snapshot", "create", "one", "--data", data)
	folder := filepath.Join(data, "snapshots", "one")
	var largest string
	var size int64
	err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > size && filepath.Base(path) != "manifest.json" {
			largest, size = path, info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(largest)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.Remove(largest); err != nil { // it may be the store's own file
		t.Fatal(err)
	}
	if err := os.WriteFile(largest, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := run(t, "", "snapshot", "verify", "one", "--data", data); code != 1 || !strings.Contains(out, filepath.Base(largest)) {
		t.Errorf("verified: exit code %d, %s", code, out)
	}
	if code, _, errOut := run(t, "", "snapshot", "restore", "one", "--data", data, "--force"); code != 1 || !strings.Contains(errOut, filepath.Base(largest)) {
		t.Errorf("restored: exit code %d, %s", code, errOut)
	}
	mustRun(t, "verify", "--data", data)
}
