package engine

import (
	"context"
	"time"

	"akin/internal/catalog"
	"akin/internal/rank"
)

// trendRequest is what shapes a trending list.
type trendRequest struct{ Collection, Filter, Signal, Day, Window string }

func (q *List) trendKey(collection string) requestKey {
	return keyOf(trendRequest{collection, q.Filter, q.Signal, q.Day.String(), (time.Duration(q.Window) * time.Minute).String()})
}

// listByTrend gives a page of a list that its first page fixes.
func (a *asking) listByTrend(ctx context.Context, q *List) (Listed, error) {
	key := q.trendKey(a.info.Collection)
	var at token
	var list *pinned
	if q.After != "" {
		var ok bool
		if at, ok = parseToken(q.After); !ok {
			return Listed{}, badToken("is none that this server gave")
		}
		if at.pinned {
			var err error
			if list, err = a.keptList(ctx, at.name); err != nil {
				return Listed{}, err
			}
			if list == nil || list.key != key || at.offset > len(list.hits) {
				return Listed{}, badToken("is unknown, of another request, or older than %s", pageTTL)
			}
		}
	}
	if list == nil {
		var err error
		if list, err = a.trending(ctx, q, key); err != nil {
			return Listed{}, err
		}
		if err := at.check(list); err != nil {
			return Listed{}, err
		}
	}
	return a.trendPage(ctx, q, list, at)
}

// trending makes a list: what trends, and behind it the newest, without what is of a
// later day than the window.
func (a *asking) trending(ctx context.Context, q *List, key requestKey) (*pinned, error) {
	end := time.Now()
	if !q.Day.IsZero() {
		if last := q.Day.Start().AddDate(0, 0, 1); last.Before(end) {
			end = last
		}
	}
	var failed error
	signalled := func(yield func(rank.Signalled) bool) {
		for s, err := range a.days().Signalled(ctx, q.Filter) {
			if failed = err; err != nil || (q.Day.IsZero() || s.Day.Compare(q.Day) <= 0) && !yield(s) {
				return
			}
		}
	}
	list := &pinned{key: key, answer: Answer{Sequence: a.info.Sequence}}
	there := make(map[string]bool)
	window := rank.Window{End: end.Unix() / 60, Length: int64(q.Window), Signal: q.Signal}
	for _, t := range rank.Trends(signalled, window, MaxResults) {
		there[t.ID] = true
		list.hits = append(list.hits, rank.Hit{ID: t.ID, Handle: t.Handle, Score: t.Score})
		list.trends = append(list.trends, t.Trend)
	}
	if failed != nil || len(list.hits) == MaxResults {
		return list, failed
	}
	for p, err := range a.days().Newest(ctx, catalog.Newest{Filter: q.Filter, Until: q.Day}) {
		if err != nil {
			return nil, err
		}
		if there[p.ID] {
			continue
		}
		list.hits = append(list.hits, rank.Hit{ID: p.ID, Handle: p.Handle})
		list.trends = append(list.trends, rank.Trend{})
		if len(list.hits) == MaxResults {
			break
		}
	}
	return list, nil
}

// trendPage reads a page of a list. Papers that were deleted since, or that the filter
// does not keep any more, are left out.
func (a *asking) trendPage(ctx context.Context, q *List, list *pinned, at token) (Listed, error) {
	out := Listed{Total: a.info.Papers}
	madeBy := catalog.MadeBy{Sequence: list.answer.Sequence, Restriction: catalog.Restriction{Filter: q.Filter}}
	end := at.offset
	for end < len(list.hits) && len(out.Papers) < q.Size {
		refs := refsOf(list.hits[end:min(end+readChunk, end+q.Size-len(out.Papers), len(list.hits))])
		records, err := a.rechecker(madeBy.Sequence).Still(ctx, madeBy, refs)
		if err != nil {
			return Listed{}, err
		}
		for _, r := range records {
			if r != nil {
				if q.Fits != nil && !q.Fits(r, list.trends[end]) {
					out.Next = a.nextToken(ctx, list, at, end)
					return out, nil
				}
				out.Papers = append(out.Papers, *r)
				out.Trends = append(out.Trends, list.trends[end])
			}
			end++
		}
	}
	if end < len(list.hits) {
		out.Next = a.nextToken(ctx, list, at, end)
	}
	return out, nil
}
