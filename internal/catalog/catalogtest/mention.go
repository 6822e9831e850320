package catalogtest

import (
	"context"
	"math"
	"strings"

	"akin/internal/catalog"
	"akin/internal/filter"
	"akin/internal/paper"
)

// Mentions implements catalog.Mentions, by an index of attributes that is made for each
// call.
func (v *view) Mentions(ctx context.Context, text string) ([]catalog.Mention, error) {
	if err := v.before(ctx, "Mentions"); err != nil {
		return nil, err
	}
	found, err := v.indexed().Mentions(ctx, text)
	if err != nil {
		return nil, err
	}
	out := make([]catalog.Mention, len(found))
	for i := range found {
		f := &found[i]
		out[i] = catalog.Mention{
			Field: catalog.MentionField(f.Field), Start: f.Start, End: f.End, Words: f.Words, Values: f.Values, All: f.All,
			Papers: f.Papers, Whole: f.Whole, Last: f.Last, Coined: f.Coined, Alias: f.Alias, Common: math.MaxInt,
			Spellings: f.Spellings,
		}
		for _, w := range f.Guessed {
			out[i].Aside = max(out[i].Aside, v.having(w))
		}
		if f.Together != "" {
			out[i].Aside = max(out[i].Aside, v.having(f.Together))
		}
		out[i].Texts = v.having(strings.Join(f.Words, " "))
		for _, w := range f.Words {
			if len(w) > 1 {
				out[i].Common = min(out[i].Common, v.having(w))
			}
		}
	}
	return out, nil
}

// indexed gives the attributes of all papers in an index of their own.
func (v *view) indexed() *filter.View {
	x := filter.NewIndex()
	for i, e := range v.entries {
		x.Upsert(uint32(i), e.Record)
	}
	return x.ViewAt(x.Version(), nil)
}

// NearNames implements catalog.Mentions.
func (v *view) NearNames(ctx context.Context, word string) ([]catalog.NearWord, error) {
	if err := v.before(ctx, "NearNames"); err != nil {
		return nil, err
	}
	var out []catalog.NearWord
	for _, n := range v.indexed().NearNames(word) {
		out = append(out, catalog.NearWord{Word: n.Word, Edits: 1, Papers: n.Papers})
	}
	return out, nil
}

// having counts the papers that have a phrase.
func (v *view) having(phrase string) (n int) {
	c := clause{words: split(phrase)}
	for _, e := range v.entries {
		if e.words.has(c) {
			n++
		}
	}
	return n
}

// Keeps implements catalog.Mentions.
func (v *view) Keeps(ctx context.Context, filters []string, refs []paper.Ref) ([][]bool, error) {
	if err := v.before(ctx, "Keeps"); err != nil {
		return nil, err
	}
	out := make([][]bool, len(filters))
	for i, text := range filters {
		keep, err := filter.Parse(text)
		if err != nil {
			return nil, err
		}
		out[i] = each(v, refs, func(e *entry) bool { return keep.Match(e.Record) })
	}
	return out, nil
}
