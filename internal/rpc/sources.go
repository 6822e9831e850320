package rpc

import (
	"context"
	"math"
	"time"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/access"
	"akin/internal/operation"
	"akin/internal/paper"
	"akin/internal/source"
	akinv1 "akin/proto/akin/v1"
)

// sourceService is SourceService.
type sourceService struct {
	akinv1.UnimplementedSourceServiceServer
	server *Server
}

// open gives what keeps sources.
func (s *sourceService) open() (*source.Manager, error) {
	if s.server.sources == nil {
		return nil, s.server.without("this server has no sources")
	}
	return s.server.sources, nil
}

// about is open for a call about a source.
func (s *sourceService) about(field, name string) (*source.Manager, error) {
	m, err := s.open()
	if err == nil {
		if bad := source.CheckName(name); bad != nil {
			err = paper.InvalidField(field, "%v", bad)
		}
	}
	return m, err
}

// CreateSource implements SourceService.
func (s *sourceService) CreateSource(ctx context.Context, req *akinv1.CreateSourceRequest) (*akinv1.Source, error) {
	m, err := s.open()
	if err != nil {
		return nil, err
	}
	var c source.Config
	if err := setSource(&c, req.GetSource(), nil); err != nil {
		return nil, err
	}
	c.Name = req.GetSource().GetName()
	status, err := m.Create(ctx, c)
	return toSource(&status, m, err)
}

// GetSource implements SourceService.
func (s *sourceService) GetSource(_ context.Context, req *akinv1.GetSourceRequest) (*akinv1.Source, error) {
	m, err := s.about("name", req.GetName())
	if err != nil {
		return nil, err
	}
	status, err := m.Get(req.GetName())
	return toSource(&status, m, err)
}

// ListSources implements SourceService.
func (s *sourceService) ListSources(context.Context, *akinv1.ListSourcesRequest) (*akinv1.ListSourcesResponse, error) {
	m, err := s.open()
	if err != nil {
		return nil, err
	}
	resp := new(akinv1.ListSourcesResponse)
	all := m.List()
	for i := range all {
		one, err := toSource(&all[i], m, nil)
		if err != nil {
			return nil, err
		}
		resp.Sources = append(resp.Sources, one)
	}
	return resp, nil
}

// UpdateSource implements SourceService.
func (s *sourceService) UpdateSource(ctx context.Context, req *akinv1.UpdateSourceRequest) (*akinv1.Source, error) {
	m, err := s.about("source.name", req.GetSource().GetName())
	if err != nil {
		return nil, err
	}
	status, err := m.Update(ctx, req.GetSource().GetName(), func(c *source.Config) error {
		return setSource(c, req.GetSource(), req.GetUpdateMask())
	})
	return toSource(&status, m, err)
}

// DeleteSource implements SourceService.
func (s *sourceService) DeleteSource(ctx context.Context, req *akinv1.DeleteSourceRequest) (*akinv1.DeleteSourceResponse, error) {
	m, err := s.about("name", req.GetName())
	if err != nil {
		return nil, err
	}
	return new(akinv1.DeleteSourceResponse), m.Delete(ctx, req.GetName())
}

// RunSource implements SourceService.
func (s *sourceService) RunSource(_ context.Context, req *akinv1.RunSourceRequest) (*longrunningpb.Operation, error) {
	m, err := s.about("name", req.GetName())
	if err != nil {
		return nil, err
	}
	if _, err := m.Get(req.GetName()); err != nil {
		return nil, err
	}
	o, err := s.server.operations.Start("RunSource", func(ctx context.Context, report operation.Report) (any, error) {
		watched, stop := context.WithCancel(ctx)
		defer stop()
		go watchSource(watched, m, req.GetName(), report)
		run, err := m.RunNow(ctx, req.GetName())
		if err != nil {
			return nil, err
		}
		return runOf(&run), nil
	})
	if err != nil {
		return nil, err
	}
	return s.server.toOperation(o)
}

// watchSource reports how far a run is, until ctx ends.
func watchSource(ctx context.Context, m *source.Manager, name string, report operation.Report) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if status, err := m.Get(name); err == nil && status.State.Run != nil {
				report(operation.Progress{Step: "fetching", Done: status.State.Run.Counts.All()})
			}
		}
	}
}

// PauseSource implements SourceService.
func (s *sourceService) PauseSource(ctx context.Context, req *akinv1.PauseSourceRequest) (*akinv1.Source, error) {
	return s.pause(ctx, req.GetName(), true)
}

// ResumeSource implements SourceService.
func (s *sourceService) ResumeSource(ctx context.Context, req *akinv1.ResumeSourceRequest) (*akinv1.Source, error) {
	return s.pause(ctx, req.GetName(), false)
}

func (s *sourceService) pause(ctx context.Context, name string, pause bool) (*akinv1.Source, error) {
	m, err := s.about("name", name)
	if err != nil {
		return nil, err
	}
	status, err := m.Pause(ctx, name, pause)
	return toSource(&status, m, err)
}

// ListSourceRuns implements SourceService.
func (s *sourceService) ListSourceRuns(ctx context.Context, req *akinv1.ListSourceRunsRequest) (*akinv1.ListSourceRunsResponse, error) {
	m, err := s.about("name", req.GetName())
	if err != nil {
		return nil, err
	}
	size, err := fewOf(req.GetPageSize(), source.MaxRuns)
	if err != nil {
		return nil, err
	}
	runs, err := m.Runs(ctx, req.GetName(), size)
	resp := new(akinv1.ListSourceRunsResponse)
	for i := range runs {
		resp.Runs = append(resp.Runs, runOf(&runs[i]))
	}
	return resp, err
}

// ListSourceRefusals implements SourceService.
func (s *sourceService) ListSourceRefusals(ctx context.Context, req *akinv1.ListSourceRefusalsRequest) (*akinv1.ListSourceRefusalsResponse, error) {
	m, err := s.about("name", req.GetName())
	if err != nil {
		return nil, err
	}
	size, err := fewOf(req.GetPageSize(), source.MaxRefusals)
	if err != nil {
		return nil, err
	}
	all, err := m.Refusals(ctx, req.GetName(), size)
	resp := new(akinv1.ListSourceRefusalsResponse)
	for i := range all {
		r := &all[i]
		resp.Refusals = append(resp.Refusals, &akinv1.SourceRefusal{
			Id: whole(r.ID), Time: toTime(r.Time), Place: r.Place, Line: int32(min(r.Line, math.MaxInt32)), Reason: r.Reason, Raw: r.Raw,
		})
	}
	return resp, err
}

// fewOf reads the size of a list of which the last few are kept.
func fewOf(size int32, most int) (int, error) {
	const usual = 20
	switch {
	case size < 0:
		return 0, paper.InvalidField("page_size", "is %d; it must not be negative (0 means %d, at most %d)", size, usual, most)
	case size == 0:
		return usual, nil
	}
	return min(int(size), most), nil
}

// sourceFields sets the fields of a source that callers may.
func sourceFields() map[string]func(*source.Config, *akinv1.Source) error {
	return map[string]func(*source.Config, *akinv1.Source) error{
		"kind": func(c *source.Config, in *akinv1.Source) (err error) {
			c.Kind, err = fromKind(in.GetKind())
			return err
		},
		"url":        func(c *source.Config, in *akinv1.Source) error { c.URL = in.GetUrl(); return nil },
		"path":       func(c *source.Config, in *akinv1.Source) error { c.Path = in.GetPath(); return nil },
		"collection": func(c *source.Config, in *akinv1.Source) error { c.Collection = in.GetCollection(); return nil },
		"sets":       func(c *source.Config, in *akinv1.Source) error { c.Sets = in.GetSets(); return nil },
		"prefix":     func(c *source.Config, in *akinv1.Source) error { c.Prefix = in.GetPrefix(); return nil },
		"format":     func(c *source.Config, in *akinv1.Source) error { c.Format = in.GetFormat(); return nil },
		"overlap_days": func(c *source.Config, in *akinv1.Source) error {
			c.Overlap = int(in.GetOverlapDays())
			return nil
		},
		"window_days":    func(c *source.Config, in *akinv1.Source) error { c.Window = int(in.GetWindowDays()); return nil },
		"max_body_bytes": func(c *source.Config, in *akinv1.Source) error { c.MaxBody = in.GetMaxBodyBytes(); return nil },
		"from": func(c *source.Config, in *akinv1.Source) (err error) {
			if c.From, err = source.ParseDay(in.GetFrom()); err != nil {
				return paper.InvalidField("source.from", "%v", err)
			}
			return nil
		},
		"every": func(c *source.Config, in *akinv1.Source) error {
			return setSpan("source.every", &c.Every, in.GetEvery())
		},
		"interval": func(c *source.Config, in *akinv1.Source) error {
			return setSpan("source.interval", &c.Interval, in.GetInterval())
		},
		"stale_after": func(c *source.Config, in *akinv1.Source) error {
			return setSpan("source.stale_after", &c.StaleAfter, in.GetStaleAfter())
		},
	}
}

func setSpan(field string, into *time.Duration, d *durationpb.Duration) error {
	if d == nil {
		*into = 0
		return nil
	}
	if err := d.CheckValid(); err != nil || d.AsDuration() <= 0 {
		return paper.InvalidField(field, "is %d s and %d ns; it must be above 0, or unset", d.GetSeconds(), d.GetNanos())
	}
	*into = d.AsDuration()
	return nil
}

// setSource takes the fields that a mask names, or that are set.
func setSource(c *source.Config, in *akinv1.Source, mask *fieldmaskpb.FieldMask) error {
	fields, message := sourceFields(), in.ProtoReflect()
	known := message.Descriptor().Fields()
	paths := pathsIn(mask)
	if len(paths) == 0 {
		for name := range fields {
			if in != nil && message.Has(known.ByName(protoreflect.Name(name))) {
				paths = append(paths, name)
			}
		}
	}
	for _, path := range paths {
		if path == "*" {
			for _, set := range fields {
				if err := set(c, in); err != nil {
					return err
				}
			}
			continue
		}
		f := fieldOf(known, path)
		switch {
		case f != nil && f.Name() == "name": // what the request is about
		case f == nil || fields[string(f.Name())] == nil:
			return paper.InvalidField("update_mask", "has path %.80q, which cannot be set", path)
		default:
			if err := fields[string(f.Name())](c, in); err != nil {
				return err
			}
		}
	}
	return nil
}

var kindsOfSources = map[akinv1.SourceKind]source.Kind{ //nolint:gochecknoglobals // a constant table
	akinv1.SourceKind_SOURCE_KIND_UNSPECIFIED: "",
	akinv1.SourceKind_SOURCE_KIND_OAI:         source.OAI,
	akinv1.SourceKind_SOURCE_KIND_FEED:        source.Feed,
	akinv1.SourceKind_SOURCE_KIND_LISTING:     source.Listing,
	akinv1.SourceKind_SOURCE_KIND_FOLDER:      source.Folder,
}

func fromKind(k akinv1.SourceKind) (source.Kind, error) {
	if err := checkEnum("source.kind", k); err != nil {
		return "", err
	}
	return kindsOfSources[k], nil
}

// toSource gives the wire form of a source.
func toSource(s *source.Status, m *source.Manager, err error) (*akinv1.Source, error) {
	if err != nil {
		return nil, err
	}
	c := &s.Config
	out := &akinv1.Source{
		Name: c.Name, Url: c.URL, Path: c.Path, Collection: c.Collection, Every: spanOf(c.Every), Sets: c.Sets, Prefix: c.Prefix,
		From: c.From.String(), OverlapDays: int32(c.Overlap), WindowDays: int32(c.Window), Interval: spanOf(c.Interval),
		MaxBodyBytes: c.MaxBody, StaleAfter: spanOf(c.StaleAfter), Format: c.Format, FromConfiguration: s.Fixed,
	}
	for wire, kind := range kindsOfSources {
		if kind == c.Kind {
			out.Kind = wire
		}
	}
	st := &s.State
	out.State = &akinv1.SourceState{
		Last: s.LastSentence(), Next: s.NextSentence(m.Now()), Problem: s.ProblemSentence(), Working: s.Working, Paused: !st.Paused.IsZero(),
		NextTime: toTime(st.Next), SuccessTime: toTime(st.Succeeded), DeliveryTime: toTime(st.Delivered), Failures: int32(st.Failures),
		StaleTime: toTime(st.Stale), Total: countsOf(st.Total), Through: s.Through().String(),
	}
	if st.Last != nil {
		out.State.LastRun = runOf(st.Last)
	}
	if st.Run != nil {
		out.State.Run = runOf(st.Run)
	}
	return out, nil
}

func spanOf(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

func countsOf(c source.Counts) *akinv1.SourceCounts {
	return &akinv1.SourceCounts{New: whole(c.New), Changed: whole(c.Changed), Known: whole(c.Known), Removed: whole(c.Removed), Refused: whole(c.Refused)}
}

func whole(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

func runOf(r *source.Run) *akinv1.SourceRun {
	return &akinv1.SourceRun{
		Id: whole(r.ID), StartTime: toTime(r.Start), EndTime: toTime(r.End), Requested: r.Asked, Counts: countsOf(r.Counts),
		RequestCount: whole(r.Requests), SizeBytes: whole(r.Bytes), Outcome: string(r.Outcome), Message: r.Message, Notes: r.Notes,
	}
}

// sourceMethods has the methods of SourceService.
func sourceMethods() map[string]method {
	return map[string]method{
		akinv1.SourceService_CreateSource_FullMethodName:       {kind: write},
		akinv1.SourceService_GetSource_FullMethodName:          {kind: read},
		akinv1.SourceService_ListSources_FullMethodName:        {kind: read},
		akinv1.SourceService_UpdateSource_FullMethodName:       {kind: write},
		akinv1.SourceService_DeleteSource_FullMethodName:       {kind: write},
		akinv1.SourceService_RunSource_FullMethodName:          {kind: read}, // it answers at once
		akinv1.SourceService_PauseSource_FullMethodName:        {kind: write},
		akinv1.SourceService_ResumeSource_FullMethodName:       {kind: write},
		akinv1.SourceService_ListSourceRuns_FullMethodName:     {kind: read},
		akinv1.SourceService_ListSourceRefusals_FullMethodName: {kind: read},
	}
}

// sourceNeeds has the methods of SourceService: all are for who looks after the server.
func sourceNeeds() map[string]need {
	admin, look := need{scope: access.Admin}, need{scope: access.Admin, quiet: true}
	return map[string]need{
		akinv1.SourceService_CreateSource_FullMethodName:       admin,
		akinv1.SourceService_GetSource_FullMethodName:          look,
		akinv1.SourceService_ListSources_FullMethodName:        look,
		akinv1.SourceService_UpdateSource_FullMethodName:       admin,
		akinv1.SourceService_DeleteSource_FullMethodName:       admin,
		akinv1.SourceService_RunSource_FullMethodName:          admin,
		akinv1.SourceService_PauseSource_FullMethodName:        admin,
		akinv1.SourceService_ResumeSource_FullMethodName:       admin,
		akinv1.SourceService_ListSourceRuns_FullMethodName:     look,
		akinv1.SourceService_ListSourceRefusals_FullMethodName: look,
	}
}

// subjectOf is the source that a call changes.
func subjectOf(m any) string {
	switch m := m.(type) {
	case *akinv1.CreateSourceRequest:
		return m.GetSource().GetName()
	case *akinv1.UpdateSourceRequest:
		return m.GetSource().GetName()
	case *akinv1.DeleteSourceRequest:
		return m.GetName()
	case *akinv1.RunSourceRequest:
		return m.GetName()
	case *akinv1.PauseSourceRequest:
		return m.GetName()
	case *akinv1.ResumeSourceRequest:
		return m.GetName()
	}
	return ""
}
