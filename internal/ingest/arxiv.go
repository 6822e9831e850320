package ingest

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"akin/internal/paper"
)

// looksLikeArxiv says that these are lines of the snapshot of arXiv.
func looksLikeArxiv(h head) bool {
	keys := h.json.keys
	// The authors of some papers fill the head, so that no later key is seen.
	return (holds(keys, "id", "submitter", "authors") || holds(keys, "id", "categories", "versions") || holds(keys, "id", "categories", "authors_parsed"))
}

func newArxiv(in input) rows {
	return newObjects(in, decodeArxiv)
}

// arxivEntry is what arXiv says of a paper, in its snapshot and over OAI-PMH.
type arxivEntry struct {
	ID         flexText       `json:"id" xml:"id"`
	Submitter  flexText       `json:"submitter" xml:"submitter"`
	Authors    flexText       `json:"authors" xml:"-"`
	Title      flexText       `json:"title" xml:"title"`
	Comments   flexText       `json:"comments" xml:"comments"`
	JournalRef flexText       `json:"journal-ref" xml:"journal-ref"`
	DOI        flexText       `json:"doi" xml:"doi"`
	ReportNo   flexText       `json:"report-no" xml:"report-no"`
	Categories flexText       `json:"categories" xml:"categories"`
	License    flexText       `json:"license" xml:"license"`
	Abstract   flexText       `json:"abstract" xml:"abstract"`
	Versions   []arxivVersion `json:"versions" xml:"version"`
	UpdateDate flexText       `json:"update_date" xml:"-"`
	Parsed     [][]string     `json:"authors_parsed" xml:"-"`
	// unread is what paper could not read.
	unread unread
}

type arxivVersion struct {
	Version string `json:"version" xml:"version,attr"`
	Created string `json:"created" xml:"date"`
}

// UnmarshalJSON reads an object, or the name of a version alone.
func (v *arxivVersion) UnmarshalJSON(value []byte) error {
	if isString(value) {
		return json.Unmarshal(value, &v.Version)
	}
	type plain arxivVersion
	return json.Unmarshal(value, (*plain)(v))
}

func decodeArxiv(object []byte) (Row, error) {
	var u unread
	e, err := decodeSchema[arxivEntry](object, &u)
	if err != nil {
		return Row{}, err
	}
	p, err := e.paper()
	if err != nil {
		return Row{}, err
	}
	note(&p, "update_date", string(e.UpdateDate))
	return completed(p, append(u, e.unread...)...)
}

// paper maps the entry. The date of a paper is that of its first version.
func (e *arxivEntry) paper() (paper.Paper, error) {
	id, _, ok := parseArxivID(string(e.ID))
	if !ok {
		return paper.Paper{}, fmt.Errorf("id %q is not one of arXiv, such as 2112.09118 or hep-th/9901001", e.ID)
	}
	p := paper.Paper{
		Title: collapse(string(e.Title)), Abstract: collapse(string(e.Abstract)), Venue: collapse(string(e.JournalRef)),
		ArxivID: id, DOI: bareDOI(firstWord(string(e.DOI))),
		Categories: strings.FieldsFunc(string(e.Categories), func(r rune) bool { return unicode.IsSpace(r) || r == ';' || r == ',' }),
	}
	identify(&p)
	for _, parts := range e.Parsed {
		parts = append(parts, "", "", "")
		p.Authors = append(p.Authors, named(fullName(parts[1], parts[0], parts[2]))...)
	}
	if len(p.Authors) == 0 {
		p.Authors = named(splitNames(collapse(string(e.Authors)))...)
	}
	for key, text := range map[string]flexText{"comments": e.Comments, "report-no": e.ReportNo, "license": e.License, "submitter": e.Submitter} {
		note(&p, key, string(text))
	}
	if len(e.Versions) == 0 {
		return p, nil
	}
	note(&p, "version", e.Versions[len(e.Versions)-1].Version)
	p.PublishDate = e.unread.date(&p, "created", e.Versions[0].Created)
	return p, nil
}

// firstWord gives the first of several identifiers that stand in one field.
func firstWord(text string) string {
	if words := strings.Fields(text); len(words) > 0 {
		return words[0]
	}
	return ""
}
