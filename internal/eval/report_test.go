package eval

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"akin/internal/paper"
)

func TestScorePicksQueries(t *testing.T) {
	qrels := Qrels{"found": {"a": 1}, "empty": {"a": 1}, "missing": {"a": 1}, "hopeless": {"a": 0}}
	run := Run{"found": ranked("a"), "empty": nil, "hopeless": ranked("a"), "unjudged": ranked("a")}
	for _, c := range []struct {
		complete bool
		queries  int
		mean     float64
	}{{false, 2, 1.0 / 2}, {true, 3, 1.0 / 3}} {
		r, err := Score(run, qrels, Options{Complete: c.complete, Metrics: []Metric{MRR(0)}})
		if err != nil {
			t.Fatal(err)
		}
		if r.Queries != c.queries || !near(r.Results[0].Mean, c.mean) {
			t.Errorf("complete %v: %d queries, %v", c.complete, r.Queries, r.Results[0])
		}
		if !reflect.DeepEqual(r.Missing, []string{"missing"}) || !reflect.DeepEqual(r.WithoutRelevant, []string{"hopeless"}) {
			t.Errorf("missing %v, without relevant %v", r.Missing, r.WithoutRelevant)
		}
	}
	if _, err := Score(Run{"hopeless": ranked("a")}, qrels, Options{}); paper.KindOf(err) != paper.Invalid {
		t.Errorf("no query to score: %v", err)
	}
	if _, err := Score(Run{"z": ranked("a"), "y": nil}, qrels, Options{Complete: true}); err == nil || !strings.Contains(err.Error(), `2 queries is judged ("y", for example)`) {
		t.Errorf("a run of other queries: %v", err)
	}
	if _, err := Score(Run{"found": {{"a", math.NaN()}}}, qrels, Options{}); err == nil {
		t.Error("NaN was scored")
	}
}

func TestOptionsReportAllFaults(t *testing.T) {
	o := Options{Metrics: []Metric{{}, Recall(0), NDCG(5000), MAP(0), MAP(0)}, RelevantFrom: -1, Resamples: 5, Depth: -1, Parallel: -1}
	_, err := Score(nil, nil, o)
	for _, want := range []string{"measure(0)", "R is cut at 0", "nDCG@5000 looks deeper", "MAP is asked for twice", "RelevantFrom", "Resamples", "Depth", "Parallel"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestReportAsMarkdownAndJSON(t *testing.T) {
	d, err := OpenDataset(mini, Source{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Evaluate(t.Context(), d, perfect{d}, Options{Metrics: []Metric{NDCG(10), NDCGPercent(20)}})
	if err != nil {
		t.Fatal(err)
	}
	r.System = "a|b"
	got := r.MarkdownHeader() + r.MarkdownRow()
	want := "| dataset | system | queries | nDCG@10 | nDCG%20 |\n|---|---|--:|---|---|\n" +
		"| mini | a\\|b | 2 | 1.000 [1.000, 1.000] | 1.000 [1.000, 1.000] |\n"
	if got != want {
		t.Errorf("wrote\n%s", got)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	back := Report{Run: r.Run}
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(&back, r) {
		t.Errorf("%s came back as %+v, %v", text, back, err)
	}
}

// perfect ranks by the judgements themselves.
type perfect struct{ d *Dataset }

func (p perfect) Search(_ context.Context, q Query, _ int) (list []Scored, _ error) {
	for id, grade := range p.d.Qrels[q.ID] {
		list = append(list, Scored{id, float64(grade)})
	}
	return list, nil
}

type searchFunc func(q Query, k int) ([]Scored, error)

func (f searchFunc) Search(_ context.Context, q Query, k int) ([]Scored, error) { return f(q, k) }

func TestEvaluateHoldsSearchersToTheContract(t *testing.T) {
	d, err := OpenDataset(mini, Source{})
	if err != nil {
		t.Fatal(err)
	}
	asIs := func(list []Scored) searchFunc { return func(Query, int) ([]Scored, error) { return list, nil } }
	failure := errors.New("no luck")
	for _, c := range []struct {
		search searchFunc
		want   string
	}{
		{asIs(ranked("p2", "p2")), "twice"},
		{asIs(ranked("p5", "p4", "p3", "p2")), "4 papers; asked for were 3"},
		{asIs(ranked("p1")), `query "p1_method" of mini: the searcher returned the query paper "p1"`},
		{asIs(ranked("p3")), "no candidates"},
		{asIs([]Scored{{"p2", math.Inf(1)}}), "finite"},
		{func(Query, int) ([]Scored, error) { return nil, failure }, "evaluate query"},
	} {
		_, err := Evaluate(t.Context(), d, c.search, Options{Depth: 3, Metrics: []Metric{MAP(0)}, Parallel: 2})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q: %v", c.want, err)
		}
		if strings.Contains(c.want, "evaluate query") && !errors.Is(err, failure) {
			t.Errorf("the cause is lost: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Evaluate(ctx, d, perfect{d}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
}

func TestEvaluateAsksForCandidates(t *testing.T) {
	d, err := OpenDataset(mini, Source{})
	if err != nil {
		t.Fatal(err)
	}
	all := ranked("p3", "p5", "p2", "p4", "p6")
	r, err := Evaluate(t.Context(), d, searchFunc(func(q Query, k int) ([]Scored, error) {
		switch {
		case q.Facet == "" && k == 7:
			return nil, nil // found nothing: counts 0
		case q.Facet == "method" && k == 3:
			return Condense(all, q.Candidates), nil
		}
		return nil, errors.New("asked for " + strconv.Itoa(k))
	}), Options{Depth: 7, Metrics: []Metric{MRR(0)}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Queries != 2 || !near(r.Results[0].Mean, 0.25) || len(r.Run["p1_method"]) != 3 || len(r.Missing) != 0 {
		t.Errorf("report is %+v", r)
	}
}

func TestBootstrap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const n, trials = 100, 200
	covered := 0
	for seed := range trials {
		values := make([]float64, n)
		for i := range values {
			values[i] = random.Float64()
		}
		mean, ci := Bootstrap(values, 1000, uint64(seed))
		if again, same := Bootstrap(values, 1000, uint64(seed)); again != mean || same != ci {
			t.Fatal("the same seed gives another interval")
		}
		if ci.Low > mean || mean > ci.High {
			t.Errorf("mean %v lies outside %v", mean, ci)
		}
		if ci.Low <= 0.5 && 0.5 <= ci.High {
			covered++
		}
		// The normal approximation: 1.96 · sqrt(1/12/100) to each side.
		if half := (ci.High - ci.Low) / 2; math.Abs(half-0.0566) > 0.015 {
			t.Errorf("half of the interval is %v", half)
		}
	}
	if covered < 180 || covered > 199 { // 190 ± 3 standard deviations
		t.Errorf("%d of %d intervals hold the true mean", covered, trials)
	}
	if mean, ci := Bootstrap(nil, 100, 0); mean != 0 || ci != (Interval{}) {
		t.Errorf("of nothing: %v %v", mean, ci)
	}
	if mean, ci := Bootstrap([]float64{0.3}, 100, 0); mean != 0.3 || ci != (Interval{0.3, 0.3}) {
		t.Errorf("of one: %v %v", mean, ci)
	}
}

// withValues makes a report that has these values of MAP.
func withValues(values ...float64) *Report {
	per := map[string]float64{}
	for i, v := range values {
		per[strconv.Itoa(i)] = v
	}
	return &Report{Results: []Result{{Metric: MAP(0), PerQuery: per}}}
}

func TestCompare(t *testing.T) {
	a := withValues(.1, .2, .3, .4, .5, .1, .2, .3)
	b := withValues(.2, .3, .4, .5, .6, .2, .3, .4)
	c, err := Compare(a, b, MAP(0), Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	// Of the 2^8 ways to set signs, two are as large: all plus and all minus.
	if math.Abs(c.P-2.0/256) > 0.003 || !near(c.Difference, 0.1) || c.Queries != 8 {
		t.Errorf("comparison is %+v", c)
	}
	if math.Abs(c.Interval.Low-.1) > 1e-9 || math.Abs(c.Interval.High-.1) > 1e-9 {
		t.Errorf("interval of a constant difference is %v", c.Interval)
	}
	if c.Better != 8 || c.Worse != 0 || c.Equal != 0 {
		t.Errorf("%d better, %d worse, %d equal", c.Better, c.Worse, c.Equal)
	}
	if c, err := Compare(a, a, MAP(0), Options{}); err != nil || c.P != 1 || c.Difference != 0 || c.Equal != 8 {
		t.Errorf("with itself: %+v, %v", c, err)
	}
	if _, err := Compare(a, withValues(.1), MAP(0), Options{}); err == nil {
		t.Error("other queries were compared")
	}
	if _, err := Compare(a, b, MRR(0), Options{}); err == nil {
		t.Error("a metric that is not there was compared")
	}
}

// A comparison whose every number can be checked by hand: differences .5, -.25
// and 0. All ways to set signs give a sum of at least .25 either way: p is 1.
func TestCompareByHand(t *testing.T) {
	got, err := CompareAll(withValues(.25, .5, 1), withValues(.75, .25, 1), Options{Resamples: 999})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	c := got[0]
	if !near(c.Difference, .25/3) || c.P != 1 || c.Better != 1 || c.Worse != 1 || c.Equal != 1 || c.Queries != 3 {
		t.Errorf("comparison is %+v", c)
	}
	// The least and the greatest mean of three draws come up in 1 of 27 resamples,
	// more often than 2.5 %.
	if !near(c.Interval.Low, -.25) || !near(c.Interval.High, .5) {
		t.Errorf("interval is %+v", c.Interval)
	}
	table := MarkdownComparison("a|b", "c", got)
	if want := "| c − a\\|b | difference | 95 % interval | p | better | worse | equal |\n|---|--:|---|--:|--:|--:|--:|\n| MAP | +0.0833 | [-0.2500, +0.5000] | 1 | 1 | 1 | 1 |\n"; table != want {
		t.Errorf("table is\n%s", table)
	}
}

func TestWritePerQuery(t *testing.T) {
	r, err := Score(Run{"q1": ranked("x", "a"), "q2": ranked("b")}, Qrels{"q1": {"a": 1}, "q2": {"b": 1}}, Options{Metrics: []Metric{MRR(0), Precision(1)}})
	if err != nil {
		t.Fatal(err)
	}
	r.Dataset, r.System = "set", "system"
	var b strings.Builder
	if err := r.WritePerQuery(&b, true); err != nil {
		t.Fatal(err)
	}
	want := "dataset\tsystem\tquery\tMRR\tP@1\nset\tsystem\tq1\t0.500000\t0.000000\nset\tsystem\tq2\t1.000000\t1.000000\nset\tsystem\tall\t0.750000\t0.500000\n"
	if b.String() != want {
		t.Errorf("wrote\n%s", b.String())
	}
	if r.System = "a\tb"; r.WritePerQuery(&b, false) == nil {
		t.Error("a name with a tab was written")
	}
	if r.System = "a"; !errors.Is(r.WritePerQuery(broken{}, false), io.ErrClosedPipe) {
		t.Error("a write error is lost")
	}
}

// A summary has a line for each data set, also where there is nothing to compare with.
func TestSummary(t *testing.T) {
	qrels := Qrels{"q": {"a": 1, "b": 2}, "r": {"a": 1, "b": 2}}
	o := Options{Complete: true, Metrics: []Metric{Interests(2)}}
	before, errA := Score(Run{"q": ranked("a", "c"), "r": ranked("b", "a")}, qrels, o)
	now, errB := Score(Run{"q": ranked("a", "b"), "r": ranked("b", "a")}, qrels, o)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	now.Dataset = "birds|fish"
	var s Summary
	if _, err := s.Add(nil, now, o); err != nil {
		t.Fatal(err)
	}
	if line, err := s.Add(before, now, o); err != nil || *line.Before != .5 || line.Mean != 1 || line.Comparison.Better != 1 {
		t.Errorf("%+v, %v", line, err)
	}
	if out := s.Markdown(); !strings.Contains(out, "| birds\\|fish | 2 | I@2 | – | 1.000 | – |") || !strings.Contains(out, "| I@2 | 0.500 | 1.000 | +0.500 [") || !strings.HasSuffix(out, "| 1, 0 |\n") {
		t.Error(out)
	}
	if _, err := s.Add(before, &Report{Results: []Result{{Metric: Interests(2)}}}, o); err == nil {
		t.Error("reports of different queries are compared")
	}
}

// Judgements and queries about papers that are left out are left out with them.
func TestOpenDatasetOfSome(t *testing.T) {
	papers, err := OpenCorpus(mini+"/corpus.jsonl", map[string]bool{"p1": true, "p2": true, "p3": true})
	if err != nil || len(papers) != 3 {
		t.Fatal(papers, err)
	}
	d, err := OpenDataset(mini, Source{Papers: papers, Only: map[string]bool{"p1": true, "p2": true, "p3": true}})
	if err != nil {
		t.Fatal(err)
	}
	for query, judged := range d.Qrels {
		for id := range judged {
			if id == "p4" || id == "p5" || id == "p6" {
				t.Errorf("%s judges %s", query, id)
			}
		}
	}
	if len(d.Papers) != 3 || len(d.Queries) == 0 {
		t.Errorf("%d papers, %d queries", len(d.Papers), len(d.Queries))
	}
}
