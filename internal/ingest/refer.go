package ingest

import (
	"regexp"
	"strings"

	"akin/internal/paper"
)

// referLine is a tag of refer and EndNote: "%A Holt, Mira".
var referLine = regexp.MustCompile(`^%([A-Z0-9!@#$&(*+\[~<>?^=])(?:[ \t](.*))?$`)

// looksLikeRefer says that the first lines are tags, among them one of a title
// or an author.
func looksLikeRefer(h head) bool {
	tags := 0
	title := false
	for line := range h.eachLine {
		if line == "" {
			continue
		}
		found := referLine.FindStringSubmatch(line)
		if found == nil {
			if tags == 0 {
				return false
			}
			continue
		}
		tags++
		title = title || strings.Contains("TA", found[1])
		if title && tags > 1 {
			return true
		}
	}
	return false
}

// newRefer reads references of refer and EndNote. Those of EndNote begin with
// their type (%0), others with any tag; all end with an empty line.
func newRefer(in input) rows {
	begin := ""
	for line := range in.head.eachLine {
		if strings.HasPrefix(line, "%0") {
			begin = "0"
			break
		}
	}
	return &tagged{file: in.name, lines: in.lines, dialect: tagDialect{
		tag: func(line []byte, _ *tagRecord) (string, []byte) {
			if found := referLine.FindSubmatch(line); found != nil {
				return string(found[1]), found[2]
			}
			return "", nil
		},
		// An abstract of EndNote may have empty lines, but not its references.
		begin: begin, blank: begin == "", outside: func(string) bool { return false }, row: referRow,
	}}
}

func referRow(rec *tagRecord) (Row, error) {
	v := rec.values("K", "U")
	p := paper.Paper{
		Title: v.take("T", "Q"), Abstract: v.joined("X"), Venue: v.take("J", "B", "S", "I"), DOI: v.take("R"),
		Authors: personsOf(v.takeAll("A")...),
	}
	for _, words := range v.takeAll("K") {
		p.Categories = append(p.Categories, split(words, ";")...)
	}
	year, day := v.take("D"), v.take("8")
	someDate(&p, &rec.left, day, year)
	for _, u := range v.takeAll("U", ">") {
		link(&p, addresses(u)...)
	}
	setLanguage(&p, v.take("G"))
	if _, ok := paper.ParseDOI(p.DOI); !ok && p.DOI != "" {
		note(&p, "resource", p.DOI) // %R is an electronic resource of any kind
		p.DOI = ""
	}
	arxivOfNotes(&p, p.Venue, p.Metadata["resource"], strings.Join(v.values["M"], " "), strings.Join(v.values["Z"], " "))
	note(&p, "type", v.take("0"))
	for _, name := range v.names {
		note(&p, referNames(name), strings.Join(v.values[name], "; "))
	}
	return completed(p, rec.left...)
}

// referNames says what tags are, for the metadata.
func referNames(tag string) string {
	switch tag {
	case "V":
		return "volume"
	case "N":
		return "number"
	case "P":
		return "pages"
	case "I":
		return "publisher"
	case "C":
		return "place"
	case "E":
		return "editors"
	case "@":
		return "issn"
	case "M":
		return "accession"
	case "Z":
		return "notes"
	case "F":
		return "label"
	}
	return "%" + tag
}
