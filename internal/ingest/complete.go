package ingest

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"akin/internal/paper"
	"akin/internal/paper/titleid"
	"akin/internal/text"
)

// completed takes the markup out of a paper's text, completes it and makes it a
// row, with what could not be read of it.
func completed(p paper.Paper, left ...Unread) (Row, error) {
	title, abstract := p.Title, p.Abstract
	clean(&p)
	row, err := finished(p, left...)
	row.Cleaned = !sameWords(title, p.Title) || !sameWords(abstract, p.Abstract)
	return row, err
}

// sameWords says that two texts differ in nothing but spaces.
func sameWords(a, b string) bool {
	return a == b || collapse(a) == collapse(b)
}

// finished is completed for a paper of which the text is clean.
func finished(p paper.Paper, left ...Unread) (Row, error) {
	u := unread(left)
	for i := range u {
		if u[i].key != "" {
			keep(&p, u[i].key, u[i].Text)
			u[i].key = ""
		}
	}
	settleIDs(&p, &u)
	if err := complete(&p, &u); err != nil {
		return Row{}, err
	}
	return Row{Paper: p, Unread: u}, nil
}

// clean takes markup out of what is read and embedded: every source may have
// some, for they copy from each other.
func clean(p *paper.Paper) {
	for _, s := range []*string{&p.Title, &p.Abstract, &p.Venue} {
		*s = text.Clean(*s)
	}
	for i := range p.Authors {
		p.Authors[i].Name = text.Clean(p.Authors[i].Name)
	}
	p.Authors = slices.DeleteFunc(p.Authors, func(a paper.Author) bool { return a.Name == "" })
	for i := range p.Categories {
		p.Categories[i] = text.Clean(p.Categories[i])
	}
	p.Categories = slices.DeleteFunc(p.Categories, func(c string) bool { return c == "" })
}

// settleIDs gives identifiers their bare form, wherever the source put them, and
// the paper the id that every source of it leads to, unless it has one.
func settleIDs(p *paper.Paper, u *unread) {
	if id, _, ok := paper.ParseArxivID(p.ArxivID); ok {
		p.ArxivID = id
	} else if p.ArxivID = collapse(p.ArxivID); p.ArxivID != "" {
		u.leave(p, "arxiv_id", "arxiv_id", p.ArxivID)
		p.ArxivID = ""
	}
	if doi, ok := paper.ParseDOI(p.DOI); ok {
		p.DOI = doi
	} else if text := collapse(p.DOI); text != "" {
		p.DOI = ""
		if id, _, ok := paper.ParseArxivID(text); ok && p.ArxivID == "" {
			p.ArxivID = id
		} else if !noValue(text) {
			u.leave(p, "doi", "doi", text)
		}
	}
	for i := range p.Authors {
		a := &p.Authors[i]
		orcid, ok := paper.ParseORCID(a.ORCID)
		if !ok && collapse(a.ORCID) != "" {
			key := "orcid"
			if !utf8.ValidString(a.ORCID) {
				key = ""
			}
			u.leave(p, key, fmt.Sprintf("authors[%d].orcid", i), shorten(a.ORCID, unreadText))
		}
		a.ORCID = orcid
	}
	for _, u := range p.URLs {
		if p.DOI == "" {
			p.DOI, _ = doiOfURL(u)
		}
		if p.ArxivID == "" {
			p.ArxivID, _ = arxivOfURL(u)
		}
	}
	if p.ArxivID == "" {
		p.ArxivID, _, _ = paper.ParseArxivID(p.DOI)
	}
	if p.ID == "" {
		identify(p)
	}
}

// noValue says that a text stands for a value that is not known.
func noValue(text string) bool {
	switch strings.ToLower(text) {
	case "none", "null", "nan", "n/a", "na", "-", "--", "?", "unknown":
		return true
	}
	return false
}

// doiOfURL and arxivOfURL take an identifier out of the address of its page.
func doiOfURL(u string) (string, bool) {
	if !strings.Contains(u, "doi") {
		return "", false
	}
	doi, ok := paper.ParseDOI(u)
	if !ok {
		return "", false
	}
	return doi, true
}

func arxivOfURL(u string) (string, bool) {
	if !strings.Contains(u, "arxiv") && !strings.Contains(u, "arXiv") {
		return "", false
	}
	id, _, ok := paper.ParseArxivID(u)
	return id, ok
}

// complete gives the paper an id if its source has none, and checks it. An
// optional value that a paper cannot have is taken out and counted.
func complete(p *paper.Paper, u *unread) error {
	if p.ID == "" {
		switch {
		case titleid.Normalize(p.Title) != "":
			p.ID = titleid.New(p.Title)
		case titleid.Normalize(p.Abstract) != "":
			p.ID = titleid.NewAbstract(p.Abstract)
		default:
			return fmt.Errorf("the paper has neither title nor abstract, nor an id: its title is %q", p.Title)
		}
	}
	err := p.Validate()
	if err == nil {
		return nil
	}
	return u.shed(p, err)
}
