package engine_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/engine"
	"akin/internal/paper"
)

// Pages of any size cut the same list, whatever shapes it.
func TestPagesCutOneList(t *testing.T) {
	papers := ladder(25)
	papers[3].ArxivID, papers[13].ArxivID = "2101.00001", "2101.00001v2"
	each(t, papers, func(r *rig, a ask) {
		for _, o := range []engine.ResultOptions{
			{},
			{Diversity: .5},
			{Recency: .5, AsOf: "2020-01-01"},
			{GroupBy: engine.ByVenue, GroupSize: 5},
			{GroupBy: engine.ByCluster},
			{Filter: "category = cs.CL"},
			{KeepVersions: true},
		} {
			o.PageSize = 1000
			whole := r.all(a, o)
			for _, o.PageSize = range []int{1, 4, 10} {
				paged := r.all(a, o)
				if !slices.EqualFunc(paged, whole, func(a, b engine.Result) bool {
					return a.Record.ID == b.Record.ID && a.Rank == b.Rank && a.Score == b.Score && a.Group == b.Group &&
						a.Recency == b.Recency && slices.Equal(a.DrivenBy, b.DrivenBy) && slices.Equal(a.Collapsed, b.Collapsed)
				}) {
					r.Errorf("%+v: pages of %d are of another list: %s, not %s", o, o.PageSize, found(paged), found(whole))
				}
			}
		}
	})
}

// What can be reached by paging has an end.
func TestPagingEnds(t *testing.T) {
	var papers []paper.Paper
	for i := range engine.MaxResults + 20 {
		papers = append(papers, paper.Paper{ID: fmt.Sprintf("p%04d", i), Title: fmt.Sprintf("alpha%d", i%7)})
	}
	papers = append(papers, paper.Paper{ID: "q", Title: "alpha0 more"})
	r := newRig(t, papers...)
	for name, run := range map[string]func(o engine.ResultOptions) (*engine.Answer, error){
		"search": func(o engine.ResultOptions) (*engine.Answer, error) {
			return r.Search(r.Context(), engine.SearchRequest{Query: "alpha1", Mode: engine.Semantic, ResultOptions: o})
		},
		"similar": func(o engine.ResultOptions) (*engine.Answer, error) {
			return r.Similar(r.Context(), engine.SimilarRequest{PaperIDs: []string{"q"}, Mode: engine.Semantic, ResultOptions: o})
		},
		"recommend": func(o engine.ResultOptions) (*engine.Answer, error) {
			return r.Recommend(r.Context(), engine.RecommendRequest{Positive: []engine.Example{{PaperID: "q"}}, Strategy: engine.TopMean, ResultOptions: o})
		},
	} {
		a := r.good(run(engine.ResultOptions{PageSize: 5000, KeepVersions: true}))
		r.same(name, []any{len(a.Results), a.NextPageToken, a.Limits == nil}, []any{engine.MaxResults, "", true})
		seen := make(map[string]bool)
		for o := (engine.ResultOptions{PageSize: 300, KeepVersions: true}); ; o.PageToken = a.NextPageToken {
			a = r.good(run(o))
			for _, x := range a.Results {
				seen[x.Record.ID] = true
			}
			if a.NextPageToken == "" {
				break
			}
		}
		r.same(name+" in pages", len(seen), engine.MaxResults)
	}
}

// A token fits no other request: each field that shapes a list counts, and the others
// do not. A field that is new is changed as its kind is, so that this test says which
// of the two it must be.
func TestTokenFitsItsRequest(t *testing.T) {
	unshaping := []string{"PageSize", "PageToken", "WithVectors", "Explain", "Evidence", "Fits"}
	r := newRig(t, ladder(9)...)
	searches := engine.SearchRequest{Query: "alpha", ResultOptions: engine.ResultOptions{PageSize: 3}}
	token := r.good(r.Search(r.Context(), searches)).NextPageToken
	fits(r, searches, token, unshaping, func(q engine.SearchRequest) error { return second(r.Search(r.Context(), q)) })

	likes := engine.SimilarRequest{PaperIDs: []string{"p01"}, ResultOptions: engine.ResultOptions{PageSize: 3}}
	token = r.good(r.Similar(r.Context(), likes)).NextPageToken
	fits(r, likes, token, unshaping, func(q engine.SimilarRequest) error {
		if q.Text != nil {
			q.PaperIDs = nil
		}
		return second(r.Similar(r.Context(), q))
	})

	tastes := engine.RecommendRequest{
		Positive:      []engine.Example{{PaperID: "p01", Time: time.Unix(1e9, 0)}, {PaperID: "p02"}},
		ResultOptions: engine.ResultOptions{PageSize: 3},
	}
	token = r.good(r.Recommend(r.Context(), tastes)).NextPageToken
	ask := func(q engine.RecommendRequest) error { return second(r.Recommend(r.Context(), q)) }
	fits(r, tastes, token, unshaping, ask)
	for i, change := range []func(x *engine.Example){ // and each field of an example
		func(x *engine.Example) { x.PaperID = "p03" }, func(x *engine.Example) { x.Weight = 2 },
		func(x *engine.Example) { x.Time = time.Unix(2e9, 0) }, func(x *engine.Example) { x.PaperID, x.Text = "", &engine.Text{Title: "alpha"} },
	} {
		other := tastes
		other.Positive = slices.Clone(tastes.Positive)
		change(&other.Positive[0])
		other.PageToken = token
		r.refused(fmt.Sprint("example changed by ", i), ask(other), paper.Invalid, "ask for the first page again")
	}
}

// fits changes one field of a request after the other, and asks with the token of the
// first.
func fits[Q any](r *rig, request Q, token string, unshaping []string, ask func(Q) error) {
	r.Helper()
	fields := reflect.VisibleFields(reflect.TypeFor[Q]())
	for _, f := range fields {
		if f.Anonymous {
			continue
		}
		other := request
		v := reflect.ValueOf(&other).Elem()
		v.FieldByName("PageToken").SetString(token)
		if f.Name != "PageToken" {
			r.alter(f.Name, v.FieldByIndex(f.Index))
		}
		err := ask(other)
		switch free := slices.Contains(unshaping, f.Name); {
		case free && err != nil:
			r.Errorf("%T with another %s: %v", request, f.Name, err)
		case !free && (paper.KindOf(err) != paper.Invalid && paper.KindOf(err) != paper.NotFound || f.Name != "Collection" && !strings.Contains(err.Error(), "page_token")):
			r.Errorf("%T with another %s takes the token of the first: %v", request, f.Name, err)
		}
	}
}

// alter gives a field another value that is valid.
func (r *rig) alter(name string, v reflect.Value) {
	r.Helper()
	given := map[string]any{
		"Collection": "other", "Filter": "venue = North", "AsOf": "2030-01-01", "Query": "alpha own2x1", "PaperIDs": []string{"p02"}, "Fits": nil,
		"Positive": []engine.Example{{PaperID: "p03"}}, "Negative": []engine.Example{{PaperID: "p04"}}, "Text": &engine.Text{Title: "alpha"},
		"Exclude": []string{"p05"}, "MinScore": ptr(-.5), "GroupSize": 7, "PageSize": 4, "HalfLifeDays": 33.0,
	}
	value, ok := given[name]
	switch {
	case ok && value == nil:
	case ok:
		v.Set(reflect.ValueOf(value))
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.Kind() == reflect.Int:
		v.SetInt(v.Int() + 1)
	case v.Kind() == reflect.Float64:
		v.SetFloat(v.Float() + .25)
	default:
		r.Errorf("this test has no other value for the new field %s", name)
	}
}

func TestTokensThatAreNone(t *testing.T) {
	r := newRig(t, ladder(9)...)
	o := engine.ResultOptions{PageSize: 3}
	token := r.answer(asks()[0], o).NextPageToken
	name, _, _ := strings.Cut(token, ".")
	for _, bad := range []string{"x", ".", "~", name, name + ".", name + ".x", name + ".-1", name + ".10", "0" + token, "~" + token, name + ".3.3", "." + name} {
		o.PageToken = bad
		_, err := asks()[0].run(r, o)
		r.refused(bad, err, paper.Invalid, "page_token")
	}
	// The end of a list is a page, without papers.
	o.PageToken = name + ".9"
	a := r.answer(asks()[0], o)
	r.same("behind the last", []any{len(a.Results), a.Empty, a.NextPageToken, a.Limits == nil}, []any{0, engine.LimitEnd, "", true})
	// Any place in the list is one.
	o.PageToken = name + ".1"
	r.same("from the second", found(r.answer(asks()[0], o).Results), "p02 p03 p04")
}

// A list that is kept stays as it was found; what was deleted, or changed so that it is
// not what was looked for, is left out of its pages, and counted.
func TestPagesUnderWrites(t *testing.T) {
	each(t, ladder(14), func(r *rig, a ask) {
		o := engine.ResultOptions{PageSize: 4, Filter: "category = cs.CL OR category = math.GT"}
		whole := r.all(a, o)
		first := r.answer(a, o)
		o.PageToken = first.NextPageToken
		gone, elsewhere, otherwise, better := whole[4].Record, whole[5].Record, whole[6].Record, whole[7].Record
		elsewhere.Categories = []string{"q-bio"} // the filter
		otherwise.Title = "alpha of another kind"
		better.Language = "en" // not asked for
		r.put(paper.Paper{ID: "new", Title: "alpha alpha alpha", Categories: []string{"cs.CL"}})
		r.erase(gone.ID)
		r.put(elsewhere.Paper, otherwise.Paper, better.Paper)
		second := r.answer(a, o)
		r.same("left", found(second.Results), better.ID)
		r.same("rank, sequence", []any{second.Results[0].Rank, second.Sequence, second.Results[0].Record.Language}, []any{8, first.Sequence, "en"})
		l := r.limit(second, engine.LimitChanged)
		r.same("limit", []any{l.Field, l.Removed, l.Kept}, []any{"page_token", 3, len(whole) - 3})
		r.erase(better.ID)
		second = r.answer(a, o)
		r.same("nothing left", []any{len(second.Results), second.Empty}, []any{0, engine.LimitChanged})
		o.PageToken = second.NextPageToken
		r.same("then", found(r.answer(a, o).Results), found(whole[8:min(12, len(whole))]))
	})
}

// Later pages outlive the papers that a query was made from.
func TestPagesOutliveExamples(t *testing.T) {
	each(t, ladder(9), func(r *rig, a ask) {
		if a.first() == 1 {
			r.Skip("has no paper of its own")
		}
		o := engine.ResultOptions{PageSize: 3}
		whole := r.all(a, o)
		o.PageToken = r.answer(a, o).NextPageToken
		r.erase("p01")
		r.same("the second page", found(r.answer(a, o).Results), found(whole[3:6]))
		o.PageToken = ""
		_, err := a.run(r, o)
		r.refused("the first page", err, paper.NotFound, "p01")
	})
}

// A list that there is no room to keep is found again, if it comes out the same.
func TestListsThatAreNotKept(t *testing.T) {
	each(t, ladder(9), func(r *rig, a ask) {
		o := engine.ResultOptions{PageSize: 4}
		whole := r.all(a, o)
		engine.LimitPinned(r.Engine, 0)
		r.same("in all", found(r.all(a, o)), found(whole))
		o.PageToken = r.answer(a, o).NextPageToken
		if lists, _ := engine.Pinned(r.Engine); lists != 0 && !strings.HasPrefix(o.PageToken, "~") {
			r.Errorf("%d lists are kept, the token is %s", lists, o.PageToken)
		}
		o.Recency = .1
		_, err := a.run(r, o)
		r.refused("with another option", err, paper.Invalid, "of another request")
		o.Recency = 0
		r.erase(whole[1].Record.ID)
		_, err = a.run(r, o)
		r.refused("after a deletion", err, paper.Invalid, "changed since")
	})
}

// One more page is as cheap as can be: what is kept is not looked for again.
func TestPagesAreNotLookedForAgain(t *testing.T) {
	each(t, ladder(9), func(r *rig, a ask) {
		o := engine.ResultOptions{PageSize: 4}
		o.PageToken = r.answer(a, o).NextPageToken
		r.model.embeddedTexts()
		calls := r.calls(func() { r.answer(a, o) })
		for _, call := range calls {
			if !slices.Contains([]string{"View", "Still", "Identify"}, call) {
				r.Errorf("the second page calls %s", call)
			}
		}
		if texts := r.model.embeddedTexts(); len(texts) != 0 {
			r.Errorf("the second page embeds %q", texts)
		}
	})
}
