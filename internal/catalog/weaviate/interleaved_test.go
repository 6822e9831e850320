package weaviate

import (
	"testing"
	"time"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// opened opens a fake node.
func opened(t *testing.T, config Config, epoch uint64) (*Catalog, *collection) {
	t.Helper()
	config.Epoch = epoch
	c, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	own, err := c.collection(t.Context(), paper.DefaultCollection)
	if err != nil {
		t.Fatal(err)
	}
	return c, own
}

// titled gives the paper of these tests a title.
func titled(t *testing.T, c *Catalog, title string) {
	t.Helper()
	m := catalog.Mutation{Paper: paper.Paper{ID: "a", Title: title}, Vector: []float32{1, 0, 0, 0}, TokenCount: 3}
	if _, _, err := c.Apply(t.Context(), paper.DefaultCollection, []catalog.Mutation{m}); err != nil {
		t.Fatal(err)
	}
}

func viewOf(t *testing.T, c *Catalog) catalog.View {
	t.Helper()
	v, err := c.View(t.Context(), paper.DefaultCollection)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func wants(t *testing.T, v catalog.View, want string) {
	t.Helper()
	records, err := v.Get(t.Context(), catalog.Refs("a"))
	if err != nil {
		t.Fatal(err)
	}
	if got := titles(records); got != want {
		t.Errorf("at %d the paper is %q; want %q", v.Info().Sequence, got, want)
	}
}

// A paper that the writer before mended lately, and this one changed before it had read the
// log, stays as this one made it.
func TestChangedBeforeRecall(t *testing.T) {
	node, at := newFake(t)
	config := configOf(at)
	first, own := opened(t, config, 1)
	titled(t, first, "one")
	node.pass(2 * own.config.Late)
	own.writing.Lock()
	h, err := own.ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := planOn(h)
	if err := own.restate(t.Context(), p, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if err := own.commit(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	own.writing.Unlock()
	second, own := opened(t, config, 2)
	titled(t, second, "two")
	if n, err := own.lookBack(t.Context(), time.Now()); err != nil || n != 0 {
		t.Errorf("%d papers are put back, %v", n, err)
	}
	wants(t, viewOf(t, second), "two")
}

// A copy that is needed to take a group back stays until that is done.
func TestCopyOfBegun(t *testing.T) {
	node, at := newFake(t)
	c, own := opened(t, configOf(at), 1)
	titled(t, c, "one")
	titled(t, c, "two")
	n := 0
	node.setFail(func() failure {
		switch n++; {
		case n < 3: // the log and the copies
			return none
		case n == 3: // the paper
			return after
		}
		return before
	})
	m := catalog.Mutation{Paper: paper.Paper{ID: "a", Title: "three"}, Vector: []float32{0, 1, 0, 0}}
	if _, _, err := c.Apply(t.Context(), paper.DefaultCollection, []catalog.Mutation{m}); err == nil {
		t.Fatal("the cluster refuses everything, and a group is acknowledged")
	}
	node.setFail(nil)
	if _, err := own.lookBack(t.Context(), time.Now().Add(2*own.config.Late)); err != nil {
		t.Error(err)
	}
	wants(t, viewOf(t, c), "two")
	titled(t, c, "four")
	wants(t, viewOf(t, c), "four")
}

// A view reads all groups of the log, also those of a writer that what ended the one before
// does not lead to.
func TestViewOverWriters(t *testing.T) {
	_, at := newFake(t)
	config := configOf(at)
	first, own := opened(t, config, 1)
	titled(t, first, "one")
	v := viewOf(t, first)
	end := own.own.named("over", 0)
	second, _ := opened(t, config, 2)
	titled(t, second, "two")
	_, own = opened(t, config, 3)
	if err := own.putState(t.Context(), end, over{By: 3}); err != nil {
		t.Fatal(err)
	}
	wants(t, v, "one")
	wants(t, viewOf(t, first), "two")
}

// Who waited while a collection was dropped, and made again, writes nothing to the new one.
func TestDroppedMeanwhile(t *testing.T) {
	_, at := newFake(t)
	config := configOf(at)
	c, stale := opened(t, config, 1)
	titled(t, c, "one")
	if err := c.DropCollection(t.Context(), paper.DefaultCollection); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateCollection(t.Context(), paper.DefaultCollection, config.Space); err != nil {
		t.Fatal(err)
	}
	m := catalog.Mutation{Paper: paper.Paper{ID: "b", Title: "late"}, Vector: []float32{0, 1, 0, 0}}
	if _, _, err := stale.apply(t.Context(), []catalog.Mutation{m}); paper.KindOf(err) != paper.NotFound {
		t.Errorf("a collection that was dropped takes changes: %v", err)
	}
	wants(t, viewOf(t, c), "-")
	titled(t, c, "two")
	reader, _ := opened(t, config, 0)
	wants(t, viewOf(t, reader), "two")
}

// A server that may not open a collection that is being filled does not end who fills it.
func TestMigrationIsNotEnded(t *testing.T) {
	_, at := newFake(t)
	config := configOf(at)
	filled := config
	filled.Migration = &Migration{Source: "there"}
	c, _ := opened(t, filled, 1)
	config.Epoch = 2
	if _, err := Open(t.Context(), config); reasonOf(err) != ReasonMigrating {
		t.Errorf("another server: %v", err)
	}
	titled(t, c, "one")
}
