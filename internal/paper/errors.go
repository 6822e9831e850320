package paper

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind classifies an error where it is born; the transport maps kinds to
// status codes in one place.
type Kind int

// The kinds of error. Internal is the zero value, so that what nobody
// classified is never shown to a client as its own fault.
const (
	Internal           Kind = iota
	Invalid                 // the request is wrong; repeating it won't help
	NotFound                // a named resource does not exist
	FailedPrecondition      // the system's state forbids it (another space, an unsupported operation)
	Exhausted               // a queue or quota is full; try again after RetryAfter
	Unavailable             // starting or stopping; try again
	DataLoss                // stored bytes are damaged
	Unsupported             // this build or index cannot do it
	Overdue                 // it took longer than the server allows
	Unauthenticated         // nobody knows who asks
	Denied                  // who asks may not do it
)

// Reasons that a program can read (google.rpc.ErrorInfo.reason).
const (
	ReasonInvalidField      = "INVALID_FIELD"
	ReasonTextTooLong       = "TEXT_TOO_LONG"
	ReasonPageTokenExpired  = "PAGE_TOKEN_EXPIRED"
	ReasonPaperNotFound     = "PAPER_NOT_FOUND"
	ReasonCollectionUnknown = "COLLECTION_NOT_FOUND"
	ReasonSpaceMismatch     = "SPACE_MISMATCH"
	ReasonQueueFull         = "QUEUE_FULL"
	ReasonStopping          = "STOPPING"
	ReasonCorrupt           = "CORRUPT"
	ReasonUnsupported       = "UNSUPPORTED"
	ReasonDataLocked        = "DATA_LOCKED"
	ReasonResponseTooLarge  = "RESPONSE_TOO_LARGE"
	ReasonRequestTooHeavy   = "REQUEST_TOO_HEAVY"
	ReasonMalformed         = "MALFORMED_MESSAGE"
	ReasonServerDeadline    = "SERVER_DEADLINE"
	ReasonKeyMissing        = "CREDENTIALS_MISSING"
	ReasonKeyInvalid        = "CREDENTIALS_INVALID"
	ReasonScopeMissing      = "SCOPE_MISSING"
	ReasonCollectionDenied  = "COLLECTION_DENIED"
	ReasonQuotaExceeded     = "QUOTA_EXCEEDED"
)

// Violation is one fault of one field of a request.
type Violation struct {
	// Field is a path such as "papers[3].title".
	Field string
	// Description is a sentence that names the limit, the value and the remedy.
	Description string
}

// Error is an error with its kind, a reason for programs and details for
// people. Wrap it with %w as usual; KindOf finds it again.
type Error struct {
	Kind    Kind
	Reason  string
	Message string
	// Violations are set for Kind Invalid.
	Violations []Violation
	// Metadata goes to ErrorInfo.metadata, for example tokens and limit.
	Metadata map[string]string
	// Resource names what was not found, for example {"paper", "arXiv:1"}.
	ResourceType, ResourceName string
	// Subject is whose limit it was, for Exhausted; empty means the server's.
	Subject string
	// RetryAfter is how long to wait, for Exhausted and Unavailable.
	RetryAfter time.Duration
	// Cause is kept for logs and never shown to a client.
	Cause error
}

// Error gives the message and the violations, without the cause's internals.
func (e *Error) Error() string {
	s := e.Message
	for i, v := range e.Violations {
		sep := "; "
		if i == 0 && s != "" {
			sep = ": "
		}
		if v.Field != "" {
			s += sep + v.Field + " " + v.Description
		} else {
			s += sep + v.Description
		}
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Prefixed returns a copy whose violations' fields begin with prefix, for
// faults found in a part of a larger message.
func (e *Error) Prefixed(prefix string) *Error {
	c := *e
	c.Violations = make([]Violation, len(e.Violations))
	for i, v := range e.Violations {
		c.Violations[i] = Violation{Field: prefix + v.Field, Description: v.Description}
	}
	return &c
}

// Invalidf makes an error of kind Invalid without a field.
func Invalidf(format string, args ...any) *Error {
	return &Error{Kind: Invalid, Reason: ReasonInvalidField, Message: fmt.Sprintf(format, args...)}
}

// InvalidField makes an error of kind Invalid for one field.
func InvalidField(field, format string, args ...any) *Error {
	return &Error{
		Kind: Invalid, Reason: ReasonInvalidField, Message: "request is not valid",
		Violations: []Violation{{Field: field, Description: fmt.Sprintf(format, args...)}},
	}
}

// MissingPaper makes the error for a paper that the collection does not hold.
func MissingPaper(id string) *Error {
	return &Error{
		Kind: NotFound, Reason: ReasonPaperNotFound, ResourceType: "paper", ResourceName: id,
		Message: fmt.Sprintf("paper %q is not in the collection; import it, or look it up with list", id),
	}
}

// KindOf finds the kind of the first *Error in err's chain; Internal if none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Canceled says whether err is a caller's cancellation or deadline.
func Canceled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
