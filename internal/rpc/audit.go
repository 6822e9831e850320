package rpc

import (
	"cmp"
	"context"
	"errors"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/access"
	"akin/internal/paper"
	"akin/internal/telemetry"
	akinv1 "akin/proto/akin/v1"
)

// requestIDKey is the metadata of a request's id.
const requestIDKey = telemetry.RequestIDKey

// requestID gives the id of a call, which the log has too; or makes one.
func requestID(ctx context.Context) string {
	return telemetry.RequestID(telemetry.RequestIDOf(ctx))
}

// describe adds to an event what a message asks for: collection and ids, never texts.
func describe(e *access.Event, m any) {
	if of, ok := m.(interface{ GetCollection() string }); ok && e.Collection == "" {
		if e.Collection = of.GetCollection(); e.Collection == "" {
			e.Collection = paper.DefaultCollection
		}
	}
	e.Subject = cmp.Or(e.Subject, subjectOf(m))
	switch m := m.(type) {
	case *akinv1.UpsertPaperRequest:
		e.Name(m.GetPaper().GetId())
	case *akinv1.BatchUpsertPapersRequest:
		for _, p := range m.GetPapers() {
			e.Name(p.GetId())
		}
	case *akinv1.ImportPapersRequest:
		if m.GetPaper() != nil {
			e.Name(m.GetPaper().GetId())
		}
	case *akinv1.DeletePaperRequest:
		e.Name(m.GetId())
	case *akinv1.BatchDeletePapersRequest:
		e.Name(m.GetIds()...)
	case *akinv1.AdoptLibrariesRequest:
		e.Name(m.GetOwner())
	case *akinv1.CreateSnapshotRequest:
		e.Snapshot = m.GetName()
	case *akinv1.VerifyRequest:
		e.Snapshot = m.GetSnapshot()
	case *longrunningpb.CancelOperationRequest:
		e.Operation = m.GetName()
	case *longrunningpb.DeleteOperationRequest:
		e.Operation = m.GetName()
	}
}

// resultOf is the code that a call ends with.
func resultOf(err error) string {
	var e *paper.Error
	switch {
	case errors.As(err, &e):
		return codeOf(e.Kind).String()
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded.String()
	case errors.Is(err, context.Canceled):
		return codes.Canceled.String()
	}
	if s, ok := status.FromError(err); ok {
		return s.Code().String()
	}
	return codes.Internal.String()
}

// reasonOf is the reason that an error has for programs; empty if none.
func reasonOf(err error) string {
	var e *paper.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}
