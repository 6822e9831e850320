package ingest

import (
	"regexp"
	"strings"

	"akin/internal/paper"
)

// looksLikeDBLP says that this is the list of dblp, or a part of it.
func looksLikeDBLP(h head) bool { return xmlRoot(h) == "dblp" }

// newDBLP reads publications of dblp. The pages of persons (www) are passed
// over: they are no papers.
func newDBLP(in input) rows {
	return newXMLRows(func(x *xmlReader, e *element) (Row, error) {
		var r dblpRecord
		if err := x.decode(e, &r); err != nil {
			return Row{}, err
		}
		return r.row(e.name)
	}, "article", "inproceedings", "proceedings", "book", "incollection", "phdthesis", "mastersthesis", "data")(in)
}

type dblpRecord struct {
	Key     string `xml:"key,attr"`
	Kind    string `xml:"publtype,attr"`
	Authors []struct {
		ORCID string `xml:"orcid,attr"`
		Name  string `xml:",chardata"`
	} `xml:"author"`
	Editors   []string `xml:"editor"`
	Title     marked   `xml:"title"`
	Journal   string   `xml:"journal"`
	Booktitle string   `xml:"booktitle"`
	School    string   `xml:"school"`
	Publisher string   `xml:"publisher"`
	Year      string   `xml:"year"`
	Month     string   `xml:"month"`
	Volume    string   `xml:"volume"`
	Number    string   `xml:"number"`
	Pages     string   `xml:"pages"`
	EE        []string `xml:"ee"`
	URL       string   `xml:"url"`
	ISBN      string   `xml:"isbn"`
	Crossref  string   `xml:"crossref"`
}

// homonym is the number that dblp puts behind names that several persons have.
var homonym = regexp.MustCompile(` \d{4}$`)

func (r *dblpRecord) row(kind string) (Row, error) {
	// dblp ends every title with a full stop.
	title := collapse(r.Title.Text)
	if !strings.HasSuffix(title, "..") {
		title = strings.TrimSuffix(title, ".")
	}
	p := paper.Paper{Title: title, Venue: firstFilled(r.Journal, r.Booktitle, r.School, r.Publisher)}
	for _, a := range r.Authors {
		for _, author := range named(homonym.ReplaceAllString(collapse(a.Name), "")) {
			author.ORCID = a.ORCID
			p.Authors = append(p.Authors, author)
		}
	}
	var left unread
	p.PublishDate = yearAndMonth(&p, &left, r.Year, r.Month, "")
	for _, u := range r.EE {
		link(&p, collapse(u))
	}
	if collapse(r.Journal) == "CoRR" {
		p.ArxivID, _, _ = parseArxivID(r.Volume)
	}
	for key, text := range map[string]string{
		"dblp": r.Key, "type": kind, "volume": r.Volume, "number": r.Number, "pages": r.Pages, "isbn": r.ISBN, "crossref": r.Crossref,
		"publisher": r.Publisher, "publtype": r.Kind, "editors": strings.Join(r.Editors, "; "),
	} {
		note(&p, key, text)
	}
	return completed(p, left...)
}

// firstFilled gives the first text that is not blank.
func firstFilled(texts ...string) string {
	for _, text := range texts {
		if text = collapse(text); text != "" {
			return text
		}
	}
	return ""
}
