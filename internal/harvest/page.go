package harvest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"html"
	"io"
	"regexp"
	"strings"

	"akin/internal/ingest"
)

// Page is one answer of a repository to ListRecords.
type Page struct {
	// Body is the answer as it came.
	Body []byte
	// Token says how the list goes on.
	Token ingest.OAIToken
	// Date is the repository's clock when it answered, as it writes it.
	Date string
	// Records are in the page, Deleted of them as such.
	Records, Deleted int
	// Sum digests what the records are.
	Sum [sha256.Size]byte
	// Broken is why not all of the page could be read, if so.
	Broken error
}

// ExpiredError says that the repository no longer knows the list.
type ExpiredError struct{ refused *ingest.OAIError }

// Error is what the repository said.
func (e *ExpiredError) Error() string { return e.refused.Error() }

// ReadPage reads an answer to ListRecords, which a resumption token asked for or not;
// name stands for it in rows and errors. each gets every record, with what is wrong with
// one that is no paper, which counts too; nil counts only. That there is nothing to list
// is an empty page. An answer that is none is an error: an *ingest.OAIError, an
// *ExpiredError, or what is wrong with the text.
func ReadPage(ctx context.Context, name string, body []byte, resumed bool, each func(ingest.Row, *ingest.RejectedError)) (*Page, error) {
	a, sum := &Page{Body: body}, sha256.New()
	defer func() { sum.Sum(a.Sum[:0]) }()
	page := ingest.NewOAIPage(name, bytes.NewReader(body))
	for {
		row, err := page.Next(ctx)
		var refused *ingest.OAIError
		var bad *ingest.RejectedError
		a.Date = page.ResponseDate()
		switch {
		case errors.Is(err, io.EOF):
			a.Token = page.Token()
			return a, nil
		case errors.As(err, &bad):
		case errors.As(err, &refused) && refused.Code == ingest.OAINoRecords:
			continue
		case errors.As(err, &refused) && refused.Code == "badResumptionToken" && resumed:
			return nil, &ExpiredError{refused}
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return a, a.salvage(err)
		}
		fmt.Fprintf(sum, "%q %v %q\n", row.Paper.ID, row.Deleted, errorText(bad))
		a.Records++
		if row.Deleted {
			a.Deleted++
		}
		if each != nil {
			each(row, bad)
		}
	}
}

func errorText(err *ingest.RejectedError) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

var (
	listPattern   = regexp.MustCompile(`<(?:[\w.-]+:)?ListRecords[\s>]`)
	recordPattern = regexp.MustCompile(`<(?:[\w.-]+:)?record[\s>]`)
	endPattern    = regexp.MustCompile(`</(?:[\w.-]+:)?ListRecords\s*>`)
	tokenPattern  = regexp.MustCompile(`<(?:[\w.-]+:)?resumptionToken(?:\s[^>]*)?>([^<]*)</`)
)

// salvage makes the best of a page of a list that is not XML from one place on,
// so that one bad character does not end a harvest: it is kept as it came, its
// records are counted by their tags, and the list goes on with its token. A page
// that is no list, or that is cut, is the error that it was.
func (a *Page) salvage(why error) error {
	if !listPattern.Match(a.Body) || !endPattern.Match(a.Body) {
		return why
	}
	a.Broken, a.Records, a.Deleted = why, len(recordPattern.FindAll(a.Body, -1)), 0
	a.Token = ingest.OAIToken{CompleteListSize: -1, Cursor: -1}
	if all := tokenPattern.FindAllSubmatch(a.Body, -1); len(all) > 0 {
		a.Token.Value = strings.TrimSpace(html.UnescapeString(string(all[len(all)-1][1])))
	}
	if len(a.Token.Value) > ingest.MaxOAIToken {
		return why
	}
	return nil
}

// List is what was seen of a list under way, to notice one that has no end. The zero
// value is of a list that has not begun.
type List struct {
	tokens, pages map[[sha256.Size]byte]bool
	// empty pages came one after the other, without a record.
	empty int
}

const (
	// mostEmptyPages is how many pages without a record may follow each other.
	mostEmptyPages = 30
	// mostPages is how many pages a list may have.
	mostPages = 200_000
)

// Check says why the list would not end after a page that a token asked for, with an
// *EndlessError.
func (l *List) Check(asked string, a *Page, page int) error {
	if l.tokens == nil {
		l.tokens, l.pages = make(map[[sha256.Size]byte]bool), make(map[[sha256.Size]byte]bool)
	}
	if a.Records > 0 {
		l.empty = 0
	} else {
		l.empty++
	}
	if asked != "" {
		l.tokens[sha256.Sum256([]byte(asked))] = true
	}
	switch again := a.Records > 0 && a.Broken == nil && l.pages[a.Sum]; {
	case a.Token.Value == "":
		return nil
	case l.tokens[sha256.Sum256([]byte(a.Token.Value))]:
		return &EndlessError{fmt.Sprintf("the repository gave the same resumption token again, on page %d of a list", page)}
	case again:
		return &EndlessError{fmt.Sprintf("the repository gave the same records again, on page %d of a list", page)}
	case l.empty >= mostEmptyPages:
		return &EndlessError{fmt.Sprintf("the repository gave %d pages without a record, one after the other", l.empty)}
	case page >= mostPages:
		return &EndlessError{fmt.Sprintf("the repository gave %d pages for one list", page)}
	}
	l.pages[a.Sum] = true
	return nil
}

// EndlessError says that a list has no end.
type EndlessError struct{ why string }

// Error says what shows it.
func (e *EndlessError) Error() string { return e.why }
