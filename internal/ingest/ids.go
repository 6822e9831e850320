package ingest

import (
	"regexp"
	"slices"
	"strings"

	"akin/internal/paper"
)

// arxivPattern is an arXiv identifier, new ("2112.09118") or old
// ("hep-th/9901001", "math.GT/0309136"), with or without its version.
var arxivPattern = regexp.MustCompile(`^(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(v\d+)?$`)

// parseArxivID reads an arXiv identifier as sources write it: bare, after
// "arXiv:", as the address of its page, or as OAI-PMH does. ok is false if text
// is none.
func parseArxivID(text string) (id, version string, ok bool) {
	text = strings.TrimSpace(text)
	for _, before := range []string{"oai:", "https://", "http://", "www.", "export."} {
		text = cutPrefixFold(text, before)
	}
	for _, before := range []string{"arxiv.org:", "arxiv.org/abs/", "arxiv.org/pdf/", "arxiv:"} {
		text = cutPrefixFold(text, before)
	}
	match := arxivPattern.FindStringSubmatch(strings.TrimSuffix(strings.TrimSpace(text), ".pdf"))
	if match == nil {
		return "", "", false
	}
	return match[1], match[2], true
}

// bareDOI takes away what stands before a DOI that is written as an address.
func bareDOI(text string) string {
	text = strings.TrimSpace(text)
	for _, before := range []string{"https://", "http://", "dx.", "doi.org/", "doi:"} {
		text = cutPrefixFold(text, before)
	}
	return strings.TrimSpace(text)
}

func cutPrefixFold(text, prefix string) string {
	if len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
		return text[len(prefix):]
	}
	return text
}

// arxivDOI is how DOIs begin that arXiv gives to all its papers.
const arxivDOI = "10.48550/arxiv."

// identify gives a paper the id that every source of it leads to: of arXiv,
// else of its DOI. Without either, complete makes one of the title.
func identify(p *paper.Paper) {
	if rest := cutPrefixFold(p.DOI, arxivDOI); p.ArxivID == "" && rest != p.DOI {
		p.ArxivID, _, _ = parseArxivID(rest)
	}
	switch {
	case p.ArxivID != "":
		p.ID = "arXiv:" + p.ArxivID
	case p.DOI != "":
		p.ID = "doi:" + strings.ToLower(p.DOI)
	}
}

// note adds to the metadata, unless there is nothing to add.
func note(p *paper.Paper, key, text string) {
	if text = collapse(text); text == "" {
		return
	}
	if p.Metadata == nil {
		p.Metadata = map[string]string{}
	}
	p.Metadata[key] = text
}

// signal adds a number, if the source gives it.
func signal(p *paper.Paper, key string, x *float64) {
	if x == nil {
		return
	}
	if p.Signals == nil {
		p.Signals = map[string]float64{}
	}
	p.Signals[key] = *x
}

// link adds addresses that are not there yet.
func link(p *paper.Paper, urls ...string) {
	for _, u := range urls {
		if u = strings.TrimSpace(u); u != "" && !slices.Contains(p.URLs, u) {
			p.URLs = append(p.URLs, u)
		}
	}
}

// named gives authors of names, without empty ones.
func named(names ...string) []paper.Author {
	var all []paper.Author
	for _, name := range names {
		if name = collapse(name); name != "" {
			all = append(all, paper.Author{Name: name})
		}
	}
	return all
}

// fullName puts a name in the order in which it is spoken.
func fullName(first, last, suffix string) string {
	return collapse(first + " " + last + " " + suffix)
}

// fullNameOf does so with "Last, First" and "Last, First, Suffix".
func fullNameOf(text string) string {
	parts := strings.SplitN(text, ",", 3)
	switch len(parts) {
	case 1:
		return collapse(text)
	case 2:
		return fullName(parts[1], parts[0], "")
	default:
		return fullName(parts[1], parts[0], parts[2])
	}
}

// completed completes a paper of a fixed schema and makes it a row, with what
// could not be read of it.
func completed(p paper.Paper, left ...Unread) (Row, error) {
	u := unread(left)
	if err := complete(&p, &u); err != nil {
		return Row{}, err
	}
	return Row{Paper: p, Unread: u}, nil
}
