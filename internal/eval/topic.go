package eval

import (
	"cmp"
	"math"
	"slices"
)

// topic is one query's list against its judgements, in the form that the
// metrics need.
type topic struct {
	// grades are those of the ranked papers, by rank; 0 for a paper that
	// nobody judged or whose grade is negative.
	grades []int
	// ideal are all positive grades of the judgements, highest first.
	ideal []int
	// pool is the number of judged papers; a negative grade means that the
	// paper was pooled, but not judged, as with trec_eval.
	pool int
	// relevant is the number of judged papers whose grade is at least from.
	relevant, from int
}

// newTopic takes a list in the order of Sort.
func newTopic(list []Scored, judged map[string]int, relevantFrom int) topic {
	t := topic{grades: make([]int, len(list)), from: relevantFrom}
	for i, s := range list {
		t.grades[i] = max(judged[s.ID], 0)
	}
	for _, grade := range judged {
		if grade >= 0 {
			t.pool++
		}
		if grade > 0 {
			t.ideal = append(t.ideal, grade)
		}
		if grade >= relevantFrom {
			t.relevant++
		}
	}
	slices.SortFunc(t.ideal, func(a, b int) int { return cmp.Compare(b, a) })
	return t
}

// value is the metric of the topic, in [0, 1]; 0 if nothing is relevant.
func (t topic) value(m Metric) float64 {
	switch m.Measure {
	case MeasureNDCG:
		return t.ndcg(m.Cut)
	case MeasureNDCGPercent:
		return t.ndcg(max(1, t.pool*m.Cut/100))
	case MeasureRecall:
		return ratio(t.found(m.Cut), t.relevant)
	case MeasurePrecision:
		return ratio(t.found(m.Cut), m.Cut)
	case MeasureMAP:
		return t.averagePrecision(m.Cut)
	case MeasureMRR:
		return t.reciprocalRank(m.Cut)
	case MeasureRPrecision:
		return ratio(t.found(t.relevant), t.relevant)
	case MeasureInterests:
		return t.interests(m.Cut)
	default:
		return 0
	}
}

// interests is whether the first k ranks have each grade that was judged.
func (t topic) interests(k int) float64 {
	found := map[int]bool{}
	for _, grade := range first(t.grades, k) {
		found[grade] = true
	}
	for _, grade := range t.ideal {
		if !found[grade] {
			return 0
		}
	}
	return ratio(min(len(t.ideal), 1), 1)
}

func ratio(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// ndcg over the first k ranks, all if k is 0.
func (t topic) ndcg(k int) float64 {
	ideal := dcg(t.ideal, k)
	if ideal == 0 {
		return 0
	}
	return dcg(t.grades, k) / ideal
}

// dcg is the sum of grade/log2(rank+1) over the first k ranks, all if k is 0.
func dcg(grades []int, k int) (sum float64) {
	for i, grade := range first(grades, k) {
		sum += float64(grade) / math.Log2(float64(i+2)) // rank i+1
	}
	return sum
}

// first cuts a list after k, if k is above 0 and the list is longer.
func first(grades []int, k int) []int {
	if k > 0 && k < len(grades) {
		return grades[:k]
	}
	return grades
}

// found is how many of the first k ranks are relevant, k above 0 (0 finds all).
func (t topic) found(k int) (n int) {
	for _, grade := range first(t.grades, k) {
		if grade >= t.from {
			n++
		}
	}
	return n
}

func (t topic) averagePrecision(k int) float64 {
	var sum float64
	found := 0
	for i, grade := range first(t.grades, k) {
		if grade >= t.from {
			found++
			sum += float64(found) / float64(i+1)
		}
	}
	if t.relevant == 0 {
		return 0
	}
	return sum / float64(t.relevant)
}

func (t topic) reciprocalRank(k int) float64 {
	for i, grade := range first(t.grades, k) {
		if grade >= t.from {
			return 1 / float64(i+1)
		}
	}
	return 0
}
