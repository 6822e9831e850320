package ingest

import (
	"regexp"
	"strings"

	"akin/internal/paper"
)

var (
	// wosLine is a tag of Web of Science; lines that go on begin with spaces.
	wosLine = regexp.MustCompile(`^([A-Z][A-Z0-9])(?: (.*))?$`)
	wosHead = regexp.MustCompile(`^(FN|VR|PT) \S`)
)

// looksLikeWoS says that this is a plain text export of Web of Science.
func looksLikeWoS(h head) bool {
	seen := map[string]bool{}
	for line := range h.eachLine {
		if found := wosLine.FindStringSubmatch(line); found != nil {
			seen[found[1]] = true
		}
		if len(seen) == 0 && line != "" {
			return false
		}
		if seen["PT"] && (seen["TI"] || seen["AU"]) && (seen["FN"] || seen["VR"] || seen["ER"]) {
			return !h.binary()
		}
	}
	return false
}

// newWoS reads references of Web of Science in plain text: from PT to ER.
func newWoS(in input) rows {
	return &tagged{file: in.name, lines: in.lines, dialect: tagDialect{
		tag: func(line []byte, _ *tagRecord) (string, []byte) {
			if found := wosLine.FindSubmatch(line); found != nil {
				return string(found[1]), found[2]
			}
			return "", nil
		},
		begin: "PT", end: "ER", around: []string{"FN", "VR", "EF"}, outside: wosHead.MatchString, row: wosRow,
	}}
}

func wosRow(rec *tagRecord) (Row, error) {
	v := rec.values("AU", "AF", "CA", "BA", "BF", "CR", "C1")
	p := paper.Paper{
		Title: v.take("TI"), Abstract: v.joined("AB"), Venue: v.take("SO", "JI", "J9", "BS", "SE"), DOI: v.take("DI", "D2"),
	}
	for _, words := range v.takeAll("DE", "ID") {
		for _, word := range split(words, ";") {
			p.Categories = append(p.Categories, strings.TrimSpace(word))
		}
	}
	authors := v.takeAll("AF")
	if len(authors) == 0 {
		authors = v.takeAll("AU")
	}
	v.takeAll("AU")
	p.Authors = append(personsOf(authors...), personsOf(v.takeAll("CA")...)...)
	orcids(p.Authors, strings.Join(v.takeAll("OI"), "; "))
	year, day := v.take("PY"), v.take("PD")
	someDate(&p, &rec.left, collapse(year+" "+day), v.take("EA"), year)
	setLanguage(&p, v.take("LA"))
	number := v.take("UT")
	note(&p, "wos", number)
	note(&p, "pmid", v.take("PM"))
	note(&p, "type", v.take("DT"))
	v.takeAll("PT", "ER", "CR") // the works that it cites are no notes
	arxivOfNotes(&p, p.Venue)
	v.notes(&p)
	return completed(p, rec.left...)
}

// orcids gives authors what stands for them in "Holt, Mira/0000-0002-1825-0097; …".
func orcids(authors []paper.Author, list string) {
	for _, item := range split(list, ";") {
		name, orcid, ok := strings.Cut(item, "/")
		if !ok {
			continue
		}
		for i := range authors {
			if strings.EqualFold(authors[i].Name, fullNameOf(name)) {
				authors[i].ORCID = orcid
			}
		}
	}
}
