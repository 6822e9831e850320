package main

import (
	"context"
	"path/filepath"

	"github.com/blevesearch/bleve/v2"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"

	"akin/internal/lexical"
)

type akinEngine struct{ x *lexical.Index }

func openAkin() (engine, error) {
	x, err := lexical.New(lexical.Options{})
	return &akinEngine{x}, err
}

func (e *akinEngine) add(papers []abstract) error {
	for i, p := range papers {
		if err := e.x.Upsert(uint32(i), p.Title, p.Abstract, []string{p.ID}); err != nil {
			return err
		}
	}
	return nil
}

func (e *akinEngine) finish(dir string) error { return e.x.Save(filepath.Join(dir, "akin"), "bench") }

func (e *akinEngine) search(ctx context.Context, text string, k int) (int, error) {
	r, err := e.x.View().Search(ctx, lexical.Query{Text: text, Mode: lexical.ModeText, K: k})
	return len(r.Hits), err
}

type bleveEngine struct{ index bleve.Index }

func openBleve(dir string) (engine, error) {
	text := bleve.NewTextFieldMapping()
	text.Analyzer = "en"
	text.Store = false
	text.DocValues = false
	text.IncludeInAll = false
	text.IncludeTermVectors = false
	doc := bleve.NewDocumentStaticMapping()
	doc.AddFieldMappingsAt("title", text)
	doc.AddFieldMappingsAt("abstract", text)
	m := mapping.NewIndexMapping()
	m.DefaultMapping = doc
	m.DefaultAnalyzer = "en"
	m.ScoringModel = "bm25"
	index, err := bleve.NewUsing(filepath.Join(dir, "bleve"), m, scorch.Name, scorch.Name, nil)
	return &bleveEngine{index}, err
}

func (e *bleveEngine) add(papers []abstract) error {
	batch := e.index.NewBatch()
	for i, p := range papers {
		if err := batch.Index(p.ID, map[string]string{"title": p.Title, "abstract": p.Abstract}); err != nil {
			return err
		}
		if batch.Size() == 1000 || i == len(papers)-1 {
			if err := e.index.Batch(batch); err != nil {
				return err
			}
			batch.Reset()
		}
	}
	return nil
}

func (e *bleveEngine) finish(string) error { return nil }

func (e *bleveEngine) search(ctx context.Context, text string, k int) (int, error) {
	title, body := bleve.NewMatchQuery(text), bleve.NewMatchQuery(text)
	title.SetField("title")
	title.SetBoost(3)
	body.SetField("abstract")
	r, err := e.index.SearchInContext(ctx, bleve.NewSearchRequestOptions(bleve.NewDisjunctionQuery(title, body), k, 0, false))
	if err != nil {
		return 0, err
	}
	return len(r.Hits), nil
}
