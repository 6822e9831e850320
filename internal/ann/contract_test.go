package ann_test

import (
	"testing"

	"akin/internal/ann"
	"akin/internal/ann/anntest"
)

func TestContract(t *testing.T) {
	for name, subject := range map[string]anntest.Subject{
		"Exact": {
			New:         func(d int) (ann.Index, error) { return ann.NewExact(d) },
			LeastRecall: 1,
		},
		"Plain": {
			New:         func(d int) (ann.Index, error) { return ann.NewPlain(d) },
			LeastRecall: 1,
		},
		"Graph": {
			New:         func(d int) (ann.Index, error) { return ann.NewGraph(d, ann.Options{}) },
			LeastRecall: 1, // by scan, at these sizes
		},
		"Graph, walking": {
			New: func(d int) (ann.Index, error) {
				return ann.NewGraph(d, ann.Options{AlwaysWalk: true})
			},
			LeastRecall: 0.97,
		},
		"Graph, walking, float32 alone": {
			New: func(d int) (ann.Index, error) {
				return ann.NewGraph(d, ann.Options{AlwaysWalk: true, Plain: true})
			},
			LeastRecall: 0.97,
		},
		"Coder": {
			New:           func(d int) (ann.Index, error) { return ann.NewCoder(d, 1) },
			NotRepeatable: true, LeastRecall: 0.9,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if raceDetector {
				anntest.RunConcurrent(t, subject) // make test runs the rest without the race detector
				return
			}
			anntest.Run(t, subject)
		})
	}
}
