package local_test

import (
	"context"

	catalog "akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/rank"
)

// now asks a catalog as it is, one call a view.
func now[Q, A any](c *catalog.Embedded, ask func(v catalog.View, ctx context.Context, collection string, q Q) (A, error), ctx context.Context, q Q) (A, error) {
	v := c.View()
	defer v.Close()
	return ask(v, ctx, paper.DefaultCollection, q)
}

func neighbors(ctx context.Context, c *catalog.Embedded, q catalog.Neighbors) (catalog.Found, error) {
	return now(c, catalog.View.Neighbors, ctx, q)
}

func collapse(ctx context.Context, c *catalog.Embedded, hits []rank.Hit, own []string) ([]rank.Hit, map[string][]catalog.Collapsed, error) {
	v := c.View()
	defer v.Close()
	return v.Collapse(ctx, paper.DefaultCollection, hits, own)
}
