package ingest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strconv"

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
	keys := h.json.keys
	return holds(keys, "corpusid") && (holds(keys, "title") || len(keys) == 1 && h.json.kind == onLines)
}

func looksLikeS2AGAbstracts(h head) bool {
	keys := h.json.keys
	return holds(keys, "corpusid") && (holds(keys, "abstract") || holds(keys, "openaccessinfo"))
}

// newS2AG reads papers, without abstracts.
func newS2AG(in input) rows {
	return newObjects(in, func(object []byte) (Row, error) { return decodeS2AG(object, "") })
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
	CorpusID    wholeNumber                `json:"corpusid"`
	ExternalIDs map[string]json.RawMessage `json:"externalids"`
	PaperID     flexText                   `json:"paperId"`
	URL         flexText                   `json:"url"`
	Title       flexText                   `json:"title"`
	Abstract    flexText                   `json:"abstract"`
	Authors     flexAuthors                `json:"authors"`
	Venue       flexText                   `json:"venue"`
	Year        flexDate                   `json:"year"`
	Citations   flexNumber                 `json:"citationcount"`
	References  flexNumber                 `json:"referencecount"`
	Influential flexNumber                 `json:"influentialcitationcount"`
	OpenAccess  flexText                   `json:"isopenaccess"`
	Published   flexDate                   `json:"publicationdate"`
	Types       flexTexts                  `json:"publicationtypes"`
	Journal     struct {
		Name   flexText `json:"name"`
		Volume flexText `json:"volume"`
		Pages  flexText `json:"pages"`
	} `json:"journal"`
	Fields []struct {
		Category flexText `json:"category"`
	} `json:"s2fieldsofstudy"`
}

var errNoCorpusID = errors.New("corpusid is missing")

// decodeS2AG reads a paper, or which one to delete.
func decodeS2AG(object []byte, abstract string) (Row, error) {
	var u unread
	s, err := decodeSchema[s2agPaper](object, &u)
	if err != nil {
		return Row{}, err
	}
	if s.CorpusID.value == nil {
		return Row{}, errNoCorpusID
	}
	p := paper.Paper{ID: "s2:" + strconv.FormatInt(*s.CorpusID.value, 10), Abstract: cmp.Or(abstract, collapse(string(s.Abstract)))}
	if s.Title == "" && len(jsonHead(object)) == 1 {
		return Row{Paper: paper.Paper{ID: p.ID}, Deleted: true}, nil
	}
	if err := s.fill(&p, &u); err != nil {
		return Row{}, err
	}
	return completed(p, u...)
}

// looksLikeS2API says that these are papers as the Graph API of Semantic Scholar
// answers them.
func looksLikeS2API(h head) bool { return holds(h.json.keys, "paperId", "title") }

// newS2API reads papers of the Graph API, whose keys differ from those of the
// files only in capitals.
func newS2API(in input) rows { return newObjects(in, decodeS2API) }

// decodeS2API reads a paper. Its number is among its other identifiers.
func decodeS2API(object []byte) (Row, error) {
	var u unread
	s, err := decodeSchema[s2agPaper](object, &u)
	if err != nil {
		return Row{}, err
	}
	p := paper.Paper{Abstract: collapse(string(s.Abstract))}
	if err := s.fill(&p, &u); err != nil {
		return Row{}, err
	}
	corpus := s.CorpusID
	if raw, ok := s.ExternalIDs["CorpusId"]; ok && corpus.value == nil && corpus.UnmarshalJSON(raw) != nil {
		corpus.value = nil
	}
	if identify(&p); corpus.value != nil {
		p.ID = "s2:" + strconv.FormatInt(*corpus.value, 10)
	} else if p.ID == "" && s.PaperID != "" {
		p.ID = "s2:" + string(s.PaperID)
	}
	return completed(p, u...)
}

func (s *s2agPaper) fill(p *paper.Paper, u *unread) (err error) {
	p.Title, p.Venue, p.Authors = collapse(string(s.Title)), collapse(string(s.Venue)), s.Authors
	takeDate(p, u, map[string]*flexDate{"publicationdate": &s.Published, "year": &s.Year}, "publicationdate", "year")
	for _, f := range s.Fields { // the same field from several sources
		if category := string(f.Category); category != "" {
			p.Categories = appendNew(p.Categories, category)
		}
	}
	link(p, string(s.URL))
	signal(p, u, "citations", s.Citations)
	signal(p, u, "references", s.References)
	signal(p, u, "influential_citations", s.Influential)
	note(p, "journal", string(s.Journal.Name))
	note(p, "volume", string(s.Journal.Volume))
	note(p, "pages", string(s.Journal.Pages))
	note(p, "publication_types", s.Types.joined("; "))
	note(p, "open_access", yes(s.OpenAccess == "true"))
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
		Abstract flexText `json:"abstract"`
	}
	err := decodeStrictly(object, &a)
	return collapse(string(a.Abstract)), err
}
