package rest_test

import (
	"net/http"
	"testing"
	"time"

	"akin/internal/source/rest"
)

func TestAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "soon": 0, "NaN": 0, "-Inf": 0, "120": 2 * time.Minute, " 7 ": 7 * time.Second, "0.5": rest.Least, "2.5": 2500 * time.Millisecond,
		"86401": rest.Most, "99999999999999999999999999": rest.Most, "1e300": rest.Most, "+Inf": rest.Most,
		now.Add(time.Hour).Format(http.TimeFormat):            time.Hour,
		now.Add(-time.Hour).Format(http.TimeFormat):           0,
		now.Add(365 * 24 * time.Hour).Format(http.TimeFormat): rest.Most,
		"Sunday, 01-Mar-26 12:00:30 GMT":                      30 * time.Second,
		"Sun Mar  1 12:00:30 2026":                            30 * time.Second,
		"Sun, 01 Mar 2026 12:00:30 +0100":                     0, // no time of HTTP
	} {
		got, ok := rest.After(text, now)
		if got != want || ok != (want > 0) {
			t.Errorf("%q: %v, %v; want %v", text, got, ok, want)
		}
	}
}
