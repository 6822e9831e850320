package rpc

import (
	"context"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"akin/internal/catalog"
	"akin/internal/operation"
	akinv1 "akin/proto/akin/v1"
)

type adminService struct {
	akinv1.UnimplementedAdminServiceServer
	server *Server
}

// CreateSnapshot implements AdminService.
func (s *adminService) CreateSnapshot(_ context.Context, req *akinv1.CreateSnapshotRequest) (*longrunningpb.Operation, error) {
	run, err := s.server.engine.CreateSnapshot(req.GetName())
	if err != nil {
		return nil, err
	}
	return s.start("CreateSnapshot", func(ctx context.Context, progress catalog.Progress) (proto.Message, error) {
		made, err := run(ctx, progress)
		return toSnapshot(made), err
	})
}

// ListSnapshots implements AdminService.
func (s *adminService) ListSnapshots(ctx context.Context, _ *akinv1.ListSnapshotsRequest) (*akinv1.ListSnapshotsResponse, error) {
	all, err := s.server.engine.Snapshots(ctx)
	if err != nil {
		return nil, err
	}
	resp := new(akinv1.ListSnapshotsResponse)
	for _, one := range all {
		resp.Snapshots = append(resp.Snapshots, toSnapshot(one))
	}
	return resp, nil
}

// Verify implements AdminService.
func (s *adminService) Verify(_ context.Context, req *akinv1.VerifyRequest) (*longrunningpb.Operation, error) {
	name := req.GetSnapshot()
	if name != "" {
		if err := catalog.CheckSnapshotName("snapshot", name); err != nil {
			return nil, err
		}
	}
	return s.start("Verify", func(ctx context.Context, progress catalog.Progress) (proto.Message, error) {
		var found *catalog.Verification
		var err error
		if name == "" {
			found, err = s.server.engine.Verify(ctx, progress)
		} else {
			found, err = s.server.engine.VerifySnapshot(ctx, name, progress)
		}
		if err != nil {
			return nil, err
		}
		return toVerification(found), nil
	})
}

// start begins an operation whose result is a message.
func (s *adminService) start(method string, run func(context.Context, catalog.Progress) (proto.Message, error)) (*longrunningpb.Operation, error) {
	o, err := s.server.operations.Start(method, func(ctx context.Context, report operation.Report) (any, error) {
		return run(ctx, func(step string, done, total uint64) {
			report(operation.Progress{Step: step, Done: done, Total: total})
		})
	})
	if err != nil {
		return nil, err
	}
	return s.server.toOperation(o)
}

func toSnapshot(s catalog.Snapshot) *akinv1.Snapshot {
	return &akinv1.Snapshot{
		Name: s.Name, CreateTime: timestamppb.New(s.CreateTime), PaperCount: s.Papers, Sequence: s.Sequence, SizeBytes: s.Bytes, Fault: s.Fault,
	}
}

func toVerification(v *catalog.Verification) *akinv1.VerifyResponse {
	resp := &akinv1.VerifyResponse{Sequence: v.Sequence, PaperCount: v.Papers}
	for _, p := range v.Parts {
		resp.Parts = append(resp.Parts, &akinv1.VerifiedPart{Name: p.Name, Checked: p.Checked, Skipped: p.Skipped, Differences: p.Differences})
	}
	for _, d := range v.Differences {
		resp.Differences = append(resp.Differences, &akinv1.Difference{Part: d.Part, Description: d.Description, Remedy: d.Remedy})
	}
	return resp
}
