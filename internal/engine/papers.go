package engine

import (
	"context"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// Get gives the papers that are there of those that names mean (ids, or arXiv ids
// and DOIs as people paste them), in the order asked for, and the names of the others.
func (e *Engine) Get(ctx context.Context, collection string, ids []string) (found []paper.Record, missing []string, err error) {
	err = e.GetEach(ctx, collection, ids, func(_ int, r *paper.Record) bool {
		found = append(found, *r)
		return true
	}, func(i int) { missing = append(missing, ids[i]) })
	return found, missing, err
}

// readChunk is how many papers are read at a time.
const readChunk = 64

// GetEach is Get with a call for each name, by its position and in order: visit for
// a paper that is there, until it returns false, and missing for one that is not.
func (e *Engine) GetEach(ctx context.Context, collection string, ids []string, visit func(int, *paper.Record) bool, missing func(int)) error {
	if err := checkIDs(ids); err != nil {
		return err
	}
	a, err := e.ask(ctx, collection)
	if err != nil {
		return err
	}
	defer a.close()
	for from := 0; from < len(ids); from += readChunk {
		found, err := a.meantBy(ctx, ids[from:min(from+readChunk, len(ids))])
		if err != nil {
			return err
		}
		for i, r := range found {
			if r == nil {
				missing(from + i)
			} else if !visit(from+i, r) {
				return nil
			}
		}
	}
	return nil
}

// meantBy gives the papers that names mean, parallel to them; nil for none. Most
// names are ids: only those that are not are looked for by what else they may be.
func (a *asking) meantBy(ctx context.Context, names []string) ([]*paper.Record, error) {
	found, err := a.view.Get(ctx, catalog.Refs(names...))
	if err != nil {
		return nil, err
	}
	var absent []string
	var at []int
	for i, r := range found {
		if r == nil {
			absent, at = append(absent, names[i]), append(at, i)
		}
	}
	if len(absent) == 0 {
		return found, nil
	}
	ids, err := a.namer().Identify(ctx, absent)
	if err != nil {
		return nil, err
	}
	var meant []string
	n := 0
	for k, id := range ids {
		if id != "" {
			meant, at[n] = append(meant, id), at[k]
			n++
		}
	}
	records, err := a.view.Get(ctx, catalog.Refs(meant...))
	for k, r := range records {
		found[at[k]] = r
	}
	return found, err
}

func checkIDs(ids []string) error {
	if len(ids) == 0 || len(ids) > MaxBatch {
		return paper.InvalidField("ids", "has %d items; give 1 to %d", len(ids), MaxBatch)
	}
	return nil
}

// CountValues counts papers by the values of a field, among those that a filter
// keeps.
func (e *Engine) CountValues(ctx context.Context, collection, field, filter string, limit int) ([]catalog.ValueCount, error) {
	a, err := e.ask(ctx, collection)
	if err != nil {
		return nil, err
	}
	defer a.close()
	counter, err := a.counter()
	if err != nil {
		return nil, err
	}
	return counter.CountValues(ctx, field, filter, limit)
}
