package engine_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/rank"
)

// tastes are papers about glaciers and about violins, and one between.
func tastes() (papers []paper.Paper) {
	for i := range 6 {
		papers = append(papers,
			paper.Paper{ID: fmt.Sprintf("g%d", i), Title: fmt.Sprintf("glacier ice gx%d", i)},
			paper.Paper{ID: fmt.Sprintf("v%d", i), Title: fmt.Sprintf("violin bow vx%d", i)})
	}
	return append(papers, paper.Paper{ID: "both", Title: "glacier violin bx"})
}

func likes(ids ...string) (out []engine.Example) {
	for _, id := range ids {
		out = append(out, engine.Example{PaperID: id})
	}
	return out
}

func strategies() []engine.RecommendStrategy {
	return []engine.RecommendStrategy{engine.HybridMean, engine.TopMean, engine.MeanVector, engine.BestScore, engine.SVM}
}

func (r *rig) recommend(req engine.RecommendRequest) *engine.Answer {
	r.Helper()
	return r.good(r.Recommend(r.Context(), req))
}

// Whatever the strategy: what is like the likes comes first, what is like the dislikes
// last, and no example is a result.
func TestStrategies(t *testing.T) {
	for _, s := range strategies() {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			r := newRig(t, tastes()...)
			a := r.recommend(engine.RecommendRequest{
				Positive: likes("g0", "g1"), Negative: likes("v0"), Strategy: s, ResultOptions: engine.ResultOptions{PageSize: 20},
			})
			ids := strings.Fields(found(a.Results))
			if len(ids) != 10 {
				t.Fatalf("found %v", ids)
			}
			for i, id := range ids {
				switch {
				case i < 4 && id[0] != 'g', i == 4 && id != "both", i > 4 && id[0] != 'v':
					t.Errorf("%s is at %d of %v", id, i, ids)
				}
			}
		})
	}
}

// What is liked does not stand for what nobody judged as well, which would pull down
// what is like it: that is well on the likes' side of the machines.
func TestMachinesKeepApart(t *testing.T) {
	r := newRig(t, tastes()...)
	a := r.recommend(engine.RecommendRequest{
		Positive: likes("g0", "g1", "g2"), Negative: likes("v0"), Strategy: engine.SVM, ResultOptions: engine.ResultOptions{PageSize: 20},
	})
	for _, x := range a.Results {
		if kind := x.Record.ID[0]; kind == 'g' && x.Score < .4 || kind == 'v' && x.Score > -.5 {
			t.Errorf("%s scores %v", x.Record.ID, x.Score)
		}
	}
}

// The parts of a score add up to it, the greatest first, and say which examples they
// come from.
func TestDrivenBy(t *testing.T) {
	r := newRig(t, tastes()...)
	for _, s := range []engine.RecommendStrategy{engine.TopMean, engine.BestScore} {
		a := r.recommend(engine.RecommendRequest{
			Positive: likes("v1", "g0", "g1", "g2", "g3"), Negative: likes("v0", "both"), Strategy: s, ResultOptions: engine.ResultOptions{PageSize: 20},
		})
		top := map[engine.RecommendStrategy]int{engine.TopMean: rank.TopLikes, engine.BestScore: 1}[s]
		for _, x := range a.Results {
			liked := 0
			for _, c := range x.DrivenBy {
				if c.Liked {
					liked++
				}
			}
			if !near(rank.Sum(x.DrivenBy), x.Score) || x.Semantic != x.Score || liked != top {
				t.Errorf("%s scores %v, of which %+v", x.Record.ID, x.Score, x.DrivenBy)
			}
			first := x.DrivenBy[0]
			if g := x.Record.ID[0] == 'g'; g && (first.Example < 1 || !near(first.Value*float64(top), 2./3)) || !g && first.Example != 0 {
				t.Errorf("%s is driven by %+v", x.Record.ID, x.DrivenBy)
			}
		}
	}
	for _, s := range []engine.RecommendStrategy{engine.HybridMean, engine.SVM} {
		for _, x := range r.recommend(engine.RecommendRequest{Positive: likes("g0"), Strategy: s}).Results {
			if len(x.DrivenBy) == 0 || !x.DrivenBy[0].Liked || x.DrivenBy[0].Example != 0 || x.Semantic != rank.Sum(x.DrivenBy) {
				t.Errorf("strategy %d: %s is driven by %+v", s, x.Record.ID, x.DrivenBy)
			}
		}
	}
	for _, x := range r.recommend(engine.RecommendRequest{Positive: likes("g0"), Strategy: engine.MeanVector}).Results {
		if x.DrivenBy != nil {
			t.Errorf("%s is driven by %+v", x.Record.ID, x.DrivenBy)
		}
	}
}

// Every interest of a taste has its share of the first results, each says which likes
// of that interest it comes from, and scores fall down the list. A dislike pushes what
// is near it behind other papers of its interest, and a like that weighs more has more
// of the list. That holds also where all cosines lie close together.
func TestEveryInterestHasItsShare(t *testing.T) {
	for _, hum := range []float64{0, 4} {
		t.Run(fmt.Sprintf("hum %v", hum), func(t *testing.T) { testShares(t, hum) })
	}
}

func testShares(t *testing.T, hum float64) {
	t.Helper()
	var papers []paper.Paper
	for i := range 40 {
		papers = append(papers,
			paper.Paper{ID: fmt.Sprintf("g%02d", i), Title: fmt.Sprintf("glacier ice snow moraine gx%d", i)},
			paper.Paper{ID: fmt.Sprintf("v%02d", i), Title: fmt.Sprintf("violin bow string luthier vx%d", i)},
			paper.Paper{ID: fmt.Sprintf("o%02d", i), Title: fmt.Sprintf("o%da o%db o%dc o%dd", i, i, i, i)})
	}
	model := newLexicon()
	model.hum = hum
	r := newRigOf(t, model, 0, papers...)
	ask := func(negative []engine.Example, weight float64) *engine.Answer {
		positive := likes("g00", "g01", "g02", "g03", "g04", "v00")
		positive[5].Weight = weight
		return r.recommend(engine.RecommendRequest{Positive: positive, Negative: negative, ResultOptions: engine.ResultOptions{PageSize: 12, KeepVersions: true}})
	}
	of := func(a *engine.Answer) (violins int) {
		for i, x := range a.Results {
			violin := x.Record.ID[0] == 'v'
			if violin {
				violins++
			}
			for _, c := range x.DrivenBy {
				if c.Liked && (c.Example == 5) != violin {
					t.Errorf("%s is driven by %+v", x.Record.ID, x.DrivenBy)
				}
			}
			if !near(x.Semantic, rank.Sum(x.DrivenBy)) || i > 0 && x.Score >= a.Results[i-1].Score {
				t.Errorf("%s at %d scores %v and %v, of %+v", x.Record.ID, i, x.Score, x.Semantic, x.DrivenBy)
			}
		}
		return violins
	}
	if n := of(ask(nil, 1)); n != 2 {
		t.Errorf("%d of 12 are of an interest that has a sixth of the likes", n)
	}
	if n := of(ask(likes("v07"), 1)); n != 2 {
		t.Errorf("%d of 12 with a dislike", n)
	}
	if n := of(ask(nil, 5)); n != 6 {
		t.Errorf("%d of 12 are of an interest that has half of the weight", n)
	}
}

// Weights are ratios: what weighs more decides.
func TestWeights(t *testing.T) {
	r := newRig(t, tastes()...)
	for _, s := range []engine.RecommendStrategy{engine.MeanVector, engine.BestScore, engine.TopMean, engine.HybridMean} {
		ask := func(g, v float64) *engine.Answer {
			positive := likes("g0", "v0")
			positive[0].Weight, positive[1].Weight = g, v
			return r.recommend(engine.RecommendRequest{Positive: positive, Strategy: s, ResultOptions: engine.ResultOptions{PageSize: 20, KeepVersions: true}})
		}
		first := func(g, v float64) byte {
			for _, x := range ask(g, v).Results {
				if x.Record.ID != "both" {
					return x.Record.ID[0]
				}
			}
			return 0
		}
		r.same(fmt.Sprint("strategy ", s), string([]byte{first(3, 1), first(1, 3), first(0, .5), first(1000, 0), first(1e-9, 1e-7)}), "gvggv")
		one, other := ask(2, 1).Results, ask(500, 250).Results
		for i := range one {
			if one[i].Record.ID != other[i].Record.ID || !near(one[i].Score, other[i].Score) {
				t.Errorf("strategy %d: the same ratio gives %s with %v and %s with %v", s, one[i].Record.ID, one[i].Score, other[i].Record.ID, other[i].Score)
			}
		}
	}
}

// What was liked long ago counts for less, by half for each half-life.
func TestHalfLife(t *testing.T) {
	r := newRig(t, tastes()...)
	now := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	ask := func(old time.Duration, halfLife float64) []engine.Result {
		return r.recommend(engine.RecommendRequest{
			Positive: []engine.Example{{PaperID: "g0", Time: now.Add(-old)}, {PaperID: "v0", Time: now}}, Strategy: engine.BestScore,
			HalfLifeDays: halfLife, ResultOptions: engine.ResultOptions{PageSize: 20},
		}).Results
	}
	score := func(results []engine.Result, id string) float64 {
		return results[slices.IndexFunc(results, func(x engine.Result) bool { return x.Record.ID == id })].Score
	}
	for _, test := range []struct {
		old      time.Duration
		halfLife float64
		share    float64
	}{{10 * day, 10, .5}, {20 * day, 10, .25}, {10 * day, 20, math.Sqrt(.5)}, {10 * day, 0, 1}, {0, 10, 1}, {365 * 100 * day, 1, 1e-6}} {
		results := ask(test.old, test.halfLife)
		if g, v := score(results, "g1"), score(results, "v1"); !near(g/v, test.share) {
			t.Errorf("after %v with a half-life of %v days a like counts %v", test.old, test.halfLife, g/v)
		}
	}
	// One without a time is as new as the newest.
	results := r.recommend(engine.RecommendRequest{
		Positive: []engine.Example{{PaperID: "g0"}, {PaperID: "v0", Time: now}}, Strategy: engine.BestScore, HalfLifeDays: 1, ResultOptions: engine.ResultOptions{PageSize: 20},
	}).Results
	if g, v := score(results, "g1"), score(results, "v1"); !near(g, v) {
		t.Errorf("one without a time counts %v, one of now %v", g, v)
	}
	for words, req := range map[string]engine.RecommendRequest{
		"half_life_days is -1":                           {HalfLifeDays: -1},
		"half_life_days is NaN":                          {HalfLifeDays: math.NaN()},
		"half_life_days is 36501":                        {HalfLifeDays: 36_501},
		"half_life_days is 3, but no example has a time": {HalfLifeDays: 3},
	} {
		req.Positive = likes("g0")
		if req.HalfLifeDays != 3 {
			req.Positive[0].Time = now
		}
		_, err := r.Recommend(r.Context(), req)
		r.refused(words, err, paper.Invalid, words)
	}
}

// Examples may be texts, which are embedded as documents, and whose papers are no
// results.
func TestTextsAsExamples(t *testing.T) {
	for _, s := range strategies() {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			r := newRig(t, tastes()...)
			r.model.embeddedTexts()
			a := r.recommend(engine.RecommendRequest{
				Positive: []engine.Example{{Text: &engine.Text{Title: "Glacier; ice GX2"}}, {PaperID: "g3"}},
				Negative: []engine.Example{{Text: &engine.Text{Title: "violin", Abstract: "bow"}}},
				Strategy: s, ResultOptions: engine.ResultOptions{PageSize: 20},
			})
			ids := strings.Fields(found(a.Results))
			if slices.Contains(ids, "g2") || slices.Contains(ids, "g3") || len(ids) != 11 || ids[0][0] != 'g' || ids[10][0] != 'v' {
				t.Errorf("found %v", ids)
			}
			texts := r.model.embeddedTexts()
			slices.Sort(texts)
			r.same("embedded", texts, []string{"Glacier; ice GX2", "violin bow"})
		})
	}
}

func TestRecommendIsChecked(t *testing.T) {
	r := newRig(t, tastes()...)
	text := func(title string) engine.Example { return engine.Example{Text: &engine.Text{Title: title}} }
	many := make([]engine.Example, engine.MaxExampleTexts+1)
	for i := range many {
		many[i] = text(fmt.Sprint("text", i))
	}
	for words, req := range map[string]engine.RecommendRequest{
		"positive is empty":                         {},
		"positive has 5001 items":                   {Positive: make([]engine.Example, engine.MaxExamples+1)},
		"negative has 5001 items":                   {Positive: likes("g0"), Negative: make([]engine.Example, engine.MaxExamples+1)},
		"positive has more than 200 texts":          {Positive: many},
		"negative has more than 200 texts":          {Positive: likes("g0"), Negative: many},
		"positive[1] has neither paper_id nor text": {Positive: []engine.Example{{PaperID: "g0"}, {}}},
		"negative[0].text has neither title":        {Positive: likes("g0"), Negative: []engine.Example{text("")}},
		"positive[0].weight is -1":                  {Positive: []engine.Example{{PaperID: "g0", Weight: -1}}},
		"positive[0].weight is 1001":                {Positive: []engine.Example{{PaperID: "g0", Weight: 1001}}},
		"positive[0].weight is NaN":                 {Positive: []engine.Example{{PaperID: "g0", Weight: math.NaN()}}},
		`positive[1].paper_id is "g0"`:              {Positive: likes("g0", "g0")},
		`negative[0].paper_id is "g0"`:              {Positive: likes("g0"), Negative: likes("g0")},
		"negative[0].text is that of positive[0]":   {Positive: []engine.Example{text("x")}, Negative: []engine.Example{text("x")}},
	} {
		_, err := r.Recommend(r.Context(), req)
		r.refused(words, err, paper.Invalid, words)
	}
	for _, s := range strategies() {
		_, err := r.Recommend(r.Context(), engine.RecommendRequest{Positive: likes("g0", "x"), Negative: likes("y"), Strategy: s})
		r.refused("papers that are not there", err, paper.NotFound, `2 papers are not in the collection: positive[1] "x", negative[0] "y"`)
	}
}

// With many likes, a part of them is asked for neighbours, and all judge.
func TestManyLikes(t *testing.T) {
	var papers []paper.Paper
	for i := range 150 {
		papers = append(papers, paper.Paper{ID: fmt.Sprintf("l%03d", i), Title: fmt.Sprintf("kind%d liked%d", i, i)},
			paper.Paper{ID: fmt.Sprintf("r%03d", i), Title: fmt.Sprintf("kind%d other%d", i, i)})
	}
	r := newRig(t, papers...)
	var positive []engine.Example
	for i := range 150 {
		positive = append(positive, engine.Example{PaperID: fmt.Sprintf("l%03d", i), Weight: 1 + float64(i)/1000})
	}
	a := r.recommend(engine.RecommendRequest{Positive: positive, Strategy: engine.BestScore, ResultOptions: engine.ResultOptions{PageSize: 1000}})
	if len(a.Results) != 150 {
		t.Fatalf("%d results", len(a.Results))
	}
	for i, x := range a.Results { // each by its own kind
		if want := fmt.Sprintf("r%03d", 149-i); x.Record.ID != want || x.DrivenBy[0].Example != 149-i {
			t.Errorf("at %d is %s, driven by %d", i, x.Record.ID, x.DrivenBy[0].Example)
		}
	}
}

// A taste of several kinds finds papers of each kind, however many are between them.
func TestEveryKindIsFound(t *testing.T) {
	var papers []paper.Paper
	for i := range engine.MaxResults + 300 { // all nearer to the mean of the likes than what is near to one of them
		papers = append(papers, paper.Paper{ID: fmt.Sprintf("between%04d", i), Title: fmt.Sprintf("alpha beta x%d y%d", i%20, i/20)})
	}
	for _, word := range []string{"alpha", "beta"} {
		papers = append(papers, paper.Paper{ID: word, Title: word}, paper.Paper{ID: "near " + word, Title: word + " more"})
	}
	r := newRig(t, papers...)
	a := r.recommend(engine.RecommendRequest{Positive: likes("alpha", "beta"), Strategy: engine.BestScore, ResultOptions: engine.ResultOptions{PageSize: 3}})
	r.same("first", found(a.Results[:2]), "near alpha near beta")
}

// Likes that cancel each other out have no mean, which only matters to those who go by
// it.
func TestExamplesThatCancel(t *testing.T) {
	r := newRig(t, tastes()...)
	req := engine.RecommendRequest{Positive: []engine.Example{{Text: &engine.Text{Title: "glacier"}}}, Strategy: engine.MeanVector}
	req.Negative = []engine.Example{{Text: &engine.Text{Title: "Glacier!"}}}
	if a, err := r.Recommend(r.Context(), req); err != nil || len(a.Results) == 0 {
		t.Errorf("a dislike weighs less than a like: %v", err)
	}
}

// Papers that are excluded are no results, nor are other versions of them; ids of none
// exclude nothing.
func TestExcluded(t *testing.T) {
	r := newRig(t, ladder(9)...)
	taste := engine.RecommendRequest{Positive: []engine.Example{{PaperID: "p01"}}, Strategy: engine.TopMean}
	all := found(r.good(r.Recommend(r.Context(), taste)).Results)
	taste.Exclude = []string{"p03", "never"}
	r.same("excluded", found(r.good(r.Recommend(r.Context(), taste)).Results), strings.Replace(all, "p03 ", "", 1))
	taste.Exclude = slices.Repeat([]string{"x"}, engine.MaxExclude+1)
	_, err := r.Recommend(r.Context(), taste)
	r.refused("too many", err, paper.Invalid, "exclude")
}

func TestEntitled(t *testing.T) {
	r := newRig(t, paper.Paper{ID: "a", Title: "Deep nets: a survey", Abstract: "x"}, paper.Paper{ID: "b", Title: "Deep nets, a survey of surveys", Abstract: "deep nets"})
	got, err := r.Entitled(r.Context(), "", []string{"DEEP NETS - A SURVEY?", "deep nets", "", "of surveys", "Deep nets a survey of surveys"})
	if err != nil {
		t.Fatal(err)
	}
	r.same("titles", fmt.Sprint(got), "[a    b]")
	ids, err := r.Identify(r.Context(), "", []string{"b", "never"})
	if err != nil {
		t.Fatal(err)
	}
	r.same("names", fmt.Sprint(ids), "[b ]")
}
