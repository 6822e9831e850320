package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"akin/internal/paper"
)

// looksLikeFeed says that this is a feed whose entries name papers by DOI, as those of
// journals and preprint servers do.
func looksLikeFeed(h head) bool {
	switch xmlRoot(h) {
	case "feed", "rss", "RDF":
		return bytes.Contains(h.text, []byte("doi:10.")) || bytes.Contains(h.text, []byte("doi>10.")) || bytes.Contains(h.text, []byte("doi.org/10."))
	}
	return false
}

func newFeed(in input) rows {
	return newXMLRows(func(x *xmlReader, e *element) (Row, error) {
		var entry feedEntry
		if err := x.decode(e, &entry); err != nil {
			return Row{}, err
		}
		if !entry.ofArxiv() {
			return entry.row()
		}
		if e.name == "item" {
			var item rssItem
			if err := x.decode(e, &item); err != nil {
				return Row{}, err
			}
			return item.row()
		}
		var atom atomEntry
		if err := x.decode(e, &atom); err != nil {
			return Row{}, err
		}
		return atom.row()
	}, "item", "entry")(in)
}

// feedEntry is an entry of Atom, RSS 1.0 or RSS 2.0. Elements of other namespaces have
// the same names (media:title), so that each may be there more than once: the first
// counts.
type feedEntry struct {
	About       string   `xml:"about,attr"`
	GUID        []string `xml:"guid"`
	ID          []string `xml:"id"`
	Title       []string `xml:"title"`
	Description []string `xml:"description"`
	Summary     []string `xml:"summary"`
	Encoded     []string `xml:"encoded"`
	Content     []string `xml:"content"`
	Links       []struct {
		Text string `xml:",chardata"`
		Href string `xml:"href,attr"`
		Rel  string `xml:"rel,attr"`
	} `xml:"link"`
	Creator []string `xml:"creator"`
	Author  []struct {
		Text string   `xml:",chardata"`
		Name []string `xml:"name"`
	} `xml:"author"`
	Date            []string `xml:"date"`
	PubDate         []string `xml:"pubDate"`
	PublicationDate []string `xml:"publicationDate"`
	Published       []string `xml:"published"`
	Updated         []string `xml:"updated"`
	Identifier      []string `xml:"identifier"`
	DOI             []string `xml:"doi"`
	Journal         []string `xml:"publicationName"`
	Language        []string `xml:"language"`
	Category        []struct {
		Text string `xml:",chardata"`
		Term string `xml:"term,attr"`
	} `xml:"category"`
	Subject []string `xml:"subject"`
}

// addresses are all that may say which paper an entry is.
func (e *feedEntry) addresses() (all []string) {
	all = append(append(append(all, e.GUID...), e.ID...), e.About)
	for _, l := range e.Links {
		if l.Rel == "" || l.Rel == "alternate" {
			all = append(all, collapse(l.Href+" "+l.Text))
		}
	}
	return all
}

// ofArxiv says that an entry is of a paper of arXiv, or an error of its services.
func (e *feedEntry) ofArxiv() bool {
	return slices.ContainsFunc(e.addresses(), func(text string) bool {
		if !strings.Contains(strings.ToLower(text), "arxiv") {
			return false
		}
		_, _, ok := parseArxivID(text)
		return ok || strings.Contains(text, "arxiv.org/api/errors")
	})
}

// versioned is the number of a preprint in its address, with its version.
var versioned = regexp.MustCompile(`\d{4}\.\d{2}\.\d{2}\.\d+v(\d{1,3})\b`)

func (e *feedEntry) row() (Row, error) {
	title, _ := first(e.Title)
	abstract, _ := first(slices.Concat(e.Description, e.Summary, e.Encoded, e.Content))
	journal, _ := first(e.Journal)
	language, _ := first(e.Language)
	p := paper.Paper{Title: title, Abstract: abstract, Venue: journal, Authors: e.authors()}
	if title == "" {
		return Row{}, errors.New("the entry has no title")
	}
	if text, _ := first(e.GUID); text == "" && title == "Error" && strings.Contains(abstract, "error") {
		return Row{}, fmt.Errorf("the entry says: %.200s", abstract)
	}
	for _, text := range append(slices.Clone(e.DOI), e.Identifier...) {
		if doi, ok := paper.ParseDOI(text); ok && p.DOI == "" {
			p.DOI = doi
		}
	}
	for _, address := range e.addresses() {
		if strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://") {
			link(&p, address)
		}
		if found := versioned.FindStringSubmatch(address); found != nil {
			note(&p, "version", found[1])
		}
	}
	for _, c := range e.Category {
		e.category(&p, c.Text, c.Term)
	}
	for _, subject := range e.Subject {
		e.category(&p, subject)
	}
	var left unread
	for _, text := range slices.Concat(e.Date, e.Published, e.PubDate, e.PublicationDate, e.Updated) {
		if d, how := readDate(text); d.Year != 0 {
			p.PublishDate = d
			break
		} else if how == dateUnread {
			left.leave(&p, "date", "publish_date", text)
		}
	}
	setLanguage(&p, language)
	return completed(p, left...)
}

func (*feedEntry) category(p *paper.Paper, texts ...string) {
	for _, text := range texts {
		if text = collapse(text); text != "" {
			p.Categories = appendNew(p.Categories, text)
		}
	}
}

// byMail is an author as RSS 2.0 has one: an address, and the name in brackets.
var byMail = regexp.MustCompile(`^\S+@\S+\s*\((.+)\)$`)

// authors are those of dc:creator, each in an element of its own or all in one; else of
// author.
func (e *feedEntry) authors() (all []paper.Author) {
	for _, text := range e.Creator {
		for _, name := range splitNames(collapse(text)) {
			all = append(all, named(fullNameOf(name))...)
		}
	}
	if len(all) > 0 {
		return all
	}
	for _, a := range e.Author {
		if len(a.Name) > 0 {
			all = append(all, named(a.Name...)...)
			continue
		}
		text := collapse(a.Text)
		if found := byMail.FindStringSubmatch(text); found != nil {
			text = found[1]
		}
		if text == "" || strings.Contains(text, "@") {
			continue
		}
		for _, name := range splitNames(text) {
			all = append(all, named(fullNameOf(name))...)
		}
	}
	return all
}
