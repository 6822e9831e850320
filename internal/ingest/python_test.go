package ingest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPythonBibliographies reads what rispy, bibtexparser and pybtex write of
// references that are known.
func TestPythonBibliographies(t *testing.T) {
	python := os.Getenv("AKIN_PYTHON")
	if python == "" {
		t.Skip("AKIN_PYTHON does not name a Python with rispy, bibtexparser and pybtex: run make test-python")
	}
	dir := t.TempDir()
	out, err := exec.Command(python, filepath.Join("..", "..", "testdata", "reference", "bibliographies.py"), dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	content, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want []referenced
	if err := json.Unmarshal(content, &want); err != nil {
		t.Fatal(err)
	}
	byTitle := map[string]referenced{}
	for _, r := range want {
		byTitle[r.Title] = r
	}
	for _, file := range []string{"rispy.ris", "bibtexparser.bib", "pybtex.bib"} {
		r, err := Open(filepath.Join(dir, file), Options{})
		if err != nil {
			t.Fatal(err)
		}
		all := readAll(t, r)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if len(all) != len(want) {
			t.Errorf("%s: %d rows of %d references", file, len(all), len(want))
		}
		faults := 0
		for _, row := range all {
			if row.Paper == nil {
				t.Errorf("%s:%d: %s", file, row.Line, row.Rejected)
			} else if got := referenceOf(row); !got.equal(byTitle[got.Title]) {
				if faults++; faults < 4 {
					t.Errorf("%s:%d:\n got %+v\nwant %+v", file, row.Line, got, byTitle[got.Title])
				}
			}
		}
		t.Logf("%s: %d references, %d differ", file, len(all), faults)
	}
}

// referenced is what the script writes; authors are last and first names.
type referenced struct {
	Title, Abstract, Journal, DOI string
	Authors                       [][]string
	Year                          int
	Keywords                      []string
}

func referenceOf(row result) referenced {
	p := row.Paper
	r := referenced{Title: p.Title, Abstract: p.Abstract, Journal: p.Venue, DOI: p.DOI, Year: p.PublishDate.Year, Keywords: p.Categories}
	for _, a := range p.Authors {
		r.Authors = append(r.Authors, []string{a.Name})
	}
	return r
}

func (r referenced) equal(want referenced) bool {
	return r.Title == want.Title && r.Abstract == want.Abstract && r.Journal == want.Journal && r.DOI == want.DOI && r.Year == want.Year &&
		slices.Equal(r.Keywords, want.Keywords) && slices.EqualFunc(r.Authors, want.Authors, func(got, name []string) bool {
		return got[0] == strings.Join([]string{name[1], name[0]}, " ")
	})
}
