package local

import (
	"context"

	"akin/internal/catalog"
	"akin/internal/lexical"
	"akin/internal/paper"
)

// Parse implements catalog.Syntax.
func (v *view) Parse(text string) (catalog.TypedQuery, error) {
	if err := lexical.CheckText(text); err != nil {
		return catalog.TypedQuery{}, err
	}
	asked, excluded := lexical.Split(text)
	return catalog.TypedQuery{Asked: asked, Excluded: excluded, Loose: lexical.Loosened(text)}, nil
}

// Operators implements catalog.Syntax.
func (v *view) Operators(text string) (some, long bool) { return lexical.Operators(text) }

// Matches implements catalog.Matcher.
func (v *view) Matches(ctx context.Context, words catalog.Words, refs []paper.Ref) ([][]catalog.WordMatch, error) {
	asked, err := v.read(words)
	if err != nil {
		return nil, err
	}
	ordinals, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, err
	}
	matches, err := asked.Matches(ctx, ordinals)
	if err != nil {
		return nil, err
	}
	out := make([][]catalog.WordMatch, len(matches))
	for i, some := range matches {
		if some == nil {
			continue
		}
		out[i] = make([]catalog.WordMatch, len(some))
		for j, m := range some {
			out[i][j] = catalog.WordMatch{Term: m.Term, Score: m.Score, Title: m.Title, Abstract: m.Abstract}
		}
	}
	return out, nil
}

// Allows implements catalog.Matcher.
func (v *view) Allows(ctx context.Context, words catalog.Words, refs []paper.Ref) ([]bool, error) {
	asked, err := v.read(words)
	if err != nil {
		return nil, err
	}
	ordinals, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, err
	}
	return asked.Allows(ctx, ordinals)
}

// Shared implements catalog.Matcher.
func (v *view) Shared(query, text string) []string { return lexical.Shared(query, text) }
