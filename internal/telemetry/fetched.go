package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Fetched is what a source of papers has brought.
type Fetched struct {
	Source, Collection string
	// What became of its records, ever.
	New, Changed, Known, Removed, Refused uint64
	Runs, Failures                        uint64
	// InARow are the failures since the last success.
	InARow int
	// Succeeded is when a run last ended well, Delivered when a new paper last came; zero
	// if never.
	Succeeded, Delivered time.Time
	Paused, Stale        bool
	Every                time.Duration
}

// fetchedDescs are the metrics of sources of papers.
type fetchedDescs struct {
	records, runs, failures, inARow, succeeded, delivered, paused, stale, every *prometheus.Desc
}

func newFetchedDescs() fetchedDescs {
	return fetchedDescs{
		records:   desc("source_records_total", "What sources of papers brought, by what became of it.", "source", "outcome"),
		runs:      desc("source_runs_total", "Runs of a source that were begun.", "source"),
		failures:  desc("source_failures_total", "Requests and imports of a source that failed.", "source"),
		inARow:    desc("source_failing", "Failures of a source since its last success.", "source"),
		succeeded: desc("source_last_success_timestamp_seconds", "When a run of a source last ended well.", "source"),
		delivered: desc("source_last_delivery_timestamp_seconds", "When a source last brought a new paper.", "source"),
		paused:    desc("source_paused", "1 while a source is paused.", "source"),
		stale:     desc("source_stale", "1 while a source answers and brings nothing new for long.", "source"),
		every:     desc("source_interval_seconds", "How long from one run of a source to the next.", "source"),
	}
}

func (d *fetchedDescs) all() []*prometheus.Desc {
	return []*prometheus.Desc{d.records, d.runs, d.failures, d.inARow, d.succeeded, d.delivered, d.paused, d.stale, d.every}
}

func (d *fetchedDescs) collect(o out, s Fetched) {
	for outcome, n := range map[string]uint64{"new": s.New, "changed": s.Changed, "known": s.Known, "removed": s.Removed, "refused": s.Refused} {
		o.counter(d.records, n, s.Source, outcome)
	}
	o.counter(d.runs, s.Runs, s.Source)
	o.counter(d.failures, s.Failures, s.Source)
	o.gauge(d.inARow, float64(s.InARow), s.Source)
	o.time(d.succeeded, s.Succeeded, s.Source)
	o.time(d.delivered, s.Delivered, s.Source)
	for desc, yes := range map[*prometheus.Desc]bool{d.paused: s.Paused, d.stale: s.Stale} {
		v := 0.0
		if yes {
			v = 1
		}
		o.gauge(desc, v, s.Source)
	}
	o.gauge(d.every, s.Every.Seconds(), s.Source)
}
