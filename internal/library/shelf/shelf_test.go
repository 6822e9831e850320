package shelf_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"akin/internal/kv"
	"akin/internal/library"
	"akin/internal/library/librarytest"
	"akin/internal/library/shelf"
	"akin/internal/store"
)

func openStore(t *testing.T, dir string, create bool) *store.Store {
	t.Helper()
	s, err := store.Open(dir, store.Options{Create: create, Beside: []store.Beside{{Prefixes: shelf.Prefixes(), Verify: shelf.Verify}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestContract(t *testing.T) {
	librarytest.Run(t, func(t *testing.T) library.Shelves {
		s := openStore(t, filepath.Join(t.TempDir(), "d"), true)
		return shelf.New(s.DB(), s.Moved)
	})
}

// What a snapshot has is what was acknowledged before it, and verification finds
// nothing wrong with it.
func TestSnapshotsHaveLibraries(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, filepath.Join(dir, "d"), true)
	libraries := library.New(shelf.New(s.DB(), s.Moved), nil)
	like := func(id string) {
		t.Helper()
		_, _, err := libraries.Set(t.Context(), "o", library.Place{Name: "x", Create: true}, []library.Change{{
			Entry: library.Entry{PaperID: id, Mark: library.Liked}, Fields: library.FieldMark,
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	like("before")
	if _, err := s.Checkpoint(t.Context(), filepath.Join(dir, "copy"), "test"); err != nil {
		t.Fatal(err)
	}
	like("after")
	if _, err := store.Restore(t.Context(), filepath.Join(dir, "copy"), filepath.Join(dir, "restored"), false); err != nil {
		t.Fatal(err)
	}
	restored := openStore(t, filepath.Join(dir, "restored"), false)
	_, entries, err := library.New(shelf.New(restored.DB(), restored.Moved), nil).Entries(t.Context(), "o", "x")
	if err != nil || len(entries) != 1 || entries[0].PaperID != "before" {
		t.Errorf("restored %v, %v", entries, err)
	}
	for _, one := range []*store.Store{s, restored} {
		if report, err := one.Verify(t.Context()); err != nil || report.Err() != nil {
			t.Errorf("%v, %v", err, report.Err())
		}
	}
}

// A room that no opening names is not verified: what it keeps is reported.
func TestRoomsThatAreNotNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	s := openStore(t, dir, true)
	if _, err := library.New(shelf.New(s.DB(), s.Moved), nil).Create(t.Context(), "o", library.Library{Name: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	plain, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	report, err := plain.Verify(t.Context())
	if err != nil || report.Err() == nil || !strings.Contains(report.Err().Error(), "unknown sort 0x20") {
		t.Errorf("%v, %v", err, report.Err())
	}
}

func TestVerifyFindsFaults(t *testing.T) {
	for name, harm := range map[string]func(library.Writer, *library.Library) error{
		"it counts": func(w library.Writer, l *library.Library) error {
			return w.PutEntry(l.ID, &library.Entry{PaperID: "uncounted"})
		},
		"there is no library with id 77": func(w library.Writer, _ *library.Library) error {
			return w.PutEntry(77, &library.Entry{PaperID: "stray"})
		},
		"as well": func(w library.Writer, l *library.Library) error {
			twin := *l
			twin.Name = "twin"
			return w.PutLibrary(&twin)
		},
		"the next one would be": func(w library.Writer, l *library.Library) error {
			ahead := *l
			ahead.Name, ahead.ID = "ahead", 99
			return w.PutLibrary(&ahead)
		},
	} {
		s := openStore(t, filepath.Join(t.TempDir(), "d"), true)
		shelves := shelf.New(s.DB(), s.Moved)
		l, err := library.New(shelves, nil).Create(t.Context(), "o", library.Library{Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if err := shelves.Write(t.Context(), func(w library.Writer) error { return harm(w, &l) }); err != nil {
			t.Fatal(err)
		}
		report, err := s.Verify(t.Context())
		if err != nil || report.Err() == nil || !strings.Contains(report.Err().Error(), name) {
			t.Errorf("%s: %v, %v", name, err, report.Err())
		}
		s.Close()
	}
}

// After a write of the disk fails, at whatever place, what was acknowledged is there
// after a crash, and what was not is there whole or not at all.
func TestCrash(t *testing.T) {
	failed := 0
	for fail := int32(0); fail < 36; fail += 3 {
		memory := vfs.NewCrashableMem()
		toggle := &errorfs.Toggle{Injector: errorfs.ErrInjected.If(errorfs.And(errorfs.Writes, errorfs.OnIndex(fail)))}
		db, err := kv.Open("d", kv.Options{Create: true, FS: errorfs.Wrap(memory, toggle)})
		if err != nil {
			t.Fatal(err)
		}
		libraries := library.New(shelf.New(db, nil), nil)
		toggle.On()
		acknowledged, tried := writeSome(t.Context(), libraries)
		if acknowledged < tried {
			failed++
		}
		crashed := memory.CrashClone(vfs.CrashCloneCfg{})
		db.Close()
		again, err := kv.Open("d", kv.Options{FS: crashed})
		if err != nil {
			t.Fatalf("fail at %d: %v", fail, err)
		}
		checkCrashed(t, library.New(shelf.New(again, nil), nil), fail, acknowledged, tried)
		snap := again.Snapshot()
		if err := shelf.Verify(t.Context(), snap, func(fault error) { t.Errorf("fail at %d: %v", fail, fault) }); err != nil {
			t.Error(err)
		}
		snap.Close()
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
	if failed == 0 {
		t.Error("no write failed")
	}
}

// pair is how many entries each write of writeSome has.
const pair = 2

// writeSome adds entries two at a time until that fails, and says how many writes were
// acknowledged and how many were tried.
func writeSome(ctx context.Context, libraries *library.Libraries) (acknowledged, tried int) {
	for n := range 12 {
		var changes []library.Change
		for k := range pair {
			changes = append(changes, library.Change{Entry: library.Entry{PaperID: fmt.Sprintf("%02d-%d", n, k), Mark: library.Liked}, Fields: library.FieldMark})
		}
		tried++
		if _, _, err := libraries.Set(ctx, "o", library.Place{Name: "x", Create: true}, changes); err != nil {
			return acknowledged, tried
		}
		acknowledged++
	}
	return acknowledged, tried
}

func checkCrashed(t *testing.T, libraries *library.Libraries, fail int32, acknowledged, tried int) {
	t.Helper()
	l, entries, err := libraries.Entries(t.Context(), "o", "x")
	if err != nil && acknowledged > 0 {
		t.Errorf("fail at %d: %d writes were acknowledged, and there is %v", fail, acknowledged, err)
		return
	}
	if n := len(entries); n%pair != 0 || n < pair*acknowledged || n > pair*tried || l.Counts.Liked != n {
		t.Errorf("fail at %d: %d entries and counts %+v after %d of %d writes", fail, n, l.Counts, acknowledged, tried)
	}
}

func TestClosed(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "d"), true)
	libraries := library.New(shelf.New(s.DB(), s.Moved), nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := libraries.List(t.Context(), "o", false); !errors.Is(err, store.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if _, err := libraries.Create(t.Context(), "o", library.Library{Name: "x"}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("write: %v", err)
	}
}
