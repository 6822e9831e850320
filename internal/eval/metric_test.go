package eval

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// ranked makes a list of papers in this order.
func ranked(ids ...string) []Scored {
	list := make([]Scored, len(ids))
	for i, id := range ids {
		list[i] = Scored{ID: id, Score: float64(len(ids) - i)}
	}
	return list
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-12 }

func TestMetricsByHand(t *testing.T) {
	log := math.Log2
	judged := map[string]int{"a": 3, "b": 1, "c": 0, "d": 2, "e": -1, "f": 0, "g": 0}
	best := 3 + 2/log(3) + 1/log(4)
	for _, c := range []struct {
		name   string
		list   []Scored
		metric Metric
		from   int
		want   float64
	}{
		{"best order", ranked("a", "d", "b"), NDCG(10), 1, 1},
		{"unjudged papers keep their rank", ranked("x", "a", "y", "b"), NDCG(10), 1, (3/log(3) + 1/log(5)) / best},
		{"the cut also cuts the ideal", ranked("b", "a", "d"), NDCG(2), 1, (1 + 3/log(3)) / (3 + 2/log(3))},
		{"no cut", ranked("b", "a", "d"), NDCG(0), 1, (1 + 3/log(3) + 2/log(4)) / best},
		{"negative grades gain nothing", ranked("e", "a"), NDCG(10), 1, 3 / log(3) / best},
		{"grades below the level still gain", ranked("b"), NDCG(10), 2, 1 / best},
		{"a percentage is rounded down: 2 of 6", ranked("b", "a", "d"), NDCGPercent(49), 1, (1 + 3/log(3)) / (3 + 2/log(3))},
		{"a percentage gives at least one rank", ranked("b", "a", "d"), NDCGPercent(1), 1, 1.0 / 3},
		{"recall", ranked("a", "x", "b", "d"), Recall(3), 1, 2.0 / 3},
		{"recall from grade 2", ranked("a", "x", "b", "d"), Recall(3), 2, 1.0 / 2},
		{"precision of a short list", ranked("a", "x", "b"), Precision(10), 1, 2.0 / 10},
		{"average precision", ranked("a", "x", "b"), MAP(0), 1, (1 + 2.0/3) / 3},
		{"average precision, cut", ranked("a", "x", "b"), MAP(2), 1, 1.0 / 3},
		{"reciprocal rank", ranked("x", "c", "d"), MRR(0), 1, 1.0 / 3},
		{"reciprocal rank, cut", ranked("x", "c", "d"), MRR(2), 1, 0},
		{"R-precision", ranked("x", "b", "a", "d"), RPrecision(), 1, 2.0 / 3},
		{"R-precision of a short list", ranked("b"), RPrecision(), 1, 1.0 / 3},
		{"nothing found", nil, NDCG(10), 1, 0},
		{"nothing found", nil, MAP(0), 1, 0},
		{"nothing is relevant", ranked("a"), MAP(0), 9, 0},
		{"nothing is relevant", ranked("a"), RPrecision(), 9, 0},
	} {
		if got := newTopic(c.list, judged, c.from).value(c.metric); !near(got, c.want) {
			t.Errorf("%s: %v is %v, want %v", c.name, c.metric, got, c.want)
		}
	}
}

func TestMetricNames(t *testing.T) {
	for _, m := range []Metric{NDCG(0), NDCG(10), NDCGPercent(20), Recall(100), Precision(5), MAP(0), MAP(7), MRR(0), MRR(10), RPrecision()} {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back Metric
		if err := json.Unmarshal(text, &back); err != nil || back != m {
			t.Errorf("%s reads as %v, %v", text, back, err)
		}
	}
	for name, want := range map[string]Metric{"ndcg@10": NDCG(10), "recall@5": Recall(5), "precision@1": Precision(1), "RPREC": RPrecision()} {
		if m, err := ParseMetric(name); err != nil || m != want {
			t.Errorf("%s reads as %v, %v", name, m, err)
		}
	}
	for _, name := range []string{"", "nDCG@", "nDCG@0", "nDCG@-1", "nDCG@010", "nDCG%101", "MAP%20", "R", "P", "Rprec@5", "bpref", "nDCG@10@10", "nDCG@99999999999999999999"} {
		if m, err := ParseMetric(name); err == nil {
			t.Errorf("%q reads as %v", name, m)
		}
	}
	if _, err := json.Marshal(Metric{}); err == nil {
		t.Error("the zero metric can be written")
	}
	if s := (Metric{}).String(); !strings.Contains(s, "0") {
		t.Errorf("the zero metric is %q", s)
	}
}

var allMetrics = []Metric{
	NDCG(0), NDCG(1), NDCG(3), NDCG(10), NDCGPercent(20), NDCGPercent(100), Recall(1), Recall(5),
	Precision(1), Precision(5), MAP(0), MAP(3), MRR(0), MRR(2), RPrecision(),
}

// drawTopic draws judgements, with a relevant paper in them, and a list.
func drawTopic(t *rapid.T) (list []Scored, judged map[string]int) {
	id := rapid.StringMatching("[a-h][0-2]")
	judged = rapid.MapOfN(id, rapid.IntRange(-1, 4), 1, 20).Draw(t, "judged")
	judged[id.Draw(t, "relevant")] = rapid.IntRange(1, 4).Draw(t, "grade")
	ids := rapid.SliceOfNDistinct(id, 0, 20, rapid.ID).Draw(t, "ranked")
	return ranked(ids...), judged
}

func TestMetricsAreShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, judged := drawTopic(t)
		for _, m := range allMetrics {
			if v := newTopic(list, judged, 1).value(m); v < 0 || v > 1+1e-12 || math.IsNaN(v) {
				t.Errorf("%v is %v", m, v)
			}
		}
	})
}

func TestBestOrderIsOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, judged := drawTopic(t)
		var list []Scored
		for id, grade := range judged {
			list = append(list, Scored{ID: id, Score: float64(grade)})
		}
		Sort(list)
		for _, m := range []Metric{NDCG(0), NDCG(1), NDCG(10), NDCGPercent(20), Recall(50), MAP(0), MRR(0), RPrecision()} {
			if v := newTopic(list, judged, 1).value(m); !near(v, 1) {
				t.Errorf("%v of the best order is %v", m, v)
			}
		}
	})
}

// To exchange two neighbours so that the better comes first lowers no metric.
func TestBetterOrderIsNoWorse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, judged := drawTopic(t)
		if len(list) < 2 {
			t.Skip("nothing to exchange")
		}
		before := newTopic(list, judged, 1)
		i := rapid.IntRange(0, len(list)-2).Draw(t, "place")
		if max(judged[list[i].ID], 0) > max(judged[list[i+1].ID], 0) {
			t.Skip("in order already")
		}
		list[i], list[i+1] = list[i+1], list[i]
		after := newTopic(list, judged, 1)
		for _, m := range allMetrics {
			if after.value(m) < before.value(m)-1e-12 {
				t.Errorf("%v falls from %v to %v", m, before.value(m), after.value(m))
			}
		}
	})
}

func TestRecallGrowsWithDepth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, judged := drawTopic(t)
		topic := newTopic(list, judged, 1)
		for k := 1; k < 25; k++ {
			for _, of := range []func(int) Metric{Recall, MAP, MRR} {
				if topic.value(of(k)) > topic.value(of(k+1)) {
					t.Errorf("%v is above %v", of(k), of(k+1))
				}
			}
		}
	})
}
