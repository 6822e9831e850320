package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"akin/internal/paper"
)

// The names of the two formats that are joined.
const (
	s2agPapers    = "s2ag"
	s2agAbstracts = "s2ag-abstracts"
)

// looksLikeS2AG says that these are papers of Semantic Scholar, or the rows of
// a delete file, which have their corpusid and nothing else.
func looksLikeS2AG(h head) bool {
	keys, inArray := firstObject(h.text)
	return !inArray && holds(keys, "corpusid") && (holds(keys, "title") || len(keys) == 1)
}

func looksLikeS2AGAbstracts(h head) bool {
	keys, inArray := firstObject(h.text)
	return !inArray && holds(keys, "corpusid") && (holds(keys, "abstract") || holds(keys, "openaccessinfo"))
}

// newS2AG reads papers, without abstracts.
func newS2AG(in input) rows {
	return &objects{file: in.name, from: in.lines, decode: func(object []byte) (Row, error) {
		return decodeS2AG(object, "")
	}}
}

// newS2AGAbstracts refuses a file of abstracts of which no papers are known.
func newS2AGAbstracts(in input) rows { return orphans{in.name} }

type orphans struct{ file string }

func (o orphans) next(context.Context) (Row, error) {
	return Row{}, &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonUnsupported,
		Message: o.file + ": these are abstracts without titles; name the files of their papers in the same command",
	}
}

// s2agPaper is the part of a paper that akin keeps.
type s2agPaper struct {
	CorpusID    *int64                     `json:"corpusid"`
	ExternalIDs map[string]json.RawMessage `json:"externalids"`
	URL         string                     `json:"url"`
	Title       string                     `json:"title"`
	Authors     []struct {
		Name string `json:"name"`
	} `json:"authors"`
	Venue         string   `json:"venue"`
	Year          int      `json:"year"`
	Citations     *float64 `json:"citationcount"`
	References    *float64 `json:"referencecount"`
	Influential   *float64 `json:"influentialcitationcount"`
	OpenAccess    bool     `json:"isopenaccess"`
	Published     string   `json:"publicationdate"`
	PublicationTy []string `json:"publicationtypes"`
	Journal       struct {
		Name   string       `json:"name"`
		Volume textOrNumber `json:"volume"`
		Pages  textOrNumber `json:"pages"`
	} `json:"journal"`
	Fields []struct {
		Category string `json:"category"`
	} `json:"s2fieldsofstudy"`
}

var errNoCorpusID = errors.New("corpusid is missing")

// decodeS2AG reads a paper, or which one to delete.
func decodeS2AG(object []byte, abstract string) (Row, error) {
	var s s2agPaper
	if err := decodeSchema(object, &s); err != nil {
		return Row{}, err
	}
	if s.CorpusID == nil {
		return Row{}, errNoCorpusID
	}
	p := paper.Paper{ID: "s2:" + strconv.FormatInt(*s.CorpusID, 10), Abstract: abstract}
	if s.Title == "" && len(objectKeys(object)) == 1 {
		return Row{Paper: paper.Paper{ID: p.ID}, Deleted: true}, nil
	}
	if err := s.fill(&p); err != nil {
		return Row{}, err
	}
	return completed(p)
}

func (s *s2agPaper) fill(p *paper.Paper) (err error) {
	p.Title, p.Venue = collapse(s.Title), collapse(s.Venue)
	if p.PublishDate, err = schemaDate("publicationdate", s.Published); err != nil {
		return err
	}
	if p.PublishDate.IsZero() {
		if p.PublishDate, err = yearDate("year", s.Year); err != nil {
			return err
		}
	}
	for _, a := range s.Authors {
		p.Authors = append(p.Authors, named(a.Name)...)
	}
	for _, f := range s.Fields { // the same field from several sources
		if f.Category != "" && !slices.Contains(p.Categories, f.Category) {
			p.Categories = append(p.Categories, f.Category)
		}
	}
	link(p, s.URL)
	signal(p, "citations", s.Citations)
	signal(p, "references", s.References)
	signal(p, "influential_citations", s.Influential)
	note(p, "journal", s.Journal.Name)
	note(p, "volume", string(s.Journal.Volume))
	note(p, "pages", string(s.Journal.Pages))
	note(p, "publication_types", strings.Join(s.PublicationTy, "; "))
	note(p, "open_access", yes(s.OpenAccess))
	return s.identifiers(p)
}

// identifiers takes what others call the paper.
func (s *s2agPaper) identifiers(p *paper.Paper) error {
	for name, value := range s.ExternalIDs {
		if isNull(value) {
			continue
		}
		text, err := asText(value)
		if err != nil {
			return err
		}
		switch id, _, isArxiv := parseArxivID(text); {
		case name == "DOI":
			p.DOI = bareDOI(text)
		case name == "ArXiv" && isArxiv:
			p.ArxivID = id
		case name != "CorpusId":
			note(p, name, text)
		}
	}
	return nil
}

// decodeS2AGAbstract reads one abstract. A row without one takes it back.
func decodeS2AGAbstract(object []byte) (string, error) {
	var a struct {
		Abstract string `json:"abstract"`
	}
	err := decodeSchema(object, &a)
	return collapse(a.Abstract), err
}
