package engine

import (
	"context"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// query is a request that was checked, as the stages and the pages need it. It does
// not change while it is answered.
type query struct {
	key        requestKey
	collection string
	options    ResultOptions
	mode       Mode
	fusion     Fusion
	// rerank is how many of the first results are ordered anew by their sentences.
	rerank int
	// excluded is what a search excludes, and asksNothing says that there is nothing
	// else in it.
	excluded    string
	asksNothing bool
	// wordsField and ownField are the request's fields that its words and its own
	// papers come from.
	wordsField, ownField string
	asked                asked
}

// asked is what a search, more like this and recommendations each do in their own
// way.
type asked interface {
	// identify puts the ids of papers in place of what the request calls them. It
	// comes before all other methods.
	identify(ctx context.Context, a *asking) error
	// own are the ids of the query's own papers, and its own texts: neither may be
	// among the results.
	own() (ids []string, texts []catalog.Text)
	// candidates finds the list that the stages work on: the hits, best first.
	candidates(ctx context.Context, a *asking, d *draft) error
	// evidenceSources gives what each result is compared with sentence by sentence,
	// parallel to results; nil where that was deleted meanwhile. drivers are those of
	// the list.
	evidenceSources(ctx context.Context, a *asking, drivers drivers, results []paper.Ref) ([]*evidenceSource, error)
}

// answer runs a query, or continues one that a page token names.
func (a *asking) answer(ctx context.Context, q *query) (*Answer, error) {
	list, at, err := a.resume(ctx, q)
	if err != nil {
		return nil, err
	}
	// A list that there is already outlives the papers that it was made from.
	if err := q.asked.identify(ctx, a); err != nil && (list == nil || paper.KindOf(err) != paper.NotFound) {
		return nil, err
	}
	if list == nil {
		if list, err = a.find(ctx, q); err != nil {
			return nil, err
		}
		if err := at.check(list); err != nil {
			return nil, err
		}
	}
	out, changed, err := a.page(ctx, q, list, at)
	if err != nil {
		return nil, err
	}
	if out.Limits, err = a.limits(ctx, q, list, changed); err != nil {
		return nil, err
	}
	out.Lacking = a.lacked(out.Lacking)
	return out, nil
}
