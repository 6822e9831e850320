//go:build !linux

package ann_test

import "time"

var began = time.Now() //nolint:gochecknoglobals // what time is counted from

// threadTime is the time by the clock: that of a thread is not to be had here.
func threadTime() time.Duration { return time.Since(began) }
