package ingest

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"akin/internal/paper"
)

// looksLikeRSS says that these are the daily announcements of arXiv in RSS.
func looksLikeRSS(h head) bool {
	return (xmlRoot(h) == "rss" || xmlRoot(h) == "RDF") && bytes.Contains(h.text, []byte("arxiv.org"))
}

func newRSS(in input) rows {
	return newXMLRows(func(x *xmlReader, e *element) (Row, error) {
		var item rssItem
		if err := x.decode(e, &item); err != nil {
			return Row{}, err
		}
		return item.row()
	}, "item")(in)
}

type rssItem struct {
	About       string   `xml:"about,attr"` // of RSS 1.0
	Title       string   `xml:"title"`
	Links       []string `xml:"link"`
	GUID        string   `xml:"guid"`
	Description string   `xml:"description"`
	Categories  []string `xml:"category"`
	Published   string   `xml:"pubDate"`
	Announced   string   `xml:"announce_type"`
	Rights      string   `xml:"rights"`
	DOI         string   `xml:"DOI"`
	Journal     string   `xml:"journal_reference"`
	Creators    []string `xml:"creator"`
}

// rssTitle is what feeds before 2024 put behind a title.
var rssTitle = regexp.MustCompile(`\s*\(arXiv:\S+ \[([^\]]+)\][^)]*\)\s*$`)

func (i *rssItem) row() (Row, error) {
	var id, version string
	ok := false
	for _, text := range append([]string{i.GUID, i.About}, i.Links...) {
		if id, version, ok = parseArxivID(text); ok {
			break
		}
	}
	if !ok {
		return Row{}, fmt.Errorf("neither guid %q nor link is the address of a paper of arXiv", collapse(i.GUID))
	}
	a := announcedPaper{
		id: id, version: version, title: i.Title, summary: i.Description, creators: i.Creators, categories: i.Categories,
		date: i.Published, kind: i.Announced, rights: i.Rights, doi: i.DOI, journal: i.Journal,
	}
	if found := rssTitle.FindStringSubmatch(collapse(i.Title)); found != nil {
		a.title = rssTitle.ReplaceAllString(collapse(i.Title), "")
		a.categories = append(a.categories, found[1])
	}
	return a.row(func(p *paper.Paper) { link(p, i.Links...) })
}

// announcement is what arXiv writes before an abstract in its announcements.
var announcement = regexp.MustCompile(`^\s*arXiv:(\S+)\s+Announce Type:\s*(\S+)\s*(?:Abstract:\s*)?`)

// announcedPaper is a paper as arXiv's daily feeds have it.
type announcedPaper struct {
	id, version, title, summary      string
	creators, categories             []string
	date, kind, rights, doi, journal string
}

func (a *announcedPaper) row(links func(*paper.Paper)) (Row, error) {
	p := paper.Paper{
		Title: a.title, Abstract: announcement.ReplaceAllString(a.summary, ""), ArxivID: a.id, DOI: a.doi, Venue: collapse(a.journal),
	}
	if found := announcement.FindStringSubmatch(a.summary); found != nil {
		a.kind = cmp.Or(a.kind, found[2])
	}
	for _, c := range a.categories {
		if c = collapse(c); c != "" {
			p.Categories = appendNew(p.Categories, c)
		}
	}
	for _, c := range a.creators {
		p.Authors = append(p.Authors, named(creators(c)...)...)
	}
	var left unread
	switch d, how := readDate(a.date); {
	case d.Year != 0:
		p.ListedDates = []paper.Date{d}
	case how == dateUnread:
		left.leave(&p, "announced", "listed_dates", a.date)
	}
	links(&p)
	note(&p, "version", a.version)
	note(&p, "announce_type", a.kind)
	note(&p, "license", a.rights)
	return completed(p, left...)
}

// htmlName is an author as feeds before 2024 wrote one.
var htmlName = regexp.MustCompile(`<a [^>]*>([^<]*)</a>`)

// creators divides "Mira Holt (Sea, Tide), Jon Aske, Jr." into names, without
// where they work.
func creators(text string) (names []string) {
	text = htmlName.ReplaceAllString(text, "$1")
	depth := 0
	var flat strings.Builder
	for _, r := range text {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth = max(0, depth-1)
		case depth == 0:
			flat.WriteRune(r)
		}
	}
	for _, name := range split(flat.String(), ",") {
		if nameSuffix.MatchString(name) && len(names) > 0 {
			names[len(names)-1] += " " + name
			continue
		}
		names = append(names, name)
	}
	return names
}
