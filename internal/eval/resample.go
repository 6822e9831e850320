package eval

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"akin/internal/paper"
)

// Interval is a 95 % confidence interval.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Every purpose draws from a stream of its own, so that none depends on how
// many numbers another has drawn.
const (
	streamBootstrap = iota + 1
	streamRandomisation
	streamSample
	streamQueries
	streamSessions
)

// Bootstrap gives the mean of the values and its 95 % percentile bootstrap
// interval (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
// section 13.3; for retrieval: Sakai, Evaluating evaluation metrics based on
// the bootstrap, 2006), from that many resamples of the queries (at least 39,
// for percentiles to exist; 1,000 or more to be of use).
// The same seed gives the same interval. Both are 0 without values, and the
// interval has no width with one.
//
// The interval assumes that the queries are independent draws. Several
// summaries of one paper (SciTLDR) or facets of one (CSFCube) are not: there
// it is too narrow.
func Bootstrap(values []float64, resamples int, seed uint64) (mean float64, interval Interval) {
	if len(values) == 0 {
		return 0, Interval{}
	}
	random := rand.New(rand.NewPCG(seed, streamBootstrap))
	means := make([]float64, max(resamples, minResamples))
	for i := range means {
		var sum float64
		for range values {
			sum += values[random.IntN(len(values))]
		}
		means[i] = sum / float64(len(values))
	}
	slices.Sort(means)
	// The k-th smallest and the k-th largest, k = floor((B+1) · 2.5 %).
	k := (len(means) + 1) / 40
	return meanOf(values), Interval{Low: means[k-1], High: means[len(means)-k]}
}

func meanOf(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(1, len(values)))
}

// Comparison says how two systems differ in one metric over the same queries.
type Comparison struct {
	Metric Metric `json:"metric"`
	// Queries is how many pairs of values there are.
	Queries int `json:"queries"`
	// Difference is the mean of the second system minus that of the first.
	Difference float64 `json:"difference"`
	// Interval is the paired bootstrap's, of the difference.
	Interval Interval `json:"interval"`
	// P is the two-sided p-value of the paired randomisation test, in (0, 1].
	P float64 `json:"p"`
	// Better, Worse and Equal count the queries by the sign of their difference;
	// values closer than 1e-9 are equal.
	Better int `json:"better"`
	Worse  int `json:"worse"`
	Equal  int `json:"equal"`
}

// equalWithin is how close two values of a query are that count as equal: what
// is left of another order of additions.
const equalWithin = 1e-9

// Compare tests whether system b differs from a. The p-value is that of
// Fisher's paired randomisation test, as Smucker, Allan and Carterette
// recommend (A comparison of statistical significance tests for information
// retrieval evaluation, 2007): how often random signs make the mean of the
// differences at least as large as it is. The observed assignment counts as
// one of them, so that P is never 0 (Phipson and Smyth, 2010).
//
// Both reports must have the metric over the same queries. Of the options,
// Resamples and Seed matter.
func Compare(a, b *Report, m Metric, o Options) (*Comparison, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	first, okA := a.Result(m)
	second, okB := b.Result(m)
	if !okA || !okB {
		return nil, paper.Invalidf("metric %v is not in both reports", m)
	}
	differences := make([]float64, 0, len(first.PerQuery))
	for _, query := range slices.Sorted(maps.Keys(first.PerQuery)) {
		value, ok := second.PerQuery[query]
		if !ok || len(first.PerQuery) != len(second.PerQuery) {
			return nil, paper.Invalidf("the reports are about different queries (%d and %d; for example %q): evaluate both on the same",
				len(first.PerQuery), len(second.PerQuery), query)
		}
		differences = append(differences, value-first.PerQuery[query])
	}
	c := &Comparison{Metric: m, Queries: len(differences), P: randomisation(differences, o.Resamples, o.Seed)}
	c.Difference, c.Interval = Bootstrap(differences, o.Resamples, o.Seed)
	for _, d := range differences {
		switch {
		case d > equalWithin:
			c.Better++
		case d < -equalWithin:
			c.Worse++
		default:
			c.Equal++
		}
	}
	return c, nil
}

// CompareAll compares two reports in every metric that the first has, in its
// order: see Compare.
func CompareAll(a, b *Report, o Options) ([]Comparison, error) {
	out := make([]Comparison, 0, len(a.Results))
	for _, res := range a.Results {
		c, err := Compare(a, b, res.Metric, o)
		if err != nil {
			return nil, err
		}
		out = append(out, *c)
	}
	return out, nil
}

// randomisation is the two-sided p-value of the hypothesis that signs of the
// differences are random.
func randomisation(differences []float64, resamples int, seed uint64) float64 {
	var observed float64
	for _, d := range differences {
		observed += d
	}
	// Sums that are equal but for the order of additions shall count.
	observed = math.Abs(observed) * (1 - 1e-12)
	random := rand.New(rand.NewPCG(seed, streamRandomisation))
	asLarge := 1
	for range resamples {
		if math.Abs(signed(differences, random)) >= observed {
			asLarge++
		}
	}
	return float64(asLarge) / float64(resamples+1)
}

// signed adds the differences up, each with a sign by chance.
func signed(differences []float64, random *rand.Rand) (sum float64) {
	var bits uint64
	for i, d := range differences {
		if i%64 == 0 {
			bits = random.Uint64()
		}
		if bits&1 == 1 {
			d = -d
		}
		bits >>= 1
		sum += d
	}
	return sum
}
