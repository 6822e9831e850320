package ingest

import (
	"regexp"
	"strconv"
	"strings"

	"akin/internal/paper"
)

// What the formats of reference managers have in common.

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

// setLanguage takes a language tag; a name such as "English" is a note.
func setLanguage(p *paper.Paper, text string) {
	if text = collapse(text); languageTag.MatchString(text) {
		p.Language = text
		return
	}
	note(p, "language", text)
}

// keywords divides keywords at semicolons, else at commas.
func keywords(text string) []string {
	if strings.Contains(text, ";") {
		return split(collapse(text), ";")
	}
	return split(collapse(text), ",")
}

// setDate takes a date, or keeps as a note what is none ("in press").
func setDate(p *paper.Paper, text string) {
	if d, ok := looseDate(text); ok {
		p.PublishDate = d
		return
	}
	note(p, "date", text)
}

// looseDate reads a date as people write it in libraries: "2020-3-7",
// "2020/03/07/", "2020/03", "March 2020", "7 Mar 2020", "2020". Of a range it
// takes the beginning.
func looseDate(text string) (d paper.Date, ok bool) {
	if strings.Contains(text, "-") {
		text, _, _ = strings.Cut(text, "/") // a range of ISO 8601
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("-/., –T\t\n", r) }) {
		n, err := strconv.Atoi(word)
		switch {
		case monthNumber(word) != 0:
			if d.Month == 0 {
				d.Month = monthNumber(word)
			}
		case err != nil || n < 1:
		case len(word) == 4 && d.Year == 0:
			d.Year = n
		case d.Month == 0 && d.Year != 0 && n <= 12:
			d.Month = n
		case d.Day == 0 && n <= 31 && (d.Month != 0 || d.Year == 0):
			d.Day = n
		}
	}
	if d.Month == 0 {
		d.Day = 0
	}
	return d, d.Year != 0 && d.Validate() == nil
}
