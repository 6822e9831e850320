package local

import (
	"context"

	"akin/internal/catalog"
	"akin/internal/filter"
	"akin/internal/paper"
)

// Still implements catalog.Rechecker.
func (v *view) Still(ctx context.Context, list catalog.MadeBy, refs []paper.Ref) ([]*paper.Record, error) {
	ordinals, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, err
	}
	records, err := v.records(ctx, ordinals)
	if err != nil || list.Sequence == v.sequence {
		return records, err
	}
	kept, err := filter.Parse(list.Filter)
	if err != nil {
		return nil, err
	}
	until, err := filter.Parse(untilDay(list.AsOf))
	if err != nil {
		return nil, err
	}
	var allowed []bool // nil for all
	if list.Words.Typed && list.Words.Text != "" {
		asked, err := v.read(list.Words)
		if err != nil {
			return nil, err
		}
		if allowed, err = asked.Allows(ctx, ordinals); err != nil {
			return nil, err
		}
	}
	for i, r := range records {
		// With another text it would have another place in the list, or none.
		if r != nil && (allowed != nil && !allowed[i] || !kept.Match(r) || !until.Match(r) || v.collection.vectors.after(r.Ordinal, list.Sequence)) {
			records[i] = nil
		}
	}
	return records, nil
}
