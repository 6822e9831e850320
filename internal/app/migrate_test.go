package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/catalog/weaviate"
	"akin/internal/crashtest"
	"akin/internal/paper"
	"akin/internal/store"
	"akin/internal/vec"
)

// migrationSpace is of a model that nobody needs here.
func migrationSpace() paper.Space {
	return paper.Space{Model: "m", ModelDigest: "d", TokenizerDigest: "t", Pooling: "mean", MaxTokens: 256, Dimension: 16, Precision: "float32"}
}

// papersIn writes papers with vectors to a data directory, and deletes others.
func papersIn(t *testing.T, dir string, from, to int, gone ...string) {
	t.Helper()
	s, err := store.Open(dir, store.Options{Create: true, Beside: beside()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := local.Open(t.Context(), local.Config{Store: s, Space: migrationSpace()})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, uint64(from)))
	var group []catalog.Mutation
	for i := from; i < to; i++ {
		p := paper.Paper{
			ID: fmt.Sprintf("p%05d", i*7919%100_000), Title: fmt.Sprintf("Title \u00e9 %d", i), Abstract: strings.Repeat("word ", i%50),
			PublishDate: paper.Date{Year: 1900 + i%120}, Categories: []string{"cs.IR"}, Metadata: map[string]string{"n": fmt.Sprint(i)},
		}
		vector := make([]float32, 16)
		for j := range vector {
			vector[j] = float32(random.NormFloat64())
		}
		if err := vec.Normalize(vector); err != nil {
			t.Fatal(err)
		}
		group = append(group, catalog.Mutation{Paper: p, Vector: vector, TokenCount: i % 300, Truncated: i%9 == 0})
	}
	for _, id := range gone {
		group = append(group, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: id}})
	}
	if _, _, err := c.Apply(t.Context(), paper.DefaultCollection, group); err != nil {
		t.Fatal(err)
	}
	for _, close := range []func() error{c.Close, s.Close} {
		if err := close(); err != nil {
			t.Fatal(err)
		}
	}
}

func migrate(t *testing.T, from, to string) (Migrated, error) {
	t.Helper()
	return Migrate(t.Context(), Config{}, Migration{From: from, To: to, group: 50}, quiet)
}

func sound(t *testing.T, dir string, papers int) {
	t.Helper()
	found, err := Verify(t.Context(), Config{Data: dir}, quiet, nothing)
	if err != nil || !found.Sound() || int(found.Papers) != papers {
		t.Errorf("%s: %+v, %v", dir, found, err)
	}
}

// A migration is made once, of all that the source has; what it fills is nobody's until
// then, and is not filled from elsewhere.
func TestMigrate(t *testing.T) {
	dir := t.TempDir()
	from, to, other := filepath.Join(dir, "from"), filepath.Join(dir, "to"), filepath.Join(dir, "other")
	papersIn(t, from, 0, 330)
	papersIn(t, from, 329, 330, "p00000")
	papersIn(t, from, 0, 1)
	papersIn(t, other, 1000, 1005)
	done, err := migrate(t, from, to)
	if err != nil || done.Copied.Papers != 330 || done.Written != 330 || !done.Same() || done.Sampled != 50 {
		t.Fatalf("%+v, %v", done, err)
	}
	sound(t, to, 330)
	// Feeds that have seen all of the source have seen all of this.
	if was, is := sequenceOf(t, from), sequenceOf(t, to); was <= 330 || is != was {
		t.Errorf("at sequence %d; the source is at %d", is, was)
	}
	for name, try := range map[string]error{
		"to papers":    second(migrate(t, from, other)),
		"to itself":    second(migrate(t, from, from)),
		"from nowhere": second(migrate(t, filepath.Join(dir, "none"), filepath.Join(dir, "new"))),
		"to the web":   second(migrate(t, from, "https://example.org")),
		"to no node":   second(migrate(t, from, "weaviate://")),
		"abandon":      second(AbandonMigration(t.Context(), Migration{To: to})),
	} {
		if try == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if again, err := migrate(t, from, to); err != nil || !again.Done {
		t.Errorf("again: %+v, %v", again, err)
	}
	sound(t, to, 330)
	sound(t, from, 330)
	sound(t, other, 5)
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("nothing was migrated, and a directory is there")
	}
}

// A target that is being filled is served to nobody, goes on from its source alone, and
// follows what became of that.
func TestMigrateUnfinished(t *testing.T) {
	dir := t.TempDir()
	from, to, other := filepath.Join(dir, "from"), filepath.Join(dir, "to"), filepath.Join(dir, "other")
	papersIn(t, from, 0, 200)
	papersIn(t, other, 0, 10)
	ctx, end := context.WithCancel(t.Context())
	_, err := Migrate(ctx, Config{}, Migration{From: from, To: to, group: 50, Progress: func(step string, done, _ uint64) {
		if step == "copy" && done == 150 {
			end()
		}
	}}, quiet)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"opened":         openFails(t, to),
		"from elsewhere": second(migrate(t, other, to)),
		"as a source":    second(migrate(t, to, filepath.Join(dir, "third"))),
	} {
		var known *paper.Error
		if !errors.As(err, &known) || known.Reason != weaviate.ReasonMigrating {
			t.Errorf("%s: %v", name, err)
		}
	}
	papersIn(t, from, 200, 230, "p00000", "p07919")
	done, err := migrate(t, from, to)
	if err != nil || done.Copied.Papers != 228 || done.Removed != 2 || done.Written >= 228 {
		t.Fatalf("%+v, %v", done, err)
	}
	sound(t, to, 228)
}

// A store that was put in the place of the one that is being filled keeps its papers, and
// one that was filled is not called the same as a source that went on.
func TestMigrateSwapped(t *testing.T) {
	dir := t.TempDir()
	from, to, other := filepath.Join(dir, "from"), filepath.Join(dir, "to"), filepath.Join(dir, "other")
	papersIn(t, from, 0, 200)
	papersIn(t, other, 1000, 1010)
	ctx, end := context.WithCancel(t.Context())
	_, err := Migrate(ctx, Config{}, Migration{From: from, To: to, group: 50, Progress: func(step string, done, _ uint64) {
		if step == "copy" && done == 100 {
			end()
		}
	}}, quiet)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	begun := filepath.Join(dir, "begun")
	for _, move := range [][2]string{{filepath.Join(to, "store"), begun}, {filepath.Join(other, "store"), filepath.Join(to, "store")}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
	for name, err := range map[string]error{
		"migrate": second(migrate(t, from, to)),
		"abandon": second(AbandonMigration(t.Context(), Migration{To: to})),
	} {
		var known *paper.Error
		if !errors.As(err, &known) || known.Reason != weaviate.ReasonNotEmpty || !strings.Contains(known.Message, "another was put in its place") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := store.Open(to, store.Options{Beside: beside()})
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.Count(paper.DefaultCollection)
	if err := errors.Join(err, s.Close()); err != nil || n != 10 {
		t.Errorf("%d papers of the other store are left: %v", n, err)
	}
	for _, err := range []error{os.RemoveAll(filepath.Join(to, "store")), os.Rename(begun, filepath.Join(to, "store"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if done, err := migrate(t, from, to); err != nil || done.Copied.Papers != 200 {
		t.Fatalf("%+v, %v", done, err)
	}
	papersIn(t, from, 200, 201)
	if again, err := migrate(t, from, to); err == nil || again.Done || !strings.Contains(err.Error(), "at sequence 200, and it is at 201 now") {
		t.Errorf("%+v, %v", again, err)
	}
	sound(t, to, 200)
}

// openFails opens what a server would.
func openFails(t *testing.T, dir string) error {
	t.Helper()
	a, err := Open(t.Context(), Config{Data: dir, LazyModel: true}, quiet)
	if err == nil {
		t.Error("a directory that is being filled was opened")
		err = a.Close()
	}
	return err
}

func sequenceOf(t *testing.T, dir string) uint64 {
	t.Helper()
	s, err := store.Open(dir, store.Options{Beside: beside()})
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.LastSequence(paper.DefaultCollection)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return n
}

func second[T any](_ T, err error) error { return err }

// childOf makes a test process migrate and nothing else, for it to be killed.
const childOf = "AKIN_TEST_MIGRATE"

func TestMigrateChild(t *testing.T) {
	from, to, ok := strings.Cut(os.Getenv(childOf), "|")
	if !ok {
		t.Skip("is run by TestMigrateKilled")
	}
	if _, err := migrate(t, from, to); err != nil {
		t.Fatal(err)
	}
}

// A migration that is killed at any moment goes on where it was.
func TestMigrateKilled(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "from")
	const papers, kills = 600, 4
	papersIn(t, from, 0, papers)
	random := rand.New(rand.NewPCG(7, 7))
	child := func(to string) *exec.Cmd {
		c := exec.Command(os.Args[0], "-test.run", "^TestMigrateChild$")
		c.Env = append(os.Environ(), childOf+"="+from+"|"+to)
		return c
	}
	began := time.Now()
	if out, err := child(filepath.Join(dir, "whole")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(began)
	killed, rounds := 0, crashtest.Rounds(t, 2)
	for round := 0; round < rounds || killed == 0; round++ {
		to := filepath.Join(dir, fmt.Sprint("to", round))
		for range kills {
			c, began := child(to), time.Now()
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			end := time.AfterFunc(time.Duration(random.Int64N(int64(took))), func() { _ = c.Process.Kill() })
			err := c.Wait()
			end.Stop()
			if err == nil {
				took = min(took, time.Since(began)) // the first may have run on a busier machine
				break
			}
			killed++
		}
		if out, err := child(to).CombinedOutput(); err != nil {
			t.Fatalf("after %d kills: %v\n%s", killed, err, out)
		}
		sound(t, to, papers)
		if again, err := migrate(t, from, to); err != nil || !again.Done {
			t.Errorf("again: %+v, %v", again, err)
		}
	}
	sound(t, from, papers)
}
