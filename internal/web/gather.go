package web

import (
	"context"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	akinv1 "akin/proto/akin/v1"
)

// ListPapers reads papers in order of id until it has found enough that a filter keeps:
// over a large collection that takes seconds where they are few. Searches look them up
// in the index of attributes at once, so that lists of few papers are gathered by them,
// whatever they look for.

const (
	// noWord is looked for where only the count of a filter matters: no paper has it.
	noWord = "qxzjqvkwzx"
	// anyWord is looked for where the order does not matter.
	anyWord = "papers"
)

// kept counts the papers that a filter keeps.
func (s *Site) kept(ctx context.Context, filter string) (int, error) {
	resp, err := s.client.Search.Search(ctx, &akinv1.SearchRequest{
		Query: noWord, Mode: akinv1.Mode_MODE_LEXICAL, Filter: filter, PageSize: sample, ReadMask: mask("id"),
	})
	if err != nil {
		return 0, err
	}
	n := len(resp.GetResults())
	for _, l := range resp.GetLimitedBy() {
		if l.GetReason() == akinv1.LimitationReason_LIMITATION_REASON_WORDS { // it comes right after the filter
			n = int(l.GetKeptCount() + l.GetRemovedCount())
		}
	}
	return n, nil
}

// gather gives the papers that a filter keeps, the newest first, and how many it keeps:
// of more than sample, the first ones by id.
func (s *Site) gather(ctx context.Context, filter string, fields *fieldmaskpb.FieldMask) ([]*akinv1.Paper, int, error) {
	n, err := s.kept(ctx, filter)
	if err != nil || n == 0 {
		return nil, 0, err
	}
	var papers []*akinv1.Paper
	if n > sample {
		resp, err := s.client.Papers.ListPapers(ctx, &akinv1.ListPapersRequest{PageSize: sample, Filter: filter, ReadMask: fields})
		if err != nil {
			return nil, 0, err
		}
		papers = resp.GetPapers()
	} else {
		apart := false
		resp, err := s.client.Search.Search(ctx, &akinv1.SearchRequest{
			Query: anyWord, Mode: akinv1.Mode_MODE_SEMANTIC, Filter: filter, PageSize: sample, CollapseVersions: &apart, ReadMask: fields,
		})
		if err != nil {
			return nil, 0, err
		}
		for _, r := range resp.GetResults() {
			papers = append(papers, r.GetPaper())
		}
	}
	newestFirst(papers)
	return papers, n, nil
}

// whole gives papers of which only ids and dates are known with all that lists show, in
// the same order.
func (s *Site) whole(ctx context.Context, papers []*akinv1.Paper) ([]*akinv1.Paper, error) {
	if len(papers) == 0 {
		return nil, nil
	}
	ids := make([]string, len(papers))
	for i, p := range papers {
		ids[i] = p.GetId()
	}
	resp, err := s.client.Papers.BatchGetPapers(ctx, &akinv1.BatchGetPapersRequest{Ids: ids, ReadMask: listMask()})
	return resp.GetPapers(), err
}

// dated names what lists are ordered by.
func dated() *fieldmaskpb.FieldMask {
	return mask("id", "categories", "publish_date", "listed_dates", "day")
}
