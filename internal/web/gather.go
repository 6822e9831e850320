package web

import (
	"context"

	akinv1 "akin/proto/akin/v1"
)

// kept counts the papers that a filter keeps.
func (s *Site) kept(ctx context.Context, filter string) (int, error) {
	resp, err := s.client.Papers.ListDays(ctx, &akinv1.ListDaysRequest{Filter: filter, PageSize: 1})
	return int(resp.GetPaperCount()), err
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
