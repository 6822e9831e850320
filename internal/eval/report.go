package eval

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"akin/internal/paper"
)

// Defaults of Options.
const (
	defaultDepth     = 1000 // TREC's length of a list
	defaultResamples = 10_000
	minResamples     = 39 // below, 2.5 % is less than one resample
)

// Options say what to measure. The zero value is useful.
type Options struct {
	// Metrics are computed in this order; empty means nDCG@10, R@100, MAP, MRR.
	Metrics []Metric
	// RelevantFrom is the lowest grade that counts as relevant; 0 means 1.
	// nDCG takes its gains from all grades above 0 regardless (trec_eval -l).
	RelevantFrom int
	// Complete averages over all judged queries; one that the run lacks
	// counts 0 (trec_eval -c).
	Complete bool
	// Resamples for intervals and tests; 0 means 10,000.
	Resamples int
	// Seed of the resampling; any value, also 0.
	Seed uint64
	// Depth is how many papers Evaluate asks for; 0 means 1,000. Queries with
	// candidates ask for all of them.
	Depth int
	// Parallel is how many queries Evaluate asks at a time; 0 means 1.
	Parallel int
}

func (o Options) withDefaults() Options {
	if len(o.Metrics) == 0 {
		o.Metrics = []Metric{NDCG(10), Recall(100), MAP(0), MRR(0)}
	}
	for _, field := range []struct {
		value    *int
		standard int
	}{{&o.RelevantFrom, 1}, {&o.Resamples, defaultResamples}, {&o.Depth, defaultDepth}, {&o.Parallel, 1}} {
		if *field.value == 0 {
			*field.value = field.standard
		}
	}
	return o
}

// validate reports all faults at once.
func (o Options) validate() error {
	var faults []error
	for i, m := range o.Metrics {
		faults = append(faults, m.validate())
		if slices.Contains(o.Metrics[:i], m) {
			faults = append(faults, paper.Invalidf("metric %v is asked for twice", m))
		}
		if m.Measure != MeasureNDCGPercent && m.Cut > o.Depth {
			faults = append(faults, paper.Invalidf("metric %v looks deeper than the lists, which have %d papers: set Depth", m, o.Depth))
		}
	}
	for _, field := range []struct {
		name       string
		value, low int
	}{
		{"RelevantFrom", o.RelevantFrom, 1},
		{"Resamples", o.Resamples, minResamples},
		{"Depth", o.Depth, 1},
		{"Parallel", o.Parallel, 1},
	} {
		if field.value < field.low {
			faults = append(faults, paper.Invalidf("%s is %d; give at least %d", field.name, field.value, field.low))
		}
	}
	return errors.Join(faults...)
}

// Result is one metric over all queries.
type Result struct {
	Metric Metric `json:"metric"`
	// Mean over the queries, and its 95 % bootstrap interval.
	Mean     float64  `json:"mean"`
	Interval Interval `json:"interval"`
	// PerQuery are the values by query id.
	PerQuery map[string]float64 `json:"per_query"`
}

// Report says how well a system did on a dataset.
type Report struct {
	// Dataset is the dataset's name, empty if Score made the report.
	Dataset string `json:"dataset,omitempty"`
	// System names what was measured, for tables; empty if nobody named it.
	System string `json:"system,omitempty"`
	// Queries is how many the means are over.
	Queries int `json:"queries"`
	// Results are in the order of Options.Metrics.
	Results []Result `json:"results"`
	// WithoutRelevant are judged queries without a relevant paper, which no
	// mean includes; sorted.
	WithoutRelevant []string `json:"without_relevant,omitempty"`
	// Missing are judged queries, with relevant papers, that the run lacks;
	// sorted. They count 0 if Options.Complete is set, and nothing otherwise.
	Missing []string `json:"missing,omitempty"`
	// Run are the lists, ordered, that were scored.
	Run Run `json:"-"`
}

// Score measures a run against judgements: see the package comment for which
// queries count. It is an error if none does. The run is not changed.
func Score(run Run, qrels Qrels, o Options) (*Report, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	report := &Report{Run: make(Run, len(run))}
	for query, list := range run {
		if err := checked(list); err != nil {
			return nil, fmt.Errorf("score query %q: %w", query, err)
		}
		report.Run[query] = slices.Clone(list)
		Sort(report.Run[query])
	}
	topics := report.topics(qrels, o)
	if query, ok := foreign(run, qrels); ok {
		return nil, paper.Invalidf("none of the run's %d queries is judged (%q, for example): is it a run of another data set?", len(run), query)
	}
	if len(topics) == 0 {
		return nil, paper.Invalidf("no query has both a list and a relevant paper: %d lists, %d judged queries", len(run), len(qrels))
	}
	report.Queries = len(topics)
	for _, m := range o.Metrics {
		report.Results = append(report.Results, result(topics, m, o))
	}
	return report, nil
}

// foreign says whether a run has queries, and none that was judged; it names the
// first.
func foreign(run Run, qrels Qrels) (query string, yes bool) {
	for query := range run {
		if _, ok := qrels[query]; ok {
			return "", false
		}
	}
	if len(run) == 0 {
		return "", false
	}
	return slices.Min(slices.Collect(maps.Keys(run))), true
}

// topics picks the queries that count, and notes those that don't.
func (r *Report) topics(qrels Qrels, o Options) map[string]topic {
	topics := make(map[string]topic, len(qrels))
	for _, query := range slices.Sorted(maps.Keys(qrels)) {
		list, asked := r.Run[query]
		t := newTopic(list, qrels[query], o.RelevantFrom)
		if t.relevant == 0 {
			r.WithoutRelevant = append(r.WithoutRelevant, query)
			continue
		}
		if !asked {
			r.Missing = append(r.Missing, query)
		}
		if asked || o.Complete {
			topics[query] = t
		}
	}
	return topics
}

func result(topics map[string]topic, m Metric, o Options) Result {
	res := Result{Metric: m, PerQuery: make(map[string]float64, len(topics))}
	values := make([]float64, 0, len(topics))
	for _, query := range slices.Sorted(maps.Keys(topics)) {
		value := topics[query].value(m)
		res.PerQuery[query] = value
		values = append(values, value)
	}
	res.Mean, res.Interval = Bootstrap(values, o.Resamples, o.Seed)
	return res
}

// Result finds a metric's result.
func (r *Report) Result(m Metric) (Result, bool) {
	for _, res := range r.Results {
		if res.Metric == m {
			return res, true
		}
	}
	return Result{}, false
}
