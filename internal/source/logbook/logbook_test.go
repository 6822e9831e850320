package logbook_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"akin/internal/source"
	"akin/internal/source/logbook"
	"akin/internal/source/sourcetest"
	"akin/internal/store"
)

func openStore(t *testing.T, dir string, create bool) *store.Store {
	t.Helper()
	s, err := store.Open(dir, store.Options{Create: create, Beside: []store.Beside{{Prefixes: logbook.Prefixes(), Verify: logbook.Verify}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestContract(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) source.Book {
		s := openStore(t, filepath.Join(t.TempDir(), "d"), true)
		return logbook.New(s.DB(), s.Moved)
	})
}

func TestMemoryContract(t *testing.T) {
	sourcetest.Run(t, func(*testing.T) source.Book { return sourcetest.NewMemory() })
}

// Checkpoints are in snapshots, as they were, and verification reads them all.
func TestSnapshots(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, filepath.Join(dir, "d"), true)
	b := logbook.New(s.DB(), s.Moved)
	state := source.State{Name: "a", Created: time.Date(2026, 11, 30, 1, 2, 3, 4, time.UTC), Cursor: source.Cursor{OAI: map[string]source.OAICursor{"cs": {Through: 20_000, Token: "t"}}}}
	keep := func(runs uint64) {
		t.Helper()
		state.Runs = runs
		if err := b.Write(t.Context(), func(w source.Writer) error { return w.Put(source.KeptState, "a", "", state) }); err != nil {
			t.Fatal(err)
		}
	}
	keep(1)
	if _, err := s.Checkpoint(t.Context(), filepath.Join(dir, "copy"), "test"); err != nil {
		t.Fatal(err)
	}
	keep(2)
	if _, err := store.Restore(t.Context(), filepath.Join(dir, "copy"), filepath.Join(dir, "restored"), false); err != nil {
		t.Fatal(err)
	}
	restored := openStore(t, filepath.Join(dir, "restored"), false)
	var got source.State
	if err := logbook.New(restored.DB(), restored.Moved).Read(t.Context(), func(r source.Reader) error {
		_, err := r.Get(source.KeptState, "a", "", &got)
		return err
	}); err != nil || got.Runs != 1 || !got.Created.Equal(state.Created) || got.Cursor.OAI["cs"] != state.Cursor.OAI["cs"] {
		t.Errorf("restored %+v, %v", got, err)
	}
	for _, one := range []*store.Store{s, restored} {
		if report, err := one.Verify(t.Context()); err != nil || report.Err() != nil {
			t.Errorf("%v, %v", err, report.Err())
		}
	}
}

func TestVerifyFindsFaults(t *testing.T) {
	for name, harm := range map[string]func(source.Writer) error{
		"it is that of source": func(w source.Writer) error { return w.Put(source.KeptState, "a", "", source.State{Name: "b"}) },
		"no known sort":        func(w source.Writer) error { return w.Put(99, "a", "", source.State{}) },
		"cannot unmarshal":     func(w source.Writer) error { return w.Put(source.KeptRun, "a", "1", []int{1}) },
		"unknown field":        func(w source.Writer) error { return w.Put(source.KeptRun, "a", "1", source.File{Digest: "x"}) },
	} {
		s := openStore(t, filepath.Join(t.TempDir(), "d"), true)
		if err := logbook.New(s.DB(), s.Moved).Write(t.Context(), harm); err != nil {
			t.Fatal(err)
		}
		report, err := s.Verify(t.Context())
		if err != nil || report.Err() == nil || !strings.Contains(report.Err().Error(), name) {
			t.Errorf("%s: %v, %v", name, err, report.Err())
		}
	}
}
