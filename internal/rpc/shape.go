package rpc

import (
	"akin/internal/engine"
	akinv1 "akin/proto/akin/v1"
)

func toGroups(a *engine.Answer) []*akinv1.Group {
	var out []*akinv1.Group
	for _, g := range a.Groups {
		out = append(out, &akinv1.Group{Key: g.Key, Label: g.Label, Count: int32(g.Count), BestScore: g.Best})
	}
	return out
}

func toLimits(a *engine.Answer) []*akinv1.Limitation {
	var out []*akinv1.Limitation
	for _, l := range a.Limits {
		out = append(out, &akinv1.Limitation{
			Reason: limitReasons[l.Reason], Field: l.Field, Value: l.Value, RemovedCount: int32(l.Removed), KeptCount: int32(l.Kept),
			Part: l.Part, PartKeptCount: int32(l.PartKept), BestRefusedScore: l.BestRefused, Detail: l.Detail,
		})
	}
	return out
}

var limitReasons = map[engine.LimitReason]akinv1.LimitationReason{ //nolint:gochecknoglobals // a constant table
	engine.LimitCollection: akinv1.LimitationReason_LIMITATION_REASON_COLLECTION,
	engine.LimitFilter:     akinv1.LimitationReason_LIMITATION_REASON_FILTER,
	engine.LimitAsOf:       akinv1.LimitationReason_LIMITATION_REASON_AS_OF,
	engine.LimitWords:      akinv1.LimitationReason_LIMITATION_REASON_WORDS,
	engine.LimitPhrase:     akinv1.LimitationReason_LIMITATION_REASON_PHRASE,
	engine.LimitExclusion:  akinv1.LimitationReason_LIMITATION_REASON_EXCLUSION,
	engine.LimitExamples:   akinv1.LimitationReason_LIMITATION_REASON_EXAMPLES,
	engine.LimitMinScore:   akinv1.LimitationReason_LIMITATION_REASON_MIN_SCORE,
	engine.LimitGroupSize:  akinv1.LimitationReason_LIMITATION_REASON_GROUP_SIZE,
	engine.LimitVersions:   akinv1.LimitationReason_LIMITATION_REASON_VERSIONS,
	engine.LimitChanged:    akinv1.LimitationReason_LIMITATION_REASON_CHANGED,
}

var groupings = map[akinv1.GroupBy]engine.GroupBy{ //nolint:gochecknoglobals // a constant table
	akinv1.GroupBy_GROUP_BY_UNSPECIFIED: engine.NoGroups,
	akinv1.GroupBy_GROUP_BY_VENUE:       engine.ByVenue,
	akinv1.GroupBy_GROUP_BY_YEAR:        engine.ByYear,
	akinv1.GroupBy_GROUP_BY_CLUSTER:     engine.ByCluster,
}
