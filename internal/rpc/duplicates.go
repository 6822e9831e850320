package rpc

import (
	"akin/internal/catalog"
	"akin/internal/dedup"
	"akin/internal/engine"
	akinv1 "akin/proto/akin/v1"
)

// FindDuplicates implements SearchService.
func (s *searchService) FindDuplicates(req *akinv1.FindDuplicatesRequest, stream akinv1.SearchService_FindDuplicatesServer) error {
	query := engine.FindDuplicates{Collection: req.GetCollection(), Filter: req.GetFilter(), MinSimilarity: req.MinSimilarity}
	return s.server.engine.FindDuplicates(stream.Context(), query, func(found engine.FoundDuplicates) error {
		resp := &akinv1.FindDuplicatesResponse{Sequence: found.Sequence, TotalSize: found.Total, PapersCompared: uint32(found.Compared)}
		if len(found.Group) > 0 {
			resp.Groups = []*akinv1.DuplicateGroup{toGroup(found.Group)}
		}
		return stream.Send(resp)
	})
}

func toGroup(papers []catalog.Duplicate) *akinv1.DuplicateGroup {
	out := new(akinv1.DuplicateGroup)
	for _, p := range papers {
		out.Papers = append(out.Papers, &akinv1.DuplicatePaper{
			PaperId: p.Record.ID, Title: p.Record.Title, Reason: collapseReasons[p.Reason], Similarity: p.Similarity, Resemblance: p.Resemblance,
		})
	}
	return out
}

func toCollapsed(collapsed []catalog.Collapsed) []*akinv1.Collapsed {
	var out []*akinv1.Collapsed
	for _, c := range collapsed {
		out = append(out, &akinv1.Collapsed{PaperId: c.ID, Reason: collapseReasons[c.Reason], Similarity: c.Similarity})
	}
	return out
}

var collapseReasons = map[dedup.Reason]akinv1.CollapseReason{ //nolint:gochecknoglobals // a constant table
	dedup.None:        akinv1.CollapseReason_COLLAPSE_REASON_UNSPECIFIED,
	dedup.SameArxivID: akinv1.CollapseReason_COLLAPSE_REASON_SAME_ARXIV_ID,
	dedup.SameDOI:     akinv1.CollapseReason_COLLAPSE_REASON_SAME_DOI,
	dedup.SameTitle:   akinv1.CollapseReason_COLLAPSE_REASON_SAME_TITLE,
	dedup.SimilarText: akinv1.CollapseReason_COLLAPSE_REASON_SIMILAR_TEXT,
}
