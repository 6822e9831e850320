//go:build race

package ann_test

// raceDetector makes tests use fewer vectors: it slows them about tenfold.
const raceDetector = true
