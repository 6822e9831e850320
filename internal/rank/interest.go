package rank

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"akin/internal/vec"
)

const (
	// mostClustered is how many likes are grouped by all their similarities; of more,
	// as many are picked by chance, always the same, and the others join the nearest of their groups.
	mostClustered = 200
	// mostInterests is how many interests a taste has at most.
	mostInterests = 20
	// sameWork is the cosine from which likes count as one, so that versions of one
	// work do not make an interest larger.
	sameWork = .97
	// leastLacking is from which part of a paper on an interest lacks it. A half would
	// round as usual; a small interest has its first paper sooner.
	leastLacking = .25
	// variedFirst is how many papers of an interest are chosen to differ, of variedOf that
	// are its best: those that a first page may have.
	variedFirst, variedOf = 8, 40
	// alikeFrom is the cosine from which papers are alike, and alikeCost what a paper
	// loses for each unit that it is nearer than that to one chosen before.
	alikeFrom, alikeCost = .5, 2
)

// Interests are the groups that likes fall into.
type Interests struct {
	// Of is the interest of each like, numbered by their first likes.
	Of []int
	// Shares are the parts that interests have in the weight of all likes; they add
	// up to 1.
	Shares []float64
}

// FindInterests groups likes: those are of one interest whose cosines are at least
// near on average (average linkage: Sokal and Michener, A statistical method for
// evaluating systematic relationships, 1958). Likes that nearly say the same count
// once, with the greatest of their weights. The same likes in the same order give the
// same interests. The time is bounded, but for one comparison of each like with each
// interest.
func FindInterests(likes []Weighted, near float64) Interests {
	if len(likes) == 0 {
		return Interests{}
	}
	// Not evenly, which would miss what comes at regular distances.
	chosen := rand.New(rand.NewPCG(1, uint64(len(likes)))).Perm(len(likes))[:min(len(likes), mostClustered)]
	slices.Sort(chosen)
	sample := make([][]float32, len(chosen))
	for at, i := range chosen {
		sample[at] = likes[i].Vector
	}
	groups := linkAverage(sample, near)
	out := Interests{Of: make([]int, len(likes))}
	if len(sample) == len(likes) {
		out.Of = groups
	} else {
		centroids := centroidsOf(sample, groups)
		for i, l := range likes {
			out.Of[i] = max(0, Nearest(l.Vector, centroids))
		}
	}
	out.Of = renumber(out.Of)
	out.Shares = sharesOf(likes, out.Of)
	return out
}

// sharesOf adds up the weights of interests. Of likes that nearly say the same the
// first that were clustered count for all.
func sharesOf(likes []Weighted, of []int) []float64 {
	shares := make([]float64, slices.Max(of)+1)
	var counted []int
	total := 0.0
	for i, l := range likes {
		twin := slices.IndexFunc(counted, func(j int) bool {
			return of[j] == of[i] && float64(vec.Dot(likes[j].Vector, l.Vector)) >= sameWork
		})
		weight := l.Weight
		if twin >= 0 {
			weight = math.Max(0, weight-likes[counted[twin]].Weight)
		} else if len(counted) < mostClustered {
			counted = append(counted, i)
		}
		shares[of[i]] += weight
		total += weight
	}
	for g := range shares {
		shares[g] /= total
	}
	return shares
}

// renumber numbers groups in the order in which they come first.
func renumber(of []int) []int {
	numbers := make(map[int]int)
	out := make([]int, len(of))
	for i, g := range of {
		number, ok := numbers[g]
		if !ok {
			number = len(numbers)
			numbers[g] = number
		}
		out[i] = number
	}
	return out
}

// linkAverage merges the two groups of vectors with the greatest mean cosine until it
// is below near, and there are not too many of them.
func linkAverage(vectors [][]float32, near float64) []int {
	n := len(vectors)
	cosine := make([][]float64, n)
	size, parent := make([]float64, n), make([]int, n)
	for i := range vectors {
		size[i], parent[i] = 1, i
		cosine[i] = make([]float64, i)
		for j := range i {
			cosine[i][j] = float64(vec.Dot(vectors[i], vectors[j]))
		}
	}
	at := func(i, j int) *float64 { return &cosine[max(i, j)][min(i, j)] }
	for left := n; left > 1; left-- {
		best, into, from := math.Inf(-1), 0, 0
		for i := range cosine {
			for j, c := range cosine[i] {
				if size[i] > 0 && size[j] > 0 && c > best {
					best, into, from = c, j, i
				}
			}
		}
		if best < near && left <= mostInterests {
			break
		}
		for other := range n {
			if size[other] > 0 && other != into && other != from {
				*at(into, other) = (size[into]**at(into, other) + size[from]**at(from, other)) / (size[into] + size[from])
			}
		}
		size[into] += size[from]
		size[from], parent[from] = 0, into
	}
	return flatten(parent)
}

// Proportional orders a list so that every interest has its share of each beginning of
// it. of are the interests of the papers, in the order that they have; a negative one
// is none. Where an interest lacks leastLacking papers of its share of a beginning, its
// next paper goes before the others, the one of the highest score by own; of several
// interests that of which the greatest part is lacking, which favours small ones as
// Adams's apportionment does (Balinski and Young, Fair representation, 1982). The aim is
// that of Steck, Calibrated recommendations, 2018; Dang and Croft, Diversity by
// proportionality, 2012, order so by Sainte-Laguë's rounding, which favours none.
// Otherwise, and where that interest's turn it is anyway, the order stays. It gives
// positions.
func Proportional(of []int, own, shares []float64) []int {
	queues := make([][]int, len(shares))
	for i, g := range of {
		if g >= 0 {
			queues[g] = append(queues[g], i)
		}
	}
	for _, queue := range queues {
		slices.SortStableFunc(queue, func(i, j int) int { return cmp.Compare(own[j], own[i]) })
	}
	out, taken, have := make([]int, 0, len(of)), make([]bool, len(of)), make([]float64, len(shares))
	head := 0
	for len(out) < len(of) {
		for taken[head] {
			head++
		}
		for g := range queues {
			for len(queues[g]) > 0 && taken[queues[g][0]] {
				queues[g] = queues[g][1:]
			}
		}
		next := head
		if g := lacking(queues, shares, have, len(out)+1); g >= 0 && g != of[head] {
			next = queues[g][0]
		}
		taken[next] = true
		if g := of[next]; g >= 0 {
			have[g]++
		}
		out = append(out, next)
	}
	return out
}

// Vary gives scores in whose order the first papers of each interest differ, for
// Proportional. The papers nearest to a single like are near each other, and if one is not
// what the like stands for, none is; so each next one is that of the highest score less
// what it loses for being like one before it (maximal marginal relevance: Carbonell and
// Goldstein 1998). of are the interests of the papers, own their scores, in deviations,
// and vectors their vectors, float32 [dim] each, unit length; own is left as it is.
func Vary(of []int, own []float64, vectors [][]float32, interests int) []float64 {
	out := slices.Clone(own)
	for g := range interests {
		var papers []int
		for i, interest := range of {
			if interest == g {
				papers = append(papers, i)
			}
		}
		if len(papers) < 2 {
			continue
		}
		slices.SortStableFunc(papers, func(a, b int) int { return cmp.Compare(own[b], own[a]) })
		best := own[papers[0]]
		for place, i := range varied(papers[:min(len(papers), variedOf)], own, vectors) {
			out[i] = best + float64(variedFirst-place)
		}
	}
	return out
}

// varied chooses papers that differ, best first.
func varied(papers []int, own []float64, vectors [][]float32) (chosen []int) {
	left, value := slices.Clone(papers), make(map[int]float64, len(papers))
	for _, i := range papers {
		value[i] = own[i]
	}
	for len(left) > 0 && len(chosen) < variedFirst {
		at := 0
		for k, i := range left {
			if value[i] > value[left[at]] {
				at = k
			}
		}
		next := left[at]
		left = slices.Delete(left, at, at+1)
		chosen = append(chosen, next)
		for _, i := range left {
			alike := math.Max(0, float64(vec.Dot(vectors[i], vectors[next]))-alikeFrom)
			value[i] = math.Min(value[i], own[i]-float64(alikeCost*alike))
		}
	}
	return chosen
}

// lacking is the interest that lacks the greatest part of its share of the first n, at
// least leastLacking papers, and has papers left; but first one that lacks a whole paper,
// of which the one that lacks most. Of equals it is the one that has fewer. It is -1 if
// none does.
func lacking(queues [][]int, shares, have []float64, n int) int {
	const rounding = 1e-9
	at, most := -1, [2]float64{}
	for g, share := range shares {
		missing := share*float64(n) - have[g]
		if len(queues[g]) == 0 || missing < leastLacking-rounding {
			continue
		}
		part := [2]float64{0, missing / share}
		if missing > 1-rounding {
			part = [2]float64{missing, 0}
		}
		order := cmp.Or(compare(part[0], most[0]), compare(part[1], most[1]))
		if at < 0 || order > 0 || order == 0 && have[g] < have[at] {
			at, most = g, part
		}
	}
	return at
}

// compare is cmp.Compare of what may differ by rounding.
func compare(a, b float64) int {
	const rounding = 1e-9
	if math.Abs(a-b) < rounding {
		return 0
	}
	return cmp.Compare(a, b)
}

// Descend raises scores where one is not above the next, by as little as can be, so
// that they fall from one to the next.
func Descend(scores []float64) {
	for i := len(scores) - 2; i >= 0; i-- {
		if scores[i] <= scores[i+1] {
			scores[i] = math.Nextafter(scores[i+1], math.Inf(1))
		}
	}
}
