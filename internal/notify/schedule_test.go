package notify

import (
	"fmt"
	"testing"
	"time"
)

func day(y int, m time.Month, d int) Day { return DayOf(time.Date(y, m, d, 0, 0, 0, 0, time.UTC)) }

// Where clocks leave a time out, the digest comes right after that; where they show it
// twice, the first time.
func TestWallTime(t *testing.T) {
	for _, c := range []struct {
		zone   string
		day    Day
		minute int
		want   string // UTC
	}{
		{"Europe/Berlin", day(2026, 11, 30), 7 * 60, "2026-11-30T06:00:00Z"},
		{"Europe/Berlin", day(2026, 7, 1), 7 * 60, "2026-07-01T05:00:00Z"},
		{"Europe/Berlin", day(2026, 3, 29), 2*60 + 30, "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", day(2026, 10, 25), 2*60 + 30, "2026-10-25T00:30:00Z"},
		{"America/New_York", day(2026, 3, 8), 2*60 + 30, "2026-03-08T07:00:00Z"},
		{"America/New_York", day(2026, 3, 8), 3 * 60, "2026-03-08T07:00:00Z"},
		{"America/New_York", day(2026, 3, 8), 60 + 59, "2026-03-08T06:59:00Z"},
		{"America/New_York", day(2026, 11, 1), 60 + 30, "2026-11-01T05:30:00Z"},
		{"America/New_York", day(2026, 11, 1), 2*60 + 30, "2026-11-01T07:30:00Z"},
		{"America/Santiago", day(2026, 9, 6), 0, "2026-09-06T04:00:00Z"},
		{"America/Santiago", day(2026, 9, 6), 30, "2026-09-06T04:00:00Z"},
		{"America/Santiago", day(2026, 4, 4), 23*60 + 30, "2026-04-05T02:30:00Z"},
		{"Australia/Lord_Howe", day(2026, 10, 4), 2*60 + 15, "2026-10-03T15:30:00Z"},
		{"Pacific/Apia", day(2011, 12, 31), 7 * 60, "2011-12-30T17:00:00Z"},
		{"Asia/Kathmandu", day(2026, 1, 1), 0, "2025-12-31T18:15:00Z"},
		{"", day(2026, 1, 1), 0, "2026-01-01T00:00:00Z"},
	} {
		zone, err := loadZone(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := wallTime(c.day, c.minute, zone).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s %v %02d:%02d is %s, want %s", c.zone, c.day, c.minute/60, c.minute%60, got, c.want)
		}
	}
	apia, err := loadZone("Pacific/Apia")
	if err != nil {
		t.Fatal(err)
	}
	if hasDay(day(2011, 12, 30), apia) || !hasDay(day(2011, 12, 29), apia) || !hasDay(day(2011, 12, 31), apia) {
		t.Error("Samoa had no 30 December 2011")
	}
}

// In every zone each local date comes once, in order, and Next and Last agree.
func TestEveryDateOnce(t *testing.T) {
	for _, name := range []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham",
		"Africa/Casablanca", "America/Sao_Paulo", "Asia/Tehran", "Pacific/Apia", "America/St_Johns", "Antarctica/Troll", "Africa/Cairo", "Asia/Beirut",
	} {
		zone, err := loadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, minute := range []int{0, 30, 2*60 + 30, 7 * 60, 23*60 + 59} {
			s := Schedule{Every: Daily, Minute: minute, Zone: name}
			at := time.Date(2023, 12, 31, 12, 0, 0, 0, time.UTC)
			o := s.Next(at, zone)
			for o.At.Year() < 2028 {
				next := s.Next(o.At, zone)
				if next.Day != o.Day+1 && hasDay(o.Day+1, zone) || !next.At.After(o.At) {
					t.Fatalf("%s %d: %v at %v comes after %v at %v", name, minute, next.Day, next.At, o.Day, o.At)
				}
				if last := s.Last(next.At.Add(-1), zone); last != o {
					t.Fatalf("%s %d: before %v the last one is %v, not %v", name, minute, next, last, o)
				}
				if last := s.Last(next.At, zone); last != next {
					t.Fatalf("%s %d: at %v the last one is %v", name, minute, next, last)
				}
				o = next
			}
		}
	}
}

func TestWeekdays(t *testing.T) {
	zone := time.UTC
	friday := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		s    Schedule
		want string
	}{
		{Schedule{Every: Daily, Minute: 7 * 60}, "[2026-11-28 2026-11-29 2026-11-30]"},
		{Schedule{Every: Weekdays, Minute: 7 * 60}, "[2026-11-30 2026-12-01 2026-12-02]"},
		{Schedule{Every: Weekly, Weekday: time.Friday, Minute: 7 * 60}, "[2026-12-04 2026-12-11 2026-12-18]"},
		{Schedule{Every: Weekly, Weekday: time.Friday, Minute: 9 * 60}, "[2026-11-27 2026-12-04 2026-12-11]"},
	} {
		var got []Day
		for at := friday; len(got) < 3; {
			o := c.s.Next(at, zone)
			got, at = append(got, o.Day), o.At
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%+v: %v, want %s", c.s, got, c.want)
		}
	}
}

func TestCheckSchedule(t *testing.T) {
	for _, s := range []Schedule{
		{},
		{Every: 9},
		{Every: Daily, Minute: -1},
		{Every: Daily, Minute: 24 * 60},
		{Every: Weekly, Weekday: 7},
		{Every: Daily, Zone: "Local"},
		{Every: Daily, Zone: "local"},
		{Every: Daily, Zone: "Mars/Olympus"},
		{Every: Daily, Zone: "../../etc/passwd"},
		{Every: Daily, Zone: "/etc/passwd"},
		{Every: Daily, Zone: string(make([]byte, 100))},
	} {
		if s.check("schedule") == nil {
			t.Errorf("%+v was taken", s)
		}
	}
	good := Schedule{Every: Weekly, Weekday: time.Saturday, Minute: 1439, Zone: "America/Argentina/ComodRivadavia"}
	if err := good.check("schedule"); err != nil {
		t.Error(err)
	}
}
