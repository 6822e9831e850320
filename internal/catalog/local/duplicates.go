package local

import (
	"cmp"
	"context"
	"iter"
	"runtime"
	"slices"

	"akin/internal/catalog"
	"akin/internal/dedup"
)

// compareStep is after how many papers there is a report of progress, and others get
// the core.
const compareStep = 1024

// Duplicates implements catalog.Duplicates. It takes some 300 bytes a paper until the
// iteration ends.
func (v *view) Duplicates(ctx context.Context, filter string, minSimilarity float64) (uint32, iter.Seq2[catalog.DuplicateGroup, error], error) {
	ordinals, err := v.inOrder(ctx, filter)
	if err != nil {
		return 0, nil, err
	}
	return uint32(len(ordinals)), func(yield func(catalog.DuplicateGroup, error) bool) {
		near := &nearness{vector: func(i int) ([]float32, error) { return v.stored(ctx, ordinals[i]) }}
		for i, members := range dedup.Group(v.keysAt(ordinals), dedup.Options{MinSimilarity: minSimilarity, Sequels: true}, near.cosine) {
			group, failed := catalog.DuplicateGroup{Compared: i + 1}, near.err
			if failed == nil && len(members) > 0 {
				group.Papers, failed = v.group(ctx, ordinals, i, members)
			}
			if failed == nil && i%compareStep == 0 {
				failed = ctx.Err()
				runtime.Gosched()
			}
			if failed != nil {
				yield(catalog.DuplicateGroup{}, failed)
				return
			}
			if (group.Papers != nil || i%compareStep == 0) && !yield(group, nil) {
				return
			}
		}
		yield(catalog.DuplicateGroup{Compared: len(ordinals)}, near.err)
	}, nil
}

// inOrder gives the papers that a filter keeps, in order of id.
func (v *view) inOrder(ctx context.Context, filter string) ([]uint32, error) {
	kept, err := v.keep(ctx, filter)
	if err != nil {
		return nil, err
	}
	var ordinals []uint32
	for o := range uint32(v.ids.len()) {
		if v.ids.at(o) != "" && (kept == nil || kept.Contains(o)) {
			ordinals = append(ordinals, o)
		}
	}
	slices.SortFunc(ordinals, func(a, b uint32) int { return cmp.Compare(v.ids.at(a), v.ids.at(b)) })
	return ordinals, nil
}

// group reads the papers of a group, of which ordinals[first] is the first.
func (v *view) group(ctx context.Context, ordinals []uint32, first int, members []dedup.Member) ([]catalog.Duplicate, error) {
	wanted := []uint32{ordinals[first]}
	out := []catalog.Duplicate{{}}
	for _, m := range members {
		wanted, out = append(wanted, ordinals[m.At]), append(out, catalog.Duplicate{Match: matchOf(m.Match)})
	}
	records, err := v.records(ctx, wanted)
	for i, r := range records {
		out[i].Record = r
	}
	return out, err
}
