package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"akin/internal/engine"
	"akin/internal/paper"
)

// Each way in which a query can find nothing has its reason, and the same one whatever
// the query.
func TestEmpty(t *testing.T) {
	for _, test := range []struct {
		name   string
		reason engine.LimitReason
		papers []paper.Paper
		o      engine.ResultOptions
		// but are queries of which it is not true.
		but string
	}{
		{"filter", engine.LimitFilter, ladder(5), engine.ResultOptions{Filter: "venue = Nowhere"}, ""},
		{"filter and day", engine.LimitFilter, ladder(5), engine.ResultOptions{Filter: "venue = Nowhere", AsOf: "2001-01-01"}, ""},
		{"day", engine.LimitAsOf, ladder(5), engine.ResultOptions{AsOf: "1999-01-01"}, ""},
		{"min score", engine.LimitMinScore, ladder(5)[1:], engine.ResultOptions{MinScore: ptr(.99)}, "words machines text"},
		{"nothing else there", engine.LimitExamples, ladder(1), engine.ResultOptions{}, "search text"},
		{"nothing else kept", engine.LimitExamples, ladder(5), engine.ResultOptions{Filter: `id = "p01"`}, "search text"},
	} {
		if test.name == "min score" {
			test.papers = append(test.papers, paper.Paper{ID: "p01", Title: "alpha alpha"})
		}
		t.Run(test.name, func(t *testing.T) {
			each(t, test.papers, func(r *rig, a ask) {
				for _, word := range strings.Fields(test.but) {
					if strings.Contains(a.name, word) {
						r.Skip("it finds something")
					}
				}
				if strings.HasPrefix(a.name, "search") && test.name == "min score" {
					r.erase("p01") // which it would find
				}
				got := r.answer(a, test.o)
				if len(got.Results) != 0 || got.Empty != test.reason || got.NextPageToken != "" {
					r.Errorf("found %s, empty for reason %d, not %d", found(got.Results), got.Empty, test.reason)
				}
				if !slices.Contains(limitsOf(got), test.reason) {
					r.Errorf("the limits %v do not say so", limitsOf(got))
				}
			})
		})
	}
	r := newRig(t)
	for _, a := range asks() {
		if strings.HasPrefix(a.name, "search") || strings.HasSuffix(a.name, "text") {
			got := r.answer(a, engine.ResultOptions{Filter: "venue = Nowhere"})
			r.same(a.name, []any{got.Empty, limitsOf(got)}, []any{engine.LimitCollection, []engine.LimitReason{engine.LimitCollection}})
		}
	}
}

func (r *rig) search(query string, mode engine.Mode, o engine.ResultOptions) *engine.Answer {
	r.Helper()
	return r.good(r.Search(r.Context(), engine.SearchRequest{Query: query, Mode: mode, ResultOptions: o}))
}

func TestEmptyOfWords(t *testing.T) {
	r := newRig(t, ladder(4)...)
	for _, test := range []struct {
		query  string
		mode   engine.Mode
		empty  engine.LimitReason
		limits []engine.LimitReason
	}{
		{"unheard", engine.Lexical, engine.LimitWords, []engine.LimitReason{engine.LimitCollection, engine.LimitWords}},
		{`"alpha unheard"`, engine.Lexical, engine.LimitWords, []engine.LimitReason{engine.LimitCollection, engine.LimitPhrase}},
		{`"own2x1 alpha"`, engine.Hybrid, engine.LimitWords, []engine.LimitReason{engine.LimitCollection, engine.LimitPhrase}},
		{"own2x1 -alpha", engine.Lexical, engine.LimitWords, []engine.LimitReason{engine.LimitCollection, engine.LimitWords, engine.LimitExclusion}},
		{"own2x1 -alpha", engine.Hybrid, engine.LimitWords, []engine.LimitReason{engine.LimitCollection, engine.LimitExclusion}},
		{"own2x1 -alpha", engine.Semantic, engine.LimitWords, []engine.LimitReason{engine.LimitCollection, engine.LimitExclusion}},
		{"-alpha", engine.Semantic, engine.LimitWords, []engine.LimitReason{engine.LimitCollection, engine.LimitUnasked}},
		{"-unheard", engine.Lexical, engine.LimitWords, []engine.LimitReason{engine.LimitCollection, engine.LimitUnasked}},
		{"-unheard", engine.Hybrid, engine.LimitWords, []engine.LimitReason{engine.LimitCollection, engine.LimitUnasked}},
	} {
		got := r.good(r.Search(r.Context(), engine.SearchRequest{Query: test.query, Mode: test.mode, Syntax: engine.SyntaxOn}))
		r.same(fmt.Sprint(test.query, " by ", test.mode), []any{found(got.Results), got.Empty, limitsOf(got)}, []any{"", test.empty, test.limits})
	}
}

// What kept papers out is counted: each limit those that were left before it.
func TestLimitsCount(t *testing.T) {
	papers := ladder(12)
	papers[9].PublishDate = paper.Date{}
	r := newRig(t, papers...)
	o := engine.ResultOptions{Filter: "venue = North OR venue = South", AsOf: "2009-12-31"} // without p02, p05, p08, p11; p10, p12
	a := r.search(`alpha unheard "own7x1 own7x2" -own4x1`, engine.Lexical, o)
	r.same("found", found(a.Results), "p07")
	want := []engine.Limit{
		{Reason: engine.LimitFilter, Field: "filter", Value: o.Filter, Removed: 4, Kept: 8},
		{Reason: engine.LimitAsOf, Field: "as_of", Value: o.AsOf, Removed: 2, Kept: 6, Undated: 1},
		{Reason: engine.LimitPhrase, Field: "query", Value: "own7x1 own7x2", Removed: 5, Kept: 1},
	}
	r.same("limits", a.Limits, want)
	a = r.search("own4x1 unheard unseen", engine.Lexical, engine.ResultOptions{Filter: "year >= 2003 AND venue = South"})
	r.same("found", found(a.Results), "p04")
	r.same("limits", a.Limits, []engine.Limit{
		{Reason: engine.LimitFilter, Field: "filter", Value: "year >= 2003 AND venue = South", Removed: 10, Kept: 2, Part: "venue = South", PartKept: 4},
		{Reason: engine.LimitWords, Field: "query", Value: "unheard unseen", Unknown: []string{"unheard", "unseen"}, Removed: 1, Kept: 1},
	})
	a = r.search("alpha -own4x1 -own7x1", engine.Hybrid, engine.ResultOptions{PageSize: 11})
	r.same("limits", a.Limits, []engine.Limit{
		{Reason: engine.LimitExclusion, Field: "query", Value: "own4x1", Removed: 1, Kept: 11},
		{Reason: engine.LimitExclusion, Field: "query", Value: "own7x1", Removed: 1, Kept: 10},
	})
	// A page that is full is not explained.
	for _, size := range []int{1, 5, 10} {
		if a := r.search("alpha -own4x1 -own7x1", engine.Hybrid, engine.ResultOptions{PageSize: size}); a.Limits != nil {
			r.Errorf("a full page of %d has limits %+v", size, a.Limits)
		}
	}
}

// A collection that is smaller than a page says so.
func TestLimitOfTheCollection(t *testing.T) {
	each(t, ladder(4), func(r *rig, a ask) {
		l := r.limit(r.answer(a, engine.ResultOptions{}), engine.LimitCollection)
		r.same("limit", []any{l.Field, l.Value, l.Kept}, []any{"collection", "papers", 4})
		for _, size := range []int{1, 4} {
			if got := limitsOf(r.answer(a, engine.ResultOptions{PageSize: size})); slices.Contains(got, engine.LimitCollection) {
				r.Errorf("a page of %d has limits %v", size, got)
			}
		}
	})
}

// The query's own papers are counted, whether they are named or are texts.
func TestLimitOfExamples(t *testing.T) {
	r := newRig(t, ladder(6)...)
	for name, test := range map[string]struct {
		ask   func() (*engine.Answer, error)
		field string
		own   int
	}{
		"similar": {func() (*engine.Answer, error) {
			return r.Similar(r.Context(), engine.SimilarRequest{PaperIDs: []string{"p01", "p03"}})
		}, "paper_ids", 2},
		"similar to a text that is a paper's": {func() (*engine.Answer, error) {
			return r.Similar(r.Context(), engine.SimilarRequest{Text: &engine.Text{Title: "Alpha!"}})
		}, "text", 1},
		"recommend": {func() (*engine.Answer, error) {
			return r.Recommend(r.Context(), engine.RecommendRequest{
				Positive: []engine.Example{{PaperID: "p01"}, {Text: &engine.Text{Title: "ALPHA own2x1"}}}, Negative: []engine.Example{{PaperID: "p06"}},
			})
		}, "positive", 3},
		"recommend by mean": {func() (*engine.Answer, error) {
			return r.Recommend(r.Context(), engine.RecommendRequest{
				Positive: []engine.Example{{PaperID: "p01"}}, Negative: []engine.Example{{PaperID: "p06"}}, Strategy: engine.MeanVector,
			})
		}, "positive", 2},
	} {
		got := r.good(test.ask())
		l := r.limit(got, engine.LimitExamples)
		r.same(name, []any{l.Field, l.Removed, l.Kept, len(got.Results)}, []any{test.field, test.own, 6 - test.own, 6 - test.own})
	}
	got := r.good(r.Similar(r.Context(), engine.SimilarRequest{PaperIDs: []string{"p01"}, IncludeSelf: true}))
	if slices.Contains(limitsOf(got), engine.LimitExamples) || len(got.Results) != 6 {
		r.Errorf("with itself: %s, limits %v", found(got.Results), limitsOf(got))
	}
}

// Versions of the query paper are no results, and when there is nothing else, that is
// why.
func TestOnlyVersions(t *testing.T) {
	papers := ladder(2)
	papers[0].DOI, papers[1].DOI = "10.1234/x", "10.1234/x"
	each(t, papers, func(r *rig, a ask) {
		if a.first() == 1 {
			r.Skip("has no paper of its own")
		}
		got := r.answer(a, engine.ResultOptions{})
		r.same("nothing", []any{found(got.Results), got.Empty}, []any{"", engine.LimitVersions})
		r.same("limits", limitsOf(got), []engine.LimitReason{engine.LimitCollection, engine.LimitExamples, engine.LimitVersions})
		r.same("kept", found(r.answer(a, engine.ResultOptions{KeepVersions: true}).Results), "p02")
	})
}
