package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	akinv1 "akin/proto/akin/v1"
)

const (
	// maxText is the longest query text that is taken, in bytes.
	maxText = 64 << 10
	// maxValues bounds how many values of one field are chosen, maxLikes how many papers
	// a list is like.
	maxValues, maxLikes = 20, 50
	// maxValue bounds one of them, and the filter that is typed, in bytes.
	maxValue, maxFilter = 512, 8 << 10
)

// facetFields are the fields that lists can be narrowed by, as the API counts them.
//
//nolint:gochecknoglobals // a table that nothing writes to
var facetFields = []struct{ name, label string }{
	{"category", "Subject"}, {"year", "Year"}, {"venue", "Venue"}, {"author", "Author"}, {"language", "Language"},
}

// query is what a list is asked for: all of it is in the address.
type query struct {
	Text string
	// Like are papers that results are like, in place of a text.
	Like []string
	Mode string // "", "meaning" or "words"
	// Syntax is "on" or "off" for signs that always or never are operators, and "" for
	// what the API makes of them.
	Syntax string
	// Verbatim takes the words as they are typed: none is a name, or corrected.
	Verbatim bool
	Sort     string // "" or "date"
	// Filter is in the language of filters.
	Filter string
	// Take and Not are the values of fields that are chosen and excluded.
	Take, Not map[string][]string
	// Since and Until are the first and the last year; 0 is any.
	Since, Until int
	Evidence     bool
	// Apart shows versions of a work as results of their own.
	Apart bool
	// Min is the least cosine, nil for none.
	Min  *float64
	Page string
}

// readQuery reads an address. What it does not know it leaves out.
func readQuery(v url.Values) query {
	q := query{
		Text: clip(visible(v.Get("q")), maxText), Like: readLikes(v["like"]),
		Filter: clip(visible(v.Get("filter")), maxFilter), Page: clip(v.Get("page"), 4*maxValue),
		Evidence: v.Get("evidence") == "1", Apart: v.Get("versions") == "apart", Take: map[string][]string{}, Not: map[string][]string{},
	}
	if strings.TrimSpace(q.Text) == "" {
		q.Text = ""
	}
	if mode := v.Get("mode"); mode == "meaning" || mode == "words" {
		q.Mode = mode
	}
	if syntax := v.Get("syntax"); syntax == "on" || syntax == "off" {
		q.Syntax = syntax
	}
	q.Verbatim = v.Get("verbatim") == "1"
	if v.Get("sort") == "date" {
		q.Sort = "date"
	}
	if least, err := strconv.ParseFloat(v.Get("min"), 64); err == nil && least >= -1 && least <= 1 {
		q.Min = &least
	}
	q.Since, q.Until = readYear(v.Get("since")), readYear(v.Get("until"))
	for _, f := range facetFields {
		q.Take[f.name] = readValues(f.name, v[f.name])
		q.Not[f.name] = readValues(f.name, v["not-"+f.name])
	}
	return q
}

func readLikes(given []string) (out []string) {
	for _, id := range given {
		if id = clip(id, maxValue); id != "" && !slices.Contains(out, id) && len(out) < maxLikes {
			out = append(out, id)
		}
	}
	return out
}

// readYear reads a year; 0 is none.
func readYear(text string) int {
	year, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	if err != nil || year > 9999 {
		return 0
	}
	return int(year)
}

func readValues(field string, given []string) (out []string) {
	for _, value := range given {
		value = strings.TrimSpace(clip(value, maxValue))
		if _, err := strconv.ParseUint(value, 10, 16); field == "year" && err != nil {
			continue
		}
		if value != "" && !slices.Contains(out, value) && len(out) < maxValues {
			out = append(out, value)
		}
	}
	return out
}

// clip cuts a text to a number of bytes, between characters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// values are the query as an address has it, in a fixed order.
func (q query) values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("q", q.Text)
	for _, id := range q.Like {
		v.Add("like", id)
	}
	set("mode", q.Mode)
	set("syntax", q.Syntax)
	set("sort", q.Sort)
	set("filter", q.Filter)
	set("page", q.Page)
	if q.Verbatim {
		v.Set("verbatim", "1")
	}
	if q.Evidence {
		v.Set("evidence", "1")
	}
	if q.Apart {
		v.Set("versions", "apart")
	}
	if q.Min != nil {
		v.Set("min", strconv.FormatFloat(*q.Min, 'g', 6, 64))
	}
	for name, year := range map[string]int{"since": q.Since, "until": q.Until} {
		if year > 0 {
			v.Set(name, strconv.Itoa(year))
		}
	}
	for _, f := range facetFields {
		for _, value := range q.Take[f.name] {
			v.Add(f.name, value)
		}
		for _, value := range q.Not[f.name] {
			v.Add("not-"+f.name, value)
		}
	}
	return v
}

// syntax is the API's name of it.
func (q query) syntax() akinv1.Syntax {
	switch q.Syntax {
	case "on":
		return akinv1.Syntax_SYNTAX_ON
	case "off":
		return akinv1.Syntax_SYNTAX_OFF
	default:
		return akinv1.Syntax_SYNTAX_AUTO
	}
}

// URL is the address of the list.
func (q query) URL() string {
	if v := q.values().Encode(); v != "" {
		return "/search?" + v
	}
	return "/search"
}

// with is the address of the list with something changed, from its first page on.
func (q query) with(change func(*query)) string { return q.changed(change).URL() }

func (q query) changed(change func(*query)) query {
	q.Take, q.Not, q.Page = cloneValues(q.Take), cloneValues(q.Not), ""
	change(&q)
	return q
}

func cloneValues(m map[string][]string) map[string][]string {
	out := make(map[string][]string, len(m))
	for name, values := range m {
		out[name] = slices.Clone(values)
	}
	return out
}

// Hidden are the parts of the query that the form of the box sends along.
func (q query) Hidden() (out []struct{ Name, Value string }) {
	v := q.values()
	for _, name := range slices.Sorted(mapsKeys(v)) {
		if name == "q" || name == "like" || name == "page" {
			continue
		}
		for _, value := range v[name] {
			out = append(out, struct{ Name, Value string }{name, value})
		}
	}
	return out
}

// Others are all parts of the query but the years, as the form of those sends them along.
func (q query) Others() (out []struct{ Name, Value string }) {
	q.Since, q.Until, q.Page = 0, 0, ""
	v := q.values()
	for _, name := range slices.Sorted(mapsKeys(v)) {
		for _, value := range v[name] {
			out = append(out, struct{ Name, Value string }{name, value})
		}
	}
	return out
}

func mapsKeys(v url.Values) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range v {
			if !yield(name) {
				return
			}
		}
	}
}

// clause is one condition of a filter, and the query without it.
type clause struct {
	text  string // in the language of filters
	label string
	lift  query
}

// clauses are the conditions that the query sets, but for those that choose values of
// one field, which counting that field's values leaves out.
func (q query) clauses(except string) (out []clause) {
	for _, f := range facetFields {
		if taken := q.Take[f.name]; len(taken) > 0 && f.name != except {
			quoted := make([]string, len(taken))
			for i, value := range taken {
				quoted[i] = quote(f.name, value)
			}
			out = append(out, clause{
				text: f.name + " = (" + strings.Join(quoted, " OR ") + ")", label: f.label + ": " + strings.Join(taken, " or "),
				lift: q.changed(func(q *query) { q.Take[f.name] = nil }),
			})
		}
		for _, value := range q.Not[f.name] {
			out = append(out, clause{
				text: f.name + " != " + quote(f.name, value), label: f.label + ": not " + value,
				lift: q.changed(func(q *query) { q.Not[f.name] = without(q.Not[f.name], value) }),
			})
		}
	}
	if except != "year" {
		out = append(out, q.years()...)
	}
	if strings.TrimSpace(q.Filter) != "" {
		out = append(out, clause{text: q.Filter, label: q.Filter, lift: q.changed(func(q *query) { q.Filter = "" })})
	}
	return out
}

// years are the conditions of the first and last year.
func (q query) years() (out []clause) {
	if q.Since > 0 {
		out = append(out, clause{
			text: "year >= " + strconv.Itoa(q.Since), label: "From " + strconv.Itoa(q.Since), lift: q.changed(func(q *query) { q.Since = 0 }),
		})
	}
	if q.Until > 0 {
		out = append(out, clause{
			text: "year <= " + strconv.Itoa(q.Until), label: "Until " + strconv.Itoa(q.Until), lift: q.changed(func(q *query) { q.Until = 0 }),
		})
	}
	return out
}

// Year writes a year as the form has it: nothing for none.
func (query) Year(year int) string {
	if year == 0 {
		return ""
	}
	return strconv.Itoa(year)
}

// filter is the query's conditions as one filter.
func (q query) filter(except string) string {
	clauses := q.clauses(except)
	texts := make([]string, len(clauses))
	for i, c := range clauses {
		if texts[i] = c.text; c.text == q.Filter && len(clauses) > 1 {
			texts[i] = "(" + c.text + ")"
		}
	}
	return strings.Join(texts, " AND ")
}

func without(values []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == one })
}

// quote writes a value as the language of filters reads it.
func quote(field, value string) string {
	if field == "year" {
		return value
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsControl(r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// mode is the query's mode as the API names it.
func (q query) mode() akinv1.Mode {
	switch q.Mode {
	case "meaning":
		return akinv1.Mode_MODE_SEMANTIC
	case "words":
		return akinv1.Mode_MODE_LEXICAL
	}
	return akinv1.Mode_MODE_HYBRID
}

// recency is how much the date counts: the API orders by date alone at 1.
func (q query) recency() float64 {
	if q.Sort == "date" {
		return 1
	}
	return 0
}

// asked says that the query asks for something.
func (q query) asked() bool { return q.Text != "" || q.Like != nil || q.narrowed() }

// narrowed says that the query sets conditions.
func (q query) narrowed() bool { return len(q.clauses("")) > 0 }
