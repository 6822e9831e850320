package engine

import (
	"context"
	"errors"
	"slices"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/paper"
)

// Upserted is what became of one paper of a write.
type Upserted struct {
	ID     string
	Change catalog.Change
	Record paper.Record
	// Err says why this paper was refused; the others are not affected.
	Err error
}

// Truncated says whether the paper's text was cut.
func (u *Upserted) Truncated() bool { return u.Err == nil && u.Record.Truncated }

// Upsert writes papers, each answered for itself, and gives the sequence
// reached. Where an id stands twice, the later one wins.
func (e *Engine) Upsert(ctx context.Context, collection string, papers []paper.Paper, class embed.Class) ([]Upserted, uint64, error) {
	if len(papers) == 0 || len(papers) > MaxBatch {
		return nil, 0, paper.InvalidField("papers", "has %d items; give 1 to %d", len(papers), MaxBatch)
	}
	to, err := e.target(ctx, collection)
	if err != nil {
		return nil, 0, err
	}
	incoming := make([]Incoming, len(papers))
	for i := range papers {
		incoming[i].Paper = papers[i]
	}
	w := to.plan(incoming)
	if err := w.embed(ctx, class); err != nil {
		return nil, 0, err
	}
	return w.commit(ctx, class)
}

// Update changes one paper that is there: change gets it as it is, again if
// another writer was faster. The paper is not found if it is not there.
func (e *Engine) Update(ctx context.Context, collection, id string, change func(*paper.Paper) error) (Upserted, uint64, error) {
	to, err := e.target(ctx, collection)
	if err != nil {
		return Upserted{}, 0, err
	}
	for {
		found, _, err := e.Get(ctx, collection, []string{id})
		if err != nil {
			return Upserted{}, 0, err
		}
		if len(found) == 0 || found[0].ID != id { // a write names its paper exactly
			return Upserted{}, 0, paper.MissingPaper(id)
		}
		p := found[0].Clone()
		if err := change(&p); err != nil {
			return Upserted{}, 0, err
		}
		w := to.plan([]Incoming{{Paper: p}})
		for i := range w.items {
			w.items[i].revision = found[0].Revision
		}
		if err := w.embed(ctx, embed.Interactive); err != nil {
			return Upserted{}, 0, err
		}
		got, sequence, err := w.commit(ctx, embed.Interactive)
		if errors.Is(err, errConflict) {
			continue
		}
		if err != nil {
			return Upserted{}, 0, err
		}
		return got[0], sequence, got[0].Err
	}
}

// Delete erases papers, and gives how many were there, the ids that were not,
// and the sequence reached.
func (e *Engine) Delete(ctx context.Context, collection string, ids []string) (deleted int, missing []string, sequence uint64, err error) {
	if err := e.needCatalog(); err != nil {
		return 0, nil, 0, err
	}
	if collection, err = collectionOf(collection); err != nil {
		return 0, nil, 0, err
	}
	if err := checkIDs(ids); err != nil {
		return 0, nil, 0, err
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids) // an id that is named twice is deleted once
	changes := make([]catalog.Mutation, len(ids))
	for i, id := range ids {
		changes[i] = catalog.Mutation{Delete: true, Paper: paper.Paper{ID: id}}
	}
	e.writing.Lock()
	defer e.writing.Unlock()
	outcomes, sequence, err := e.catalog.Apply(ctx, collection, changes)
	if err != nil {
		return 0, nil, 0, err
	}
	for i, o := range outcomes {
		if o.Change == catalog.Missing {
			missing = append(missing, ids[i])
		}
	}
	return len(ids) - len(missing), missing, sequence, nil
}
