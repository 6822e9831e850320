package rpc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"akin/internal/access"
	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

// requestIDKey is the metadata of a request's id.
const requestIDKey = "x-request-id"

// longestRequestID bounds an id of the caller's, in bytes.
const longestRequestID = 128

// requestID gives the id that came with a call, or makes one.
func requestID(ctx context.Context) string {
	if said := metadata.ValueFromIncomingContext(ctx, requestIDKey); len(said) > 0 && said[len(said)-1] != "" {
		id := said[len(said)-1]
		return id[:min(len(id), longestRequestID)]
	}
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// describe adds to an event what a message asks for: collection and ids, never texts.
func describe(e *access.Event, m any) {
	if of, ok := m.(interface{ GetCollection() string }); ok && e.Collection == "" {
		if e.Collection = of.GetCollection(); e.Collection == "" {
			e.Collection = paper.DefaultCollection
		}
	}
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
