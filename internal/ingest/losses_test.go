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
