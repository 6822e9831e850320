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
