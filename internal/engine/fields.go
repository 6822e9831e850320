package engine

import (
	"context"
	"strconv"
	"strings"
	"unicode"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// A short query may restrict itself: author:bengio, author:"Y. Bengio", venue:NeurIPS,
// year:2017, year:2015-2018, year:2015-. A - before a field leaves its papers out. What
// is so written is no word of the query; what stands in quotation marks is no field.

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
	parts := fieldReader{text: strings.TrimSpace(req.Query)}
	for parts.text != "" {
		f := parts.next()
		if f.field != 0 && len(names) == mostFields {
			return nil, false, paper.InvalidField("query", "has more than %d fields such as author:…; that is the limit; put the others into the filter", mostFields)
		}
		n, ok, err := a.fieldName(ctx, f)
		if err != nil {
			return nil, false, err
		}
		if !ok {
			rest = append(rest, f.written)
			continue
		}
		names = append(names, n)
		if !n.Excludes {
			values = append(values, signless(f.value))
		}
	}
	if len(names) == 0 {
		return nil, false, nil
	}
	filters := []string{req.Filter}
	for _, n := range names {
		filters = append(filters, n.Filter)
	}
	req.Filter = both(filters...)
	req.Query = strings.Join(rest, " ")
	if asked, err := a.syntax().Parse(req.Query); err == nil && strings.TrimSpace(asked.Asked) == "" && len(values) > 0 {
		req.Query, alone = strings.TrimSpace(strings.Join(values, " ")+" "+req.Query), true
	}
	return names, alone, nil
}

// signless takes the signs of the syntax out of a value that stands for a query.
func signless(value string) string {
	words := strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\"“”*", r) })
	for i, w := range words {
		words[i] = strings.TrimLeft(w, "-")
	}
	return strings.Join(words, " ")
}

// written is a part of a query as it is written: with a field, where it is one.
type written struct {
	written  string
	field    NameField
	value    string
	excluded bool
}

// mostFields is how many fields a query has at most.
const mostFields = 16

// fieldReader takes a text apart: into fields with their values, what stands in quotation
// marks, and words.
type fieldReader struct {
	text string
	// unclosed says of each of the kinds of quotation marks that none closes any more.
	unclosed [2]bool
}

// next reads the next part.
func (r *fieldReader) next() (part written) {
	text := r.text
	bare, excluded := strings.CutPrefix(text, "-")
	if _, after, ok := r.quoted(bare); ok {
		r.to(after)
		return written{written: text[:len(text)-len(after)]}
	}
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		end = len(text)
	}
	name, _, _ := strings.Cut(bare[:end-len(text)+len(bare)], ":")
	field, known := fieldNames()[strings.ToLower(name)]
	if !known || len(name) == len(bare) || bare[len(name)] != ':' {
		r.to(text[end:])
		return written{written: text[:end]}
	}
	value := bare[len(name)+1:]
	if inside, after, ok := r.quoted(value); ok {
		r.to(after)
		return written{text[:len(text)-len(after)], field, strings.TrimSpace(inside), excluded}
	}
	r.to(text[end:])
	return written{text[:end], field, value[:end-len(text)+len(value)], excluded}
}

// to goes on at the next part of a text.
func (r *fieldReader) to(text string) { r.text = strings.TrimLeftFunc(text, unicode.IsSpace) }

// quoted reads text in quotation marks at the beginning of another.
func (r *fieldReader) quoted(text string) (inside, rest string, ok bool) {
	for i, marks := range [2][2]string{{`"`, `"`}, {"“", "”"}} {
		if after, found := strings.CutPrefix(text, marks[0]); found && !r.unclosed[i] {
			if inside, rest, ok := strings.Cut(after, marks[1]); ok {
				return inside, rest, true
			}
			r.unclosed[i] = true
		}
	}
	return "", "", false
}

// fieldName reads a field: the spellings of the collection that its value names, or else
// its words. A year that is none is a word.
func (a *asking) fieldName(ctx context.Context, f written) (n Name, ok bool, err error) {
	if f.value == "" {
		return n, false, nil
	}
	n = Name{Field: f.field, Text: f.value, Values: []string{f.value}, Restricts: true, Excludes: f.excluded}
	switch f.field {
	case NamesYear:
		n.Filter, ok = yearFilter(f.value)
	case NamesAuthor:
		n.Filter, ok = "author:"+strconv.Quote(f.value), true
	case NamesVenue:
		n.Filter, ok = "venue:"+strconv.Quote(f.value), true
	}
	if teller, there := a.mentions(); ok && there {
		err = n.nameBy(ctx, teller)
	}
	if n.Excludes {
		n.Filter = "NOT (" + n.Filter + ")"
	}
	return n, ok, err
}

// nameBy finds what a name of a field names in the collection.
func (n *Name) nameBy(ctx context.Context, teller catalog.Mentions) error {
	found, err := teller.Mentions(ctx, n.Text)
	if err != nil {
		return err
	}
	for i := range found {
		m := &found[i]
		if !onlySigns(n.Text[:m.Start]) || !onlySigns(n.Text[m.End:]) || nameFieldOf(m.Field) != n.Field {
			continue
		}
		n.Values, n.Papers = m.Values[:min(len(m.Values), mostValues)], m.Papers
		switch n.Field {
		case NamesAuthor:
			n.Filter = authorFilter(m)
		case NamesVenue:
			n.Filter = valuesFilter("venue", m)
		case NamesYear:
		}
	}
	return nil
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

// yearFilter keeps the papers of a year, or of those from one to another, one of which
// may be open.
func yearFilter(value string) (string, bool) {
	from, to, many := strings.Cut(strings.ReplaceAll(value, "–", "-"), "-")
	switch {
	case !many:
		return "year = " + from, isYear(from)
	case isYear(from) && isYear(to):
		return "year >= " + from + " AND year <= " + to, true
	case isYear(from) && to == "":
		return "year >= " + from, true
	}
	return "year <= " + to, from == "" && isYear(to)
}

func isYear(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil && len(s) == 4
}
