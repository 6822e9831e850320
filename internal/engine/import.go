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
	// Vector is float32 [dim], unit length, made elsewhere in the space with
	// this fingerprint; nil means that the paper is embedded here.
	Vector []float32
	Space  string
	// Delete erases the paper instead; only Paper.ID counts.
	Delete bool
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
	to, err := e.target(ctx, collection)
	if err != nil {
		return err
	}
	var count uint64
	return pipeline[Incoming, *write]{
		turns: e.turns, class: "import", ready: func(in *Incoming) bool { return in.Vector != nil || in.Delete },
		size: func(in *Incoming) int { return in.Paper.Bytes() + 4*len(in.Vector) },
		next: func(ctx context.Context) (Incoming, error) {
			in, err := next(ctx)
			if err == nil {
				err = to.checkSpace(&in)
			}
			return in, err
		},
		work: func(ctx context.Context, items []Incoming) (*write, error) {
			w := to.plan(items)
			if err := w.embed(ctx, embed.Bulk); err != nil {
				return w, err
			}
			return w, w.prepare(ctx)
		},
		land: func(ctx context.Context, items []Incoming, w *write) error {
			results, sequence, err := w.commit(ctx, embed.Bulk)
			if err != nil {
				return err
			}
			count += uint64(len(items))
			return ack(Acknowledged{Count: count, Sequence: sequence, Papers: items, Results: results})
		},
	}.run(ctx)
}
