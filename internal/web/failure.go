package web

import (
	"context"
	"errors"
	"math"
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fault is what a page of an error says.
type fault struct {
	Status  int
	Heading string
	Message string
	// Fields are what is wrong with single fields.
	Fields []fieldFault
	// Retry is after how many seconds it may work; 0 if nobody knows.
	Retry int
	// Again is where to go on.
	Again, AgainLabel string
}

type fieldFault struct{ Field, Description string }

// plainError is a page that says that something is wrong.
func plainError(httpStatus int, heading, message string) *answer {
	return faultPage(&fault{Status: httpStatus, Heading: heading, Message: message})
}

func faultPage(f *fault) *answer {
	return &answer{status: f.Status, page: "error", retry: f.Retry, frame: frame{Title: f.Heading, NoIndex: true, Body: f}}
}

// failure makes a page of the error of a call.
func (s *Site) failure(r *http.Request, err error) *answer {
	var own *fault
	if errors.As(err, &own) {
		return s.inBox(r, faultPage(own))
	}
	st := status.Convert(err)
	if errors.Is(err, context.Canceled) {
		st = status.New(codes.Canceled, "The request was given up.")
	}
	if st.Code() == codes.Unauthenticated {
		s.sessions.end(r) // its key is not taken any more
		b := &signing{Back: "/", Wrong: sentence(st.Message())}
		if r.Method == http.MethodGet {
			b.Back = withoutValues(r.URL, "part")
		} else {
			b.keepForm(r)
		}
		return signPage(http.StatusUnauthorized, b)
	}
	f := &fault{Message: sentence(st.Message())}
	f.Status, f.Heading = headingOf(st.Code())
	f.Fields = fieldsOf(st)
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.RetryInfo:
			f.Retry = max(1, int(math.Ceil(d.GetRetryDelay().AsDuration().Seconds())))
		case *errdetails.ErrorInfo:
			if d.GetReason() == "PAGE_TOKEN_EXPIRED" {
				f.Heading, f.Status = "That list is not kept any more", http.StatusGone
				f.Again, f.AgainLabel = withoutValues(r.URL, "page", "from", "part"), "Begin again with the first page"
				if r.URL.Path == "/search" {
					q := readQuery(r.URL.Query())
					f.Again = q.with(func(q *query) { q.Page = "" })
				}
			}
		}
	}
	if f.Status == http.StatusServiceUnavailable {
		f.Retry = max(f.Retry, 1)
		f.Again, f.AgainLabel = r.URL.RequestURI(), "Try again"
	}
	if f.Status == http.StatusInternalServerError {
		s.log.ErrorContext(r.Context(), "page failed", "path", withoutSecret(r.URL.Path), "error", st.Message())
	}
	return s.inBox(r, faultPage(f))
}

// fieldsOf are the fields that a status names, with what is wrong with each.
func fieldsOf(st *status.Status) (out []fieldFault) {
	for _, d := range st.Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				out = append(out, fieldFault{Field: v.GetField(), Description: v.GetDescription()})
			}
		}
	}
	return out
}

// refused is an error that a page says.
func refused(httpStatus int, heading, message string) error {
	return &fault{Status: httpStatus, Heading: heading, Message: message}
}

// Error implements error: what a page finds wrong itself.
func (f *fault) Error() string { return f.Message }

// inBox keeps what was searched for in the box, so that it can be mended there.
func (s *Site) inBox(r *http.Request, a *answer) *answer {
	if r.URL.Path == "/search" {
		a.frame.Box = readQuery(r.URL.Query())
	}
	return a
}

// headingOf is the one place where codes of calls become statuses of pages.
func headingOf(code codes.Code) (httpStatus int, heading string) {
	switch code {
	case codes.InvalidArgument, codes.OutOfRange:
		return http.StatusBadRequest, "That cannot be answered as it is"
	case codes.NotFound:
		return http.StatusNotFound, "There is no such paper here"
	case codes.ResourceExhausted, codes.Unavailable:
		return http.StatusServiceUnavailable, "Too much is asked for right now"
	case codes.PermissionDenied:
		return http.StatusForbidden, "Your key does not allow that"
	case codes.DeadlineExceeded, codes.Canceled:
		return http.StatusGatewayTimeout, "That took too long"
	case codes.FailedPrecondition, codes.Unimplemented:
		return http.StatusConflict, "This server cannot do that as it stands"
	}
	return http.StatusInternalServerError, "Something went wrong"
}

// sentence begins a message with a capital and ends it with a full stop.
func sentence(s string) string {
	if s == "" {
		return "Nothing more is known."
	}
	if c := s[0]; 'a' <= c && c <= 'z' {
		s = string(c-'a'+'A') + s[1:]
	}
	if last := s[len(s)-1]; last != '.' && last != '!' && last != '?' {
		s += "."
	}
	return s
}
