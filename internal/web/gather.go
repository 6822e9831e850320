package web

import (
	"context"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	akinv1 "akin/proto/akin/v1"
)

// kept counts the papers that a filter keeps.
func (s *Site) kept(ctx context.Context, filter string) (int, error) {
	resp, err := s.client.Papers.ListDays(ctx, &akinv1.ListDaysRequest{Filter: filter, PageSize: 1})
	return int(resp.GetPaperCount()), err
}

// gather gives the papers that a filter keeps, the newest first and at most sample, and
// how many it keeps.
func (s *Site) gather(ctx context.Context, filter string, fields *fieldmaskpb.FieldMask) ([]*akinv1.Paper, int, error) {
	n, err := s.kept(ctx, filter)
	if err != nil || n == 0 {
		return nil, 0, err
	}
	resp, err := s.client.Papers.ListPapers(ctx, &akinv1.ListPapersRequest{OrderBy: byDay, PageSize: sample, Filter: filter, ReadMask: fields})
	return resp.GetPapers(), n, err
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
