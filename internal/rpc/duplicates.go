package rpc

import (
	"google.golang.org/protobuf/proto"

	catalog "akin/internal/catalog/local"
	"akin/internal/dedup"
	"akin/internal/engine"
	akinv1 "akin/proto/akin/v1"
)

// FindDuplicates implements SearchService.
func (s *searchService) FindDuplicates(req *akinv1.FindDuplicatesRequest, stream akinv1.SearchService_FindDuplicatesServer) error {
	query := engine.FindDuplicates{Collection: req.GetCollection(), Filter: req.GetFilter(), MinSimilarity: req.MinSimilarity}
	return s.server.engine.FindDuplicates(stream.Context(), query, func(found engine.FoundDuplicates) error {
		resp := &akinv1.FindDuplicatesResponse{Sequence: found.Sequence, TotalSize: found.Total, PapersCompared: uint32(found.Compared)}
		if len(found.Group) == 0 {
			return stream.Send(resp)
		}
		for _, part := range toGroup(found.Group) {
			resp.Groups = []*akinv1.DuplicateGroup{part}
			if err := stream.Send(resp); err != nil {
				return err
			}
		}
		return nil
	})
}

// groupBytes is the size after which a group goes on in another part.
const groupBytes = 1 << 20

// toGroup gives a group in parts that each begin with its first paper.
func toGroup(papers []catalog.Duplicate) (parts []*akinv1.DuplicateGroup) {
	var first *akinv1.DuplicatePaper
	part, size := new(akinv1.DuplicateGroup), 0
	for _, p := range papers {
		made := &akinv1.DuplicatePaper{
			PaperId: p.Record.ID, Title: p.Record.Title, Reason: collapseReasons[p.Reason], Similarity: p.Similarity, Resemblance: p.Resemblance,
		}
		if first == nil {
			first = made
		}
		if n := proto.Size(made); size+n > groupBytes && len(part.GetPapers()) > 1 {
			parts = append(parts, part)
			part, size = &akinv1.DuplicateGroup{Papers: []*akinv1.DuplicatePaper{first}}, proto.Size(first)
		}
		part.Papers, size = append(part.Papers, made), size+proto.Size(made)
	}
	return append(parts, part)
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
