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

// looksLikeOpenAlex says that these are lines of works of OpenAlex.
func looksLikeOpenAlex(h head) bool {
	keys, inArray := firstObject(h.text)
	return !inArray && holds(keys, "id") && (holds(keys, "abstract_inverted_index") || strings.HasPrefix(keys["id"], openAlexHome+"W"))
}

func newOpenAlex(in input) rows {
	return &objects{file: in.name, from: in.lines, decode: decodeOpenAlex}
}

// openAlexWork is the part of a work that akin keeps.
type openAlexWork struct {
	ID              string           `json:"id"`
	DOI             string           `json:"doi"`
	Title           string           `json:"title"`
	DisplayName     string           `json:"display_name"`
	PublicationYear int              `json:"publication_year"`
	PublicationDate string           `json:"publication_date"`
	Language        string           `json:"language"`
	Type            string           `json:"type"`
	CitedBy         *float64         `json:"cited_by_count"`
	IsRetracted     bool             `json:"is_retracted"`
	AbstractIndex   map[string][]int `json:"abstract_inverted_index"`
	Topics          []openAlexName   `json:"topics"`
	Keywords        []openAlexName   `json:"keywords"`
	PrimaryLocation struct {
		LandingPage string       `json:"landing_page_url"`
		Source      openAlexName `json:"source"`
	} `json:"primary_location"`
	Authorships []struct {
		Author struct {
			openAlexName
			ORCID string `json:"orcid"`
		} `json:"author"`
	} `json:"authorships"`
}

type openAlexName struct {
	DisplayName string `json:"display_name"`
}

func decodeOpenAlex(object []byte) (Row, error) {
	var w openAlexWork
	if err := decodeSchema(object, &w); err != nil {
		return Row{}, err
	}
	id, ok := strings.CutPrefix(cmp.Or(w.ID, "?"), openAlexHome)
	if !ok && !strings.HasPrefix(id, "W") {
		return Row{}, fmt.Errorf("id %q is not that of a work, such as %sW123", w.ID, openAlexHome)
	}
	abstract, err := invert(w.AbstractIndex)
	if err != nil {
		return Row{}, err
	}
	p := paper.Paper{
		ID: "openalex:" + id, Title: collapse(cmp.Or(w.Title, w.DisplayName)), Abstract: abstract,
		Venue: collapse(w.PrimaryLocation.Source.DisplayName), DOI: bareDOI(w.DOI), Language: w.Language,
	}
	if p.PublishDate, err = schemaDate("publication_date", w.PublicationDate); err != nil {
		return Row{}, err
	}
	if p.PublishDate.IsZero() {
		if p.PublishDate, err = yearDate("publication_year", w.PublicationYear); err != nil {
			return Row{}, err
		}
	}
	for _, a := range w.Authorships {
		for _, author := range named(a.Author.DisplayName) {
			author.ORCID = a.Author.ORCID
			p.Authors = append(p.Authors, author)
		}
	}
	p.Categories = displayNames(w.Topics)
	signal(&p, "citations", w.CitedBy)
	note(&p, "type", w.Type)
	note(&p, "is_retracted", yes(w.IsRetracted))
	note(&p, "keywords", strings.Join(displayNames(w.Keywords), "; "))
	link(&p, w.PrimaryLocation.LandingPage)
	return completed(p)
}

func displayNames(all []openAlexName) []string {
	var names []string
	for _, n := range all {
		if name := collapse(n.DisplayName); name != "" {
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
				return "", fmt.Errorf("abstract_inverted_index: %.40q stands at %d; places are between 0 and %d", word, at, maxPosition)
			}
			words = append(words, placed{at, word})
		}
	}
	slices.SortStableFunc(words, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	var text strings.Builder
	for _, w := range words {
		if text.Len() > paper.MaxAbstractBytes {
			return "", fmt.Errorf("abstract_inverted_index: the abstract is more than %d bytes long; shorten it", paper.MaxAbstractBytes)
		}
		text.WriteString(w.word)
		text.WriteByte(' ')
	}
	return collapse(text.String()), nil
}
