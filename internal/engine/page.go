package engine

import (
	"context"
	"time"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

// pinned is the list that the first page of a query fixed.
type pinned struct {
	key    requestKey
	hits   []rank.Hit
	answer Answer // without results
	// What follows is as in draft; decays and groupOf are parallel to hits.
	drivers   drivers
	collapsed map[string][]catalog.Collapsed
	words     catalog.Words
	decays    []float64
	groupOf   []int32
	tally     tally
	// trends are parallel to hits, of a list that is ordered by them.
	trends []rank.Trend
}

// hydrated is how many results are read at a time.
const hydrated = 64

// page hydrates one page of a list: as many results as it asks for and as fit.
// Papers that were deleted since the list was made, or changed so that they are not
// what it found, are left out; ranks stay. changed is how many they are.
func (a *asking) page(ctx context.Context, q *query, list *pinned, at token) (_ *Answer, changed int, err error) {
	ctx, done := a.stage(ctx, "hydrate")
	defer done()
	begin, offset := time.Now(), at.offset
	end := min(offset+q.options.PageSize, len(list.hits))
	out := list.answer
	for from := offset; from < end; from += hydrated {
		results, err := a.hydrate(ctx, q, list, from, min(from+hydrated, end))
		if err != nil {
			return nil, 0, err
		}
		for i := range results {
			if q.options.Fits != nil && !q.options.Fits(&out, &results[i]) {
				end = results[i].Rank - 1
				break
			}
			out.Results = append(out.Results, results[i])
		}
	}
	changed = end - offset - len(out.Results)
	if end < len(list.hits) {
		out.NextPageToken = a.nextToken(ctx, list, at, end)
	}
	if out.Empty == 0 && len(out.Results) == 0 {
		out.Empty = LimitEnd
		if changed > 0 {
			out.Empty = LimitChanged
		}
	}
	out.Timing.Hydrate = time.Since(begin)
	return &out, changed, nil
}

// hydrate reads the results of a part of a list.
func (a *asking) hydrate(ctx context.Context, q *query, list *pinned, offset, end int) ([]Result, error) {
	hits := list.hits[offset:end]
	known, err := a.still(ctx, q, list, hits)
	if err != nil {
		return nil, err
	}
	var there []paper.Ref
	var results []Result
	for i, h := range hits {
		record := known[h.ID]
		if record == nil {
			continue
		}
		there = append(there, h.Ref())
		results = append(results, Result{
			Record: *record, Rank: offset + i + 1, Score: h.Score, Semantic: h.Semantic, Lexical: h.Lexical,
			DrivenBy: list.drivers[h.ID], Collapsed: list.standing(h.ID, known),
		})
		list.place(&results[len(results)-1])
	}
	if q.options.WithVectors {
		vectors, err := a.view.Vectors(ctx, there)
		if err != nil {
			return nil, err
		}
		for i, v := range vectors {
			results[i].Vector = v
		}
	}
	if q.options.Explain && list.words.Text != "" {
		matches, err := a.matcher().Matches(ctx, list.words, there)
		if err != nil {
			return nil, err
		}
		for i, m := range matches {
			results[i].Matches = m
		}
	}
	return results, a.explainBySentences(ctx, q, list.drivers, there, results)
}

// place fills in what a result has by its place in the list.
func (p *pinned) place(r *Result) {
	at := r.Rank - 1
	if p.decays != nil {
		r.Recency = p.decays[at]
	}
	if p.groupOf != nil {
		r.Group = p.answer.Groups[p.groupOf[at]].Key
	}
}

// still gives the records of hits, and of what they stand for, by id: of those
// that the list would still have.
func (a *asking) still(ctx context.Context, q *query, list *pinned, hits []rank.Hit) (map[string]*paper.Record, error) {
	refs := refsOf(hits)
	for _, h := range hits {
		for _, c := range list.collapsed[h.ID] {
			refs = append(refs, c.Ref)
		}
	}
	madeBy := catalog.MadeBy{Sequence: list.answer.Sequence, Restriction: q.options.restriction(), Words: list.words}
	records, err := a.rechecker(madeBy.Sequence).Still(ctx, madeBy, refs)
	if err != nil {
		return nil, err
	}
	known := make(map[string]*paper.Record, len(records))
	for _, r := range records {
		if r != nil {
			known[r.ID] = r
		}
	}
	return known, nil
}

// standing gives what a hit stands for, without papers that are not known any
// more.
func (p *pinned) standing(id string, known map[string]*paper.Record) (out []catalog.Collapsed) {
	for _, c := range p.collapsed[id] {
		if known[c.ID] != nil {
			out = append(out, c)
		}
	}
	return out
}
