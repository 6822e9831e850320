package local

import (
	"context"
	"math"
	"strconv"
	"strings"

	"akin/internal/catalog"
	"akin/internal/filter"
	"akin/internal/lexical"
	"akin/internal/paper"
)

// phraseCount is up to how many papers are counted that have a phrase.
const phraseCount = 512

// Mentions implements catalog.Mentions.
func (v *view) Mentions(ctx context.Context, text string) ([]catalog.Mention, error) {
	found, err := v.attributes.Mentions(ctx, text)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	out := make([]catalog.Mention, len(found))
	for i := range found {
		f := &found[i]
		out[i] = catalog.Mention{
			Field: fieldOf(f.Field), Start: f.Start, End: f.End, Words: f.Words, Values: f.Values, All: f.All,
			Papers: f.Papers, Whole: f.Whole, Last: f.Last, Coined: f.Coined, Alias: f.Alias,
			Spellings: f.Spellings,
		}
		for _, w := range f.Guessed {
			out[i].Aside = max(out[i].Aside, v.frequency(w))
		}
		if f.Together != "" {
			out[i].Aside = max(out[i].Aside, v.frequency(f.Together))
		}
		if err := v.countTexts(ctx, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// countTexts counts the papers that have the words of a mention in their texts: as a phrase
// where they are frequent, and where the mention is not one that is probably none; of that
// it says how many have the rarest of the words.
func (v *view) countTexts(ctx context.Context, m *catalog.Mention) error {
	m.Texts, m.Common = math.MaxInt, math.MaxInt
	for _, w := range m.Words {
		n := v.frequency(w)
		m.Texts = min(m.Texts, n)
		if len(w) > 1 {
			m.Common = min(m.Common, n)
		}
	}
	if len(m.Words) == 1 || m.Texts <= m.Papers || m.Aside > m.Papers {
		return nil // what it would say is known, or hardly matters: this may be no name
	}
	found, err := v.words.Search(ctx, lexical.Query{Text: strconv.Quote(strings.Join(m.Words, " ")), Mode: lexical.ModeSearch, K: phraseCount})
	if paper.KindOf(err) == paper.Invalid {
		return nil // words so frequent that no index finds them together
	}
	m.Texts = len(found.Hits)
	return err
}

// frequency is how many papers have a word; more than there are for one that is not
// looked for.
func (v *view) frequency(word string) int {
	tokens := lexical.Analyse(word)
	if len(tokens) == 0 {
		return math.MaxInt
	}
	ids, found := v.words.TermIDs([]string{tokens[0].Term})
	if !found[0] {
		return 0
	}
	return int(v.words.Frequencies(ids)[0])
}

// NearNames implements catalog.Mentions.
func (v *view) NearNames(_ context.Context, word string) ([]catalog.NearWord, error) {
	var out []catalog.NearWord
	for _, n := range v.attributes.NearNames(word) {
		out = append(out, catalog.NearWord{Word: n.Word, Edits: 1, Papers: n.Papers})
	}
	return out, nil
}

// Keeps implements catalog.Mentions.
func (v *view) Keeps(ctx context.Context, filters []string, refs []paper.Ref) ([][]bool, error) {
	ordinals, err := v.ordinals(ctx, refs)
	if err != nil {
		return nil, err
	}
	out := make([][]bool, len(filters))
	for i, text := range filters {
		kept, err := v.keep(ctx, text)
		if err != nil {
			return nil, err
		}
		out[i] = make([]bool, len(ordinals))
		for j, o := range ordinals {
			out[i][j] = o != none && (kept == nil || kept.Contains(o))
		}
	}
	return out, nil
}

func fieldOf(f filter.MentionField) catalog.MentionField {
	switch f {
	case filter.MentionAuthor:
		return catalog.MentionAuthor
	case filter.MentionVenue:
		return catalog.MentionVenue
	case filter.MentionYear:
	}
	return catalog.MentionYear
}
