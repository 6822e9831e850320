package ingest

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"akin/internal/paper"
)

// asCollapsed reads a string of one line.
func asCollapsed(field string, value []byte) (string, error) {
	s, err := asString(field, value)
	return collapse(s), err
}

// asID reads an id: a string, or a whole number as it is written.
func asID(field string, value []byte) (string, error) {
	if !isNumber(value) {
		return asString(field, value)
	}
	if strings.ContainsAny(string(value), ".eE") {
		// 2101.10 and 2101.1 are one number but two ids.
		return "", fmt.Errorf("%s must be a string or a whole number, but is the number %s", field, value)
	}
	return string(value), nil
}

// asStrings reads an array of strings, or one string. Empty ones are dropped.
func asStrings(field string, value []byte) ([]string, error) {
	if isString(value) {
		s, err := asCollapsed(field, value)
		if s == "" {
			return nil, err
		}
		return []string{s}, err
	}
	elements, err := asElements(field, "a string or an array of strings", value)
	if err != nil {
		return nil, err
	}
	var all []string
	for i, e := range elements {
		s, err := asCollapsed(fmt.Sprintf("%s[%d]", field, i), e)
		if err != nil {
			return nil, err
		}
		if s != "" {
			all = append(all, s)
		}
	}
	return all, nil
}

// asCategories reads an array, or a string that is divided at semicolons, else
// at commas, else at spaces.
func asCategories(field string, value []byte) ([]string, error) {
	all, err := asStrings(field, value)
	if err != nil || !isString(value) || len(all) == 0 {
		return all, err
	}
	text := all[0]
	for _, separator := range []string{";", ",", " "} {
		if strings.Contains(text, separator) {
			return split(text, separator), nil
		}
	}
	return all, nil
}

// split gives the parts of text, trimmed, without empty ones.
func split(text, separator string) []string {
	var parts []string
	for part := range strings.SplitSeq(text, separator) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// asAuthors reads a string of names, or an array of names or of objects with
// name and orcid (what else such an object says is not kept).
func asAuthors(field string, value []byte) ([]paper.Author, error) {
	if isString(value) {
		text, err := asCollapsed(field, value)
		var all []paper.Author
		for _, name := range splitNames(text) {
			all = append(all, paper.Author{Name: name})
		}
		return all, err
	}
	elements, err := asElements(field, "a string or an array", value)
	if err != nil {
		return nil, err
	}
	var all []paper.Author
	for i, e := range elements {
		a, err := asAuthor(fmt.Sprintf("%s[%d]", field, i), e)
		if err != nil {
			return nil, err
		}
		if a.Name != "" {
			all = append(all, a)
		}
	}
	return all, nil
}

func asAuthor(field string, value []byte) (paper.Author, error) {
	var a paper.Author
	if isString(value) {
		name, err := asCollapsed(field, value)
		a.Name = name
		return a, err
	}
	fields, err := asMembers(field, "a string or an object with name and orcid", value)
	if err != nil {
		return a, err
	}
	for _, f := range fields {
		switch f.key {
		case "name":
			a.Name, err = asCollapsed(field+".name", f.value)
		case "orcid":
			a.ORCID, err = asCollapsed(field+".orcid", f.value)
		}
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

// splitNames divides a string of names at semicolons, else at " and ", else at
// commas. Where " and " only closes a list with commas ("A. One, B. Two and
// C. Three"), the commas divide too; where each part has exactly one comma, it
// stands between last and first name, as in BibTeX.
func splitNames(text string) []string {
	if strings.Contains(text, ";") {
		return split(text, ";")
	}
	parts := split(text, " and ")
	if len(parts) > 1 {
		inverted := true
		for _, part := range parts {
			inverted = inverted && strings.Count(part, ",") == 1 && !strings.HasSuffix(part, ",")
		}
		if inverted {
			return parts
		}
	}
	var names []string
	for _, part := range parts {
		names = append(names, split(part, ",")...)
	}
	return names
}

// asDate reads a string such as 2021-12-16, a year as a number, or an object
// {year, month, day} of which parts may be missing.
func asDate(field string, value []byte) (paper.Date, error) {
	switch {
	case isNull(value):
		return paper.Date{}, nil
	case isString(value):
		text, err := asCollapsed(field, value)
		if err != nil {
			return paper.Date{}, err
		}
		d, err := paper.ParseDate(dateText(text))
		if err != nil {
			return paper.Date{}, fmt.Errorf("%s: %w", field, err)
		}
		return d, nil
	case isNumber(value):
		year, err := asWhole(field, value)
		if err != nil || year < 1 || year > 9999 {
			return paper.Date{}, fmt.Errorf("%s must be a date or a year between 1 and 9999, but is the number %s", field, value)
		}
		return paper.Date{Year: year}, nil
	case isObject(value):
		return asDateParts(field, value)
	default:
		return paper.Date{}, wrongType(field, "a date: a string, a year, or an object with year, month and day", value)
	}
}

// dateText takes away what data frames do to years when they write them as
// text: "1999.0", and a word where nothing is known.
func dateText(text string) string {
	switch strings.ToLower(text) {
	case "none", "null", "nan", "nat", "n/a":
		return ""
	}
	if year, ok := strings.CutSuffix(text, ".0"); ok && len(year) == 4 {
		return year
	}
	return text
}

func asDateParts(field string, value []byte) (paper.Date, error) {
	var d paper.Date
	parts, err := asMembers(field, "an object", value)
	if err != nil {
		return d, err
	}
	for _, part := range parts {
		name := field + "." + part.key
		n := 0
		if !isNull(part.value) {
			if n, err = asWhole(name, part.value); err != nil {
				return d, err
			}
		}
		switch part.key {
		case "year":
			d.Year = n
		case "month":
			d.Month = n
		case "day":
			d.Day = n
		default:
			return d, fmt.Errorf("%s is not a part of a date; parts are year, month and day", name)
		}
	}
	if err := d.Validate(); err != nil {
		return d, fmt.Errorf("%s: %w", field, err)
	}
	return d, nil
}

// asWhole reads a whole number, also one that a data frame wrote as 2021.0.
func asWhole(field string, value []byte) (int, error) {
	if !isNumber(value) {
		return 0, wrongType(field, "a whole number", value)
	}
	x, err := strconv.ParseFloat(string(value), 64)
	if err != nil || x != math.Trunc(x) || math.Abs(x) > math.MaxInt32 {
		return 0, fmt.Errorf("%s must be a whole number, but is %s", field, value)
	}
	return int(x), nil
}

// asDates reads an array of dates into a sorted set.
func asDates(field string, value []byte) ([]paper.Date, error) {
	elements, err := asElements(field, "an array of dates", value)
	if err != nil {
		return nil, err
	}
	var all []paper.Date
	for i, e := range elements {
		d, err := asDate(fmt.Sprintf("%s[%d]", field, i), e)
		if err != nil {
			return nil, err
		}
		if !d.IsZero() {
			all = append(all, d)
		}
	}
	return paper.MergeListedDates(all, nil), nil
}

// asSignals reads an object of numbers; a null is dropped.
func asSignals(field string, value []byte) (map[string]float64, error) {
	fields, err := asMembers(field, "an object of numbers", value)
	if err != nil || len(fields) == 0 {
		return nil, err
	}
	var signals map[string]float64
	for _, f := range fields {
		name := field + "." + f.key
		if isNull(f.value) {
			continue
		}
		if !isNumber(f.value) {
			return nil, wrongType(name, "a number", f.value)
		}
		x, err := strconv.ParseFloat(string(f.value), 64)
		if err != nil {
			return nil, fmt.Errorf("%s is %s, which is beyond the range of a 64-bit floating-point number", name, f.value)
		}
		if signals == nil {
			signals = make(map[string]float64, len(fields))
		}
		signals[f.key] = x
	}
	return signals, nil
}

// asMetadata reads an object of strings. Other values become compact JSON, as
// unknown columns do; a null is dropped.
func asMetadata(field string, value []byte) (map[string]string, error) {
	fields, err := asMembers(field, "an object of strings", value)
	if err != nil || len(fields) == 0 {
		return nil, err
	}
	var metadata map[string]string
	for _, f := range fields {
		if isNull(f.value) {
			continue
		}
		text, err := asText(f.value)
		if err != nil {
			return nil, err
		}
		if metadata == nil {
			metadata = make(map[string]string, len(fields))
		}
		metadata[f.key] = text
	}
	return metadata, nil
}
