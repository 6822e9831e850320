package local_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/store"
	"akin/internal/vec"
)

// openSaved opens a catalog that saves its graph, and gives what it logs.
func openSaved(t *testing.T, dir string) (c *local.Catalog, log *logged, closeAll func()) {
	t.Helper()
	return openWith(t, dir, func(*local.Config) {})
}

// openWith is openSaved with another configuration.
func openWith(t *testing.T, dir string, change func(*local.Config)) (c *local.Catalog, log *logged, closeAll func()) {
	t.Helper()
	s, err := store.Open(filepath.Join(dir, "data"), store.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	log = new(logged)
	config := local.Config{
		Store: s, Space: space(), GraphFrom: 100, Dir: filepath.Join(dir, "indexes"),
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	change(&config)
	c, err = local.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return c, log, func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// logged is what was logged, by any goroutine.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// waitSaved waits for the graph's file.
func waitSaved(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the graph was never saved")
		}
	}
}

// A graph that was saved answers at once after the next start, with what was
// written since; one that is old, foreign, damaged or gone is built anew.
func TestSavedGraph(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "indexes", "papers.graph")
	c, _, closeAll := openSaved(t, dir)
	for n := range 300 {
		apply(t, c, put(n, 1))
	}
	waitSaved(t, file)
	closeAll()
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, log, closeAll := openSaved(t, dir)
	if strings.Contains(log.String(), "building") {
		t.Errorf("the saved graph was not used:\n%s", log)
	}
	apply(t, c, put(5, 2))
	apply(t, c, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: "p0007"}})
	apply(t, c, put(900, 1))
	closeAll()
	current, err := os.ReadFile(file)
	if err != nil || bytes.Equal(current, old) {
		t.Errorf("closing did not save the graph (%v)", err)
	}
	damaged := bytes.Clone(old)
	damaged[len(damaged)/2] ^= 4
	vectors := bytes.Clone(old)
	for i := 4096; i < 4096+300*4*dimension; i += 4 { // found only by reading all
		vectors[i+3] ^= 0x80
	}
	for _, tc := range []struct {
		name    string
		file    []byte
		rebuilt bool
	}{
		{"as it was closed", current, false},
		{"from before the last changes", old, false},
		{"damaged", damaged, true},
		{"other vectors", vectors, true},
		{"cut off", old[:len(old)/2], true},
		{"something else", []byte("hello"), true},
		{"empty", nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := os.WriteFile(file, tc.file, 0o600); err != nil {
				t.Fatal(err)
			}
			c, log, closeAll := openSaved(t, dir)
			defer closeAll()
			if tc.rebuilt { // or is about to be
				for deadline := time.Now().Add(5 * time.Minute); !strings.Contains(log.String(), "answers now") && time.Now().Before(deadline); {
					time.Sleep(10 * time.Millisecond)
				}
			}
			for n, revision := range map[int]int{5: 2, 8: 1, 900: 1, 299: 1} {
				if h := nearest(t, c, vectorOf(n*100+revision), false).Hits[0]; h.ID != fmt.Sprintf("p%04d", n) || h.Score < .9999 {
					t.Errorf("paper %d: found %+v", n, h)
				}
			}
			if h := nearest(t, c, vectorOf(701), false).Hits[0]; h.ID == "p0007" {
				t.Error("a deleted paper was found")
			}
			if got := strings.Contains(log.String(), "made anew"); got != tc.rebuilt {
				t.Errorf("made anew: %v, want %v\n%s", got, tc.rebuilt, log)
			}
		})
	}
}

// waitLog waits until one of some texts is in a log.
func waitLog(t *testing.T, log *logged, texts ...string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		for _, text := range texts {
			if strings.Contains(log.String(), text) {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("none of %q is in the log:\n%s", texts, log)
		}
	}
}

// crash copies a directory that is in use, as a kill at this moment leaves it.
func crash(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// A start after a crash opens the graph that was saved before, catches up, and
// finds nothing wrong with it: that slots of its vectors were used again in memory
// is not damage of the file.
func TestSavedGraphAfterCrash(t *testing.T) {
	for name, changes := range map[string]func(n int) catalog.Mutation{
		"added":   func(n int) catalog.Mutation { return put(1000+n, 1) },
		"changed": func(n int) catalog.Mutation { return put(n, 2) },
		"deleted": func(n int) catalog.Mutation {
			return catalog.Mutation{Delete: true, Paper: paper.Paper{ID: fmt.Sprintf("p%04d", n)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c, _, closeAll := openSaved(t, dir)
			var all, some []catalog.Mutation
			for n := range 400 {
				all = append(all, put(n, 1))
			}
			apply(t, c, all...)
			waitSaved(t, filepath.Join(dir, "indexes", "papers.graph"))
			for n := range 60 { // free slots to use again
				some = append(some, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: fmt.Sprintf("p%04d", 340+n)}})
			}
			apply(t, c, some...)
			closeAll()
			c, _, closeAll = openSaved(t, dir)
			defer closeAll()
			some = nil
			for n := range 50 {
				some = append(some, changes(n))
			}
			apply(t, c, some...)
			c, log, closeCrashed := openSaved(t, crash(t, dir))
			defer closeCrashed()
			waitLog(t, log, "are what was saved", "refused")
			if strings.Contains(log.String(), "refused") || strings.Contains(log.String(), "building") {
				t.Errorf("a good graph was not used:\n%s", log)
			}
			for n := range 50 {
				m := changes(n)
				hit := nearest(t, c, vectorOf(n*100+1), false).Hits[0]
				if m.Vector != nil {
					hit = nearest(t, c, m.Vector, false).Hits[0]
				}
				if (hit.ID == m.Paper.ID) == m.Delete {
					t.Errorf("%s %s: found %+v", m.Paper.ID, name, hit)
				}
			}
		})
	}
}

// What deleted and changed papers said is in no file that is saved after that:
// neither their words and ids nor their vectors.
func TestSavedFilesForget(t *testing.T) {
	dir := t.TempDir()
	c, _, closeAll := openSaved(t, dir)
	for n := range 300 {
		apply(t, c, put(n, 1))
	}
	secret := put(7, 1)
	secret.Paper.Title, secret.Paper.DOI = "A zyxwotter", "10.5555/qqzyxw"
	apply(t, c, secret)
	other := put(9, 1)
	other.Paper.Title = "A vuttrick"
	apply(t, c, other)
	closeAll() // and saved
	traces := func() (found []string) {
		codes := make([]int8, dimension)
		vec.Quantize(codes, vectorOf(701))
		code := make([]byte, dimension)
		for i, x := range codes {
			code[i] = byte(x)
		}
		err := filepath.WalkDir(filepath.Join(dir, "indexes"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			for name, trace := range map[string][]byte{
				"word": []byte("zyxwotter"), "doi": []byte("qqzyxw"), "replaced word": []byte("vuttrick"), "vector": bytesOf(vectorOf(701)), "code": code,
			} {
				if bytes.Contains(raw, trace) {
					found = append(found, name+" in "+d.Name())
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := traces(); len(found) < 5 {
		t.Fatalf("the test would see nothing: only %v", found)
	}
	c, _, closeAll = openSaved(t, dir)
	apply(t, c, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: "p0007"}}, put(9, 2))
	closeAll()
	if found := traces(); len(found) > 0 {
		t.Errorf("still there: %v", found)
	}
	// What did not change is not written again.
	file := filepath.Join(dir, "indexes", "papers.graph")
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	c, _, closeAll = openSaved(t, dir)
	if h := nearest(t, c, vectorOf(902), false).Hits[0]; h.ID != "p0009" {
		t.Errorf("found %+v", h)
	}
	closeAll()
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) {
		t.Errorf("the graph was written again (%v)", err)
	}
}

func bytesOf(v []float32) (out []byte) {
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}
