package local

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/filter"
)

// recheck is how many records are read at a time to check them.
const recheck = 64

// keepBy is keep for a filter and a day up to which papers count.
func (m *moment) keepBy(ctx context.Context, text, asOf string) (*roaring.Bitmap, error) {
	kept, err := m.keep(ctx, text)
	if err != nil || asOf == "" {
		return kept, err
	}
	until, err := m.keep(ctx, untilDay(asOf))
	if err != nil || kept == nil {
		return until, err
	}
	kept.And(until)
	return kept, nil
}

// keep compiles an AIP-160 filter to the ordinals that it keeps; nil is all of
// them. Where the attribute index only knows a superset, the papers in it are
// read and checked, so that the answer is exact whatever the filter says.
func (m *moment) keep(ctx context.Context, text string) (*roaring.Bitmap, error) {
	f, err := filter.Parse(text)
	if err != nil || f.All() {
		return nil, err
	}
	if known := m.kept.get(text); known != nil {
		return known, nil
	}
	kept, exact, err := m.attributes.Bitmap(ctx, f)
	if err == nil && !exact {
		kept, err = m.match(ctx, f, kept)
	}
	if err != nil {
		return nil, err
	}
	m.kept.put(text, kept)
	return kept, nil
}

// match reads papers and keeps those that a filter keeps.
func (m *moment) match(ctx context.Context, f *filter.Filter, papers *roaring.Bitmap) (*roaring.Bitmap, error) {
	matches := roaring.New()
	batch := make([]uint32, recheck)
	for many := papers.ManyIterator(); ; {
		n := many.NextMany(batch)
		if n == 0 {
			return matches, nil
		}
		records, err := m.snapshot.ByOrdinals(ctx, batch[:n])
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

// CountValues implements View.
func (v *view) CountValues(ctx context.Context, collection, field, text string, limit int) ([]ValueCount, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	keep, err := m.keep(ctx, text)
	if err != nil {
		return nil, err
	}
	return m.attributes.Facet(ctx, field, keep, limit)
}
