package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/paper"
)

func capabilities() []catalog.Capability {
	return []catalog.Capability{
		catalog.CapAttributes, catalog.CapCounter, catalog.CapDays, catalog.CapDuplicates, catalog.CapFunnel, catalog.CapIndexes, catalog.CapMatcher, catalog.CapMentions, catalog.CapNamer,
		catalog.CapRechecker, catalog.CapSampler, catalog.CapSpelling, catalog.CapSyntax, catalog.CapTerms, catalog.CapVersions,
	}
}

// Without a capability all use cases work, but for those that are refused, and a
// refusal names what is missing.
func TestUseCasesWithoutCapabilities(t *testing.T) {
	refuses := map[catalog.Capability][]string{
		catalog.CapCounter: {"count"}, catalog.CapDuplicates: {"duplicates"}, catalog.CapVerifier: {"verify"},
		catalog.CapTerms: {fmt.Sprint("recommend ", engine.SVM)}, catalog.CapSampler: {fmt.Sprint("recommend ", engine.SVM)},
	}
	for _, c := range append(capabilities(), catalog.CapVerifier, catalog.CapSnapshots) {
		for name, run := range useCases() {
			err := run(newRig(t, ladder(9)...).lacking(c), t.Context())
			if slices.Contains(refuses[c], name) {
				newRig(t).refused(name, err, paper.FailedPrecondition, fmt.Sprintf("%q", c))
			} else if err != nil {
				t.Errorf("without %s, %s: %v", c, name, err)
			}
		}
	}
	for name, run := range useCases() {
		err := run(newRig(t, ladder(9)...).bare(), t.Context())
		if refused := paper.KindOf(err) == paper.FailedPrecondition; err != nil && !refused ||
			refused != slices.Contains([]string{"count", "duplicates", "verify", fmt.Sprint("recommend ", engine.SVM)}, name) {
			t.Errorf("of the bare catalog, %s: %v", name, err)
		}
	}
}

// A catalog that has all lacks nothing, and an answer only says what it lacks where it
// would have been another.
func TestLacking(t *testing.T) {
	none := []catalog.Capability(nil)
	full := engine.ResultOptions{PageSize: 3, KeepVersions: true}
	asks := map[string]func(r *rig) (*engine.Answer, error){
		"semantic": func(r *rig) (*engine.Answer, error) {
			return r.Search(r.Context(), engine.SearchRequest{Query: "alpha", Mode: engine.Semantic, ResultOptions: full})
		},
		"folded": func(r *rig) (*engine.Answer, error) {
			return r.Search(r.Context(), engine.SearchRequest{Query: "alpha", Mode: engine.Semantic, ResultOptions: engine.ResultOptions{PageSize: 3}})
		},
		"short": func(r *rig) (*engine.Answer, error) {
			return r.Search(r.Context(), engine.SearchRequest{Query: "alpha", Mode: engine.Semantic, ResultOptions: engine.ResultOptions{KeepVersions: true}})
		},
		"explained": func(r *rig) (*engine.Answer, error) {
			o := full
			o.Explain = true
			return r.Search(r.Context(), engine.SearchRequest{Query: "alpha", ResultOptions: o})
		},
		"excluding": func(r *rig) (*engine.Answer, error) {
			return r.Search(r.Context(), engine.SearchRequest{Query: "alpha -own2x1", Mode: engine.Semantic, ResultOptions: full})
		},
		"by year": func(r *rig) (*engine.Answer, error) {
			o := full
			o.GroupBy, o.Recency, o.PageSize = engine.ByYear, .5, 9
			return r.Search(r.Context(), engine.SearchRequest{Query: "alpha", Mode: engine.Semantic, ResultOptions: o})
		},
		"clustered": func(r *rig) (*engine.Answer, error) {
			o := full
			o.GroupBy = engine.ByCluster
			return r.Search(r.Context(), engine.SearchRequest{Query: "alpha", Mode: engine.Semantic, ResultOptions: o})
		},
		"similar": func(r *rig) (*engine.Answer, error) {
			return r.Similar(r.Context(), engine.SimilarRequest{PaperIDs: []string{"p01"}, ResultOptions: full})
		},
		"recommend": func(r *rig) (*engine.Answer, error) {
			return r.Recommend(r.Context(), engine.RecommendRequest{Positive: likes("p01"), ResultOptions: full})
		},
		"by top": func(r *rig) (*engine.Answer, error) {
			return r.Recommend(r.Context(), engine.RecommendRequest{Positive: likes("p01"), Strategy: engine.TopMean, ResultOptions: full})
		},
	}
	lacks := map[catalog.Capability][]string{
		catalog.CapVersions: {"folded"}, catalog.CapFunnel: {"short"}, catalog.CapMatcher: {"explained"},
		catalog.CapTerms: {"clustered", "recommend"}, catalog.CapSampler: {"recommend"},
		catalog.CapSyntax: {"semantic", "folded", "short", "explained", "excluding", "by year", "clustered"}, catalog.CapMentions: {"explained"},
		catalog.CapSpelling: {"explained"},
	}
	r := newRig(t, ladder(9)...)
	for name, ask := range asks {
		r.same("with all, "+name, r.good(ask(r)).Lacking, none)
		for _, c := range capabilities() {
			want := none
			if slices.Contains(lacks[c], name) {
				want = []catalog.Capability{c}
			}
			r.same(fmt.Sprintf("without %s, %s", c, name), r.good(ask(r.lacking(c))).Lacking, want)
		}
	}
	folded, paged := r.lacking(catalog.CapVersions), engine.ResultOptions{PageSize: 3} // later pages say what their list lacked
	paged.PageToken = folded.search("alpha", engine.Semantic, paged).NextPageToken
	r.same("the second page", folded.search("alpha", engine.Semantic, paged).Lacking, []catalog.Capability{catalog.CapVersions})
	a := r.good(asks["recommend"](r.bare()))
	r.same("of the bare catalog", a.Lacking, []catalog.Capability{catalog.CapSampler, catalog.CapTerms})
}

// Dates and venues are read from the papers, with the same answer.
func TestWithoutAttributes(t *testing.T) {
	papers := ladder(9)
	papers[1].PublishDate, papers[4].Venue = paper.Date{}, ""
	each(t, papers, func(r *rig, a ask) {
		for _, o := range []engine.ResultOptions{
			{Recency: .5, AsOf: "2020-01-01"}, {GroupBy: engine.ByVenue, GroupSize: 2}, {GroupBy: engine.ByYear}, {Recency: 1, GroupBy: engine.ByVenue},
		} {
			with, without := r.answer(a, o), r.lacking(catalog.CapAttributes).answer(a, o)
			r.same(fmt.Sprintf("%+v", o), []any{found(without.Results), without.Groups}, []any{found(with.Results), with.Groups})
			for i := range with.Results {
				if with.Results[i].Recency != without.Results[i].Recency {
					r.Errorf("recency %v, not %v", without.Results[i].Recency, with.Results[i].Recency)
				}
			}
		}
	})
	cased := ladder(4)
	cased[0].Venue, cased[1].Venue, cased[2].Venue, cased[3].Venue = "Alpha", "ALPHA", "alpha", "Beta"
	r := newRig(t, cased...).lacking(catalog.CapAttributes)
	got := r.answer(asks()[0], engine.ResultOptions{GroupBy: engine.ByVenue})
	if len(got.Groups) != 2 || got.Groups[0].Label != "Alpha" || got.Groups[0].Count != 3 {
		t.Errorf("groups are %+v", got.Groups)
	}
}

// Without terms or a sample, recommendations go by vectors alone; clusters are numbered.
func TestWithoutTerms(t *testing.T) {
	r := newRig(t, tastes()...)
	byVectors := r.recommend(engine.RecommendRequest{Positive: likes("g0"), Strategy: engine.TopMean})
	for _, c := range []catalog.Capability{catalog.CapTerms, catalog.CapSampler} {
		got := r.lacking(c).recommend(engine.RecommendRequest{Positive: likes("g0")})
		r.same("by vectors alone", found(got.Results), found(byVectors.Results))
		for i, x := range got.Results {
			if x.Score != byVectors.Results[i].Score || x.Lexical != 0 {
				t.Errorf("%s scores %v, not %v", x.Record.ID, x.Score, byVectors.Results[i].Score)
			}
		}
	}
	got := r.lacking(catalog.CapTerms).search("glacier violin", engine.Semantic, engine.ResultOptions{GroupBy: engine.ByCluster, GroupSize: 20})
	for i, g := range got.Groups {
		r.same("a cluster", []string{g.Key, g.Label}, []string{fmt.Sprint(i + 1), fmt.Sprint(i + 1)})
	}
	// Texts have no words to weigh: nothing is lacking there.
	text := engine.RecommendRequest{Positive: []engine.Example{{Text: &engine.Text{Title: "glacier"}}}, ResultOptions: engine.ResultOptions{KeepVersions: true, PageSize: 3}}
	r.same("texts alone", r.lacking(catalog.CapTerms).recommend(text).Lacking, []catalog.Capability(nil))
}

func TestNoveltyWithoutSamples(t *testing.T) {
	r := newRig(t, years(12)...)
	with := r.novelty(engine.NoveltyRequest{PaperIDs: []string{"y10"}})
	without := r.lacking(catalog.CapSampler).novelty(engine.NoveltyRequest{PaperIDs: []string{"y10"}})
	n := without.Papers[0]
	r.same("a distance and no percentile", []any{n.Distance == with.Papers[0].Distance, n.Percentile, n.Reason, without.Reference, without.Lacking},
		[]any{true, 0, engine.NoReference, 0, []catalog.Capability{catalog.CapSampler}})
	r.same("with all", with.Lacking, []catalog.Capability(nil))
}

// Every version is a result, and a text that is a paper's finds that paper.
func TestWithoutVersions(t *testing.T) {
	papers := ladder(6)
	papers[2].DOI, papers[4].DOI = "10.1234/x", "10.1234/x"
	r := newRig(t, papers...).lacking(catalog.CapVersions)
	a := r.search("alpha", engine.Semantic, engine.ResultOptions{})
	r.same("all", found(a.Results), steps(1, 6))
	if slices.Contains(limitsOf(a), engine.LimitVersions) || a.Results[2].Collapsed != nil {
		t.Errorf("limits are %v", limitsOf(a))
	}
	a = r.good(r.Similar(r.Context(), engine.SimilarRequest{Text: &engine.Text{Title: "alpha"}, Mode: engine.Semantic}))
	r.same("the paper of the text", a.Results[0].Record.ID, "p01")
	a = r.good(r.Similar(r.Context(), engine.SimilarRequest{PaperIDs: []string{"p01"}, Mode: engine.Semantic}))
	r.same("the paper itself", found(a.Results), steps(2, 6))
}

// A name is an id.
func TestWithoutNamer(t *testing.T) {
	papers := ladder(3)
	papers[0].ArxivID = "2101.00001"
	r := newRig(t, papers...).lacking(catalog.CapNamer)
	found, missing, err := r.Get(r.Context(), "", []string{"p01", "2101.00001"})
	r.same("get", []any{len(found), missing, err}, []any{1, []string{"2101.00001"}, nil})
	_, err = r.Similar(r.Context(), engine.SimilarRequest{PaperIDs: []string{"2101.00001"}})
	r.refused("similar", err, paper.NotFound, "2101.00001")
	r.answer(asks()[3], engine.ResultOptions{})
}

// A typed query is embedded as it stands where the catalog does not read its syntax.
func TestWithoutSyntax(t *testing.T) {
	r := newRig(t, ladder(4)...).lacking(catalog.CapSyntax)
	r.model.embeddedTexts()
	r.search(`alpha -own2x1`, engine.Semantic, engine.ResultOptions{})
	r.same("embedded", r.model.embeddedTexts(), []string{"alpha -own2x1"})
}

// No matched words, no shared terms; exclusions hold in the catalog's own search.
func TestWithoutMatcher(t *testing.T) {
	r := newRig(t, ladder(4)...).lacking(catalog.CapMatcher)
	o := engine.ResultOptions{Explain: true, Evidence: true}
	for mode, want := range map[engine.Mode]string{engine.Hybrid: "p01 p03 p04", engine.Lexical: "p01 p03 p04", engine.Semantic: "p01 p03 p04"} {
		a := r.search("alpha -own2x1", mode, o)
		r.same(fmt.Sprint("mode ", mode), found(a.Results), want)
		for _, x := range a.Results {
			if x.Matches != nil || len(x.Evidence) == 0 || x.Evidence[0].Terms != nil {
				t.Errorf("mode %d: %+v, %+v", mode, x.Matches, x.Evidence)
			}
		}
	}
}

// A short list is explained by what its candidates met.
func TestWithoutFunnel(t *testing.T) {
	r := newRig(t, ladder(6)...).lacking(catalog.CapFunnel)
	a := r.good(r.Similar(r.Context(), engine.SimilarRequest{
		PaperIDs: []string{"p01"}, Mode: engine.Semantic, ResultOptions: engine.ResultOptions{Filter: "year < 2006", MinScore: ptr(cosineOf(3))},
	}))
	r.same("limits", limitsOf(a), []engine.LimitReason{engine.LimitExamples, engine.LimitMinScore})
	a = r.search("alpha", engine.Semantic, engine.ResultOptions{Filter: "venue = Nowhere"})
	r.same("nothing", []any{a.Empty, limitsOf(a)}, []any{engine.LimitFilter, []engine.LimitReason{}})
}

// Later pages have all papers that are there, whatever became of them, and say so.
func TestWithoutRechecker(t *testing.T) {
	r := newRig(t, ladder(6)...).lacking(catalog.CapRechecker)
	o := engine.ResultOptions{PageSize: 2, Filter: "year < 2030"}
	first := r.answer(asks()[0], o)
	r.same("nothing is lacking yet", first.Lacking, []catalog.Capability(nil))
	p := ladder(6)[2]
	p.PublishDate.Year = 2040
	r.put(p)
	r.erase("p04")
	o.PageToken = first.NextPageToken
	second := r.answer(asks()[0], o)
	r.same("the second page", []any{found(second.Results), second.Lacking}, []any{"p03", []catalog.Capability{catalog.CapRechecker}})
}

func TestSnapshotsAreRefused(t *testing.T) {
	r := newRig(t).lacking(catalog.CapSnapshots)
	_, err := r.CreateSnapshot("x")
	r.refused("create", err, paper.FailedPrecondition, "snapshots")
	_, err = r.Snapshots(context.Background())
	r.refused("list", err, paper.FailedPrecondition, "snapshots")
	_, err = r.VerifySnapshot(context.Background(), "x", nil)
	r.refused("verify", err, paper.FailedPrecondition, "snapshots")
	if strings.Contains(fmt.Sprint(r.lacking(catalog.CapVerifier).Snapshots(r.Context())), "refused") {
		t.Error("another capability is missing")
	}
}
