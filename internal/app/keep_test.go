package app

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/paper"
)

var quiet = slog.New(slog.DiscardHandler)

// snapshotOf makes a data directory with a snapshot, first.
func snapshotOf(t *testing.T) Config {
	t.Helper()
	config := Config{Data: directory(t), Version: "test"}
	made, err := CreateSnapshot(t.Context(), config, quiet, "first", nothing)
	if err != nil || made.Name != "first" || made.Bytes == 0 {
		t.Fatalf("%+v, %v", made, err)
	}
	return config
}

func nothing(string, uint64, uint64) {}

// Snapshots are made, listed and verified without a server and without a model.
func TestSnapshots(t *testing.T) {
	config := snapshotOf(t)
	all, err := ListSnapshots(config)
	if err != nil || len(all) != 1 || all[0].Name != "first" || all[0].Fault != "" {
		t.Errorf("%+v, %v", all, err)
	}
	found, err := VerifySnapshot(t.Context(), config, "first", nothing)
	if err != nil || len(found.Differences) != 0 {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := VerifySnapshot(t.Context(), config, "none", nothing); paper.KindOf(err) != paper.NotFound {
		t.Errorf("one that there is not: %v", err)
	}
	if _, err := CreateSnapshot(t.Context(), config, quiet, "first", nothing); err == nil {
		t.Error("a name was given twice")
	}
	if made, err := CreateSnapshot(t.Context(), config, quiet, "", nothing); err != nil || made.Name == "" {
		t.Errorf("without a name: %+v, %v", made, err)
	}
	whole, err := Verify(t.Context(), config, quiet, nothing)
	if err != nil || len(whole.Differences) != 0 {
		t.Errorf("the directory: %+v, %v", whole, err)
	}
	elsewhere := config
	elsewhere.Snapshots = t.TempDir()
	if _, err := CreateSnapshot(t.Context(), elsewhere, quiet, "x", nothing); err != nil {
		t.Error(err)
	}
	if all, err := ListSnapshots(elsewhere); err != nil || len(all) != 1 {
		t.Errorf("elsewhere: %+v, %v", all, err)
	}
}

// A directory that a server has is left alone by what looks after directories.
func TestKeepingOfADirectoryInUse(t *testing.T) {
	config := snapshotOf(t)
	open(t, configOf(t, config.Data))
	for name, call := range map[string]func() error{
		"verify":   func() error { _, err := Verify(t.Context(), config, quiet, nothing); return err },
		"snapshot": func() error { _, err := CreateSnapshot(t.Context(), config, quiet, "second", nothing); return err },
		"restore":  func() error { _, err := RestoreSnapshot(t.Context(), config, "first", true); return err },
		"accept":   func() error { _, err := AcceptLoss(t.Context(), config, quiet); return err },
	} {
		var refused *paper.Error
		if err := call(); !errors.As(err, &refused) || refused.Reason != paper.ReasonDataLocked {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Running(t.Context(), config.Data); err != nil {
		t.Errorf("afterwards the server cannot be found: %v", err)
	}
}

// A snapshot is restored into an empty directory, or, with force, in place of what
// is there, which is kept.
func TestRestore(t *testing.T) {
	config := snapshotOf(t)
	if _, err := RestoreSnapshot(t.Context(), config, "first", false); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("over a directory that is not empty: %v", err)
	}
	fresh := Config{Data: filepath.Join(t.TempDir(), "fresh"), Snapshots: config.snapshots()}
	done, err := RestoreSnapshot(t.Context(), fresh, "first", false)
	if err != nil || done.Aside != "" || done.Snapshot.Name != "first" {
		t.Fatalf("%+v, %v", done, err)
	}
	isFree(t, fresh.Data)
	mark := filepath.Join(config.Data, "mark")
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	done, err = RestoreSnapshot(t.Context(), config, "first", true)
	if err != nil || done.Aside == "" {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was there before is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(done.Aside, "mark")); err != nil {
		t.Errorf("what was there before is gone: %v", err)
	}
	if all, err := ListSnapshots(config); err != nil || len(all) != 1 {
		t.Errorf("the snapshots did not come along: %+v, %v", all, err)
	}
	isFree(t, config.Data)
	isFree(t, done.Aside)
}

// A snapshot that cannot be restored changes nothing.
func TestRestoreThatFails(t *testing.T) {
	config := snapshotOf(t)
	if _, err := RestoreSnapshot(t.Context(), config, "none", true); paper.KindOf(err) != paper.NotFound {
		t.Errorf("one that there is not: %v", err)
	}
	if _, err := RestoreSnapshot(t.Context(), config, "../x", true); paper.KindOf(err) != paper.Invalid {
		t.Errorf("one outside: %v", err)
	}
	harmed := 0
	err := filepath.WalkDir(filepath.Join(config.snapshots(), "first"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".sst") {
			harmed++
			return os.Remove(path) // its bytes may be the directory's as well
		}
		return err
	})
	if err != nil || harmed == 0 {
		t.Fatalf("%d files were harmed, %v", harmed, err)
	}
	done, err := RestoreSnapshot(t.Context(), config, "first", true)
	if err == nil || done.Aside != "" {
		t.Errorf("a damaged one: %+v, %v", done, err)
	}
	beside, err := os.ReadDir(filepath.Dir(config.Data))
	if err != nil || len(beside) != 1 {
		t.Errorf("beside the directory: %v, %v", beside, err)
	}
	isFree(t, config.Data)
}

// Taking back puts what was aside in its place again, unless there is a new store.
func TestTakeBack(t *testing.T) {
	cause := errors.New("cause")
	data := directory(t)
	aside, err := putAside(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(data, "half"), 0o755); err != nil {
		t.Fatal(err)
	}
	done := Restored{Aside: aside}
	if err := takeBack(data, &done, cause); !errors.Is(err, cause) || done.Aside != "" {
		t.Errorf("%v, %+v", err, done)
	}
	isFree(t, data)
	done = Restored{Aside: aside}
	if err := takeBack(data, &done, cause); !errors.Is(err, cause) || done.Aside != aside {
		t.Errorf("with a store in the way: %v, %+v", err, done)
	}
	if empty, err := isEmpty(filepath.Join(data, "none")); err != nil || !empty {
		t.Errorf("what is not there: %v, %v", empty, err)
	}
	if empty, err := isEmpty(data); err != nil || empty {
		t.Errorf("what is there: %v, %v", empty, err)
	}
	if loss, err := AcceptLoss(t.Context(), Config{Data: filepath.Join(data, "none")}, quiet); err == nil {
		t.Errorf("of nothing: %+v", loss)
	}
}
