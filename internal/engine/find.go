package engine

import (
	"context"
	"time"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

// draft is a list in the making: what the stages hand on to each other.
type draft struct {
	query *query
	hits  []rank.Hit
	// kept is how many papers the restriction of the query keeps.
	kept uint32
	// own are the ids of the query's own papers, and of those that have one of its
	// texts once they are known.
	own []string
	// words is the lexical side of a query that goes by words, or excludes some.
	words catalog.Words
	// drivers are the contributions to each hit's score, where there are any.
	drivers drivers
	// collapsed are what hits stand for, by id.
	collapsed map[string][]catalog.Collapsed
	// decays are the recency of papers by id, where it was asked for.
	decays map[string]float64
	// groupOf are the hits' groups, where there are groups: positions in
	// answer.Groups.
	groupOf []int32
	tally   tally
	// answer is what is said of the list, without results.
	answer Answer
}

// drivers are the contributions of examples to the scores of papers, by id.
type drivers map[string][]rank.Contribution

// tally counts the papers that the stages took out of a list, which says why it is
// short.
type tally struct {
	// ownBefore are the query's own papers that were taken out while candidates were
	// still found, which Answer.Candidates does not count; own those that leaveOut
	// took out.
	ownBefore, own int
	// belowScore are those with a cosine below min_score, the best of which has
	// bestRefused.
	belowScore  int
	bestRefused float64
	// versions are those that others stand for, ungrouped those that the size of
	// their group leaves out.
	versions, ungrouped int
}

// stage is one step from candidates to a list.
type stage struct {
	name string
	run  func(*asking, context.Context, *draft) error
}

// stages are the steps, in order. Each is in the file of its name.
func stages() []stage {
	return []stage{
		{"candidates", (*asking).candidates},
		{"leave out", (*asking).leaveOut},
		{"recency", (*asking).recency},
		{"cut", (*asking).cut},
		{"versions", (*asking).collapseVersions},
		{"rerank", (*asking).rerank},
		{"diversify", (*asking).diversify},
		{"group", (*asking).group},
	}
}

// find makes the whole list of a query.
func (a *asking) find(ctx context.Context, q *query) (*pinned, error) {
	d := &draft{query: q}
	d.own, _ = q.asked.own()
	for _, s := range stages() {
		if err := s.run(a, ctx, d); err != nil {
			return nil, err
		}
	}
	d.answer.Sequence = a.info.Sequence
	d.answer.Empty = d.whyEmpty(a.info.Papers)
	if a.info.Papers > 0 {
		d.answer.Selectivity = float64(d.kept) / float64(a.info.Papers)
	}
	d.answer.Lacking = a.lacked(nil)
	return d.pin(), nil
}

// pin gives what page tokens page through.
func (d *draft) pin() *pinned {
	p := &pinned{
		key: d.query.key, hits: d.hits, answer: d.answer, words: d.words,
		collapsed: d.collapsed, groupOf: d.groupOf, tally: d.tally,
	}
	if d.drivers != nil { // of the list alone, not of all candidates
		p.drivers = make(drivers, len(d.hits))
		for _, h := range d.hits {
			p.drivers[h.ID] = d.drivers[h.ID]
		}
	}
	if d.decays != nil {
		p.decays = make([]float64, len(d.hits))
		for i, h := range d.hits {
			p.decays[i] = d.decays[h.ID]
		}
	}
	return p
}

// take makes the candidates those that a catalog found.
func (d *draft) take(found catalog.Found) {
	d.hits, d.kept = found.Hits, found.Kept
	d.answer.Strategy, d.answer.Visited = found.Strategy, found.Visited
}

// searching begins to measure the time of a search; the function that it gives
// ends that.
func (d *draft) searching() func() {
	begin := time.Now()
	return func() { d.answer.Timing.Search += time.Since(begin) }
}

// refsOf names the papers of hits.
func refsOf(hits []rank.Hit) []paper.Ref {
	out := make([]paper.Ref, len(hits))
	for i, h := range hits {
		out[i] = h.Ref()
	}
	return out
}
