package notify

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones are known also where the system has none

	"akin/internal/paper"
)

// Every is how often a digest comes.
type Every int

// How often. Their numbers are on disk.
const (
	Daily Every = iota + 1
	// Weekdays are Monday to Friday.
	Weekdays
	// Weekly is on one day of the week.
	Weekly
)

const (
	minutesOfDay = 24 * 60
	// around bounds how many days from a time the occurrences next to it are.
	around = 9
	// maxZoneBytes bounds the name of a zone.
	maxZoneBytes = 64
)

// Schedule says when a digest comes, by the clock of a place.
type Schedule struct {
	Every Every
	// Weekday is for Weekly.
	Weekday time.Weekday
	// Minute is the local time, in minutes from midnight.
	Minute int
	// Zone is a name of the IANA database, such as Europe/Berlin; "" is UTC.
	Zone string
}

// Occurrence is one time that a schedule names.
type Occurrence struct {
	// Day is the planned local date: whatever clocks do, it comes once.
	Day Day
	At  time.Time
}

// check says what is wrong with a schedule.
func (s *Schedule) check(field string) error {
	switch {
	case s.Every < Daily || s.Every > Weekly:
		return paper.InvalidField(field+".every", "is %d; a digest comes daily, on weekdays or weekly", s.Every)
	case s.Weekday < time.Sunday || s.Weekday > time.Saturday:
		return paper.InvalidField(field+".weekday", "is %d, which is no day of the week", s.Weekday)
	case s.Minute < 0 || s.Minute >= minutesOfDay:
		return paper.InvalidField(field+".time", "is %d minutes from midnight; the times are 00:00 to 23:59", s.Minute)
	}
	if _, err := loadZone(s.Zone); err != nil {
		return paper.InvalidField(field+".time_zone", "is %.80q, which is no time zone; write a name such as Europe/Berlin or America/New_York, or leave it out for UTC", s.Zone)
	}
	return nil
}

// loadZone gives a zone by its name. The zone of this machine is none: it may change
// with the machine.
func loadZone(name string) (*time.Location, error) {
	if len(name) > maxZoneBytes || strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("no time zone %.80q", name)
	}
	return time.LoadLocation(name)
}

// fits says whether the schedule names a date.
func (s *Schedule) fits(d Day) bool {
	switch day := d.Date().Weekday(); s.Every {
	case Weekdays:
		return day != time.Saturday && day != time.Sunday
	case Weekly:
		return day == s.Weekday
	default:
		return true
	}
}

// Next is the first occurrence after a time.
func (s *Schedule) Next(after time.Time, zone *time.Location) Occurrence {
	first := DayOf(after.In(zone)) - 1
	for d := first; d <= first+2*around; d++ {
		if o, ok := s.on(d, zone); ok && o.At.After(after) {
			return o
		}
	}
	return Occurrence{} // no zone leaves out so many dates
}

// Last is the last occurrence up to a time.
func (s *Schedule) Last(upTo time.Time, zone *time.Location) Occurrence {
	last := DayOf(upTo.In(zone)) + 1
	for d := last; d >= last-2*around; d-- {
		if o, ok := s.on(d, zone); ok && !o.At.After(upTo) {
			return o
		}
	}
	return Occurrence{}
}

// on is the occurrence of a date, if the schedule names it and the zone has it.
func (s *Schedule) on(d Day, zone *time.Location) (Occurrence, bool) {
	if !s.fits(d) || !hasDay(d, zone) {
		return Occurrence{}, false
	}
	return Occurrence{Day: d, At: wallTime(d, s.Minute, zone)}, true
}

// hasDay says whether a zone has a date: some left one out to move over the date line.
func hasDay(d Day, zone *time.Location) bool {
	return DayOf(wallTime(d, 0, zone).In(zone)) == d || DayOf(wallTime(d, minutesOfDay-1, zone).In(zone)) == d
}

// wallTime is the first moment at which clocks show a local time or, where they leave it
// out, the first one after that.
func wallTime(d Day, minute int, zone *time.Location) time.Time {
	wanted := d.Date().Add(time.Duration(minute) * time.Minute) // as if the zone were UTC
	shows := func(t time.Time) bool {
		_, offset := t.In(zone).Zone()
		return t.Add(time.Duration(offset) * time.Second).Equal(wanted)
	}
	offsetAt := func(t time.Time) time.Duration {
		_, offset := t.In(zone).Zone()
		return time.Duration(offset) * time.Second
	}
	// The offsets before and after any change near the time.
	before, after := wanted.Add(-offsetAt(wanted.Add(-36*time.Hour))), wanted.Add(-offsetAt(wanted.Add(36*time.Hour)))
	first, second := before, after
	if second.Before(first) {
		first, second = second, first
	}
	switch {
	case shows(first):
		return first
	case shows(second):
		return second
	}
	// By the clock before the change the time is behind it: the change itself is the
	// first moment after what was left out.
	if start, _ := before.In(zone).ZoneBounds(); !start.IsZero() && before.Sub(start) < 36*time.Hour {
		return start.UTC()
	}
	return before
}
