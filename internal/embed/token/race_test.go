//go:build race

package token

// raceDetector says that the tests run with -race, under which sync.Pool drops
// things on purpose.
const raceDetector = true
