package local

import (
	"context"
	"slices"
	"sort"
	"time"

	"akin/internal/catalog"
	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/store"
)

// Wait implements catalog.Waiter.
func (c *Catalog) Wait(ctx context.Context, collection string, after uint64) error {
	one, err := c.collection(collection)
	if err != nil {
		return err
	}
	for {
		moved, beyond := one.showing.beyond(after)
		if beyond {
			return ctx.Err()
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Changed implements catalog.Changes.
func (v *view) Changed(ctx context.Context, after uint64, limit int) (out []catalog.LogEntry, err error) {
	for change, err := range v.snapshot.Changes(ctx, after) {
		if err != nil {
			return nil, err
		}
		if len(out) == limit {
			break
		}
		out = append(out, catalog.LogEntry{
			Sequence: change.Sequence, Ref: paper.Ref{ID: change.ID, Handle: handleOf(change.Ordinal)},
			Deleted: change.Operation == store.Delete, Fields: change.Fields,
		})
	}
	return out, nil
}

// CreatedSince implements catalog.Changes. Ordinals are given as papers come, so that the
// first paper of a time is found by halving.
func (v *view) CreatedSince(ctx context.Context, since time.Time, limit int) ([]paper.Ref, error) {
	end := uint32(v.ids.len())
	var fault error
	first := uint32(sort.Search(int(end), func(at int) bool {
		// Of papers that are gone nothing is known: the next one that is there tells.
		for o := uint32(at); o < end && fault == nil; o++ {
			if v.ids.at(o) == "" {
				continue
			}
			records, err := v.snapshot.ByOrdinals(ctx, []uint32{o})
			if err != nil {
				fault = err
			} else if records[0] != nil {
				return !records[0].CreateTime.Before(since)
			}
		}
		return true
	}))
	if fault != nil {
		return nil, fault
	}
	var out []paper.Ref
	for o := end; o > first && len(out) < limit; o-- {
		if v.ids.at(o-1) != "" {
			out = append(out, v.ref(o-1))
		}
	}
	return out, nil
}

// WordCounts implements catalog.WordCounts.
func (v *view) WordCounts(ctx context.Context, refs []paper.Ref) ([]catalog.Counted, error) {
	ordinals, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, err
	}
	counts, err := v.words.Counts(ctx, ordinals)
	if err != nil {
		return nil, err
	}
	out := make([]catalog.Counted, len(counts))
	for i := range counts {
		out[i] = catalog.Counted{Length: counts[i].Length, Terms: make([]catalog.TermCount, len(counts[i].Terms))}
		for j, t := range counts[i].Terms {
			out[i].Terms[j] = catalog.TermCount(t)
		}
	}
	return out, nil
}

// TextTerms implements catalog.WordCounts.
func (v *view) TextTerms(_ context.Context, text string) (out []catalog.TextTerm, err error) {
	at := make(map[string]int)
	for _, t := range lexical.Analyse(text) {
		i, ok := at[t.Term]
		if !ok {
			i = len(out)
			at[t.Term] = i
			out = append(out, catalog.TextTerm{Name: t.Term, Joined: true})
		}
		out[i].Count++
		out[i].Joined = out[i].Joined && t.Joined
	}
	return slices.Clip(out), nil
}

// TermIDs implements catalog.WordCounts.
func (v *view) TermIDs(_ context.Context, names []string) (ids []uint32, found []bool, err error) {
	ids, found = v.words.TermIDs(names)
	return ids, found, nil
}

// TermNamesOf implements catalog.WordCounts.
func (v *view) TermNamesOf(_ context.Context, ids []uint32) ([]string, error) {
	return v.words.Terms(ids), nil
}

// Frequencies implements catalog.WordCounts.
func (v *view) Frequencies(_ context.Context, ids []uint32) ([]uint32, error) {
	return v.words.Frequencies(ids), nil
}
