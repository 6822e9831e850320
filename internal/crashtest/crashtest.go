// Package crashtest says how often the tests that kill, copy and damage what they
// test do so, and with what random numbers.
package crashtest

import (
	"os"
	"strconv"
	"testing"
	"time"
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

// Seed is where a test's random numbers begin: at the same in make test, so that it does not
// fail there by what it drew, and at another each time with AKIN_CRASH_ROUNDS.
// AKIN_CRASH_SEED repeats what a test said.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(1)
	if text := os.Getenv("AKIN_CRASH_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("AKIN_CRASH_SEED is %q, which is no number", text)
		}
		seed = n
	} else if os.Getenv("AKIN_CRASH_ROUNDS") != "" {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	return seed
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
