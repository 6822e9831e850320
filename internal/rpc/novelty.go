package rpc

import (
	"context"

	"akin/internal/engine"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// GetNovelty implements SearchService.
func (s *searchService) GetNovelty(ctx context.Context, req *akinv1.GetNoveltyRequest) (*akinv1.GetNoveltyResponse, error) {
	a, err := s.server.engine.Novelty(ctx, engine.NoveltyRequest{
		Collection: req.GetCollection(), PaperIDs: req.GetPaperIds(), Text: fromText(req.GetText()), AsOf: req.GetAsOf(),
	})
	if err != nil {
		return nil, err
	}
	out := &akinv1.GetNoveltyResponse{
		ReferenceCount: int32(a.Reference), Sequence: a.Sequence,
		Query:   toQueryInfo(&engine.Answer{QueryTokens: a.QueryTokens, Truncated: a.Truncated}),
		Lacking: lacking(a.Lacking),
	}
	for i := range a.Papers {
		out.Novelties = append(out.Novelties, toNovelty(&a.Papers[i]))
	}
	return out, nil
}

func toNovelty(n *engine.Novelty) *akinv1.Novelty {
	out := &akinv1.Novelty{PaperId: n.PaperID, Reason: noveltyReasons[n.Reason], EarlierCount: int32(n.Earlier), ComparedUntil: n.Until}
	for i := range n.Nearest {
		p := wire.ToRecord(&n.Nearest[i].Record)
		out.Nearest = append(out.Nearest, &akinv1.EarlierPaper{
			PaperId: p.GetId(), Title: p.GetTitle(), Similarity: n.Nearest[i].Similarity, PublishDate: p.GetPublishDate(),
		})
	}
	switch n.Reason {
	case engine.NoDate, engine.NoEarlier, engine.NoPaper:
		return out
	case engine.NoveltyKnown, engine.FewEarlier:
		out.Percentile = &n.Percentile
	case engine.NoReference:
	}
	out.Distance = &n.Distance
	return out
}

var noveltyReasons = map[engine.NoveltyReason]akinv1.NoveltyReason{ //nolint:gochecknoglobals // a constant table
	engine.NoDate:      akinv1.NoveltyReason_NOVELTY_REASON_NO_DATE,
	engine.NoEarlier:   akinv1.NoveltyReason_NOVELTY_REASON_NO_EARLIER,
	engine.FewEarlier:  akinv1.NoveltyReason_NOVELTY_REASON_FEW_EARLIER,
	engine.NoReference: akinv1.NoveltyReason_NOVELTY_REASON_NO_REFERENCE,
	engine.NoPaper:     akinv1.NoveltyReason_NOVELTY_REASON_NO_PAPER,
}
