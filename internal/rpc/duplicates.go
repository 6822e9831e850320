package rpc

import (
	"google.golang.org/protobuf/proto"

	"akin/internal/catalog"
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
		for _, piece := range toPieces(found.Group) {
			resp.Groups = []*akinv1.DuplicateGroup{piece}
			if err := stream.Send(resp); err != nil {
				return err
			}
		}
		return nil
	})
}

// groupBytes is the size after which a group goes on in another piece.
const groupBytes = 1 << 20

// toPieces gives a group in pieces that each begin with its first paper.
func toPieces(papers []catalog.Duplicate) (pieces []*akinv1.DuplicateGroup) {
	var first *akinv1.DuplicatePaper
	piece, size := new(akinv1.DuplicateGroup), 0
	for _, p := range papers {
		made := &akinv1.DuplicatePaper{
			PaperId: p.Record.ID, Title: p.Record.Title, Reason: collapseReasons[p.Reason], Relation: relations[p.Kind],
			Similarity: p.Similarity, Resemblance: p.Resemblance,
		}
		if first == nil {
			first = made
		}
		if n := proto.Size(made); size+n > groupBytes && len(piece.GetPapers()) > 1 {
			pieces = append(pieces, piece)
			piece, size = &akinv1.DuplicateGroup{Papers: []*akinv1.DuplicatePaper{first}}, proto.Size(first)
		}
		piece.Papers, size = append(piece.Papers, made), size+proto.Size(made)
	}
	return append(pieces, piece)
}

func toCollapsed(collapsed []catalog.Collapsed) []*akinv1.Collapsed {
	var out []*akinv1.Collapsed
	for _, c := range collapsed {
		out = append(out, &akinv1.Collapsed{PaperId: c.ID, Reason: collapseReasons[c.Reason], Relation: relations[c.Kind], Similarity: c.Similarity})
	}
	return out
}

var collapseReasons = map[catalog.MatchReason]akinv1.CollapseReason{ //nolint:gochecknoglobals // a constant table
	catalog.SameArxivID: akinv1.CollapseReason_COLLAPSE_REASON_SAME_ARXIV_ID,
	catalog.SameDOI:     akinv1.CollapseReason_COLLAPSE_REASON_SAME_DOI,
	catalog.SameTitle:   akinv1.CollapseReason_COLLAPSE_REASON_SAME_TITLE,
	catalog.SimilarText: akinv1.CollapseReason_COLLAPSE_REASON_SIMILAR_TEXT,
}

var relations = map[catalog.MatchKind]akinv1.Relation{ //nolint:gochecknoglobals // a constant table
	catalog.SameWork:     akinv1.Relation_RELATION_SAME_WORK,
	catalog.OtherVersion: akinv1.Relation_RELATION_VERSION,
	catalog.Sequel:       akinv1.Relation_RELATION_SEQUEL,
	catalog.SameAbstract: akinv1.Relation_RELATION_SAME_ABSTRACT,
}
