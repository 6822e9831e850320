//go:build race

package ann_test

// raceDetector makes tests use fewer vectors: it slows them about tenfold. Those of a
// single goroutine, which has nobody to race with, are left out: see alone.
const raceDetector = true
