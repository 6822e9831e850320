package local

import (
	"errors"
	"strings"
	"testing"
)

func TestGuarded(t *testing.T) {
	err := guarded(func() error { panic("out of range") })()
	if err == nil || !strings.Contains(err.Error(), "out of range") || !strings.Contains(err.Error(), "guarded_test.go") {
		t.Errorf("a panic became %v", err)
	}
	stop := errors.New("stop")
	if err := guarded(func() error { return stop })(); !errors.Is(err, stop) {
		t.Errorf("an error became %v", err)
	}
}
