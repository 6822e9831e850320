package engine

import (
	"context"
	"strconv"
	"strings"

	"akin/internal/catalog"
)

// A short query may restrict itself: author:bengio, author:"Y. Bengio", venue:NeurIPS,
// year:2017, year:2015-2018. What is so written is no word of the query.

// fieldNames are what queries restrict by.
func fieldNames() map[string]NameField {
	return map[string]NameField{"author": NamesAuthor, "venue": NamesVenue, "year": NamesYear}
}

// restrictByFields reads the fields of a query: it takes them out of the text, and
// restricts the filter. alone says that it asks for nothing else; then the values are
// its words.
func (a *asking) restrictByFields(ctx context.Context, req *SearchRequest) (names []Name, alone bool, err error) {
	if req.Verbatim || req.Syntax == SyntaxOff || !strings.Contains(req.Query, ":") {
		return nil, false, nil
	}
	if _, long := a.syntax().Operators(req.Query); long && req.Syntax == SyntaxAuto {
		return nil, false, nil
	}
	var rest, values []string
	for text := req.Query; text != ""; {
		word, value, after := nextField(text)
		text = after
		field, ok := fieldNames()[strings.ToLower(word)]
		if !ok || value == "" {
			rest = append(rest, word)
			continue
		}
		n, ok, err := a.fieldName(ctx, field, value)
		if err != nil {
			return nil, false, err
		}
		if !ok {
			rest = append(rest, word+":"+value)
			continue
		}
		names, values = append(names, n), append(values, value)
	}
	if len(names) == 0 {
		return nil, false, nil
	}
	filters := []string{req.Filter}
	for _, n := range names {
		filters = append(filters, n.Filter)
	}
	req.Filter = both(filters...)
	req.Query = strings.Join(strings.Fields(strings.Join(rest, " ")), " ")
	if req.Query == "" {
		req.Query, alone = strings.Join(values, " "), true
	}
	return names, alone, nil
}

// nextField reads the next word of a text: the name of a field and its value, or a word
// without one.
func nextField(text string) (word, value, rest string) {
	text = strings.TrimLeft(text, " \t\r\n")
	end := strings.IndexAny(text, " \t\r\n")
	if end < 0 {
		end = len(text)
	}
	name, after, ok := strings.Cut(text[:end], ":")
	if _, known := fieldNames()[strings.ToLower(name)]; !ok || !known || after == "" {
		return text[:end], "", text[end:]
	}
	from := len(name) + 1
	for _, marks := range [][2]string{{`"`, `"`}, {"“", "”"}} {
		if inside, found := strings.CutPrefix(text[from:], marks[0]); found {
			if value, rest, ok := strings.Cut(inside, marks[1]); ok {
				return name, strings.TrimSpace(value), rest
			}
		}
	}
	return name, text[from:end], text[end:]
}

// fieldName reads the value of a field: the spellings of the collection that it names,
// or else its words. A year that is none is a word.
func (a *asking) fieldName(ctx context.Context, field NameField, value string) (n Name, ok bool, err error) {
	n = Name{Field: field, Text: value, Values: []string{value}, Restricts: true}
	if field == NamesYear {
		n.Filter, ok = yearFilter(value)
	} else {
		n.Filter, ok = map[NameField]string{NamesAuthor: "author:", NamesVenue: "venue:"}[field]+strconv.Quote(value), true
	}
	teller, there := a.mentions()
	if !ok || !there {
		return n, ok, nil
	}
	found, err := teller.Mentions(ctx, value)
	if err != nil {
		return n, false, err
	}
	for i := range found {
		m := &found[i]
		if !onlySigns(value[:m.Start]) || !onlySigns(value[m.End:]) || nameFieldOf(m.Field) != field {
			continue
		}
		n.Values, n.Papers = m.Values[:min(len(m.Values), mostValues)], m.Papers
		switch field {
		case NamesAuthor:
			n.Filter = authorFilter(m)
		case NamesVenue:
			n.Filter = valuesFilter("venue", m)
		case NamesYear:
		}
	}
	return n, true, nil
}

func nameFieldOf(f catalog.MentionField) NameField {
	switch f {
	case catalog.MentionAuthor:
		return NamesAuthor
	case catalog.MentionVenue:
		return NamesVenue
	case catalog.MentionYear:
	}
	return NamesYear
}

// yearFilter keeps the papers of a year, or of those from one to another.
func yearFilter(value string) (string, bool) {
	from, to, many := strings.Cut(value, "-")
	if !isYear(from) || many && !isYear(to) {
		return "", false
	}
	if many {
		return "year >= " + from + " AND year <= " + to, true
	}
	return "year = " + from, true
}

func isYear(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil && len(s) == 4
}
