package local_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/store"
)

// otherSpace is a space of the same dimension: only its fingerprint tells it apart.
func otherSpace() paper.Space {
	other := space()
	other.Model = "another"
	return other
}

// A graph of the vectors that a collection had in another space is refused, though it
// has the same papers and fits, and what is found is of the new space.
func TestGraphOfAnotherSpace(t *testing.T) {
	dir := filled(t, 0, 150)
	s, err := store.Open(filepath.Join(dir, "data"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := local.NewMigration(t.Context(), s, otherSpace())
	if err != nil {
		t.Fatal(err)
	}
	anew := func(n int) []float32 { return vectorOf(50_000 + n) }
	for record, err := range m.Missing(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if _, err := fmt.Sscanf(record.ID, "p%d", &n); err != nil {
			t.Fatal(err)
		}
		if err := m.Put(t.Context(), []*paper.Record{record}, []catalog.Mutation{{Vector: anew(n)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	inOther := func(config *local.Config) { config.Space = otherSpace() }
	_, log, closeAll := openWith(t, dir, inOther)
	if lines := strings.Join(refusals(log), "\n"); !strings.Contains(lines, "papers.graph") || !strings.Contains(lines, "of space") {
		t.Errorf("refused were %q", lines)
	}
	waitLog(t, log, "the graph is saved")
	closeAll()
	c, log, closeAll := openWith(t, dir, inOther)
	defer closeAll()
	if lines := refusals(log); len(lines) > 0 || strings.Contains(log.String(), "building") {
		t.Errorf("the graph of the new space is not used: %q", lines)
	}
	if got := infoOf(t, c).Space; got != otherSpace() {
		t.Errorf("the collection is of space %+v", got)
	}
	if h := nearest(t, c, anew(7), false).Hits[0]; h.ID != "p0007" || h.Score < .9999 {
		t.Errorf("found %+v", h)
	}
	wantSound(t, c)
}

// Outside, the graph of a collection's own space is known as NAME.graph; that of another
// space must not take its place.
func TestGraphFiles(t *testing.T) {
	c, closeAll := open(t, t.TempDir(), local.GraphIndex)
	defer closeAll()
	if got := local.GraphFile(c, space()); got != "papers.graph" {
		t.Errorf("of its own space: %s", got)
	}
	if got, want := local.GraphFile(c, otherSpace()), "papers."+otherSpace().Fingerprint()[:12]+".graph"; got != want {
		t.Errorf("of another space: %s, want %s", got, want)
	}
}

// Collections that are not there, and a catalog that is closed, are errors of a kind.
func TestNoCollection(t *testing.T) {
	c, closeAll := open(t, t.TempDir(), local.ExactIndex)
	for _, name := range []string{"", "others"} {
		if _, err := c.View(t.Context(), name); paper.KindOf(err) != paper.NotFound {
			t.Errorf("view of %q: %v", name, err)
		}
		if _, _, err := c.Apply(t.Context(), name, nil); paper.KindOf(err) != paper.NotFound {
			t.Errorf("changes of %q: %v", name, err)
		}
	}
	closeAll()
	if _, err := c.View(t.Context(), paper.DefaultCollection); paper.KindOf(err) != paper.Unavailable {
		t.Errorf("view of a closed catalog: %v", err)
	}
}
