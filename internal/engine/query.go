package engine

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	catalog "akin/internal/catalog/local"
	"akin/internal/paper"
)

// query is what the three kinds of query have in common.
type query struct {
	name       string
	collection string
	options    ResultOptions
	// parts tell two requests apart: a page token only fits its own.
	parts []string
	// vector makes the query vector, for queries that are one.
	vector func(ctx context.Context, collection string, a *Answer) ([]float32, error)
	// words makes the lexical side of a query that goes by words.
	words func(ctx context.Context, collection string) (catalog.Words, error)
	mode  Mode
	// fusion is how the sides become one list.
	fusion Fusion
	// rank makes the list of any other query: hits, best first.
	rank func(ctx context.Context, q *query, list *pinned) (catalog.Found, error)
	// against says what results are compared with, sentence by sentence.
	against against
	// rerank is how many of the first results are ordered anew by that.
	rerank int
	// leaveOut are ids that must not be among the results, and ownTexts texts whose
	// papers must not.
	leaveOut []string
	ownTexts [][2]string
	// identify turns what the request calls papers into their ids.
	identify func(ctx context.Context, q *query) error
	// excluded is what a search excludes, for a list that goes by meaning alone;
	// asksNothing says that there is nothing else in the query.
	excluded    string
	asksNothing bool
	// wordsField and ownField are the request's fields that words and leaveOut
	// come from.
	wordsField, ownField string
	// decays are the recency of papers by id, where it was asked for.
	decays map[string]float64
}

func (q *query) check() (err error) {
	if q.collection, err = collectionOf(q.collection); err != nil {
		return err
	}
	if q.options.MinScore != nil && q.mode == Lexical {
		return paper.InvalidField("min_score", "is a cosine, which a lexical query does not have; leave it out, or use another mode")
	}
	if err := checkRerank(q.rerank); err != nil {
		return err
	}
	return q.options.check()
}

// check says what is wrong with the options, and fills in defaults.
func (o *ResultOptions) check() error {
	switch {
	case o.PageSize < 0:
		return paper.InvalidField("page_size", "is %d; it must not be negative (0 means %d, at most %d)", o.PageSize, DefaultPageSize, MaxPageSize)
	case o.PageSize == 0:
		o.PageSize = DefaultPageSize
	case o.PageSize > MaxPageSize:
		o.PageSize = MaxPageSize
	}
	if math.IsNaN(o.Diversity) || o.Diversity < 0 || o.Diversity > 1 {
		return paper.InvalidField("diversity", "is %v; it must be between 0, which is off, and 1", o.Diversity)
	}
	if d, err := paper.ParseDate(o.AsOf); o.AsOf != "" && (err != nil || d.Day == 0 || d.Year == 0 || d.String() != o.AsOf) {
		return paper.InvalidField("as_of", "is %.40q; write a day as YYYY-MM-DD", o.AsOf)
	}
	if s := o.MinScore; s != nil && (math.IsNaN(*s) || *s < -1 || *s > 1) {
		return paper.InvalidField("min_score", "is %v; it is a cosine, between -1 and 1", *s)
	}
	if err := o.checkEvidence(); err != nil {
		return err
	}
	return o.checkShape()
}

// key has everything of the options that shapes the list; the page size does not.
func (o *ResultOptions) key() []string {
	minScore := "none"
	if s := o.MinScore; s != nil {
		minScore = number(*s)
	}
	return append([]string{minScore, strconv.FormatBool(o.Exact), o.Filter, o.AsOf, number(o.Diversity), strconv.FormatBool(o.KeepVersions)}, o.shapeKey()...)
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// digest tells two requests apart: a page token only fits its own.
func (q *query) digest() [sha256.Size]byte {
	h := sha256.New()
	for _, part := range slices.Concat([]string{q.name, q.collection}, q.options.key(), q.parts) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// answer runs a query, or continues one that a page token names.
func (e *asking) answer(ctx context.Context, q query) (*Answer, error) {
	if err := e.needCatalog(); err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	list, at, err := e.resume(&q)
	if err != nil {
		return nil, err
	}
	if q.identify != nil {
		// A list that there is already outlives the papers that it was made from.
		if err := q.identify(ctx, &q); err != nil && (list == nil || paper.KindOf(err) != paper.NotFound) {
			return nil, err
		}
	}
	if list == nil {
		if list, err = e.find(ctx, &q); err != nil {
			return nil, err
		}
		if err := at.check(list); err != nil {
			return nil, err
		}
	}
	a, err := e.page(ctx, &q, list, at)
	if err != nil {
		return nil, err
	}
	a.Limits, err = e.limits(ctx, &q, list, a.changed)
	return a, err
}

// find makes the whole list of a query.
func (e *asking) find(ctx context.Context, q *query) (*pinned, error) {
	list := &pinned{digest: q.digest()}
	switch {
	case q.asksNothing:
		q.rank = e.nothing
	case q.rank != nil:
	case q.words != nil && q.mode != Semantic:
		q.rank = e.blended
	default:
		q.rank = e.nearest
	}
	found, err := q.rank(ctx, q, list)
	if err != nil {
		return nil, err
	}
	if err := e.leaveOutTexts(ctx, q, found.Hits); err != nil {
		return nil, err
	}
	stats, err := e.catalog.Stats(ctx, q.collection)
	if err != nil {
		return nil, err
	}
	a := &list.answer
	a.Strategy, a.Visited, a.Sequence, a.Candidates = found.Strategy, found.Visited, found.Sequence, len(found.Hits)
	list.lost.count(q, found.Hits)
	list.hits, a.Empty = q.cut(found.Hits, list.lost)
	if err := e.freshen(ctx, q, list.hits); err != nil {
		return nil, err
	}
	list.hits = list.hits[:min(len(list.hits), MaxResults)]
	if err := e.collapse(ctx, q, list); err != nil {
		return nil, err
	}
	if err := e.rerank(ctx, q, list); err != nil {
		return nil, err
	}
	list.forget()
	if err := e.diversify(ctx, q, list.hits); err != nil {
		return nil, err
	}
	if err := e.group(ctx, q, list); err != nil {
		return nil, err
	}
	list.keepDecays(q)
	switch {
	case stats.Papers == 0:
		a.Empty = CollectionEmpty
	case found.Kept == 0 && q.options.Filter == "":
		a.Empty = TooEarly
	case found.Kept == 0:
		a.Empty = Filtered
	default:
		a.Selectivity = float64(found.Kept) / float64(stats.Papers)
	}
	return list, nil
}

// nearest ranks by the cosine to one vector.
func (e *asking) nearest(ctx context.Context, q *query, list *pinned) (catalog.Found, error) {
	vector, err := q.vector(ctx, q.collection, &list.answer)
	if err != nil {
		return catalog.Found{}, err
	}
	begin := time.Now()
	defer func() { list.answer.Timing.Search = time.Since(begin) }()
	found, err := e.catalog.Neighbors(ctx, q.collection, q.neighbors(vector, MaxResults+len(q.leaveOut)))
	if err == nil && q.excluded != "" {
		found.Hits, err = e.leaveOutExcluded(ctx, q, list, found.Hits)
	}
	return found, err
}

// neighbors asks for the k papers nearest to a vector, as the query's options
// say.
func (q *query) neighbors(vector []float32, k int) catalog.Neighbors {
	return catalog.Neighbors{Vector: vector, K: k, Exact: q.options.Exact, Filter: q.options.Filter, AsOf: q.options.AsOf}
}
