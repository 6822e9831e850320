package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"akin/internal/engine"
	"akin/internal/paper"
)

func resultIDs(a *engine.Answer) []string {
	out := make([]string, len(a.Results))
	for i, r := range a.Results {
		out[i] = r.Record.ID
	}
	return out
}

func library(t *testing.T) *engine.Engine {
	e := open(t)
	upsert(t, e,
		paper.Paper{ID: "arXiv:1706.03762", Title: "Attention alone transduces sequences", ArxivID: "1706.03762", DOI: "10.5555/ABC.1"},
		paper.Paper{ID: "math.GT/0309136", Title: "Surgery on knots of genus one"},
		paper.Paper{ID: "arXiv:2001.00001v1", Title: "Gaits of marsupials, first draft"},
		paper.Paper{ID: "arXiv:2001.00001v2", Title: "Locomotion of lizards"},
		paper.Paper{ID: "seg", Title: "Image segmentation of natural photographs", Abstract: "Street scenes and animals are segmented into regions."},
		paper.Paper{ID: "med", Title: "A medical image segmentation benchmark", Abstract: "Medical scans of patients."},
		paper.Paper{ID: "hop", Title: "Hopping gaits of marsupials in arid lands", Abstract: "Force plates and video of hopping marsupials."},
		paper.Paper{ID: "run", Title: "Running lizards", Abstract: "Video of lizards."},
	)
	return e
}

func TestPapersAreFoundByWhatPeoplePaste(t *testing.T) {
	e := library(t)
	for name, want := range map[string]string{
		"arXiv:1706.03762": "arXiv:1706.03762", "1706.03762": "arXiv:1706.03762", "1706.03762v7": "arXiv:1706.03762", "ARXIV:1706.03762": "arXiv:1706.03762",
		"https://arxiv.org/abs/1706.03762": "arXiv:1706.03762", "https://arxiv.org/pdf/1706.03762v5.pdf": "arXiv:1706.03762", "arxiv.org/abs/1706.03762": "arXiv:1706.03762",
		"10.5555/abc.1": "arXiv:1706.03762", "https://doi.org/10.5555/ABC.1": "arXiv:1706.03762", "doi:10.5555/abc.1": "arXiv:1706.03762",
		"10.48550/arXiv.1706.03762": "arXiv:1706.03762", "math/0309136": "math.GT/0309136", "arXiv:math.GT/0309136v2": "math.GT/0309136",
		"2001.00001": "arXiv:2001.00001v1", "2001.00001v2": "arXiv:2001.00001v2", "https://arxiv.org/abs/2001.00001v1": "arXiv:2001.00001v1",
		"1706.03763": "", "x-1706.03762": "", "10.5555/abc": "", "attention": "",
	} {
		found, missing, err := e.Get(t.Context(), "", []string{name})
		switch {
		case err != nil:
			t.Fatal(err)
		case want == "" && !slices.Equal(missing, []string{name}):
			t.Errorf("%s: found %v, missing %v", name, found, missing)
		case want != "" && (len(found) != 1 || found[0].ID != want):
			t.Errorf("%s: found %v, missing %v, want %s", name, found, missing, want)
		}
	}
	a, err := e.Similar(t.Context(), engine.SimilarRequest{PaperIDs: []string{"https://arxiv.org/abs/1706.03762v2"}})
	if err != nil || slices.Contains(resultIDs(a), "arXiv:1706.03762") || len(a.Results) == 0 {
		t.Errorf("similar: %v, %v", a, err)
	}
	a, err = e.Recommend(t.Context(), engine.RecommendRequest{Positive: []engine.Example{{PaperID: "1706.03762"}}})
	if err != nil || slices.Contains(resultIDs(a), "arXiv:1706.03762") || len(a.Results) == 0 {
		t.Errorf("recommend: %v, %v", a, err)
	}
	if _, err := e.Novelty(t.Context(), engine.NoveltyRequest{PaperIDs: []string{"1706.03762"}}); err != nil {
		t.Errorf("novelty: %v", err)
	}
	if _, missing, _, err := e.Delete(t.Context(), "", []string{"1706.03762"}); err != nil || len(missing) != 1 {
		t.Errorf("a deletion does not guess: %v, %v", missing, err)
	}
}

func TestEveryMissingPaperIsNamed(t *testing.T) {
	e := library(t)
	_, err := e.Recommend(t.Context(), engine.RecommendRequest{
		Positive: []engine.Example{{PaperID: "hop"}, {PaperID: "gone0"}, {PaperID: "gone1"}},
		Negative: []engine.Example{{Text: &engine.Text{Title: "x"}}, {PaperID: "gone2"}},
	})
	for _, want := range []string{`positive[1] "gone0"`, `positive[2] "gone1"`, `negative[1] "gone2"`, "3 papers"} {
		if paper.KindOf(err) != paper.NotFound || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	for _, mode := range []engine.Mode{engine.Hybrid, engine.Semantic, engine.Lexical} {
		_, err := e.Similar(t.Context(), engine.SimilarRequest{PaperIDs: []string{"hop", "gone0", "gone1"}, Mode: mode})
		if paper.KindOf(err) != paper.NotFound || !strings.Contains(err.Error(), "gone0") || !strings.Contains(err.Error(), "gone1") {
			t.Errorf("similar: %v", err)
		}
	}
	if _, err := e.Novelty(t.Context(), engine.NoveltyRequest{PaperIDs: []string{"gone0", "gone1"}}); err == nil || !strings.Contains(err.Error(), "gone1") {
		t.Errorf("novelty: %v", err)
	}
	many := make([]engine.Example, 50)
	for i := range many {
		many[i].PaperID = fmt.Sprint(strings.Repeat("x", 200), i)
	}
	_, err = e.Recommend(t.Context(), engine.RecommendRequest{Positive: many})
	if err == nil || len(err.Error()) > 4<<10 || !strings.Contains(err.Error(), "more; import them") {
		t.Errorf("many are missing: %v", err)
	}
}

func TestExamplesThatContradict(t *testing.T) {
	e := library(t)
	for _, tc := range []struct {
		positive, negative []string
		want               string
	}{
		{[]string{"hop", "hop"}, nil, `positive[1].paper_id is "hop", as that of positive[0]; leave it out`},
		{[]string{"hop"}, []string{"run", "hop"}, `negative[1].paper_id is "hop", as that of positive[0]: a paper cannot be both liked and disliked`},
		{[]string{"1706.03762"}, []string{"arXiv:1706.03762"}, `negative[0].paper_id is "arXiv:1706.03762", as that of positive[0]`},
		{[]string{"1706.03762", "https://arxiv.org/abs/1706.03762v3"}, nil, `positive[1].paper_id is "arXiv:1706.03762", as that of positive[0]`},
	} {
		var req engine.RecommendRequest
		for _, id := range tc.positive {
			req.Positive = append(req.Positive, engine.Example{PaperID: id})
		}
		for _, id := range tc.negative {
			req.Negative = append(req.Negative, engine.Example{PaperID: id})
		}
		if _, err := e.Recommend(t.Context(), req); paper.KindOf(err) != paper.Invalid || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, %v: %v", tc.positive, tc.negative, err)
		}
	}
}

func TestOneTextIsNotLikedAndDisliked(t *testing.T) {
	e := library(t)
	text := engine.Example{Text: &engine.Text{Title: "Running lizards"}}
	_, err := e.Recommend(t.Context(), engine.RecommendRequest{Positive: []engine.Example{{PaperID: "hop"}, text}, Negative: []engine.Example{text}})
	if paper.KindOf(err) != paper.Invalid || !strings.Contains(err.Error(), "negative[0].text is that of positive[1]") {
		t.Errorf("%v", err)
	}
}

// A text that equals a stored paper does not bring it back, whatever the strategy
// and whether or not versions are collapsed.
func TestTextsDoNotComeBack(t *testing.T) {
	e := library(t)
	text := &engine.Text{Title: "Hopping gaits of Marsupials in arid lands.", Abstract: "Force plates and video of hopping marsupials."}
	for _, keep := range []bool{false, true} {
		options := engine.ResultOptions{KeepVersions: keep}
		for _, strategy := range []engine.RecommendStrategy{engine.HybridMean, engine.TopMean, engine.MeanVector, engine.BestScore, engine.SVM} {
			a, err := e.Recommend(t.Context(), engine.RecommendRequest{Positive: []engine.Example{{Text: text}}, Strategy: strategy, ResultOptions: options})
			if err != nil || slices.Contains(resultIDs(a), "hop") || len(a.Results) == 0 {
				t.Errorf("strategy %d: %v, %v", strategy, resultIDs(a), err)
			}
			a, err = e.Recommend(t.Context(), engine.RecommendRequest{
				Positive: []engine.Example{{PaperID: "run"}}, Negative: []engine.Example{{Text: text}}, Strategy: strategy, ResultOptions: options,
			})
			if err != nil || slices.Contains(resultIDs(a), "hop") {
				t.Errorf("disliked, strategy %d: %v, %v", strategy, resultIDs(a), err)
			}
		}
		for _, mode := range []engine.Mode{engine.Hybrid, engine.Semantic, engine.Lexical} {
			a, err := e.Similar(t.Context(), engine.SimilarRequest{Text: text, Mode: mode, ResultOptions: options})
			if err != nil || slices.Contains(resultIDs(a), "hop") {
				t.Errorf("mode %d: %v, %v", mode, resultIDs(a), err)
			}
			a, err = e.Similar(t.Context(), engine.SimilarRequest{Text: text, Mode: mode, IncludeSelf: true, ResultOptions: options})
			if err != nil || !slices.Contains(resultIDs(a), "hop") {
				t.Errorf("with itself, mode %d: %v, %v", mode, resultIDs(a), err)
			}
		}
	}
}

// What a query excludes does not draw near what is left, and is in no answer.
func TestExclusionsAreNotEmbedded(t *testing.T) {
	e := library(t)
	search := func(query string, mode engine.Mode) *engine.Answer {
		a, err := e.Search(t.Context(), engine.SearchRequest{Query: query, Mode: mode, ResultOptions: engine.ResultOptions{KeepVersions: true}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, mode := range []engine.Mode{engine.Hybrid, engine.Semantic} {
		near := make(map[string]float64)
		for _, r := range search("image segmentation", mode).Results {
			near[r.Record.ID] = r.Semantic
		}
		for _, query := range []string{"image segmentation -medical", "image -medical segmentation", `image segmentation -"medical image"`, `"image segmentation" -medic*`} {
			a := search(query, mode)
			if slices.Contains(resultIDs(a), "med") || len(a.Results) == 0 {
				t.Errorf("%s, mode %d: %v", query, mode, resultIDs(a))
			}
			for _, r := range a.Results {
				if r.Semantic != near[r.Record.ID] {
					t.Errorf("%s, mode %d: the cosine of %s is %v, without the exclusion %v", query, mode, r.Record.ID, r.Semantic, near[r.Record.ID])
				}
			}
		}
	}
	for _, mode := range []engine.Mode{engine.Hybrid, engine.Semantic, engine.Lexical} {
		a := search(`-segmentation -"x y"`, mode)
		if a.Empty != engine.LimitWords || len(a.Limits) == 0 || a.Limits[len(a.Limits)-1].Reason != engine.LimitUnasked {
			t.Errorf("only exclusions, mode %d: %v, %v", mode, a.Empty, a.Limits)
		}
	}
}

func TestOneLikeHasAnyWeight(t *testing.T) {
	e := library(t)
	for _, strategy := range []engine.RecommendStrategy{engine.HybridMean, engine.TopMean, engine.MeanVector, engine.BestScore, engine.SVM} {
		var first []engine.Result
		for _, weight := range []float64{0, 1, 5e-324, 1e-300, 1000} {
			a, err := e.Recommend(t.Context(), engine.RecommendRequest{Positive: []engine.Example{{PaperID: "hop", Weight: weight}}, Strategy: strategy})
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = a.Results
			}
			for i, r := range a.Results {
				if r.Record.ID != first[i].Record.ID || r.Score != first[i].Score || r.Semantic != first[i].Semantic {
					t.Errorf("strategy %d, weight %v: %v at %d, with weight 0 %v", strategy, weight, r, i, first[i])
				}
			}
		}
	}
}

// A paper is not less than 1 like itself.
func TestMinScoreKeepsThePaperItself(t *testing.T) {
	e := library(t)
	one := 1.0
	for _, id := range []string{"hop", "run", "seg", "med", "arXiv:2001.00001v2"} {
		a, err := e.Similar(t.Context(), engine.SimilarRequest{
			PaperIDs: []string{id}, IncludeSelf: true, Mode: engine.Semantic, ResultOptions: engine.ResultOptions{MinScore: &one},
		})
		if err != nil || !slices.Equal(resultIDs(a), []string{id}) {
			t.Errorf("%s: %v, %v", id, resultIDs(a), err)
		}
	}
}

func TestBlankEntriesAreNotStored(t *testing.T) {
	e := open(t)
	upsert(t, e, paper.Paper{
		ID: "x", Title: "A", Abstract: " ", Categories: []string{"", "cs.CL", " "}, URLs: []string{"\t"},
		Authors: []paper.Author{{}, {Name: "Ada"}, {Name: " "}}, Venue: " ",
	})
	found, _, err := e.Get(t.Context(), "", []string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	p := found[0].Paper
	if !slices.Equal(p.Categories, []string{"cs.CL"}) || len(p.URLs) > 0 || len(p.Authors) != 1 || p.Venue != "" || p.Abstract != "" {
		t.Errorf("stored is %+v", p)
	}
}
