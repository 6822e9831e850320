package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/paper"
)

// result is one row of a golden file.
type result struct {
	Line     int          `json:"line"`
	Rejected string       `json:"rejected,omitempty"`
	Raw      string       `json:"raw,omitempty"`
	Deleted  bool         `json:"deleted,omitempty"`
	Paper    *paper.Paper `json:"paper,omitempty"`
}

// readAll reads to the end; an error that is not about one row fails the test.
func readAll(t testing.TB, r *Reader) []result {
	t.Helper()
	all, err := readToEnd(r)
	if err != nil {
		t.Fatalf("Next: %v", err)
	}
	return all
}

// readToEnd reads to the end, or to an error that is not about one row.
func readToEnd(r *Reader) (all []result, _ error) {
	for {
		row, err := r.Next(context.Background())
		var rejected *RejectedError
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case errors.As(err, &rejected):
			all = append(all, result{Line: rejected.Line, Rejected: rejected.Reason, Raw: string(rejected.Raw)})
		case err != nil:
			return all, err
		default:
			all = append(all, result{Line: row.Source.Line, Deleted: row.Deleted, Paper: &row.Paper})
		}
	}
}

// readText reads a file with the given content.
func readText(t testing.TB, content string, opt Options) []result {
	t.Helper()
	r, err := NewReader("test", strings.NewReader(content), opt)
	if err != nil {
		t.Fatalf("NewReader: %v", err)
	}
	return readAll(t, r)
}

const fixtures = "../../testdata/ingest"

// TestGolden compares what is read from the fixtures with the golden files
// beside them. AKIN_UPDATE_GOLDEN=1 writes them anew; read the difference.
func TestGolden(t *testing.T) {
	for _, tc := range []struct {
		file, format string
		opt          Options
	}{
		{"papers.jsonl", "jsonl", Options{}},
		{"papers.csv", "csv", Options{}},
		{"papers.tsv", "tsv", Options{Map: map[string]string{"abstract": "summary", "venue": "publication"}}},
		{"oai-arxiv.xml", "oai", Options{}},
		{"oai-arxivraw.xml", "oai", Options{}},
		{"oai-dc.xml", "oai", Options{}},
		{"arxiv.atom", "atom", Options{}},
		{"arxiv-announced.atom", "atom", Options{}},
		{"arxiv-rss.xml", "rss", Options{}},
		{"preprints.rdf", "feed", Options{}},
		{"pubmed.xml", "pubmed", Options{}},
		{"pubmed.nbib", "nbib", Options{}},
		{"endnote.xml", "endnote-xml", Options{}},
		{"references.enw", "refer", Options{}},
		{"savedrecs.txt", "wos", Options{}},
		{"dblp.xml", "dblp", Options{}},
		{"article.jats.xml", "jats", Options{}},
		{"arxiv.jsonl", "arxiv", Options{}},
		{"openalex.jsonl", "openalex", Options{}},
		{"s2ag-papers.jsonl", "s2ag", Options{}},
		{"daily-papers.json", "daily-papers", Options{}},
		{"csl.json", "csl-json", Options{}},
		{"csl.jsonl", "csl-json", Options{}},
		{"library.ris", "ris", Options{}},
		{"library-crlf.ris", "ris", Options{}},
		{"library.bib", "bibtex", Options{}},
		{"listing.txt", "listing", Options{Year: 2025}},
		{"listing-crlf.txt", "listing", Options{}},
		{"listing-cut-abstract.txt", "listing", Options{}},
		{"listing-cut-title.txt", "listing", Options{}},
	} {
		t.Run(tc.file, func(t *testing.T) {
			path := filepath.Join(fixtures, tc.file)
			r, err := Open(path, tc.opt)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if r.Format() != tc.format {
				t.Errorf("guessed %q, want %q", r.Format(), tc.format)
			}
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			all, err := readToEnd(r)
			if err != nil {
				all = append(all, result{Rejected: err.Error()})
			}
			for _, row := range all {
				if err := enc.Encode(row); err != nil {
					t.Fatal(err)
				}
			}
			compareGolden(t, path+".golden", got.Bytes())
		})
	}
}

func compareGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	if os.Getenv("AKIN_UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}
