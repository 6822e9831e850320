package engine

import (
	"context"
	"slices"

	"akin/internal/catalog"
	"akin/internal/rank"
)

const (
	// likesAsked is how many likes are asked for neighbours; of more, as many
	// are taken evenly from the list. All likes judge what was found.
	likesAsked = 64
	// nearLike is how many neighbours each of them brings in.
	nearLike = 200
	// mostJudged is how many candidates are judged by all likes and by words; the
	// likes that were asked choose them. With many likes there are fewer, so that
	// not more than mostCompared pairs are compared, but leastJudged at least.
	mostJudged   = 4 * MaxResults
	leastJudged  = 2 * MaxResults
	mostCompared = 10_000_000
)

// tasted is what a taste is judged by.
type tasted struct {
	likes, dislikes []rank.Weighted
	// asked are the likes that were asked for neighbours.
	asked []rank.Weighted
}

// bench gives what judges by the examples, whose likes fall into groups; nil is one.
func (t *tasted) bench(of []int, groups, top int) *rank.Bench {
	return rank.NewBench(rank.NewExamples(t.likes), rank.NewExamples(t.dislikes), of, groups, top)
}

// pool is papers with their vectors, parallel to them.
type pool struct {
	hits    []rank.Hit
	vectors [][]float32
}

// keep drops the papers whose positions it is not told to keep.
func (p *pool) keep(keep func(i int) bool) {
	n := 0
	for i := range p.hits {
		if keep(i) {
			p.hits[n], p.vectors[n] = p.hits[i], p.vectors[i]
			n++
		}
	}
	p.hits, p.vectors = p.hits[:n], p.vectors[:n]
}

// pool reads the vectors of papers, and drops a paper that has none.
func (a *asking) pool(ctx context.Context, hits []rank.Hit) (*pool, error) {
	vectors, err := a.view.Vectors(ctx, refsOf(hits))
	if err != nil {
		return nil, err
	}
	p := &pool{hits: hits, vectors: slices.Clone(vectors)}
	p.keep(func(i int) bool { return p.vectors[i] != nil })
	return p, nil
}

// background gives n papers that stand for the collection.
func (a *asking) background(ctx context.Context, sampler catalog.Sampler, n int) (*pool, error) {
	refs, err := sampler.Background(ctx, n)
	if err != nil {
		return nil, err
	}
	hits := make([]rank.Hit, len(refs))
	for i, r := range refs {
		hits[i] = rank.Hit{ID: r.ID, Handle: r.Handle}
	}
	return a.pool(ctx, hits)
}

// taste ranks what is near the likes by all examples.
func (a *asking) taste(ctx context.Context, d *draft, r *recommend) (err error) {
	var t tasted
	if t.likes, err = a.resolve(ctx, "positive", r.Positive); err != nil {
		return err
	}
	if t.dislikes, err = a.resolve(ctx, "negative", r.Negative); err != nil {
		return err
	}
	defer d.searching()()
	p, err := a.around(ctx, d, &t)
	if err != nil {
		return err
	}
	top := rank.TopLikes
	if r.Strategy == BestScore {
		top = 1
	}
	var contributions [][]rank.Contribution
	if r.Strategy == HybridMean {
		contributions, err = a.hybridTaste(ctx, r, &t, p)
	} else {
		contributions, err = p.judge(ctx, t.bench(nil, 1, top))
	}
	if err != nil {
		return err
	}
	d.drivers = make(drivers, len(p.hits))
	for i, h := range p.hits {
		d.drivers[h.ID] = contributions[i]
	}
	if r.Strategy == SVM {
		err = a.classify(ctx, d, r, &t, p)
	}
	rank.Sort(p.hits)
	d.hits = p.hits
	return err
}

// around finds the papers that a taste judges: those near the likes, without the
// query's own, and of too many the nearest.
func (a *asking) around(ctx context.Context, d *draft, t *tasted) (*pool, error) {
	step := max(1, (len(t.likes)+likesAsked-1)/likesAsked)
	for i := 0; i < len(t.likes); i += step {
		t.asked = append(t.asked, t.likes[i])
	}
	found, err := a.view.Nearest(ctx, catalog.Nearest{
		Probes: d.probes(t), Exact: d.query.options.Exact, Restriction: d.query.options.restriction(),
	})
	if err != nil {
		return nil, err
	}
	d.take(found)
	if d.tally.ownBefore, err = a.takeOutOwn(ctx, d); err != nil {
		return nil, err
	}
	// In an order that no score decides: sums over all of them come out the same.
	rank.SortByID(d.hits)
	p, err := a.pool(ctx, d.hits)
	if err != nil {
		return nil, err
	}
	if most := max(leastJudged, min(mostJudged, mostCompared/(len(t.likes)+len(t.dislikes)))); len(p.hits) > most {
		err = t.choose(ctx, p, most)
	}
	return p, err
}

// probes asks for what is near the likes: near their mean, and near each one, so
// that a taste of several kinds finds papers of every kind. The first goes deep
// enough to find something beside all examples.
func (d *draft) probes(t *tasted) []catalog.Probe {
	var probes []catalog.Probe
	if mean, err := rank.MeanVector(t.likes, nil); err == nil {
		probes = append(probes, catalog.Probe{Vector: mean, K: d.depth()})
	}
	for _, like := range t.asked {
		probes = append(probes, catalog.Probe{Vector: like.Vector, K: nearLike + min(len(d.own), nearLike)})
	}
	return probes
}

// judge sets the semantic scores of papers, by all examples of a bench, and tells what each
// example contributes.
func (p *pool) judge(ctx context.Context, bench *rank.Bench) ([][]rank.Contribution, error) {
	contributions, err := bench.Judge(ctx, p.vectors)
	if err != nil {
		return nil, err
	}
	for i, c := range contributions {
		p.hits[i].Semantic = rank.Sum(c)
		p.hits[i].Score = p.hits[i].Semantic
	}
	return contributions, nil
}

// judgeApart is judge for a taste of several interests. see sees the verdict on each
// paper, which holds until it returns, and gives the contributions that count.
func (p *pool) judgeApart(ctx context.Context, bench *rank.Bench, see func(i int, v *rank.Verdict) []rank.Contribution) ([][]rank.Contribution, error) {
	contributions := make([][]rank.Contribution, len(p.hits))
	err := bench.JudgeApart(ctx, p.vectors, func(i int, v *rank.Verdict) {
		contributions[i] = see(i, v)
		p.hits[i].Semantic = rank.Sum(contributions[i])
		p.hits[i].Score = p.hits[i].Semantic
	})
	return contributions, err
}

// choose keeps the candidates that are nearest to the likes that were asked.
func (t *tasted) choose(ctx context.Context, p *pool, most int) error {
	few := tasted{likes: t.asked}
	if _, err := p.judge(ctx, few.bench(nil, 1, rank.TopLikes)); err != nil {
		return err
	}
	scores := make([]float64, len(p.hits))
	for i, h := range p.hits {
		scores[i] = h.Score
	}
	slices.Sort(scores)
	least := scores[max(0, len(scores)-most)]
	p.keep(func(i int) bool { return p.hits[i].Score >= least })
	return nil
}
