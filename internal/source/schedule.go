package source

import (
	"hash/fnv"
	"time"
)

// share gives a part of a span that is always the same for a name.
func share(name string, span time.Duration) time.Duration {
	if span <= 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	// FNV of short names differs little in its high bits: it is mixed once more.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return time.Duration(x % uint64(span))
}

// nextTime is when a source is due after a time: always at the same moments, which differ
// between sources, so that not all ask at once and none drifts.
func nextTime(name string, every time.Duration, after time.Time) time.Time {
	offset := share(name, every)
	period := every.Nanoseconds()
	passed := (after.UnixNano() - offset.Nanoseconds()) % period
	if passed < 0 {
		passed += period
	}
	return after.Add(time.Duration(period - passed)).UTC()
}

// firstTime is when a source that is new, or that missed its time while nothing ran, is
// due: soon, and not all at once.
func firstTime(name string, now time.Time) time.Time {
	const soon = 30 * time.Second
	return now.Add(share(name, soon)).UTC()
}
