package ingest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"akin/internal/paper"
)

// looksLikeCSL says that this is an array, or lines, of CSL-JSON items: id and
// type are required, and one of the keys that no other format has is there.
func looksLikeCSL(h head) bool {
	keys, _ := firstObject(h.text)
	if !holds(keys, "id", "type") {
		return false
	}
	for _, telling := range []string{"issued", "container-title", "citation-key", "title-short", "original-date"} {
		if holds(keys, telling) {
			return true
		}
	}
	return slices.Contains([]string{"article-journal", "paper-conference", "article-magazine", "chapter", "webpage"}, keys["type"])
}

// newCSL reads an array of items, or items one a line.
func newCSL(in input) rows {
	if _, inArray := firstObject(in.head.text); inArray {
		return &objects{file: in.name, from: newElements(in), decode: decodeCSL}
	}
	return &objects{file: in.name, from: in.lines, decode: decodeCSL}
}

// cslItem is the part of an item that akin keeps.
type cslItem struct {
	ID        textOrNumber `json:"id"`
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Abstract  string       `json:"abstract"`
	Author    []cslName    `json:"author"`
	Issued    cslDate      `json:"issued"`
	DOI       string       `json:"DOI"`
	URL       string       `json:"URL"`
	Container string       `json:"container-title"`
	Keyword   string       `json:"keyword"`
	Language  string       `json:"language"`
	Publisher string       `json:"publisher"`
	Volume    textOrNumber `json:"volume"`
	Issue     textOrNumber `json:"issue"`
	Page      textOrNumber `json:"page"`
	Number    textOrNumber `json:"number"`
	Archive   string       `json:"archive"`
	Location  string       `json:"archive_location"`
	ISSN      string       `json:"ISSN"`
	ISBN      string       `json:"ISBN"`
	Note      string       `json:"note"`
}

type cslName struct {
	Family, Given, Literal, Suffix string
	Dropping                       string `json:"dropping-particle"`
	Particle                       string `json:"non-dropping-particle"`
}

// cslDate has its parts as numbers, which some write as strings, or as text.
type cslDate struct {
	Parts   [][]textOrNumber `json:"date-parts"`
	Raw     string           `json:"raw"`
	Literal string           `json:"literal"`
}

func decodeCSL(object []byte) (Row, error) {
	var item cslItem
	if err := decodeSchema(object, &item); err != nil {
		return Row{}, err
	}
	if item.ID == "" && item.Type == "" {
		return Row{}, fmt.Errorf("id and type are missing; an item of CSL-JSON has both")
	}
	p := paper.Paper{
		Title: item.Title, Abstract: item.Abstract, Venue: collapse(item.Container),
		DOI: bareDOI(item.DOI), Categories: keywords(item.Keyword),
	}
	for _, n := range item.Author {
		p.Authors = append(p.Authors, named(n.full())...)
	}
	setDate(&p, item.Issued.text())
	for _, text := range []string{item.Location, string(item.Number), item.URL} {
		if id, _, ok := parseArxivID(text); ok && p.ArxivID == "" {
			p.ArxivID = id
		}
	}
	identify(&p)
	link(&p, item.URL)
	setLanguage(&p, item.Language)
	for key, text := range map[string]string{
		"citation_key": string(item.ID), "type": item.Type, "publisher": item.Publisher, "volume": string(item.Volume),
		"issue": string(item.Issue), "page": string(item.Page), "number": string(item.Number), "archive": item.Archive,
		"archive_location": item.Location, "ISSN": item.ISSN, "ISBN": item.ISBN, "note": item.Note,
	} {
		note(&p, key, text)
	}
	return completed(p)
}

func (n cslName) full() string {
	if n.Literal != "" {
		return n.Literal
	}
	return fullName(n.Given, n.Dropping+" "+n.Particle+" "+n.Family, n.Suffix)
}

// text is the date, the first one of a range.
func (d cslDate) text() string {
	if len(d.Parts) == 0 {
		return cmp.Or(d.Raw, d.Literal)
	}
	var parts []string
	for _, part := range d.Parts[0] {
		parts = append(parts, string(part))
	}
	return strings.Join(parts, "-")
}
