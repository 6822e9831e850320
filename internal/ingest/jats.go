package ingest

import (
	"regexp"
	"slices"
	"strings"

	"akin/internal/paper"
)

// looksLikeJATS says that these are articles in JATS, as publishers and PubMed
// Central have them.
func looksLikeJATS(h head) bool {
	return (looksLikeXML(h, "article") || looksLikeXML(h, "pmc-articleset")) && (looksLikeXML(h, "front") || looksLikeXML(h, "article-meta"))
}

var xmlLang = regexp.MustCompile(`\sxml:lang\s*=\s*["']([A-Za-z-]+)["']`)

// newJATS reads what stands at the front of articles; their bodies are passed
// over.
func newJATS(in input) rows {
	language := ""
	open := newXMLRows(func(x *xmlReader, e *element) (Row, error) {
		var front jatsFront
		if err := x.decode(e, &front); err != nil {
			return Row{}, err
		}
		return front.row(language)
	}, "front")
	r := open(in).(xmlRows)
	r.xml.begins = func(name string, tag []byte) {
		if name != "article" {
			return
		}
		language = ""
		if found := xmlLang.FindSubmatch(tag); found != nil {
			language = string(found[1])
		}
	}
	return r
}

// jatsText is text of JATS with what it is.
type jatsText struct {
	Inner    string `xml:",innerxml"`
	IDType   string `xml:"pub-id-type,attr"`
	Contrib  string `xml:"contrib-id-type,attr"`
	Abstract string `xml:"abstract-type,attr"`
	Lang     string `xml:"lang,attr"`
}

type jatsName struct {
	Surname string `xml:"surname"`
	Given   string `xml:"given-names"`
	Suffix  string `xml:"suffix"`
	Text    string `xml:",chardata"`
}

func (n jatsName) full() string {
	if name := fullName(n.Given, n.Surname, n.Suffix); name != "" {
		return name
	}
	return collapse(n.Text)
}

type jatsContrib struct {
	Type   string     `xml:"contrib-type,attr"`
	Name   []jatsName `xml:"name"`
	Other  []jatsName `xml:"name-alternatives>name"`
	String []jatsName `xml:"string-name"`
	Collab jatsText   `xml:"collab"`
	IDs    []jatsText `xml:"contrib-id"`
}

type jatsDate struct {
	PubType  string `xml:"pub-type,attr"`
	DateType string `xml:"date-type,attr"`
	ISO      string `xml:"iso-8601-date,attr"`
	Day      string `xml:"day"`
	Month    string `xml:"month"`
	Year     string `xml:"year"`
	Text     string `xml:"string-date"`
}

func (d jatsDate) String() string {
	switch {
	case d.Year != "" && d.Month != "" && d.Day != "":
		return collapse(d.Year) + "-" + collapse(d.Month) + "-" + collapse(d.Day)
	case d.Year != "":
		return collapse(d.Year + " " + d.Month)
	default:
		return firstFilled(d.ISO, d.Text)
	}
}

// jatsFront is the part of an article's front that akin keeps.
type jatsFront struct {
	Journal struct {
		Titles []string `xml:"journal-title-group>journal-title"`
		Title  string   `xml:"journal-title"`
		Abbrev string   `xml:"journal-id"`
	} `xml:"journal-meta"`
	Meta struct {
		IDs      []jatsText    `xml:"article-id"`
		Title    jatsText      `xml:"title-group>article-title"`
		Subtitle jatsText      `xml:"title-group>subtitle"`
		Contribs []jatsContrib `xml:"contrib-group>contrib"`
		Dates    []jatsDate    `xml:"pub-date"`
		Abstract []jatsText    `xml:"abstract"`
		Keywords []jatsText    `xml:"kwd-group>kwd"`
		Volume   string        `xml:"volume"`
		Issue    string        `xml:"issue"`
		Pages    string        `xml:"fpage"`
		License  string        `xml:"permissions>license>license-p"`
	} `xml:"article-meta"`
}

// Tags of elements: with a slash in the first group they end one, with one in the second they
// are all of it.
var (
	// jatsMembers are the members of a group and where it is, which are no part of its name.
	jatsMembers = regexp.MustCompile(`<(/?)(?:contrib-group|xref|fn|aff|address|email)(?:\s(?:[^>"']|"[^"]*"|'[^']*')*?)?(/?)>`)
	// jatsNote are references to notes and sources, which are no text of a title.
	jatsNote = regexp.MustCompile(`<(/?)(?:xref|fn)(?:\s(?:[^>"']|"[^"]*"|'[^']*')*?)?(/?)>`)
)

// outside gives a text without the elements of some tags and all that is in them; one that
// has no end stays.
func outside(tags *regexp.Regexp, text string) string {
	var b strings.Builder
	depth, kept := 0, 0
	for _, at := range tags.FindAllStringSubmatchIndex(text, -1) {
		ends, alone := at[2] < at[3], at[4] < at[5]
		if depth == 0 && !ends {
			b.WriteString(text[kept:at[0]])
			kept = at[0]
		}
		switch {
		case ends:
			depth = max(0, depth-1)
		case !alone:
			depth++
		}
		if depth == 0 {
			kept = at[1]
		}
	}
	return b.String() + text[kept:]
}

func (f *jatsFront) row(language string) (Row, error) {
	m := &f.Meta
	p := paper.Paper{
		Title: outside(jatsNote, m.Title.Inner), Abstract: f.abstract(), Venue: firstFilled(append(f.Journal.Titles, f.Journal.Title, f.Journal.Abbrev)...),
	}
	if subtitle := outside(jatsNote, m.Subtitle.Inner); collapse(subtitle) != "" {
		p.Title += ": " + subtitle
	}
	pmid := ""
	for _, id := range m.IDs {
		switch id.IDType {
		case "doi":
			p.DOI = collapse(id.Inner)
		case "arxiv":
			p.ArxivID = collapse(id.Inner)
		case "pmid":
			pmid = collapse(id.Inner)
			note(&p, "pmid", pmid)
		default:
			note(&p, id.IDType, id.Inner)
		}
	}
	for _, c := range m.Contribs {
		if c.Type == "" || c.Type == "author" {
			p.Authors = append(p.Authors, c.authors()...)
		}
	}
	for _, k := range m.Keywords {
		p.Categories = append(p.Categories, k.Inner)
	}
	var left unread
	f.date(&p, &left)
	setLanguage(&p, language)
	for key, text := range map[string]string{"volume": m.Volume, "issue": m.Issue, "pages": m.Pages, "license": m.License} {
		note(&p, key, text)
	}
	return medline(&p, left, pmid)
}

// abstract takes the first that is a whole one: others are for pictures, the
// table of contents, or in other languages.
func (f *jatsFront) abstract() string {
	all := f.Meta.Abstract
	if i := slices.IndexFunc(all, func(a jatsText) bool { return a.Abstract == "" }); i >= 0 {
		return all[i].Inner
	}
	if len(all) > 0 {
		return all[0].Inner
	}
	return ""
}

// date takes when the article first appeared, of what is dated to the day if
// there is something.
func (f *jatsFront) date(p *paper.Paper, left *unread) {
	var all []string
	for _, d := range f.Meta.Dates {
		kind := d.PubType + d.DateType
		if strings.Contains(kind, "pmc-release") || strings.Contains(kind, "retract") || strings.Contains(kind, "corrected") {
			continue
		}
		if text := d.String(); text != "" {
			all = append(all, text)
		}
	}
	slices.SortStableFunc(all, func(a, b string) int {
		d, _ := readDate(a)
		e, _ := readDate(b)
		return d.Compare(e)
	})
	slices.SortStableFunc(all, func(a, b string) int { return dayFirst(a) - dayFirst(b) })
	for i, text := range all {
		if i == 0 {
			p.PublishDate = left.date(p, "date", text)
		}
	}
}

func dayFirst(text string) int {
	if d, _ := readDate(text); d.Day != 0 {
		return 0
	}
	return 1
}

func (c *jatsContrib) authors() []paper.Author {
	name := ""
	for _, list := range [][]jatsName{c.Name, c.Other, c.String} {
		if name == "" && len(list) > 0 {
			name = list[0].full()
		}
	}
	if name == "" {
		name = outside(jatsMembers, c.Collab.Inner)
	}
	all := named(name)
	for i := range all {
		for _, id := range c.IDs {
			if id.Contrib == "orcid" {
				all[i].ORCID = id.Inner
			}
		}
	}
	return all
}
