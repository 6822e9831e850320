package kv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"akin/internal/paper"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testDir = "/data"

func testOptions(fs FS) Options {
	return Options{Create: true, CacheBytes: 1 << 20, MemTableBytes: 64 << 10, FS: fs}
}

func openTest(t testing.TB, o Options) *DB {
	t.Helper()
	db, err := Open(testDir, o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func closeTest(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func testKey(n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{0x20}, n) }

// put makes one commit, with a value of some bytes under the commit's number.
func put(db *DB, size int) error {
	end, err := db.Begin(context.Background())
	if err != nil {
		return err
	}
	defer end()
	batch := db.NewBatch()
	key := testKey(db.current.history.commit + 1)
	if err := batch.Set(key, Seal(key, slices.Repeat([]byte{byte(len(key) * size)}, size))); err != nil {
		return err
	}
	snap, err := db.Commit(batch)
	if err == nil {
		snap.Close()
	}
	return err
}

func puts(t testing.TB, db *DB, n, size int) {
	t.Helper()
	for range n {
		if err := put(db, size); err != nil {
			t.Fatal(err)
		}
	}
}

// holes reads all that was put and names what is missing of the commits from
// 2 on (the first is that of the creation) up to the last, which it returns.
func holes(db *DB) (last uint64, err error) {
	snap := db.Snapshot()
	defer snap.Close()
	last = snap.Point().Commit
	begun := map[uint64]bool{}
	for _, e := range snap.view.history.epochs {
		begun[e.first] = true
	}
	want := uint64(2)
	err = snap.Scan(context.Background(), []byte{0x20}, []byte{0x21}, func(key, value []byte) error {
		if n := binary.BigEndian.Uint64(key[1:]); n != want {
			return fmt.Errorf("commit %d is missing", want)
		}
		want++
		_, err := Unseal(key, value)
		return err
	})
	if err == nil && want != last+1 {
		err = fmt.Errorf("commits %d to %d are missing", want, last)
	}
	return last, err
}

func isDamage(err error) bool { return paper.KindOf(err) == paper.DataLoss }

// disk is what a directory holds.
type disk map[string][]byte

func readDisk(t testing.TB, fs FS, dir string) disk {
	t.Helper()
	d := disk{}
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			for sub, b := range readDisk(t, fs, path) {
				d[name+"/"+sub] = b
			}
			continue
		}
		f, err := fs.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, info.Size())
		if _, err := f.ReadAt(b, 0); err != nil && len(b) > 0 {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		d[name] = b
	}
	return d
}

// killed is what kill -9 leaves of what a program wrote, at one instant.
func killed(mem *vfs.MemFS) *vfs.MemFS {
	return mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 2))})
}

func (d disk) names() []string {
	names := make([]string, 0, len(d))
	for name := range d {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// fs makes a file system of the files, changed by change.
func (d disk) fs(t testing.TB, change func(name string, b []byte) (changed []byte, keep bool)) *vfs.MemFS {
	t.Helper()
	mem := vfs.NewMem()
	for name, b := range d {
		b, keep := change(name, slices.Clone(b))
		if !keep {
			continue
		}
		path := mem.PathJoin(testDir, name)
		if err := mem.MkdirAll(mem.PathDir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := mem.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return mem
}

func same(_ string, b []byte) ([]byte, bool) { return b, true }

// attacked is a disk with one file changed.
type attacked struct {
	name   string
	change func(b []byte) (changed []byte, keep bool)
}

// attacks are the ways to harm a file: flipped bytes along it, cut, emptied,
// grown, removed.
func attacks(size int) []attacked {
	var all []attacked
	add := func(name string, change func(b []byte) ([]byte, bool)) { all = append(all, attacked{name, change}) }
	for i := range 7 {
		at := size * i / 7
		add(fmt.Sprintf("flip %d", at), func(b []byte) ([]byte, bool) {
			if at < len(b) {
				b[at] ^= 0x41
			}
			return b, true
		})
	}
	if size > 0 {
		add("flip the last", func(b []byte) ([]byte, bool) { b[len(b)-1] ^= 0x41; return b, true })
		add("cut by 1", func(b []byte) ([]byte, bool) { return b[:len(b)-1], true })
	}
	add("cut in half", func(b []byte) ([]byte, bool) { return b[:len(b)/2], true })
	add("empty", func([]byte) ([]byte, bool) { return nil, true })
	add("garbage behind", func(b []byte) ([]byte, bool) { return append(b, slices.Repeat([]byte{0xa7}, 1000)...), true })
	add("zeros behind", func(b []byte) ([]byte, bool) { return append(b, make([]byte, 1000)...), true })
	add("removed", func([]byte) ([]byte, bool) { return nil, false })
	return all
}

// Whatever happens to a file of a store that was closed, or killed: it is
// refused, or nothing that was acknowledged is missing, or the read that comes
// upon it says so. Nothing is missing silently.
func TestNothingIsMissingSilently(t *testing.T) {
	for _, how := range []string{"closed", "killed"} {
		t.Run(how, func(t *testing.T) {
			mem := vfs.NewCrashableMem()
			db := openTest(t, testOptions(mem))
			puts(t, db, 60, 4000)
			if err := db.Compact(t.Context(), []byte{0}, []byte{0x30}); err != nil {
				t.Fatal(err)
			}
			puts(t, db, 25, 3000)
			var whole disk
			if how == "killed" {
				whole = readDisk(t, killed(mem), testDir)
			}
			closeTest(t, db)
			if how == "closed" {
				whole = readDisk(t, mem, testDir)
			}
			const last = 1 + 60 + 25
			seen := map[string]int{}
			for _, name := range whole.names() {
				for _, attack := range attacks(len(whole[name])) {
					what := attackOne(t, whole, name, attack, last)
					kind, _, _ := strings.Cut(strings.TrimPrefix(name, "store/"), "-")
					if strings.Contains(kind, ".") && !strings.HasPrefix(kind, "MARK") {
						kind = kind[strings.LastIndex(kind, "."):]
					}
					seen[kind+" "+what]++
				}
			}
			for _, want := range []string{".log refused", ".sst found", "MANIFEST refused", "MARK.akin refused"} {
				if seen[want] == 0 {
					t.Errorf("never seen: %s; seen: %v", want, seen)
				}
			}
		})
	}
}

// attackOne opens a copy of the disk that was harmed in one place and says what
// came of it.
func attackOne(t *testing.T, whole disk, name string, attack attacked, want uint64) string {
	t.Helper()
	fs := whole.fs(t, func(file string, b []byte) ([]byte, bool) {
		if file != name {
			return b, true
		}
		return attack.change(b)
	})
	o := testOptions(fs)
	o.Create = false
	db, err := Open(testDir, o)
	if err != nil {
		if !isDamage(err) && paper.KindOf(err) != paper.FailedPrecondition && paper.KindOf(err) != paper.Unsupported {
			t.Errorf("%s, %s: refused, but not as damage: %v", name, attack.name, err)
		}
		return "refused"
	}
	defer closeQuietly(db)
	last, err := holes(db)
	if err == nil && last == want {
		return "whole"
	}
	if isDamage(err) {
		faults, checkErr := db.CheckTables(t.Context())
		if checkErr != nil || len(faults) == 0 {
			t.Errorf("%s, %s: read %v, but the check of tables found %v, %v", name, attack.name, err, faults, checkErr)
		}
		return "found"
	}
	t.Errorf("%s, %s: opened with commit %d of %d: %v", name, attack.name, last, want, err)
	return "silent"
}

// closeQuietly closes a database that may be damaged.
func closeQuietly(db *DB) {
	if err := db.Close(); err != nil && !isDamage(err) {
		_ = err // Pebble's view of damage that the test made
	}
}
