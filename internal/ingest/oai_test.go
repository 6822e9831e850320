package ingest

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/paper"
)

// readPage reads an answer to its end.
func readPage(t *testing.T, src io.Reader) (*OAIPage, int, error) {
	t.Helper()
	page := NewOAIPage("page", src)
	for n := 0; ; n++ {
		_, err := page.Next(t.Context())
		var rejected *RejectedError
		if err != nil && !errors.As(err, &rejected) {
			return page, n, err
		}
	}
}

func TestOAIPage(t *testing.T) {
	f, err := os.Open(filepath.Join(fixtures, "oai-arxiv.xml"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page, n, err := readPage(t, f)
	if n != 4 || !errors.Is(err, io.EOF) {
		t.Errorf("%d records, then %v", n, err)
	}
	if want := (OAIToken{Value: "7654321|1001", CompleteListSize: 1204, Cursor: 0}); page.Token() != want {
		t.Errorf("token %+v, want %+v", page.Token(), want)
	}
	if page.Datestamp() != "2024-01-09" || page.ResponseDate() != "2024-02-01T00:00:00Z" {
		t.Errorf("datestamp %q, response date %q", page.Datestamp(), page.ResponseDate())
	}
	const open = `<OAI-PMH><ListRecords>`
	for _, tc := range []struct {
		name, text string
		want       OAIToken
	}{
		{"no token", open + `</ListRecords></OAI-PMH>`, OAIToken{CompleteListSize: -1, Cursor: -1}},
		{"last page", open + `<resumptionToken cursor="5"/></ListRecords></OAI-PMH>`, OAIToken{CompleteListSize: -1, Cursor: 5}},
		{"numbers that are none", open + `<resumptionToken cursor="-5" completeListSize="x" expirationDate="soon"> t </resumptionToken></ListRecords></OAI-PMH>`, OAIToken{Value: "t", CompleteListSize: -1, Cursor: -1, Expires: "soon"}},
	} {
		page, _, err := readPage(t, strings.NewReader(tc.text))
		if !errors.Is(err, io.EOF) || page.Token() != tc.want {
			t.Errorf("%s: got %+v, %v", tc.name, page.Token(), err)
		}
	}
}

func TestOAIErrors(t *testing.T) {
	_, _, err := readPage(t, strings.NewReader(`<OAI-PMH><error code="badResumptionToken">It is  too old.</error></OAI-PMH>`))
	var refused *OAIError
	if !errors.As(err, &refused) || *refused != (OAIError{Code: "badResumptionToken", Message: "It is too old."}) {
		t.Errorf("got %v", err)
	}
	deep := strings.Repeat("<a>", 20_000)
	for name, tc := range map[string]struct{ text, want string }{
		"another root": {`<html></html>`, "page: this is no answer of OAI-PMH"},
		"cut off":      {`<OAI-PMH><record><header>`, "page: line 1: the XML is broken or cut off (unexpected EOF)"},
		"tags crossed": {"<OAI-PMH>\n<record></header>", "page: line 2: the XML is broken"},
		"too deep":     {`<OAI-PMH><record><metadata><dc><title>` + deep, "the XML is broken"},
		"never closed": {`<OAI-PMH><record><metadata>` + strings.Repeat("x", MaxLineBytes+10_000), "the XML is broken or cut off"},
	} {
		if _, _, err := readPage(t, strings.NewReader(tc.text)); err == nil || !isClassified(err) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
	r, err := NewReader("f", strings.NewReader(`<OAI-PMH><error code="badVerb">What?</error></OAI-PMH>`), Options{})
	if err == nil {
		_, err = r.Next(t.Context())
	}
	if paper.KindOf(err) != paper.Invalid || !strings.Contains(err.Error(), "f: the repository answered with the error badVerb: What?") {
		t.Errorf("a file with an error: got %v", err)
	}
}

func TestOAIRejects(t *testing.T) {
	for name, tc := range map[string]struct{ record, want string }{
		"deleted without an identifier": {`<header status="deleted"/>`, "identifier is empty"},
		"neither title nor abstract":    {`<header><identifier>oai:x:1</identifier></header><metadata><dc/></metadata>`, "title is empty, and so is the abstract"},
		"an id of nothing":              {`<header/><metadata><arXiv><id>7</id></arXiv></metadata>`, `id "7" is not one of arXiv`},
	} {
		got := readText(t, `<OAI-PMH><record>`+tc.record+`</record><record><header><identifier>a</identifier></header><metadata><dc><title>T</title></dc></metadata></record></OAI-PMH>`, Options{})
		if len(got) != 2 || !strings.Contains(got[0].Rejected, tc.want) || got[0].Raw != "<record>"+tc.record+"</record>" || got[1].Paper == nil {
			t.Errorf("%s: got %+v, want %s", name, got, tc.want)
		}
	}
}
