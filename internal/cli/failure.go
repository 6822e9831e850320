package cli

import (
	"errors"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/paper"
	"akin/internal/pending"
)

func exitCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errPartial):
		return exitPartial
	}
	var s interface{ GRPCStatus() *status.Status }
	if errors.As(err, &s) {
		switch s.GRPCStatus().Code() {
		case codes.NotFound:
			return exitNotFound
		case codes.Unavailable:
			return exitUnavailable
		case codes.InvalidArgument:
			return exitUsage
		}
	}
	var known *paper.Error
	if errors.As(err, &known) && known.Kind == paper.Invalid {
		return exitUsage
	}
	return exitFailed
}

// explain makes an error readable: its sentence, and what a field says beyond, in
// the words of the command line.
func explain(err error, parsed *kong.Context) string {
	var s interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &s) {
		return explainLocal(err, parsed)
	}
	st := s.GRPCStatus()
	message := st.Message()
	for _, d := range st.Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				if !strings.Contains(message, v.GetDescription()) {
					message += "; " + v.GetField() + " " + v.GetDescription()
				}
				message = inFlags(message, v.GetField(), v.GetDescription(), parsed)
			}
		}
	}
	if field, rest, ok := strings.Cut(message, ": "); ok && fieldPattern.MatchString(field) {
		message = flagFor(field, parsed) + ": " + rest
	}
	switch reason := connectionFault(message); {
	case reason != "":
		message += " (" + reason + ")"
	case st.Code() == codes.Unauthenticated:
		message += " (commands name its file with --api-key-file, or AKIN_API_KEY_FILE; those with --data need none)"
	case st.Code() == codes.Unavailable:
		message += " (is a server running? start one with `akin serve --data DIR`, or use --data DIR)"
	}
	return strings.TrimPrefix(message, "request is not valid: ")
}

// connectionFault says what to do about a connection that both sides do not agree on;
// empty if it is something else.
func connectionFault(message string) string {
	switch {
	case strings.Contains(message, "closed the connection: it may"):
		return "the server is there, and speaks TLS"
	case strings.Contains(message, "authentication handshake failed"):
		return "the server is there, but the two do not agree on TLS"
	case strings.Contains(message, "error reading server preface"), strings.Contains(message, "connection closed before server preface"):
		return "something answers there, but not gRPC in clear: if the server speaks TLS, use --tls, or --tls-ca FILE"
	}
	return ""
}

// explainLocal is explain for what this process found itself.
func explainLocal(err error, parsed *kong.Context) string {
	message := err.Error()
	var known *paper.Error
	if errors.As(err, &known) {
		for _, v := range known.Violations {
			message = inFlags(message, v.Field, v.Description, parsed)
		}
	}
	return message
}

// fieldPattern is a field of the API, such as positive[3].
var fieldPattern = regexp.MustCompile(`^[a-z_]+(\[[0-9]+\])?(\.[a-z_]+)*$`)

// inFlags puts the flag in the place of a field that a message is about.
func inFlags(message, field, description string, parsed *kong.Context) string {
	if field == "" {
		return message
	}
	return strings.Replace(message, field+" "+description, flagFor(field, parsed)+" "+description, 1)
}

// flagFor gives a field of the API the name that it has on the command line.
func flagFor(field string, parsed *kong.Context) string {
	name := field
	if before, after, ok := strings.Cut(field, "["); ok {
		_, rest, _ := strings.Cut(after, "]")
		name = before + rest
	}
	switch name {
	case "query":
		return "the query"
	case "paper_ids", "id", "ids":
		return "the id"
	case "field":
		return "the field"
	case "positive":
		return "--like"
	case "negative":
		return "--unlike"
	case "text":
		return "--title or --abstract"
	case "text.title", "text.abstract":
		return "--" + strings.TrimPrefix(name, "text.")
	case "formats":
		return "--write"
	}
	if parsed == nil {
		return field
	}
	flag := strings.ReplaceAll(name, "_", "-")
	for _, f := range parsed.Flags() {
		if f.Name == flag {
			return "--" + flag
		}
	}
	return field
}

// writing is a command that writes files, and knows what of them is kept when a
// disk is full, and how to go on.
type writing interface{ whenFull() string }

// whatIsKept is what to add to the failure of a command that found a disk full.
func whatIsKept(err error, parsed *kong.Context) string {
	if !pending.IsFull(err) {
		return ""
	}
	selected := parsed.Selected()
	if selected == nil || !selected.Target.CanAddr() {
		return ""
	}
	command, ok := selected.Target.Addr().Interface().(writing)
	if !ok {
		return "; make room and run the command again"
	}
	return "; " + command.whenFull()
}

func (c *embedCommand) whenFull() string {
	return "what was embedded is kept in the cache, and files of an earlier run are as they were: make room and run the same command again to go on from there"
}

func (c *importCommand) whenFull() string {
	return "what was acknowledged is durable: make room and run the same command again to go on from there"
}

func (c *exportCommand) whenFull() string {
	return "nothing was written, and files of an earlier export are as they were: make room, or name a directory on another disk with --out, and export again"
}

func (c *harvestOAICommand) whenFull() string {
	return "the answers that were saved are kept: make room and run the same command again to go on from there"
}
