package app

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"akin/internal/catalog/weaviate"
	"akin/internal/home"
	"akin/internal/library"
	"akin/internal/library/shelf"
	"akin/internal/store"
)

// clusterOf is the cluster to test with, and classes of its own there; address and prefix
// are "" where there is none.
func clusterOf(t *testing.T, prefix string) Cluster {
	t.Helper()
	c := Cluster{Prefix: prefix, Shards: 1}
	if tls := os.Getenv("AKIN_CLUSTER_TLS"); tls != "" {
		c.CA = tls + ".crt"
	}
	c.Key = os.Getenv("AKIN_CLUSTER_KEY")
	return c
}

// migrateCluster is migrate for clusters.
func migrateCluster(t *testing.T, from, to, prefix string) (Migrated, error) {
	t.Helper()
	return Migrate(t.Context(), Config{}, Migration{From: from, To: to, group: 50, Cluster: clusterOf(t, prefix)}, quiet)
}

// likesIn writes a library with n entries to a data directory.
func likesIn(t *testing.T, dir string, n int) {
	t.Helper()
	s, err := store.Open(dir, store.Options{Create: true, Beside: beside()})
	if err != nil {
		t.Fatal(err)
	}
	err = shelf.New(s.DB(), s.Moved).Write(t.Context(), func(w library.Writer) error {
		now := time.Unix(1e9, 0).UTC()
		l := library.Library{Owner: "ada", Name: "reading", Collection: "papers", CreateTime: now, UpdateTime: now}
		err := w.PutLibrary(&l)
		for i := range n {
			e := library.Entry{PaperID: fmt.Sprint("p", i), Note: strings.Repeat("note ", 100), CreateTime: now, UpdateTime: now}
			l.Counts.Add(&e)
			err = errors.Join(err, w.PutEntry(l.ID, &e))
		}
		return errors.Join(err, w.PutLibrary(&l))
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
}

// besideIn reads all that a data directory keeps beside papers.
func besideIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	s, err := store.Open(dir, store.Options{Beside: beside()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	snap := s.DB().Snapshot()
	defer snap.Close()
	out := map[string]string{}
	lower, upper := store.BesideKeys()
	err = snap.Scan(t.Context(), lower, upper, func(key, value []byte) error {
		out[string(key)] = string(value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if note, err := snap.Note(); note != nil || err != nil {
		t.Errorf("%s says that it is a copy: %x, %v", dir, note, err)
	}
	return out
}

func clusterAddress(t *testing.T) string {
	t.Helper()
	address := os.Getenv("AKIN_TEST_CLUSTER")
	if address == "" {
		t.Skip("no cluster to test with: make test-cluster starts one and sets AKIN_TEST_CLUSTER")
	}
	return address
}

func TestClusterMigrateChild(t *testing.T) {
	parts := strings.Split(os.Getenv(childOf), "|")
	if len(parts) != 3 {
		t.Skip("is run by TestClusterMigrateKilled")
	}
	if _, err := migrateCluster(t, parts[0], parts[1], parts[2]); err != nil {
		t.Fatal(err)
	}
}

// A migration to a real cluster that is killed at any moment goes on where it was, and
// takes along what is beside papers, once; another directory gets all of it back.
func TestClusterMigrateKilled(t *testing.T) {
	address := clusterAddress(t)
	dir := t.TempDir()
	from := filepath.Join(dir, "from")
	const papers, likes = 600, 2000
	papersIn(t, from, 0, papers)
	likesIn(t, from, likes)
	want := besideIn(t, from)
	random := rand.New(rand.NewPCG(7, uint64(time.Now().UnixNano())))
	child := func(prefix string) *exec.Cmd {
		c := exec.Command(os.Args[0], "-test.run", "^TestClusterMigrateChild$")
		c.Env = append(os.Environ(), childOf+"="+from+"|"+address+"|"+prefix)
		return c
	}
	run := fmt.Sprintf("Move%d", time.Now().UnixNano()%1e12)
	began := time.Now()
	if out, err := child(run + "x").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took, killed := time.Since(began), 0
	for range 5 {
		c := child(run)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		end := time.AfterFunc(took/6+time.Duration(random.Int64N(int64(took/2))), func() { _ = c.Process.Kill() })
		err := c.Wait()
		if end.Stop(); err == nil {
			break
		}
		killed++
	}
	done, err := migrateCluster(t, from, address, run)
	if err != nil || !done.Done && (done.Copied.Papers != papers || !done.Same() || done.BesideBytes == 0) {
		t.Fatalf("after %d kills: %+v, %v", killed, done, err)
	}
	t.Logf("a migration took %v; it was killed %d times, and then wrote %d of %d papers", took.Round(time.Millisecond), killed, done.Written, papers)
	back := filepath.Join(dir, "back")
	done, err = migrateCluster(t, address, back, run)
	if err != nil || done.Copied.Papers != papers || done.BesideBytes == 0 {
		t.Fatalf("back: %+v, %v", done, err)
	}
	sound(t, back, papers)
	sound(t, from, papers)
	if got := besideIn(t, back); !maps.Equal(got, want) {
		t.Errorf("%d keys came back, of %d", len(got), len(want))
	}
	clean(t, address, run, run+"x")
}

// clean removes the classes of a test.
func clean(t *testing.T, address string, prefixes ...string) {
	t.Helper()
	for _, prefix := range prefixes {
		c := clusterOf(t, prefix)
		c.Address = address
		config, err := c.config()
		if err != nil {
			t.Fatal(err)
		}
		b, err := weaviate.OpenBeside(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		if source, err := home.Source(t.Context(), b); !strings.HasPrefix(source, "the data directory") || err != nil {
			t.Errorf("%s was filled from %q: %v", prefix, source, err)
		}
		if err := errors.Join(b.Drop(t.Context()), b.Close()); err != nil {
			t.Error(err)
		}
	}
}

// What a migration brought is taken away with it.
func TestClusterMigrateAbandoned(t *testing.T) {
	address := clusterAddress(t)
	dir := t.TempDir()
	from := filepath.Join(dir, "from")
	papersIn(t, from, 0, 60)
	likesIn(t, from, 10)
	prefix := fmt.Sprintf("Gone%d", time.Now().UnixNano()%1e12)
	m := Migration{From: from, To: address, group: 20, Cluster: clusterOf(t, prefix)}
	source, err := openSourceOf(t, from)
	if err != nil {
		t.Fatal(err)
	}
	target := new(side)
	if err := target.fillCluster(t.Context(), m, source, quiet); err != nil {
		t.Fatal(err)
	}
	bytes, left, err := bring(t.Context(), source, target, quiet)
	if err != nil || bytes == 0 || left != "" {
		t.Fatalf("%d, %q, %v", bytes, left, err)
	}
	if err := errors.Join(target.close(), source.close()); err != nil {
		t.Fatal(err)
	}
	if _, err := AbandonMigration(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	c := m.Cluster
	c.Address = address
	config, err := c.config()
	if err != nil {
		t.Fatal(err)
	}
	b, err := weaviate.OpenBeside(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if source, err := home.Source(t.Context(), b); source != "" || err != nil {
		t.Errorf("%q is still there: %v", source, err)
	}
	if err := errors.Join(b.Drop(t.Context()), b.Close()); err != nil {
		t.Error(err)
	}
}

func openSourceOf(t *testing.T, dir string) (*side, error) {
	t.Helper()
	config, err := Config{}.withDefaults()
	if err != nil {
		return nil, err
	}
	return openSource(t.Context(), config, Migration{From: dir}, quiet)
}
