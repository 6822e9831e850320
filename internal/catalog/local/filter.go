package local

import (
	"context"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/catalog"
	"akin/internal/filter"
)

// recheck is how many records are read at a time to check them.
const recheck = 64

// kept are the filters that a query has compiled: it asks for the same one again to
// say why its list is short.
type kept struct {
	mu     sync.Mutex // guards papers
	papers map[string]*roaring.Bitmap
}

func (k *kept) get(text string) *roaring.Bitmap {
	k.mu.Lock()
	defer k.mu.Unlock()
	if papers := k.papers[text]; papers != nil {
		return papers.Clone()
	}
	return nil
}

// mostKept is how many filters are kept: a query has few.
const mostKept = 8

func (k *kept) put(text string, papers *roaring.Bitmap) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.papers == nil {
		k.papers = make(map[string]*roaring.Bitmap)
	}
	if len(k.papers) < mostKept {
		k.papers[text] = papers.Clone()
	}
}

// untilDay is the filter for papers that had appeared by a day; "" is all.
func untilDay(day string) string {
	if day == "" {
		return ""
	}
	return "date <= " + day
}

// keepBy gives the ordinals that a restriction keeps, the caller's own; nil is all of
// them.
func (v *view) keepBy(ctx context.Context, r catalog.Restriction) (*roaring.Bitmap, error) {
	kept, err := v.keep(ctx, r.Filter)
	if err != nil || r.AsOf == "" {
		return kept, err
	}
	until, err := v.keep(ctx, untilDay(r.AsOf))
	if err != nil || kept == nil {
		return until, err
	}
	kept.And(until)
	return kept, nil
}

// keep compiles an AIP-160 filter to the ordinals that it keeps; nil is all of
// them. Where the attribute index only knows a superset, the papers in it are
// read and checked, so that the answer is exact whatever the filter says.
func (v *view) keep(ctx context.Context, text string) (*roaring.Bitmap, error) {
	f, err := filter.Parse(text)
	if err != nil || f.All() {
		return nil, err
	}
	if known := v.kept.get(text); known != nil {
		return known, nil
	}
	kept, exact, err := v.attributes.Bitmap(ctx, f)
	if err == nil && !exact {
		kept, err = v.match(ctx, f, kept)
	}
	if err != nil {
		return nil, err
	}
	v.kept.put(text, kept)
	return kept, nil
}

// match reads papers and keeps those that a filter keeps.
func (v *view) match(ctx context.Context, f *filter.Filter, papers *roaring.Bitmap) (*roaring.Bitmap, error) {
	matches := roaring.New()
	batch := make([]uint32, recheck)
	for many := papers.ManyIterator(); ; {
		n := many.NextMany(batch)
		if n == 0 {
			return matches, nil
		}
		records, err := v.snapshot.ByOrdinals(ctx, batch[:n])
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

// CountValues implements catalog.Counter.
func (v *view) CountValues(ctx context.Context, field, text string, limit int) ([]catalog.ValueCount, error) {
	keep, err := v.keep(ctx, text)
	if err != nil {
		return nil, err
	}
	counts, err := v.attributes.Facet(ctx, field, keep, limit)
	if err != nil {
		return nil, err
	}
	out := make([]catalog.ValueCount, len(counts))
	for i, c := range counts {
		out[i] = catalog.ValueCount{Value: c.Value, Papers: c.Papers}
	}
	return out, nil
}
