package engine

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// groupSize is how many items of a stream are worked on and land together.
	groupSize = 32
	// groupMost is how many there are of items that are ready: what a group costs beside
	// them is shared by more. groupBytes is how long they are together, about.
	groupMost  = 1024
	groupBytes = 8 << 20
	// groupsAhead is how many groups are worked on at once.
	groupsAhead = 4
	// groupPatience is how long a group waits for its next item, so that a slow
	// sender is answered too.
	groupPatience = 200 * time.Millisecond
)

// pipeline works through a stream in groups: it takes items from next until
// that gives io.EOF, runs work on each group, several at a time, and land on
// each in the order of the stream. A group closes when it is full or when the
// sender pauses. It holds a bounded number of items; next is not called while
// that is reached, and must give up with its context. The first error ends the
// stream; every goroutine is joined before it returns.
type pipeline[Item, Out any] struct {
	next func(context.Context) (Item, error)
	work func(context.Context, []Item) (Out, error)
	land func(context.Context, []Item, Out) error
	// ready says which items make little work, of which a group may have groupMost; nil
	// means none.
	ready func(*Item) bool
	// size is about how many bytes an item has; nil where all are small.
	size func(*Item) int
	// turns are those that work takes, of a class; nil for none.
	turns Turns
	class string
}

// flight is a group that is being worked on.
type flight[Item, Out any] struct {
	items []Item
	done  chan struct{} // closed when work ended
	out   Out           // like err, set before done is closed
	err   error
}

func (p pipeline[Item, Out]) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	items := make(chan Item)
	flights := make(chan *flight[Item, Out], groupsAhead)
	group.Go(func() error {
		defer close(items)
		return p.receive(ctx, items)
	})
	group.Go(func() error {
		defer close(flights)
		return p.gather(ctx, items, flights)
	})
	group.Go(func() error { return p.landAll(ctx, flights) })
	err := group.Wait()
	for f := range flights { // join what was still under way when it ended
		<-f.done
	}
	return err
}

// receive hands on what next gives.
func (p pipeline[Item, Out]) receive(ctx context.Context, to chan<- Item) error {
	for {
		item, err := p.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case to <- item:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gather forms groups and starts the work on them.
func (p pipeline[Item, Out]) gather(ctx context.Context, from <-chan Item, to chan<- *flight[Item, Out]) error {
	var items []Item
	unready, bytes := 0, 0
	pause := time.NewTimer(groupPatience)
	defer pause.Stop()
	for {
		select {
		case item, ok := <-from:
			if !ok {
				return p.launch(ctx, items, to)
			}
			items = append(items, item)
			if p.ready == nil || !p.ready(&item) {
				unready++
			}
			if p.size != nil {
				bytes += p.size(&item)
			}
			if len(items) == 1 {
				pause.Reset(groupPatience)
			}
			if len(items) < groupSize || unready == 0 && len(items) < groupMost && bytes < groupBytes {
				continue
			}
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := p.launch(ctx, items, to); err != nil {
			return err
		}
		items, unready, bytes = nil, 0, 0
	}
}

// launch starts the work on a group. The channel's room bounds how many are
// under way.
func (p pipeline[Item, Out]) launch(ctx context.Context, items []Item, to chan<- *flight[Item, Out]) error {
	if len(items) == 0 {
		return nil
	}
	end, err := p.turn(ctx, len(items)) // before more is gathered
	if err != nil {
		return err
	}
	f := &flight[Item, Out]{items: items, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		defer end()
		f.out, f.err = p.work(ctx, f.items)
	}()
	select {
	case to <- f:
		return nil
	case <-ctx.Done():
		<-f.done // joined
		return ctx.Err()
	}
}

// turn waits for the stream's turn. It ends with the work: a group that waits to
// land, or a client that is slow to take its answer, keeps nobody waiting.
func (p pipeline[Item, Out]) turn(ctx context.Context, units int) (end func(), err error) {
	if p.turns == nil {
		return func() {}, nil
	}
	return p.turns.Turn(ctx, p.class, units)
}

// landAll lands groups in order.
func (p pipeline[Item, Out]) landAll(ctx context.Context, flights <-chan *flight[Item, Out]) error {
	for f := range flights {
		<-f.done
		if f.err != nil {
			return f.err
		}
		if err := p.land(ctx, f.items, f.out); err != nil {
			return err
		}
	}
	return ctx.Err()
}
