package paper

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Date is a calendar date known to the year, the month or the day. Parts that
// are not known are zero; a date of a feed page may lack its year ("Mar 17").
// The zero Date means that no date is known.
type Date struct {
	Year  int // 1..9999, or 0
	Month int // 1..12, or 0
	Day   int // 1..31, or 0
}

// IsZero says that nothing of the date is known.
func (d Date) IsZero() bool { return d == Date{} }

// Compare orders by year, month and day; unknown parts come first.
func (d Date) Compare(e Date) int {
	return cmp.Or(cmp.Compare(d.Year, e.Year), cmp.Compare(d.Month, e.Month), cmp.Compare(d.Day, e.Day))
}

// String gives "2021", "2021-12", "2021-12-16", or "--03-17" (ISO 8601:2000)
// where the year is unknown, and "" for the zero date.
func (d Date) String() string {
	switch {
	case d.IsZero():
		return ""
	case d.Year == 0:
		return fmt.Sprintf("--%02d-%02d", d.Month, d.Day)
	case d.Month == 0:
		return fmt.Sprintf("%04d", d.Year)
	case d.Day == 0:
		return fmt.Sprintf("%04d-%02d", d.Year, d.Month)
	default:
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	}
}

// ParseDate reads what String writes, and the date part of an RFC 3339 time.
// The empty string is the zero date.
func ParseDate(s string) (Date, error) {
	text := s
	if i := strings.IndexAny(text, "T "); i > 0 {
		text = text[:i]
	}
	var d Date
	if rest, ok := strings.CutPrefix(text, "--"); ok {
		if t, err := time.Parse("2006-01-02", "2000-"+rest); err == nil { // 2000 has a Feb 29
			d.Month, d.Day = int(t.Month()), t.Day()
		} else {
			return Date{}, Invalidf("date %q is not of the form --MM-DD", s)
		}
		return d, d.check(s)
	}
	if text == "" {
		return Date{}, nil
	}
	parts := strings.Split(text, "-")
	if len(parts) > 3 || len(parts[0]) != 4 {
		return Date{}, Invalidf("date %q is not of the form YYYY, YYYY-MM or YYYY-MM-DD", s)
	}
	into := []*int{&d.Year, &d.Month, &d.Day}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n <= 0 {
			return Date{}, Invalidf("date %q is not of the form YYYY, YYYY-MM or YYYY-MM-DD", s)
		}
		*into[i] = n
	}
	return d, d.check(s)
}

func (d Date) check(s string) error {
	if err := d.Validate(); err != nil {
		return Invalidf("date %q: %v", s, err)
	}
	return nil
}

// Validate says whether the parts make a date of the calendar. A day needs a
// month; a month without a year needs a day.
func (d Date) Validate() error {
	switch {
	case d.IsZero():
		return nil
	case d.Year < 0 || d.Year > 9999:
		return Invalidf("year %d is not between 1 and 9999", d.Year)
	case d.Month < 0 || d.Month > 12:
		return Invalidf("month %d is not between 1 and 12", d.Month)
	case d.Month == 0 && d.Day != 0, d.Year == 0 && d.Day == 0:
		return Invalidf("a date has a year, a year and month, or a month and day")
	case d.Day == 0:
		return nil
	}
	year := d.Year
	if year == 0 {
		year = 2000 // a leap year, so that Feb 29 of an unknown year passes
	}
	last := time.Date(year, time.Month(d.Month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if d.Day < 1 || d.Day > last {
		return Invalidf("day %d is not between 1 and %d", d.Day, last)
	}
	return nil
}
