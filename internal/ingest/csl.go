package ingest

import (
	"cmp"
	"slices"

	"akin/internal/paper"
)

// looksLikeCSL says that these are items of CSL-JSON, as reference managers, doi.org
// and the API of Crossref write them: one of the keys that no other format has is
// there beside the type.
func looksLikeCSL(h head) bool {
	keys := h.json.keys
	if !holds(keys, "type") || !holds(keys, "id") && !holds(keys, "DOI") && !holds(keys, "title") {
		return false
	}
	for _, telling := range []string{"issued", "container-title", "citation-key", "title-short", "original-date", "is-referenced-by-count"} {
		if holds(keys, telling) {
			return true
		}
	}
	return slices.Contains([]string{
		"article-journal", "paper-conference", "article-magazine", "chapter", "webpage", "journal-article", "posted-content", "proceedings-article",
	}, keys["type"])
}

// newCSL reads items.
func newCSL(in input) rows { return newObjects(in, decodeCSL) }

// cslItem is the part of an item that akin keeps.
type cslItem struct {
	ID        flexText    `json:"id"`
	Type      flexText    `json:"type"`
	Title     flexTexts   `json:"title"`
	Abstract  flexText    `json:"abstract"`
	Author    flexAuthors `json:"author"`
	Issued    flexDate    `json:"issued"`
	Online    flexDate    `json:"published-online"`
	Published flexDate    `json:"published"`
	DOI       flexTexts   `json:"DOI"`
	URL       flexTexts   `json:"URL"`
	Container flexTexts   `json:"container-title"`
	Keyword   flexTexts   `json:"keyword"`
	Subject   flexTexts   `json:"subject"`
	Language  flexText    `json:"language"`
	Cited     flexNumber  `json:"is-referenced-by-count"`
	Publisher flexText    `json:"publisher"`
	Volume    flexText    `json:"volume"`
	Issue     flexText    `json:"issue"`
	Page      flexText    `json:"page"`
	Number    flexText    `json:"number"`
	Archive   flexText    `json:"archive"`
	Location  flexText    `json:"archive_location"`
	ISSN      flexText    `json:"ISSN"`
	ISBN      flexText    `json:"ISBN"`
	Note      flexText    `json:"note"`
	Short     flexText    `json:"title-short"`
}

func decodeCSL(object []byte) (Row, error) {
	var u unread
	item, err := decodeSchema[cslItem](object, &u)
	if err != nil {
		return Row{}, err
	}
	p := paper.Paper{
		Title: cmp.Or(item.Title.first(), string(item.Short)), Abstract: string(item.Abstract),
		Venue: item.Container.first(), DOI: bareDOI(item.DOI.first()), Authors: item.Author, Categories: item.categories(),
	}
	takeDate(&p, &u, map[string]*flexDate{"date": &item.Issued, "published": &item.Published, "published-online": &item.Online},
		"date", "published", "published-online")
	for _, text := range append([]string{string(item.Location), string(item.Number), string(item.ID)}, item.URL...) {
		if id, _, ok := parseArxivID(text); ok && p.ArxivID == "" {
			p.ArxivID = id
		}
	}
	arxivOfNotes(&p, string(item.Note)) // where Zotero keeps it
	identify(&p)
	link(&p, item.URL...)
	setLanguage(&p, string(item.Language))
	signal(&p, &u, "citations", item.Cited)
	for key, text := range map[string]flexText{
		"citation_key": item.ID, "type": item.Type, "publisher": item.Publisher, "volume": item.Volume,
		"issue": item.Issue, "page": item.Page, "number": item.Number, "archive": item.Archive,
		"archive_location": item.Location, "ISSN": item.ISSN, "ISBN": item.ISBN, "note": item.Note,
	} {
		note(&p, key, string(text))
	}
	return completed(p, u...)
}

// categories gives the keywords, divided where they are one text, else the
// subjects.
func (item *cslItem) categories() []string {
	switch len(item.Keyword) {
	case 0:
		return item.Subject
	case 1:
		return keywords(item.Keyword[0])
	default:
		return item.Keyword
	}
}
