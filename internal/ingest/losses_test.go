package ingest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// What would be lost or changed without a word is read, or said.
func TestNothingIsLost(t *testing.T) {
	for _, tc := range []struct{ name, content, want string }{
		{
			"lines of papers with lists of others",
			`{"id":"1","title":"T","abstract":"A","papers":[{"title":"Cited"}]}` + "\n" + `{"id":"2","title":"U","abstract":"B","papers":[{"title":"Cited too"}]}` + "\n",
			"1 | title T | abstract A\n2 | title U | abstract B\n",
		},
		{
			"lines of papers with other lists",
			`{"id":"1","title":"T","abstractText":"A","documents":[{"title":"Cited"}],"results":[{"title":"R"}],"works":[]}` + "\n",
			"1 | title T | abstract A\n",
		},
		{
			"a feed with a description", `{"title":"Mine","description":"of beads","items":[{"id":"1","title":"A","content_text":"x"}]}`,
			"1 | title A | abstract x\n",
		},
		{
			"lines with the paper under a key that is not known",
			`{"kept":{"title":"A"},"doi":"10.1000/a"}` + "\n" + `{"kept":{"title":"B"},"doi":"10.1000/b"}` + "\n",
			strings.Repeat("rejected: nothing in it is the title or the abstract; its keys are kept, doi; --map title=KEY says which\n", 2),
		},
		{
			"the same with keys in another order",
			`{"kept":{"title":"A"},"doi":"10.1000/a"}` + "\n" + `{"doi":"10.1000/b","kept":{"title":"B"}}` + "\n",
			"rejected: nothing in it is the title or the abstract; its keys are kept, doi; --map title=KEY says which\n" +
				"rejected: nothing in it is the title or the abstract; its keys are doi, kept; --map title=KEY says which\n",
		},
		{
			"one such object", `{"kept":{"title":"A"},"doi":"10.1000/a"}` + "\n",
			"rejected: nothing in it is the title or the abstract; its keys are kept, doi; --map title=KEY says which\n",
		},
		{
			"scholarly's lines", `{"bib":{"title":"A","author":["Mira Holt"]},"doi":"10.1000/a"}` + "\n" + `{"bib":{"title":"B"},"doi":"10.1000/b"}` + "\n",
			"doi:10.1000/a | title A | by Mira Holt | doi 10.1000/a\ndoi:10.1000/b | title B | doi 10.1000/b\n",
		},
		{"papers under their ids, on lines", `{"p1":{"title":"A"}}` + "\n" + `{"p2":{"title":"B"}}` + "\n", "p1 | title A\np2 | title B\n"},
		{"papers under their ids, and how many", `{"p1":{"title":"A"},"p2":{"title":"B"},"count":2}`, "p1 | title A\np2 | title B\n"},
		{
			"lists beside an envelope",
			`{"id":7,"metadata":{"title":"T","abstract":"A"},"authors":[{"name":"Mira Holt"}],"keywords":["beads"],"externalIds":{"DOI":"10.1000/x"},"journal":{"title":"J"},"links":{"self":"https://api.example/7"}}`,
			"7 | title T | abstract A | by Mira Holt | in J | doi 10.1000/x | of beads\n",
		},
		{
			"what the paper has itself goes first",
			`{"metadata":{"title":"T","author":["Mira Holt"]},"authors":["Somebody Else"],"tags":["a"]}`,
			"title T | by Mira Holt | of a\n",
		},
		{
			"groups of JATS", jatsWith(`Group A<xref>1</xref> and Group B<xref>2</xref>`, "T"),
			"title T | by Group A and Group B\n",
		},
		{
			"a reference without text", jatsWith(`Group <xref rid="a"/>of Beads<email>a@e.example</email>`, `Of <xref rid="a"/>beads<xref>1</xref>`),
			"title Of beads | by Group of Beads\n",
		},
		{
			"a group in a group", jatsWith(`Group<contrib-group><contrib><collab>In<contrib-group><contrib/></contrib-group></collab></contrib></contrib-group> of <i>Beads</i>`, "T"),
			"title T | by Group of Beads\n",
		},
		{
			"TeX whose commands begin as escapes do",
			`{"title":"T","abstract":"\alpha \beta \frac \theta \nu \rho, $\nabla \neq \tau \times$ \text{a} \right \ref \begin \bf \bar \upsilon"}` + "\n",
			`title T | abstract αβ\frac θνρ, $\nabla \neq \tau \times$ a \bar υ` + "\n",
		},
		{
			"line ends beside TeX", `{"title":"T","abstract":"of \alpha\nnew\neq. 1,\nu druge\nexists\nand\tan egg\top ten\ni) one\nif $\nu$ is \\nu"}` + "\n",
			`title T | abstract of αnew eq. 1, u druge exists and an egg op ten i) one if $\nu$ is ν` + "\n",
		},
		{"escapes of JSON alone", `{"title":"T","abstract":"a\nabla\theta"}` + "\n", "title T | abstract a abla heta\n"},
		{"a number that JSON lacks", `{"title":"T","abstract":"a\nabla","x":NaN}` + "\n", "title T | abstract a abla\n"},
		{
			"a note with an abstract", `[{"itemType":"note","title":"T","abstractNote":"A"},{"itemType":"attachment","title":"Full Text PDF"}]`,
			"title T | abstract A\n",
		},
		{
			"a table with a note", "itemType,title,abstract\nnote,T,\nnote,U,A\n",
			"rejected: its itemType is \"note\", and it has no abstract: it is kept beside papers, but is none\ntitle U | abstract A\n",
		},
		{"short codes", "title,aB,D.I.,s_o\nT,blood group,diode,signal\n", "title T\n"},
		{"short names behind a scheme", "dc:title,prism:doi\nT,10.1000/x\n", "doi:10.1000/x | title T | doi 10.1000/x\n"},
		{"short names as they are", "TI,AB,DI,SO\nT,A,10.1000/x,J\n", "doi:10.1000/x | title T | abstract A | in J | doi 10.1000/x\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := told(readText(t, tc.content, Options{})); got != tc.want {
				t.Errorf("got:\n%swant:\n%s", got, tc.want)
			}
		})
	}
}

// jatsWith is an article of JATS by a group.
func jatsWith(group, title string) string {
	return `<?xml version="1.0"?><article><front><article-meta><title-group><article-title>` + title +
		`</article-title></title-group><contrib-group><contrib contrib-type="author"><collab>` + group + `</collab></contrib></contrib-group></article-meta></front></article>`
}

// What is passed over is said, once.
func TestPassedOverIsSaid(t *testing.T) {
	var notes Notes
	content := `[{"itemType":"note","note":"x"},{"data":{"itemType":"attachment","title":"PDF"}},{"itemType":"book","title":"T"}]`
	if got := told(readText(t, content, Options{Notes: &notes})); got != "title T\n" {
		t.Errorf("got %q", got)
	}
	if lines := notes.Lines(); len(lines) != 1 || !strings.Contains(lines[0], "test: notes, attachments and annotations without an abstract were passed over") {
		t.Errorf("notes: %q", lines)
	}
}

// Bytes of a binary format stay as they are, however much text is in them.
func TestBinaryWithLongText(t *testing.T) {
	long := "title,abstract\n" + strings.Repeat("Beads,\"We tell of stones in water, and of what they are made.\"\n", 3000)
	plain := tarOf(t, packed{"a.csv", long}, packed{"b.csv", "title,abstract\nLast,of all\n"})
	type stored struct {
		Title    string `parquet:"title"`
		Abstract string `parquet:"abstract"`
	}
	var all []stored
	for i := range 3000 {
		all = append(all, stored{fmt.Sprintf("Beads %d", i), strings.Repeat(fmt.Sprintf("stones %d ", i), 40)})
	}
	for _, tc := range []struct {
		name, format string
		content      []byte
		want         int
		last         string // the title
		opt          Options
	}{
		{"tar", "tar", plain, 3001, "Last", Options{}},
		{"tar with an encoding named", "tar", tarOf(t, packed{"a.csv", "title,abstract\nCaf\xe9,A\n"}), 1, "Café", Options{Encoding: "latin1"}},
		{"tar.gz", "tar", gzipOf(t, plain), 3001, "Last", Options{}},
		{"tar in a zip", "zip", zipOf(t, packed{"a.tar", string(plain)}), 3001, "Last", Options{}},
		{"parquet", "parquet", parquetFile(t, all...), 3000, "Beads 2999", Options{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := NewReader("test", bytes.NewReader(tc.content), tc.opt)
			if err != nil {
				t.Fatalf("%.300v", err)
			}
			rows := readAll(t, r)
			if r.Format() != tc.format || len(rows) != tc.want || rows[len(rows)-1].Paper == nil || rows[len(rows)-1].Paper.Title != tc.last {
				t.Errorf("read as %s, with %d rows, the last %+v; want %s, %d, %s", r.Format(), len(rows), rows[len(rows)-1], tc.format, tc.want, tc.last)
			}
		})
	}
}

// A cell is not copied to see whether it is a word for nothing.
func TestMissingCopiesNothing(t *testing.T) {
	long := strings.Repeat("Stones In Water. ", 1000)
	if n := testing.AllocsPerRun(10, func() {
		if isMissing(long) {
			t.Error("a long text is taken for nothing")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if !isMissing("[No Abstract Available].") {
		t.Error("a word for nothing is taken for text")
	}
}

// Envelopes that lie in each other for ever are looked through to a bound.
func TestDeepNotes(t *testing.T) {
	const deep = 500
	content := strings.Repeat(`{"data":`, deep) + `{"itemType":"note","note":"x"}` + strings.Repeat("}", deep) + "\n"
	if got := told(readText(t, content+`{"title":"T"}`+"\n", Options{Format: "jsonl"})); !strings.HasPrefix(got, "rejected: nothing in it is the title") || !strings.HasSuffix(got, "title T\n") {
		t.Errorf("got:\n%s", got)
	}
}

// The work for an object with many keys around and within an envelope grows as they do.
func TestManyKeysAroundAnEnvelope(t *testing.T) {
	object := func(prefix string, n int) []member {
		all := []member{{key: prefix + "x", value: []byte("1")}}
		for i := range n {
			all = append(all, member{key: fmt.Sprintf("%s%d", prefix, i), value: []byte("1")})
		}
		return all
	}
	allocations := func(n int) float64 {
		var inner bytes.Buffer
		inner.WriteString(`{"title":"T"`)
		for _, m := range object("in", n) {
			fmt.Fprintf(&inner, ",%q:1", m.key)
		}
		inner.WriteString("}")
		outer := append(object("out", n), member{key: "data", value: inner.Bytes()})
		c := newColumns(nil)
		return testing.AllocsPerRun(2, func() {
			if opened, ok := c.open(outer); !ok || len(opened) != 2*n+3 {
				t.Fatalf("%d fields", len(opened))
			}
		})
	}
	few, many := allocations(50), allocations(400)
	if many > 20*few {
		t.Errorf("%v allocations for 50 keys, %v for 8 times as many", few, many)
	}
}
