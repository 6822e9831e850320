package rpc

import (
	"context"

	"akin/internal/atlas"
	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

const (
	// shortAuthors is how many authors the short form of a paper names.
	shortAuthors = 3
	// maxTag bounds the tag of a map, in bytes.
	maxTag = 64
)

// checkTag refuses what is no tag of a map.
func checkTag(field, tag string) error {
	if len(tag) > maxTag {
		return paper.InvalidField(field, "has %d bytes, the limit is %d; give the tag of the response, or nothing", len(tag), maxTag)
	}
	return nil
}

type mapService struct {
	akinv1.UnimplementedMapServiceServer
	server *Server
}

// atlas gives the maps, and the collection that a request is about.
func (s *mapService) atlas(collection string) (*atlas.Atlas, string, error) {
	if s.server.maps == nil {
		return nil, "", s.noMaps()
	}
	if collection == "" {
		return s.server.maps, paper.DefaultCollection, nil
	}
	if err := paper.ValidateCollection(collection); err != nil {
		return nil, "", paper.InvalidField("collection", "%v", err)
	}
	return s.server.maps, collection, nil
}

// noMaps is the error of a server without maps.
func (s *mapService) noMaps() error {
	const what = "this server has no map"
	if why := s.server.about.NoMaps; why != "" {
		return &paper.Error{Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported, Message: what + ": " + why}
	}
	return s.server.without(what)
}

// GetMap implements MapService.
func (s *mapService) GetMap(ctx context.Context, req *akinv1.GetMapRequest) (*akinv1.GetMapResponse, error) {
	maps, collection, err := s.atlas(req.GetCollection())
	if err != nil {
		return nil, err
	}
	if err := checkTag("known_tag", req.GetKnownTag()); err != nil {
		return nil, err
	}
	now, err := maps.State(ctx, collection)
	if err != nil {
		return nil, err
	}
	resp := &akinv1.GetMapResponse{State: akinv1.MapState_MAP_STATE_BUILDING, CollectionPaperCount: now.Papers}
	if now.Working {
		resp.Step, resp.Done = now.Step, now.Done
	}
	if now.Chart == nil {
		return resp, nil
	}
	resp.State = akinv1.MapState_MAP_STATE_READY
	if now.Chart.Sequence != now.Sequence {
		resp.State = akinv1.MapState_MAP_STATE_BEHIND
	}
	resp.Tag, resp.Sequence = now.Chart.Tag, now.Chart.Sequence
	if req.GetKnownTag() != resp.GetTag() {
		fillMap(resp, now.Chart, req.GetSummary())
	}
	return resp, nil
}

// fillMap adds what a chart shows; of a summary, what is not of single papers.
func fillMap(resp *akinv1.GetMapResponse, c *atlas.Chart, summary bool) {
	resp.PaperCount, resp.FirstYear = uint32(c.Len()), int32(c.FirstYear)
	if !summary {
		resp.Points, resp.Categories, resp.Venues, resp.Clusters, resp.Years = c.Points, c.Categories, c.Venues, c.Clusters, c.Years
	}
	resp.CategoryValues, resp.VenueValues = toMapValues(c.CategoryNames), toMapValues(c.VenueNames)
	for i, g := range c.Groups {
		resp.ClusterValues = append(resp.ClusterValues, &akinv1.MapCluster{
			Name: g.Name, X: uint32(g.Label.X), Y: uint32(g.Label.Y), PaperCount: g.Papers, Sample: c.Samples[i],
		})
	}
}

func toMapValues(values []atlas.Value) []*akinv1.MapValue {
	out := make([]*akinv1.MapValue, len(values))
	for i, v := range values {
		out[i] = &akinv1.MapValue{Value: v.Name, PaperCount: v.Papers}
	}
	return out
}

// GetMapPapers implements MapService.
func (s *mapService) GetMapPapers(ctx context.Context, req *akinv1.GetMapPapersRequest) (*akinv1.GetMapPapersResponse, error) {
	maps, collection, err := s.atlas(req.GetCollection())
	if err != nil {
		return nil, err
	}
	if n := len(req.GetNumbers()); n > atlas.MaxPapers {
		return nil, paper.InvalidField("numbers", "has %d entries, the limit is %d; ask again for the others", n, atlas.MaxPapers)
	}
	if err := checkTag("tag", req.GetTag()); err != nil {
		return nil, err
	}
	chart, err := maps.Chart(collection, req.GetTag())
	if err != nil {
		return nil, err
	}
	found, err := maps.Papers(ctx, collection, chart, req.GetNumbers())
	if err != nil {
		return nil, err
	}
	resp := &akinv1.GetMapPapersResponse{}
	for i, r := range found {
		if r != nil {
			resp.Papers = append(resp.Papers, toMapPaper(req.GetNumbers()[i], r))
		}
	}
	return resp, nil
}

func toMapPaper(number uint32, r *paper.Record) *akinv1.MapPaper {
	out := &akinv1.MapPaper{Number: number, Id: r.ID, Title: r.Title, Venue: r.Venue, PublishDate: r.PublishDate.String()}
	for i, a := range r.Authors {
		if i == shortAuthors {
			out.MoreAuthors = uint32(len(r.Authors) - shortAuthors)
			break
		}
		out.Authors = append(out.Authors, a.Name)
	}
	return out
}

// FindOnMap implements MapService.
func (s *mapService) FindOnMap(ctx context.Context, req *akinv1.FindOnMapRequest) (*akinv1.FindOnMapResponse, error) {
	maps, collection, err := s.atlas(req.GetCollection())
	if err != nil {
		return nil, err
	}
	if len(req.GetIds()) > 0 && req.GetFilter() != "" {
		return nil, paper.InvalidField("filter", "and ids are both set; ask for one of them at a time")
	}
	if n := len(req.GetIds()); n > atlas.MaxIDs {
		return nil, paper.InvalidField("ids", "has %d entries, the limit is %d; ask again for the others", n, atlas.MaxIDs)
	}
	if err := checkTag("tag", req.GetTag()); err != nil {
		return nil, err
	}
	if req.GetFilter() != "" {
		numbers, missing, err := maps.Filter(ctx, collection, req.GetTag(), req.GetFilter())
		if err != nil {
			return nil, err
		}
		return &akinv1.FindOnMapResponse{Numbers: numbers, MissingCount: uint32(missing)}, nil
	}
	chart, err := maps.Chart(collection, req.GetTag())
	if err != nil {
		return nil, err
	}
	numbers, missing := chart.Locate(req.GetIds())
	return &akinv1.FindOnMapResponse{Numbers: numbers, MissingCount: uint32(missing)}, nil
}
