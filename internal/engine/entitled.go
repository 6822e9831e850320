package engine

import (
	"context"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/paper/titleid"
	"akin/internal/rank"
)

// MaxTitles is how many titles one call of Entitled looks for.
const MaxTitles = 1_000

// titleCandidates is how many of the papers with the words of a title are compared with
// it.
const titleCandidates = 16

// Entitled gives the ids of the papers that have some titles, parallel to them; "" is
// none. Titles are equal if their forms under the rule for made-up ids are, whatever
// case and punctuation. Of several papers with a title, it is the first in order of id
// among those whose words count most. Without embedding anything, it looks for the
// words of each title; a catalog without a lexical side knows those papers whose ids
// were made of their titles.
func (e *Engine) Entitled(ctx context.Context, collection string, titles []string) ([]string, error) {
	if len(titles) > MaxTitles {
		return nil, paper.InvalidField("titles", "has %d items; the limit is %d", len(titles), MaxTitles)
	}
	a, err := e.ask(ctx, collection)
	if err != nil {
		return nil, err
	}
	defer a.close()
	out := make([]string, len(titles))
	for i, title := range titles {
		if out[i], err = a.entitled(ctx, title); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// entitled finds the paper of one title.
func (a *asking) entitled(ctx context.Context, title string) (string, error) {
	wanted := titleid.Normalize(title)
	if wanted == "" {
		return "", nil
	}
	refs := catalog.Refs(titleid.New(title))
	found, err := a.view.Hybrid(ctx, catalog.Hybrid{Words: catalog.Words{Text: wanted}, K: titleCandidates})
	if err != nil {
		return "", err
	}
	for i := range found.Hits {
		found.Hits[i].Score = found.Hits[i].Lexical
	}
	rank.Sort(found.Hits)
	records, err := a.view.Get(ctx, append(refs, refsOf(found.Hits)...))
	if err != nil {
		return "", err
	}
	for _, r := range records {
		if r != nil && titleid.Normalize(r.Title) == wanted {
			return r.ID, nil
		}
	}
	return "", nil
}
