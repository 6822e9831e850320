package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"akin/internal/embed"
	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/rank"
)

// A search by meaning has cosines, by words BM25, and by both each, whichever side found
// a paper.
func TestModes(t *testing.T) {
	r := newRig(t, append(ladder(5), paper.Paper{ID: "o", Title: "omega"})...)
	for _, x := range r.search("alpha", engine.Semantic, engine.ResultOptions{}).Results {
		k := int(x.Record.ID[len(x.Record.ID)-1] - '0')
		want := cosineOf(k)
		if x.Record.ID == "o" {
			want = 0
		}
		if !near(x.Semantic, want) || x.Score != x.Semantic || x.Lexical != 0 {
			t.Errorf("by meaning %s has %v, %v, %v", x.Record.ID, x.Score, x.Semantic, x.Lexical)
		}
	}
	words := r.search("alpha", engine.Lexical, engine.ResultOptions{})
	r.same("by words", found(words.Results), steps(1, 5)) // the shorter, the better
	for _, x := range words.Results {
		if x.Lexical <= 0 || x.Score != x.Lexical || x.Semantic != 0 {
			t.Errorf("by words %s has %v, %v, %v", x.Record.ID, x.Score, x.Semantic, x.Lexical)
		}
	}
	r.model.embeddedTexts()
	both := r.search("alpha", engine.Hybrid, engine.ResultOptions{})
	r.same("by both", found(both.Results), steps(1, 5)+" o")
	for i, x := range both.Results {
		if i < 5 && (x.Lexical != words.Results[i].Lexical || !near(x.Semantic, cosineOf(i+1))) {
			t.Errorf("by both %s has %v and %v", x.Record.ID, x.Semantic, x.Lexical)
		}
	}
	r.same("what is embedded", []any{r.model.embeddedTexts(), both.QueryTokens, words.QueryTokens}, []any{[]string{"alpha"}, 3, 0})
}

// The two sides are weighed as the fusion says.
func TestFusions(t *testing.T) {
	r := newRig(t, append(ladder(6), paper.Paper{ID: "o", Title: "omega"}, paper.Paper{ID: "q", Title: "alpha alpha own3x1 psi"})...)
	ask := func(f engine.Fusion, query string) *engine.Answer {
		return r.good(r.Search(r.Context(), engine.SearchRequest{Query: query, Fusion: f, ResultOptions: engine.ResultOptions{PageSize: 20}}))
	}
	for _, f := range []engine.Fusion{engine.ZScore, engine.RRF} {
		got := ask(f, "alpha own3x1").Results
		byID := slices.SortedFunc(slices.Values(got), func(a, b engine.Result) int { return strings.Compare(a.Record.ID, b.Record.ID) })
		semantic, lexical := make([]float64, len(byID)), make([]float64, len(byID))
		for i, x := range byID {
			semantic[i], lexical[i] = x.Semantic, x.Lexical
		}
		want := rank.FuseZ(semantic, lexical, .6)
		if f == engine.RRF {
			want = rank.FuseRRF(semantic, lexical)
		}
		for i, x := range byID {
			if !near(x.Score, want[i]) {
				t.Errorf("fusion %d: %s scores %v, not %v", f, x.Record.ID, x.Score, want[i])
			}
		}
	}
	// Where no word is known, meaning alone decides.
	for i, x := range ask(engine.ZScore, "unheard").Results {
		if x.Score != x.Semantic {
			t.Errorf("at %d: %v is not its cosine, %v", i, x.Score, x.Semantic)
		}
	}
}

func TestTypedQueries(t *testing.T) {
	r := newRig(t, ladder(6)...)
	for _, test := range []struct {
		query    string
		mode     engine.Mode
		embedded string
		found    string
	}{
		{`alpha -own4x1`, engine.Semantic, "alpha", "p01 p02 p03 p05 p06"},
		{`alpha -own4x1 -"own6x1 own6x2"`, engine.Hybrid, "alpha", "p01 p02 p03 p05"},
		{`alpha -own4x1`, engine.Lexical, "", "p01 p02 p03 p05 p06"},
		{`"alpha own5x1"`, engine.Lexical, "", "p05"},
		{`"alpha own5x1"`, engine.Hybrid, "alpha own5x1", "p05"},
		{`own5*`, engine.Lexical, "", "p05"},
		{`-own4x1`, engine.Semantic, "", ""},
		{`"own3x1 alpha"`, engine.Semantic, "own3x1 alpha", "p03 p01 p02 p04 p05 p06"},
	} {
		r.model.embeddedTexts()
		a := r.search(test.query, test.mode, engine.ResultOptions{})
		r.same(fmt.Sprint(test.query, " by ", test.mode), []any{strings.Join(r.model.embeddedTexts(), "|"), found(a.Results)}, []any{test.embedded, test.found})
	}
	_, err := r.Search(r.Context(), engine.SearchRequest{Query: strings.Repeat("-own4x1 ", 1000)})
	r.refused("too many exclusions", err, paper.Invalid, "query")
}

func TestSearchIsChecked(t *testing.T) {
	r := newRig(t, ladder(2)...)
	for words, req := range map[string]engine.SearchRequest{
		"query is empty":            {Query: " \n"},
		"query is 65537 bytes long": {Query: strings.Repeat("x", engine.MaxQueryBytes+1)},
		"rerank is -1":              {Query: "alpha", Rerank: -1},
		"rerank is 101":             {Query: "alpha", Rerank: engine.MaxRerank + 1},
	} {
		_, err := r.Search(r.Context(), req)
		r.refused(words, err, paper.Invalid, words)
	}
	a := r.search(strings.Repeat("word ", longest+1), engine.Semantic, engine.ResultOptions{})
	if !a.Truncated || a.QueryTokens != longest+2 {
		t.Errorf("a long query: truncated %v, %d tokens", a.Truncated, a.QueryTokens)
	}
	calls := r.model.calls
	if opt := calls[len(calls)-1].opt; opt.Role != embed.Query || opt.Class != embed.Interactive {
		t.Errorf("a query is embedded with %+v", opt)
	}
}

// Reranking by sentences brings forward what has one good sentence, and leaves alone
// what comes after.
func TestRerank(t *testing.T) {
	papers := []paper.Paper{
		{ID: "spread", Title: "alpha one", Abstract: "Beta two three. Gamma four five."},
		{ID: "sharp", Title: "six", Abstract: "Alpha beta gamma. Seven eight nine ten eleven."},
		{ID: "far", Title: "alpha twelve thirteen", Abstract: "Other words entirely."},
		{ID: "none", Title: "fourteen fifteen"},
	}
	r := newRig(t, papers...)
	ask := func(n int) *engine.Answer {
		return r.good(r.Search(r.Context(), engine.SearchRequest{Query: "alpha beta gamma", Mode: engine.Semantic, Rerank: n}))
	}
	plain := ask(0)
	r.same("by papers", found(plain.Results), "spread sharp far none")
	r.same("by sentences", found(ask(100).Results), "sharp spread far none")
	r.same("the first alone", found(ask(1).Results), found(plain.Results))
	for i, x := range ask(2).Results[2:] { // what comes after keeps its scores
		if x.Record.ID != plain.Results[i+2].Record.ID || x.Score != plain.Results[i+2].Score {
			t.Errorf("%s scores %v", x.Record.ID, x.Score)
		}
	}
	r.model.embeddedTexts()
	ask(100)
	r.same("sentences are read once", r.model.embeddedTexts(), []string{"alpha beta gamma"})
	similar := func(n int) string {
		return found(r.good(r.Similar(r.Context(), engine.SimilarRequest{Text: &engine.Text{Title: "Alpha beta gamma."}, Mode: engine.Semantic, Rerank: n})).Results)
	}
	r.same("more like this", []string{similar(0), similar(50)}, []string{"spread sharp far none", "sharp spread far none"})
}

func TestSimilar(t *testing.T) {
	r := newRig(t, append(ladder(5), paper.Paper{ID: "o1", Title: "omega"}, paper.Paper{ID: "o2", Title: "omega psi"})...)
	ask := func(req engine.SimilarRequest) *engine.Answer { return r.good(r.Similar(r.Context(), req)) }
	// To several papers: near their mean.
	a := ask(engine.SimilarRequest{PaperIDs: []string{"p01", "o1"}, Mode: engine.Semantic})
	r.same("to two", found(a.Results), "o2 p02 p03 p04 p05")
	if !near(a.Results[0].Score, a.Results[1].Score) || !near(a.Results[0].Score, .5) {
		t.Errorf("the mean of two axes scores %v and %v", a.Results[0].Score, a.Results[1].Score)
	}
	// The paper itself has a cosine of 1, and is no result unless it is asked for.
	a = ask(engine.SimilarRequest{PaperIDs: []string{"p03"}, Mode: engine.Semantic, IncludeSelf: true})
	if a.Results[0].Record.ID != "p03" || !near(a.Results[0].Score, 1) {
		t.Errorf("first comes %s with %v", a.Results[0].Record.ID, a.Results[0].Score)
	}
	r.model.embeddedTexts()
	a = ask(engine.SimilarRequest{PaperIDs: []string{"p03"}})
	if slices.Contains(strings.Fields(found(a.Results)), "p03") || a.QueryTokens != 0 {
		t.Errorf("found %s, %d tokens", found(a.Results), a.QueryTokens)
	}
	r.same("what is known is not embedded", r.model.embeddedTexts(), []string{})
	// By words, the words of the papers count.
	r.same("by words", found(ask(engine.SimilarRequest{PaperIDs: []string{"o1"}, Mode: engine.Lexical}).Results), "o2")
	// A text is embedded as a document, and a paper that has it is no result.
	a = ask(engine.SimilarRequest{Text: &engine.Text{Title: "omega", Abstract: "psi"}, Mode: engine.Semantic})
	r.same("to a text", []any{a.Results[0].Record.ID, a.QueryTokens}, []any{"o2", 4})
	if opt := r.model.calls[0].opt; opt.Role != embed.Document {
		t.Errorf("a text is embedded with %+v", opt)
	}
	a = ask(engine.SimilarRequest{Text: &engine.Text{Title: "Omega, psi"}, Mode: engine.Semantic})
	if slices.Contains(strings.Fields(found(a.Results)), "o2") {
		t.Errorf("the paper whose text it is is a result: %s", found(a.Results))
	}
	a = ask(engine.SimilarRequest{Text: &engine.Text{Title: "Omega, psi"}, Mode: engine.Semantic, IncludeSelf: true})
	r.same("with itself", a.Results[0].Record.ID, "o2")
	// What is excluded in a search is a word here.
	r.same("words alone", found(ask(engine.SimilarRequest{Text: &engine.Text{Title: "-omega"}, Mode: engine.Lexical, IncludeSelf: true}).Results), "o1 o2")
}

// What counts as one with a paper that has the query's text is no result either.
func TestVersionsOfAText(t *testing.T) {
	papers := ladder(5)
	papers[0].DOI, papers[3].DOI = "10.1234/x", "10.1234/x"
	r := newRig(t, papers...)
	text := &engine.Text{Title: "Alpha."}
	a := r.good(r.Similar(r.Context(), engine.SimilarRequest{Text: text, Mode: engine.Semantic}))
	r.same("similar", found(a.Results), "p02 p03 p05")
	a = r.recommend(engine.RecommendRequest{Positive: []engine.Example{{Text: text}}, Strategy: engine.MeanVector})
	r.same("recommended", found(a.Results), "p02 p03 p05")
}

func TestSimilarIsChecked(t *testing.T) {
	r := newRig(t, ladder(2)...)
	for words, req := range map[string]engine.SimilarRequest{
		"paper_ids has 0 items":                 {},
		"paper_ids has 101 items":               {PaperIDs: make([]string, engine.MaxQueryPapers+1)},
		"text is given together with paper_ids": {PaperIDs: []string{"p01"}, Text: &engine.Text{Title: "x"}},
		"text has neither title nor abstract":   {Text: &engine.Text{Title: " "}},
		"text.title is 4097 bytes long":         {Text: &engine.Text{Title: strings.Repeat("x", 4097)}},
		"text.abstract is 262145 bytes long":    {Text: &engine.Text{Abstract: strings.Repeat("x", 256<<10+1)}},
		"rerank is -1":                          {PaperIDs: []string{"p01"}, Rerank: -1},
	} {
		_, err := r.Similar(r.Context(), req)
		r.refused(words, err, paper.Invalid, words)
	}
	_, err := r.Similar(r.Context(), engine.SimilarRequest{PaperIDs: []string{"p01", "x", "y"}})
	r.refused("papers that are not there", err, paper.NotFound, `2 papers are not in the collection: paper_ids[1] "x", paper_ids[2] "y"`)
}
