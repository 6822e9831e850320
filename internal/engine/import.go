package engine

import (
	"context"
	"fmt"
	"math"

	"akin/internal/embed"
	"akin/internal/paper"
)

// Incoming is one paper of an import stream.
type Incoming struct {
	Paper paper.Paper
	// Index is the sender's own number for it.
	Index uint64
	// Vector is float32 [dim], unit length, made elsewhere in the space with
	// this fingerprint; nil means that the paper is embedded here.
	Vector []float32
	Space  string
	// Delete erases the paper instead; only Paper.ID counts.
	Delete bool
}

// checkSpace refuses a vector of another space.
func (e *Engine) checkSpace(in *Incoming) error {
	have := e.Space().Fingerprint()
	if in.Vector == nil || in.Space == have {
		return nil
	}
	if in.Space == "" {
		return paper.InvalidField("space", "is empty; with a vector, give the fingerprint of the space that it belongs to (this server's is %s)", have)
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: paper.ReasonSpaceMismatch,
		Message: fmt.Sprintf("the vectors belong to space %.12s, this server embeds into space %.12s (%s); vectors of two spaces cannot be compared: leave the vectors out, or make them with the server's model",
			in.Space, have, e.Space().Model),
		Metadata: map[string]string{"have": in.Space, "want": have},
	}
}

// checkVector refuses a vector that is none of the space.
func (e *Engine) checkVector(v []float32) error {
	dim := e.Space().Dimension
	if len(v) != dim {
		return paper.InvalidField("vector", "has %d numbers; the space has %d", len(v), dim)
	}
	var sum float64
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return paper.InvalidField("vector", "is %v at position %d; give finite numbers", x, i)
		}
		sum += float64(x) * float64(x)
	}
	if length := math.Sqrt(sum); math.Abs(length-1) > 1e-4 {
		return paper.InvalidField("vector", "has length %.6g; divide it by its length, so that it is 1 within 0.0001", length)
	}
	return nil
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
		turns: e.turns, class: "import",
		next: func(ctx context.Context) (Incoming, error) {
			in, err := next(ctx)
			if err == nil {
				err = e.checkSpace(&in)
			}
			return in, err
		},
		work: func(ctx context.Context, items []Incoming) (*write, error) {
			w := e.plan(items)
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
