package cli

import (
	"errors"
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

// explain makes a status readable: its sentence, and what a field says beyond.
func explain(err error) string {
	var s interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &s) {
		return err.Error()
	}
	st := s.GRPCStatus()
	message := st.Message()
	for _, d := range st.Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				if !strings.Contains(message, v.GetDescription()) {
					message += "; " + v.GetField() + " " + v.GetDescription()
				}
			}
		}
	}
	if st.Code() == codes.Unavailable {
		message += " (is a server running? start one with `akin serve --data DIR`, or use --data DIR)"
	}
	return message
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
