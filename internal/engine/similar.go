package engine

import (
	"context"
	"strings"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/paper"
)

// Similar answers more like this.
func (e *Engine) Similar(ctx context.Context, req SimilarRequest) (*Answer, error) {
	if err := checkEither(req.Text, req.PaperIDs, MaxQueryPapers); err != nil {
		return nil, err
	}
	if err := checkRanking(req.Mode, req.Rerank, &req.ResultOptions); err != nil {
		return nil, err
	}
	a, err := e.ask(ctx, req.Collection)
	if err != nil {
		return nil, err
	}
	defer a.close()
	req.Collection = a.info.Collection
	field := "paper_ids"
	if req.Text != nil {
		field = "text"
	}
	return a.answer(ctx, &query{
		key: keyOf(req), collection: req.Collection, options: req.ResultOptions, mode: req.Mode, fusion: req.Fusion, rerank: req.Rerank,
		wordsField: field, ownField: field,
		asked: &similar{SimilarRequest: req, examples: examplesOf(req.Text, req.PaperIDs)},
	})
}

// similar is a query for more like some examples: papers, or one text.
type similar struct {
	SimilarRequest
	examples []Example
}

// examplesOf makes examples of a text, or of ids.
func examplesOf(text *Text, ids []string) []Example {
	if text != nil {
		return []Example{{Text: text}}
	}
	out := make([]Example, len(ids))
	for i, id := range ids {
		out[i] = Example{PaperID: id}
	}
	return out
}

// identify implements asked.
func (s *similar) identify(ctx context.Context, a *asking) error {
	return a.identify(ctx, namedExamples("paper_ids", s.examples))
}

// own implements asked.
func (s *similar) own() (ids []string, texts []catalog.Text) {
	if s.IncludeSelf {
		return nil, nil
	}
	return idsOf(s.examples), textsOf(s.examples)
}

// candidates implements asked.
func (s *similar) candidates(ctx context.Context, a *asking, d *draft) (err error) {
	var vector []float32
	if s.Mode != Lexical {
		if vector, err = s.vector(ctx, a, d); err != nil {
			return err
		}
	}
	if s.Mode == Semantic {
		return a.nearest(ctx, d, vector)
	}
	defer d.searching()()
	words, err := s.words(ctx, a)
	if err != nil {
		return err
	}
	return a.hybrid(ctx, d, vector, words)
}

func (s *similar) vector(ctx context.Context, a *asking, d *draft) ([]float32, error) {
	if s.Text == nil {
		return a.combine(ctx, "paper_ids", s.examples, "", nil)
	}
	model, err := a.model()
	if err != nil {
		return nil, err
	}
	return embedOne(ctx, model, &d.answer, model.Text(s.Text.Title, s.Text.Abstract), embed.Document)
}

// words are those of the query papers, or of the text.
func (s *similar) words(ctx context.Context, a *asking) (catalog.Words, error) {
	if s.Text != nil {
		return catalog.Words{Text: s.Text.Title + "\n" + s.Text.Abstract}, nil
	}
	records, err := a.view.Get(ctx, catalog.Refs(idsOf(s.examples)...))
	if err != nil {
		return catalog.Words{}, err
	}
	var text strings.Builder
	for _, r := range records {
		if r != nil {
			text.WriteString(r.Title + "\n" + r.Abstract + "\n")
		}
	}
	return catalog.Words{Text: text.String()}, nil
}

// evidenceSources implements asked.
func (s *similar) evidenceSources(ctx context.Context, a *asking, by drivers, results []paper.Ref) ([]*evidenceSource, error) {
	return a.exampleSources(ctx, s.examples, by, results)
}
