package home

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	"akin/internal/kv"
)

// writeBase writes all that a state has. A lineage begins with it; otherwise it is that
// after a record, whose chain the state has noted.
func (h *Home) writeBase(ctx context.Context, snap *kv.Snapshot, number uint64, lineage []byte) (base, error) {
	b := base{Number: number, Epoch: h.config.Epoch}
	if lineage != nil {
		first := sha256.Sum256(lineage)
		b.Chain = first[:]
	} else {
		at, err := noteOf(snap)
		if err != nil {
			return b, err
		}
		b.Number, b.Chain = at.Number, at.Chain
	}
	sum := sha256.New()
	var chunk []byte
	flush := func() error {
		name := baseName(b.Epoch, b.Number, b.Chunks)
		data, err := pack(name, chunk)
		if err != nil {
			return err
		}
		if err := h.config.Fence(); err != nil {
			return err
		}
		sum.Write(chunk)
		b.Chunks, b.Bytes, chunk = b.Chunks+1, b.Bytes+int64(len(chunk)), chunk[:0]
		return h.config.Place.Put(ctx, name, sortBase, b.Number, data)
	}
	err := snap.Scan(ctx, h.config.Lower, h.config.Upper, func(key, value []byte) error {
		if err := h.config.DB.Closing(); err != nil {
			return err
		}
		if len(chunk) > 0 && len(chunk)+len(key)+len(value) > h.config.partBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		chunk = kv.AppendChange(chunk, key, value)
		return nil
	})
	if err == nil && len(chunk) > 0 {
		err = flush()
	}
	b.Sum = sum.Sum(nil)
	return b, err
}

// remind has a base made, if it is time.
func (h *Home) remind() {
	h.mu.Lock()
	b := &h.head.Base
	due := h.logs >= max(h.config.baseRecords, recordsPerChunk*b.Chunks) || h.size >= max(int64(h.config.baseBytes), b.Bytes)
	h.mu.Unlock()
	if !due {
		return
	}
	select {
	case h.due <- struct{}{}:
	default:
	}
}

// makeBases makes bases until the end.
func (h *Home) makeBases(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.due:
		}
		if err := h.makeBase(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, kv.ErrClosed) {
			h.config.Log.WarnContext(ctx, "the log of what is kept beside papers could not be cut short; it is after the next changes", "error", err)
		}
	}
}

// makeBase writes a base, and forgets what is before it.
func (h *Home) makeBase(ctx context.Context) error {
	h.making.Lock()
	defer h.making.Unlock()
	if h.next == nil {
		next, err := h.nextHead(ctx)
		if err != nil || next == nil {
			return err
		}
		h.next = next
	}
	if err := h.putHead(ctx, *h.next); err != nil {
		return err
	}
	b := &h.next.Base
	h.next = nil
	h.mu.Lock()
	h.logs, h.size = int(h.at.Number-b.Number), 0
	h.mu.Unlock()
	h.config.Log.DebugContext(ctx, "the log of what is kept beside papers was cut short", "record", b.Number, "bytes", b.Bytes)
	// Whoever comes reads this head, for nobody had come when it was there.
	return errors.Join(
		h.config.Place.Forget(ctx, sortLog, b.Number+1), h.config.Place.Forget(ctx, sortBase, b.Number),
		h.config.Place.Forget(ctx, sortHead, h.config.Epoch),
	)
}

// nextHead writes a base, and gives the head that names it; nil if there is nothing new.
func (h *Home) nextHead(ctx context.Context) (*head, error) {
	var b base
	err := h.config.snapshot(func(snap *kv.Snapshot) (err error) {
		b, err = h.writeBase(ctx, snap, 0, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	next := h.head
	h.mu.Unlock()
	if b.Number <= next.Base.Number {
		return nil, nil //nolint:nilnil // nothing new is no error
	}
	next.Version++
	next.Base = b
	next.Spans = slices.DeleteFunc(slices.Clone(next.Spans), func(s span) bool { return s.To > 0 && s.To <= b.Number })
	for i := range next.Spans {
		next.Spans[i].From = max(next.Spans[i].From, b.Number+1)
	}
	return &next, nil
}
