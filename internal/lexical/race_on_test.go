//go:build race

package lexical

// raceDetector makes tests use fewer papers: it slows them about tenfold.
const raceDetector = true
