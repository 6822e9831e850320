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

var groupings = map[akinv1.GroupBy]engine.GroupBy{ //nolint:gochecknoglobals // a constant table
	akinv1.GroupBy_GROUP_BY_UNSPECIFIED: engine.NoGroups,
	akinv1.GroupBy_GROUP_BY_VENUE:       engine.ByVenue,
	akinv1.GroupBy_GROUP_BY_YEAR:        engine.ByYear,
	akinv1.GroupBy_GROUP_BY_CLUSTER:     engine.ByCluster,
}
