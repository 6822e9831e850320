package dedup

import (
	"strings"

	"akin/internal/paper"
)

// arxivDOI begins the DOIs that arXiv gives to its own papers.
const arxivDOI = "10.48550/arxiv."

// arxivOf gives the arXiv id of a paper in lower case and without its version:
// of the field, the paper's id, or arXiv's own DOI. "" is none.
func arxivOf(p *paper.Paper) string {
	if id := bareArxiv(p.ArxivID, true); id != "" {
		return id
	}
	if id := bareArxiv(p.ID, false); id != "" {
		return id
	}
	if rest, ok := strings.CutPrefix(doiOf(p), arxivDOI); ok {
		return bareArxiv(rest, true)
	}
	return ""
}

// bareArxiv reads an arXiv id, new ("2112.09118v2") or old ("math.GT/0309136"),
// alone or after "arXiv:" or the address of its page. Where bare is false, what
// says arXiv must be there.
func bareArxiv(text string, bare bool) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if i := strings.LastIndex(text, "arxiv.org/"); i >= 0 {
		text, bare = text[i+len("arxiv.org/"):], true
		_, text, _ = strings.Cut(text, "/") // abs, pdf, html
	}
	if rest, ok := strings.CutPrefix(text, "arxiv:"); ok {
		text, bare = strings.TrimSpace(rest), true
	}
	text = strings.TrimSuffix(text, ".pdf")
	if i := strings.LastIndexByte(text, 'v'); i > 0 && digits(text[i+1:]) {
		text = text[:i]
	}
	if !bare {
		return ""
	}
	if before, after, ok := strings.Cut(text, "."); ok && len(before) == 4 && digits(before) && len(after) >= 4 && len(after) <= 5 && digits(after) {
		return text
	}
	if before, after, ok := strings.Cut(text, "/"); ok && before != "" && len(after) == 7 && digits(after) {
		before, _, _ = strings.Cut(before, ".") // math.GT/0309136 is math/0309136
		return before + "/" + after
	}
	return ""
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// doiOf gives the DOI of a paper in lower case, without what stands before it in
// an address: of the field, or of an id that says so. "" is none.
func doiOf(p *paper.Paper) string {
	doi := strings.ToLower(strings.TrimSpace(p.DOI))
	if doi == "" {
		rest, ok := strings.CutPrefix(strings.ToLower(p.ID), "doi:")
		if !ok {
			return ""
		}
		doi = rest
	}
	if i := strings.Index(doi, "10."); i >= 0 && strings.Contains(doi[i:], "/") {
		return doi[i:]
	}
	return ""
}
