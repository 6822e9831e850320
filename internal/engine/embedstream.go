package engine

import (
	"context"

	"akin/internal/embed"
)

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
		turns: e.turns, class: "embed",
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
			err = e.models.Default().CheckLength("input", text, opt)
		}
		if err != nil {
			results[i].Err = err
			continue
		}
		texts, at = append(texts, text), append(at, i)
	}
	got, timing, err := e.models.Default().Embed(ctx, texts, opt)
	if err != nil {
		return nil, err
	}
	for k, i := range at {
		results[i].Embedding, results[i].Timing = got[k], timing
	}
	return results, nil
}
