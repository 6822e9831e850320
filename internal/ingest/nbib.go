package ingest

import (
	"regexp"
	"slices"
	"strings"

	"akin/internal/paper"
)

// nbibLine is a tag of MEDLINE as PubMed writes it: "TI  - On stones".
var nbibLine = regexp.MustCompile(`^([A-Z]{2,4}) {0,2}- ?(.*)$`)

// looksLikeNBIB says that the first line is the number of a citation.
func looksLikeNBIB(h head) bool {
	for line := range h.eachLine {
		if line != "" {
			return strings.HasPrefix(line, "PMID- ") || strings.HasPrefix(line, "PMID-\t")
		}
	}
	return false
}

// newNBIB reads citations of PubMed in the MEDLINE format (.nbib).
func newNBIB(in input) rows {
	return &tagged{file: in.name, lines: in.lines, dialect: tagDialect{
		tag: nbibTag, begin: "PMID", blank: true, outside: func(string) bool { return false }, row: nbibRow,
	}}
}

func nbibTag(line []byte, _ *tagRecord) (string, []byte) {
	// A tag takes four places, and then comes the hyphen.
	if found := nbibLine.FindSubmatch(line); found != nil && len(line) > 4 && line[4] == '-' {
		return string(found[1]), found[2]
	}
	return "", nil
}

// nbibID is an identifier with its kind: "10.1000/x [doi]".
var nbibID = regexp.MustCompile(`^(\S+)\s+\[(\w+)\]$`)

func nbibRow(rec *tagRecord) (Row, error) {
	v := rec.values()
	p := paper.Paper{
		Title: v.take("TI", "BTI", "TT"), Abstract: v.joined("AB", "OAB"), Venue: v.take("JT", "TA", "CTI", "BTI"),
		Categories: slices.Concat(v.takeAll("OT"), mesh(v.takeAll("MH"))),
	}
	p.Authors = nbibAuthors(rec)
	v.takeAll("FAU", "AU", "AUID", "CN")
	for _, text := range slices.Concat(v.takeAll("LID"), v.takeAll("AID"), v.takeAll("DO")) {
		id, kind := text, "doi"
		if found := nbibID.FindStringSubmatch(text); found != nil {
			id, kind = found[1], found[2]
		}
		if kind == "doi" && p.DOI == "" {
			p.DOI = id
		} else if kind != "doi" {
			keep(&p, kind, id)
		}
	}
	someDate(&p, &rec.left, append(v.takeAll("DP"), v.takeAll("DEP")...)...)
	setLanguage(&p, v.take("LA"))
	pmid := v.take("PMID")
	note(&p, "pmid", pmid)
	note(&p, "pmc", v.take("PMC"))
	note(&p, "type", strings.Join(v.takeAll("PT"), "; "))
	v.notes(&p)
	return medline(&p, rec.left, pmid)
}

// medline completes a paper of PubMed, whose number is its id where it has
// neither a DOI nor an identifier of arXiv.
func medline(p *paper.Paper, left unread, pmid string) (Row, error) {
	if pmid = collapse(pmid); p.ID == "" && pmid != "" {
		if _, ok := paper.ParseDOI(p.DOI); !ok && p.ArxivID == "" {
			p.ID = "pmid:" + pmid
		}
	}
	return completed(*p, left...)
}

// mesh takes the mark of main topics from subject headings.
func mesh(headings []string) []string {
	for i := range headings {
		headings[i] = strings.ReplaceAll(headings[i], "*", "")
	}
	return headings
}

// nbibAuthors gives authors by their full names, with their ORCIDs.
func nbibAuthors(rec *tagRecord) (all []paper.Author) {
	full := slices.ContainsFunc(rec.tags, func(t tagValue) bool { return t.name == "FAU" })
	for _, t := range rec.tags {
		value := collapse(string(t.value))
		switch {
		case t.name == "FAU", t.name == "CN":
			all = append(all, named(fullNameOf(value))...)
		case t.name == "AU" && !full:
			all = append(all, named(lastFirst(value))...)
		case t.name == "AUID" && len(all) > 0:
			if orcid, ok := paper.ParseORCID(value); ok {
				all[len(all)-1].ORCID = orcid
			}
		}
	}
	return all
}

// lastFirst turns "Holt MA" into "MA Holt".
func lastFirst(name string) string {
	words := strings.Fields(name)
	if n := len(words); n > 1 && initials.MatchString(words[n-1]) {
		return strings.Join(append([]string{words[n-1]}, words[:n-1]...), " ")
	}
	return fullNameOf(name)
}
