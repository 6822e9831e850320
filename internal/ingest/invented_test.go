package ingest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"

	"akin/internal/paper"
)

// told gives what was read in one line each: the fields that there are.
func told(rows []result) string {
	var b strings.Builder
	for _, row := range rows {
		if row.Paper == nil {
			fmt.Fprintf(&b, "rejected: %s\n", row.Rejected)
			continue
		}
		p := row.Paper
		var names []string
		for _, a := range p.Authors {
			names = append(names, a.Name)
		}
		var parts []string
		for _, part := range [][2]string{
			{"", p.ID},
			{"title", p.Title},
			{"abstract", p.Abstract},
			{"by", strings.Join(names, "; ")},
			{"in", p.Venue},
			{"date", dated(p.PublishDate)},
			{"doi", p.DOI},
			{"of", strings.Join(p.Categories, "; ")},
			{"at", strings.Join(p.URLs, " ")},
		} {
			if part[1] != "" && !strings.HasPrefix(part[1], "title:") {
				parts = append(parts, strings.TrimSpace(part[0]+" "+part[1]))
			}
		}
		for _, key := range slices.Sorted(maps.Keys(p.Metadata)) {
			if key == "record_id" || key == "remarks" {
				parts = append(parts, key+" "+p.Metadata[key])
			}
		}
		b.WriteString(strings.Join(parts, " | ") + "\n")
	}
	return b.String()
}

func dated(d paper.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// What programs write in the way of their own is read as what it is.
func TestExportsOfMany(t *testing.T) {
	for _, tc := range []struct{ name, content, want string }{
		{
			"a work of Crossref", `{"status":"ok","message-type":"work","message":{"DOI":"10.1000/a","title":["T"],"container-title":["J"],"author":[{"given":"Mira","family":"Holt"}],"issued":{"date-parts":[[2019]]}}}`,
			"doi:10.1000/a | title T | by Mira Holt | in J | date 2019 | doi 10.1000/a\n",
		},
		{
			"INSPIRE", `{"hits":{"hits":[{"id":"1","metadata":{"titles":[{"title":"T"}],"abstracts":[{"value":"A"}],"authors":[{"full_name":"Holt, Mira"}],"dois":[{"value":"10.1000/x"}]}}],"total":1}}`,
			"doi:10.1000/x | title T | abstract A | by Holt, Mira | doi 10.1000/x | record_id 1\n",
		},
		{
			"DataCite", `{"data":[{"id":"10.5281/z.1","attributes":{"titles":[{"title":"T"}],"creators":[{"name":"Holt, Mira","givenName":"Mira"}],"descriptions":[{"description":"A"}],"publicationYear":2020}}]}`,
			"10.5281/z.1 | title T | abstract A | by Holt, Mira | date 2020\n",
		},
		{
			"DOAJ", `{"results":[{"id":"a","bibjson":{"title":"T","abstract":"A","author":[{"name":"Mira Holt"}],"journal":{"title":"J"},"year":"2019"}}]}`,
			"a | title T | abstract A | by Mira Holt | in J | date 2019\n",
		},
		{
			"Scopus's API", `{"search-results":{"entry":[{"dc:title":"T","dc:creator":"Holt M.","prism:publicationName":"J","prism:coverDate":"2019-05-12","prism:doi":"10.1000/x","dc:description":"A"}]}}`,
			"doi:10.1000/x | title T | abstract A | by Holt M. | in J | date 2019-05-12 | doi 10.1000/x\n",
		},
		{
			"Zotero's API, with a note and an editor", `[{"key":"N","data":{"itemType":"note","note":"x"}},{"key":"K","data":{"itemType":"book","title":"T","creators":[{"creatorType":"editor","firstName":"E","lastName":"D"},{"creatorType":"author","firstName":"Mira","lastName":"Holt"}],"abstractNote":"A","tags":[{"tag":"a"}]}}]`,
			"title T | abstract A | by Mira Holt | of a\n",
		},
		{
			"JSON Feed", `{"version":"https://jsonfeed.org/version/1.1","title":"Mine","items":[{"id":"1","title":"A","content_text":"x","authors":[{"name":"N"}],"date_published":"2026-01-02T03:04:05Z"}]}`,
			"1 | title A | abstract x | by N | date 2026-01-02\n",
		},
		{"a list with a title", "{\n \"title\": \"Mine\",\n \"papers\": [{\"id\": \"1\", \"title\": \"A\"}]\n}", "1 | title A\n"},
		{"a paper with a list", `{"title":"T","authors":["N"],"items":[{"title":"A"}]}`, "title T | by N\n"},
		{
			"papers under their ids", `{"p1":{"title":"A","abstract":"b"},"p2":{"id":"own","title":"C"},"p3":{}}`,
			"p1 | title A | abstract b\nown | title C\nrejected: nothing in it is the title or the abstract; its keys are ; --map title=KEY says which\n",
		},
		{"a search engine's rows", `{"_index":"x","_id":"9","_source":{"title":"A","abstract":"b"}}` + "\n", "9 | title A | abstract b\n"},
		{"columns of a data frame", `{"title":{"0":"A","1":"C"}}`, `rejected: the paper has neither title nor abstract, nor an id: its title is ""; what title holds is no text: {"0":"A","1":"C"}` + "\n"},
		{"a tab and TeX in texts of JSON", "{\"title\":\"A\tb\",\"abstract\":\"of $\\alpha$ and $\\\\beta$\"}\n", "title A b | abstract of $\\alpha$ and $\\beta$\n"},
		{
			"ProQuest", "Title,Authors,pubdate,pubtitle,Abstract,documentURL\nT,\"Holt, Mira; Ng, Bo\",\"May 12, 2019\",J,A,https://e.example\n",
			"title T | abstract A | by Holt, Mira; Ng, Bo | in J | date 2019-05-12 | at https://e.example\n",
		},
		{"Rayyan", "title,year,month,day,authors\nT,2019,5,12,Mira Holt and Bo Ng\nU,2019,13,1,\nV,2019,Feb,30,\n", "title T | by Mira Holt; Bo Ng | date 2019-05-12\ntitle U | date 2019\ntitle V | date 2019-02\n"},
		{"Covidence", "Title,Published Year,Published Month\nT,2019,May\n", "title T | date 2019-05\n"},
		{
			"DSpace", "id,dc.title[en],dc.contributor.author[],dc.description.abstract[en],dc.date.issued,dc.subject\n1,T,\"Holt, Mira||Ng, Bo\",A,2019-05,a||b\n",
			"1 | title T | abstract A | by Holt, Mira; Ng, Bo | date 2019-05 | of a; b\n",
		},
		{"PubMed's table", "Title,Authors\nT,\"Holt M, Ng B, van Berg A.\"\n", "title T | by Holt M; Ng B; van Berg A\n"},
		{"names with points", "Title,Authors\nT,\"Holt M., Ng B.\"\nU,\"M. Holt, B. Ng\"\n", "title T | by Holt M.; Ng B.\ntitle U | by M. Holt; B. Ng\n"},
		{"others", "title,authors\nA,Mira Holt and others\nB,\"Mira Holt, Bo Ng, et al.\"\nC,Holt M; Ng B; et al\n", "title A | by Mira Holt\ntitle B | by Mira Holt; Bo Ng\ntitle C | by Holt M; Ng B\n"},
		{"Scopus's words for nothing", "Authors,Title,Abstract\n[No author name available],T,[No abstract available]\n", "title T\n"},
		{
			"Semantic Scholar's table", "paperId,title,externalIds\nx,T,\"{'ArXiv': '2101.00001', 'DOI': '10.1000/x'}\"\ny,U,\"{\"\"DOI\"\": \"\"10.1000/y\"\"}\"\nz,V,none\n",
			"arXiv:2101.00001 | title T | doi 10.1000/x\ndoi:10.1000/y | title U | doi 10.1000/y\ntitle V\n",
		},
		{"errors of Excel", "title,abstract\n#REF!,x\nT,#DIV/0!\n", "abstract:2d711642b726b044 | abstract x\ntitle T\n"},
		{
			"names with commas alone", "@article{a,title={T},author={M. Holt, B. Ng, C. Xu}}\n@article{b,title={U},author={Holt, M., Ng, B.}}\n@article{c,title={V},author={King, Jr., Martin Luther and de la Cruz, Mar{\\'\\i}a}}\n",
			"title T | by M. Holt; B. Ng; C. Xu\ntitle U | by M. Holt; B. Ng\ntitle V | by Martin Luther King Jr.; María de la Cruz\n",
		},
		{"an academic year", "title,year\nA,2019/20\nB,2019;\nC,2019-05\n", "title A | date 2019\ntitle B | date 2019\ntitle C | date 2019-05\n"},
		{"Zotero's extra", "Title,Extra\nT,arXiv:2101.00001 [cs]\nU,erratum to arXiv:2101.00002\n", "arXiv:2101.00001 | title T\ntitle U\n"},
		{"Zotero's note", `[{"id":"a","type":"article-journal","title":"T","note":"arXiv:2101.00001 [cs]\nCitation Key: x"}]`, "arXiv:2101.00001 | title T\n"},
		{"addresses of RIS", "TY  - JOUR\nTI  - T\nUR  - https://e.example/a; https://e.example/b\nER  - \n", "title T | at https://e.example/a https://e.example/b\n"},
		{
			"a group of JATS", `<?xml version="1.0"?><article><front><article-meta><title-group><article-title>T</article-title></title-group><contrib-group><contrib contrib-type="author"><collab>Group<contrib-group><contrib><name><surname>In</surname><given-names>Ner</given-names></name></contrib></contrib-group></collab></contrib></contrib-group></article-meta></front></article>`,
			"title T | by Group\n",
		},
		{"marks on marks", "@article{k, title={T}, author={Nguy{\\~\\^e}n, V{\\u a}n}}\n", "title T | by Văn Nguyễn\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := told(readText(t, tc.content, Options{})); got != tc.want {
				t.Errorf("got:\n%swant:\n%s", got, tc.want)
			}
		})
	}
}

// A column of nothing but nulls is nothing, and not a word.
func TestColumnOfNulls(t *testing.T) {
	var w cellWriter
	if value, opaque := w.cell(array.NewNull(1), 0); string(value) != "null" || opaque != "" {
		t.Errorf("%s, %q", value, opaque)
	}
}

// A language that is written as a word has a tag.
func TestNamesOfLanguages(t *testing.T) {
	for name, content := range map[string]string{
		"ris": "TY  - JOUR\nTI  - T\nLA  - English\nER  - \n", "csv": "title,Language of Original Document\nT,English; German\n",
		"jsonl": `{"title":"T","language":"en"}`,
	} {
		if got := readText(t, content, Options{}); len(got) != 1 || got[0].Paper == nil || got[0].Paper.Language != "en" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A remark that stands first does not take the abstract's place.
func TestRemarksOfRepositories(t *testing.T) {
	long := strings.Repeat("We tell of stones in water. ", 10)
	for _, tc := range []struct{ first, second, want string }{
		{"Peer reviewed", long, long}, {long, "Comment: 5 pages", long}, {"A short abstract.", "Another remark.", "A short abstract."},
	} {
		abstract, others := longest([]string{tc.first, " ", tc.second})
		if abstract != strings.TrimSpace(tc.want) || len(others) != 1 {
			t.Errorf("%.20q and %.20q: %.20q, %q", tc.first, tc.second, abstract, others)
		}
	}
}

// What cannot be read is called by what it is.
func TestResemblances(t *testing.T) {
	for content, want := range map[string]string{
		"{'id': '1', 'title': 'A'}\n":         "Python's notation of dictionaries",
		"10.1000/x\nhttps://doi.org/10.1/y\n": "a list of identifiers",
		"1. J Beads. 2019 May;1(2):3. doi: 10.1000/x.\n\nBeads.\n\nHolt M(1).\n\nPMID: 1\n":            "abstracts of PubMed for reading",
		`<?xml version="1.0"?><record xmlns="http://www.openarchives.org/OAI/2.0/"><header/></record>`: "a part of an answer of OAI-PMH",
		"Holt, M. (2019). Beads in water. J. Beads, 1, 2-3.\n":                                         "text without a date line",
	} {
		_, err := NewReader("test", strings.NewReader(content), Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %.200v, want %q", content, err, want)
		}
	}
}
