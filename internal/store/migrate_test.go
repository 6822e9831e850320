package store

import (
	"fmt"
	"testing"

	"akin/internal/paper"
)

func migrationSpace(dimension int) paper.Space {
	return paper.Space{Model: fmt.Sprintf("m%d", dimension), Pooling: "mean", Template: "{title} {abstract}", MaxTokens: 8, Dimension: dimension, Precision: "float32"}
}

func filled(n int, dimension int) []float32 {
	v := make([]float32, dimension)
	v[n%dimension] = 1
	return v
}

// A migration that is interrupted goes on where it was, readers see the old
// space until it is finished, and afterwards only the new one is left.
func TestMigration(t *testing.T) {
	dir := t.TempDir() + "/data"
	s, err := Open(dir, Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, name, papers := t.Context(), paper.DefaultCollection, 10
	if _, err := s.EnsureCollection(ctx, name, migrationSpace(4)); err != nil {
		t.Fatal(err)
	}
	for n := range papers {
		if _, err := s.Apply(ctx, name, []Mutation{{Upsert: &Upsert{
			Paper: paper.Paper{ID: fmt.Sprint(n), Title: fmt.Sprint("paper ", n)}, Vector: filled(n, 4), TokenCount: 3,
		}}}); err != nil {
			t.Fatal(err)
		}
	}
	// Once to a third space, given up; then to the new one, in two sittings.
	migrate(t, s, name, 6, 3)
	migrate(t, s, name, 5, 4)
	if v, err := s.Vector(ctx, name, 2); err != nil || len(v) != 4 {
		t.Errorf("before the end readers see %v, %v", v, err)
	}
	checkWhole(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := migrate(t, s, name, 5, 100)
	sequence, err := s.LastSequence(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Finish(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.EnsureCollection(ctx, name, migrationSpace(5)); err != nil {
		t.Errorf("the collection is not in the new space: %v", err)
	}
	if _, err := s.BeginMigration(ctx, name, migrationSpace(5)); paper.KindOf(err) != paper.FailedPrecondition {
		t.Errorf("migrating to where it is: %v", err)
	}
	for n := range papers {
		v, err := s.Vector(ctx, name, uint32(n))
		if err != nil || len(v) != 5 || v[n%5] != 1 {
			t.Errorf("paper %d: %v, %v", n, v, err)
		}
		r, err := s.Get(ctx, name, fmt.Sprint(n))
		if err != nil || r.TokenCount != 7 || !r.Truncated || r.Revision != 1 {
			t.Errorf("paper %d: %+v, %v", n, r, err)
		}
	}
	if after, err := s.LastSequence(name); err != nil || after != sequence {
		t.Errorf("sequence went from %d to %d, %v", sequence, after, err)
	}
	checkWhole(t, s)
}

// migrate puts up to limit vectors of a space of the given dimension.
func migrate(t *testing.T, s *Store, name string, dimension, limit int) *Migration {
	t.Helper()
	m, err := s.BeginMigration(t.Context(), name, migrationSpace(dimension))
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range m.Missing(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if limit--; limit < 0 {
			if err := m.Finish(t.Context()); paper.KindOf(err) != paper.FailedPrecondition {
				t.Errorf("finished too early: %v", err)
			}
			break
		}
		if err := m.Put(t.Context(), []Migrated{{Record: r, Vector: filled(int(r.Ordinal), dimension), TokenCount: 7, Truncated: true}}); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func checkWhole(t *testing.T, s *Store) {
	t.Helper()
	report, err := s.Verify(t.Context())
	if err != nil || report.Err() != nil {
		t.Errorf("the store is not whole: %v, %v", err, report.Err())
	}
}
