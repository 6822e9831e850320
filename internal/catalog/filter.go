package catalog

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/filter"
)

// recheck is how many records are read at a time to check them.
const recheck = 256

// keepBy is keep for a filter and a day up to which papers count.
func (c *Embedded) keepBy(ctx context.Context, l *live, text, asOf string) (*roaring.Bitmap, error) {
	kept, err := c.keep(ctx, l, text)
	if err != nil || asOf == "" {
		return kept, err
	}
	until, err := c.keep(ctx, l, "date <= "+asOf)
	if err != nil || kept == nil {
		return until, err
	}
	kept.And(until)
	return kept, nil
}

// keep compiles an AIP-160 filter to the ordinals that it keeps; nil is all of
// them. Where the attribute index only knows a superset, the papers in it are
// read and checked, so that the answer is exact whatever the filter says.
func (c *Embedded) keep(ctx context.Context, l *live, text string) (*roaring.Bitmap, error) {
	f, err := filter.Parse(text)
	if err != nil || f.All() {
		return nil, err
	}
	kept, exact := l.attributes.Bitmap(f)
	if exact {
		return kept, nil
	}
	snapshot, err := c.config.Store.Snapshot(l.name)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	matches := roaring.New()
	batch := make([]uint32, recheck)
	for many := kept.ManyIterator(); ; {
		n := many.NextMany(batch)
		if n == 0 {
			return matches, nil
		}
		records, err := snapshot.ByOrdinals(ctx, batch[:n])
		if err != nil {
			return nil, err
		}
		for i, r := range records {
			if r != nil && f.Match(r) {
				matches.Add(batch[i])
			}
		}
	}
}

// ValueCount is how many papers have a value.
type ValueCount = filter.Count

// CountValues counts papers by the values of a field (category, venue, year,
// author or language) among those that a filter keeps, the most frequent first.
func (c *Embedded) CountValues(ctx context.Context, collection, field, text string, limit int) ([]ValueCount, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	keep, err := c.keep(ctx, l, text)
	if err != nil {
		return nil, err
	}
	return l.attributes.Facet(field, keep, limit)
}
