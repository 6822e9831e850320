package source

import (
	"fmt"
	"time"
)

// Day is a day of the calendar in UTC, counted from 1970-01-01, which is 1. The zero Day
// is none. Days are compared as numbers.
type Day int32

const daySeconds = 24 * 60 * 60

// DayOf is the day that a time is in.
func DayOf(t time.Time) Day {
	seconds := t.Unix()
	days := seconds / daySeconds
	if seconds < 0 && seconds%daySeconds != 0 {
		days--
	}
	return Day(days + 1)
}

// ParseDay reads YYYY-MM-DD; "" is none.
func ParseDay(text string) (Day, error) {
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < firstYear {
		return 0, fmt.Errorf("is %.40q; write a day as YYYY-MM-DD, from 1970-01-01 on", text)
	}
	return DayOf(t), nil
}

const firstYear = 1970

// Time is when the day begins.
func (d Day) Time() time.Time { return time.Unix((int64(d)-1)*daySeconds, 0).UTC() }

// String gives YYYY-MM-DD; "" for none.
func (d Day) String() string {
	if d == 0 {
		return ""
	}
	return d.Time().Format(time.DateOnly)
}

// MarshalText implements encoding.TextMarshaler.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Day) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDay(string(text))
	return err
}
