//go:build !race

package token

// raceDetector says that the tests run with -race.
const raceDetector = false
