package ingest

import (
	"regexp"
	"strconv"
	"strings"

	"akin/internal/paper"
)

// What sources write in another type than is usual, and how it is read all the
// same.

// textKeys are the keys of objects that stand where text is usual, as in
// {"name": "Ocean Data Letters"}.
func textKeys() []string {
	return []string{
		"text", "value", "#text", "_", "$t", "name", "display_name", "title", "literal", "raw", "en", "content", "label", "term",
		"$oid", "$date", "url", "URL", "tag", "description", "abstract",
	}
}

// looseTexts reads text, a number, a truth, an object that holds a text, or a
// list of these. ok is false where something in it is none of these.
func looseTexts(value []byte) (all []string, ok bool) {
	switch {
	case isNull(value):
		return nil, true
	case isString(value):
		text, err := asCollapsed("", value)
		return nonEmpty(text), err == nil
	case isArray(value):
		elements, err := asElements("", "", value)
		ok = err == nil
		for _, e := range elements {
			if isArray(e) {
				ok = false
				continue
			}
			texts, fine := looseTexts(e)
			all, ok = append(all, texts...), ok && fine
		}
		return all, ok
	case isObject(value):
		fields, err := members(value)
		if err != nil {
			return nil, false
		}
		for _, key := range textKeys() {
			for _, f := range fields {
				if f.key == key && isString(f.value) {
					return looseTexts(f.value)
				}
			}
		}
		return nil, false
	default:
		return []string{string(value)}, true
	}
}

func nonEmpty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// flexText is text of a fixed schema: of a list the texts are joined.
type flexText string

// UnmarshalJSON reads what looseTexts reads; anything else is the error of a
// wrong type, so that it is counted.
func (t *flexText) UnmarshalJSON(value []byte) error {
	all, ok := looseTexts(value)
	*t = flexText(strings.Join(all, "; "))
	if !ok {
		return wrongValue(value)
	}
	return nil
}

// flexTexts is a list of texts of a fixed schema, which may be one text.
type flexTexts []string

// UnmarshalJSON reads what looseTexts reads.
func (t *flexTexts) UnmarshalJSON(value []byte) error {
	all, ok := looseTexts(value)
	*t = all
	if !ok {
		return wrongValue(value)
	}
	return nil
}

// first is the first of several texts, such as a title before its translations.
func (t flexTexts) first() string {
	if len(t) == 0 {
		return ""
	}
	return t[0]
}

// joined gives all of them as one text.
func (t flexTexts) joined(separator string) string { return strings.Join(t, separator) }

// flexNumber is a number of a fixed schema, which may be written as text.
type flexNumber struct {
	value *float64
	bad   string // what it is instead
}

// UnmarshalJSON reads either.
func (n *flexNumber) UnmarshalJSON(value []byte) error {
	x, ok := looseNumber(value)
	n.value = x
	if !ok {
		n.bad = string(value)
		if isString(value) {
			n.bad, _ = asString("", value) // valid, as all that is decoded
		}
	}
	return nil
}

// thousands is a whole number with commas in it.
var thousands = regexp.MustCompile(`^-?\d{1,3}(,\d{3})+$`)

// looseNumber reads a number, also as text; nil where there is none.
func looseNumber(value []byte) (*float64, bool) {
	text := string(value)
	switch {
	case isNull(value):
		return nil, true
	case isString(value):
		var err error
		if text, err = asCollapsed("", value); err != nil {
			return nil, false
		}
		if isMissing(text) {
			return nil, true
		}
		if thousands.MatchString(text) {
			text = strings.ReplaceAll(text, ",", "")
		}
	case !isNumber(value):
		return nil, false
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || x-x != 0 { // infinite or no number
		return nil, false
	}
	return &x, true
}

// isMissing says that a text is what programs write for nothing.
func isMissing(text string) bool {
	switch text {
	case "", "nan", "NaN", "NaT", "<NA>", "None", "NULL", "null", "N/A", "n/a", "#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!":
		return true
	}
	// Scopus, PubMed and Google Scholar write whole sentences, none as long as most cells.
	const longest = 64
	if len(text) > longest {
		return false
	}
	switch strings.ToLower(strings.Trim(text, "[]. ")) {
	case "no abstract available", "no abstract", "no author name available", "no authors listed", "no title available":
		return true
	}
	return false
}

// wrongValue is the error for a value that a custom type does not take; it says
// no field, for that is not known here.
func wrongValue(value []byte) error {
	return &wrongValueError{text: shorten(string(value), unreadText)}
}

type wrongValueError struct{ text string }

// Error gives the value.
func (e *wrongValueError) Error() string { return "cannot be read: " + e.text }

// noNumber is the length of the number that JSON does not have, with which text
// begins; 0 if there is none.
func noNumber(text []byte) int {
	for _, word := range []string{"NaN", "-NaN", "nan", "Infinity", "-Infinity", "+Infinity", "-inf", "inf"} {
		if len(text) >= len(word) && string(text[:len(word)]) == word {
			return len(word)
		}
	}
	return 0
}

// flexAuthors are authors of a fixed schema, in any form that record.authors
// reads.
type flexAuthors []paper.Author

// UnmarshalJSON reads them.
func (a *flexAuthors) UnmarshalJSON(value []byte) error {
	var r record
	*a = r.authors("", value)
	if len(r.unread) > 0 {
		return wrongValue(value)
	}
	return nil
}
