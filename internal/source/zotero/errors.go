package zotero

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"akin/internal/paper"
)

func resting(wait time.Duration) error {
	wait = time.Duration(math.Ceil(wait.Seconds())) * time.Second
	return &paper.Error{
		Kind: paper.Exhausted, Reason: ReasonResting, Subject: "zotero", RetryAfter: wait,
		Message: fmt.Sprintf("Zotero's server asks to be left alone for %v", wait),
	}
}

// unreachable is the error where nothing, or not all, came from the server. What caused
// it may name the address, and never the key, which is in a header.
func unreachable(ctx context.Context, cause error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return &paper.Error{
		Kind: paper.Unavailable, Reason: ReasonTrouble, Cause: cause,
		Message: fmt.Sprintf("Zotero's server cannot be reached: %v", cause),
	}
}

func garbled(path string, cause error) error {
	return &paper.Error{
		Kind: paper.Unavailable, Reason: ReasonAnswer, Cause: cause,
		Message: fmt.Sprintf("the answer to %s is not what Zotero's Web API answers: %v; look whether --zotero-url names such a server", path, cause),
	}
}

// refused is the error of a status.
func (c *Client) refused(code int, path string) error {
	e := &paper.Error{
		Kind: paper.Unavailable, Reason: ReasonTrouble,
		Message: fmt.Sprintf("Zotero's server answered %d %s to %s", code, http.StatusText(code), path),
	}
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		e.Kind, e.Reason = paper.Denied, ReasonRefused
	case code == http.StatusNotFound:
		e.Kind, e.Reason = paper.NotFound, ReasonNoLibrary
		e.Message = fmt.Sprintf("Zotero's server has nothing at %s; look at the number of the user or group", path)
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		return resting(max(time.Until(c.Rest()), time.Second))
	case code >= 300 && code < 400:
		e.Message += ": redirects are not followed; look at --zotero-url"
	}
	return e
}
