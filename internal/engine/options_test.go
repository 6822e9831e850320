package engine_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/engine"
	"akin/internal/paper"
)

// first is the first step of a ladder that a query finds: its own paper is none.
func (a ask) first() int {
	if strings.HasPrefix(a.name, "search") || strings.HasSuffix(a.name, "text") {
		return 1
	}
	return 2
}

func TestPageSizes(t *testing.T) {
	each(t, ladder(30), func(r *rig, a ask) {
		whole := r.answer(a, engine.ResultOptions{PageSize: 1000})
		if n := len(whole.Results); n != 31-a.first() || whole.NextPageToken != "" {
			r.Fatalf("%d results of 30 papers, then %q", n, whole.NextPageToken)
		}
		for _, size := range []int{0, 1, 9, 10, 11, 29, 30, 31, 5000} {
			page := r.answer(a, engine.ResultOptions{PageSize: size})
			want := min(size, 31-a.first())
			if size == 0 {
				want = engine.DefaultPageSize
			}
			r.same(fmt.Sprintf("the first %d", size), found(page.Results), found(whole.Results[:want]))
			if more := want < len(whole.Results); (page.NextPageToken != "") != more {
				r.Errorf("a page of %d: more %v, token %q", size, more, page.NextPageToken)
			}
		}
	})
}

func TestOrder(t *testing.T) {
	each(t, ladder(12), func(r *rig, a ask) {
		got := r.answer(a, engine.ResultOptions{PageSize: 20})
		if a.semantic {
			r.same("order", found(got.Results), steps(a.first(), 12))
		}
		for i, x := range got.Results {
			if x.Rank != i+1 || i > 0 && x.Score > got.Results[i-1].Score {
				r.Errorf("at %d: rank %d, score %v", i, x.Rank, x.Score)
			}
		}
	})
}

// What is equally good is in order of id, whatever order it came in.
func TestTiesBreakByID(t *testing.T) {
	papers := ladder(1)
	for _, id := range []string{"t5", "t1", "t4", "t2", "t3"} {
		papers = append(papers, paper.Paper{ID: id, Title: "alpha tie" + id})
	}
	each(t, papers, func(r *rig, a ask) {
		if strings.HasSuffix(a.name, "machines") {
			r.Skip("each machine was trained with some of them")
		}
		for _, o := range []engine.ResultOptions{{}, {Recency: .5}, {Filter: `id != "p01"`}} {
			ids := strings.Fields(found(r.answer(a, o).Results))
			if i := slices.Index(ids, "p01"); i >= 0 {
				ids = slices.Delete(ids, i, i+1)
			}
			r.same("ties", ids, []string{"t1", "t2", "t3", "t4", "t5"})
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	r := newRig(t, ladder(3)...)
	nan := math.NaN()
	for _, test := range []struct {
		words string
		o     engine.ResultOptions
	}{
		{"page_size is -1", engine.ResultOptions{PageSize: -1}},
		{"min_score is 1.01", engine.ResultOptions{MinScore: ptr(1.01)}},
		{"min_score is -1.01", engine.ResultOptions{MinScore: ptr(-1.01)}},
		{"min_score is NaN", engine.ResultOptions{MinScore: &nan}},
		{"diversity is -0.1", engine.ResultOptions{Diversity: -.1}},
		{"diversity is 1.1", engine.ResultOptions{Diversity: 1.1}},
		{"diversity is NaN", engine.ResultOptions{Diversity: nan}},
		{`as_of is "2020"`, engine.ResultOptions{AsOf: "2020"}},
		{`as_of is "2020-02-30"`, engine.ResultOptions{AsOf: "2020-02-30"}},
		{`as_of is "2020-02-03T00:00:00Z"`, engine.ResultOptions{AsOf: "2020-02-03T00:00:00Z"}},
		{`as_of is "--02-03"`, engine.ResultOptions{AsOf: "--02-03"}},
		{"recency is -0.1", engine.ResultOptions{Recency: -.1}},
		{"recency is 1.1", engine.ResultOptions{Recency: 1.1}},
		{"recency is NaN", engine.ResultOptions{Recency: nan}},
		{"recency_half_life_days is -1", engine.ResultOptions{HalfLifeDays: -1}},
		{"recency_half_life_days is 36501", engine.ResultOptions{HalfLifeDays: 36_501}},
		{"recency_half_life_days is NaN", engine.ResultOptions{HalfLifeDays: nan}},
		{"group_size is -1", engine.ResultOptions{GroupSize: -1}},
		{"group_size is 101", engine.ResultOptions{GroupSize: 101}},
		{"page_size is 21; with evidence the limit is 20", engine.ResultOptions{PageSize: 21, Evidence: true}},
		{"filter", engine.ResultOptions{Filter: "venue ="}},
		{"page_token", engine.ResultOptions{PageToken: "x"}},
	} {
		for _, a := range asks() {
			_, err := a.run(r, test.o)
			if strings.HasSuffix(a.name, "words") && test.o.MinScore != nil {
				r.refused(a.name, err, paper.Invalid, "min_score is a cosine, which a lexical query does not have")
				continue
			}
			r.refused(a.name+": "+test.words, err, paper.Invalid, test.words)
		}
	}
	for _, o := range []engine.ResultOptions{ // what is at a limit is fine
		{PageSize: engine.MaxPageSize},
		{Diversity: 1},
		{Recency: 1, HalfLifeDays: engine.MaxHalfLifeDays},
		{GroupBy: engine.ByYear, GroupSize: engine.MaxGroupSize},
		{PageSize: engine.MaxEvidence, Evidence: true},
		{AsOf: "2020-02-29"},
	} {
		for _, a := range asks() {
			if _, err := a.run(r, o); err != nil {
				r.Errorf("%s, %+v: %v", a.name, o, err)
			}
		}
	}
	for _, least := range []float64{-1, 1} {
		r.answer(asks()[0], engine.ResultOptions{MinScore: &least})
	}
}

func TestMinScore(t *testing.T) {
	each(t, ladder(20), func(r *rig, a ask) {
		if !a.semantic {
			r.Skip("has no cosine to hold against it")
		}
		got := r.answer(a, engine.ResultOptions{PageSize: 50, MinScore: ptr(cosineOf(9))})
		r.same("at least that of p09", found(got.Results), steps(a.first(), 9))
		l := r.limit(got, engine.LimitMinScore)
		r.same("limit", []any{l.Field, l.Removed, l.Kept}, []any{"min_score", 11, 10 - a.first()})
		if !near(l.BestRefused, cosineOf(10)) {
			r.Errorf("the best that is refused has %v, not %v", l.BestRefused, cosineOf(10))
		}
		// What is just at it is kept.
		for i, x := range got.Results {
			at := r.answer(a, engine.ResultOptions{PageSize: 50, MinScore: ptr(x.Semantic)})
			r.same("at least that of "+x.Record.ID, len(at.Results), i+1)
		}
		got = r.answer(a, engine.ResultOptions{PageSize: 50, MinScore: ptr(-1.0)})
		r.same("all", found(got.Results), steps(a.first(), 20))
	})
}

func TestFilterAndAsOf(t *testing.T) {
	each(t, ladder(12), func(r *rig, a ask) {
		for _, test := range []struct {
			o           engine.ResultOptions
			keep        func(k int) bool
			selectivity float64
		}{
			{engine.ResultOptions{Filter: "venue = North"}, func(k int) bool { return k%3 == 0 }, 4. / 12},
			{engine.ResultOptions{AsOf: "2006-01-01"}, func(k int) bool { return k <= 6 }, .5},
			{engine.ResultOptions{AsOf: "2005-12-31"}, func(k int) bool { return k <= 5 }, 5. / 12},
			{engine.ResultOptions{Filter: "category = cs.CL", AsOf: "2009-06-01"}, func(k int) bool { return k%2 == 0 && k <= 9 }, 4. / 12},
			{engine.ResultOptions{}, func(int) bool { return true }, 1},
		} {
			var want []string
			for k := a.first(); k <= 12; k++ {
				if test.keep(k) {
					want = append(want, steps(k, k))
				}
			}
			test.o.PageSize = 20
			got := r.answer(a, test.o)
			ids := strings.Fields(found(got.Results))
			slices.Sort(ids)
			r.same(fmt.Sprintf("%+v", test.o), ids, want)
			if !near(got.Selectivity, test.selectivity) {
				r.Errorf("%+v: selectivity %v, not %v", test.o, got.Selectivity, test.selectivity)
			}
		}
	})
}

func TestExact(t *testing.T) {
	for _, a := range asks() {
		t.Run(a.name, func(t *testing.T) {
			r := newRigThat(t, catalog.FilteredGraphWalk, ladder(5)...)
			if seen := r.answer(a, engine.ResultOptions{}).Strategy; seen != catalog.FilteredGraphWalk {
				r.Errorf("the strategy is %d, not that of the catalog", seen)
			}
			if seen := r.answer(a, engine.ResultOptions{Exact: true}).Strategy; seen != catalog.ExactScan {
				r.Errorf("asked to be exact, the strategy is %d", seen)
			}
		})
	}
}

func TestWithVectors(t *testing.T) {
	each(t, ladder(4), func(r *rig, a ask) {
		for _, x := range r.answer(a, engine.ResultOptions{WithVectors: true}).Results {
			got, _, err := r.model.Embed(r.Context(), []string{x.Record.Title}, embed.Options{Role: embed.Document})
			if err != nil || !slices.Equal(x.Vector, got[0].Vector) {
				r.Errorf("%s comes with another vector, %v", x.Record.ID, err)
			}
		}
		for _, x := range r.answer(a, engine.ResultOptions{}).Results {
			if x.Vector != nil {
				r.Errorf("%s comes with a vector that nobody asked for", x.Record.ID)
			}
		}
	})
}

func TestExplain(t *testing.T) {
	each(t, ladder(4), func(r *rig, a ask) {
		byWords := !strings.HasPrefix(a.name, "recommend") && !strings.HasSuffix(a.name, "meaning") && !strings.HasSuffix(a.name, "text")
		for _, x := range r.answer(a, engine.ResultOptions{Explain: true}).Results {
			switch {
			case !byWords && x.Matches != nil:
				r.Errorf("%s matches words that nobody asked for: %v", x.Record.ID, x.Matches)
			case byWords && (len(x.Matches) != 1 || x.Matches[0].Term != "alpha" || x.Matches[0].Title != 1 || x.Matches[0].Score <= 0):
				r.Errorf("%s matches %+v", x.Record.ID, x.Matches)
			}
		}
		for _, x := range r.answer(a, engine.ResultOptions{}).Results {
			if x.Matches != nil {
				r.Errorf("%s comes with matches that nobody asked for", x.Record.ID)
			}
		}
	})
}

// Among papers that are alike, diversity brings forward what differs.
func TestDiversity(t *testing.T) {
	var papers []paper.Paper
	for i := range 5 { // alike, and near
		papers = append(papers, paper.Paper{ID: fmt.Sprintf("a%d", i), Title: "alpha beta gamma delta", Abstract: fmt.Sprintf("one%d", i)})
	}
	papers = append(papers, paper.Paper{ID: "z", Title: "alpha", Abstract: "zeta zenith zero zest"}) // another
	r := newRig(t, papers...)
	ids := func(diversity float64) string {
		a, err := r.Search(r.Context(), engine.SearchRequest{
			Query: "alpha beta gamma", Mode: engine.Semantic, ResultOptions: engine.ResultOptions{Diversity: diversity, KeepVersions: true},
		})
		return found(r.good(a, err).Results)
	}
	r.same("without", ids(0), "a0 a1 a2 a3 a4 z")
	r.same("with", ids(.7), "a0 z a1 a2 a3 a4")
}

func TestRecency(t *testing.T) {
	each(t, ladder(12), func(r *rig, a ask) {
		o := engine.ResultOptions{AsOf: "2012-01-01", Recency: 1, HalfLifeDays: 366}
		got := r.answer(a, o)
		var newest []string
		for k := 12; len(newest) < len(got.Results); k-- {
			newest = append(newest, steps(k, k))
		}
		r.same("the newest first", found(got.Results), strings.Join(newest, " "))
		for i, x := range got.Results {
			age := float64(0)
			for k := 12; k > 12-i; k-- { // days of the years between
				age += 365
				if (2000+k-1)%4 == 0 {
					age++
				}
			}
			if want := math.Exp2(-age / 366); !near(x.Recency, want) || !near(x.Score, want) {
				r.Errorf("%s: recency %v and score %v, not %v", x.Record.ID, x.Recency, x.Score, want)
			}
		}
		plain := r.answer(a, engine.ResultOptions{AsOf: "2012-01-01"})
		for _, x := range plain.Results {
			if x.Recency != 0 {
				r.Errorf("%s has a recency that nobody asked for", x.Record.ID)
			}
		}
		o.Recency = 1e-9
		r.same("hardly any", found(r.answer(a, o).Results), found(plain.Results))
		// By default the half-life is a year.
		o = engine.ResultOptions{AsOf: "2012-01-01", Recency: 1}
		for _, x := range r.answer(a, o).Results {
			if x.Record.ID == "p11" && !near(x.Recency, .5) {
				r.Errorf("a year counts for %v", x.Recency)
			}
		}
	})
}

// A paper without a date is neither lifted nor lowered; without AsOf, age is counted
// from today.
func TestRecencyWithoutDates(t *testing.T) {
	r := newRig(t, ladder(3)...)
	undated := ladder(4)[3]
	undated.PublishDate = paper.Date{}
	r.put(undated)
	got := r.answer(asks()[0], engine.ResultOptions{Recency: .5, HalfLifeDays: engine.MaxHalfLifeDays})
	byID := make(map[string]float64)
	for _, x := range got.Results {
		byID[x.Record.ID] = x.Recency
	}
	if byID["p04"] != byID["p02"] || !(byID["p01"] < byID["p02"] && byID["p02"] < byID["p03"] && byID["p03"] < 1) {
		r.Errorf("recencies are %v", byID)
	}
}

func TestGroups(t *testing.T) {
	each(t, ladder(12), func(r *rig, a ask) {
		for _, by := range []engine.GroupBy{engine.ByVenue, engine.ByYear, engine.ByCluster} {
			for _, size := range []int{0, 1, 2, 100} {
				flat := r.answer(a, engine.ResultOptions{PageSize: 50})
				got := r.answer(a, engine.ResultOptions{PageSize: 50, GroupBy: by, GroupSize: size})
				r.groups(got, flat, by, size)
			}
		}
		none := r.answer(a, engine.ResultOptions{GroupSize: 1})
		if none.Groups != nil || none.Results[0].Group != "" || len(none.Results) < 10 {
			r.Errorf("groups that nobody asked for: %v", none.Groups)
		}
	})
}

// groups holds a grouped answer against the same one without groups.
func (r *rig) groups(got, flat *engine.Answer, by engine.GroupBy, size int) {
	r.Helper()
	if size == 0 {
		size = engine.DefaultGroupSize
	}
	key := func(x engine.Result) string {
		if by == engine.ByYear {
			return fmt.Sprint(x.Record.PublishDate.Year)
		}
		return x.Record.Venue
	}
	shown, count := make(map[string]int), make(map[string]int)
	for _, x := range got.Results {
		shown[x.Group]++
		if by != engine.ByCluster && x.Group != key(x) {
			r.Errorf("%s is in %q", x.Record.ID, x.Group)
		}
	}
	for _, x := range flat.Results {
		count[key(x)]++
	}
	total := 0
	for i, g := range got.Groups {
		total += g.Count
		if shown[g.Key] != min(size, g.Count) || by != engine.ByCluster && (g.Count != count[g.Key] || g.Label != g.Key) {
			r.Errorf("%d of group %+v are shown, by %d", shown[g.Key], g, by)
		}
		if at := slices.IndexFunc(got.Results, func(x engine.Result) bool { return x.Group == g.Key }); at < 0 || got.Results[at].Score != g.Best {
			r.Errorf("the best of %+v is at %d", g, at)
		}
		if i > 0 && g.Best > got.Groups[i-1].Best {
			r.Errorf("%+v comes after %+v", g, got.Groups[i-1])
		}
	}
	r.same("in all groups", total, len(flat.Results))
	if left := total - len(got.Results); left > 0 {
		l := r.limit(got, engine.LimitGroupSize)
		r.same("limit", []any{l.Field, l.Value, l.Removed, l.Kept}, []any{"group_size", size, left, len(got.Results)})
	} else if slices.Contains(limitsOf(got), engine.LimitGroupSize) {
		r.Errorf("nothing was left out, and yet: %+v", got.Limits)
	}
}

func TestGroupsOfWhatIsMissing(t *testing.T) {
	papers := ladder(4)
	papers[1].Venue, papers[1].PublishDate = "", paper.Date{}
	papers[2].Venue = "south" // as p01's, but for case
	r := newRig(t, papers...)
	got := r.answer(asks()[0], engine.ResultOptions{GroupBy: engine.ByVenue})
	if len(got.Groups) != 2 || got.Groups[0].Count != 3 || got.Groups[1].Key != "" || got.Groups[1].Label != "no venue" {
		r.Errorf("venues: %+v", got.Groups)
	}
	got = r.answer(asks()[0], engine.ResultOptions{GroupBy: engine.ByYear})
	if len(got.Groups) != 4 || got.Groups[1].Key != "" || got.Groups[1].Label != "no year" {
		r.Errorf("years: %+v", got.Groups)
	}
}

// Clusters are of papers about the same, and named by their words.
func TestClusters(t *testing.T) {
	var papers []paper.Paper
	for i := range 4 {
		papers = append(papers,
			paper.Paper{ID: fmt.Sprintf("g%d", i), Title: fmt.Sprintf("alpha glacier ice moraine one%d", i)},
			paper.Paper{ID: fmt.Sprintf("v%d", i), Title: fmt.Sprintf("alpha violin string bow two%d", i)})
	}
	r := newRig(t, papers...)
	got := r.answer(asks()[0], engine.ResultOptions{GroupBy: engine.ByCluster, GroupSize: 10})
	if len(got.Groups) != 2 {
		r.Fatalf("clusters: %+v", got.Groups)
	}
	for _, x := range got.Results {
		if x.Group != map[byte]string{'g': "1", 'v': "2"}[x.Record.ID[0]] {
			r.Errorf("%s is in %s", x.Record.ID, x.Group)
		}
	}
	for i, words := range [][]string{{"glacier", "ice", "moraine"}, {"bow", "string", "violin"}} {
		label := strings.Split(got.Groups[i].Label, ", ")
		slices.Sort(label)
		r.same("label", label, words)
	}
}

// Versions of one work are one result, unless all are asked for.
func TestKeepVersions(t *testing.T) {
	papers := ladder(6)
	papers[2].DOI, papers[4].DOI = "10.1234/x", "10.1234/X"
	each(t, papers, func(r *rig, a ask) {
		all := r.answer(a, engine.ResultOptions{KeepVersions: true})
		folded := r.answer(a, engine.ResultOptions{})
		ids := strings.Fields(found(all.Results))
		first, second := slices.Index(ids, "p03"), slices.Index(ids, "p05")
		if first > second {
			first, second = second, first
		}
		best := ids[first]
		r.same("folded", strings.Fields(found(folded.Results)), slices.Delete(slices.Clone(ids), second, second+1))
		for _, x := range folded.Results {
			if want := x.Record.ID == best; (len(x.Collapsed) == 1) != want {
				r.Errorf("%s stands for %+v", x.Record.ID, x.Collapsed)
			} else if want && (x.Collapsed[0].ID != ids[second] || x.Collapsed[0].Reason != catalog.SameDOI) {
				r.Errorf("%s stands for %+v", x.Record.ID, x.Collapsed)
			}
		}
		for _, x := range all.Results {
			if x.Collapsed != nil {
				r.Errorf("%s stands for %+v, though versions are kept", x.Record.ID, x.Collapsed)
			}
		}
		l := r.limit(folded, engine.LimitVersions)
		r.same("limit", []any{l.Field, l.Value, l.Removed, l.Kept}, []any{"collapse_versions", true, 1, len(folded.Results)})
	})
}

// A result that does not fit begins the next page.
func TestFits(t *testing.T) {
	each(t, ladder(12), func(r *rig, a ask) {
		whole := r.all(a, engine.ResultOptions{})
		n := 0
		o := engine.ResultOptions{PageSize: 5, Fits: func(page *engine.Answer, x *engine.Result) bool {
			if n++; len(page.Results) != 0 && page.Results[len(page.Results)-1].Rank != x.Rank-1 {
				r.Errorf("rank %d is asked after %d", x.Rank, page.Results[len(page.Results)-1].Rank)
			}
			return len(page.Results) < 3
		}}
		first := r.answer(a, o)
		r.same("of the first page", []any{found(first.Results), n}, []any{found(whole[:3]), 4})
		r.same("in all", found(r.all(a, o)), found(whole))
	})
}
