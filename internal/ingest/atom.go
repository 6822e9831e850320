package ingest

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"akin/internal/paper"
)

// looksLikeAtom says that this is a feed of arXiv.
func looksLikeAtom(h head) bool {
	return looksLikeXML(h, "feed") && bytes.Contains(h.text, []byte("arxiv.org"))
}

// atom reads the entries of an Atom feed of arXiv.
type atom struct {
	xml   *xmlReader
	lines *lines // whose number errors of reading name
}

func newAtom(in input) rows { return atom{newXMLReader(in.name, in.lines.src), in.lines} }

type atomEntry struct {
	ID         string     `xml:"id"`
	Title      string     `xml:"title"`
	Summary    string     `xml:"summary"`
	Published  string     `xml:"published"`
	Updated    string     `xml:"updated"`
	Authors    []string   `xml:"author>name"`
	Comment    string     `xml:"comment"`
	JournalRef string     `xml:"journal_ref"`
	DOI        string     `xml:"doi"`
	Primary    atomTerm   `xml:"primary_category"`
	Categories []atomTerm `xml:"category"`
	Links      []struct {
		Href  string `xml:"href,attr"`
		Title string `xml:"title,attr"`
		Rel   string `xml:"rel,attr"`
	} `xml:"link"`
	Text []byte `xml:",innerxml"`
}

type atomTerm struct {
	Term string `xml:"term,attr"`
}

func (a atom) next(ctx context.Context) (Row, error) {
	for {
		start, line, err := a.xml.start(ctx)
		a.lines.num = a.xml.line()
		if err != nil {
			return Row{}, err
		}
		if start.Name.Local != "entry" {
			continue
		}
		var e atomEntry
		if err := a.xml.decode(start, &e); err != nil {
			return Row{}, err
		}
		row, err := e.row()
		if err != nil {
			raw := slices.Concat([]byte("<entry>"), e.Text, []byte("</entry>"))
			return Row{}, &RejectedError{Rejected{File: a.xml.file, Line: line, Reason: err.Error(), Raw: raw}}
		}
		row.Source = Source{File: a.xml.file, Line: line}
		return row, nil
	}
}

func (e *atomEntry) row() (Row, error) {
	id, version, ok := parseArxivID(e.ID)
	if !ok {
		// Errors of the service come as an entry too.
		return Row{}, fmt.Errorf("id %q is not the address of a paper of arXiv; the entry says: %.200s", collapse(e.ID), collapse(e.Summary))
	}
	p := paper.Paper{
		Title: collapse(e.Title), Abstract: collapse(e.Summary), Authors: named(e.Authors...),
		Venue: collapse(e.JournalRef), ArxivID: id, DOI: bareDOI(firstWord(e.DOI)),
	}
	identify(&p)
	for _, c := range append([]atomTerm{e.Primary}, e.Categories...) {
		if term := collapse(c.Term); term != "" && !slices.Contains(p.Categories, term) {
			p.Categories = append(p.Categories, term)
		}
	}
	var err error
	if p.PublishDate, err = schemaDate("published", e.Published); err != nil {
		return Row{}, err
	}
	for _, l := range e.Links {
		if l.Title == "pdf" || l.Rel == "alternate" {
			link(&p, l.Href)
		}
	}
	updated, err := schemaDate("updated", e.Updated)
	if err != nil {
		return Row{}, err
	}
	note(&p, "update_date", updated.String())
	note(&p, "version", version)
	note(&p, "comments", e.Comment)
	return completed(p)
}
