package ingest

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
)

func oaiOf(titles ...string) string {
	var b strings.Builder
	b.WriteString("<OAI-PMH>\n")
	for _, title := range titles {
		b.WriteString("<record><header><identifier>x</identifier></header><metadata><dc><title>" + title + "</title></dc></metadata></record>\n")
	}
	return b.String() + "</OAI-PMH>"
}

// TestXML: one bad character, reference or tag costs at most its record.
func TestXML(t *testing.T) {
	const after = ";P3 After | | "
	for name, tc := range map[string]struct{ text, want string }{
		"a character that XML does not have": {oaiOf("Bad \x0b one", "After"), "P2 Bad one | | " + after},
		"as a reference":                     {oaiOf("Bad &#11;&#x0;&#xFFFF; one", "After"), "P2 Bad one | | " + after},
		"bytes of another encoding":          {oaiOf("caf\xe9", "After"), "P2 café | | " + after},
		"entities of HTML":                   {oaiOf("a&nbsp;caf&eacute; &mdash; so", "After"), "P2 a café — so | | " + after},
		"entities of nothing":                {oaiOf("a &foo; & b &amp; c &;", "After"), "P2 a &foo; & b & c &; | | " + after},
		"signs":                              {oaiOf("p < 0.05 and 3<4 or <5", "After"), "P2 p < 0.05 and 3<4 or <5 | | " + after},
		"CDATA":                              {oaiOf("<![CDATA[a < b & <record> c]]>", "After"), "P2 a < b & <record> c | | " + after},
		"a comment":                          {oaiOf("a <!-- <record> </title> --> b", "After"), "P2 a b | | " + after},
		"markup":                             {oaiOf("&lt;i&gt;Apis&lt;/i&gt;", "After"), "P2 Apis | | " + after},
		"tags crossed":                       {oaiOf("a</b>", "After"), "R2 the XML of this record is broken" + after},
		"an end that is missing":             {strings.Replace(oaiOf("Bad", "After"), "</record>", "", 1), "R2 the next one begins before it ends" + after},
		"a record of another kind within": {"<OAI-PMH>\n<record><header><identifier>x</identifier></header><metadata><record xmlns='marc'><a/></record></metadata></record>\n" +
			strings.TrimPrefix(oaiOf("After"), "<OAI-PMH>\n"), "R2 there is no metadata in one of the formats oai_dc, arXiv and arXivRaw" + after},
		"a document type with entities": {"<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\"><!ENTITY c SYSTEM \"file:///etc/passwd\">]>" + oaiOf("&b;&c; x", "After"), "P2 &b;&c; x | | " + after},
		"another encoding":              {latin1(t, `<?xml version="1.0" encoding="ISO-8859-2"?>`+oaiOf("Łódź", "After")), "P2 Łódź | | " + after},
		"another than it says":          {`<?xml version="1.0" encoding="ISO-8859-1"?>` + oaiOf("Łódź", "After"), "P2 Łódź | | " + after},
		"an encoding of several bytes":  {shiftJIS(t, `<?xml version="1.0" encoding="Shift_JIS"?>`+oaiOf("波の研究", "After")), "P2 波の研究 | | " + after},
		"cut off":                       {strings.TrimSuffix(oaiOf("After"), "</metadata></dc></record>\n</OAI-PMH>")[:90], "E test: line 2: the XML is broken or cut off (unexpected EOF); what follows was not read"},
		"an end of the root too few":    {strings.TrimSuffix(oaiOf("After"), "</OAI-PMH>"), "P2 After | | ;E test: line 3: the XML is broken or cut off (unexpected EOF); what follows was not read"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := NewReader("test", strings.NewReader(tc.text), Options{Format: "oai"})
			if err != nil {
				t.Fatal(err)
			}
			if got := brief(t, r, ""); got != tc.want {
				t.Errorf("\n got %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestXMLTooLarge: a record above the limit costs itself.
func TestXMLTooLarge(t *testing.T) {
	r, err := NewReader("test", strings.NewReader(oaiOf(strings.Repeat("x ", MaxLineBytes/2), "After")), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := brief(t, r, ""); got != "R2 an element is larger than the limit of 16777216 bytes; only its beginning is kept here;P3 After | | " {
		t.Errorf("got %.300s", got)
	}
}

func latin1(t *testing.T, text string) string {
	t.Helper()
	encoded, err := charmap.ISO8859_2.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func shiftJIS(t *testing.T, text string) string {
	t.Helper()
	encoded, err := japanese.ShiftJIS.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}
