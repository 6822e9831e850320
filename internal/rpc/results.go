package rpc

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/catalog"
	"akin/internal/engine"
	"akin/internal/rank"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// form is what a request says of the form of its results.
type form struct {
	mask *fieldmaskpb.FieldMask
	// taste is the request, if it is for recommendations.
	taste *akinv1.RecommendRequest
}

// fits says of each result of a page whether the caller still takes it.
func (f *form) fits(ctx context.Context) func(*engine.Answer, *engine.Result) bool {
	var left *room
	return func(a *engine.Answer, r *engine.Result) bool {
		first := left == nil
		if first {
			left = newRoom(ctx)
			for _, g := range toGroups(a) {
				left.takes(true, g)
			}
		}
		return left.takes(first, f.result(r))
	}
}

func (f *form) results(a *engine.Answer) []*akinv1.Result {
	out := make([]*akinv1.Result, len(a.Results))
	for i := range a.Results {
		out[i] = f.result(&a.Results[i])
	}
	return out
}

func (f *form) result(r *engine.Result) *akinv1.Result {
	out := &akinv1.Result{
		Paper: masked(wire.ToRecord(&r.Record), f.mask),
		Rank:  int32(r.Rank),
		Score: r.Score, Vector: r.Vector,
		Parts:        &akinv1.Parts{Semantic: r.Semantic, Lexical: r.Lexical, Recency: r.Recency},
		MatchedTerms: toMatches(r.Matches),
		Group:        r.Group,
		Collapsed:    toCollapsed(r.Collapsed),
		Evidence:     toEvidence(r.Evidence),
	}
	if f.taste != nil {
		out.DrivenBy = drivers(r.DrivenBy, f.taste)
	}
	return out
}

// respond fills in the response of any of the three queries: the fields of a search's
// response that it has too.
func respond[R proto.Message](to R, f *form, a *engine.Answer, err error) (R, error) {
	if err != nil {
		var none R
		return none, err
	}
	all := (&akinv1.SearchResponse{
		Results: f.results(a), NextPageToken: a.NextPageToken, Plan: toPlan(a), Query: toQueryInfo(a),
		EmptyReason: emptyReasons[a.Empty], Sequence: a.Sequence, Timing: toTiming(a.Timing), Groups: toGroups(a), LimitedBy: toLimits(a),
		Interpretation: toInterpretation(a), Lacking: lacking(a.Lacking),
	}).ProtoReflect()
	r := to.ProtoReflect()
	fields := r.Descriptor().Fields()
	all.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if its := fields.ByName(field.Name()); its != nil {
			r.Set(its, value)
		}
		return true
	})
	return to, nil
}

// lacking names what an answer lacks of a catalog.
func lacking(all []catalog.Capability) (names []string) {
	for _, c := range all {
		names = append(names, string(c))
	}
	return names
}

// drivers names the examples that a score comes from.
func drivers(contributions []rank.Contribution, req *akinv1.RecommendRequest) []*akinv1.Driver {
	out := make([]*akinv1.Driver, len(contributions))
	for i, c := range contributions {
		list := req.GetNegative()
		if c.Liked {
			list = req.GetPositive()
		}
		out[i] = &akinv1.Driver{PaperId: list[c.Example].GetPaperId(), Example: int32(c.Example), Liked: c.Liked, Contribution: c.Value}
	}
	return out
}

func toMatches(matches []catalog.WordMatch) []*akinv1.MatchedTerm {
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

func toGroups(a *engine.Answer) []*akinv1.Group {
	var out []*akinv1.Group
	for _, g := range a.Groups {
		out = append(out, &akinv1.Group{Key: g.Key, Label: g.Label, Count: int32(g.Count), BestScore: g.Best})
	}
	return out
}

var strategies = map[catalog.Strategy]akinv1.Strategy{ //nolint:gochecknoglobals // a constant table
	catalog.ExactScan:         akinv1.Strategy_STRATEGY_EXACT,
	catalog.GraphWalk:         akinv1.Strategy_STRATEGY_GRAPH,
	catalog.FilteredGraphWalk: akinv1.Strategy_STRATEGY_FILTERED_GRAPH,
}
