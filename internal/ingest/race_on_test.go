//go:build race

package ingest

// raceDetector leaves out the tests that measure memory: it holds memory of its
// own, and slows them about tenfold. make test runs them without it.
const raceDetector = true
