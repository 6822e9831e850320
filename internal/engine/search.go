package engine

import (
	"context"
	"strings"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// Search answers a free-text query.
func (e *Engine) Search(ctx context.Context, req SearchRequest) (*Answer, error) {
	if err := checkText("query", req.Query, MaxQueryBytes); err != nil {
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
	key := keyOf(req)
	names, alone, err := a.restrictByFields(ctx, &req)
	if err != nil {
		return nil, err
	}
	read, err := a.readQuery(req.Query, req.Syntax)
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, &query{
		key: key, collection: req.Collection, options: req.ResultOptions, mode: req.Mode, fusion: req.Fusion, rerank: req.Rerank,
		excluded: read.Excluded, asksNothing: strings.TrimSpace(read.Asked) == "", wordsField: "query",
		asked: &search{SearchRequest: req, typed: read, fields: names, fieldsAlone: alone},
	})
}

// search is a free-text query that was read. What the model reads is what is asked
// for: a word that it is told to leave out draws it near.
type search struct {
	SearchRequest
	typed readQuery
	// fields are those that the query restricts itself by.
	fields      []Name
	fieldsAlone bool // it asks for nothing else
	// rest is what it asks for beside its names, restVector the vector of that.
	rest       string
	restVector []float32
	// asksNames says that it has nothing beside them.
	asksNames bool
	// uncorrected is the query before it was corrected; "" if it was not.
	uncorrected string
	// openEnded says that hardly any paper has its last word, which may be the beginning of one.
	openEnded bool
	// titled says that it is the title of a paper, or leads to one.
	titled bool
}

// identify implements asked.
func (s *search) identify(context.Context, *asking) error { return nil }

// own implements asked.
func (s *search) own() (ids []string, texts []catalog.Text) { return nil, nil }

// candidates implements asked.
func (s *search) candidates(ctx context.Context, a *asking, d *draft) (err error) {
	d.answer.Operators = s.typed.operators
	if err := s.understand(ctx, a, d); err != nil {
		return err
	}
	var vector []float32
	if s.Mode != Lexical {
		if vector, err = s.vectors(ctx, a, d); err != nil {
			return err
		}
	}
	if err := s.found(ctx, a, d, vector); err != nil {
		return err
	}
	if err := s.putLast(ctx, a, d); err != nil {
		return err
	}
	return s.tellNearness(ctx, a, d)
}

// found finds the candidates, by what the mode says.
func (s *search) found(ctx context.Context, a *asking, d *draft, vector []float32) error {
	if s.Mode == Semantic {
		return s.byMeaning(ctx, a, d, vector)
	}
	defer d.searching()()
	if err := a.hybrid(ctx, d, vector, s.typed.words); err != nil {
		return err
	}
	if err := s.loosen(ctx, a, d, vector); err != nil {
		return err
	}
	if err := s.raiseNamed(ctx, a, d); err != nil {
		return err
	}
	return s.lead(ctx, a, d, vector)
}

// byMeaning finds what is near the query and not excluded.
func (s *search) byMeaning(ctx context.Context, a *asking, d *draft, vector []float32) error {
	if s.typed.Excluded == "" {
		return a.nearest(ctx, d, vector)
	}
	defer d.searching()()
	return a.hybrid(ctx, d, vector, catalog.Words{Text: s.typed.Excluded, Typed: true})
}

// evidenceSources implements asked: results are compared with the text.
func (s *search) evidenceSources(_ context.Context, _ *asking, _ drivers, results []paper.Ref) ([]*evidenceSource, error) {
	text := &evidenceSource{query: s.typed.Asked}
	out := make([]*evidenceSource, len(results))
	for i := range out {
		out[i] = text
	}
	return out, nil
}
