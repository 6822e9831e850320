package engine

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	catalog "akin/internal/catalog/local"
	"akin/internal/paper"
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
	// tasteWeight is the semantic side's share of a hybrid taste; docs/quality.md
	// has what it was chosen by.
	tasteWeight = 0.5
	// usualPapers is how many papers of the collection say how similarities are
	// spread.
	usualPapers = 500
	// leastWeight is what age leaves of an example's weight.
	leastWeight = 1e-6
)

// Recommend answers a taste.
func (e *Engine) Recommend(ctx context.Context, req RecommendRequest) (*Answer, error) {
	a := e.ask()
	defer a.close()
	return a.recommend(ctx, req)
}

func (e *asking) recommend(ctx context.Context, req RecommendRequest) (*Answer, error) {
	q := query{name: "recommend", collection: req.Collection, options: req.ResultOptions, parts: []string{strconv.Itoa(int(req.Strategy)), number(req.HalfLifeDays)}, ownField: "positive"}
	if len(req.Positive) == 0 {
		return nil, paper.InvalidField("positive", "is empty; give 1 to %d liked papers", MaxExamples)
	}
	for _, list := range []struct {
		field    string
		examples []Example
	}{{"positive", req.Positive}, {"negative", req.Negative}} {
		if err := checkExamples(list.field, list.examples); err != nil {
			return nil, err
		}
		q.parts = append(q.parts, list.field)
		for _, x := range list.examples {
			q.parts = append(q.parts, x.key()...)
		}
	}
	if err := distinct(req.Positive, req.Negative); err != nil {
		return nil, err
	}
	req.Positive, req.Negative = slices.Clone(req.Positive), slices.Clone(req.Negative)
	if err := req.age(); err != nil {
		return nil, err
	}
	level(req.Positive, req.Negative)
	q.identify = func(ctx context.Context, q *query) error {
		if err := e.identify(ctx, q.collection, namedExamples("positive", req.Positive), namedExamples("negative", req.Negative)); err != nil {
			return err
		}
		all := slices.Concat(req.Positive, req.Negative)
		q.leaveOut, q.ownTexts = idsOf(all), textsOf(all...)
		return distinct(req.Positive, req.Negative) // under whatever names
	}
	q.against = e.againstExamples(req.Positive)
	if req.Strategy == MeanVector {
		q.vector = func(ctx context.Context, collection string, _ *Answer) ([]float32, error) {
			return e.combine(ctx, collection, "positive", req.Positive, "negative", req.Negative)
		}
		return e.answer(ctx, q)
	}
	q.rank = func(ctx context.Context, q *query, list *pinned) (catalog.Found, error) {
		return e.taste(ctx, q, list, req)
	}
	return e.answer(ctx, q)
}

// age lowers the weights of examples by how much older they are than the newest.
func (r *RecommendRequest) age() error {
	if r.HalfLifeDays == 0 {
		return nil
	}
	if math.IsNaN(r.HalfLifeDays) || r.HalfLifeDays < 0 || r.HalfLifeDays > MaxHalfLifeDays {
		return paper.InvalidField("half_life_days", "is %v; it must be above 0 and at most %d days, or 0, which is off", r.HalfLifeDays, MaxHalfLifeDays)
	}
	var newest time.Time
	for _, list := range [][]Example{r.Positive, r.Negative} {
		for _, x := range list {
			if x.Time.After(newest) {
				newest = x.Time
			}
		}
	}
	if newest.IsZero() {
		return paper.InvalidField("half_life_days", "is %v, but no example has a time; say when they were liked, or leave it out", r.HalfLifeDays)
	}
	for _, list := range [][]Example{r.Positive, r.Negative} {
		for i := range list {
			x := &list[i]
			if x.Weight == 0 {
				x.Weight = 1
			}
			if !x.Time.IsZero() {
				x.Weight *= math.Max(leastWeight, math.Exp2(-newest.Sub(x.Time).Hours()/24/r.HalfLifeDays))
			}
		}
	}
	return nil
}

// level makes the heaviest like count 1, since only the ratios of their weights
// matter, and nothing less than a millionth of that.
func level(likes, dislikes []Example) {
	heaviest := 0.0
	for _, x := range likes {
		heaviest = math.Max(heaviest, x.weight())
	}
	for i := range likes {
		likes[i].Weight = math.Max(leastWeight, likes[i].weight()/heaviest)
	}
	for i := range dislikes {
		dislikes[i].Weight = math.Max(leastWeight, dislikes[i].weight())
	}
}

// tasted is what a taste is judged by.
type tasted struct {
	likes, dislikes []rank.Weighted
	// asked are the likes that were asked for neighbours.
	asked []rank.Weighted
}

// taste ranks what is near the likes by all of them.
func (e *asking) taste(ctx context.Context, q *query, list *pinned, req RecommendRequest) (catalog.Found, error) {
	var t tasted
	var err error
	if t.likes, err = e.resolve(ctx, q.collection, "positive", req.Positive); err != nil {
		return catalog.Found{}, err
	}
	if t.dislikes, err = e.resolve(ctx, q.collection, "negative", req.Negative); err != nil {
		return catalog.Found{}, err
	}
	begin := time.Now()
	defer func() { list.answer.Timing.Search = time.Since(begin) }()
	step := max(1, (len(t.likes)+likesAsked-1)/likesAsked)
	for i := 0; i < len(t.likes); i += step {
		t.asked = append(t.asked, t.likes[i])
	}
	found, err := e.catalog.Recall(ctx, q.collection, q.neighbors(nil, 0), q.around(&t))
	if err != nil {
		return catalog.Found{}, err
	}
	if err := e.leaveOutTexts(ctx, q, found.Hits); err != nil {
		return catalog.Found{}, err
	}
	list.lost.dropped = q.withoutExamples(&found)
	if most := max(leastJudged, min(mostJudged, mostCompared/(len(t.likes)+len(t.dislikes)))); len(found.Hits) > most {
		if err := t.choose(ctx, &found, most); err != nil {
			return catalog.Found{}, err
		}
	}
	top := rank.TopLikes
	if req.Strategy == BestScore {
		top = 1
	}
	parts, err := t.judge(ctx, &found, top)
	if err != nil {
		return catalog.Found{}, err
	}
	list.drivers = make(map[string][]rank.Contribution, len(found.Hits))
	for i, h := range found.Hits {
		list.drivers[h.ID] = parts[i]
	}
	switch req.Strategy {
	case HybridMean:
		err = e.weighWords(ctx, q.collection, req, &t, parts, &found)
	case Machine:
		err = e.separate(ctx, q, req, &t, &found)
	default:
	}
	if err != nil {
		return catalog.Found{}, err
	}
	rank.Sort(found.Hits)
	return catalog.Found{Hits: found.Hits, Strategy: found.Strategy, Visited: found.Visited, Kept: found.Kept, Sequence: found.Sequence}, nil
}

// withoutExamples drops the examples from what was found, and says how many there
// were.
func (q *query) withoutExamples(found *catalog.Recalled) int {
	before := len(found.Hits)
	own := make(map[string]bool, len(q.leaveOut))
	for _, id := range q.leaveOut {
		own[id] = true
	}
	found.Keep(func(i int) bool { return !own[found.Hits[i].ID] })
	return before - len(found.Hits)
}

// judge sets the semantic parts of the hits, by all examples, and tells what they
// are made of.
func (t *tasted) judge(ctx context.Context, found *catalog.Recalled, top int) ([][]rank.Contribution, error) {
	likes, dislikes := rank.NewExamples(t.likes), rank.NewExamples(t.dislikes)
	parts := make([][]rank.Contribution, len(found.Hits))
	var a, b rank.Scratch
	for i := range found.Hits {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v := found.Vectors[i]
		parts[i] = rank.Contributions(likes.Similarities(v, &a), dislikes.Similarities(v, &b), top)
		found.Hits[i].Semantic = rank.Sum(parts[i])
		found.Hits[i].Score = found.Hits[i].Semantic
	}
	return parts, nil
}

// choose keeps the candidates that are nearest to the likes that were asked.
func (t *tasted) choose(ctx context.Context, found *catalog.Recalled, most int) error {
	few := tasted{likes: t.asked}
	if _, err := few.judge(ctx, found, rank.TopLikes); err != nil {
		return err
	}
	scores := make([]float64, len(found.Hits))
	for i, h := range found.Hits {
		scores[i] = h.Score
	}
	slices.Sort(scores)
	least := scores[max(0, len(scores)-most)]
	found.Keep(func(i int) bool { return found.Hits[i].Score >= least })
	return nil
}

// allTerms gives the tf-idf vectors of examples, nil for those that are texts.
func (e *asking) allTerms(ctx context.Context, collection string, examples []Example) ([][]rank.Term, error) {
	var ids []string
	for _, x := range examples {
		if x.Text == nil {
			ids = append(ids, x.PaperID)
		}
	}
	known, err := e.catalog.Terms(ctx, collection, ids)
	out := make([][]rank.Term, len(examples))
	for i, x := range examples {
		if x.Text == nil {
			out[i] = known[x.PaperID]
		}
	}
	return out, err
}

// terms gives the tf-idf vectors of examples that are papers, and their weights.
func (e *asking) terms(ctx context.Context, collection string, examples []Example) (terms [][]rank.Term, weights []float64, err error) {
	all, err := e.allTerms(ctx, collection, examples)
	if err != nil {
		return nil, nil, err
	}
	for i, x := range examples {
		if x.Text == nil {
			terms, weights = append(terms, all[i]), append(weights, x.weight())
		}
	}
	return terms, weights, nil
}

// termsOf gives the tf-idf vectors of what was found.
func (e *asking) termsOf(ctx context.Context, collection string, found *catalog.Recalled) ([][]rank.Term, error) {
	ordinals := make([]uint32, len(found.Hits))
	for i, h := range found.Hits {
		ordinals[i] = h.Ordinal
	}
	return e.catalog.TermsAt(ctx, collection, ordinals)
}

// weighWords makes the scores hybrid: the likes' part of the vectors and that of
// words, standardised by a sample of the collection and weighed; what a dislike
// takes away is taken away after that, so that it raises nothing. Examples that
// are texts have no part in the words.
func (e *asking) weighWords(ctx context.Context, collection string, req RecommendRequest, t *tasted, parts [][]rank.Contribution, found *catalog.Recalled) error {
	terms, weights, err := e.terms(ctx, collection, req.Positive)
	if err != nil || len(terms) == 0 {
		return err
	}
	words := rank.NewTermExamples(terms, weights)
	usual, err := e.catalog.Background(ctx, collection, usualPapers)
	if err != nil {
		return err
	}
	usualParts, err := t.judge(ctx, &usual, rank.TopLikes)
	if err != nil {
		return err
	}
	reference, _, err := e.nearAndWords(ctx, collection, usualParts, &usual, words)
	if err != nil {
		return err
	}
	papers, penalty, err := e.nearAndWords(ctx, collection, parts, found, words)
	if err != nil {
		return err
	}
	for i, score := range rank.FuseTaste(papers, reference, penalty, tasteWeight) {
		found.Hits[i].Score, found.Hits[i].Lexical = score, papers.Words[i]
	}
	return nil
}

// nearAndWords splits what papers are judged by into what likes and dislikes have
// part in, and compares their words with those of the likes.
func (e *asking) nearAndWords(ctx context.Context, collection string, parts [][]rank.Contribution, found *catalog.Recalled, words *rank.TermExamples) (taste rank.Taste, penalty []float64, err error) {
	terms, err := e.termsOf(ctx, collection, found)
	if err != nil {
		return rank.Taste{}, nil, err
	}
	n := len(found.Hits)
	taste, penalty = rank.Taste{Near: make([]float64, n), Words: make([]float64, n)}, make([]float64, n)
	var scratch []float64
	for i := range found.Hits {
		for _, p := range parts[i] {
			if p.Liked {
				taste.Near[i] += p.Value
			} else {
				penalty[i] += p.Value
			}
		}
		taste.Words[i], scratch = words.Mean(terms[i], scratch)
	}
	return taste, penalty, nil
}

// around asks for what is near the likes: near their mean, and near each one, so
// that a taste of several kinds finds papers of every kind. The first goes deep
// enough to find something beside all examples.
func (q *query) around(t *tasted) []catalog.Probe {
	var probes []catalog.Probe
	if mean, err := rank.MeanVector(t.likes, nil); err == nil {
		probes = append(probes, catalog.Probe{Vector: mean, K: MaxResults + len(q.leaveOut)})
	}
	for _, like := range t.asked {
		probes = append(probes, catalog.Probe{Vector: like.Vector, K: nearLike + min(len(q.leaveOut), nearLike)})
	}
	return probes
}
