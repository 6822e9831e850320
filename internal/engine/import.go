package engine

import (
	"context"

	"akin/internal/embed"
	"akin/internal/paper"
)

// Incoming is one paper of an import stream.
type Incoming struct {
	Paper paper.Paper
	// Index is the sender's own number for it.
	Index uint64
}

// Acknowledged is a group of an import stream that is durable.
type Acknowledged struct {
	// Count is how many papers of the stream are done with.
	Count    uint64
	Sequence uint64
	// Papers and Results are parallel: those of this group.
	Papers  []Incoming
	Results []Upserted
}

// Import takes papers from next until it gives io.EOF, embeds them in groups,
// several at a time, and calls ack for each group in the order of the stream
// once it is durable. It holds a bounded number of papers; next must give up
// with its context. The first error of next, of ack or of the catalog ends the
// import; what was acknowledged stays.
func (e *Engine) Import(ctx context.Context, collection string, next func(context.Context) (Incoming, error), ack func(Acknowledged) error) error {
	if err := e.needCatalog(); err != nil {
		return err
	}
	collection, err := collectionOf(collection)
	if err != nil {
		return err
	}
	var count uint64
	return pipeline[Incoming, *write]{
		next: next,
		work: func(ctx context.Context, items []Incoming) (*write, error) {
			papers := make([]paper.Paper, len(items))
			for i := range items {
				papers[i] = items[i].Paper
			}
			w := e.plan(papers)
			return w, w.embed(ctx, e, collection, embed.Bulk)
		},
		land: func(ctx context.Context, items []Incoming, w *write) error {
			results, sequence, err := w.commit(ctx, e, collection, embed.Bulk)
			if err != nil {
				return err
			}
			count += uint64(len(items))
			return ack(Acknowledged{Count: count, Sequence: sequence, Papers: items, Results: results})
		},
	}.run(ctx)
}

// StreamInput is one input of an embedding stream.
type StreamInput struct {
	Input
	// Index is the sender's own number for it.
	Index uint64
}

// StreamEmbedding answers for one input: with an embedding, or an error of its
// own.
type StreamEmbedding struct {
	Index     uint64
	Embedding embed.Embedding
	Timing    embed.Timing // of its group
	Err       error
}

// EmbedStream embeds inputs from next until it gives io.EOF and calls send for
// each, in order. An input that cannot be embedded is answered for itself. It
// holds a bounded number of inputs; next must give up with its context.
func (e *Engine) EmbedStream(ctx context.Context, opt embed.Options, next func(context.Context) (StreamInput, error), send func(StreamEmbedding) error) error {
	opt.Class = embed.Bulk
	return pipeline[StreamInput, []StreamEmbedding]{
		next: next,
		work: func(ctx context.Context, items []StreamInput) ([]StreamEmbedding, error) {
			return e.embedGroup(ctx, items, opt)
		},
		land: func(_ context.Context, _ []StreamInput, results []StreamEmbedding) error {
			for _, r := range results {
				if err := send(r); err != nil {
					return err
				}
			}
			return nil
		},
	}.run(ctx)
}

// embedGroup embeds the inputs that are valid and answers for all.
func (e *Engine) embedGroup(ctx context.Context, items []StreamInput, opt embed.Options) ([]StreamEmbedding, error) {
	results := make([]StreamEmbedding, len(items))
	var texts []string
	var at []int
	for i, item := range items {
		results[i].Index = item.Index
		text, err := e.textOf("input", item.Input)
		if err == nil && opt.RefuseLong {
			err = e.embedder.CheckLength("input", text, opt)
		}
		if err != nil {
			results[i].Err = err
			continue
		}
		texts, at = append(texts, text), append(at, i)
	}
	got, timing, err := e.embedder.Embed(ctx, texts, opt)
	if err != nil {
		return nil, err
	}
	for k, i := range at {
		results[i].Embedding, results[i].Timing = got[k], timing
	}
	return results, nil
}
