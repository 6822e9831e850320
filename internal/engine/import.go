package engine

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

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
	// Indexes and Results are parallel: the papers of this group.
	Indexes []uint64
	Results []Upserted
}

// Import takes papers from next until it gives io.EOF, embeds them in groups,
// several at a time, and calls ack for each group in the order of the stream
// once it is durable. A group closes when it is full or when the sender pauses,
// so that a slow sender is answered too. It holds a bounded number of papers;
// next is not called while that is reached; it must give up with ctx. The first error of next, of ack or
// of the catalog ends the import; what was acknowledged stays.
func (e *Engine) Import(ctx context.Context, collection string, next func(context.Context) (Incoming, error), ack func(Acknowledged) error) error {
	if err := e.needCatalog(); err != nil {
		return err
	}
	collection, err := collectionOf(collection)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	incoming := make(chan Incoming)
	groups := make(chan *flight, importGroupsAhead)
	group.Go(func() error {
		defer close(incoming)
		return receive(ctx, next, incoming)
	})
	group.Go(func() error {
		defer close(groups)
		return e.gather(ctx, collection, incoming, groups)
	})
	group.Go(func() error { return e.land(ctx, collection, groups, ack) })
	err = group.Wait()
	for f := range groups { // join what was still embedding when it ended
		<-f.done
	}
	return err
}

// receive hands on what next gives.
func receive(ctx context.Context, next func(context.Context) (Incoming, error), to chan<- Incoming) error {
	for {
		in, err := next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case to <- in:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// flight is a group whose vectors are being made.
type flight struct {
	indexes []uint64
	write   *write
	done    chan struct{} // closed when embedding ended
	err     error         // of embedding; set before done is closed
}

// gather forms groups and starts embedding them.
func (e *Engine) gather(ctx context.Context, collection string, from <-chan Incoming, to chan<- *flight) error {
	var indexes []uint64
	var papers []paper.Paper
	pause := time.NewTimer(importGroupPatient)
	defer pause.Stop()
	launch := func() error {
		if len(papers) == 0 {
			return nil
		}
		f := &flight{indexes: indexes, write: e.plan(papers), done: make(chan struct{})}
		indexes, papers = nil, nil
		go func() {
			defer close(f.done)
			f.err = f.write.embed(ctx, e, collection, embed.Bulk)
		}()
		select {
		case to <- f:
			return nil
		case <-ctx.Done():
			<-f.done // joined
			return ctx.Err()
		}
	}
	for {
		select {
		case in, ok := <-from:
			if !ok {
				return launch()
			}
			indexes, papers = append(indexes, in.Index), append(papers, in.Paper)
			if len(papers) == 1 {
				pause.Reset(importGroupPatient)
			}
			if len(papers) < importGroup {
				continue
			}
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := launch(); err != nil {
			return err
		}
	}
}

// land makes groups durable in order and acknowledges them.
func (e *Engine) land(ctx context.Context, collection string, groups <-chan *flight, ack func(Acknowledged) error) error {
	var count uint64
	for f := range groups {
		<-f.done
		if f.err != nil {
			return f.err
		}
		results, sequence, err := f.write.commit(ctx, e, collection, embed.Bulk)
		if err != nil {
			return err
		}
		count += uint64(len(f.indexes))
		if err := ack(Acknowledged{Count: count, Sequence: sequence, Indexes: f.indexes, Results: results}); err != nil {
			return err
		}
	}
	return ctx.Err()
}
