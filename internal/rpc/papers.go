package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

type paperService struct {
	akinv1.UnimplementedPaperServiceServer
	server *Server
}

// GetPaper implements PaperService.
func (s *paperService) GetPaper(ctx context.Context, req *akinv1.GetPaperRequest) (*akinv1.Paper, error) {
	if err := checkID(req.GetId()); err != nil {
		return nil, err
	}
	mask, err := readMask("read_mask", req.GetReadMask())
	if err != nil {
		return nil, err
	}
	found, _, err := s.server.engine.Get(ctx, req.GetCollection(), []string{req.GetId()})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, paper.MissingPaper(req.GetId())
	}
	return masked(wire.ToRecord(&found[0]), mask), nil
}

func checkID(id string) error {
	if err := paper.ValidateID(id); err != nil {
		return paper.InvalidField("id", "%v", err)
	}
	return nil
}

// BatchGetPapers implements PaperService.
func (s *paperService) BatchGetPapers(ctx context.Context, req *akinv1.BatchGetPapersRequest) (*akinv1.BatchGetPapersResponse, error) {
	mask, err := readMask("read_mask", req.GetReadMask())
	if err != nil {
		return nil, err
	}
	of := "get\x00" + req.GetCollection() + "\x00" + strings.Join(req.GetIds(), "\x00")
	from, err := readPlace(req.GetPageToken(), of, len(req.GetIds()))
	if err != nil {
		return nil, err
	}
	resp, left := new(akinv1.BatchGetPapersResponse), newRoom(ctx)
	ids := req.GetIds()[from:]
	err = s.server.engine.GetEach(ctx, req.GetCollection(), ids, func(i int, r *paper.Record) bool {
		p := masked(wire.ToRecord(r), mask)
		if !left.takes(len(resp.GetPapers()) == 0, p) {
			resp.NextPageToken = pageToken(strconv.Itoa(from+i), of)
			return false
		}
		resp.Papers = append(resp.Papers, p)
		return true
	}, func(i int) { resp.MissingIds = append(resp.MissingIds, ids[i]) })
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// CountValues implements PaperService.
func (s *paperService) CountValues(ctx context.Context, req *akinv1.CountValuesRequest) (*akinv1.CountValuesResponse, error) {
	counts, err := s.server.engine.CountValues(ctx, req.GetCollection(), req.GetField(), req.GetFilter(), int(req.GetLimit()))
	if err != nil {
		return nil, err
	}
	resp := &akinv1.CountValuesResponse{}
	for _, c := range counts {
		resp.Counts = append(resp.Counts, &akinv1.ValueCount{Value: c.Value, Count: uint32(c.Papers)})
	}
	return resp, nil
}

// UpsertPaper implements PaperService.
func (s *paperService) UpsertPaper(ctx context.Context, req *akinv1.UpsertPaperRequest) (*akinv1.UpsertPaperResponse, error) {
	if req.GetPaper() == nil {
		return nil, paper.InvalidField("paper", "is missing")
	}
	if name := req.GetCollection(); name != "" { // its faults are not the paper's
		if err := paper.ValidateCollection(name); err != nil {
			return nil, paper.InvalidField("collection", "%v", err)
		}
	}
	mask, err := readUpdateMask(req.GetUpdateMask())
	if err != nil {
		return nil, err
	}
	got, sequence, err := s.upsert(ctx, req, mask)
	if err != nil {
		var e *paper.Error
		if errors.As(err, &e) && e.Kind == paper.Invalid {
			err = e.Prefixed("paper.")
		}
		return nil, err
	}
	resp := &akinv1.UpsertPaperResponse{Paper: wire.ToRecord(&got.Record), Change: changes[got.Change], Sequence: sequence}
	if proto.Size(resp) > responseLimit(ctx) { // it is written: that must not look like an error
		p := resp.GetPaper()
		resp.Paper = &akinv1.Paper{
			Id: p.GetId(), Revision: p.GetRevision(), CreateTime: p.GetCreateTime(), UpdateTime: p.GetUpdateTime(),
			ContentDigest: p.GetContentDigest(), TokenCount: p.GetTokenCount(), Truncated: p.GetTruncated(), Day: p.GetDay(), RecordKind: p.GetRecordKind(),
		}
	}
	return resp, nil
}

func (s *paperService) upsert(ctx context.Context, req *akinv1.UpsertPaperRequest, mask *fieldmaskpb.FieldMask) (engine.Upserted, uint64, error) {
	e, id := s.server.engine, req.GetPaper().GetId()
	mustExist := req.AllowMissing != nil && !req.GetAllowMissing()
	if mustExist || !all(mask) {
		got, sequence, err := e.Update(ctx, req.GetCollection(), id, func(p *paper.Paper) error {
			now := wire.ToPaper(p)
			if all(mask) {
				now = req.GetPaper()
			} else {
				copyFields(now, req.GetPaper(), mask)
			}
			now.Id = id
			*p = wire.FromPaper(now)
			return nil
		})
		if mustExist || paper.KindOf(err) != paper.NotFound || err == nil {
			return got, sequence, err
		}
	}
	got, sequence, err := e.Upsert(ctx, req.GetCollection(), []paper.Paper{wire.FromPaper(req.GetPaper())}, embed.Interactive)
	if err != nil {
		return engine.Upserted{}, 0, err
	}
	return got[0], sequence, got[0].Err
}

// BatchUpsertPapers implements PaperService.
func (s *paperService) BatchUpsertPapers(ctx context.Context, req *akinv1.BatchUpsertPapersRequest) (*akinv1.BatchUpsertPapersResponse, error) {
	papers := make([]paper.Paper, len(req.GetPapers()))
	for i, p := range req.GetPapers() {
		papers[i] = wire.FromPaper(p)
	}
	got, sequence, err := s.server.engine.Upsert(ctx, req.GetCollection(), papers, embed.Bulk)
	if err != nil {
		return nil, err
	}
	resp := &akinv1.BatchUpsertPapersResponse{Sequence: sequence}
	for i := range got {
		prefix := fmt.Sprintf("papers[%d].", i)
		resp.Outcomes = append(resp.Outcomes, s.outcome(ctx, uint64(i), &got[i], prefix))
	}
	return resp, nil
}

// outcome answers for one paper; prefix leads from the request to the paper in
// the names of fields.
func (s *paperService) outcome(ctx context.Context, index uint64, u *engine.Upserted, prefix string) *akinv1.PaperOutcome {
	out := &akinv1.PaperOutcome{Index: index, Id: u.ID, Change: changes[u.Change], Truncated: u.Truncated()}
	if u.Err != nil {
		err := u.Err
		var e *paper.Error
		if errors.As(err, &e) {
			err = e.Prefixed(prefix)
		}
		out.Error = statusProto(ctx, s.server.log, err)
	}
	return out
}

// DeletePaper implements PaperService.
func (s *paperService) DeletePaper(ctx context.Context, req *akinv1.DeletePaperRequest) (*akinv1.DeletePaperResponse, error) {
	if err := checkID(req.GetId()); err != nil {
		return nil, err
	}
	_, missing, sequence, err := s.server.engine.Delete(ctx, req.GetCollection(), []string{req.GetId()})
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 && !req.GetAllowMissing() {
		return nil, paper.MissingPaper(req.GetId())
	}
	return &akinv1.DeletePaperResponse{Sequence: sequence}, nil
}

// BatchDeletePapers implements PaperService.
func (s *paperService) BatchDeletePapers(ctx context.Context, req *akinv1.BatchDeletePapersRequest) (*akinv1.BatchDeletePapersResponse, error) {
	deleted, missing, sequence, err := s.server.engine.Delete(ctx, req.GetCollection(), req.GetIds())
	if err != nil {
		return nil, err
	}
	return &akinv1.BatchDeletePapersResponse{DeletedCount: int32(deleted), MissingIds: missing, Sequence: sequence}, nil
}

// ImportPapers implements PaperService.
func (s *paperService) ImportPapers(stream akinv1.PaperService_ImportPapersServer) error {
	ctx := stream.Context()
	first, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	receive := receiver(ctx, first, stream.Recv)
	next := func(ctx context.Context) (engine.Incoming, error) {
		req, err := receive(ctx)
		return engine.Incoming{
			Paper: wire.FromPaper(req.GetPaper()), Index: req.GetIndex(), Vector: req.GetVector(), Space: req.GetSpace(), Delete: req.GetDelete(),
		}, err
	}
	return s.server.engine.Import(ctx, first.GetCollection(), next, func(a engine.Acknowledged) error {
		resp := &akinv1.ImportPapersResponse{AcknowledgedCount: a.Count, Sequence: a.Sequence}
		for i := range a.Results {
			resp.Outcomes = append(resp.Outcomes, s.outcome(ctx, a.Papers[i].Index, &a.Results[i], "paper."))
		}
		return stream.Send(resp)
	})
}

// ExportPapers implements PaperService.
func (s *paperService) ExportPapers(req *akinv1.ExportPapersRequest, stream akinv1.PaperService_ExportPapersServer) error {
	mask, err := readMask("read_mask", req.GetReadMask())
	if err != nil {
		return err
	}
	query := engine.Export{Collection: req.GetCollection(), Filter: req.GetFilter(), Vectors: req.GetIncludeVectors()}
	return s.server.engine.Export(stream.Context(), query, func(group engine.Exported) error {
		resp := &akinv1.ExportPapersResponse{Sequence: group.Sequence, Space: group.Space.Fingerprint(), TotalSize: group.Total}
		for i, r := range group.Records {
			p := &akinv1.ExportedPaper{Paper: masked(wire.ToRecord(r), mask)}
			if group.Vectors != nil {
				p.Vector = group.Vectors[i]
			}
			resp.Papers = append(resp.Papers, p)
		}
		return stream.Send(resp)
	})
}

var changes = map[catalog.Change]akinv1.Change{ //nolint:gochecknoglobals // a constant table
	catalog.Created:   akinv1.Change_CHANGE_CREATED,
	catalog.Updated:   akinv1.Change_CHANGE_UPDATED,
	catalog.Unchanged: akinv1.Change_CHANGE_UNCHANGED,
	catalog.Deleted:   akinv1.Change_CHANGE_DELETED,
	catalog.Missing:   akinv1.Change_CHANGE_UNCHANGED,
}
