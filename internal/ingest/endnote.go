package ingest

import (
	"regexp"
	"strings"

	"akin/internal/paper"
)

// looksLikeEndNote says that this is an XML export of EndNote.
func looksLikeEndNote(h head) bool {
	root := xmlRoot(h)
	return (root == "xml" || root == "records") && looksLikeXML(h, "record") &&
		(looksLikeXML(h, "titles") || looksLikeXML(h, "contributors") || looksLikeXML(h, "ref-type"))
}

func newEndNote(in input) rows {
	return newXMLRows(func(x *xmlReader, e *element) (Row, error) {
		var r endnoteRecord
		if err := x.decode(e, &r); err != nil {
			return Row{}, err
		}
		return r.row()
	}, "record")(in)
}

// styled is text of EndNote, divided by how it looks.
type styled struct {
	Inner string `xml:",innerxml"`
}

var styleTag = regexp.MustCompile(`</?style\b[^>]*>`)

// endnoteBreak is how EndNote writes the end of a line.
var endnoteBreak = regexp.MustCompile(`&#x?[dD];|&#13;|[\r\n]+`)

func (s styled) text() string { return styleTag.ReplaceAllString(s.Inner, "") }

func (s styled) lines() []string {
	var all []string
	for _, line := range endnoteBreak.Split(s.text(), -1) {
		if line = collapse(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

type endnoteRecord struct {
	Type struct {
		Name string `xml:"name,attr"`
	} `xml:"ref-type"`
	Number    string   `xml:"rec-number"`
	Authors   []styled `xml:"contributors>authors>author"`
	Title     styled   `xml:"titles>title"`
	Secondary styled   `xml:"titles>secondary-title"`
	Journal   styled   `xml:"periodical>full-title"`
	Year      styled   `xml:"dates>year"`
	Dates     []styled `xml:"dates>pub-dates>date"`
	Keywords  []styled `xml:"keywords>keyword"`
	Abstract  styled   `xml:"abstract"`
	Resource  styled   `xml:"electronic-resource-num"`
	Related   []styled `xml:"urls>related-urls>url"`
	Web       []styled `xml:"urls>web-urls>url"`
	Language  styled   `xml:"language"`
	Volume    styled   `xml:"volume"`
	Issue     styled   `xml:"number"`
	Pages     styled   `xml:"pages"`
	ISBN      styled   `xml:"isbn"`
	Publisher styled   `xml:"publisher"`
	Notes     styled   `xml:"notes"`
	Label     styled   `xml:"label"`
	Accession styled   `xml:"accession-num"`
	Work      styled   `xml:"work-type"`
}

func (r *endnoteRecord) row() (Row, error) {
	p := paper.Paper{Title: r.Title.text(), Abstract: r.Abstract.text(), Venue: collapse(r.Secondary.text())}
	if p.Venue == "" {
		p.Venue = r.Journal.text()
	}
	for _, a := range r.Authors {
		for _, name := range a.lines() {
			p.Authors = append(p.Authors, personsOf(name)...)
		}
	}
	for _, k := range r.Keywords {
		for _, line := range k.lines() {
			p.Categories = append(p.Categories, split(line, ";")...)
		}
	}
	resource := collapse(r.Resource.text())
	if _, ok := paper.ParseDOI(resource); ok {
		p.DOI = resource
	} else {
		note(&p, "resource", resource)
	}
	for _, list := range [][]styled{r.Related, r.Web} {
		for _, u := range list {
			for _, line := range u.lines() {
				link(&p, addresses(line)...)
			}
		}
	}
	var left unread
	dates := []string{}
	for _, d := range r.Dates {
		dates = append(dates, d.text())
	}
	someDate(&p, &left, append(dates, r.Year.text())...)
	setLanguage(&p, r.Language.text())
	arxivOfNotes(&p, p.Venue, resource, r.Volume.text(), r.Accession.text(), r.Pages.text(), r.Work.text(), strings.Join(p.URLs, " "), r.Notes.text())
	for key, s := range map[string]styled{
		"volume": r.Volume, "number": r.Issue, "pages": r.Pages, "isbn": r.ISBN, "publisher": r.Publisher, "notes": r.Notes, "label": r.Label,
		"accession": r.Accession, "work_type": r.Work,
	} {
		note(&p, key, strings.Join(s.lines(), " "))
	}
	note(&p, "type", r.Type.Name)
	return completed(p, left...)
}
