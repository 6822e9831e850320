package ingest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"akin/internal/paper"
)

// maxPosition is the last place that a word of an abstract can have: more
// words than that are beyond paper.MaxAbstractBytes.
const maxPosition = paper.MaxAbstractBytes / 2

const openAlexHome = "https://openalex.org/"

// looksLikeOpenAlex says that these are works of OpenAlex.
func looksLikeOpenAlex(h head) bool {
	keys := h.json.keys
	return holds(keys, "id") && (holds(keys, "abstract_inverted_index") || strings.HasPrefix(keys["id"], openAlexHome+"W"))
}

func newOpenAlex(in input) rows {
	return newObjects(in, decodeOpenAlex)
}

// openAlexWork is the part of a work that akin keeps.
type openAlexWork struct {
	ID              flexText         `json:"id"`
	DOI             flexText         `json:"doi"`
	Title           flexText         `json:"title"`
	DisplayName     flexText         `json:"display_name"`
	PublicationYear flexDate         `json:"publication_year"`
	PublicationDate flexDate         `json:"publication_date"`
	Language        flexText         `json:"language"`
	Type            flexText         `json:"type"`
	CitedBy         flexNumber       `json:"cited_by_count"`
	IsRetracted     flexText         `json:"is_retracted"`
	AbstractIndex   map[string][]int `json:"abstract_inverted_index"`
	Abstract        flexText         `json:"abstract"`
	Topics          []openAlexName   `json:"topics"`
	Keywords        []openAlexName   `json:"keywords"`
	PrimaryLocation struct {
		LandingPage flexText     `json:"landing_page_url"`
		Source      openAlexName `json:"source"`
	} `json:"primary_location"`
	Authorships flexAuthors `json:"authorships"`
}

type openAlexName struct {
	DisplayName flexText `json:"display_name"`
}

func decodeOpenAlex(object []byte) (Row, error) {
	var u unread
	w, err := decodeSchema[openAlexWork](object, &u)
	if err != nil {
		return Row{}, err
	}
	id, ok := strings.CutPrefix(cmp.Or(string(w.ID), "?"), openAlexHome)
	if !ok && !strings.HasPrefix(id, "W") {
		return Row{}, fmt.Errorf("id %q is not that of a work, such as %sW123", w.ID, openAlexHome)
	}
	abstract, err := invert(w.AbstractIndex)
	if err != nil {
		u = append(u, Unread{Field: "abstract_inverted_index", Text: err.Error()})
	}
	p := paper.Paper{
		ID: "openalex:" + id, Title: collapse(string(cmp.Or(w.Title, w.DisplayName))), Abstract: cmp.Or(abstract, collapse(string(w.Abstract))),
		Venue: collapse(string(w.PrimaryLocation.Source.DisplayName)), DOI: bareDOI(string(w.DOI)), Language: string(w.Language),
		Authors: w.Authorships,
	}
	takeDate(&p, &u, map[string]*flexDate{"publication_date": &w.PublicationDate, "publication_year": &w.PublicationYear}, "publication_date", "publication_year")
	p.Categories = displayNames(w.Topics)
	signal(&p, &u, "citations", w.CitedBy)
	note(&p, "type", string(w.Type))
	note(&p, "is_retracted", yes(w.IsRetracted == "true"))
	note(&p, "keywords", strings.Join(displayNames(w.Keywords), "; "))
	link(&p, string(w.PrimaryLocation.LandingPage))
	return completed(p, u...)
}

func displayNames(all []openAlexName) []string {
	var names []string
	for _, n := range all {
		if name := collapse(string(n.DisplayName)); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// invert makes a text of the places at which each word stands. Places without
// a word are passed over.
func invert(index map[string][]int) (string, error) {
	type placed struct {
		at   int
		word string
	}
	var words []placed
	for _, word := range slices.Sorted(maps.Keys(index)) {
		for _, at := range index[word] {
			if at < 0 || at > maxPosition {
				return "", fmt.Errorf("%.40q stands at %d; places are between 0 and %d", word, at, maxPosition)
			}
			words = append(words, placed{at, word})
		}
	}
	slices.SortStableFunc(words, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	var text strings.Builder
	for _, w := range words {
		if text.Len() > paper.MaxAbstractBytes {
			return "", fmt.Errorf("the abstract is more than %d bytes long; shorten it", paper.MaxAbstractBytes)
		}
		text.WriteString(w.word)
		text.WriteByte(' ')
	}
	return collapse(text.String()), nil
}
