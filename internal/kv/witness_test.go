package kv

import (
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/paper"
)

// second is another place, that fails as told.
type second struct {
	kept [][]byte
	err  error
	// after says that a change is kept and the error returned all the same.
	after bool
}

func (s *second) Witness(_ context.Context, changes []byte) ([]byte, error) {
	if s.err != nil && !s.after {
		return nil, s.err
	}
	if n := len(s.kept); n == 0 || s.err != nil || string(s.kept[n-1]) != string(changes) {
		s.kept = append(s.kept, append([]byte{}, changes...))
	}
	return []byte{byte(len(s.kept))}, s.err
}

func attached(t *testing.T) (*DB, *second, *int) {
	t.Helper()
	db := openTest(t, testOptions(vfs.NewMem()))
	t.Cleanup(func() { closeTest(t, db) })
	s, settled := &second{}, new(int)
	db.Attach(s, []byte{0x20}, []byte{0x30}, func() { *settled++ })
	return db, s, settled
}

// noteIn is the note of the last acknowledged state, and whether a key is there.
func noteIn(t *testing.T, db *DB, key []byte) (note []byte, found bool) {
	t.Helper()
	snap := db.Snapshot()
	defer snap.Close()
	note, err := snap.Note()
	if err != nil {
		t.Fatal(err)
	}
	found, err = snap.Lookup(key, func([]byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return note, found
}

func setKey(t *testing.T, db *DB, key string) error {
	t.Helper()
	end, err := db.Begin(t.Context())
	if err != nil {
		return err
	}
	defer end()
	batch := db.NewBatch()
	if err := batch.Set([]byte(key), Seal([]byte(key), []byte("value"))); err != nil {
		t.Fatal(err)
	}
	snap, err := db.Commit(batch)
	if err == nil {
		snap.Close()
	}
	return err
}

// What is committed is kept in the other place first, and the note of it with it.
func TestWitness(t *testing.T) {
	db, s, _ := attached(t)
	if err := setKey(t, db, "\x20a"); err != nil {
		t.Fatal(err)
	}
	if note, found := noteIn(t, db, []byte("\x20a")); len(s.kept) != 1 || string(note) != "\x01" || !found {
		t.Errorf("kept %q, note %x, there: %t", s.kept, note, found)
	}
	// What is not asked about is not told.
	if err := setKey(t, db, "\x10a"); err != nil || len(s.kept) != 1 {
		t.Errorf("%v, %q", err, s.kept)
	}
}

// A commit that was refused for certain leaves nothing; one in doubt is made by the next.
func TestWitnessFails(t *testing.T) {
	gone := errors.New("gone")
	for name, c := range map[string]struct {
		err   error
		after bool
		there bool
	}{
		"refused":                 {errors.Join(gone, ErrNotWitnessed), false, false},
		"failed":                  {gone, false, true},
		"the answer was lost":     {gone, true, true},
		"the answer was lost too": {gone, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			db, s, settled := attached(t)
			s.err, s.after = c.err, c.after
			for range 2 { // a second writer waits for the first one's doubt
				if err := setKey(t, db, "\x20a"); !errors.Is(err, gone) {
					t.Fatal(err)
				}
			}
			if _, found := noteIn(t, db, []byte("\x20a")); found {
				t.Error("what was not acknowledged is there")
			}
			s.err = nil
			if err := setKey(t, db, "\x20b"); err != nil {
				t.Fatal(err)
			}
			note, found := noteIn(t, db, []byte("\x20a"))
			if found != c.there || (*settled == 1) != c.there || len(note) != 1 {
				t.Errorf("there: %t, settled %d times, note %x", found, *settled, note)
			}
			if _, found := noteIn(t, db, []byte("\x20b")); !found {
				t.Error("what was acknowledged is not there")
			}
		})
	}
}

// Changes that were encoded do the same elsewhere; what is not as that is refused.
func TestChanges(t *testing.T) {
	from, to := openTest(t, testOptions(vfs.NewMem())), openTest(t, testOptions(vfs.NewMem()))
	defer closeTest(t, from)
	defer closeTest(t, to)
	lower, upper := []byte{0x20}, []byte{0x30}
	batch := from.NewBatch()
	for _, err := range []error{
		batch.Set([]byte("\x20a"), []byte("1")), batch.Set([]byte("\x20b"), nil), batch.Delete([]byte("\x20a")),
		batch.DeleteRange([]byte("\x21"), []byte("\x22")), batch.DeleteRange([]byte{0x2f}, upper), batch.Set([]byte("\x10no"), []byte("2")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	changes, err := batch.Changes(lower, upper)
	if err != nil || len(changes) == 0 {
		t.Fatalf("%x, %v", changes, err)
	}
	again := to.NewBatch()
	if err := again.Replay(changes, lower, upper); err != nil {
		t.Fatal(err)
	}
	if same, err := again.Changes(lower, upper); err != nil || string(same) != string(changes) {
		t.Errorf("%x, and then %x, %v", changes, same, err)
	}
	for i := 1; i < len(changes); i++ {
		err := to.NewBatch().Replay(changes[:i], lower, upper)
		if cut, _ := to.NewBatch().Changes(lower, upper); err == nil && len(cut) == 0 && i < 3 {
			t.Errorf("%d bytes of it are taken", i)
		}
	}
	for _, bad := range []string{"\x01", "\x04\x01\x20", "\x01\x01\x10\x00", "\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x03\x01\x20\x01\x31", "\x00\x00"} {
		if err := to.NewBatch().Replay([]byte(bad), lower, upper); paper.KindOf(err) != paper.DataLoss {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzReplay(f *testing.F) {
	f.Add(AppendChange(nil, []byte("\x20key"), []byte("value")))
	f.Add([]byte("\x03\x01\x20\x01\x30"))
	db, err := Open(testDir, testOptions(vfs.NewMem()))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	f.Fuzz(func(t *testing.T, changes []byte) {
		batch := db.NewBatch()
		if err := batch.Replay(changes, []byte{0x20}, []byte{0x30}); err != nil {
			return
		}
		same, err := batch.Changes([]byte{0x20}, []byte{0x31})
		if err != nil {
			t.Fatal(err)
		}
		again := db.NewBatch()
		if err := again.Replay(same, []byte{0x20}, []byte{0x31}); err != nil {
			t.Errorf("what was made of %x, %x, is refused: %v", changes, same, err)
		}
	})
}

// A directory whose loss was accepted is no copy of the other place any more.
func TestNoteGoes(t *testing.T) {
	db, _, _ := attached(t)
	if err := setKey(t, db, "\x20a"); err != nil {
		t.Fatal(err)
	}
	db.witness = nil
	if err := db.begin(); err != nil {
		t.Fatal(err)
	}
	if note, found := noteIn(t, db, []byte("\x20a")); note != nil || !found {
		t.Errorf("note %x, there: %t", note, found)
	}
}
