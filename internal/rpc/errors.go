package rpc

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"akin/internal/paper"
)

// errorDomain is ErrorInfo.domain: who defines the reasons.
const errorDomain = "akin"

// codeOf is the one place where kinds of error become status codes.
func codeOf(kind paper.Kind) codes.Code {
	switch kind {
	case paper.Invalid:
		return codes.InvalidArgument
	case paper.NotFound:
		return codes.NotFound
	case paper.FailedPrecondition:
		return codes.FailedPrecondition
	case paper.Exhausted:
		return codes.ResourceExhausted
	case paper.Unavailable:
		return codes.Unavailable
	case paper.DataLoss:
		return codes.DataLoss
	case paper.Unsupported:
		return codes.Unimplemented
	case paper.Overdue:
		return codes.DeadlineExceeded
	case paper.Unauthenticated:
		return codes.Unauthenticated
	case paper.Denied:
		return codes.PermissionDenied
	case paper.Internal:
	}
	return codes.Internal
}

// toStatus turns any error into a status with google.rpc details. What nobody
// classified becomes INTERNAL, logged whole and shown without its text.
func toStatus(ctx context.Context, log *slog.Logger, err error) error {
	if err == nil {
		return nil
	}
	return status.ErrorProto(statusProto(ctx, log, err))
}

func statusProto(ctx context.Context, log *slog.Logger, err error) *spb.Status {
	var e *paper.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded):
		return plain(codes.DeadlineExceeded, "the deadline passed before the answer was ready; allow more time", "DEADLINE_EXCEEDED")
	case errors.Is(err, context.Canceled):
		return plain(codes.Canceled, "the caller gave up", "CANCELED")
	default:
		if s, ok := status.FromError(err); ok {
			return s.Proto()
		}
		log.ErrorContext(ctx, "internal error", "error", err)
		return plain(codes.Internal, "internal error; the server's log says more", "INTERNAL")
	}
	if e.Kind == paper.Internal || e.Kind == paper.DataLoss {
		log.ErrorContext(ctx, "request failed", "error", err, "cause", e.Cause)
	}
	s, detailErr := status.New(codeOf(e.Kind), brief(e.Error())).WithDetails(details(e)...)
	if detailErr != nil {
		log.ErrorContext(ctx, "error details", "error", detailErr)
		return plain(codeOf(e.Kind), e.Error(), e.Reason)
	}
	return s.Proto()
}

// maxMessage bounds, in bytes, what an error says: it may quote what its caller sent, and
// travels in the trailers of a call, of which some clients take 8 KiB.
const maxMessage = 4 << 10

// brief cuts the middle out of a message that is too long: what is wrong stands at its
// beginning, and the remedy at its end.
func brief(message string) string {
	const end = maxMessage / 4
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage-end], "") + " … " + strings.ToValidUTF8(message[len(message)-end:], "")
}

func plain(code codes.Code, message, reason string) *spb.Status {
	s := status.New(code, brief(message))
	if with, err := s.WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: errorDomain}); err == nil {
		s = with
	}
	return s.Proto()
}

// details gives what the API promises: ErrorInfo always, the
// others where they say something.
func details(e *paper.Error) []protoadapt.MessageV1 {
	all := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: e.Reason, Domain: errorDomain, Metadata: e.Metadata}}
	if e.Kind == paper.Invalid && len(e.Violations) > 0 {
		bad := new(errdetails.BadRequest)
		for _, v := range e.Violations {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{
				Field: brief(v.Field), Description: brief(v.Description), Reason: e.Reason,
			})
		}
		all = append(all, bad)
	}
	if e.ResourceType != "" {
		all = append(all, &errdetails.ResourceInfo{ResourceType: e.ResourceType, ResourceName: brief(e.ResourceName), Description: brief(e.Message)})
	}
	if e.RetryAfter > 0 {
		all = append(all, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	if e.Kind == paper.Exhausted {
		all = append(all, &errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{
			Subject: cmp.Or(e.Subject, "server"), Description: brief(e.Message),
		}}})
	}
	return all
}
