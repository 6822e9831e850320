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
	return v.termsOf(ctx, refs, v.words.Vectors)
}

// TermsAmong implements catalog.Terms.
func (v *view) TermsAmong(ctx context.Context, refs []paper.Ref, among []uint32) ([][]rank.Term, error) {
	return v.termsOf(ctx, refs, func(ctx context.Context, ordinals []uint32, each func(int, []lexical.TermWeight)) error {
		return v.words.VectorsAmong(ctx, ordinals, among, each)
	})
}

// termsOf copies the vectors that the lexical index gives for papers.
func (v *view) termsOf(
	ctx context.Context, refs []paper.Ref, vectors func(context.Context, []uint32, func(int, []lexical.TermWeight)) error,
) ([][]rank.Term, error) {
	ordinals, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, err
	}
	out := make([][]rank.Term, len(ordinals))
	var room []rank.Term // for many papers
	err = vectors(ctx, ordinals, func(i int, terms []lexical.TermWeight) {
		if cap(room)-len(room) < len(terms) || room == nil {
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
