package rpc

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	catalog "akin/internal/catalog/local"
	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/rank"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

type searchService struct {
	akinv1.UnimplementedSearchServiceServer
	server *Server
}

// resultOptions are the request fields that the three queries share.
type resultOptions interface {
	GetPageSize() int32
	GetPageToken() string
	GetExact() bool
	GetIncludeVectors() bool
	GetFilter() string
	GetAsOf() string
	GetDiversity() float64
	GetExplain() bool
	GetEvidence() bool
	GetReadMask() *fieldmaskpb.FieldMask
	GetRecency() float64
	GetRecencyHalfLifeDays() float64
	GetGroupBy() akinv1.GroupBy
	GetGroupSize() int32
}

// optionsOf checks the read mask early: a query with a bad one costs nothing.
func optionsOf(ctx context.Context, req resultOptions, minScore *float64, collapse *bool) (engine.ResultOptions, *shape, error) {
	if err := checkEnum("group_by", req.GetGroupBy()); err != nil {
		return engine.ResultOptions{}, nil, err
	}
	mask, err := readMask("read_mask", req.GetReadMask())
	if err != nil {
		return engine.ResultOptions{}, nil, err
	}
	shape := &shape{mask: mask}
	shape.taste, _ = req.(*akinv1.RecommendRequest)
	return engine.ResultOptions{
		PageSize: int(req.GetPageSize()), PageToken: req.GetPageToken(), MinScore: minScore,
		Exact: req.GetExact(), WithVectors: req.GetIncludeVectors(), Filter: req.GetFilter(),
		AsOf: req.GetAsOf(), Diversity: req.GetDiversity(), Explain: req.GetExplain(), Evidence: req.GetEvidence(),
		Recency: req.GetRecency(), HalfLifeDays: req.GetRecencyHalfLifeDays(),
		GroupBy: groupings[req.GetGroupBy()], GroupSize: int(req.GetGroupSize()),
		KeepVersions: collapse != nil && !*collapse,
		Fits:         shape.fits(ctx),
	}, shape, nil
}

// modeOf reads what a query goes by.
func modeOf(req interface {
	GetMode() akinv1.Mode
	GetFusion() akinv1.Fusion
},
) (engine.Mode, engine.Fusion, error) {
	if err := checkEnum("mode", req.GetMode()); err != nil {
		return 0, 0, err
	}
	fusion := engine.ZScore
	if req.GetFusion() == akinv1.Fusion_FUSION_RRF {
		fusion = engine.RRF
	}
	return modes[req.GetMode()], fusion, checkEnum("fusion", req.GetFusion())
}

// Search implements SearchService.
func (s *searchService) Search(ctx context.Context, req *akinv1.SearchRequest) (*akinv1.SearchResponse, error) {
	options, shape, err := optionsOf(ctx, req, req.MinScore, req.CollapseVersions)
	if err != nil {
		return nil, err
	}
	mode, fusion, err := modeOf(req)
	if err != nil {
		return nil, err
	}
	asked := engine.SearchRequest{
		Collection: req.GetCollection(), Query: req.GetQuery(), Mode: mode, Fusion: fusion, Rerank: int(req.GetRerank()), ResultOptions: options,
	}
	a, err := s.server.engine.Search(ctx, asked)
	if err != nil {
		return nil, err
	}
	s.server.answered(ctx, a)
	s.server.recall.offer(options, a, func(ctx context.Context, o engine.ResultOptions) (*engine.Answer, error) {
		asked.ResultOptions = o
		return s.server.engine.Search(ctx, asked)
	})
	return &akinv1.SearchResponse{
		Results: shape.results(a), NextPageToken: a.NextPageToken, Plan: toPlan(a), Query: toQueryInfo(a),
		EmptyReason: emptyReasons[a.Empty], Sequence: a.Sequence, Timing: toTiming(a.Timing), Groups: toGroups(a), LimitedBy: toLimits(a),
	}, nil
}

// Similar implements SearchService.
func (s *searchService) Similar(ctx context.Context, req *akinv1.SimilarRequest) (*akinv1.SimilarResponse, error) {
	options, shape, err := optionsOf(ctx, req, req.MinScore, req.CollapseVersions)
	if err != nil {
		return nil, err
	}
	mode, fusion, err := modeOf(req)
	if err != nil {
		return nil, err
	}
	asked := engine.SimilarRequest{
		Collection: req.GetCollection(), PaperIDs: req.GetPaperIds(), Text: fromText(req.GetText()),
		IncludeSelf: req.GetIncludeSelf(), Mode: mode, Fusion: fusion, Rerank: int(req.GetRerank()), ResultOptions: options,
	}
	a, err := s.server.engine.Similar(ctx, asked)
	if err != nil {
		return nil, err
	}
	s.server.answered(ctx, a)
	s.server.recall.offer(options, a, func(ctx context.Context, o engine.ResultOptions) (*engine.Answer, error) {
		asked.ResultOptions = o
		return s.server.engine.Similar(ctx, asked)
	})
	return &akinv1.SimilarResponse{
		Results: shape.results(a), NextPageToken: a.NextPageToken, Plan: toPlan(a), Query: toQueryInfo(a),
		EmptyReason: emptyReasons[a.Empty], Sequence: a.Sequence, Timing: toTiming(a.Timing), Groups: toGroups(a), LimitedBy: toLimits(a),
	}, nil
}

// Recommend implements SearchService.
func (s *searchService) Recommend(ctx context.Context, req *akinv1.RecommendRequest) (*akinv1.RecommendResponse, error) {
	options, shape, err := optionsOf(ctx, req, req.MinScore, req.CollapseVersions)
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
	a, err := s.server.engine.Recommend(ctx, engine.RecommendRequest{
		Collection: req.GetCollection(), Positive: positive, Negative: negative,
		Strategy: recommendStrategies[req.GetStrategy()], HalfLifeDays: req.GetHalfLifeDays(), ResultOptions: options,
	})
	if err != nil {
		return nil, err
	}
	s.server.answered(ctx, a)
	return &akinv1.RecommendResponse{
		Results: shape.results(a), NextPageToken: a.NextPageToken, Plan: toPlan(a),
		EmptyReason: emptyReasons[a.Empty], Sequence: a.Sequence, Timing: toTiming(a.Timing), Groups: toGroups(a), LimitedBy: toLimits(a),
	}, nil
}

// drivers names the examples that a score comes from.
func drivers(parts []rank.Contribution, req *akinv1.RecommendRequest) []*akinv1.Driver {
	out := make([]*akinv1.Driver, len(parts))
	for i, p := range parts {
		list := req.GetNegative()
		if p.Liked {
			list = req.GetPositive()
		}
		out[i] = &akinv1.Driver{PaperId: list[p.Example].GetPaperId(), Example: int32(p.Example), Liked: p.Liked, Contribution: p.Value}
	}
	return out
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

// shape is what a request says of the form of its results.
type shape struct {
	mask *fieldmaskpb.FieldMask
	// taste is the request, if it is for recommendations.
	taste *akinv1.RecommendRequest
}

// fits says of each result of a page whether the caller still takes it.
func (s *shape) fits(ctx context.Context) func(*engine.Answer, *engine.Result) bool {
	var left *room
	return func(a *engine.Answer, r *engine.Result) bool {
		first := left == nil
		if first {
			left = newRoom(ctx)
			for _, g := range toGroups(a) {
				left.takes(true, g)
			}
		}
		return left.takes(first, s.result(r))
	}
}

func (s *shape) results(a *engine.Answer) []*akinv1.Result {
	out := make([]*akinv1.Result, len(a.Results))
	for i := range a.Results {
		out[i] = s.result(&a.Results[i])
	}
	return out
}

func (s *shape) result(r *engine.Result) *akinv1.Result {
	out := &akinv1.Result{
		Paper: masked(wire.ToRecord(&r.Record), s.mask),
		Rank:  int32(r.Rank),
		Score: r.Score, Vector: r.Vector,
		Parts:        &akinv1.Parts{Semantic: r.Semantic, Lexical: r.Lexical, Recency: r.Recency},
		MatchedTerms: toMatches(r.Matches),
		Group:        r.Group,
		Collapsed:    toCollapsed(r.Collapsed),
		Evidence:     toEvidence(r.Evidence),
	}
	if s.taste != nil {
		out.DrivenBy = drivers(r.DrivenBy, s.taste)
	}
	return out
}

func toMatches(matches []catalog.Match) []*akinv1.MatchedTerm {
	var out []*akinv1.MatchedTerm
	for _, m := range matches {
		out = append(out, &akinv1.MatchedTerm{Term: m.Term, Score: m.Score, TitleCount: int32(m.Title), AbstractCount: int32(m.Abstract)})
	}
	return out
}

func toPlan(a *engine.Answer) *akinv1.Plan {
	return &akinv1.Plan{
		Strategy:   strategies[a.Strategy],
		Candidates: int32(a.Candidates),
		Visited:    int32(a.Visited), Selectivity: a.Selectivity,
	}
}

func toQueryInfo(a *engine.Answer) *akinv1.QueryInfo {
	if a.QueryTokens == 0 {
		return nil
	}
	return &akinv1.QueryInfo{Tokens: int32(a.QueryTokens), Truncated: a.Truncated}
}

func toTiming(t engine.Timing) *akinv1.Timing {
	return &akinv1.Timing{
		QueueSeconds: t.Queue.Seconds(), TokenizeSeconds: t.Tokenize.Seconds(), InferenceSeconds: t.Inference.Seconds(),
		SearchSeconds: t.Search.Seconds(), HydrateSeconds: t.Hydrate.Seconds(),
	}
}

var strategies = map[catalog.Strategy]akinv1.Strategy{ //nolint:gochecknoglobals // a constant table
	catalog.ExactScan:         akinv1.Strategy_STRATEGY_EXACT,
	catalog.GraphWalk:         akinv1.Strategy_STRATEGY_GRAPH,
	catalog.FilteredGraphWalk: akinv1.Strategy_STRATEGY_FILTERED_GRAPH,
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
	akinv1.RecommendStrategy_RECOMMEND_STRATEGY_SVM:         engine.Machine,
}

var emptyReasons = map[engine.EmptyReason]akinv1.EmptyReason{ //nolint:gochecknoglobals // a constant table
	engine.CollectionEmpty: akinv1.EmptyReason_EMPTY_REASON_COLLECTION_EMPTY,
	engine.BelowMinScore:   akinv1.EmptyReason_EMPTY_REASON_MIN_SCORE,
	engine.OnlyExamples:    akinv1.EmptyReason_EMPTY_REASON_ONLY_EXAMPLES,
	engine.PastEnd:         akinv1.EmptyReason_EMPTY_REASON_PAST_END,
	engine.Filtered:        akinv1.EmptyReason_EMPTY_REASON_FILTER,
	engine.NoMatch:         akinv1.EmptyReason_EMPTY_REASON_NO_MATCH,
	engine.TooEarly:        akinv1.EmptyReason_EMPTY_REASON_AS_OF,
	engine.Erased:          akinv1.EmptyReason_EMPTY_REASON_DELETED,
}
