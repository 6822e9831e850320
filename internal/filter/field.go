package filter

import (
	"slices"
	"strconv"
	"strings"

	"akin/internal/paper"
	"akin/internal/text/unify"
)

// kind is the type of a field: what it can be compared with, and how.
type kind int

const (
	kindText   kind = iota
	kindNumber      // a number
	kindDate        // a paper.Date
	kindTime        // an instant
	kindBool
)

// field is one field of the language.
type field struct {
	name string
	kind kind
	// keyed fields are maps: signals.NAME, metadata.KEY.
	keyed bool
	// folded fields compare without regard to case.
	folded bool
	// words says that field:"x" looks for words; without it, : means =.
	words bool
	// ordered text can be compared with <.
	ordered bool
	// bare gives identifiers the form in which papers have them, for people paste
	// addresses; nil for fields that hold none.
	bare func(string) (string, bool)
	// prefix is cut off the beginnings of identifiers, for example
	// "https://doi.org/10.1234*".
	prefix string
	// kept says that the index keeps every value of the field.
	kept bool
}

// same gives the form in which values of the field are equal: canonically
// equivalent texts are, invisible characters do not count, and case counts only
// where the field is not folded.
func (f *field) same(value string) string {
	if f.folded {
		return unify.Fold(value)
	}
	return unify.Canon(value)
}

// bareArxiv gives an identifier of arXiv without its version, as papers have it.
func bareArxiv(text string) (string, bool) {
	id, _, ok := paper.ParseArxivID(text)
	return id, ok
}

// bareValue gives an identifier the form in which papers have it; the beginning
// of one keeps its star.
func (f *field) bareValue(value string) string {
	if f.bare == nil {
		return value
	}
	if !strings.Contains(value, "*") {
		if bare, ok := f.bare(value); ok {
			return bare
		}
	}
	if foldedPrefix(value, f.prefix) {
		value = value[len(f.prefix):]
	}
	return value
}

// fields is the language's table; docs/filters.md describes it.
func fields() []*field {
	return []*field{
		{name: "id"},
		{name: "title", folded: true, words: true},
		{name: "abstract", folded: true, words: true},
		{name: "author", folded: true, words: true, kept: true},
		{name: "orcid", folded: true, bare: paper.ParseORCID, prefix: "https://orcid.org/", kept: true},
		{name: "category", kept: true},
		{name: "venue", folded: true, words: true, kept: true},
		{name: "date", kind: kindDate},
		{name: "year", kind: kindNumber, kept: true},
		{name: "listed_date", kind: kindDate, kept: true},
		{name: "doi", folded: true, bare: paper.ParseDOI, prefix: "https://doi.org/"},
		{name: "arxiv_id", bare: bareArxiv, prefix: "arxiv:"},
		{name: "url", words: true},
		{name: "language", folded: true, kept: true},
		{name: "truncated", kind: kindBool, kept: true},
		{name: "create_time", kind: kindTime},
		{name: "update_time", kind: kindTime},
		{name: "signals", kind: kindNumber, keyed: true},
		{name: "metadata", keyed: true, words: true, ordered: true},
	}
}

// otherNames are names that people try, from the API's messages and from other
// services, and the field that they mean.
func otherNames() map[string]string {
	return map[string]string{
		"authors": "author", "categories": "category", "subject": "category", "tag": "category",
		"published": "date", "publish_date": "date", "publication_date": "date", "listed_dates": "listed_date",
		"urls": "url", "link": "url", "lang": "language", "journal": "venue", "conference": "venue",
		"arxiv": "arxiv_id", "signal": "signals", "meta": "metadata", "text": "abstract", "summary": "abstract",
		"created": "create_time", "updated": "update_time", "name": "title", "paper_id": "id",
	}
}

// known gives the fields by name, and their names in the table's order.
type known struct {
	byName map[string]*field
	names  []string
}

func allFields() known {
	k := known{byName: make(map[string]*field)}
	for _, f := range fields() {
		k.byName[f.name] = f
		k.names = append(k.names, f.name)
	}
	return k
}

// list names all fields for a message, keyed ones with their key.
func (k known) list() string {
	shown := make([]string, len(k.names))
	for i, name := range k.names {
		shown[i] = name
		if k.byName[name].keyed {
			shown[i] += ".NAME"
		}
	}
	return strings.Join(shown, ", ")
}

// hint is " (did you mean …?)" where a name is near one that exists.
func (k known) hint(name string) string {
	if other, ok := otherNames()[strings.ToLower(name)]; ok {
		return " (did you mean " + other + "?)"
	}
	if near := nearest(name, k.names); near != "" {
		return " (did you mean " + near + "?)"
	}
	return ""
}

// texts gives the values that a record has of a field of text, and of the other
// fields whose values the index keeps as text.
func texts(r *paper.Record, f *field, key string) []string {
	switch f.name {
	case "id":
		return one(r.ID)
	case "title":
		return one(r.Title)
	case "abstract":
		return one(r.Abstract)
	case "author", "orcid":
		return authors(r, f.name == "author")
	case "category":
		return written(r.Categories)
	case "venue":
		return one(r.Venue)
	case "doi":
		return one(r.DOI)
	case "arxiv_id":
		return one(r.ArxivID)
	case "url":
		return written(r.URLs)
	case "language":
		return one(r.Language)
	case "metadata":
		if v, ok := r.Metadata[key]; ok {
			return []string{v}
		}
		return nil
	case "year":
		if r.PublishDate.Year > 0 {
			return []string{strconv.Itoa(r.PublishDate.Year)}
		}
		return nil
	case "truncated":
		return []string{strconv.FormatBool(r.Truncated)}
	case "listed_date":
		values := make([]string, len(r.ListedDates))
		for i, d := range r.ListedDates {
			values[i] = d.String()
		}
		return values
	}
	return nil
}

// one is the value of a field that is there once, or not at all.
func one(s string) []string { return written([]string{s}) }

// written leaves out the values that are blank, which say nothing.
func written(values []string) []string {
	blank := func(s string) bool { return strings.TrimSpace(s) == "" }
	if slices.ContainsFunc(values, blank) {
		return slices.DeleteFunc(slices.Clone(values), blank)
	}
	return values
}

func authors(r *paper.Record, names bool) []string {
	values := make([]string, 0, len(r.Authors))
	for _, a := range r.Authors {
		v := a.ORCID
		if names {
			v = a.Name
		}
		values = append(values, v)
	}
	return slices.Clip(written(values))
}
