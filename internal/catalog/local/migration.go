package local

import (
	"context"
	"iter"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/store"
)

// Migration takes the default collection of a store to another embedding space.
// It can be interrupted and gone on with. Nobody may write meanwhile.
type Migration struct {
	migration *store.Migration
	// Papers is how many the collection has.
	Papers int
}

// NewMigration begins a migration, or goes on with it; nil means that the
// collection is in that space already.
func NewMigration(ctx context.Context, s *store.Store, space paper.Space) (*Migration, error) {
	c, err := s.Collection(paper.DefaultCollection)
	if err != nil {
		return nil, err
	}
	if c.Space == space {
		return nil, nil //nolint:nilnil // there is nothing to do
	}
	papers, err := s.Count(c.Name)
	if err != nil {
		return nil, err
	}
	m, err := s.BeginMigration(ctx, c.Name, space)
	if err != nil {
		return nil, err
	}
	return &Migration{migration: m, Papers: papers}, nil
}

// Missing iterates over the papers that are still to be embedded.
func (m *Migration) Missing(ctx context.Context) iter.Seq2[*paper.Record, error] {
	return m.migration.Missing(ctx)
}

// Put stores the new vectors of papers that Missing gave; changes are parallel
// to records, and only what is embedded counts of them.
func (m *Migration) Put(ctx context.Context, records []*paper.Record, changes []catalog.Mutation) error {
	group := make([]store.Migrated, len(records))
	for i, r := range records {
		group[i] = store.Migrated{
			Record: r, Vector: changes[i].Vector, TokenCount: changes[i].TokenCount, Truncated: changes[i].Truncated,
		}
	}
	return m.migration.Put(ctx, group)
}

// Finish makes the new space the collection's.
func (m *Migration) Finish(ctx context.Context) error { return m.migration.Finish(ctx) }
