package rpc

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc/status"

	"akin/internal/paper"
)

// timeoutKey is the header in which an HTTP client says how long it waits, as gRPC
// clients do.
const timeoutKey = "Grpc-Timeout"

// timely gives a request that ends when its client no longer waits for it, or
// answers, and returns false, where the header does not say when that is.
func timely(w http.ResponseWriter, r *http.Request) (_ *http.Request, release func(), ok bool) {
	header := r.Header.Get(timeoutKey)
	if header == "" {
		return r, func() {}, true
	}
	limit, ok := timeoutOf(header)
	if !ok {
		e := paper.InvalidField(timeoutKey, "is %.80q; write a whole number above 0 and a unit, one of H, M, S, m, u and n, such as 5S or 300m, or leave it out", header)
		s := status.New(codeOf(e.Kind), e.Error())
		if with, err := s.WithDetails(details(e)...); err == nil {
			s = with
		}
		refuseWith(w, http.StatusBadRequest, s.Proto())
		return nil, nil, false
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	return r.WithContext(ctx), cancel, true
}

// timeoutOf reads a number and its unit. What is longer than a Duration is the
// longest one.
func timeoutOf(header string) (time.Duration, bool) {
	units := map[byte]time.Duration{
		'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
	}
	last := len(header) - 1
	unit, ok := units[header[last]]
	n, err := strconv.ParseUint(header[:last], 10, 64)
	switch {
	case !ok || err != nil || n == 0:
		return 0, false
	case n > uint64(math.MaxInt64/unit):
		return math.MaxInt64, true
	}
	return time.Duration(n) * unit, true
}
