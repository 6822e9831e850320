//go:build !race

package ann_test

const raceDetector = false
