package ingest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"akin/internal/paper"
)

// addFixtures seeds a fuzz test with the fixtures.
func addFixtures(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(fixtures, "*"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
}

// FuzzJSONL: each line that is not blank gives one row, in order, and each row
// is valid. Where no line is, one row says that there is none.
func FuzzJSONL(f *testing.F) {
	addFixtures(f)
	f.Add([]byte(`{"title":"T","authors":[{"name":"A"}],"publishDate":{"year":2020},"x":{"y":[1,"\u00e9"]}}`))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, content []byte) {
		var want []int
		for i, l := range bytes.Split(content, []byte("\n")) {
			if len(bytes.TrimSpace(bytes.TrimPrefix(l, []byte(byteOrderMark)))) > 0 {
				want = append(want, i+1)
			}
		}
		if len(want) == 0 {
			want = []int{1}
		}
		if isCompressed(content) || strings.ContainsAny(string(content), "\r\x00") {
			return
		}
		if h := newHead(content, true, Options{}); h.json.kind > onLines {
			return // objects over several lines, or several on one
		}
		r, err := NewReader("fuzz", bytes.NewReader(content), Options{Format: "jsonl"})
		if err != nil {
			t.Fatal(err)
		}
		got := readAll(t, r)
		if len(got) != len(want) {
			t.Fatalf("%d rows of %d lines", len(got), len(want))
		}
		for i, row := range got {
			if row.Line != want[i] {
				t.Fatalf("row %d is of line %d, want %d", i, row.Line, want[i])
			}
			checkResult(t, row)
		}
	})
}

func checkResult(t *testing.T, row result) {
	t.Helper()
	if row.Paper == nil {
		if row.Rejected == "" || !utf8.ValidString(row.Rejected) {
			t.Fatalf("line %d: bad reason %q", row.Line, row.Rejected)
		}
		return
	}
	if row.Deleted {
		if err := paper.ValidateID(row.Paper.ID); err != nil {
			t.Fatalf("line %d: deleted: %v", row.Line, err)
		}
		return
	}
	if err := row.Paper.Validate(); err != nil {
		t.Fatalf("line %d: %v", row.Line, err)
	}
}

// fuzzFormat reads any bytes as a format: rows come in the order of lines, each
// is valid or has a reason, and the end is the end of the file or an error that
// names it.
func fuzzFormat(f *testing.F, format string, more ...string) {
	addFixtures(f)
	for _, text := range more {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if isCompressed(content) {
			return
		}
		r, err := NewReader("fuzz", bytes.NewReader(content), Options{Format: format})
		if err != nil {
			t.Fatal(err)
		}
		got, err := readToEnd(r)
		if err != nil && (!isClassified(err) || !strings.HasPrefix(err.Error(), "fuzz: ")) {
			t.Fatalf("the error is not about the file: %v", err)
		}
		for i, row := range got {
			checkResult(t, row)
			if row.Line < 1 || i > 0 && row.Line < got[i-1].Line {
				t.Fatalf("row %d is of line %d", i, row.Line)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzCSV(f *testing.F) {
	fuzzFormat(f, "csv", "title,a\n\"x\n\",\"\"\"\"\n\"b\"c,\n,\"", "title,title\n")
}

func FuzzTSV(f *testing.F) { fuzzFormat(f, "tsv", "title\tsignals\nT\t{\"a\":1}\n") }

func FuzzParquet(f *testing.F) {
	content := parquetFile(f, parquetRow{ID: 1, Title: "T", Authors: []parquetAuthor{{Name: "A"}}, Extra: map[string]string{"a": "b"}})
	fuzzFormat(f, "parquet", string(content))
}

func FuzzOAI(f *testing.F) { fuzzFormat(f, "oai", "<OAI-PMH><record><header status='deleted'>") }

func FuzzAtom(f *testing.F) {
	fuzzFormat(f, "atom", "<feed><entry><id>arXiv:2401.00001v1</id></entry>")
}

func FuzzDailyPapers(f *testing.F) {
	fuzzFormat(f, "daily-papers", `[{"paper":{}},]]`, `[{"a":"]\"}"}`)
}

func FuzzArxiv(f *testing.F) { fuzzFormat(f, "arxiv") }

func FuzzOpenAlex(f *testing.F) { fuzzFormat(f, "openalex") }

func FuzzS2AG(f *testing.F) { fuzzFormat(f, "s2ag") }

func FuzzCSL(f *testing.F) {
	fuzzFormat(f, "csl-json", `{"message":{"items":[{"title":["T"],"type":"x"},{"DOI":7}]}}`, "{\n\"type\":\"x\",\"title\":\"T\"}\n{\"title\":\"\\\"}", `[{"id":1,"type":"x","issued":{"date-parts":[[]]},"author":[{}]}]`)
}

func FuzzRIS(f *testing.F) { fuzzFormat(f, "ris", "TY  - \nx\nER  -\nTY  - \nTY  - ") }

func FuzzRSS(f *testing.F) {
	fuzzFormat(f, "rss", "<rss><item><guid>oai:arXiv.org:2401.00001</guid><title>&#0;")
}

func FuzzPubMed(f *testing.F) {
	fuzzFormat(f, "pubmed", "<PubmedArticle><PMID>1</PubmedArticle><PubmedArticle/>")
}

func FuzzEndNote(f *testing.F) { fuzzFormat(f, "endnote-xml", "<xml><record><titles><title><style>a") }

func FuzzDBLP(f *testing.F) { fuzzFormat(f, "dblp", "<dblp><article><title>a<article>") }

func FuzzJATS(f *testing.F) { fuzzFormat(f, "jats", "<article xml:lang='x'><front/></article><!--") }

func FuzzNBIB(f *testing.F) { fuzzFormat(f, "nbib", "PMID- 1\nAU  -\n\n\nPMID- 2\nTI  - x\n y") }

func FuzzWoS(f *testing.F) { fuzzFormat(f, "wos", "FN x\nPT J\nTI a\n b\nPT J\nER\nEF\nPT") }

func FuzzRefer(f *testing.F) { fuzzFormat(f, "refer", "%T a\n%A b\n\n%0 x\n%T c\nd\n\ne") }

func FuzzBibTeX(f *testing.F) {
	fuzzFormat(f, "bibtex", "@a(b,c=\"{}\"#d#1)@string{x={\\'{\\i}}}@y{z,author=x # { and , and}}")
}

// isCompressed says that content begins like compressed data, in whose lines
// nothing can be counted here.
func isCompressed(content []byte) bool {
	return detectCodec(bufio.NewReader(bytes.NewReader(content))) != codecNone
}

// plainText drops control characters that are no white space.
func plainText(r rune) rune {
	if unicode.IsControl(r) && !unicode.IsSpace(r) || r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE {
		return -1
	}
	return r
}

// FuzzListing: each line that is not blank is in a paper or a rejected row, or
// is a date line, furniture, or of the header; and rows come in order.
func FuzzListing(f *testing.F) {
	addFixtures(f)
	f.Add([]byte("Mar 17\n\nA\n\nB.\n\nC.\n\nD\n\nwww.e\n\nMar 16\nF\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if isCompressed(content) {
			return
		}
		r, err := NewReader("fuzz", bytes.NewReader(content), Options{Format: "listing"})
		if err != nil {
			t.Fatal(err)
		}
		inHeader := r.rows.(*listing).header
		got := readAll(t, r)
		var kept strings.Builder
		for i, row := range got {
			checkResult(t, row)
			if i > 0 && row.Line <= got[i-1].Line {
				t.Fatalf("line %d after line %d", row.Line, got[i-1].Line)
			}
			if row.Paper != nil {
				kept.WriteString(" " + row.Paper.Title + " " + row.Paper.Abstract)
			}
			kept.WriteString(" " + collapse(row.Raw))
		}
		if bytes.ContainsAny(content, `\<&`) || string(bytes.Map(plainText, content)) != string(content) {
			return // markup goes, wherever it stands
		}
		all := " " + collapse(kept.String()) + " "
		for l := range strings.SplitSeq(string(content), "\n") {
			l = strings.TrimPrefix(strings.TrimSuffix(l, "\r"), byteOrderMark)
			_, date := parseHeading(l)
			if date {
				inHeader = false
			}
			if inHeader || date || furniture([]byte(l)) {
				continue
			}
			if text := collapse(l); text != "" && !strings.Contains(all, " "+text+" ") {
				t.Fatalf("the line %q is lost; rows: %+v", l, got)
			}
		}
	})
}

// FuzzNewReader: whatever the bytes, opening and reading ends with io.EOF or
// an error that names the file.
func FuzzNewReader(f *testing.F) {
	addFixtures(f)
	for _, c := range []codec{codecGzip, codecZstd} {
		whole := compressed(f, c, []byte(twoRows))
		f.Add(whole)
		f.Add(whole[:len(whole)-6])
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := NewReader("fuzz", bytes.NewReader(content), Options{})
		for err == nil {
			_, err = r.Next(context.Background())
			var rejected *RejectedError
			if errors.As(err, &rejected) {
				err = nil
			}
		}
		if !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "fuzz") {
			t.Fatalf("the error does not name the file: %v", err)
		}
		if r != nil {
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
