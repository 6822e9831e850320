package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"akin/internal/ann"
	"akin/internal/catalog"
	"akin/internal/dedup"
	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/store"
)

// change makes changes durable, then visible to views that are opened from then on. It
// gives one outcome a change and the sequence reached.
func (c *collection) change(ctx context.Context, changes []catalog.Mutation) ([]catalog.Outcome, uint64, error) {
	w := &c.writing
	w.Lock()
	defer w.Unlock()
	stored, err := c.config.Store.Apply(ctx, c.name, mutations(changes))
	if err != nil {
		return nil, 0, err
	}
	if len(changes) >= bulkGroup {
		w.bulkGroup(time.Now())
	}
	// From here on the changes are durable. When an index cannot take one, the vectors
	// are loaded from the store into a new index, and the caller hears nothing of it
	// unless that fails too; then the next start loads everything.
	if err := c.index(changes, stored); err != nil {
		c.config.Log.ErrorContext(ctx, "an index did not take a change; loading the vectors from the store again", "error", err)
		if err := c.reload(); err != nil {
			return nil, 0, fmt.Errorf("load the vectors again: %w", err)
		}
	}
	if err := c.publish(); err != nil {
		return nil, 0, err
	}
	c.maybeBuild()
	if err := c.trim(ctx); err != nil {
		c.config.Log.WarnContext(ctx, "trimming the change log failed", "error", err)
	}
	return outcomes(stored), w.sequence, nil
}

// prepared is what is made of a paper before its turn.
type prepared struct {
	words   *lexical.Prepared
	authors []paper.Author
	key     dedup.Key // of what words are of, and authors
	// stored is what the store makes of the paper beforehand; nil where there was no
	// beforehand.
	stored *store.Prepared
}

// Prepare implements catalog.Preparer: words are taken apart and keys are made.
func (c *Catalog) Prepare(ctx context.Context, collection string, changes []*catalog.Mutation) error {
	one, err := c.collection(collection)
	if err != nil {
		return err
	}
	for _, m := range changes {
		if err := ctx.Err(); err != nil {
			return err
		}
		made := one.prepare(&m.Paper)
		made.stored = store.Prepare(&m.Paper)
		m.Prepared = made
	}
	return nil
}

func (c *collection) prepare(p *paper.Paper) *prepared {
	return &prepared{words: c.words.Prepare(p.Title, p.Abstract, idsOf(p)), authors: p.Authors, key: dedup.KeyOf(p)}
}

// preparedOf is what was prepared of what is stored now, or is made so.
func (c *collection) preparedOf(m *catalog.Mutation, r *paper.Record) *prepared {
	p, ok := m.Prepared.(*prepared)
	if !ok || !p.words.Of(r.Title, r.Abstract, idsOf(&r.Paper)) || !slices.Equal(p.authors, r.Authors) {
		return c.prepare(&r.Paper)
	}
	return p
}

// mutations are changes as the store takes them.
func mutations(changes []catalog.Mutation) []store.Mutation {
	group := make([]store.Mutation, len(changes))
	for i := range changes {
		m := &changes[i]
		if m.Delete {
			group[i].Delete = m.Paper.ID
		} else {
			group[i].Upsert = &store.Upsert{Paper: m.Paper, Vector: m.Vector, TokenCount: m.TokenCount, Truncated: m.Truncated}
			if p, ok := m.Prepared.(*prepared); ok {
				group[i].Upsert.Prepared = p.stored
			}
		}
	}
	return group
}

// outcomes are what became of changes as the contract says it.
func outcomes(stored []store.Outcome) []catalog.Outcome {
	out := make([]catalog.Outcome, len(stored))
	for i := range stored {
		out[i] = catalog.Outcome{Change: changeOf(stored[i].Result), Record: stored[i].Record}
		if out[i].Change != catalog.Missing {
			out[i].Record.Handle = handleOf(out[i].Record.Ordinal)
		}
	}
	return out
}

func changeOf(r store.Result) catalog.Change {
	switch r {
	case store.Created:
		return catalog.Created
	case store.Updated:
		return catalog.Updated
	case store.Deleted:
		return catalog.Deleted
	case store.NotFound:
		return catalog.Missing
	case store.Unchanged:
	}
	return catalog.Unchanged
}

// index brings the indexes to what the store now holds. The caller holds c.writing and
// publishes it.
func (c *collection) index(changes []catalog.Mutation, stored []store.Outcome) (err error) {
	var p pendingPapers
	for i := range stored {
		o := &stored[i]
		c.writing.sequence = max(c.writing.sequence, o.Sequence)
		switch o.Result {
		case store.Created, store.Updated:
			c.indexPaper(o, &changes[i], &p)
		case store.Deleted:
			err = errors.Join(err, c.flush(&p), c.unindexPaper(o.Record.Ordinal))
		case store.Unchanged, store.NotFound:
		}
	}
	return errors.Join(err, c.flush(&p))
}

// pendingPapers are those of a group that are put into the indexes together.
type pendingPapers struct {
	ordinals []uint32 // of vectors
	vectors  [][]float32
	read     []uint32 // ordinals of words
	words    []*lexical.Prepared
}

// flush puts vectors and words into the indexes: into a graph, on all cores.
func (c *collection) flush(p *pendingPapers) (err error) {
	if graph, ok := c.writing.index.Index.(*ann.Graph); ok && len(p.ordinals) > 1 {
		err = graph.UpsertMany(context.WithoutCancel(c.ctx), p.ordinals, p.vectors, 0)
	} else {
		for i, ordinal := range p.ordinals {
			err = errors.Join(err, c.writing.index.Upsert(ordinal, p.vectors[i]))
		}
	}
	err = errors.Join(err, c.words.UpsertMany(p.read, p.words))
	*p = pendingPapers{}
	return err
}

// indexPaper puts a paper that was stored into the indexes, vector and words with the
// others of its group; without a vector it keeps the one that is there.
func (c *collection) indexPaper(o *store.Outcome, m *catalog.Mutation, pending *pendingPapers) {
	w, r := &c.writing, &o.Record
	if o.Result == store.Created {
		w.papers++
	} else {
		w.gone = true
	}
	p := c.preparedOf(m, r)
	w.ids.set(r.Ordinal, r.ID)
	w.keys.set(r.Ordinal, p.key)
	w.days.set(r.Ordinal, dayOf(r))
	c.attributes.Upsert(r.Ordinal, r)
	if m.Vector != nil {
		c.vectors.set(r.Ordinal, o.Sequence)
		pending.ordinals, pending.vectors = append(pending.ordinals, r.Ordinal), append(pending.vectors, m.Vector)
	}
	pending.read, pending.words = append(pending.read, r.Ordinal), append(pending.words, p.words)
}

// unindexPaper takes a paper that was deleted out of the indexes.
func (c *collection) unindexPaper(ordinal uint32) error {
	w := &c.writing
	w.papers--
	w.gone = true
	_, err := w.index.Delete(ordinal)
	w.ids.set(ordinal, "")
	w.keys.set(ordinal, dedup.Key{})
	w.days.set(ordinal, dayEntry{})
	c.attributes.Delete(ordinal)
	_, wordsErr := c.words.Delete(ordinal)
	return errors.Join(err, wordsErr)
}
