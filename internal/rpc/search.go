package rpc

import (
	"context"
	"fmt"

	"akin/internal/engine"
	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

type searchService struct {
	akinv1.UnimplementedSearchServiceServer
	server *Server
}

// Search implements SearchService.
func (s *searchService) Search(ctx context.Context, req *akinv1.SearchRequest) (*akinv1.SearchResponse, error) {
	options, form, err := optionsOf(ctx, req)
	if err != nil {
		return nil, err
	}
	mode, fusion, err := modeOf(req)
	if err != nil {
		return nil, err
	}
	if err := checkEnum("syntax", req.GetSyntax()); err != nil {
		return nil, err
	}
	asked := engine.SearchRequest{
		Collection: req.GetCollection(), Query: req.GetQuery(), Mode: mode, Fusion: fusion, Rerank: int(req.GetRerank()),
		Syntax: syntaxes[req.GetSyntax()], Verbatim: req.GetVerbatim(), ResultOptions: options,
	}
	a, err := s.server.engine.Search(ctx, asked)
	s.server.answered(ctx, a)
	s.server.recall.offer(options, a, func(ctx context.Context, o engine.ResultOptions) (*engine.Answer, error) {
		asked.ResultOptions = o
		return s.server.engine.Search(ctx, asked)
	})
	return respond(new(akinv1.SearchResponse), form, a, err)
}

// Similar implements SearchService.
func (s *searchService) Similar(ctx context.Context, req *akinv1.SimilarRequest) (*akinv1.SimilarResponse, error) {
	options, form, err := optionsOf(ctx, req)
	if err != nil {
		return nil, err
	}
	mode, fusion, err := modeOf(req)
	if err != nil {
		return nil, err
	}
	if req.GetFusion() == akinv1.Fusion_FUSION_UNSPECIFIED {
		fusion = engine.ZScore
	}
	asked := engine.SimilarRequest{
		Collection: req.GetCollection(), PaperIDs: req.GetPaperIds(), Text: fromText(req.GetText()),
		IncludeSelf: req.GetIncludeSelf(), Mode: mode, Fusion: fusion, Rerank: int(req.GetRerank()), ResultOptions: options,
	}
	a, err := s.server.engine.Similar(ctx, asked)
	s.server.answered(ctx, a)
	s.server.recall.offer(options, a, func(ctx context.Context, o engine.ResultOptions) (*engine.Answer, error) {
		asked.ResultOptions = o
		return s.server.engine.Similar(ctx, asked)
	})
	return respond(new(akinv1.SimilarResponse), form, a, err)
}

// Recommend implements SearchService.
func (s *searchService) Recommend(ctx context.Context, req *akinv1.RecommendRequest) (*akinv1.RecommendResponse, error) {
	options, form, err := optionsOf(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := checkEnum("strategy", req.GetStrategy()); err != nil {
		return nil, err
	}
	positive, err := fromExamples("positive", req.GetPositive())
	if err != nil {
		return nil, err
	}
	negative, err := fromExamples("negative", req.GetNegative())
	if err != nil {
		return nil, err
	}
	form.taste = req
	a, err := s.server.engine.Recommend(ctx, engine.RecommendRequest{
		Collection: req.GetCollection(), Positive: positive, Negative: negative,
		Strategy: recommendStrategies[req.GetStrategy()], HalfLifeDays: req.GetHalfLifeDays(), ResultOptions: options,
	})
	s.server.answered(ctx, a)
	return respond(new(akinv1.RecommendResponse), form, a, err)
}

func fromText(t *akinv1.Text) *engine.Text {
	if t == nil {
		return nil
	}
	return &engine.Text{Title: t.GetTitle(), Abstract: t.GetAbstract()}
}

func fromExamples(field string, examples []*akinv1.Example) ([]engine.Example, error) {
	out := make([]engine.Example, len(examples))
	for i, x := range examples {
		out[i] = engine.Example{PaperID: x.GetPaperId(), Text: fromText(x.GetText()), Weight: x.GetWeight()}
		if t := x.GetTime(); t != nil {
			if err := t.CheckValid(); err != nil {
				return nil, paper.InvalidField(fmt.Sprintf("%s[%d].time", field, i), "is %d s and %d ns; give a time of the years 1 to 9999", t.GetSeconds(), t.GetNanos())
			}
			out[i].Time = t.AsTime()
		}
	}
	return out, nil
}

var modes = map[akinv1.Mode]engine.Mode{ //nolint:gochecknoglobals // a constant table
	akinv1.Mode_MODE_UNSPECIFIED: engine.Hybrid,
	akinv1.Mode_MODE_SEMANTIC:    engine.Semantic,
	akinv1.Mode_MODE_LEXICAL:     engine.Lexical,
	akinv1.Mode_MODE_HYBRID:      engine.Hybrid,
}

var recommendStrategies = map[akinv1.RecommendStrategy]engine.RecommendStrategy{ //nolint:gochecknoglobals // a constant table
	akinv1.RecommendStrategy_RECOMMEND_STRATEGY_UNSPECIFIED: engine.HybridMean,
	akinv1.RecommendStrategy_RECOMMEND_STRATEGY_MEAN_VECTOR: engine.MeanVector,
	akinv1.RecommendStrategy_RECOMMEND_STRATEGY_TOP_MEAN:    engine.TopMean,
	akinv1.RecommendStrategy_RECOMMEND_STRATEGY_BEST_SCORE:  engine.BestScore,
	akinv1.RecommendStrategy_RECOMMEND_STRATEGY_HYBRID:      engine.HybridMean,
	akinv1.RecommendStrategy_RECOMMEND_STRATEGY_SVM:         engine.SVM,
}
