package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"

	"akin/internal/paper"
)

// Sampled is a paper of a sample.
type Sampled struct {
	ID      string
	Ordinal uint32
	Date    paper.Date
}

// Sample implements View: it draws up to n of the papers that had appeared by a day, YYYY-MM-DD, or,
// where that is "", of those that have a date. There is no chance in it: it takes
// those whose ids have the lowest SHA-256, so that the same papers give the same
// sample and a paper more or less changes one place of it at most (bottom-k
// sampling: Cohen and Kaplan, Summarizing data using bottom-k sketches, 2007).
func (v *view) Sample(ctx context.Context, collection, asOf string, n int) ([]Sampled, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	text := "date:*"
	if asOf != "" {
		text = untilDay(asOf)
	}
	dated, err := m.keep(ctx, text)
	if err != nil {
		return nil, err
	}
	type drawn struct {
		digest [sha256.Size]byte
		Sampled
	}
	var all []drawn
	for it := dated.Iterator(); it.HasNext(); {
		o := it.Next()
		if len(all)%recheck == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if id := m.ids.at(o); id != "" {
			all = append(all, drawn{sha256.Sum256([]byte(id)), Sampled{ID: id, Ordinal: o}})
		}
	}
	slices.SortFunc(all, func(a, b drawn) int { return bytes.Compare(a.digest[:], b.digest[:]) })
	all = all[:min(n, len(all))]
	out, ordinals := make([]Sampled, len(all)), make([]uint32, len(all))
	for i := range all {
		out[i], ordinals[i] = all[i].Sampled, all[i].Ordinal
	}
	dates, err := m.attributes.Dates(ctx, ordinals)
	for i, d := range dates {
		out[i].Date = d
	}
	return out, err
}
