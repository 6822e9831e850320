// Package crashtest says how often the tests that kill, copy and damage what they
// test do so.
package crashtest

import (
	"os"
	"strconv"
	"testing"
)

// Rounds is how often a test tries to break something: a few times, or as often as
// AKIN_CRASH_ROUNDS says, which make test-crash sets.
func Rounds(t testing.TB, few int) int {
	t.Helper()
	text := os.Getenv("AKIN_CRASH_ROUNDS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("AKIN_CRASH_ROUNDS is %q, which is no number of rounds", text)
	}
	return n
}

// Alone leaves out a long test of one goroutine where the race detector runs, which finds
// nothing in it and slows it tenfold: make test runs it without. AKIN_RACE_ALL, which make
// test-race sets, and AKIN_CRASH_ROUNDS run it all the same.
func Alone(t testing.TB) {
	t.Helper()
	if raceDetector && os.Getenv("AKIN_RACE_ALL") == "" && os.Getenv("AKIN_CRASH_ROUNDS") == "" {
		t.Skip("one goroutine alone: make test runs it without the race detector")
	}
}
