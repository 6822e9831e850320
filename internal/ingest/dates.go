package ingest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"akin/internal/paper"
)

// dateReading is how far a text could be read as a date.
type dateReading int

const (
	dateNone   dateReading = iota // it says that there is none
	dateRead                      // all that it says was taken
	dateInPart                    // a part was taken: a year of which nobody knows the day
	dateUnread
)

// looseDate reads a date as people and programs write it, in the spellings of
// readDate; ok is false where there is none.
func looseDate(text string) (d paper.Date, ok bool) {
	d, _ = readDate(text)
	return d, d.Year != 0
}

var (
	timeBetween = regexp.MustCompile(`(\d)[Tt](\d)`)
	plainNumber = regexp.MustCompile(`^\d+(\.0*)?$`)
	yearSuffix  = regexp.MustCompile(`^(\d{4})[a-z]$`) // 2019a, of several by one author
	ordinalDay  = regexp.MustCompile(`^(\d{1,2})(st|nd|rd|th|\.?[ºª])$`)
	datedBefore = regexp.MustCompile(`^-\d`) // a negative number, a year before our era
)

// yearPair is a year and the last digits of another: 2019/20.
var yearPair = regexp.MustCompile(`^(\d{4})[/–-](\d{2})$`)

// followsYear says that two digits are the last ones of the year after one, and no month.
func followsYear(year, digits string) bool {
	n, err := strconv.Atoi(year)
	return err == nil && digits > "12" && strconv.Itoa(n + 1)[2:] == digits
}

// cjkDate writes a date of East Asia with hyphens.
func cjkDate(text string) string {
	return strings.NewReplacer("年", "-", "月", "-", "日", " ", "년", "-", "월", "-", "일", " ").Replace(text)
}

// readDate reads "2020-3-7", "2020/03/07/", "20200307", "2020-03-07T10:00:00Z",
// "7.3.2020", "March 2020", "7 Mar 2020", "Sat, 7 Mar 2020 10:00:00 GMT", "2020
// Mar-Apr", "00/2020", "2020-03-00", "2020a", "c. 2020", "2020年3月7日", and the
// seconds, or parts of them, since 1970. Of a range it takes the beginning. Where
// nobody knows which is the month ("05/12/2020"), it takes the year.
func readDate(text string) (paper.Date, dateReading) {
	text = strings.Trim(collapse(text), `"'[](){}; `)
	if years := yearPair.FindStringSubmatch(text); years != nil && followsYear(years[1], years[2]) {
		text = years[1]
	}
	if noDate(text) {
		return paper.Date{}, dateNone
	}
	if datedBefore.MatchString(text) {
		return paper.Date{}, dateUnread
	}
	if plainNumber.MatchString(text) {
		if d, ok := numberDate(text); ok {
			return d, dateRead
		}
		return paper.Date{}, dateUnread
	}
	p := dateParts{dotted: strings.Count(text, ".") >= 2}
	for _, word := range dateWords(text) {
		p.take(word)
	}
	return p.date()
}

// noDate says that a text stands for an unknown date.
func noDate(text string) bool {
	switch strings.ToLower(strings.TrimRight(text, ".")) {
	case "", "none", "null", "nan", "nat", "n/a", "na", "n.a", "n.d", "nd", "no date", "s.d", "unknown", "undefined", "not available", "-", "--", "?":
		return true
	}
	return strings.Trim(text, "0-/.:T Z") == "" // 0000-00-00
}

// numberDate reads a number alone: a year, a year with month and day, or the
// time since 1970.
func numberDate(text string) (paper.Date, bool) {
	text, _, _ = strings.Cut(text, ".")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return paper.Date{}, false
	}
	switch len(text) {
	case 3, 4:
		return paper.Date{Year: int(n)}, n > 0
	case 6, 8:
		return compactDate(text)
	}
	for _, unit := range []int64{1, 1e3, 1e6, 1e9} {
		// Of the years 1973 to 2128.
		if seconds := n / unit; seconds >= 1e8 && seconds < 5e9 {
			return dateOf(time.Unix(seconds, 0)), true
		}
	}
	return paper.Date{}, false
}

// compactDate reads 20200307, 20200300 and 202003.
func compactDate(text string) (paper.Date, bool) {
	part := func(from, to int) int {
		n, _ := strconv.Atoi(text[from:to]) // digits alone
		return n
	}
	d := paper.Date{Year: part(0, 4), Month: part(4, 6)}
	if len(text) == 8 && d.Month != 0 {
		d.Day = part(6, 8)
	}
	return d, d.Year >= 1000 && d.Validate() == nil
}

// dateOf is the day of a time, in UTC.
func dateOf(t time.Time) paper.Date {
	t = t.UTC()
	return paper.Date{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}
}

// dateWords divides a date into numbers and words, without times of the day.
func dateWords(text string) []string {
	text = timeBetween.ReplaceAllString(cjkDate(text), "$1 $2")
	if strings.Contains(text, "-") {
		text, _, _ = strings.Cut(text, "/") // a range of ISO 8601
	}
	var words []string
	for _, word := range strings.Fields(text) {
		if strings.Contains(word, ":") {
			continue
		}
		words = append(words, strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune("-/.,–—", r) })...)
	}
	return words
}

// dateParts gathers the parts of a date in their order.
type dateParts struct {
	year, month   int
	before, after []int // numbers of one or two digits, before and after the year
	rest          bool  // there are words that say something else
	dotted        bool  // the day stands first, as everywhere where dots divide
	invalid       bool
}

func (p *dateParts) take(word string) {
	lower := strings.ToLower(word)
	if match := yearSuffix.FindStringSubmatch(lower); match != nil {
		lower = match[1]
	} else if match := ordinalDay.FindStringSubmatch(lower); match != nil {
		lower = match[1]
	}
	n, err := strconv.Atoi(lower)
	switch {
	case err != nil:
		p.takeName(lower)
	case len(lower) <= 2 && p.year == 0:
		p.before = append(p.before, n)
	case len(lower) <= 2:
		p.after = append(p.after, n)
	case len(lower) == 4 && p.year == 0:
		p.year = n
	case len(lower) == 8 && p.year == 0:
		d, ok := compactDate(lower)
		p.year, p.month, p.after, p.invalid = d.Year, d.Month, []int{d.Day}, !ok
	}
}

func (p *dateParts) takeName(word string) {
	switch month := monthOf(word); {
	case month != 0 && p.month == 0:
		p.month = month
	case month != 0, isWeekday(word):
	case strings.ContainsAny(word, "0123456789") && p.year != 0: // a time, a zone
	case word == "z", word == "gmt", word == "utc", word == "c", word == "ca", word == "circa", word == "de", word == "of":
	default:
		p.rest = true
	}
}

// date settles what the numbers are.
func (p *dateParts) date() (paper.Date, dateReading) {
	d, how := paper.Date{Year: p.year, Month: p.month}, dateRead
	first, second := 0, 0
	small := slices.Concat(p.before, p.after)
	if len(small) > 0 {
		first = small[0]
	}
	if len(small) > 1 {
		second = small[1]
	}
	switch {
	case p.month != 0:
		d.Day = first
	case len(p.before) == 0, len(p.before) == 1:
		d.Month, d.Day = first, second
	case p.dotted, first > 12:
		d.Day, d.Month = first, second
	case second > 12 || first == second:
		d.Month, d.Day = first, second
	default:
		how = dateInPart
	}
	if d.Month == 0 {
		d.Day = 0
	}
	if p.rest {
		how = dateInPart
	}
	if p.invalid || d.Year == 0 || d.Validate() != nil {
		return paper.Date{}, dateUnread
	}
	return d, how
}

// monthOf reads the name of a month in the languages that exports are in, or its
// abbreviation; 0 if it is neither.
func monthOf(word string) int {
	if month := monthNumber(word); month != 0 || len(word) < 3 {
		return month
	}
	for i, names := range []string{
		"januar january jänner janvier enero gennaio janeiro januari", "februar february février fevrier febrero febbraio fevereiro februari",
		"märz maerz mars marzo março marco maart", "april avril abril aprile", "mai may mayo maggio maio mei", "juni june juin junio giugno junho",
		"juli july juillet julio luglio julho", "august août aout agosto augustus", "september septembre septiembre settembre setembro",
		"oktober october octobre octubre ottobre outubro", "november novembre noviembre novembro",
		"dezember december décembre decembre diciembre dicembre dezembro",
	} {
		for name := range strings.FieldsSeq(names) {
			if word == name || len(word) < len(name) && strings.HasPrefix(name, word) {
				return i + 1
			}
		}
	}
	return 0
}
