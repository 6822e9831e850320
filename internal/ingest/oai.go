package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"akin/internal/paper"
)

func looksLikeOAI(h head) bool { return looksLikeXML(h, "OAI-PMH") }

func newOAI(in input) rows { return oaiFile{NewOAIPage(in.name, in.lines.src), in.lines} }

// oaiFile reads the saved answers of a repository. That there was nothing to
// list is no fault of a file.
type oaiFile struct {
	page  *OAIPage
	lines *lines // whose number errors of reading name
}

func (f oaiFile) next(ctx context.Context) (Row, error) {
	row, err := f.page.Next(ctx)
	f.lines.num = f.page.xml.line()
	var refused *OAIError
	if errors.As(err, &refused) {
		if refused.Code == OAINoRecords {
			return f.next(ctx)
		}
		return Row{}, &paper.Error{Kind: paper.Invalid, Reason: paper.ReasonUnsupported, Cause: err, Message: f.page.name + ": " + err.Error()}
	}
	return row, err
}

// OAIPage reads one answer of a repository to ListRecords or GetRecord of
// OAI-PMH 2.0, record by record, in the metadata formats oai_dc, arXiv and
// arXivRaw. It belongs to one goroutine.
type OAIPage struct {
	name  string
	xml   *xmlReader
	token OAIToken
	date  string
	last  string
}

// OAIToken says how a list goes on.
type OAIToken struct {
	// Value asks for the next page; "" on the last one.
	Value string
	// CompleteListSize and Cursor are -1 where the repository does not say.
	CompleteListSize, Cursor int
	// Expires is when the repository forgets the token, as it writes that, or "".
	Expires string
}

// MaxOAIToken is how long a resumption token may be: it is a part of an address, and kept
// with every page.
const MaxOAIToken = 16 << 10

// maxSaid is how much is kept of what a repository says instead of a list.
const maxSaid = 1 << 10

// OAINoRecords is the code of the error that only means an empty list.
const OAINoRecords = "noRecordsMatch"

// OAIError is what a repository answers instead of a list.
type OAIError struct{ Code, Message string }

// Error gives code and message.
func (e *OAIError) Error() string {
	return fmt.Sprintf("the repository answered with the error %s: %s", e.Code, e.Message)
}

// recordHeader is how a record begins that is none within the metadata of another.
var recordHeader = regexp.MustCompile(`^\s*<(?:[\w.-]+:)?header[\s>]`)

// NewOAIPage reads from src; name stands for it in rows and errors.
func NewOAIPage(name string, src io.Reader) *OAIPage {
	x := newXMLReader(name, src, "responseDate", "resumptionToken", "error", "record")
	x.follows = recordHeader
	return &OAIPage{name: name, xml: x, token: OAIToken{CompleteListSize: -1, Cursor: -1}}
}

// Token says how the list goes on, once Next gave io.EOF.
func (p *OAIPage) Token() OAIToken { return p.token }

// ResponseDate is the repository's clock when it answered, as it writes it.
func (p *OAIPage) ResponseDate() string { return p.date }

// Datestamp is the latest one of the records that were read: when the
// repository last changed one, not when a paper was published.
func (p *OAIPage) Datestamp() string { return p.last }

// Next gives the next record; a *RejectedError for one that is no paper, after
// which reading may go on; io.EOF at the end; an *OAIError; or what is wrong
// with the text.
func (p *OAIPage) Next(ctx context.Context) (Row, error) {
	for {
		e, err := p.xml.next(ctx)
		if errors.Is(err, io.EOF) && !p.isAnswer() {
			return Row{}, &paper.Error{
				Kind: paper.Invalid, Reason: paper.ReasonUnsupported, Message: p.name + ": this is no answer of OAI-PMH: it has no element OAI-PMH",
			}
		}
		if err != nil {
			return Row{}, err
		}
		switch e.name {
		case "responseDate":
			err = p.xml.decode(e, &p.date)
			p.date = shorten(p.date, unreadText)
		case "resumptionToken":
			var t oaiToken
			if err = p.xml.decode(e, &t); len(t.Value) > MaxOAIToken {
				err = fmt.Errorf("the resumption token has %d bytes; the limit is %d", len(t.Value), MaxOAIToken)
			}
			p.token = t.token()
		case "error":
			var refused oaiError
			if err = p.xml.decode(e, &refused); err == nil {
				return Row{}, &OAIError{Code: shorten(refused.Code, unreadText), Message: shorten(collapse(refused.Message), maxSaid)}
			}
		default:
			return p.record(e)
		}
		if err != nil {
			return Row{}, &paper.Error{
				Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: err,
				Message: fmt.Sprintf("%s: line %d: %v; what follows was not read", p.name, e.line, err),
			}
		}
	}
}

// isAnswer says that the root is that of OAI-PMH.
func (p *OAIPage) isAnswer() bool {
	return p.xml.root[strings.LastIndexByte(p.xml.root, ':')+1:] == "OAI-PMH"
}

type oaiToken struct {
	Value   string `xml:",chardata"`
	Size    string `xml:"completeListSize,attr"`
	Cursor  string `xml:"cursor,attr"`
	Expires string `xml:"expirationDate,attr"`
}

func (t oaiToken) token() OAIToken {
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return -1
		}
		return n
	}
	return OAIToken{Value: strings.TrimSpace(t.Value), CompleteListSize: number(t.Size), Cursor: number(t.Cursor), Expires: shorten(t.Expires, unreadText)}
}

type oaiError struct {
	Code    string `xml:"code,attr"`
	Message string `xml:",chardata"`
}

type oaiRecord struct {
	Header struct {
		Status     string `xml:"status,attr"`
		Identifier string `xml:"identifier"`
		Datestamp  string `xml:"datestamp"`
	} `xml:"header"`
	Metadata struct {
		DC    *dublinCore `xml:"dc"`
		Arxiv *oaiArxiv   `xml:"arXiv"`
		Raw   *oaiArxiv   `xml:"arXivRaw"`
	} `xml:"metadata"`
}

// oaiArxiv is arXiv's own metadata: authors are divided in its format arXiv,
// and one string in arXivRaw.
type oaiArxiv struct {
	arxivEntry
	Created string `xml:"created"`
	Updated string `xml:"updated"`
	Names   struct {
		Text   string `xml:",chardata"`
		Author []struct {
			Keyname   string `xml:"keyname"`
			Forenames string `xml:"forenames"`
			Suffix    string `xml:"suffix"`
		} `xml:"author"`
	} `xml:"authors"`
}

// record makes a row of a record.
func (p *OAIPage) record(e *element) (Row, error) {
	var r oaiRecord
	err := p.xml.decode(e, &r)
	p.last = max(p.last, strings.TrimSpace(r.Header.Datestamp))
	var row Row
	if err == nil {
		row, err = r.row()
	}
	if err != nil {
		return Row{}, p.xml.rejected(e, err)
	}
	row.Source = Source{File: p.name, Line: e.line}
	return row, nil
}

func (r *oaiRecord) row() (Row, error) {
	id := collapse(r.Header.Identifier)
	arxiv, _, isArxiv := parseArxivID(id)
	if isArxiv {
		id = "arXiv:" + arxiv
	}
	switch m := r.Metadata; {
	case r.Header.Status == "deleted":
		if err := paper.ValidateID(id); err != nil {
			return Row{}, fmt.Errorf("identifier %w", err)
		}
		return Row{Paper: paper.Paper{ID: id}, Deleted: true}, nil
	case m.Arxiv != nil:
		return m.Arxiv.row()
	case m.Raw != nil:
		return m.Raw.row()
	case m.DC != nil:
		return m.DC.row(id, arxiv)
	default:
		return Row{}, errors.New("there is no metadata in one of the formats oai_dc, arXiv and arXivRaw")
	}
}

func (a *oaiArxiv) row() (Row, error) {
	a.Authors = flexText(a.Names.Text)
	for _, n := range a.Names.Author {
		a.Parsed = append(a.Parsed, []string{n.Keyname, n.Forenames, n.Suffix})
	}
	p, err := a.paper()
	if err != nil {
		return Row{}, err
	}
	if p.PublishDate.IsZero() {
		if p.PublishDate, err = schemaDate("created", a.Created); err != nil {
			return Row{}, err
		}
	}
	note(&p, "update_date", a.Updated)
	return completed(p, a.unread...)
}

// dublinCore is the format that every repository has. Each element may be
// repeated.
type dublinCore struct {
	Title       []string `xml:"title"`
	Creator     []string `xml:"creator"`
	Subject     []string `xml:"subject"`
	Description []string `xml:"description"`
	Date        []string `xml:"date"`
	Identifier  []string `xml:"identifier"`
	Language    []string `xml:"language"`
	Source      []string `xml:"source"`
	Publisher   []string `xml:"publisher"`
	Type        []string `xml:"type"`
	Rights      []string `xml:"rights"`
}

func (d *dublinCore) row(id, arxiv string) (Row, error) {
	title, titles := first(d.Title)
	abstract, remarks := longest(d.Description)
	p := paper.Paper{ID: id, Title: title, Abstract: abstract, ArxivID: arxiv}
	for _, name := range d.Creator {
		p.Authors = append(p.Authors, named(fullNameOf(name))...)
	}
	for _, subject := range d.Subject {
		p.Categories = append(p.Categories, split(collapse(subject), ";")...)
	}
	var left unread
	for _, text := range d.Date {
		// Of several dates, the first day is when the paper appeared.
		date, ok := looseDate(text)
		if ok && (p.PublishDate.IsZero() || date.Compare(p.PublishDate) < 0) {
			p.PublishDate = date
		}
		if _, how := readDate(text); how == dateUnread {
			left.leave(&p, "date", "publish_date", text)
		}
	}
	var others []string
	for _, text := range d.Identifier {
		if text = collapse(text); d.identifier(&p, text) {
			others = append(others, text)
		}
	}
	note(&p, "identifier", strings.Join(others, "; "))
	language, _ := first(d.Language)
	setLanguage(&p, language)
	for key, texts := range map[string][]string{
		"other_titles": titles, "remarks": remarks, "source": d.Source, "publisher": d.Publisher, "type": d.Type, "rights": d.Rights,
	} {
		note(&p, key, strings.Join(texts, "; "))
	}
	return completed(p, left...)
}

// identifier takes one of the identifiers for what it is, and says whether it is none of
// those that papers have.
func (*dublinCore) identifier(p *paper.Paper, text string) (other bool) {
	_, _, isArxiv := parseArxivID(text)
	switch doi := bareDOI(text); {
	case strings.HasPrefix(doi, "10."):
		p.DOI = cmp.Or(p.DOI, doi)
	case strings.HasPrefix(text, "http://"), strings.HasPrefix(text, "https://"):
		link(p, text)
	default:
		return text != "" && !isArxiv && text != p.ID
	}
	return false
}

// longest divides them into the abstract and what else is said of the paper: the first text,
// unless that is a short remark ("Peer reviewed") beside a text of some sentences.
func longest(texts []string) (string, []string) {
	abstract, others := first(texts)
	const remark, sentences = 100, 3
	for i, text := range others {
		if len(abstract) < remark && len(text) > remark && len(text) > sentences*len(abstract) {
			abstract, others[i] = text, abstract
		}
	}
	return abstract, others
}

// first divides the texts that are not empty into the first and the others.
func first(texts []string) (string, []string) {
	var all []string
	for _, text := range texts {
		if text = collapse(text); text != "" {
			all = append(all, text)
		}
	}
	if len(all) == 0 {
		return "", nil
	}
	return all[0], all[1:]
}
