package home

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"akin/internal/kv"
	"akin/internal/paper"
)

// copyBytes is how much is written to the database with one commit while it is brought to
// the end of the log.
const copyBytes = 4 << 20

// enter brings the database to the end of the log, and the log into the hands of this
// writer.
func (h *Home) enter(ctx context.Context) (found Found, err error) {
	there, err := h.store.newest(ctx, h.config.Epoch-1)
	if err != nil {
		return found, err
	}
	if there == nil {
		return h.adopt(ctx, "", 0)
	}
	c := &copying{config: h.config, store: h.store, head: there}
	last, err := c.run(ctx)
	if err != nil {
		return c.found, err
	}
	// Only the last record can be one that a quorum does not have yet.
	if last != nil {
		if err := h.store.put(ctx, last.parts); err != nil {
			return c.found, err
		}
	}
	h.at, h.logs, h.size = c.at, int(c.at.Number-there.Base.Number), c.size
	next := head{
		Format: format, Lineage: there.Lineage, Epoch: h.config.Epoch, Base: there.Base, Source: there.Source,
		Spans: append(closed(there, c.at.Number), span{Epoch: h.config.Epoch, From: c.at.Number + 1}),
	}
	return c.found, h.putHead(ctx, next)
}

// closed gives the spans of a head that have records behind the base, which end with one.
func closed(h *head, end uint64) (spans []span) {
	for _, sp := range h.Spans {
		if sp.To == 0 {
			sp.To = end
		}
		if sp.To > h.Base.Number && sp.To >= sp.From {
			spans = append(spans, sp)
		}
	}
	return spans
}

// noteOf reads how far a state of a database has come; a zero note if nobody said.
func noteOf(snap *kv.Snapshot) (n note, err error) {
	raw, err := snap.Note()
	if err == nil && raw != nil {
		err = kv.Decode(raw, &n)
	}
	return n, err
}

// errFound ends a scan.
var errFound = errors.New("there is something")

// empty says that a state has nothing of what is kept.
func (c *Config) empty(ctx context.Context, snap *kv.Snapshot) (bool, error) {
	err := snap.Scan(ctx, c.Lower, c.Upper, func([]byte, []byte) error { return errFound })
	if errors.Is(err, errFound) {
		return false, nil
	}
	return err == nil, err
}

// snapshot calls f with the state of the database.
func (c *Config) snapshot(f func(*kv.Snapshot) error) error {
	if err := c.DB.Enter(); err != nil {
		return err
	}
	defer c.DB.Leave()
	snap := c.DB.Snapshot()
	defer snap.Close()
	return f(snap)
}

// commit makes one commit, of this package's own.
func (c *Config) commit(ctx context.Context, fill func(*kv.Batch) error) error {
	end, err := c.DB.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	batch := c.DB.NewBatch()
	if err := fill(batch); err != nil {
		return err
	}
	snap, err := c.DB.Commit(batch)
	if err != nil {
		return err
	}
	c.Moved(snap)
	return nil
}

// adopt makes what the database has that of a place that has nothing, or nothing any more
// behind a number.
func (h *Home) adopt(ctx context.Context, source string, number uint64) (found Found, err error) {
	lineage := make([]byte, sha256.Size)
	rand.Read(lineage)
	var made base
	err = h.config.snapshot(func(snap *kv.Snapshot) error {
		was, err := noteOf(snap)
		if err != nil {
			return err
		}
		made, err = h.writeBase(ctx, snap, max(number, was.Number), lineage)
		return err
	})
	if err != nil {
		return found, err
	}
	found = Found{Number: made.Number, Adopted: made.Bytes > 0, Bytes: made.Bytes}
	h.at = note{Lineage: lineage, Number: made.Number, Chain: made.Chain}
	next := head{
		Format: format, Lineage: lineage, Epoch: h.config.Epoch, Base: made, Source: source,
		Spans: []span{{Epoch: h.config.Epoch, From: made.Number + 1}},
	}
	if err := h.putHead(ctx, next); err != nil || source != "" {
		return found, err // what was migrated from stays as it is
	}
	return found, h.config.commit(ctx, h.at.set)
}

// set puts the note into a batch.
func (n *note) set(batch *kv.Batch) error {
	raw, err := kv.Encode(n)
	if err != nil {
		return err
	}
	return batch.SetNote(raw)
}

// copying brings a database to the end of a log.
type copying struct {
	config Config
	store  *objects
	head   *head

	at    note
	size  int64 // bytes of records behind the base, as far as they were read
	found Found
}

// run gives the last record, if it is of the writer that wrote last.
func (c *copying) run(ctx context.Context) (last *entry, err error) {
	var empty bool
	err = c.config.snapshot(func(snap *kv.Snapshot) (err error) {
		if c.at, err = noteOf(snap); err != nil {
			return err
		}
		empty, err = c.config.empty(ctx, snap)
		return err
	})
	if err != nil {
		return nil, err
	}
	b := &c.head.Base
	same, partial := bytes.Equal(c.at.Lineage, c.head.Lineage), len(c.at.Lineage) > 0 && len(c.at.Chain) == 0
	switch {
	case same && !partial && c.at.Number >= b.Number:
	case same || partial || empty:
		if err := c.restore(ctx); err != nil {
			return nil, err
		}
	default:
		return nil, c.differs("has something else than the cluster")
	}
	if c.at.Number == b.Number && !bytes.Equal(c.at.Chain, b.Chain) {
		return nil, c.differs("has taken another way than the cluster")
	}
	return c.follow(ctx)
}

// differs is the error of a database that is no earlier state of what the place keeps.
func (c *copying) differs(how string) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonOther, Metadata: map[string]string{"directory": c.config.DB.Dir()},
		Message: fmt.Sprintf("the data directory %s %s of libraries, feeds, digests and sources; to go on with what the cluster has, give an empty directory (--data); "+
			"to go on with what the directory has, run akin catalog keep --data on it first", c.config.DB.Dir(), how),
	}
}

// restore makes the database what the base is.
func (c *copying) restore(ctx context.Context) error {
	b := &c.head.Base
	at := note{Lineage: c.head.Lineage, Number: b.Number}
	err := c.config.commit(ctx, func(batch *kv.Batch) error {
		return errors.Join(batch.DeleteRange(c.config.Lower, c.config.Upper), at.set(batch))
	})
	if err != nil {
		return err
	}
	sum := sha256.New()
	for from := 0; from < b.Chunks; from += ahead {
		chunks := make([][]byte, min(ahead, b.Chunks-from))
		err := each(ctx, len(chunks), func(ctx context.Context, i int) error {
			name := baseName(b.Epoch, b.Number, from+i)
			found, err := c.store.load(ctx, name, &chunks[i])
			if err == nil && !found {
				err = damaged(name, errAbsent)
			}
			return err
		})
		if err != nil {
			return err
		}
		err = c.config.commit(ctx, func(batch *kv.Batch) error {
			for _, chunk := range chunks {
				sum.Write(chunk)
				c.found.Bytes += int64(len(chunk))
				if err := batch.Replay(chunk, c.config.Lower, c.config.Upper); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if is := sum.Sum(nil); !bytes.Equal(is, b.Sum) || c.found.Bytes != b.Bytes {
		return damaged(baseName(b.Epoch, b.Number, 0), fmt.Errorf("all its chunks have the SHA-256 %x, and not %x", is, b.Sum))
	}
	at.Chain = b.Chain
	c.at, c.found.Restored = at, true
	return c.config.commit(ctx, at.set)
}

// follow takes over the records behind the note.
func (c *copying) follow(ctx context.Context) (last *entry, err error) {
	from, chain, began := c.at.Number+1, c.at.Chain, c.at.Number
	if c.at.Number > c.head.Base.Number { // to see that it is the same
		from, chain = c.at.Number, nil
	}
	var waiting [][]byte
	var size int
	flush := func() error {
		if len(waiting) == 0 {
			return nil
		}
		err := c.config.commit(ctx, func(batch *kv.Batch) error {
			for _, changes := range waiting {
				if err := batch.Replay(changes, c.config.Lower, c.config.Upper); err != nil {
					return err
				}
			}
			return c.at.set(batch)
		})
		waiting, size = nil, 0
		return err
	}
	last, end, err := c.store.walk(ctx, c.head, from, chain, func(e *entry) error {
		if e.Number <= c.at.Number {
			if !bytes.Equal(e.chain(), c.at.Chain) {
				return c.differs("has taken another way than the cluster")
			}
			return nil
		}
		c.at = note{Lineage: c.head.Lineage, Number: e.Number, Chain: e.chain()}
		c.size += int64(len(e.changes))
		c.found.Records++
		waiting, size = append(waiting, e.changes), size+len(e.changes)
		if size < copyBytes {
			return nil
		}
		return flush()
	})
	if err != nil {
		return nil, err
	}
	if end < began {
		return nil, c.differs(fmt.Sprintf("has %d changes, more than the %d of the cluster,", began, end))
	}
	c.found.Number = c.at.Number
	return last, flush()
}
