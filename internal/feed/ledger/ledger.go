// Package ledger keeps feeds in the database of the store, under keys of its own, so that
// one commit orders what happens to papers and to feeds, and one snapshot has both.
//
// A Ledger is safe for concurrent use: reads see the last acknowledged state and wait for
// nothing; writes are made one after the other, and wait for those of the store. The
// bytes are described in docs/format/feeds.md.
package ledger

import (
	"context"
	"errors"
	"iter"
	"math"

	"akin/internal/feed"
	"akin/internal/kv"
	"akin/internal/paper"
)

// Ledger implements feed.Ledger.
type Ledger struct {
	db    *kv.DB
	moved func(*kv.Snapshot)
}

var _ feed.Ledger = (*Ledger)(nil)

// New makes a Ledger over a database, which stays the caller's. moved gets the state after
// each commit, to be closed by it, before the next writer's turn; nil closes it.
func New(db *kv.DB, moved func(*kv.Snapshot)) *Ledger {
	if moved == nil {
		moved = (*kv.Snapshot).Close
	}
	return &Ledger{db, moved}
}

// Read implements feed.Ledger.
func (l *Ledger) Read(ctx context.Context, fn func(feed.Reader) error) error {
	if err := l.db.Enter(); err != nil {
		return err
	}
	defer l.db.Leave()
	snap := l.db.Snapshot()
	defer snap.Close()
	return fn(&reader{ctx: ctx, db: l.db, snap: snap})
}

// Write implements feed.Ledger.
func (l *Ledger) Write(ctx context.Context, fn func(feed.Writer) error) error {
	end, err := l.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	snap := l.db.Snapshot()
	defer snap.Close()
	w := &writer{reader: reader{ctx: ctx, db: l.db, snap: snap}, batch: l.db.NewBatch()}
	if err := fn(w); err != nil {
		return err
	}
	if w.batch.Empty() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	after, err := l.db.Commit(w.batch)
	if err != nil {
		return err
	}
	l.moved(after)
	return nil
}

// reader implements feed.Reader over one state.
type reader struct {
	ctx  context.Context //nolint:containedctx // of the one call that it lives in
	db   *kv.DB
	snap *kv.Snapshot
}

// Feeds implements feed.Index.
func (r *reader) Feeds(owner string) (all []feed.Feed, err error) {
	prefix := []byte{prefixFeed}
	if owner != "" {
		prefix = ownerKey(owner)
	}
	err = r.snap.Scan(r.ctx, prefix, kv.After(prefix), func(key, value []byte) error {
		f, err := decodeFeed(key, value)
		all = append(all, f)
		return errors.Join(err, r.db.Closing())
	})
	return all, err
}

// Feed implements feed.Index.
func (r *reader) Feed(owner, name string) (f feed.Feed, found bool, err error) {
	key := feedKey(owner, name)
	found, err = r.snap.Lookup(key, func(value []byte) error {
		f, err = decodeFeed(key, value)
		return err
	})
	return f, found, err
}

// Count implements feed.Index.
func (r *reader) Count() (n int, err error) {
	prefix := []byte{prefixFeed}
	err = r.snap.Scan(r.ctx, prefix, kv.After(prefix), func([]byte, []byte) error {
		n++
		return nil
	})
	return n, err
}

// errStop ends a scan without an error.
var errStop = errors.New("stop")

// newestAtOnce is how many cursors a list of the newest items looks through at a time.
const newestAtOnce = 256

// Items implements feed.Contents.
func (r *reader) Items(id uint32, cursor uint64, newest bool) iter.Seq2[feed.Item, error] {
	if newest {
		return r.newest(id, cursor)
	}
	return func(yield func(feed.Item, error) bool) {
		if cursor == math.MaxUint64 {
			return
		}
		err := r.scan(id, cursor+1, kv.After(itemsKey(id)), func(it feed.Item) error {
			if !yield(it, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(feed.Item{}, err)
		}
	}
}

// scan calls fn for the items of a feed from a cursor on, up to a key.
func (r *reader) scan(id uint32, from uint64, upper []byte, fn func(feed.Item) error) error {
	return r.snap.Scan(r.ctx, itemKey(id, from), upper, func(key, value []byte) error {
		if err := r.db.Closing(); err != nil {
			return err
		}
		it, err := decodeItem(key, value)
		if err != nil {
			return err
		}
		return fn(it)
	})
}

// newest goes back from a cursor: cursors have few gaps, so that some of them are read at
// a time, forwards.
func (r *reader) newest(id uint32, before uint64) iter.Seq2[feed.Item, error] {
	return func(yield func(feed.Item, error) bool) {
		p, err := r.Progress(id)
		if err != nil {
			yield(feed.Item{}, err)
			return
		}
		if before == 0 || before > p.Last {
			before = p.Last + 1
		}
		width := uint64(newestAtOnce)
		for left := p.Items; before > 1 && left > 0; {
			from := before - min(before-1, width)
			var some []feed.Item
			if err := r.scan(id, from, itemKey(id, before), func(it feed.Item) error {
				some = append(some, it)
				return nil
			}); err != nil {
				yield(feed.Item{}, err)
				return
			}
			for i := len(some) - 1; i >= 0; i-- {
				if !yield(some[i], nil) {
					return
				}
			}
			before, left = from, left-len(some)
			if width = newestAtOnce; len(some) == 0 { // a gap, where others took the place of many
				width = 16 * newestAtOnce
			}
		}
	}
}

// Seen implements feed.Contents.
func (r *reader) Seen(id uint32, paperID string) (cursor uint64, found bool, err error) {
	key := seenKey(id, paperID)
	found, err = r.snap.Lookup(key, func(value []byte) error { return unseal(key, value, &cursor) })
	return cursor, found, err
}

// Progress implements feed.States.
func (r *reader) Progress(id uint32) (p feed.Progress, err error) {
	key := stateKey(stateProgress, id)
	_, err = r.snap.Lookup(key, func(value []byte) error {
		p, err = decodeProgress(key, value)
		return err
	})
	return p, err
}

// Calibration implements feed.States.
func (r *reader) Calibration(id uint32) (c feed.Calibration, found bool, err error) {
	key := stateKey(stateCalibration, id)
	found, err = r.snap.Lookup(key, func(value []byte) error {
		c, err = decodeCalibration(key, value)
		return err
	})
	return c, found, err
}

// Following implements feed.States.
func (r *reader) Following(collection string) (f feed.Following, found bool, err error) {
	key := followingKey(collection)
	found, err = r.snap.Lookup(key, func(value []byte) error {
		f, err = decodeFollowing(key, value)
		return err
	})
	return f, found, err
}

// writer implements feed.Writer: it reads the state before, and gathers changes.
type writer struct {
	reader
	batch *kv.Batch
	// next is the next ID, once one was given; 0 before.
	next uint64
}

// PutFeed implements feed.Keeper.
func (w *writer) PutFeed(f *feed.Feed) error {
	if f.ID == 0 {
		id, err := w.newID()
		if err != nil {
			return err
		}
		f.ID = id
	}
	return w.batch.SetCBOR(feedKey(f.Owner, f.Name), packFeed(f))
}

// newID gives an ID that was never given; they begin at 1.
func (w *writer) newID() (uint32, error) {
	if w.next == 0 {
		found, err := w.snap.Lookup(counterKey(), func(value []byte) error { return unseal(counterKey(), value, &w.next) })
		if err != nil {
			return 0, err
		}
		if !found {
			w.next = 1
		}
	}
	if w.next > math.MaxUint32 {
		return 0, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported, Message: "all 2^32 ids of feeds were given",
		}
	}
	id := uint32(w.next)
	w.next++
	return id, w.batch.SetCBOR(counterKey(), w.next)
}

// RemoveFeed implements feed.Keeper.
func (w *writer) RemoveFeed(owner, name string) error { return w.batch.Delete(feedKey(owner, name)) }

// PutItem implements feed.Filler.
func (w *writer) PutItem(id uint32, it *feed.Item) error {
	return errors.Join(w.batch.SetCBOR(itemKey(id, it.Cursor), packItem(it)), w.batch.SetCBOR(seenKey(id, it.PaperID), it.Cursor))
}

// RemoveItem implements feed.Filler.
func (w *writer) RemoveItem(id uint32, it *feed.Item) error {
	return errors.Join(w.batch.Delete(itemKey(id, it.Cursor)), w.batch.Delete(seenKey(id, it.PaperID)))
}

// Clear implements feed.Filler.
func (w *writer) Clear(id uint32) error {
	return errors.Join(
		w.batch.DeleteRange(itemsKey(id), kv.After(itemsKey(id))),
		w.batch.DeleteRange(seenKey(id, ""), kv.After(seenKey(id, ""))),
		w.batch.Delete(stateKey(stateProgress, id)), w.batch.Delete(stateKey(stateCalibration, id)),
	)
}

// PutProgress implements feed.Noter.
func (w *writer) PutProgress(id uint32, p *feed.Progress) error {
	return w.batch.SetCBOR(stateKey(stateProgress, id), packProgress(p))
}

// PutCalibration implements feed.Noter.
func (w *writer) PutCalibration(id uint32, c *feed.Calibration) error {
	return w.batch.SetCBOR(stateKey(stateCalibration, id), packCalibration(c))
}

// PutFollowing implements feed.Noter.
func (w *writer) PutFollowing(collection string, f *feed.Following) error {
	if f == nil {
		return w.batch.Delete(followingKey(collection))
	}
	return w.batch.SetCBOR(followingKey(collection), packFollowing(f))
}
