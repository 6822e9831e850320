package kv

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"akin/internal/paper"
)

// refusing is a disk that refuses every write from the at-th on.
type refusing struct {
	with error
	at   int64
	n    atomic.Int64
}

func (r *refusing) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose && r.n.Add(1) >= r.at {
		return r.with
	}
	return nil
}

func (r *refusing) String() string { return "refusing" }

// A store on a disk that is full or read-only is opened for reading, wherever
// in the opening the disk refuses; all that was acknowledged is there, writes
// say why not; and when there is space again it is opened for writing.
func TestDiskTakesNoWrites(t *testing.T) {
	for cause, step := range map[error]int64{syscall.ENOSPC: 2, syscall.EDQUOT: 11, syscall.EROFS: 5, syscall.EACCES: 11} {
		readOnly := int64(0)
		for at := int64(1); ; at += step {
			mem := vfs.NewMem()
			db := openTest(t, testOptions(mem))
			puts(t, db, 3, 100)
			closeTest(t, db)
			r := &refusing{with: &pathError{cause}, at: at}
			db = openTest(t, testOptions(errorfs.Wrap(mem, r)))
			if last, err := holes(db); last != 4 || err != nil {
				t.Errorf("%v at write %d: %d, %v", cause, at, last, err)
			}
			refused := db.Writable()
			if refused != nil {
				readOnly++
				var e *paper.Error
				err := put(db, 1)
				if !errors.As(err, &e) || e.Reason != ReasonReadOnly || !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), cause.Error()) {
					t.Errorf("%v at write %d: %v", cause, at, err)
				}
			}
			if err := db.Close(); err != nil && !errors.Is(err, cause) {
				t.Errorf("%v at write %d: close: %v", cause, at, err)
			}
			db = openTest(t, testOptions(mem))
			puts(t, db, 1, 100)
			if last, err := holes(db); last != 5 || err != nil || db.Writable() != nil {
				t.Errorf("%v at write %d, opened again: %d, %v, %v", cause, at, last, err, db.Writable())
			}
			closeTest(t, db)
			if r.n.Load() < at {
				break
			}
		}
		if readOnly < 20/step {
			t.Errorf("%v: only %d openings were refused writing", cause, readOnly)
		}
	}
}

// pathError wraps an error of the system as package os does.
type pathError struct{ cause error }

func (e *pathError) Error() string { return fmt.Sprintf("write x: %v", e.cause) }
func (e *pathError) Unwrap() error { return e.cause }

// powerCut takes a picture of the disk before the at-th write.
type powerCut struct {
	mem     *vfs.MemFS
	at      int64
	percent int
	n       atomic.Int64
	once    sync.Once
	disk    *vfs.MemFS
	// onPicture is called when the picture is taken, never during do.
	mu        sync.Mutex
	onPicture func()
}

func (c *powerCut) do(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn()
}

func (c *powerCut) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && c.n.Add(1) == c.at {
		c.picture()
	}
	return nil
}

func (c *powerCut) picture() {
	c.once.Do(func() {
		if c.onPicture != nil {
			c.do(c.onPicture)
		}
		c.disk = c.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.percent, RNG: rand.New(rand.NewPCG(uint64(c.at), 7))})
	})
}

func (c *powerCut) String() string { return "power cut" }

// onCrashable puts a disk on a file system that can crash, synced.
func onCrashable(t *testing.T, whole disk, change func(string, []byte) ([]byte, bool)) *vfs.MemFS {
	t.Helper()
	from := whole.fs(t, change)
	to := vfs.NewCrashableMem()
	if err := to.MkdirAll(testDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := vfs.Clone(from, to, testDir, testDir, vfs.CloneSync); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/", testDir, testDir + "/" + storeDir} {
		if err := syncDir(to, dir); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// A power cut at any write of opening, writing to, compacting and closing a
// store, that was killed or closed before, never refuses the next start, and
// loses nothing that was acknowledged: the mark is never ahead of the disk.
func TestPowerCutAtEveryWrite(t *testing.T) {
	mem := vfs.NewCrashableMem()
	db := openTest(t, testOptions(mem))
	puts(t, db, 30, 3000)
	live := readDisk(t, killed(mem), testDir)
	closeTest(t, db)
	for name, before := range map[string]disk{"killed": live, "closed": readDisk(t, mem, testDir)} {
		step := int64(1)
		if name == "closed" {
			step = 3
		}
		for at := int64(1); ; at += step {
			c := &powerCut{mem: onCrashable(t, before, same), at: at, percent: int(at%3) * 50}
			acked, ackedThen := uint64(31), uint64(0)
			c.onPicture = func() { ackedThen = acked }
			db := openTest(t, testOptions(errorfs.Wrap(c.mem, c)))
			for i := range 4 {
				puts(t, db, 1, 3000)
				c.do(func() { acked++ })
				if i == 1 {
					if err := db.Compact(t.Context(), []byte{0}, []byte{0x30}); err != nil {
						t.Fatal(err)
					}
				}
			}
			closeTest(t, db)
			c.picture()
			o := testOptions(c.disk)
			o.Create = false
			after, err := Open(testDir, o)
			if err != nil {
				t.Fatalf("%s, at write %d: %v", name, at, err)
			}
			last, err := holes(after)
			if err != nil || last < ackedThen {
				t.Errorf("%s, at write %d: commit %d of %d, %v", name, at, last, ackedThen, err)
			}
			closeTest(t, after)
			if c.n.Load() < at {
				if at < 40 {
					t.Errorf("%s: only %d writes were seen", name, at)
				}
				break
			}
		}
	}
}

// A power cut at any write of accepting a loss leaves a store that is refused
// still, and can be accepted again, or one that goes on; never one that lost
// more.
func TestPowerCutWhileAccepting(t *testing.T) {
	whole := loggedStore(t, 12)
	log := newestLog(whole)
	flip := func(name string, b []byte) ([]byte, bool) {
		if name == log {
			return flipMiddle(b)
		}
		return b, true
	}

	for at := int64(1); ; at++ {
		c := &powerCut{mem: onCrashable(t, whole, flip), at: at, percent: int(at%3) * 50}
		loss, err := AcceptLoss(testDir, testOptions(errorfs.Wrap(c.mem, c)))
		if err != nil || loss.Commits() == 0 {
			t.Fatalf("%v, %v", loss, err)
		}
		c.picture()
		want := loss.First - 1
		o := testOptions(c.disk)
		o.Create = false
		if db, err := Open(testDir, o); err == nil {
			closeTest(t, db)
		} else if _, err := AcceptLoss(testDir, testOptions(c.disk)); err != nil {
			t.Errorf("at write %d: accepting again: %v", at, err)
		}
		db := openTest(t, o)
		got := uint64(0)
		snap := db.Snapshot()
		err = snap.Scan(t.Context(), []byte{0x20}, []byte{0x21}, func(_, _ []byte) error { got++; return nil })
		snap.Close()
		if got+1 != want || err != nil {
			t.Errorf("at write %d: %d of %d are left, %v", at, got+1, want, err)
		}
		closeTest(t, db)
		if c.n.Load() < at {
			if at < 20 {
				t.Errorf("only %d writes were seen", at)
			}
			break
		}
	}
}

// A power cut at any write of a restoring leaves what was there, or what was
// restored, or a message that the restoring was cut short; and it can be done
// again.
func TestPowerCutWhileRestoring(t *testing.T) {
	mem := vfs.NewMem()
	db := openTest(t, testOptions(mem))
	puts(t, db, 3, 50)
	err := db.Checkpoint(t.Context(), "/copy", func(*Snapshot) error { return nil }, func(files []CopiedFile) any {
		return copied{Format: FormatVersion, Files: files}
	})
	if err != nil {
		t.Fatal(err)
	}
	puts(t, db, 3, 50)
	closeTest(t, db)
	data, snapshot := readDisk(t, mem, testDir), readDisk(t, mem, "/copy")
	for at := int64(1); ; at++ {
		c := &powerCut{mem: onCrashable(t, data, same), at: at, percent: int(at%3) * 50}
		addSynced(t, c.mem, "/copy", snapshot)
		if _, err := Restore(t.Context(), "/copy", testDir, true, errorfs.Wrap(c.mem, c)); err != nil {
			t.Fatal(err)
		}
		c.picture()
		o := testOptions(c.disk)
		o.Create = false
		if db, err := Open(testDir, o); err == nil {
			if last, err := holes(db); err != nil || last != 7 && last != 4 {
				t.Errorf("at write %d: %d, %v", at, last, err)
			}
			closeTest(t, db)
		} else if !strings.Contains(err.Error(), "was cut short; run it again") {
			t.Errorf("at write %d: %v", at, err)
		}
		if _, err := Restore(t.Context(), "/copy", testDir, true, c.disk); err != nil {
			t.Errorf("at write %d: again: %v", at, err)
		}
		db := openTest(t, o)
		if last, err := holes(db); err != nil || last != 4 {
			t.Errorf("at write %d, restored again: %d, %v", at, last, err)
		}
		closeTest(t, db)
		if c.n.Load() < at {
			if at < 20 {
				t.Errorf("only %d writes were seen", at)
			}
			break
		}
	}
}

func addSynced(t *testing.T, fs *vfs.MemFS, dir string, files disk) {
	t.Helper()
	for name, b := range files {
		path := fs.PathJoin(dir, name)
		if err := fs.MkdirAll(fs.PathDir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write(slices.Clone(b)) // which the file system may write over
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"/", dir, dir + "/" + storeDir} {
		if err := syncDir(fs, d); err != nil {
			t.Fatal(err)
		}
	}
}
