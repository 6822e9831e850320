package lexical

import (
	"math"
	"os"
	"testing"

	"akin/internal/eval"
)

// indexed makes an index of a test collection.
func indexed(t *testing.T, set string) (*Index, *eval.Dataset) {
	t.Helper()
	var d *eval.Dataset
	if set == "reviews" {
		d = reviews(t)
	} else {
		var err error
		if d, err = eval.OpenDataset(shared(t, "eval/"+set)); err != nil {
			t.Fatal(err)
		}
	}
	papers := make([]abstract, len(d.Papers))
	for i, p := range d.Papers {
		papers[i] = abstract{p.ID, p.Title, p.Abstract}
	}
	return fill(t, papers, Options{}), d
}

// ranked answers all queries of a set.
func ranked(t *testing.T, x *Index, d *eval.Dataset, maxTerms int) eval.Run {
	t.Helper()
	ordinals := map[string]uint32{}
	for i, p := range d.Papers {
		ordinals[p.ID] = uint32(i)
	}
	run := eval.Run{}
	for _, q := range d.Queries {
		query := Query{Text: q.Text, K: 100, Mode: ModeText, MaxTerms: maxTerms}
		if q.PaperID != "" {
			p := d.Papers[ordinals[q.PaperID]]
			query.Text = p.Title + "\n" + p.Abstract
		}
		if q.Candidates != nil {
			query.K = len(d.Papers)
		}
		r, err := x.Search(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		list := []eval.Scored{}
		for _, h := range r.Hits {
			if id := d.Papers[h.Ordinal].ID; id != q.PaperID {
				list = append(list, eval.Scored{ID: id, Score: h.Score})
			}
		}
		if q.Candidates != nil {
			list = eval.Condense(list, q.Candidates)
		}
		run[q.ID] = list
	}
	return run
}

// TestQuality holds the ranking to what it was when its constants were chosen,
// to within .003: more is a change that somebody should look at.
func TestQuality(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, tc := range []struct {
		set    string
		metric eval.Metric
		want   float64
	}{
		{"search/cranfield", eval.NDCG(10), .403},
		{"search/cranfield", eval.Recall(100), .754},
		{"search/scifact-train", eval.NDCG(10), .704},
		{"search/scifact-train", eval.Recall(100), .933},
		{"search/scitldr-dev", eval.MRR(0), .849},
		{"similar/csfcube-fold1", eval.NDCGPercent(20), .574},
		{"reviews", eval.NDCG(10), .491},
	} {
		t.Run(tc.set+" "+tc.metric.String(), func(t *testing.T) {
			x, d := indexed(t, tc.set)
			cuts := []int{0}
			if os.Getenv("AKIN_BENCH") != "" {
				cuts = append(cuts, 10, 20, 40, 50, 80, -1)
			}
			for _, cut := range cuts {
				report, err := eval.Score(ranked(t, x, d, cut), d.Qrels, eval.Options{Metrics: []eval.Metric{tc.metric}, Resamples: 39})
				if err != nil {
					t.Fatal(err)
				}
				r, _ := report.Result(tc.metric)
				t.Logf("%s %s, cut %d: %.4f", tc.set, tc.metric, cut, r.Mean)
				if cut == 0 && math.Abs(r.Mean-tc.want) > .003 {
					t.Errorf("%.4f, want %.3f", r.Mean, tc.want)
				}
			}
		})
	}
}
