package engine

import (
	"context"
	"slices"
	"strconv"
	"strings"

	catalog "akin/internal/catalog/local"
	"akin/internal/embed"
)

// Search answers a free-text query.
func (e *Engine) Search(ctx context.Context, req SearchRequest) (*Answer, error) {
	a := e.ask()
	defer a.close()
	return a.search(ctx, req)
}

func (e *asking) search(ctx context.Context, req SearchRequest) (*Answer, error) {
	if err := checkText("query", req.Query, MaxQueryBytes); err != nil {
		return nil, err
	}
	q := query{name: "search", collection: req.Collection, options: req.ResultOptions, parts: []string{req.Query}, wordsField: "query"}
	q.blend(req.Mode, req.Fusion)
	// What the model reads is what is asked for: a word that it is told to leave out
	// draws it near.
	asked, excluded := catalog.Split(req.Query)
	q.excluded, q.asksNothing = excluded, strings.TrimSpace(asked) == ""
	q.bySentences(req.Rerank, againstQuery(asked))
	words := catalog.Words{Text: req.Query, Typed: true}
	if req.Mode != Semantic || excluded != "" {
		if err := words.Check(); err != nil {
			return nil, err
		}
	}
	q.words = func(context.Context, string) (catalog.Words, error) { return words, nil }
	q.vector = func(ctx context.Context, _ string, a *Answer) ([]float32, error) {
		vector, err := e.embedOne(ctx, a, asked, embed.Query)
		if err == nil && (req.Evidence || req.Rerank > 0) {
			e.reader.keepQuery(asked, vector)
		}
		return vector, err
	}
	return e.answer(ctx, q)
}

// Similar answers more like this.
func (e *Engine) Similar(ctx context.Context, req SimilarRequest) (*Answer, error) {
	a := e.ask()
	defer a.close()
	return a.similar(ctx, req)
}

func (e *asking) similar(ctx context.Context, req SimilarRequest) (*Answer, error) {
	q := query{name: "similar", collection: req.Collection, options: req.ResultOptions, parts: slices.Clone(req.PaperIDs), wordsField: "paper_ids", ownField: "paper_ids"}
	q.blend(req.Mode, req.Fusion)
	if err := checkEither(req.Text, req.PaperIDs, MaxQueryPapers); err != nil {
		return nil, err
	}
	examples := req.examples()
	q.words = func(ctx context.Context, collection string) (catalog.Words, error) {
		return e.wordsOf(ctx, collection, examples)
	}
	if req.Text != nil {
		q.wordsField, q.ownField = "text", "text"
		q.parts = append(q.parts, "text", req.Text.Title, req.Text.Abstract)
		q.vector = func(ctx context.Context, _ string, a *Answer) ([]float32, error) {
			return e.embedOne(ctx, a, e.embedder.Text(req.Text.Title, req.Text.Abstract), embed.Document)
		}
	} else {
		q.vector = func(ctx context.Context, collection string, _ *Answer) ([]float32, error) {
			return e.combine(ctx, collection, "paper_ids", examples, "", nil)
		}
	}
	q.identify = func(ctx context.Context, q *query) error {
		err := e.identify(ctx, q.collection, namedExamples("paper_ids", examples))
		if !req.IncludeSelf {
			q.leaveOut, q.ownTexts = idsOf(examples), textsOf(examples...)
		}
		return err
	}
	q.parts = append(q.parts, strconv.FormatBool(req.IncludeSelf))
	q.bySentences(req.Rerank, e.againstExamples(examples))
	return e.answer(ctx, q)
}

// examples are what the request asks for more of.
func (r SimilarRequest) examples() []Example {
	if r.Text != nil {
		return []Example{{Text: r.Text}}
	}
	out := make([]Example, len(r.PaperIDs))
	for i, id := range r.PaperIDs {
		out[i] = Example{PaperID: id}
	}
	return out
}
