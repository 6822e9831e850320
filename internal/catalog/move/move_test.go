package move_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/catalogtest"
	"akin/internal/catalog/move"
	"akin/internal/paper"
)

func fill(t *testing.T, c catalog.Catalog, from, to int) {
	t.Helper()
	var group []catalog.Mutation
	for i := from; i < to; i++ {
		v := make([]float32, catalogtest.Space().Dimension)
		v[i%len(v)], v[(i*7+1)%len(v)] = .6, .8
		group = append(group, catalog.Mutation{
			Paper: paper.Paper{ID: fmt.Sprintf("p%04d", i*37%1000), Title: fmt.Sprint("title ", i), Metadata: map[string]string{}}, Vector: v, TokenCount: i, Truncated: i%5 == 0,
		})
	}
	if _, _, err := c.Apply(t.Context(), paper.DefaultCollection, group); err != nil {
		t.Fatal(err)
	}
}

func compare(t *testing.T, from, to catalog.Catalog, want bool) move.Compared {
	t.Helper()
	got, err := move.Compare(t.Context(), from, to, paper.DefaultCollection, move.Options{Group: 7, Samples: 9})
	if err != nil || got.Same() != want {
		t.Errorf("%+v, %v", got, err)
	}
	return got
}

func TestCopy(t *testing.T) {
	from := catalogtest.NewMemory(catalogtest.Space(), catalogtest.Options{})
	to := catalogtest.NewMemory(catalogtest.Space(), catalogtest.Options{})
	fill(t, from, 0, 100)
	compare(t, from, to, false)
	again := func(written int) {
		t.Helper()
		done, err := move.Copy(t.Context(), from, to, paper.DefaultCollection, move.Options{Group: 9})
		if err != nil || done.Written != written {
			t.Errorf("%+v, %v; want %d written", done, err, written)
		}
	}
	again(100)
	if got := compare(t, from, to, true); got.Sampled != 9 || got.Papers != [2]uint32{100, 100} {
		t.Errorf("%+v", got)
	}
	again(0)
	fill(t, from, 100, 130)
	compare(t, from, to, false)
	again(30)
	compare(t, from, to, true)
	changed := catalog.Mutation{Paper: paper.Paper{ID: "p0000", Title: "title 0", Venue: "elsewhere"}}
	if _, _, err := from.Apply(t.Context(), paper.DefaultCollection, []catalog.Mutation{changed}); err != nil {
		t.Fatal(err)
	}
	again(1)
	compare(t, from, to, true)
}

// A copy that ends early is gone on with.
func TestCopyResumes(t *testing.T) {
	calls := 0
	broken := errors.New("broken")
	from := catalogtest.NewMemory(catalogtest.Space(), catalogtest.Options{})
	to := catalogtest.NewMemory(catalogtest.Space(), catalogtest.Options{Before: func(_ context.Context, call string) error {
		if call == "Apply" {
			if calls++; calls%3 == 0 {
				return broken
			}
		}
		return nil
	}})
	fill(t, from, 0, 200)
	for tries := 1; ; tries++ {
		_, err := move.Copy(t.Context(), from, to, paper.DefaultCollection, move.Options{Group: 20})
		if err == nil {
			if tries == 1 {
				t.Error("nothing broke")
			}
			break
		}
		if !errors.Is(err, broken) || tries > 20 {
			t.Fatal(err)
		}
	}
	if calls > 20 {
		t.Errorf("%d groups were written", calls)
	}
	compare(t, from, to, true)
}

func TestCopyRefuses(t *testing.T) {
	from := catalogtest.NewMemory(catalogtest.Space(), catalogtest.Options{})
	to := catalogtest.NewMemory(catalogtest.Space(), catalogtest.Options{})
	fill(t, from, 0, 10)
	fill(t, to, 500, 501)
	if _, err := move.Copy(t.Context(), from, to, paper.DefaultCollection, move.Options{}); paper.KindOf(err) != paper.FailedPrecondition {
		t.Errorf("beside others: %v", err)
	}
	space := catalogtest.Space()
	space.Pooling = "cls"
	other := catalogtest.NewMemory(space, catalogtest.Options{})
	if _, err := move.Copy(t.Context(), from, other, paper.DefaultCollection, move.Options{}); paper.KindOf(err) != paper.FailedPrecondition {
		t.Errorf("to another space: %v", err)
	}
	if _, err := move.Copy(t.Context(), from, to, "nowhere", move.Options{}); paper.KindOf(err) != paper.NotFound {
		t.Errorf("of nothing: %v", err)
	}
}
