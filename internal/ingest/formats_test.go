package ingest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/paper"
)

// TestCutOff reads the fixtures compressed and cut off: what was whole is read,
// and the end is an error that says so, whatever the format.
func TestCutOff(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(fixtures, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".golden") || strings.Contains(file, "abstracts") {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Open(file, Options{})
		if err != nil {
			t.Fatal(err)
		}
		format := r.Format()
		r.Close()
		whole := compressed(t, codecGzip, content)
		_, err = readFile(t, whole[:len(whole)*3/4], Options{Format: format})
		if paper.KindOf(err) != paper.DataLoss || !strings.Contains(err.Error(), "damaged or cut off after line") {
			t.Errorf("%s: got %v", file, err)
		}
	}
}

func TestElements(t *testing.T) {
	const one = `{"paper":{"id":"2401.00001","title":"A","summary":"]},["}}`
	for _, tc := range []struct{ name, content, want, fault string }{
		{"empty", "[]", "", ""},
		{"white space and a mark", "\uFEFF\n[ \n" + one + "\n]\n ", "P3 A | ]},[\n", ""},
		{"commas too many", "[" + one + ",," + one + ",]", "P1 A | ]},[\nP1 A | ]},[\n", ""},
		{"escaped quotes", `[{"paper":{"id":"x","title":"\"]\\"}}]`, "P1 \"]\\ | \n", ""},
		{"cut off in an element", "[" + one + ",\n{\"paper\":", "P1 A | ]},[\nR2 the file ends in the middle of this element", ""},
		{"cut off between elements", "[" + one + ",\n", "P1 A | ]},[\n", "test: the file ends before the closing bracket of its array: it was cut off after line 2"},
		{"something after the array", "[" + one + "]\n{}", "P1 A | ]},[\n", "test: line 2: the end of the file after its array must stand here, not '{'; what follows was not read"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := NewReader("test", strings.NewReader(tc.content), Options{Format: "daily-papers"})
			if err != nil {
				t.Fatal(err)
			}
			got, err := readToEnd(r)
			if s := summarize(got); !strings.HasPrefix(s, tc.want) || tc.want == "" && s != "" {
				t.Errorf("got:\n%swant:\n%s", s, tc.want)
			}
			if err == nil && tc.fault != "" || err != nil && (tc.fault == "" || !strings.Contains(err.Error(), tc.fault)) {
				t.Errorf("got %v, want %s", err, tc.fault)
			}
		})
	}
}

// TestLongAuthors recognises a snapshot whose first line is longer than the
// head.
func TestLongAuthors(t *testing.T) {
	line := `{"id":"2401.00001","submitter":"A","authors":"` + strings.Repeat("Mira Holt, ", 10_000) + `","title":"T","categories":"cs.CL","abstract":"A","versions":[],"authors_parsed":[["Holt","Mira",""]]}`
	r, err := NewReader("test", strings.NewReader(line), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, r); r.Format() != "arxiv" || len(got) != 1 || got[0].Paper == nil {
		t.Errorf("%s: got %.300v", r.Format(), got)
	}
}
