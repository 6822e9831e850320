package eval

import (
	"fmt"
	"strconv"
	"strings"

	"akin/internal/paper"
)

// Measure is a family of metrics.
type Measure uint8

// The measures. The zero value is none of them.
const (
	_ Measure = iota
	// MeasureNDCG is the normalised discounted cumulative gain.
	MeasureNDCG
	// MeasureNDCGPercent is nDCG cut at a percentage of the judged pool.
	MeasureNDCGPercent
	// MeasureRecall is the share of the relevant papers found.
	MeasureRecall
	// MeasurePrecision is the share of the first k ranks that is relevant.
	MeasurePrecision
	// MeasureMAP is average precision.
	MeasureMAP
	// MeasureMRR is the reciprocal rank of the first relevant paper.
	MeasureMRR
	// MeasureRPrecision is precision at the number of relevant papers.
	MeasureRPrecision
	// MeasureInterests is whether every interest has its paper among the first k.
	MeasureInterests
)

// Metric is a measure and where it cuts the list. Two metrics are the same if
// they are equal. All values are within [0, 1], higher is better.
type Metric struct {
	Measure Measure
	// Cut is the number of ranks that count; for MeasureNDCGPercent, the
	// percentage of the pool, 1..100. Where 0 is allowed it means all ranks.
	Cut int
}

// NDCG is nDCG over the first k ranks, over all if k is 0: the gain is the
// grade itself, discounted by log2(rank+1), divided by the same sum over the
// best order of all judged papers (Järvelin and Kekäläinen, Cumulated
// gain-based evaluation of IR techniques, 2002, with Burges' discount;
// trec_eval's ndcg and ndcg_cut).
func NDCG(k int) Metric { return Metric{MeasureNDCG, k} }

// NDCGPercent is NDCG cut at percent of the query's judged papers, rounded
// down, but at least at one: nDCG%20 of CSFCube (Mysore et al., CSFCube, 2021,
// whose script cuts at int(0.20*pool)).
func NDCGPercent(percent int) Metric { return Metric{MeasureNDCGPercent, percent} }

// Recall is the share of the relevant papers among the first k ranks
// (trec_eval's recall).
func Recall(k int) Metric { return Metric{MeasureRecall, k} }

// Precision is the share of the first k ranks that is relevant; ranks that a
// short list lacks count as not relevant (trec_eval's P).
func Precision(k int) Metric { return Metric{MeasurePrecision, k} }

// MAP is the mean over the relevant papers of the precision at their ranks, 0
// for those that are not found; mean average precision once averaged over
// queries. With k above 0 only the first k ranks count (trec_eval's map and
// map_cut).
func MAP(k int) Metric { return Metric{MeasureMAP, k} }

// MRR is 1 over the rank of the first relevant paper, or 0; with k above 0
// only the first k ranks count (trec_eval's recip_rank, which has no cut).
func MRR(k int) Metric { return Metric{MeasureMRR, k} }

// RPrecision is the precision at the rank that equals the number of relevant
// papers (trec_eval's Rprec).
func RPrecision() Metric { return Metric{Measure: MeasureRPrecision} }

// Interests is 1 if the first k ranks have a paper of every interest, and 0 if one is
// missing; grades are the numbers of interests (TasteOptions.Given). Its mean is the
// share of tastes that found each of their interests.
func Interests(k int) Metric { return Metric{MeasureInterests, k} }

// String gives the metric's usual name, for example "nDCG@10", "nDCG%20",
// "R@100", "MAP"; ParseMetric reads it.
func (m Metric) String() string {
	sep := "@"
	if m.Measure == MeasureNDCGPercent {
		sep = "%"
	}
	if m.Cut == 0 {
		return m.Measure.String()
	}
	return m.Measure.String() + sep + strconv.Itoa(m.Cut)
}

// String gives the measure's short name without a cut.
func (m Measure) String() string {
	switch m {
	case MeasureNDCG, MeasureNDCGPercent:
		return "nDCG"
	case MeasureRecall:
		return "R"
	case MeasurePrecision:
		return "P"
	case MeasureMAP:
		return "MAP"
	case MeasureMRR:
		return "MRR"
	case MeasureRPrecision:
		return "Rprec"
	case MeasureInterests:
		return "I"
	default:
		return "measure(" + strconv.Itoa(int(m)) + ")"
	}
}

// ParseMetric reads a metric's name: nDCG, nDCG@k, nDCG%p, R@k (or recall@k),
// P@k, MAP, MAP@k, MRR, MRR@k, Rprec, I@k; case does not matter.
func ParseMetric(name string) (Metric, error) {
	base, m := name, Metric{}
	i := strings.IndexAny(name, "@%")
	if i >= 0 {
		cut := name[i+1:]
		base = name[:i]
		n, err := strconv.Atoi(cut)
		if err != nil || n < 1 || strconv.Itoa(n) != cut {
			return Metric{}, paper.Invalidf("metric %q: %q is not a whole number above 0", name, cut)
		}
		m.Cut = n
	}
	percent := i >= 0 && name[i] == '%'
	m.Measure = measureNamed(base, percent)
	if m.Measure == 0 {
		return Metric{}, paper.Invalidf("metric %q is unknown; known are nDCG@k, nDCG%%p, R@k, P@k, MAP, MRR, Rprec, I@k", name)
	}
	return m, m.validate()
}

// measureNamed gives 0 if there is no such measure. Only nDCG knows percentages.
func measureNamed(base string, percent bool) Measure {
	base = strings.ToLower(base)
	switch {
	case base == "ndcg" && percent:
		return MeasureNDCGPercent
	case percent:
		return 0
	}
	switch base {
	case "ndcg":
		return MeasureNDCG
	case "r", "recall":
		return MeasureRecall
	case "p", "precision":
		return MeasurePrecision
	case "map":
		return MeasureMAP
	case "mrr":
		return MeasureMRR
	case "rprec":
		return MeasureRPrecision
	case "i", "interests":
		return MeasureInterests
	default:
		return 0
	}
}

// MarshalText gives String, for JSON; a metric that is not valid is an error.
func (m Metric) MarshalText() ([]byte, error) { return []byte(m.String()), m.validate() }

// UnmarshalText reads what MarshalText wrote.
func (m *Metric) UnmarshalText(text []byte) error {
	parsed, err := ParseMetric(string(text))
	if err != nil {
		return fmt.Errorf("read a metric: %w", err)
	}
	*m = parsed
	return nil
}

func (m Metric) validate() error {
	low, high := 0, int(^uint(0)>>1)
	switch m.Measure {
	case MeasureNDCG, MeasureMAP, MeasureMRR:
	case MeasureRecall, MeasurePrecision, MeasureInterests:
		low = 1
	case MeasureNDCGPercent:
		low, high = 1, 100
	case MeasureRPrecision:
		high = 0
	default:
		return paper.Invalidf("metric %v is unknown", m.Measure)
	}
	switch {
	case m.Cut >= low && m.Cut <= high:
		return nil
	case high == 0:
		return paper.Invalidf("metric %v has no cut, but was given %d", m.Measure, m.Cut)
	case high == 100:
		return paper.Invalidf("metric %v%% is cut at %d; give a percentage of 1 to 100", m.Measure, m.Cut)
	default:
		return paper.Invalidf("metric %v is cut at %d; give at least %d", m.Measure, m.Cut, low)
	}
}
