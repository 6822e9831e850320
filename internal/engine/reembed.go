package engine

import (
	"context"
	"io"
	"iter"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/paper"
)

// Migration is a collection on its way to another embedding space.
type Migration interface {
	// Missing iterates over the papers that are still to be embedded.
	Missing(ctx context.Context) iter.Seq2[*paper.Record, error]
	// Put stores new vectors durably; changes are parallel to records.
	Put(ctx context.Context, records []*paper.Record, changes []catalog.Mutation) error
	// Finish makes the new space the collection's, all at once.
	Finish(ctx context.Context) error
}

// Reembed embeds every paper of a collection anew and takes the collection to
// the embedder's space. It can be interrupted through ctx and run again: what
// is embedded stays. progress gets the number of papers embedded so far.
func Reembed(ctx context.Context, embedder Embedder, m Migration, progress func(done int)) error {
	next, stop := iter.Pull2(m.Missing(ctx))
	defer stop()
	done := 0
	err := pipeline[*paper.Record, []catalog.Mutation]{
		next: func(context.Context) (*paper.Record, error) {
			record, err, ok := next()
			if !ok {
				return nil, io.EOF
			}
			return record, err
		},
		work: func(ctx context.Context, records []*paper.Record) ([]catalog.Mutation, error) {
			texts := make([]string, len(records))
			for i, r := range records {
				texts[i] = embedder.Text(r.Title, r.Abstract)
			}
			got, _, err := embedder.Embed(ctx, texts, embed.Options{Role: embed.Document, Class: embed.Bulk})
			changes := make([]catalog.Mutation, len(got))
			for i, e := range got {
				changes[i] = catalog.Mutation{Vector: e.Vector, TokenCount: e.Tokens, Truncated: e.Truncated}
			}
			return changes, err
		},
		land: func(ctx context.Context, records []*paper.Record, changes []catalog.Mutation) error {
			if err := m.Put(ctx, records, changes); err != nil {
				return err
			}
			done += len(records)
			progress(done)
			return nil
		},
	}.run(ctx)
	if err != nil {
		return err
	}
	return m.Finish(ctx)
}
