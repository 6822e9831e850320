package paper

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Limits of a trail. They keep what is remembered of a paper small beside it.
const (
	// MaxSightings is how many values of one signal are remembered.
	MaxSightings = 64
	// MaxTrailSightings is how many values of all signals are remembered. Beyond
	// that, each signal has fewer, though never below minSightings.
	MaxTrailSightings = 4096
	minSightings      = 4
	// maxGoneSignals is how many signals are remembered that the paper has no more.
	maxGoneSignals = 24
)

// Trail is what is remembered of how sources spoke of a paper over time. It is no
// part of what a paper says: it is in no digest, and alone changes nothing. Trails
// never change once they are made, so that many may read one.
type Trail struct {
	// Signals are in order of name, without those that were never seen.
	Signals []SignalTrail
	// Listed are the listing dates that came without a year, with the year that they
	// mean, in order: each is the nearest one that was past when it came.
	Listed []Date
}

// SignalTrail is how a signal went.
type SignalTrail struct {
	Name string
	// Seen are in order of time, at least one. A value stands until the next.
	Seen []Sighting
}

// Sighting is a value of a signal with when it was first seen.
type Sighting struct {
	// Minute counts from 1970, UTC.
	Minute int64
	Value  float64
}

// NextTrail gives the trail of a paper that is written at a time over an old record,
// nil for none; nil if there is nothing to remember. What old says without a trail
// (it was written before there were any) counts as seen when old last changed.
func NextTrail(old *Record, p *Paper, now time.Time) *Trail {
	var next Trail
	if old != nil {
		next.Signals = slices.Clone(old.Sightings())
		if old.Trail != nil {
			next.Listed = old.Trail.Listed
		}
	}
	next.see(p.Signals, now.Unix()/60)
	next.list(old, p.ListedDates, now)
	if len(next.Signals) == 0 && len(next.Listed) == 0 {
		return nil
	}
	return &next
}

// Sightings gives how the signals of a record went. The caller must not change it.
func (r *Record) Sightings() []SignalTrail {
	if r.Trail != nil {
		return r.Trail.Signals
	}
	var seen Trail
	seen.see(r.Signals, r.UpdateTime.Unix()/60)
	return seen.Signals
}

// see adds values that were not known. It changes no sightings that others may have.
func (t *Trail) see(signals map[string]float64, minute int64) {
	most := max(minSightings, min(MaxSightings, MaxTrailSightings/max(1, len(signals))))
	for name, value := range signals {
		at, found := slices.BinarySearchFunc(t.Signals, name, func(s SignalTrail, name string) int { return strings.Compare(s.Name, name) })
		if !found {
			t.Signals = slices.Insert(t.Signals, at, SignalTrail{Name: name})
		}
		s := &t.Signals[at]
		s.Seen = seeing(s.Seen, Sighting{Minute: minute, Value: value}, most)
	}
	t.forget(signals)
}

// seeing gives some sightings with one more, of the most that there may be.
func seeing(seen []Sighting, now Sighting, most int) []Sighting {
	n := len(seen)
	switch {
	case n > 0 && seen[n-1].Value == now.Value:
		return seen
	case n > 0 && seen[n-1].Minute >= now.Minute: // clocks go back, too
		now.Minute = seen[n-1].Minute
		n--
	}
	return thinned(append(slices.Clone(seen[:n]), now), most)
}

// thinned takes out sightings until there are no more than most: again and again the
// one whose neighbours are nearest to each other for how long ago that is, so that
// what is left is dense of late and sparse of old. The first and the last stay.
func thinned(seen []Sighting, most int) []Sighting {
	for len(seen) > most {
		last := seen[len(seen)-1].Minute
		least, at := 0.0, 0
		for i := 1; i < len(seen)-1; i++ {
			gap := float64(seen[i+1].Minute-seen[i-1].Minute) / float64(last-seen[i].Minute+1)
			if at == 0 || gap < least {
				least, at = gap, i
			}
		}
		seen = slices.Delete(seen, at, at+1)
	}
	return seen
}

// forget drops signals that the paper has no more, if they are too many: those first
// that were not seen for longest.
func (t *Trail) forget(signals map[string]float64) {
	var gone []SignalTrail
	for _, s := range t.Signals {
		if _, has := signals[s.Name]; !has {
			gone = append(gone, s)
		}
	}
	if len(gone) <= maxGoneSignals {
		return
	}
	newest := func(s SignalTrail) int64 { return s.Seen[len(s.Seen)-1].Minute }
	slices.SortFunc(gone, func(a, b SignalTrail) int {
		return cmp.Or(cmp.Compare(newest(a), newest(b)), strings.Compare(a.Name, b.Name))
	})
	drop := make(map[string]bool)
	for _, s := range gone[:len(gone)-maxGoneSignals] {
		drop[s.Name] = true
	}
	t.Signals = slices.DeleteFunc(t.Signals, func(s SignalTrail) bool { return drop[s.Name] })
}

// list notes the years of listing dates that came without one and were not known.
func (t *Trail) list(old *Record, dates []Date, now time.Time) {
	for _, d := range dates {
		if d.Year != 0 || d.Day == 0 || slices.ContainsFunc(t.Listed, d.sameDay) {
			continue
		}
		if old != nil && slices.Contains(old.ListedDates, d) {
			continue // it came when old was created, for all that is known
		}
		if known := NearestPast(d, now); known.Year > 0 {
			t.Listed = append(slices.Clip(t.Listed), known)
		}
	}
	if !slices.IsSortedFunc(t.Listed, Date.Compare) {
		t.Listed = slices.SortedFunc(slices.Values(t.Listed), Date.Compare)
	}
}

// sameDay says that two dates have one month and day.
func (d Date) sameDay(e Date) bool { return d.Month == e.Month && d.Day == e.Day }

// NearestPast gives a month and day the latest year in which it was past, or today,
// at a time. Where days begin earlier than in UTC it may be tomorrow already: that
// counts as past, too.
func NearestPast(d Date, now time.Time) Date {
	latest := DateOf(now.UTC().Add(24 * time.Hour))
	for d.Year = latest.Year; d.Year > 0; d.Year-- {
		if d.Compare(latest) <= 0 && d.Validate() == nil { // 29 February is not of each year
			return d
		}
	}
	return Date{}
}

// DateOf is the day of a time, in UTC.
func DateOf(t time.Time) Date {
	t = t.UTC()
	return Date{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}
}

// Start is when a date with a year begins, in UTC: what is not known of it counts
// from the first day that it can be.
func (d Date) Start() time.Time {
	return time.Date(d.Year, time.Month(max(d.Month, 1)), max(d.Day, 1), 0, 0, 0, 0, time.UTC)
}

// Day is the day that a paper stands under in listings: its latest listing date,
// else its publish date as far as it is known, else the day of its import.
func (r *Record) Day() Date {
	if d := r.Dated(); !d.IsZero() {
		return d
	}
	return DateOf(r.CreateTime)
}

// Dated is Day without the day of the import: zero for a paper whose sources say no
// date.
func (r *Record) Dated() Date {
	var latest Date
	for _, d := range r.ListedDates {
		if d.Year == 0 {
			d = r.yearOf(d)
		}
		if d.Compare(latest) > 0 {
			latest = d
		}
	}
	if latest.Year != 0 {
		return latest
	}
	return r.PublishDate
}

// yearOf gives a listing date without a year the year that it means. If the same day
// is listed with its year, it is that one.
func (r *Record) yearOf(d Date) Date {
	var known Date
	for _, e := range r.ListedDates {
		if e.Year != 0 && e.sameDay(d) {
			known = e // the latest: they are sorted
		}
	}
	if known.Year != 0 {
		return known
	}
	if r.Trail != nil {
		if i := slices.IndexFunc(r.Trail.Listed, d.sameDay); i >= 0 {
			return r.Trail.Listed[i]
		}
	}
	return NearestPast(d, r.CreateTime)
}
