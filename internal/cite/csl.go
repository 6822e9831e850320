package cite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

type cslItem struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	Title     string    `json:"title,omitempty"`
	Author    []cslName `json:"author,omitempty"`
	Container string    `json:"container-title,omitempty"`
	Issued    *cslDate  `json:"issued,omitempty"`
	DOI       string    `json:"DOI,omitempty"`
	Archive   string    `json:"archive,omitempty"`
	Location  string    `json:"archive_location,omitempty"`
	URL       string    `json:"URL,omitempty"`
	Abstract  string    `json:"abstract,omitempty"`
	Keyword   string    `json:"keyword,omitempty"`
	Language  string    `json:"language,omitempty"`
	Note      string    `json:"note,omitempty"`
}

type cslName struct {
	Family  string `json:"family,omitempty"`
	Given   string `json:"given,omitempty"`
	Literal string `json:"literal,omitempty"`
}

type cslDate struct {
	Parts [][]int `json:"date-parts"`
}

// cslOf writes CSL-JSON: an array of items.
func cslOf(items []Item, keys []string) ([]byte, error) {
	all := make([]cslItem, len(items))
	for i := range items {
		all[i] = toCSL(&items[i], keys[i])
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(all); err != nil {
		return nil, fmt.Errorf("write CSL-JSON: %w", err)
	}
	return b.Bytes(), nil
}

func toCSL(it *Item, key string) cslItem {
	types := map[kind]string{other: "article", article: "article-journal", proceedings: "paper-conference", book: "book", thesis: "thesis"}
	out := cslItem{
		ID: key, Type: types[kindOf(it.Paper)], Title: oneLine(it.Title), Container: oneLine(it.Venue), DOI: oneLine(it.DOI),
		URL: link(it.Paper), Abstract: oneLine(it.Abstract), Keyword: strings.Join(it.keywords(), ", "), Language: oneLine(it.Language),
		Note: strings.ToValidUTF8(it.Note, "\uFFFD"),
	}
	if it.ArxivID != "" {
		out.Archive, out.Location = "arXiv", "arXiv:"+oneLine(it.ArxivID)
	}
	for _, a := range it.Authors {
		given, last := nameParts(a.Name)
		switch {
		case given != "":
			out.Author = append(out.Author, cslName{Family: last, Given: given})
		case last != "":
			out.Author = append(out.Author, cslName{Literal: last})
		}
	}
	if d := it.PublishDate; d.Year != 0 {
		parts := []int{d.Year}
		if d.Month != 0 {
			parts = append(parts, d.Month)
		}
		if d.Month != 0 && d.Day != 0 {
			parts = append(parts, d.Day)
		}
		out.Issued = &cslDate{Parts: [][]int{parts}}
	}
	return out
}
