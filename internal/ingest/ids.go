package ingest

import (
	"cmp"
	"slices"
	"strings"

	"akin/internal/paper"
)

// parseArxivID and bareDOI are paper's, for what a source calls one; what is no
// DOI stays as it is, for settleIDs to say so.
func parseArxivID(text string) (id, version string, ok bool) { return paper.ParseArxivID(text) }

func bareDOI(text string) string {
	if doi, ok := paper.ParseDOI(text); ok {
		return doi
	}
	return strings.TrimSpace(text)
}

func cutPrefixFold(text, prefix string) string {
	if len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
		return text[len(prefix):]
	}
	return text
}

// identify gives a paper the id that every source of it leads to: of arXiv,
// else of its DOI. Without either, complete makes one of the title.
func identify(p *paper.Paper) {
	arxiv, _, _ := parseArxivID(p.ArxivID)
	if arxiv == "" {
		arxiv, _, _ = parseArxivID(p.DOI)
		p.ArxivID = cmp.Or(p.ArxivID, arxiv)
	}
	if doi := paper.DOIKey(p.DOI); arxiv != "" {
		p.ID = "arXiv:" + arxiv
	} else if doi != "" {
		p.ID = "doi:" + doi
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
func signal(p *paper.Paper, u *unread, key string, n flexNumber) {
	if n.bad != "" {
		u.leave(p, key, "signals."+key, n.bad)
	}
	x := n.value
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
		if u = strings.TrimSpace(u); u != "" {
			p.URLs = appendNew(p.URLs, u)
		}
	}
}

// appendNew adds a text to a list that does not have it. Of a list that is longer than
// a paper's may be, and will be cut, nobody looks whether it has it: that would take the
// square of its length.
func appendNew(list []string, text string) []string {
	if len(list) <= paper.MaxListItems && slices.Contains(list, text) {
		return list
	}
	return append(list, text)
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

// fullNameOf does so with "Last, First" and a suffix before or after the first
// name.
func fullNameOf(text string) string { return spoken(strings.Split(text, ",")) }
