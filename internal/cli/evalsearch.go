package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/client"
	"akin/internal/eval"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// evalSearcher answers the queries of a data set through the API.
type evalSearcher struct {
	client *client.Client
	set    *eval.Dataset
	// vectors are those of the papers, if they are ready.
	vectors map[string][]float32

	strategy akinv1.RecommendStrategy
	mode     akinv1.Mode
	fusion   akinv1.Fusion
	rerank   int32
	// collapse is whether versions become one result: never, since each was
	// judged on its own.
	collapse bool
}

// load imports the papers of a data set. Papers that have no text cannot be
// found, as they could not by a user; it says how many.
func (s *evalSearcher) load(e *environment) error {
	papers := s.set.Papers
	p := e.newProgress("importing")
	p.total = len(papers)
	i, refused, space := 0, 0, ""
	if s.vectors != nil {
		info, err := s.client.Info.GetServerInfo(e.ctx, &akinv1.GetServerInfoRequest{})
		if err != nil {
			return err
		}
		space = info.GetSpace().GetFingerprint()
	}
	err := s.client.Import(e.ctx, func(context.Context) (*akinv1.ImportPapersRequest, error) {
		if i == len(papers) {
			return nil, io.EOF
		}
		i++
		req := &akinv1.ImportPapersRequest{Paper: wire.ToPaper(&papers[i-1])}
		if s.vectors != nil {
			req.Vector, req.Space = s.vectors[req.GetPaper().GetId()], space
		}
		return req, nil
	}, func(resp *akinv1.ImportPapersResponse) error {
		for _, o := range resp.GetOutcomes() {
			if o.GetError() != nil {
				refused++
			}
		}
		p.set(int(resp.GetAcknowledgedCount()), "")
		return nil
	})
	p.finish()
	if refused > 0 {
		fmt.Fprintf(e.errOut, "%d of %d papers have no text and cannot be found\n", refused, len(papers))
	}
	return err
}

// Search implements eval.Searcher.
func (s *evalSearcher) Search(ctx context.Context, q eval.Query, k int) ([]eval.Scored, error) {
	switch {
	case q.Text != "":
		resp, err := s.client.Search.Search(ctx, &akinv1.SearchRequest{
			Query: q.Text, PageSize: int32(k), Exact: true, Mode: s.mode, Fusion: s.fusion, Rerank: s.rerank,
			ReadMask: onlyIDs(), CollapseVersions: &s.collapse,
		})
		return scored(resp.GetResults()), err
	case len(q.Likes) > 0:
		req := &akinv1.RecommendRequest{PageSize: int32(k), Exact: true, Strategy: s.strategy, ReadMask: onlyIDs(), CollapseVersions: &s.collapse}
		for _, id := range q.Likes {
			req.Positive = append(req.Positive, &akinv1.Example{Example: &akinv1.Example_PaperId{PaperId: id}})
		}
		resp, err := s.client.Search.Recommend(ctx, req)
		return scored(resp.GetResults()), err
	case len(q.Candidates) > 0:
		return s.pool(ctx, q)
	default:
		resp, err := s.client.Search.Similar(ctx, &akinv1.SimilarRequest{
			PaperIds: []string{q.PaperID}, PageSize: int32(k), Exact: true, Mode: s.mode, Fusion: s.fusion, Rerank: s.rerank,
			ReadMask: onlyIDs(), CollapseVersions: &s.collapse,
		})
		return scored(resp.GetResults()), err
	}
}

func onlyIDs() *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: []string{"id"}} }

func scored(results []*akinv1.Result) []eval.Scored {
	out := make([]eval.Scored, len(results))
	for i, r := range results {
		out[i] = eval.Scored{ID: r.GetPaper().GetId(), Score: r.GetScore()}
	}
	return out
}

// mostPool is how many ids a filter can name.
const mostPool = 255

// pool ranks only the papers that were judged for a query: by a filter, or, where
// they are too many for one, by leaving the others out of a long list.
func (s *evalSearcher) pool(ctx context.Context, q eval.Query) ([]eval.Scored, error) {
	if len(q.Candidates) > mostPool {
		resp, err := s.client.Search.Similar(ctx, &akinv1.SimilarRequest{
			PaperIds: []string{q.PaperID}, PageSize: 1000, Exact: true, Mode: s.mode, Fusion: s.fusion, Rerank: s.rerank,
			ReadMask: onlyIDs(), CollapseVersions: &s.collapse,
		})
		return eval.Condense(scored(resp.GetResults()), q.Candidates), err
	}
	var ids strings.Builder
	for i, id := range q.Candidates {
		if i > 0 {
			ids.WriteString(" OR ")
		}
		ids.WriteString(strconv.Quote(id))
	}
	resp, err := s.client.Search.Similar(ctx, &akinv1.SimilarRequest{
		PaperIds: []string{q.PaperID}, PageSize: 1000, Exact: true, Mode: s.mode, Fusion: s.fusion, Rerank: s.rerank,
		ReadMask: onlyIDs(), CollapseVersions: &s.collapse,
		Filter: "id = (" + ids.String() + ")",
	})
	return scored(resp.GetResults()), err
}
