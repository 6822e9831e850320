package local_test

import (
	"context"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/rank"
)

// all is what a view of this catalog can do.
type all interface {
	catalog.View
	catalog.Attributes
	catalog.Terms
	catalog.Sampler
	catalog.Versions
	catalog.Namer
	catalog.Syntax
	catalog.Matcher
	catalog.Funnel
	catalog.Rechecker
	catalog.Counter
	catalog.Duplicates
}

// look opens a catalog as it is; the caller closes the view.
func look(t testing.TB, c *local.Catalog) all {
	t.Helper()
	v, err := c.View(t.Context(), paper.DefaultCollection)
	if err != nil {
		t.Fatal(err)
	}
	return v.(all)
}

// near asks for the neighbours of one vector.
func near(vector []float32, k int, by catalog.Restriction) catalog.Nearest {
	return catalog.Nearest{Probes: []catalog.Probe{{Vector: vector, K: k}}, Restriction: by}
}

// neighbors asks a catalog as it is.
func neighbors(ctx context.Context, c *local.Catalog, q catalog.Nearest) (catalog.Found, error) {
	v, err := c.View(ctx, paper.DefaultCollection)
	if err != nil {
		return catalog.Found{}, err
	}
	defer v.Close()
	return v.Nearest(ctx, q)
}

func collapse(ctx context.Context, c *local.Catalog, hits []rank.Hit, own []string) ([]rank.Hit, map[string][]catalog.Collapsed, error) {
	v, err := c.View(ctx, paper.DefaultCollection)
	if err != nil {
		return nil, nil, err
	}
	defer v.Close()
	return v.(catalog.Versions).Collapse(ctx, hits, own)
}

// infoOf describes a collection as it is.
func infoOf(t testing.TB, c *local.Catalog) catalog.Info {
	t.Helper()
	v := look(t, c)
	defer v.Close()
	return v.Info()
}
