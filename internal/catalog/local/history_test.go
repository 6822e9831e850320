package local_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/rank"
	"akin/internal/store"
)

// A paper with a word of its own.
func named(n int) catalog.Mutation {
	m := put(n, 1)
	m.Paper.Title = fmt.Sprintf("Paper called w%dx", n)
	return m
}

// addNamed adds papers in one group.
func addNamed(t *testing.T, c *local.Catalog, from, to int) {
	t.Helper()
	var all []catalog.Mutation
	for n := from; n < to; n++ {
		all = append(all, named(n))
	}
	apply(t, c, all...)
}

// wantFound sees that papers are found by their vectors and by their words, and
// nothing that is not there is.
func wantFound(t *testing.T, c *local.Catalog, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		id := put(n, 1).Paper.ID
		if h := nearest(t, c, vectorOf(n*100+1), false).Hits[0]; h.ID != id || h.Score < .9999 {
			t.Errorf("%s is not found by its vector, but %+v", id, h)
		}
		view := look(t, c)
		found, err := view.Hybrid(t.Context(), catalog.Hybrid{K: 5, Words: catalog.Words{Text: fmt.Sprintf("w%dx", n)}})
		view.Close()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(found.Hits, func(h rank.Hit) bool { return h.ID == id }) {
			t.Errorf("%s is not found by its words", id)
		}
	}
	wantSound(t, c)
}

// wantSound sees that a verification finds nothing.
func wantSound(t *testing.T, c *local.Catalog) {
	t.Helper()
	v, err := c.Verify(t.Context(), func(string, uint64, uint64) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range v.Differences {
		t.Errorf("verification: %s: %s", d.Part, d.Description)
	}
}

// refusals are the lines of a log that say that a derived file is refused.
func refusals(log *logged) (lines []string) {
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "is refused") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// filled makes a directory with a graph and words of some papers, closed.
func filled(t *testing.T, from, to int) string {
	t.Helper()
	dir := t.TempDir()
	c, log, closeAll := openSaved(t, dir)
	addNamed(t, c, from, to)
	waitLog(t, log, "the graph is saved")
	closeAll()
	return dir
}

// replace puts a copy of one directory in the place of another.
func replace(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// wantRefused opens a directory and expects graph, words and attributes to be refused, once
// each, for a reason, and removed.
func wantRefused(t *testing.T, dir, why string) (*local.Catalog, *logged, func()) {
	t.Helper()
	c, log, closeAll := openSaved(t, dir)
	lines := refusals(log)
	if len(lines) != 3 || !strings.Contains(log.String(), "papers.graph") || !strings.Contains(log.String(), "papers.lexical") ||
		!strings.Contains(log.String(), "papers.attributes") {
		t.Errorf("refused were %q", lines)
	}
	for _, line := range lines {
		if !strings.Contains(line, why) || !strings.Contains(line, "removed=yes") {
			t.Errorf("no %q in %s", why, line)
		}
	}
	return c, log, closeAll
}

func TestIndexesOfAnotherStore(t *testing.T) {
	a, b := filled(t, 0, 200), filled(t, 5000, 5200) // as many papers, the same sequence
	replace(t, filepath.Join(b, "indexes"), filepath.Join(a, "indexes"))
	c, _, closeAll := wantRefused(t, a, "another store")
	wantFound(t, c, 0, 30)
	closeAll()
	c, log, closeAll := openSaved(t, a)
	defer closeAll()
	if lines := refusals(log); len(lines) > 0 {
		t.Errorf("at the next start: %q", lines)
	}
	wantFound(t, c, 170, 200)
}

func TestIndexesNewerThanTheStore(t *testing.T) {
	dir := filled(t, 0, 200)
	backup := t.TempDir()
	replace(t, filepath.Join(dir, "data"), filepath.Join(backup, "data"))
	c, _, closeAll := openSaved(t, dir)
	addNamed(t, c, 1000, 1050)
	closeAll()
	newer := filepath.Join(t.TempDir(), "indexes")
	replace(t, filepath.Join(dir, "indexes"), newer)

	t.Run("the next start", func(t *testing.T) {
		replace(t, filepath.Join(backup, "data"), filepath.Join(dir, "data"))
		c, _, closeAll := wantRefused(t, dir, "does not know")
		wantFound(t, c, 0, 30)
		// Others, past the sequence of the indexes, and a crash before any save.
		addNamed(t, c, 2000, 2060)
		crashed := crash(t, dir)
		closeAll()
		c, _, closeAll = openSaved(t, crashed)
		defer closeAll()
		wantFound(t, c, 2000, 2060)
	})
	t.Run("after others reached the same sequence", func(t *testing.T) {
		replace(t, filepath.Join(backup, "data"), filepath.Join(dir, "data"))
		if err := os.RemoveAll(filepath.Join(dir, "indexes")); err != nil {
			t.Fatal(err)
		}
		c, _, closeAll := openSaved(t, dir)
		addNamed(t, c, 2000, 2050)
		closeAll()
		replace(t, newer, filepath.Join(dir, "indexes"))
		c, _, closeAll = wantRefused(t, dir, "does not know")
		wantFound(t, c, 2000, 2050)
		closeAll()
	})
	t.Run("a copy made in the middle of an epoch", func(t *testing.T) {
		dir := t.TempDir()
		c, log, closeAll := openSaved(t, dir)
		addNamed(t, c, 0, 200)
		waitLog(t, log, "the graph is saved")
		copied := crash(t, dir)
		addNamed(t, c, 1000, 1050)
		closeAll()
		replace(t, filepath.Join(dir, "indexes"), filepath.Join(copied, "indexes"))
		c, _, closeAll = wantRefused(t, copied, "commit")
		defer closeAll()
		wantFound(t, c, 0, 30)
	})
}

// An older copy of the indexes, of this store's past, is believed and catches up.
func TestIndexesOlderThanTheStore(t *testing.T) {
	dir := filled(t, 0, 200)
	older := t.TempDir()
	replace(t, filepath.Join(dir, "indexes"), older)
	for n := range 3 {
		c, _, closeAll := openSaved(t, dir)
		addNamed(t, c, 1000+10*n, 1010+10*n)
		closeAll()
	}
	replace(t, older, filepath.Join(dir, "indexes"))
	c, log, closeAll := openSaved(t, dir)
	defer closeAll()
	if lines := refusals(log); len(lines) > 0 || strings.Contains(log.String(), "building") {
		t.Errorf("refused: %q", lines)
	}
	wantFound(t, c, 1000, 1030)
}

// A graph that is not wanted is removed all the same when it is not believed, and
// when it would keep what is deleted from now on.
func TestUnwantedGraph(t *testing.T) {
	a, b := filled(t, 0, 200), filled(t, 5000, 5200)
	file := filepath.Join(a, "indexes", "papers.graph")
	gone := func() bool { _, err := os.Stat(file); return os.IsNotExist(err) }
	exact := func(config *local.Config) { config.Index = local.ExactIndex }
	_, _, closeAll := openWith(t, a, exact)
	closeAll()
	if gone() {
		t.Error("a good graph was removed by a start with another kind of index")
	}
	replace(t, filepath.Join(b, "indexes"), filepath.Join(a, "indexes"))
	_, log, closeAll := openWith(t, a, exact)
	closeAll()
	if !gone() || len(refusals(log)) != 3 {
		t.Errorf("another store's graph is still there, or nothing was said: %q", refusals(log))
	}
	c, log, closeAll := openSaved(t, a)
	waitLog(t, log, "the graph is saved")
	for n := range 150 {
		apply(t, c, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: put(n, 1).Paper.ID}})
	}
	closeAll()
	c, _, closeAll = openSaved(t, a) // 50 papers are scanned
	defer closeAll()
	if !gone() {
		t.Error("the graph of a collection that is scanned was kept")
	}
	wantFound(t, c, 150, 200)
}

// What a save that was cut short has left is gone after the next start.
func TestLeftovers(t *testing.T) {
	dir := filled(t, 0, 200)
	for _, name := range []string{
		"papers.graph.tmp", ".papers.graph.akin-0123456789abcdef.pending", "papers.lexical/.manifest.lex.akin-0123456789abcdef.pending",
		"papers.lexical/.segment-0123456789abcdef.lex.akin-0123456789abcdef.pending", "papers.lexical/terms-0000000000000000.lex",
	} {
		if err := os.WriteFile(filepath.Join(dir, "indexes", filepath.FromSlash(name)), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, _, closeAll := openSaved(t, dir)
	apply(t, c, named(900))
	closeAll()
	var left []string
	for _, pattern := range []string{"*.tmp", ".*", "*/.*", "*/*0000000000*"} {
		found, err := filepath.Glob(filepath.Join(dir, "indexes", pattern))
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, found...)
	}
	if len(left) > 0 {
		t.Errorf("left are %q", left)
	}
}

// A store that can only be read, because it is damaged, is served from what there is,
// and nothing beside it is written or removed.
func TestDamagedStoreIsLeftAlone(t *testing.T) {
	dir := filled(t, 0, 200)
	logs, err := filepath.Glob(filepath.Join(dir, "data", "store", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	newest := logs[len(logs)-1]
	raw, err := os.ReadFile(newest)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 0x41
	if err := os.WriteFile(newest, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	before := treeOf(t, filepath.Join(dir, "indexes"))
	if _, err := store.Open(filepath.Join(dir, "data"), store.Options{}); paper.KindOf(err) != paper.DataLoss {
		t.Fatalf("a damaged store was opened: %v", err)
	}
	s, err := store.Open(filepath.Join(dir, "data"), store.Options{ReadOnlyOnDamage: true})
	if err != nil {
		t.Fatal(err)
	}
	log := new(logged)
	c, err := local.Open(t.Context(), local.Config{
		Store: s, Space: space(), GraphFrom: 100, Dir: filepath.Join(dir, "indexes"), Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if paper.KindOf(err) == paper.FailedPrecondition || paper.KindOf(err) == paper.DataLoss {
		t.Skipf("nothing is left of the collection: %v", err) // all of it was in the log
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if after := treeOf(t, filepath.Join(dir, "indexes")); !maps.Equal(before, after) {
		t.Errorf("files were changed: %v, then %v\n%s", before, after, log)
	}
}

// treeOf gives the files of a directory with their lengths and times.
func treeOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all[path] = fmt.Sprint(info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
