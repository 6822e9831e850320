package local_test

import (
	"context"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/catalogtest"
	"akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/store"
)

// Every kind of index satisfies the contract: the graph from the first paper on, walked
// where it would be scanned.
func TestContract(t *testing.T) {
	for _, kind := range local.IndexKinds() {
		t.Run(string(kind), func(t *testing.T) {
			catalogtest.Run(t, func(t *testing.T, space paper.Space) catalog.Catalog {
				t.Helper()
				t.Parallel() // most of the time goes into syncing stores
				s, err := store.Open(t.TempDir()+"/data", store.Options{Create: true})
				if err != nil {
					t.Fatal(err)
				}
				c, err := local.Open(t.Context(), local.AlwaysWalk(local.Config{
					Store: s, Space: space, Index: kind, GraphFrom: 1, Dir: t.TempDir(), Snapshots: t.TempDir(),
				}))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := c.Close(); err != nil {
						t.Error(err)
					}
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				return settled{c}
			})
		})
	}
}

// settled is a catalog that nothing is asked before its graph answers.
type settled struct{ *local.Catalog }

func (c settled) Apply(ctx context.Context, collection string, changes []catalog.Mutation) ([]catalog.Outcome, uint64, error) {
	defer local.AwaitGraph(c.Catalog)
	return c.Catalog.Apply(ctx, collection, changes)
}

// What the contract is tested with is walked.
func TestWalked(t *testing.T) {
	s, err := store.Open(t.TempDir()+"/data", store.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := local.Open(t.Context(), local.AlwaysWalk(local.Config{Store: s, Space: space(), GraphFrom: 1}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	apply(t, c, put(1, 1), put(2, 1))
	local.AwaitGraph(c)
	for filter, want := range map[string]catalog.Strategy{"": catalog.GraphWalk, "title:paper": catalog.FilteredGraphWalk} {
		found, err := neighbors(t.Context(), c, near(vectorOf(101), 1, catalog.Restriction{Filter: filter}))
		if err != nil || found.Strategy != want {
			t.Errorf("%q: strategy %d, %v", filter, found.Strategy, err)
		}
	}
}
