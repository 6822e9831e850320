package lexical

import (
	"math"
	"os"
	"testing"

	"akin/internal/eval"
)

// dataset opens a test collection.
func dataset(t *testing.T, set string) *eval.Dataset {
	t.Helper()
	if set == "reviews" {
		return reviews(t)
	}
	d, err := eval.OpenDataset(shared(t, "eval/"+set), eval.Source{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// indexed makes an index of a test collection.
func indexed(t *testing.T, set string) (*Index, *eval.Dataset) {
	t.Helper()
	d := dataset(t, set)
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
// to within .003: more is a change that somebody should look at. With
// AKIN_BENCH=1 it shows what cutting queries costs.
func TestQuality(t *testing.T) {
	if raceDetector {
		t.Skip("takes a minute with the race detector and has one goroutine")
	}
	for _, tc := range []struct {
		set    string
		metric []eval.Metric
		want   []float64
	}{
		{"search/cranfield", []eval.Metric{eval.NDCG(10), eval.Recall(100)}, []float64{.403, .754}},
		{"search/scifact-train", []eval.Metric{eval.NDCG(10), eval.Recall(100)}, []float64{.704, .933}},
		{"search/scitldr-dev", []eval.Metric{eval.MRR(0)}, []float64{.849}},
		{"similar/csfcube-fold1", []eval.Metric{eval.NDCGPercent(20)}, []float64{.578}},
		{"reviews", []eval.Metric{eval.NDCG(10)}, []float64{.491}},
	} {
		t.Run(tc.set, func(t *testing.T) {
			x, d := indexed(t, tc.set)
			cuts := []int{0}
			if os.Getenv("AKIN_BENCH") != "" {
				cuts = append(cuts, 10, 20, 30, 50, 80, -1)
			}
			for _, cut := range cuts {
				report, err := eval.Score(ranked(t, x, d, cut), d.Qrels, eval.Options{Metrics: tc.metric, Resamples: 39})
				if err != nil {
					t.Fatal(err)
				}
				for i, metric := range tc.metric {
					r, _ := report.Result(metric)
					t.Logf("%s %s, cut %d: %.4f", tc.set, metric, cut, r.Mean)
					if cut == 0 && math.Abs(r.Mean-tc.want[i]) > .003 {
						t.Errorf("%s is %.4f, want %.3f", metric, r.Mean, tc.want[i])
					}
				}
			}
		})
	}
}
