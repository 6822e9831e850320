package app

import (
	"time"

	"akin/internal/admit"
	"akin/internal/rpc"
)

const (
	// bulkPlaces is how many groups of papers are worked on at once, over all
	// streams: a few more than one stream has under way.
	bulkPlaces = 8
	// bulkWait is how long a batch may be expected to wait for its turn.
	bulkWait = time.Minute
)

// bounds are what keeps callers from asking too much. Calls that change many
// papers take seconds, and the embedding queue puts them behind what somebody
// waits for: they have a gate of their own.
func (c Config) bounds() rpc.Bounds {
	return rpc.Bounds{
		Calls:    admit.New(c.Admission),
		Bulk:     admit.New(admit.Config{Name: "batches", Places: bulkPlaces, MaxWait: bulkWait, Long: -1}),
		Timeouts: c.Timeouts,
	}
}
