// Package rest reads for how long servers ask to be left alone, as everybody who fetches
// understands it: the header Retry-After, and Zotero's Backoff. Its functions are pure.
//
// Caveats: servers write more than the standard has: fractions, 0, negative numbers, dates
// that are past.
package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What a server may ask for is bounded.
const (
	Least = time.Second
	Most  = 24 * time.Hour
)

// After reads a header: seconds, or a date. What is no time, or not in
// the future, says nothing; what is beyond a day is a day.
func After(header string, now time.Time) (wait time.Duration, ok bool) {
	text := strings.TrimSpace(header)
	if text == "" {
		return 0, false
	}
	if strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(Most/time.Second) { // more digits than a number has
			return Most, true
		}
		wait = time.Duration(seconds) * time.Second
	} else if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds > 0) {
			return 0, false
		}
		wait = time.Duration(min(seconds, Most.Seconds()) * float64(time.Second))
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	if wait <= 0 {
		return 0, false
	}
	return min(max(wait, Least), Most), true
}
