package dedup

import (
	"strings"

	"akin/internal/paper"
)

// arxivOf gives what the arXiv id of a paper is compared by: of the field, the
// paper's id where that says arXiv, or arXiv's own DOI. "" is none.
func arxivOf(p *paper.Paper) string {
	if key := paper.ArxivKey(p.ArxivID); key != "" {
		return key
	}
	if strings.Contains(strings.ToLower(p.ID), "arxiv") {
		if key := paper.ArxivKey(p.ID); key != "" {
			return key
		}
	}
	return paper.ArxivKey(doiOf(p))
}

// doiOf gives what the DOI of a paper is compared by: of the field, or of an id
// that says so. "" is none.
func doiOf(p *paper.Paper) string {
	if strings.TrimSpace(p.DOI) != "" {
		return paper.DOIKey(p.DOI)
	}
	if id := strings.ToLower(p.ID); strings.HasPrefix(id, "doi:") {
		return paper.DOIKey(id)
	}
	return ""
}
