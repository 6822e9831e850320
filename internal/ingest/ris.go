package ingest

import (
	"regexp"
	"slices"
	"strings"

	"akin/internal/paper"
)

var (
	// risLine is a tag with what follows: "AU  - Holt, Mira".
	risLine = regexp.MustCompile(`^([A-Z][A-Z0-9])  -(?: (.*)|)$`)
	// risLoose is one as some programs write it: with one space before the
	// hyphen or a tab, or after white space. So may a line of a text look, which
	// is why only a record whose first tag is so has others.
	risLoose = regexp.MustCompile(`^\s*([A-Z][A-Z0-9])[ \t]*[-–][ \t]*(.*)$`)
	// risBorder is one that begins or ends a record, however it is written.
	risBorder = regexp.MustCompile(`^\s*(TY|ER)[ \t]*[-–][ \t]*([A-Za-z0-9 ]{0,16})$`)
)

// looksLikeRIS says that a line is a tag TY, wherever it stands: many programs
// write a header before it, or a number before each reference.
func looksLikeRIS(h head) bool {
	if h.binary() {
		return false
	}
	tags, ends := 0, false
	for line := range h.eachLine {
		if border := risBorder.FindStringSubmatch(line); border != nil && border[1] == "TY" {
			return true
		}
		tag := risLine.FindStringSubmatch(line)
		if tag != nil {
			tags++
			ends = ends || tag[1] == "ER"
		}
	}
	return tags > 2 && ends
}

// newRIS reads references in RIS: from a tag TY to a tag ER.
func newRIS(in input) rows {
	return &tagged{file: in.name, lines: in.lines, dialect: tagDialect{
		tag: risTag, begin: "TY", end: "ER", late: []string{"NL", "UK", "DP", "DB", "N1", "LB"}, around: []string{"ER"}, outside: risOutside, row: risRow,
	}}
}

func risTag(line []byte, rec *tagRecord) (string, []byte) {
	line = []byte(strings.TrimRight(string(line), " \t"))
	found := risLine.FindSubmatch(line)
	if found == nil {
		if found = risBorder.FindSubmatch(line); found != nil && string(found[1]) == "TY" {
			rec.spaced = true
		}
	}
	if found == nil && rec.spaced {
		found = risLoose.FindSubmatch(line)
	}
	if found == nil {
		return "", nil
	}
	return string(found[1]), found[2]
}

// risHeader are lines that programs write around references.
var risHeader = regexp.MustCompile(`(?i)^([%#/*=_<>-]|\W*\d+\W*$|(record|reference|result|citation|item)s?\b.{0,40}$|[\w./() -]{1,40}:(\s|$)|\d+ (records|references|results|items)|begin|end|exported|generated|created)`)

// risOutside says that a line between references is one of a header.
func risOutside(line string) bool { return risHeader.MatchString(line) }

// risRow makes a paper of the tags. Where several tags mean the same, the first
// of a list here counts, and the others are notes.
func risRow(rec *tagRecord) (Row, error) {
	v := rec.values("KW", "UR", "L1", "L2", "LK", "AU", "A1")
	p := paper.Paper{
		Title: v.take("TI", "T1", "CT", "BT"), Abstract: v.joined("AB", "N2"), Venue: v.take("JO", "JF", "T2", "JA", "J2"),
		DOI: v.take("DO"),
	}
	for _, words := range v.takeAll("KW") {
		p.Categories = append(p.Categories, split(words, ";")...)
	}
	p.Authors = personsOf(v.takeAll("AU", "A1")...)
	someDate(&p, &rec.left, v.takeAll("DA", "PY", "Y1", "YR")...)
	for _, u := range v.takeAll("UR", "L1", "L2", "LK") {
		link(&p, addresses(u)...)
	}
	setLanguage(&p, v.take("LA"))
	for _, name := range []string{"M3", "L3", "N1", "AN", "C7"} {
		for _, text := range v.values[name] {
			if doi, ok := paper.ParseDOI(text); ok && p.DOI == "" {
				p.DOI = doi
			}
		}
	}
	// RIS has no tag for an identifier of arXiv.
	for _, text := range slices.Concat(v.values["AN"], v.values["M1"], v.values["C1"]) {
		if id, _, ok := parseArxivID(text); ok && p.ArxivID == "" {
			p.ArxivID = id
		}
	}
	arxivOfNotes(&p, slices.Concat([]string{p.Venue}, p.URLs, v.values["M1"], v.values["M3"], v.values["C1"], v.values["C2"], v.values["C7"], v.values["VL"],
		v.values["SP"], v.values["PB"], v.values["ID"], v.values["T2"], v.values["JA"], v.values["N1"])...)
	note(&p, "type", v.take("TY"))
	v.notes(&p)
	return completed(p, rec.left...)
}
