package rpc

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/engine"
	akinv1 "akin/proto/akin/v1"
)

// resultOptions are the request fields that the three queries share.
type resultOptions interface {
	proto.Message
	GetPageSize() int32
	GetPageToken() string
	GetMinScore() float64
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
	GetCollapseVersions() bool
}

// optionsOf is the one conversion of the options of a query. It checks the read mask
// early: a query with a bad one costs nothing.
func optionsOf(ctx context.Context, req resultOptions) (engine.ResultOptions, *form, error) {
	if err := checkEnum("group_by", req.GetGroupBy()); err != nil {
		return engine.ResultOptions{}, nil, err
	}
	mask, err := readMask("read_mask", req.GetReadMask())
	if err != nil {
		return engine.ResultOptions{}, nil, err
	}
	form := &form{mask: mask}
	options := engine.ResultOptions{
		PageSize: int(req.GetPageSize()), PageToken: req.GetPageToken(),
		Exact: req.GetExact(), WithVectors: req.GetIncludeVectors(), Filter: req.GetFilter(),
		AsOf: req.GetAsOf(), Diversity: req.GetDiversity(), Explain: req.GetExplain(), Evidence: req.GetEvidence(),
		Recency: req.GetRecency(), HalfLifeDays: req.GetRecencyHalfLifeDays(),
		GroupBy: groupings[req.GetGroupBy()], GroupSize: int(req.GetGroupSize()),
		KeepVersions: has(req, "collapse_versions") && !req.GetCollapseVersions(),
		Fits:         form.fits(ctx),
	}
	if has(req, "min_score") {
		least := req.GetMinScore()
		options.MinScore = &least
	}
	return options, form, nil
}

// has says whether a message says anything of an optional field.
func has(m proto.Message, field protoreflect.Name) bool {
	r := m.ProtoReflect()
	return r.Has(r.Descriptor().Fields().ByName(field))
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
	return modes[req.GetMode()], fusions[req.GetFusion()], checkEnum("fusion", req.GetFusion())
}

var fusions = map[akinv1.Fusion]engine.Fusion{ //nolint:gochecknoglobals // a constant table
	akinv1.Fusion_FUSION_UNSPECIFIED: engine.Relative,
	akinv1.Fusion_FUSION_Z_SCORE:     engine.ZScore,
	akinv1.Fusion_FUSION_RRF:         engine.RRF,
	akinv1.Fusion_FUSION_RELATIVE:    engine.Relative,
}

var groupings = map[akinv1.GroupBy]engine.GroupBy{ //nolint:gochecknoglobals // a constant table
	akinv1.GroupBy_GROUP_BY_UNSPECIFIED: engine.NoGroups,
	akinv1.GroupBy_GROUP_BY_VENUE:       engine.ByVenue,
	akinv1.GroupBy_GROUP_BY_YEAR:        engine.ByYear,
	akinv1.GroupBy_GROUP_BY_CLUSTER:     engine.ByCluster,
}
