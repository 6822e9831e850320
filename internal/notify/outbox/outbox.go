// Package outbox keeps digests in the database of the store, under keys of its own, so
// that one commit orders what happens to papers, feeds and mails, and one snapshot has
// all of them. Addresses come to it encrypted.
//
// An Outbox is safe for concurrent use: reads see the last acknowledged state and wait
// for nothing; writes are made one after the other, and wait for those of the store.
// The bytes are described in docs/format/digests.md.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"akin/internal/kv"
	"akin/internal/notify"
	"akin/internal/paper"
)

// Outbox implements notify.Store.
type Outbox struct {
	db    *kv.DB
	moved func(*kv.Snapshot)
}

var _ notify.Store = (*Outbox)(nil)

// New makes an Outbox over a database, which stays the caller's. moved gets the state
// after each commit, to be closed by it, before the next writer's turn; nil closes it.
func New(db *kv.DB, moved func(*kv.Snapshot)) *Outbox {
	if moved == nil {
		moved = (*kv.Snapshot).Close
	}
	return &Outbox{db, moved}
}

// Read implements notify.Store.
func (o *Outbox) Read(ctx context.Context, fn func(notify.Reader) error) error {
	if err := o.db.Enter(); err != nil {
		return err
	}
	defer o.db.Leave()
	snap := o.db.Snapshot()
	defer snap.Close()
	return fn(&reader{ctx: ctx, db: o.db, snap: snap})
}

// Write implements notify.Store.
func (o *Outbox) Write(ctx context.Context, fn func(notify.Writer) error) error {
	end, err := o.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	snap := o.db.Snapshot()
	defer snap.Close()
	w := &writer{reader: reader{ctx: ctx, db: o.db, snap: snap}, batch: o.db.NewBatch()}
	if err := fn(w); err != nil {
		return err
	}
	if w.batch.Empty() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	after, err := o.db.Commit(w.batch)
	if err != nil {
		return err
	}
	o.moved(after)
	return nil
}

// reader implements notify.Reader over one state.
type reader struct {
	ctx  context.Context //nolint:containedctx // of the one call that it lives in
	db   *kv.DB
	snap *kv.Snapshot
}

// each calls visit for what is kept under a prefix.
func (r *reader) each(prefix []byte, visit func(key, value []byte) error) error {
	return r.snap.Scan(r.ctx, prefix, kv.After(prefix), func(key, value []byte) error {
		if err := r.db.Closing(); err != nil {
			return err
		}
		return visit(key, value)
	})
}

// Digests implements notify.DigestReader.
func (r *reader) Digests(visit func(*notify.Digest) error) error {
	return r.each([]byte{prefixBook, kindDigest}, func(key, value []byte) error {
		d, err := decodeDigest(key, value)
		if err != nil {
			return err
		}
		return visit(&d)
	})
}

// Digest implements notify.DigestReader.
func (r *reader) Digest(id uint32) (d notify.Digest, found bool, err error) {
	key := digestKey(id)
	found, err = r.snap.Lookup(key, func(value []byte) error {
		d, err = decodeDigest(key, value)
		return err
	})
	return d, found, err
}

// Owned implements notify.DigestReader.
func (r *reader) Owned(owner string) (all []notify.Digest, err error) {
	err = r.each(ownerKey(owner), func(key, value []byte) error {
		var id storedID
		if err := unseal(key, value, &id); err != nil {
			return err
		}
		d, found, err := r.Digest(id.ID)
		switch {
		case err != nil:
			return err
		case !found:
			return damaged(key, fmt.Errorf("there is no digest with id %d", id.ID))
		}
		all = append(all, d)
		return nil
	})
	return all, err
}

// Named implements notify.DigestReader.
func (r *reader) Named(owner, name string) (d notify.Digest, found bool, err error) {
	key := nameKey(owner, name)
	var id storedID
	found, err = r.snap.Lookup(key, func(value []byte) error { return unseal(key, value, &id) })
	if err != nil || !found {
		return d, false, err
	}
	return r.Digest(id.ID)
}

// Issue implements notify.DigestReader.
func (r *reader) Issue(digest uint32, at notify.IssueKey) (i notify.Issue, found bool, err error) {
	key := issueKey(digest, at)
	found, err = r.snap.Lookup(key, func(value []byte) error {
		i, err = decodeIssue(key, value)
		return err
	})
	return i, found, err
}

// Issues implements notify.DigestReader.
func (r *reader) Issues(digest uint32) (all []notify.Issue, err error) {
	err = r.each(issuesKey(digest), func(key, value []byte) error {
		i, err := decodeIssue(key, value)
		all = append(all, i)
		return err
	})
	return all, err
}

// Recipient implements notify.RecipientReader.
func (r *reader) Recipient(id uint32) (out notify.Recipient, found bool, err error) {
	key := recipientKey(id)
	found, err = r.snap.Lookup(key, func(value []byte) error {
		out, err = decodeRecipient(key, value)
		return err
	})
	return out, found, err
}

// Known implements notify.RecipientReader.
func (r *reader) Known(digest []byte) (out notify.Recipient, found bool, err error) {
	key := knownKey(digest)
	var id storedID
	found, err = r.snap.Lookup(key, func(value []byte) error { return unseal(key, value, &id) })
	if err != nil || !found {
		return out, false, err
	}
	return r.Recipient(id.ID)
}

// Recipients implements notify.RecipientReader.
func (r *reader) Recipients(visit func(*notify.Recipient) error) error {
	return r.each([]byte{prefixBook, kindRecipient}, func(key, value []byte) error {
		one, err := decodeRecipient(key, value)
		if err != nil {
			return err
		}
		return visit(&one)
	})
}

// WasSent implements notify.RecipientReader.
func (r *reader) WasSent(recipient uint32, papers []string) ([]time.Time, error) {
	out := make([]time.Time, len(papers))
	for i, id := range papers {
		key := sentKey(recipient, id)
		var sent storedSent
		if _, err := r.snap.Lookup(key, func(value []byte) error { return unseal(key, value, &sent) }); err != nil {
			return nil, err
		}
		out[i] = kv.TimeOf(sent.At)
	}
	return out, r.ctx.Err()
}

// Trouble implements notify.Reader.
func (r *reader) Trouble() (t notify.Trouble, err error) {
	var s storedTrouble
	_, err = r.snap.Lookup(troubleKey(), func(value []byte) error { return unseal(troubleKey(), value, &s) })
	return notify.Trouble{Count: int(s.Count), Since: kv.TimeOf(s.Since), Until: kv.TimeOf(s.Until), Words: s.Words}, err
}

// writer implements notify.Writer: it reads the state before, and gathers changes.
type writer struct {
	reader
	batch *kv.Batch
	// next are the next IDs, once one was given.
	next *storedCounters
}

// counters gives what the next IDs are.
func (w *writer) counters() (*storedCounters, error) {
	if w.next != nil {
		return w.next, nil
	}
	next := storedCounters{Digest: 1, Recipient: 1}
	if _, err := w.snap.Lookup(counterKey(), func(value []byte) error { return unseal(counterKey(), value, &next) }); err != nil {
		return nil, err
	}
	w.next = &next
	return w.next, nil
}

// give gives an ID that was never given.
func (w *writer) give(of func(*storedCounters) *uint64) (uint32, error) {
	all, err := w.counters()
	if err != nil {
		return 0, err
	}
	n := of(all)
	if *n > math.MaxUint32 {
		return 0, &paper.Error{Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported, Message: "all 2^32 ids of digests and readers were given"}
	}
	id := uint32(*n)
	*n++
	return id, w.batch.SetCBOR(counterKey(), *all)
}

// PutDigest implements notify.DigestWriter.
func (w *writer) PutDigest(d *notify.Digest) error {
	if d.ID == 0 {
		id, err := w.give(func(c *storedCounters) *uint64 { return &c.Digest })
		if err != nil {
			return err
		}
		d.ID = id
		if !d.Visitor() {
			if err := w.batch.SetCBOR(nameKey(d.Owner, d.Name), storedID{ID: id}); err != nil {
				return err
			}
		}
	}
	return w.batch.SetCBOR(digestKey(d.ID), packDigest(d))
}

// RemoveDigest implements notify.DigestWriter.
func (w *writer) RemoveDigest(d *notify.Digest) error {
	issues := issuesKey(d.ID)
	err := errors.Join(w.batch.Delete(digestKey(d.ID)), w.batch.DeleteRange(issues, kv.After(issues)))
	if !d.Visitor() {
		err = errors.Join(err, w.batch.Delete(nameKey(d.Owner, d.Name)))
	}
	return err
}

// PutIssue implements notify.DigestWriter.
func (w *writer) PutIssue(i *notify.Issue) error {
	return w.batch.SetCBOR(issueKey(i.Digest, i.IssueKey), packIssue(i))
}

// RemoveIssue implements notify.DigestWriter.
func (w *writer) RemoveIssue(digest uint32, key notify.IssueKey) error {
	return w.batch.Delete(issueKey(digest, key))
}

// PutRecipient implements notify.RecipientWriter.
func (w *writer) PutRecipient(r, before *notify.Recipient) error {
	if r.ID == 0 {
		id, err := w.give(func(c *storedCounters) *uint64 { return &c.Recipient })
		if err != nil {
			return err
		}
		r.ID = id
	}
	if before != nil && string(before.Digest) != string(r.Digest) {
		if err := w.batch.Delete(knownKey(before.Digest)); err != nil {
			return err
		}
	}
	return errors.Join(w.batch.SetCBOR(knownKey(r.Digest), storedID{ID: r.ID}), w.batch.SetCBOR(recipientKey(r.ID), packRecipient(r)))
}

// RemoveRecipient implements notify.RecipientWriter.
func (w *writer) RemoveRecipient(r *notify.Recipient) error {
	sent := sentsKey(r.ID)
	return errors.Join(w.batch.Delete(knownKey(r.Digest)), w.batch.Delete(recipientKey(r.ID)), w.batch.DeleteRange(sent, kv.After(sent)))
}

// MarkSent implements notify.RecipientWriter.
func (w *writer) MarkSent(recipient uint32, papers []string, at time.Time) error {
	for _, id := range papers {
		if err := w.batch.SetCBOR(sentKey(recipient, id), storedSent{At: kv.Nanos(at)}); err != nil {
			return err
		}
	}
	return nil
}

// PutTrouble implements notify.Writer.
func (w *writer) PutTrouble(t notify.Trouble) error {
	if t.Count == 0 {
		return w.batch.Delete(troubleKey())
	}
	return w.batch.SetCBOR(troubleKey(), storedTrouble{Count: int64(t.Count), Since: kv.Nanos(t.Since), Until: kv.Nanos(t.Until), Words: t.Words})
}
