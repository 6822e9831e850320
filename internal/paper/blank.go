package paper

import (
	"slices"
	"strings"
)

// DropBlanks takes away what says nothing: entries of lists that are empty or white
// space, authors without name and ORCID, and fields that are white space. It leaves
// the slices alone that it was given.
func (p *Paper) DropBlanks() {
	p.Categories, p.URLs = withoutBlanks(p.Categories), withoutBlanks(p.URLs)
	nobody := func(a Author) bool { return blank(a.Name) && blank(a.ORCID) }
	if slices.ContainsFunc(p.Authors, nobody) {
		p.Authors = slices.DeleteFunc(slices.Clone(p.Authors), nobody)
	}
	for _, field := range []*string{&p.Title, &p.Abstract, &p.Venue, &p.DOI, &p.ArxivID, &p.Language} {
		if blank(*field) {
			*field = ""
		}
	}
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

func withoutBlanks(list []string) []string {
	if !slices.ContainsFunc(list, blank) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), blank)
}
