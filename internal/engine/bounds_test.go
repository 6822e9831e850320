package engine_test

import (
	"strings"
	"testing"

	"akin/internal/engine"
	"akin/internal/paper"
)

// What a request may ask for has limits, which the errors name with the field.
func TestRequestBounds(t *testing.T) {
	e := open(t)
	upsert(t, e, corpus(3)...)
	texts := func(n int) (out []engine.Example) {
		for range n {
			out = append(out, engine.Example{Text: &engine.Text{Title: "a title"}})
		}
		return out
	}
	liked := []engine.Example{{PaperID: "arXiv:2101.00000"}}
	for _, c := range []struct {
		name, words string
		ask         func() error
	}{
		{"texts that are liked", "positive has more than 200 texts", func() error {
			return second(e.Recommend(t.Context(), engine.RecommendRequest{Positive: texts(201)}))
		}},
		{"texts that are disliked", "negative has more than 200 texts", func() error {
			return second(e.Recommend(t.Context(), engine.RecommendRequest{Positive: liked, Negative: texts(201)}))
		}},
		{"examples", "positive has 5001 items; the limit is 5000", func() error {
			return second(e.Recommend(t.Context(), engine.RecommendRequest{Positive: make([]engine.Example, 5001)}))
		}},
		{"query papers", "paper_ids has 101 items; give 1 to 100", func() error {
			return second(e.Similar(t.Context(), engine.SimilarRequest{PaperIDs: make([]string, 101)}))
		}},
		{"a query", "query is 65537 bytes long; the limit is 65536", func() error {
			return second(e.Search(t.Context(), engine.SearchRequest{Query: strings.Repeat("x", 64<<10+1)}))
		}},
		{"a filter", "filter is 16385 bytes long; the limit is 16384", func() error {
			return second(e.Search(t.Context(), engine.SearchRequest{Query: "x", ResultOptions: engine.ResultOptions{Filter: strings.Repeat("x", 16<<10+1)}}))
		}},
		{"evidence", "page_size is 21; with evidence the limit is 20", func() error {
			return second(e.Search(t.Context(), engine.SearchRequest{Query: "x", ResultOptions: engine.ResultOptions{PageSize: 21, Evidence: true}}))
		}},
		{"rerank", "rerank is 101", func() error {
			return second(e.Search(t.Context(), engine.SearchRequest{Query: "x", Rerank: 101}))
		}},
		{"novelties", "paper_ids has 101 items; give 1 to 100", func() error {
			return second(e.Novelty(t.Context(), engine.NoveltyRequest{PaperIDs: make([]string, 101)}))
		}},
		{"texts to tokenise", "texts have 16777217 bytes together; the limit is 16777216", func() error {
			return second(e.Tokenize(t.Context(), []string{strings.Repeat("x", 16<<20+1)}, 0, false))
		}},
	} {
		if err := c.ask(); paper.KindOf(err) != paper.Invalid || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := second(e.Recommend(t.Context(), engine.RecommendRequest{Positive: append(texts(200), liked...)})); err != nil {
		t.Errorf("200 texts: %v", err)
	}
}

func second[A, B any](_ A, b B) B { return b }
