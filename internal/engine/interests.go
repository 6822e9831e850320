package engine

import (
	"cmp"
	"context"
	"math"
	"slices"

	"akin/internal/catalog"
	"akin/internal/rank"
)

// How likes are told to be of one interest; docs/quality.md has what came of it.
const (
	// backgroundPairs is how many papers of the sample say how near papers of the
	// collection are to each other.
	backgroundPairs = 150
	// Likes are of one interest whose cosines are this many deviations above what is
	// usual in the collection, within bounds, which are those of models whose cosines use
	// their range (rank.Usual).
	interestDeviations = 2
	leastInterest      = .3
	mostInterest       = .42
	// nearDeviations is how near a paper must be, in the same way, that comes before
	// better ones so that an interest gets its share.
	nearDeviations = 1.5
	// ownWeight is the semantic side's share in how near a paper is to one interest: its
	// likes are few, and their words say less than those of all.
	ownWeight = .7
	// leastSpread is a deviation to divide by.
	leastSpread = 1e-6
)

// interested measures papers by the interests of a taste.
type interested struct {
	*tasted
	rank.Interests
	bench *rank.Bench
	// near is the cosine from which a paper may get a share.
	near float64
}

// measured is how near papers are to a taste, parallel to them.
type measured struct {
	all     rank.Taste
	penalty []float64
	// parts are what examples contribute: those of all, or, of a taste of several
	// interests, those of the one that a paper is nearest to, which is interest.
	parts    [][]rank.Contribution
	interest []int
	// each is how near papers are to every interest, where there are several.
	each []rank.Taste
}

// newInterested finds the interests of a taste.
func newInterested(t *tasted, usual *pool) *interested {
	u := rank.Background(usual.vectors[:min(backgroundPairs, len(usual.vectors))])
	least := math.Min(u.Cosine(mostInterest), math.Max(u.Cosine(leastInterest), u.Mean+interestDeviations*u.Deviation))
	i := &interested{tasted: t, Interests: rank.FindInterests(t.likes, least), near: u.Mean + nearDeviations*u.Deviation}
	if i.several() {
		i.bench = t.bench(i.Of, len(i.Shares), rank.TopLikes)
	} else {
		i.bench = t.bench(nil, 1, rank.TopLikes)
	}
	return i
}

// several says whether there is anything to share.
func (i *interested) several() bool { return len(i.Shares) > 1 }

// likedWords are the words of the likes that are papers; nil if there are none.
func (i *interested) likedWords(ctx context.Context, c catalog.Terms, likes []Example) (*rank.TermExamples, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // no words are no error
	}
	all, err := exampleTerms(ctx, c, likes)
	if err != nil {
		return nil, err
	}
	var terms [][]rank.Term
	var weights []float64
	var of []int
	for at, x := range likes {
		if x.Text == nil {
			terms, weights = append(terms, all[at]), append(weights, x.weight())
			of = append(of, i.Of[at])
		}
	}
	if !i.several() {
		return rank.NewTermExamples(terms, weights, nil, 1), nil
	}
	return rank.NewTermExamples(terms, weights, of, len(i.Shares)), nil
}

// measure tells apart what likes give to the scores of papers and what dislikes take
// away, by all likes and by those of each interest, and compares the papers' words with
// theirs. Which interest a paper is nearest to is told by the spreads of usual papers.
func (i *interested) measure(ctx context.Context, c catalog.Terms, words *rank.TermExamples, p *pool, usual []spread) (*measured, error) {
	m := i.empty(len(p.hits))
	var err error
	if i.several() {
		m.parts, err = p.judgeApart(ctx, i.bench, i.seeing(m, usual))
	} else if m.parts, err = p.judge(ctx, i.bench); err == nil {
		for at, parts := range m.parts {
			m.tell(at, parts)
		}
	}
	if err != nil {
		return nil, err
	}
	if words == nil {
		return m, nil
	}
	terms, err := c.TermsAmong(ctx, refsOf(p.hits), words.Terms())
	if err != nil {
		return nil, err
	}
	all, each, err := words.Means(ctx, terms)
	if err != nil {
		return nil, err
	}
	m.all.Words = all
	for g := range m.each {
		m.each[g].Words = each[g]
	}
	return m, nil
}

// empty has room for n papers.
func (i *interested) empty(n int) *measured {
	m := &measured{all: newTaste(n), penalty: make([]float64, n)}
	if i.several() {
		m.interest, m.each = make([]int, n), make([]rank.Taste, len(i.Shares))
		for g := range m.each {
			m.each[g] = newTaste(n)
		}
	}
	return m
}

func newTaste(n int) rank.Taste {
	return rank.Taste{Near: make([]float64, n), Words: make([]float64, n)}
}

// tell tells apart what likes give and what dislikes take away.
func (m *measured) tell(at int, parts []rank.Contribution) {
	for _, one := range parts {
		if one.Liked {
			m.all.Near[at] += one.Value
		} else {
			m.penalty[at] += one.Value
		}
	}
}

// seeing notes of each paper that is judged how near it is to all likes and to each
// interest. It gives what is to be said of the paper: the parts of the interest that it
// is nearest to.
func (i *interested) seeing(m *measured, usual []spread) func(at int, v *rank.Verdict) []rank.Contribution {
	return func(at int, v *rank.Verdict) []rank.Contribution {
		m.tell(at, v.All)
		m.penalty[at] += v.Dislike.Value
		nearest := math.Inf(-1)
		for g, parts := range v.Apart {
			near := rank.Sum(parts)
			m.each[g].Near[at] = near
			if usual != nil {
				near = (near - usual[g].mean) / usual[g].near
			}
			if near > nearest {
				nearest, m.interest[at] = near, g
			}
		}
		return v.Parts(m.interest[at])
	}
}

// spread is how usual papers lie about an interest: how near they are on average, and
// the deviations of that and of their words.
type spread struct{ mean, near, words float64 }

// spreads are those of each interest.
func (m *measured) spreads() []spread {
	out := make([]spread, len(m.each))
	for g, each := range m.each {
		out[g].mean, out[g].near = rank.Moments(each.Near)
		_, out[g].words = rank.Moments(each.Words)
		out[g].near, out[g].words = math.Max(out[g].near, leastSpread), math.Max(out[g].words, leastSpread)
	}
	return out
}

// share raises papers so that each interest has its share of every beginning of the
// list (rank.Proportional). Scores are raised with them.
func (i *interested) share(p *pool, m *measured, usual []spread) {
	if !i.several() {
		return
	}
	order := make([]int, len(p.hits))
	for at := range order {
		order[at] = at
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(p.hits[b].Score, p.hits[a].Score), cmp.Compare(p.hits[a].ID, p.hits[b].ID))
	})
	of, own := make([]int, len(order)), make([]float64, len(order))
	for place, at := range order {
		g := m.interest[at]
		near, words := m.each[g].Near[at], m.each[g].Words[at]
		own[place] = ownWeight*(near+m.penalty[at])/usual[g].near + (1-ownWeight)*words/usual[g].words
		if of[place] = g; near < i.near {
			of[place] = -1
		}
	}
	vectors := make([][]float32, len(order))
	for place, at := range order {
		vectors[place] = p.vectors[at]
	}
	places := rank.Proportional(of, rank.Vary(of, own, vectors, len(i.Shares)), i.Shares)
	scores := make([]float64, len(places))
	for to, place := range places {
		scores[to] = p.hits[order[place]].Score
	}
	rank.Descend(scores)
	for to, place := range places {
		p.hits[order[place]].Score = scores[to]
	}
}
