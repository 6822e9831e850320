package ingest

import (
	"strconv"
	"strings"

	"akin/internal/paper"
)

// parseHeading reads a line that is a date and nothing else: "Mar 17", "March
// 17, 2025", "17 Mar 2025", "Mon, Mar 17" or "2025-03-17". What is no day of
// the calendar is no date.
func parseHeading(line string) (paper.Date, bool) {
	if len(line) > 200 { // most lines are abstracts: leave them alone
		return paper.Date{}, false
	}
	words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == '\r' || r == '\u00a0' })
	if len(words) > 1 && isWeekday(words[0]) {
		words = words[1:]
	}
	var d paper.Date
	switch len(words) {
	case 1:
		if len(words[0]) != len("2025-03-17") {
			return d, false
		}
		d, err := paper.ParseDate(words[0])
		return d, err == nil && d.Year != 0 && d.Day != 0
	case 3:
		year, err := strconv.Atoi(words[2])
		if err != nil || len(words[2]) != 4 || year < 1000 {
			return d, false
		}
		d.Year = year
	case 2:
	default:
		return d, false
	}
	d.Month, d.Day = monthNumber(words[0]), dayNumber(words[1])
	if d.Month == 0 {
		d.Month, d.Day = monthNumber(words[1]), dayNumber(words[0])
	}
	return d, d.Month != 0 && d.Day != 0 && d.Validate() == nil
}

func isWeekday(word string) bool {
	word = strings.TrimSuffix(strings.ToLower(word), ".")
	for _, name := range []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} {
		if word == name || word == name[:3] {
			return true
		}
	}
	return word == "tues" || word == "thur" || word == "thurs"
}

// monthNumber reads a month's English name or its abbreviation; 0 if it is
// neither.
func monthNumber(word string) int {
	word = strings.TrimSuffix(strings.ToLower(word), ".")
	for i, name := range []string{
		"january", "february", "march", "april", "may", "june",
		"july", "august", "september", "october", "november", "december",
	} {
		if word == name || word == name[:3] {
			return i + 1
		}
	}
	if word == "sept" {
		return 9
	}
	return 0
}

// dayNumber reads a day of the month such as "7", "07" or "7th"; 0 if it is
// none.
func dayNumber(word string) int {
	word = strings.ToLower(word)
	digits := strings.TrimRight(word, "stndrh")
	switch word[len(digits):] {
	case "", "st", "nd", "rd", "th":
	default:
		return 0
	}
	n, err := strconv.Atoi(digits)
	if err != nil || len(digits) > 2 || n < 1 || n > 31 {
		return 0
	}
	return n
}
