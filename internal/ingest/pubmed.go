package ingest

import (
	"errors"
	"strings"

	"akin/internal/paper"
)

// looksLikePubMed says that these are citations of PubMed in XML.
func looksLikePubMed(h head) bool {
	return looksLikeXML(h, "PubmedArticleSet") || looksLikeXML(h, "PubmedArticle")
}

func newPubMed(in input) rows {
	return newXMLRows(func(x *xmlReader, e *element) (Row, error) {
		switch e.name {
		case "DeleteCitation":
			return Row{}, errors.New("PubMed takes these citations back; the papers have the ids of their DOIs, by which you can delete them")
		case "PubmedBookArticle":
			var b pubmedBook
			if err := x.decode(e, &b); err != nil {
				return Row{}, err
			}
			return b.row()
		}
		var a pubmedArticle
		if err := x.decode(e, &a); err != nil {
			return Row{}, err
		}
		return a.row()
	}, "PubmedArticle", "PubmedBookArticle", "DeleteCitation")(in)
}

// marked is text with markup.
type marked struct {
	Text  string `xml:",innerxml"`
	Label string `xml:"Label,attr"`
	Type  string `xml:"IdType,attr"`
	EType string `xml:"EIdType,attr"`
}

type pubmedDate struct {
	Year, Month, Day, MedlineDate, Season string
}

func (d pubmedDate) String() string {
	if d.MedlineDate != "" {
		return d.MedlineDate
	}
	return collapse(d.Year + " " + d.Month + " " + d.Day)
}

type pubmedAuthor struct {
	LastName       string
	ForeName       string
	Initials       string
	Suffix         string
	CollectiveName marked
	Identifier     []struct {
		Source string `xml:"Source,attr"`
		Text   string `xml:",chardata"`
	}
}

// pubmedArticle is the part of a citation that akin keeps.
type pubmedArticle struct {
	Citation struct {
		PMID    string
		Article struct {
			Journal struct {
				Title           string
				ISOAbbreviation string
				ISSN            string
				JournalIssue    struct {
					Volume, Issue string
					PubDate       pubmedDate
				}
			}
			ArticleTitle    marked
			VernacularTitle marked
			Abstract        struct{ AbstractText []marked }
			AuthorList      struct{ Author []pubmedAuthor }
			Language        []string
			ArticleDate     []pubmedDate
			ELocationID     []marked
			Pages           string   `xml:"Pagination>MedlinePgn"`
			Types           []string `xml:"PublicationTypeList>PublicationType"`
		}
		OtherAbstract []struct{ AbstractText []marked }
		Mesh          []string `xml:"MeshHeadingList>MeshHeading>DescriptorName"`
		Keywords      []marked `xml:"KeywordList>Keyword"`
	} `xml:"MedlineCitation"`
	IDs []marked `xml:"PubmedData>ArticleIdList>ArticleId"`
}

func (a *pubmedArticle) row() (Row, error) {
	c := &a.Citation
	art := &c.Article
	p := paper.Paper{
		Title: art.ArticleTitle.Text, Abstract: labelled(art.Abstract.AbstractText), Authors: pubmedAuthors(art.AuthorList.Author),
		Venue: art.Journal.Title,
	}
	if collapse(p.Title) == "" {
		p.Title = art.VernacularTitle.Text
	} else {
		note(&p, "vernacular_title", art.VernacularTitle.Text)
	}
	if p.Venue == "" {
		p.Venue = art.Journal.ISOAbbreviation
	}
	for _, other := range c.OtherAbstract {
		if p.Abstract == "" {
			p.Abstract = labelled(other.AbstractText)
		}
	}
	for _, k := range c.Keywords {
		p.Categories = append(p.Categories, k.Text)
	}
	p.Categories = append(p.Categories, c.Mesh...)
	pubmedIDs(&p, art.ELocationID, a.IDs)
	var left unread
	dates := []string{art.Journal.JournalIssue.PubDate.String()}
	for _, d := range art.ArticleDate {
		dates = append(dates, d.String())
	}
	someDate(&p, &left, dates...)
	if len(art.Language) > 0 {
		setLanguage(&p, art.Language[0])
	}
	for key, text := range map[string]string{
		"pmid": c.PMID, "type": strings.Join(art.Types, "; "), "volume": art.Journal.JournalIssue.Volume, "issue": art.Journal.JournalIssue.Issue,
		"pages": art.Pages, "issn": art.Journal.ISSN,
	} {
		note(&p, key, text)
	}
	return medline(&p, left, c.PMID)
}

// pubmedIDs takes the identifiers that a citation has besides its number.
func pubmedIDs(p *paper.Paper, lists ...[]marked) {
	for _, list := range lists {
		for _, id := range list {
			switch kind := id.Type + id.EType; {
			case kind == "doi" && p.DOI == "":
				p.DOI = collapse(id.Text)
			case kind == "pmc":
				note(p, "pmc", id.Text)
			}
		}
	}
}

// labelled joins the parts of an abstract with what they are.
func labelled(parts []marked) string {
	var all []string
	for _, part := range parts {
		text := part.Text
		if label := collapse(part.Label); label != "" && !strings.EqualFold(label, "unlabelled") && strings.TrimSpace(text) != "" {
			text = label + ": " + text
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func pubmedAuthors(list []pubmedAuthor) (all []paper.Author) {
	for _, a := range list {
		first := a.ForeName
		if first == "" {
			first = a.Initials
		}
		name := fullName(first, a.LastName, a.Suffix)
		if name == "" {
			name = a.CollectiveName.Text
		}
		for _, author := range named(name) {
			for _, id := range a.Identifier {
				if strings.EqualFold(id.Source, "orcid") {
					author.ORCID = id.Text
				}
			}
			all = append(all, author)
		}
	}
	return all
}

// pubmedBook is a chapter or book of NCBI's Bookshelf.
type pubmedBook struct {
	Document struct {
		PMID         string
		ArticleTitle marked
		Book         struct {
			BookTitle marked
			PubDate   pubmedDate
			Publisher string `xml:"Publisher>PublisherName"`
		}
		AuthorList []struct{ Author []pubmedAuthor }
		Abstract   struct{ AbstractText []marked }
		IDs        []marked `xml:"ArticleIdList>ArticleId"`
		Keywords   []marked `xml:"KeywordList>Keyword"`
		Language   []string
	} `xml:"BookDocument"`
}

func (b *pubmedBook) row() (Row, error) {
	d := &b.Document
	p := paper.Paper{Title: d.ArticleTitle.Text, Abstract: labelled(d.Abstract.AbstractText), Venue: d.Book.BookTitle.Text}
	if collapse(p.Title) == "" {
		p.Title, p.Venue = p.Venue, d.Book.Publisher
	}
	for _, list := range d.AuthorList {
		p.Authors = append(p.Authors, pubmedAuthors(list.Author)...)
	}
	for _, k := range d.Keywords {
		p.Categories = append(p.Categories, k.Text)
	}
	pubmedIDs(&p, d.IDs)
	var left unread
	someDate(&p, &left, d.Book.PubDate.String())
	if len(d.Language) > 0 {
		setLanguage(&p, d.Language[0])
	}
	note(&p, "pmid", d.PMID)
	return medline(&p, left, d.PMID)
}
