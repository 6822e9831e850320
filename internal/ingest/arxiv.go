package ingest

import (
	"fmt"
	"strings"

	"akin/internal/paper"
)

// looksLikeArxiv says that these are lines of the snapshot of arXiv.
func looksLikeArxiv(h head) bool {
	keys, inArray := firstObject(h.text)
	// The authors of some papers fill the head, so that no later key is seen.
	return !inArray && (holds(keys, "id", "submitter", "authors") || holds(keys, "id", "categories", "versions") || holds(keys, "id", "categories", "authors_parsed"))
}

func newArxiv(in input) rows {
	return &objects{file: in.name, from: in.lines, decode: decodeArxiv}
}

// arxivEntry is what arXiv says of a paper, in its snapshot and over OAI-PMH.
type arxivEntry struct {
	ID         string         `json:"id" xml:"id"`
	Submitter  string         `json:"submitter" xml:"submitter"`
	Authors    string         `json:"authors" xml:"-"`
	Title      string         `json:"title" xml:"title"`
	Comments   string         `json:"comments" xml:"comments"`
	JournalRef string         `json:"journal-ref" xml:"journal-ref"`
	DOI        string         `json:"doi" xml:"doi"`
	ReportNo   string         `json:"report-no" xml:"report-no"`
	Categories string         `json:"categories" xml:"categories"`
	License    string         `json:"license" xml:"license"`
	Abstract   string         `json:"abstract" xml:"abstract"`
	Versions   []arxivVersion `json:"versions" xml:"version"`
	UpdateDate string         `json:"update_date" xml:"-"`
	Parsed     [][]string     `json:"authors_parsed" xml:"-"`
}

type arxivVersion struct {
	Version string `json:"version" xml:"version,attr"`
	Created string `json:"created" xml:"date"`
}

func decodeArxiv(object []byte) (Row, error) {
	var e arxivEntry
	if err := decodeSchema(object, &e); err != nil {
		return Row{}, err
	}
	p, err := e.paper()
	if err != nil {
		return Row{}, err
	}
	note(&p, "update_date", e.UpdateDate)
	return completed(p)
}

// paper maps the entry. The date of a paper is that of its first version.
func (e *arxivEntry) paper() (paper.Paper, error) {
	id, _, ok := parseArxivID(e.ID)
	if !ok {
		return paper.Paper{}, fmt.Errorf("id %q is not one of arXiv, such as 2112.09118 or hep-th/9901001", e.ID)
	}
	p := paper.Paper{
		Title: collapse(e.Title), Abstract: collapse(e.Abstract), Venue: collapse(e.JournalRef),
		ArxivID: id, DOI: bareDOI(firstWord(e.DOI)), Categories: strings.Fields(e.Categories),
	}
	identify(&p)
	for _, parts := range e.Parsed {
		parts = append(parts, "", "", "")
		p.Authors = append(p.Authors, named(fullName(parts[1], parts[0], parts[2]))...)
	}
	if len(p.Authors) == 0 {
		p.Authors = named(splitNames(collapse(e.Authors))...)
	}
	for key, text := range map[string]string{"comments": e.Comments, "report-no": e.ReportNo, "license": e.License, "submitter": e.Submitter} {
		note(&p, key, text)
	}
	if len(e.Versions) == 0 {
		return p, nil
	}
	note(&p, "version", e.Versions[len(e.Versions)-1].Version)
	var err error
	p.PublishDate, err = mailDate("created of the first version", e.Versions[0].Created)
	return p, err
}

// firstWord gives the first of several identifiers that stand in one field.
func firstWord(text string) string {
	if words := strings.Fields(text); len(words) > 0 {
		return words[0]
	}
	return ""
}
