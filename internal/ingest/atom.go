package ingest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"

	"akin/internal/paper"
)

// looksLikeAtom says that this is a feed of arXiv: an answer of its API, or its
// daily announcements.
func looksLikeAtom(h head) bool {
	return xmlRoot(h) == "feed" && bytes.Contains(h.text, []byte("arxiv.org"))
}

// xmlRows makes rows of the elements of a file.
type xmlRows struct {
	xml   *xmlReader
	lines *lines // whose number errors of reading name
	row   func(*element) (Row, error)
}

// newXMLRows gives the constructor of a reader of elements of the given names,
// of which read makes rows.
func newXMLRows(read func(x *xmlReader, e *element) (Row, error), names ...string) func(input) rows {
	return func(in input) rows {
		x := newXMLReader(in.name, in.lines.src, names...)
		return xmlRows{x, in.lines, func(e *element) (Row, error) { return read(x, e) }}
	}
}

func newAtom(in input) rows {
	return newXMLRows(func(x *xmlReader, e *element) (Row, error) {
		var entry atomEntry
		if err := x.decode(e, &entry); err != nil {
			return Row{}, err
		}
		return entry.row()
	}, "entry")(in)
}

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
	// Of the daily announcements.
	Announced string   `xml:"announce_type"`
	Creators  []string `xml:"creator"`
	Rights    string   `xml:"rights"`
}

type atomTerm struct {
	Term string `xml:"term,attr"`
}

func (a xmlRows) next(ctx context.Context) (Row, error) {
	e, err := a.xml.next(ctx)
	a.lines.num = a.xml.line()
	if err != nil {
		return Row{}, err
	}
	row, err := a.row(e)
	if err != nil {
		return Row{}, a.xml.rejected(e, err)
	}
	row.Source = Source{File: a.xml.file, Line: e.line}
	return row, nil
}

func (e *atomEntry) row() (Row, error) {
	id, version, ok := parseArxivID(e.ID)
	if !ok {
		// Errors of the service come as an entry too.
		return Row{}, fmt.Errorf("id %q is not the address of a paper of arXiv; the entry says: %.200s", collapse(e.ID), collapse(e.Summary))
	}
	if e.Announced != "" || announcement.MatchString(e.Summary) {
		return e.announced(id, version)
	}
	p := paper.Paper{
		Title: e.Title, Abstract: e.Summary, Authors: named(e.Authors...),
		Venue: collapse(e.JournalRef), ArxivID: id, DOI: e.DOI, Categories: e.terms(),
	}
	var left unread
	p.PublishDate = left.date(&p, "published", e.Published)
	e.link(&p)
	if updated, ok := looseDate(e.Updated); ok {
		note(&p, "update_date", updated.String())
	} else {
		note(&p, "update_date", e.Updated)
	}
	note(&p, "version", version)
	note(&p, "comments", e.Comment)
	return completed(p, left...)
}

func (e *atomEntry) terms() (all []string) {
	for _, c := range append([]atomTerm{e.Primary}, e.Categories...) {
		if term := collapse(c.Term); term != "" {
			all = appendNew(all, term)
		}
	}
	return all
}

func (e *atomEntry) link(p *paper.Paper) {
	for _, l := range e.Links {
		if l.Title == "pdf" || l.Rel == "alternate" {
			link(p, l.Href)
		}
	}
}

// announced makes a paper of an entry of the daily announcements. Its date is
// when it was announced, which is not when it was published.
func (e *atomEntry) announced(id, version string) (Row, error) {
	a := announcedPaper{
		id: id, version: version, title: e.Title, summary: e.Summary, creators: append(e.Creators, e.Authors...), categories: e.terms(),
		date: cmp.Or(e.Published, e.Updated), kind: e.Announced, rights: e.Rights, doi: e.DOI, journal: e.JournalRef,
	}
	return a.row(func(p *paper.Paper) { e.link(p) })
}
