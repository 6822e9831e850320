package kv

import (
	"errors"
	"strings"
	"testing"

	"akin/internal/paper"
)

func TestPebbleFiles(t *testing.T) {
	for _, c := range []struct {
		limit uint64
		want  int
	}{{0, 0}, {64, 0}, {127, 0}, {128, 74}, {256, 128}, {1024, 512}, {4096, 1000}, {1 << 63, 1000}, {1<<64 - 1, 1000}} {
		got, err := pebbleFiles(c.limit)
		var e *paper.Error
		if got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%d: %d, %v", c.limit, got, err)
		}
		if err != nil && (!errors.As(err, &e) || e.Reason != ReasonFileLimit || !strings.Contains(err.Error(), "ulimit -n")) {
			t.Errorf("%d: %v", c.limit, err)
		}
	}
	if fileLimit() == 0 {
		t.Error("the limit of this process is 0")
	}
}
