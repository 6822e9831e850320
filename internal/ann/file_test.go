package ann_test

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/ann"
	"akin/internal/ann/anntest"
	"akin/internal/paper"
)

const stamp = "space-1\x00\xff, sequence 7"

// used returns a graph with everything that a graph can have in it: tombstones, a
// sweep under way, free slots, shared nodes, higher layers.
func used(tb testing.TB, plain bool) *ann.Graph {
	tb.Helper()
	const dimension, size = 12, 900
	g := newGraph(tb, dimension, ann.Options{M: 4, EfConstruction: 20, Plain: plain, Seed: 9, AlwaysWalk: true})
	vectors := anntest.Clustered(51, size, dimension, 10)
	copy(vectors[400:], vectors[300:350])
	anntest.Fill(tb, g, vectors)
	for i := range uint32(250) {
		if _, err := g.Delete(i * 3 % size); err != nil {
			tb.Fatal(err)
		}
	}
	if s := g.Stats(); s.Tombstones == 0 || s.Free == 0 || s.Shared == 0 || len(s.Levels) < 3 {
		tb.Fatalf("not all is there: %+v", s)
	}
	return g
}

func save(tb testing.TB, g *ann.Graph) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "graph")
	if err := g.Save(path, stamp); err != nil {
		tb.Fatal(err)
	}
	return path
}

func open(tb testing.TB, path string, o ann.OpenOptions) *ann.Graph {
	tb.Helper()
	g, got, err := ann.OpenGraph(path, o)
	if err != nil {
		tb.Fatal(err)
	}
	if got != stamp {
		tb.Fatalf("stamp %q, want %q", got, stamp)
	}
	tb.Cleanup(func() {
		if err := g.Close(); err != nil {
			tb.Error(err)
		}
	})
	return g
}

func sameAnswers(t *testing.T, a, b ann.Index, seed uint64) {
	t.Helper()
	for _, v := range anntest.Clustered(seed, 60, 12, 10) {
		q := ann.Query{Vector: v, K: 20, EfSearch: 1000}
		x, y := anntest.Search(t, a, q), anntest.Search(t, b, q)
		if !slices.Equal(x.Neighbors, y.Neighbors) {
			t.Fatalf("%v, want %v", x.Neighbors, y.Neighbors)
		}
	}
}

func TestFileComesBack(t *testing.T) {
	for _, plain := range []bool{false, true} {
		g := used(t, plain)
		path := save(t, g)
		for _, inMemory := range []bool{false, true} {
			back := open(t, path, ann.OpenOptions{InMemory: inMemory, AlwaysWalk: true})
			audit(t, back)
			if err := back.Verify(t.Context()); err != nil {
				t.Error(err)
			}
			if back.Len() != g.Len() || back.Stats().Shared != g.Stats().Shared {
				t.Errorf("%+v, want %+v", back.Stats(), g.Stats())
			}
			sameAnswers(t, back, g, 52)
			if inMemory {
				continue
			}
			if bytes := g.Stats().Bytes - back.Stats().Bytes; bytes < int64(4*12*g.Len()) {
				t.Errorf("mapping saves %d bytes of memory, less than the vectors have", bytes)
			}
		}
	}
}

// TestOpenedGraphGoesOn changes an opened graph until slots of mapped vectors were
// used again and tables were compacted, saves it over the file that it is mapped
// from, and finds that file's bytes unharmed by the changes before.
func TestOpenedGraphGoesOn(t *testing.T) {
	path := save(t, used(t, false))
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g := open(t, path, ann.OpenOptions{AlwaysWalk: true})
	plain := newExact(t, 12)
	vectors := anntest.Clustered(53, 6000, 12, 10)
	for i, v := range vectors {
		ordinal := uint32(i * 7 % 1500)
		for _, index := range []ann.Index{g, plain} {
			if err := index.Upsert(ordinal, v); err != nil {
				t.Fatal(err)
			}
		}
		if i%997 == 0 {
			audit(t, g)
		}
	}
	sameAnswers(t, g, plain, 54)
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, after) {
		t.Error("changes to the graph changed its file")
	}
	if err := g.Save(path, stamp); err != nil {
		t.Fatal(err)
	}
	again := open(t, path, ann.OpenOptions{AlwaysWalk: true})
	audit(t, again)
	sameAnswers(t, again, plain, 55)
	for i := range uint32(1500) {
		if _, err := again.Delete(i); err != nil {
			t.Fatal(err)
		}
		if i%200 == 0 {
			audit(t, again)
		}
	}
	sameAnswers(t, g, plain, 56)
}

// during is a context that does something when it is asked for its error, as
// Verify does while it reads.
type during struct {
	context.Context
	do func()
}

func (d during) Err() error {
	d.do()
	return d.Context.Err()
}

// TestVerifyReadsTheFile: what was changed in memory since a file was opened is not
// damage of the file; and neither changes nor searches wait for the reading of it.
func TestVerifyReadsTheFile(t *testing.T) {
	path := save(t, used(t, false))
	g := open(t, path, ann.OpenOptions{})
	vectors := anntest.Clustered(57, 400, 12, 10)
	anntest.Fill(t, g, vectors) // over slots that were free, and others
	if err := g.Verify(t.Context()); err != nil {
		t.Errorf("a good file, and a graph that went on: %v", err)
	}
	asked := 0
	err := g.Verify(during{t.Context(), func() {
		asked++
		done := make(chan error)
		go func() {
			_, err := g.Delete(7) // waits for every reader
			done <- err
		}()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Minute):
			t.Error("a change waits for the file to be read")
		}
		anntest.Search(t, g, ann.Query{Vector: vectors[0], K: 3})
	}})
	if err != nil || asked == 0 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	// The file may have been replaced since: what is verified is what is mapped.
	if err := g.Save(path, stamp); err != nil {
		t.Fatal(err)
	}
	if err := g.Verify(t.Context()); err != nil {
		t.Errorf("after a save over the file: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Damage is found whatever was changed in memory since.
func TestVerifyFindsDamage(t *testing.T) {
	path := save(t, used(t, false))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[4096+12*4*20] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	g := open(t, path, ann.OpenOptions{})
	anntest.Fill(t, g, anntest.Clustered(57, 400, 12, 10))
	if err := g.Verify(t.Context()); paper.KindOf(err) != paper.DataLoss || !strings.Contains(err.Error(), path) {
		t.Errorf("damaged vectors: %v", err)
	}
}

// Files of versions before are refused by name, and nothing of them is read.
func TestOldVersions(t *testing.T) {
	path := filepath.Join("testdata", "v1", "papers.graph")
	if _, err := ann.ReadStamp(path); paper.KindOf(err) != paper.DataLoss || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("the stamp of version 1: %v", err)
	}
	if _, _, err := ann.OpenGraph(path, ann.OpenOptions{}); paper.KindOf(err) != paper.DataLoss || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("version 1: %v", err)
	}
}

// The stamp can be read alone; a header that is not right is refused there too.
func TestReadStamp(t *testing.T) {
	path := save(t, used(t, false))
	if got, err := ann.ReadStamp(path); err != nil || got != stamp {
		t.Errorf("%q, %v", got, err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{"empty": nil, "cut": raw[:100], "flipped": slices.Concat(raw[:101], []byte{raw[101] ^ 1}, raw[102:])} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ann.ReadStamp(path); paper.KindOf(err) != paper.DataLoss {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ann.ReadStamp(t.TempDir()); paper.KindOf(err) != paper.DataLoss {
		t.Errorf("a directory: %v", err)
	}
	g := newGraph(t, 4, ann.Options{})
	if err := g.Save(path, strings.Repeat("x", 1025)); paper.KindOf(err) != paper.Invalid {
		t.Errorf("a stamp that is too long: %v", err)
	}
}

func TestEmptyGraphComesBack(t *testing.T) {
	g := open(t, save(t, newGraph(t, 12, ann.Options{})), ann.OpenOptions{})
	audit(t, g)
	if err := g.Upsert(3, anntest.Random(1, 1, 12)[0]); err != nil || g.Len() != 1 {
		t.Errorf("%d vectors, %v", g.Len(), err)
	}
}

func refused(t *testing.T, path, what string) {
	t.Helper()
	for _, inMemory := range []bool{true, false} {
		g, _, err := ann.OpenGraph(path, ann.OpenOptions{InMemory: inMemory})
		if err == nil {
			t.Errorf("%s: opened", what)
			_ = g.Close()
			continue
		}
		var e *paper.Error
		if !errors.As(err, &e) || e.Kind != paper.DataLoss || e.Reason != paper.ReasonCorrupt {
			t.Errorf("%s: %v is not a damaged file's error", what, err)
		}
	}
}

func TestDamagedFilesAreRefused(t *testing.T) {
	path := save(t, used(t, false))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) string {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	refused(t, write(nil), "empty")
	refused(t, write([]byte("not a graph")), "foreign")
	refused(t, write(make([]byte, len(whole))), "zeros")
	refused(t, write(append(slices.Clone(whole), 0)), "longer")
	for _, n := range []int{100, 4095, 4096, 8192, len(whole) / 2, len(whole) - 1} {
		refused(t, write(whole[:n]), "cut")
	}
	newer := slices.Clone(whole)
	newer[8]++
	refused(t, write(newer), "newer")
	r := rand.New(rand.NewPCG(57, 57))
	g := open(t, save(t, used(t, false)), ann.OpenOptions{InMemory: true})
	vectors := 4096 + (4*12*(g.Stats().Levels[0]+g.Stats().Tombstones+g.Stats().Free)+4095)/4096*4096
	for range 300 {
		at := vectors + r.IntN(len(whole)-vectors)
		if r.IntN(3) == 0 {
			at = r.IntN(4096)
		}
		bad := slices.Clone(whole)
		bad[at] ^= 1 << r.IntN(8)
		if g, _, err := ann.OpenGraph(write(bad), ann.OpenOptions{InMemory: true}); err == nil {
			audit(t, g) // between the sections, or what no sum covers: padding
			_ = g.Close()
			if at < 4096 {
				t.Errorf("a bit of the header, at %d, does not count", at)
			}
		}
	}
	bad := slices.Clone(whole)
	bad[5000] ^= 1
	if _, _, err := ann.OpenGraph(write(bad), ann.OpenOptions{InMemory: true}); paper.KindOf(err) != paper.DataLoss {
		t.Errorf("damaged vectors, read: %v", err)
	}
	if err := open(t, path, ann.OpenOptions{}).Verify(t.Context()); paper.KindOf(err) != paper.DataLoss {
		t.Errorf("damaged vectors, mapped: %v", err)
	}
	if _, _, err := ann.OpenGraph(path+".none", ann.OpenOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// FuzzOpenGraph opens files whose checksums are right and whose content is not:
// refused, or a graph that works.
func FuzzOpenGraph(f *testing.F) {
	whole, err := os.ReadFile(save(f, used(f, false)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(20), uint64(1), uint32(4096*12), uint64(0xffff_ffff))
	f.Add(uint32(4096*20), uint64(0xff), uint32(0), uint64(0))
	f.Fuzz(func(t *testing.T, at1 uint32, x1 uint64, at2 uint32, x2 uint64) {
		b := slices.Clone(whole)
		for i := range 8 {
			b[(int(at1)+i)%len(b)] ^= byte(x1 >> (8 * i))
			b[(int(at2)+i)%len(b)] ^= byte(x2 >> (8 * i))
		}
		ann.Reseal(b)
		path := filepath.Join(t.TempDir(), "graph")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		g, _, err := ann.OpenGraph(path, ann.OpenOptions{AlwaysWalk: true})
		if err != nil {
			if paper.KindOf(err) != paper.DataLoss {
				t.Fatal(err)
			}
			return
		}
		defer g.Close()
		for i, v := range anntest.Random(58, 40, 12) {
			_, err1 := g.Search(context.Background(), ann.Query{Vector: v, K: 10, EfSearch: 100})
			_, err2 := g.Delete(uint32(i * 11))
			err := errors.Join(err1, err2, g.Upsert(uint32(i), v))
			if err != nil && !errors.Is(err, ann.ErrDimension) { // which may have changed
				t.Fatal(err)
			}
		}
	})
}

// failing is a disk on which the nth call fails.
type failing struct {
	ann.Disk
	left *int
}

var errDisk = errors.New("disk failed")

func (f failing) fails() bool { *f.left--; return *f.left < 0 }

func (f failing) Create(path string) (ann.DiskFile, error) {
	if f.fails() {
		return nil, errDisk
	}
	file, err := f.Disk.Create(path)
	return failingFile{file, f}, err
}

type failingFile struct {
	ann.DiskFile
	disk failing
}

func (f failingFile) Write(b []byte) (int, error) {
	if f.disk.fails() {
		n, _ := f.DiskFile.Write(b[:len(b)/2])
		return n, errDisk
	}
	return f.DiskFile.Write(b)
}

func (f failingFile) WriteAt(b []byte, at int64) (int, error) {
	if f.disk.fails() {
		return 0, errDisk
	}
	return f.DiskFile.WriteAt(b, at)
}

func (f failingFile) Commit() error {
	if f.disk.fails() {
		return errDisk
	}
	return f.DiskFile.Commit()
}

// TestSaveKeepsTheOldFile fails at every call in turn.
func TestSaveKeepsTheOldFile(t *testing.T) {
	g := used(t, false)
	path := save(t, g)
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Delete(899); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		left := n
		err := ann.SaveTo(g, failing{ann.OSDisk, &left}, path, stamp)
		now, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err == nil {
			if n < 10 || slices.Equal(now, old) {
				t.Errorf("%d calls, and the file is the old one: %v", n, slices.Equal(now, old))
			}
			return
		}
		if !errors.Is(err, errDisk) || !slices.Equal(now, old) {
			t.Fatalf("call %d failed: %v; the old file is there: %v", n, err, slices.Equal(now, old))
		}
		if left := unfinished(t, path); len(left) > 0 {
			t.Errorf("call %d failed and left %q", n, left)
		}
	}
}

// unfinished lists what stands beside a file.
func unfinished(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(path) {
			names = append(names, e.Name())
		}
	}
	return names
}

// What a killed save left goes, under the names of today and of earlier; the graph and
// what others have there stays.
func TestRemoveUnfinished(t *testing.T) {
	path := save(t, used(t, false))
	base := filepath.Base(path)
	for _, name := range []string{base + ".tmp", "." + base + ".akin-0123456789abcdef.pending", ".other.akin-0123456789abcdef.pending"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := ann.RemoveUnfinished(path); err != nil {
			t.Fatal(err)
		}
		if left := unfinished(t, path); len(left) != 1 || left[0] != ".other.akin-0123456789abcdef.pending" {
			t.Errorf("left are %q", left)
		}
	}
	if _, _, err := ann.OpenGraph(path, ann.OpenOptions{InMemory: true}); err != nil {
		t.Error(err)
	}
}
