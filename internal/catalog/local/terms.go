package local

import (
	"context"

	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/rank"
)

// termRoom is how many terms of papers share memory.
const termRoom = 8192

// Terms implements catalog.Terms.
func (v *view) Terms(ctx context.Context, refs []paper.Ref) ([][]rank.Term, error) {
	ordinals, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, err
	}
	out := make([][]rank.Term, len(ordinals))
	var room []rank.Term // for many papers
	err = v.words.Vectors(ctx, ordinals, func(i int, terms []lexical.TermWeight) {
		if cap(room)-len(room) < len(terms) {
			room = make([]rank.Term, 0, max(termRoom, len(terms)))
		}
		from := len(room)
		for _, t := range terms {
			room = append(room, rank.Term{ID: t.ID, Weight: t.Weight})
		}
		out[i] = room[from:len(room):len(room)]
	})
	return out, err
}

// TermNames implements catalog.Terms.
func (v *view) TermNames(_ context.Context, terms []uint32) ([]string, error) {
	return v.words.Names(terms), nil
}
