package filter

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"go.einride.tech/aip/filtering"

	"akin/internal/paper"
)

// interval is the values from lo to hi, both included. Every comparison of a
// number, a date or a time is one.
type interval[T cmp.Ordered] struct{ lo, hi T }

func (i interval[T]) has(v T) bool { return i.lo <= v && v <= i.hi }

// packDay orders days of the calendar as numbers. Parts that are not known are
// zero, so a date known to the year comes right before its first day, and a
// date's numbers with and without its parts are neighbours.
func packDay(year, month, day int) uint32 {
	return uint32(year)<<9 | uint32(month)<<5 | uint32(day)
}

func packDate(d paper.Date) uint32 { return packDay(d.Year, d.Month, d.Day) }

// unpackDate undoes packDate.
func unpackDate(packed uint32) paper.Date {
	return paper.Date{Year: int(packed >> 9), Month: int(packed >> 5 & 15), Day: int(packed & 31)}
}

// anyDate is every date with a year; zero stands for no date.
func anyDate() interval[uint32] { return interval[uint32]{packDay(1, 0, 0), packDay(9999, 12, 31)} }

// days gives the packed dates that compare so with a date that has a year. A
// date known to the month or the year is the range of its days. To equal it, a
// paper's date must be known to lie within; in an order, a paper stands on the
// first day that its date can be.
func days(op filtering.TokenType, d paper.Date) interval[uint32] {
	in := anyDate()
	last := d
	if d.Month == 0 {
		last.Month = 12
	}
	if d.Day == 0 {
		last.Day = 31
	}
	// The first packed date whose first day is not before d's: 2024-01-01,
	// 2024-01 and 2024 all begin on one day.
	first := d
	if first.Day == 1 {
		first.Day = 0
	}
	if first.Day == 0 && first.Month == 1 {
		first.Month = 0
	}
	switch op {
	case filtering.TokenTypeLessThan:
		in.hi = packDate(first) - 1
	case filtering.TokenTypeLessEquals:
		in.hi = packDate(last)
	case filtering.TokenTypeGreaterThan:
		in.lo = packDate(last) + 1
	case filtering.TokenTypeGreaterEquals:
		in.lo = packDate(first)
	default:
		in = interval[uint32]{packDate(d), packDate(last)}
	}
	return in
}

// parseDate reads a date of a filter; unlike a record's, it has no time of day.
func parseDate(text string) (paper.Date, bool) {
	if text == "" || strings.Trim(text, "0123456789-") != "" {
		return paper.Date{}, false
	}
	d, err := paper.ParseDate(text)
	return d, err == nil
}

// anyTime is every instant.
func anyTime() interval[int64] { return interval[int64]{math.MinInt64, math.MaxInt64} }

// instants gives the times, in microseconds, that compare so with a range.
func instants(op filtering.TokenType, r interval[int64]) interval[int64] {
	in := anyTime()
	switch op {
	case filtering.TokenTypeLessThan:
		in.hi = r.lo - 1
	case filtering.TokenTypeLessEquals:
		in.hi = r.hi
	case filtering.TokenTypeGreaterThan:
		in.lo = r.hi + 1
	case filtering.TokenTypeGreaterEquals:
		in.lo = r.lo
	default:
		in = r
	}
	return in
}

// parseTime reads an RFC 3339 time, which is one instant, or a date, which is
// all of its days in UTC.
func parseTime(text string) (interval[int64], bool) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return interval[int64]{t.UnixMicro(), t.UnixMicro()}, true
	}
	d, ok := parseDate(text)
	if !ok || d.Year == 0 {
		return interval[int64]{}, false
	}
	from := time.Date(d.Year, time.Month(max(d.Month, 1)), max(d.Day, 1), 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 0, 1)
	switch {
	case d.Month == 0:
		to = from.AddDate(1, 0, 0)
	case d.Day == 0:
		to = from.AddDate(0, 1, 0)
	}
	return interval[int64]{from.UnixMicro(), to.UnixMicro() - 1}, true
}

// anyNumber is every number of a record, which are finite.
func anyNumber() interval[float64] { return interval[float64]{math.Inf(-1), math.Inf(1)} }

// numbers gives the float64s that compare so with the number that a text writes,
// to which v is nearest. Beyond 2^53, where not every whole number is a float64,
// they are compared with exactly that number.
func numbers(op filtering.TokenType, v float64, text string) interval[float64] {
	in := anyNumber()
	below, above := v, v // the nearest float64s that are not above it, and not below
	if math.Abs(v) >= 1<<53 {
		switch newDecimal(strconv.FormatFloat(v, 'f', 0, 64)).compare(newDecimal(text)) {
		case 1:
			below = math.Nextafter(v, in.lo)
		case -1:
			above = math.Nextafter(v, in.hi)
		}
	}
	switch op {
	case filtering.TokenTypeLessThan:
		in.hi = math.Nextafter(above, in.lo)
	case filtering.TokenTypeLessEquals:
		in.hi = below
	case filtering.TokenTypeGreaterThan:
		in.lo = math.Nextafter(below, in.hi)
	case filtering.TokenTypeGreaterEquals:
		in.lo = above
	default:
		in = interval[float64]{above, below} // empty where they differ
	}
	return in
}

// parseNumber reads a finite decimal number. Words that Go also reads as
// numbers (inf, nan, 0x1p-2, 1_000) are none.
func parseNumber(text string) (float64, bool) {
	if text == "" || strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}
