package kv

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/paper"
)

// loggedStore is a store whose last commits are all in its log.
func loggedStore(t *testing.T, commits int) disk {
	t.Helper()
	mem := vfs.NewMem()
	db := openTest(t, testOptions(mem))
	puts(t, db, commits, 300)
	closeTest(t, db)
	return readDisk(t, mem, testDir)
}

func newestLog(whole disk) (name string) {
	for _, file := range whole.names() {
		if strings.HasSuffix(file, logSuffix) {
			name = file
		}
	}
	return name
}

// harmed is a copy of a store with its newest log changed.
func harmed(t *testing.T, whole disk, change func(b []byte) ([]byte, bool)) *vfs.MemFS {
	t.Helper()
	log := newestLog(whole)
	return whole.fs(t, func(name string, b []byte) ([]byte, bool) {
		if name == log {
			return change(b)
		}
		return b, true
	})
}

func flipMiddle(b []byte) ([]byte, bool) { b[len(b)/2] ^= 1; return b, true }

// The error of a log that lost its end says which commits are gone, how many,
// where, and what can be done.
func TestLossIsSaid(t *testing.T) {
	fs := harmed(t, loggedStore(t, 40), flipMiddle)
	_, err := Open(testDir, testOptions(fs))
	var e *paper.Error
	if !errors.As(err, &e) || e.Reason != ReasonDamaged || e.Kind != paper.DataLoss {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{" to 41 (", ".log cannot be read from byte", "akin snapshot restore", "--read-only-on-damage", "--accept-loss"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

// What can be read is served if asked for, and nothing is written.
func TestReadOnlyOnDamage(t *testing.T) {
	fs := harmed(t, loggedStore(t, 40), flipMiddle)
	before := readDisk(t, fs, testDir)
	o := testOptions(fs)
	o.ReadOnlyOnDamage = true
	db := openTest(t, o)
	last, err := holes(db)
	if err != nil || last < 10 || last > 30 {
		t.Errorf("read up to commit %d, %v", last, err)
	}
	var e *paper.Error
	if err := put(db, 1); !errors.As(err, &e) || e.Reason != ReasonDamaged || !errors.Is(err, ErrReadOnly) {
		t.Errorf("a write: %v", err)
	}
	if db.Writable() == nil || db.Damage() == nil {
		t.Errorf("writable: %v, damage: %v", db.Writable(), db.Damage())
	}
	if err := db.Compact(t.Context(), []byte{0}, []byte{0x30}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("compact: %v", err)
	}
	closeTest(t, db)
	after := readDisk(t, fs, testDir)
	for _, name := range after.names() {
		if string(before[name]) != string(after[name]) {
			t.Errorf("%s was written", name)
		}
	}
}

// An accepted loss leaves a state that there was; what was derived from the
// lost part is refused, also after the store went on; and the logs are kept.
func TestAcceptLoss(t *testing.T) {
	whole := loggedStore(t, 40)
	intact := openTest(t, testOptions(whole.fs(t, same)))
	end := intact.Snapshot().Point()
	closeTest(t, intact)
	for _, attack := range attacks(len(whole[newestLog(whole)])) {
		fs := harmed(t, whole, attack.change)
		_, refusal := Open(testDir, testOptions(fs))
		loss, err := AcceptLoss(testDir, testOptions(fs))
		if refusal == nil {
			if paper.KindOf(err) != paper.FailedPrecondition {
				t.Errorf("%s: nothing was missing, but: %v", attack.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", attack.name, err)
			continue
		}
		db := openTest(t, testOptions(fs))
		last := db.Snapshot().Point().Commit
		if want := 41 - loss.Commits() + 1; last != want {
			t.Errorf("%s: goes on at commit %d, not %d: %v", attack.name, last, want, loss)
		}
		if err := db.Holds(end); loss.Commits() > 0 && err == nil {
			t.Errorf("%s: what was derived from the lost end is believed", attack.name)
		}
		for range 60 {
			if err := put(db, 10); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Holds(end); loss.Commits() > 0 && err == nil {
			t.Errorf("%s: later, what was derived from the lost end is believed", attack.name)
		}
		closeTest(t, db)
		if _, err := fs.Stat(testDir + "/" + lostDir); err != nil && attack.name != "removed" {
			t.Errorf("%s: the log was not kept: %v", attack.name, err)
		}
	}
}

// A store that lost nothing but its mark says so, and goes on when that is
// accepted.
func TestLostMark(t *testing.T) {
	whole := loggedStore(t, 10)
	for _, attack := range []attacked{
		{"removed", func([]byte) ([]byte, bool) { return nil, false }},
		{"empty", func([]byte) ([]byte, bool) { return nil, true }},
		{"both slots", func(b []byte) ([]byte, bool) { b[20] ^= 1; b[markSlotBytes+20] ^= 1; return b, true }},
	} {
		fs := whole.fs(t, func(name string, b []byte) ([]byte, bool) {
			if name == storeDir+"/"+markFile {
				return attack.change(b)
			}
			return b, true
		})
		_, err := Open(testDir, testOptions(fs))
		if !isDamage(err) || !strings.Contains(err.Error(), markFile) || !strings.Contains(err.Error(), "nobody can tell") {
			t.Errorf("%s: %v", attack.name, err)
		}
		if _, err := AcceptLoss(testDir, testOptions(fs)); err != nil {
			t.Errorf("%s: %v", attack.name, err)
		}
		db := openTest(t, testOptions(fs))
		if got := db.Snapshot().Point().Commit; got != 12 {
			t.Errorf("%s: commit %d", attack.name, got)
		}
		closeTest(t, db)
	}
}

// One slot of the mark may be torn: the other stands.
func TestTornSlot(t *testing.T) {
	whole := loggedStore(t, 10)
	for slot := range markSlots {
		fs := whole.fs(t, func(name string, b []byte) ([]byte, bool) {
			if name == storeDir+"/"+markFile {
				b[slot*markSlotBytes+30] ^= 1
			}
			return b, true
		})
		db := openTest(t, testOptions(fs))
		if last, err := holes(db); last != 11 || err != nil {
			t.Errorf("slot %d: %d, %v", slot, last, err)
		}
		closeTest(t, db)
	}
}

// Files of two copies of a store, mixed, are refused: an older database under
// a newer mark, and the other way round.
func TestMixedCopies(t *testing.T) {
	mem := vfs.NewMem()
	db := openTest(t, testOptions(mem))
	puts(t, db, 5, 100)
	closeTest(t, db)
	early := readDisk(t, mem, testDir)
	db = openTest(t, testOptions(mem))
	puts(t, db, 5, 100)
	closeTest(t, db)
	late := readDisk(t, mem, testDir)
	for _, mix := range []struct {
		name        string
		files, mark disk
	}{{"older files", early, late}, {"older mark", late, early}} {
		fs := mix.files.fs(t, func(name string, b []byte) ([]byte, bool) {
			if name == storeDir+"/"+markFile {
				return mix.mark[name], true
			}
			return b, true
		})
		if _, err := Open(testDir, testOptions(fs)); !isDamage(err) {
			t.Errorf("%s: %v", mix.name, err)
		}
	}
}

// A log may end where a block of it has no room for another head, which Pebble fills up:
// nothing is lost there. Kills found that it was taken for a loss.
func TestLogThatEndsWithABlock(t *testing.T) {
	filled := 0
	for size := 2_035; size < 2_070; size++ {
		mem := vfs.NewCrashableMem()
		db := openTest(t, testOptions(mem))
		puts(t, db, 10, 3_000)
		puts(t, db, 1, size)
		fs := killed(mem)
		closeTest(t, db)
		whole := readDisk(t, fs, testDir)
		log := whole[newestLog(whole)]
		if len(log) == blockBytes && log[len(log)-1] == 0 {
			filled++
		}
		again, err := Open(testDir, testOptions(fs))
		if err != nil {
			t.Fatalf("with a value of %d bytes and a log of %d: %v", size, len(log), err)
		}
		if last, err := holes(again); err != nil || last != 12 {
			t.Errorf("with a value of %d bytes: the last commit is %d, %v", size, last, err)
		}
		closeTest(t, again)
	}
	if filled < headBytes-4 {
		t.Errorf("only %d logs ended with a block that was filled up, which tests little", filled)
	}
}
