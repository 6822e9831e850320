package engine

import (
	"context"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/paper"
)

// QueryVector embeds a text as a query of a collection: float32 [dim], unit length.
func (e *Engine) QueryVector(ctx context.Context, collection, text string) ([]float32, error) {
	if err := checkText("text", text, MaxQueryBytes); err != nil {
		return nil, err
	}
	a, err := e.ask(ctx, collection)
	if err != nil {
		return nil, err
	}
	defer a.close()
	model, err := a.model()
	if err != nil {
		return nil, err
	}
	got, _, err := model.Embed(ctx, []string{text}, embed.Options{Role: embed.Query})
	if err != nil {
		return nil, err
	}
	return got[0].Vector, nil
}

// Speaking is what papers are compared with sentence by sentence: a text, or else papers,
// of which for each the nearest counts.
type Speaking struct {
	Query    string
	PaperIDs []string
}

// Evidence gives the sentences that speak for papers, as for results of a query: parallel
// to ids, nil for a paper that is not there.
func (e *Engine) Evidence(ctx context.Context, collection string, of Speaking, ids []string) ([][]Evidence, error) {
	out := make([][]Evidence, len(ids))
	if len(ids) > MaxEvidence {
		return nil, paper.InvalidField("ids", "has %d items; evidence is found for %d at most", len(ids), MaxEvidence)
	}
	a, err := e.ask(ctx, collection)
	if err != nil {
		return nil, err
	}
	defer a.close()
	records, err := a.view.Get(ctx, catalog.Refs(ids...))
	if err != nil {
		return nil, err
	}
	var refs []paper.Ref
	var results []Result
	var at []int
	for i, r := range records {
		if r != nil {
			refs, results, at = append(refs, paper.Ref{ID: r.ID, Handle: r.Handle}), append(results, Result{Record: *r}), append(at, i)
		}
	}
	q := &query{collection: a.info.Collection, options: ResultOptions{Evidence: true}}
	if of.Query != "" {
		q.asked = &search{typed: readQuery{TypedQuery: a.asked(of.Query)}}
	} else {
		r := &recommend{}
		for _, id := range of.PaperIDs {
			r.Positive = append(r.Positive, Example{PaperID: id})
		}
		q.asked = r
	}
	if err := a.explainBySentences(ctx, q, nil, refs, results); err != nil {
		return nil, err
	}
	for k, i := range at {
		out[i] = results[k].Evidence
	}
	return out, nil
}

// asked reads a typed query; one that cannot be read is words alone.
func (a *asking) asked(text string) catalog.TypedQuery {
	typed, err := a.syntax().Parse(text)
	if err != nil || typed.Asked == "" {
		return catalog.TypedQuery{Asked: text}
	}
	return typed
}
