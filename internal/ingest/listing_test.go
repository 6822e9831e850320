package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/paper"
)

// long is an abstract that can be nothing else.
var long = strings.TrimSpace(strings.Repeat("A sentence of an abstract that goes on for a while. ", 7))

// outline writes what was read in one line a row: P for a paper, R for a
// rejected row.
func outline(all []result) string {
	var b strings.Builder
	for _, r := range all {
		if r.Paper == nil {
			fmt.Fprintf(&b, "R%d %s\n", r.Line, strings.ReplaceAll(r.Raw, "\n\n", " | "))
			continue
		}
		fmt.Fprintf(&b, "P%d %s | %s", r.Line, r.Paper.Title, strings.ReplaceAll(r.Paper.Abstract, long, "LONG"))
		for _, d := range r.Paper.ListedDates {
			fmt.Fprintf(&b, " | %s", d)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestListing(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		year       int
		want       string
	}{
		{"plain", "new\n\nMar 17\n\nOn X\n\nLONG\n\nOn Y\n\nLONG", 0, "P5 On X | LONG | --03-17\nP9 On Y | LONG | --03-17\n"},
		{"nothing but a header", "new\n\nSubscribe\n\nMar 17\n", 0, "R1 \n"},
		{"no blank lines", "new\nMar 17\nOn X\nLONG\nOn Y\nLONG\nMar 16", 0, "P3 On X | LONG | --03-17\nP5 On Y | LONG | --03-17\n"},
		{"tabs, trailing spaces, CRLF, BOM", "\uFEFFMar 17 \t\r\n \t\r\n\tOn  X \r\n\r\nLONG  \r\n", 0, "P3 On X | LONG | --03-17\n"},
		{"several days", "Mar 17\n\nOn X\n\nLONG\n\nMar 16\n\nOn Y\n\nLONG\n", 2025, "P3 On X | LONG | 2025-03-17\nP9 On Y | LONG | 2025-03-16\n"},
		{"back across a turn of the year", "Jan 1\n\nOn X\n\nLONG\n\nDec 31\n\nOn Y\n\nLONG\n", 2025, "P3 On X | LONG | 2025-01-01\nP9 On Y | LONG | 2024-12-31\n"},
		{"on across a turn of the year", "Dec 31\n\nOn X\n\nLONG\n\nJan 1\n\nOn Y\n\nLONG\n", 2024, "P3 On X | LONG | 2024-12-31\nP9 On Y | LONG | 2025-01-01\n"},
		{
			"no full stops anywhere", "Mar 17\n\nOn X\n\nwe study some very short texts without any stops\n\nOn Y\n\nwe do the same again for other texts too", 0,
			"P3 On X | we study some very short texts without any stops | --03-17\nR7 On Y | we do the same again for other texts too\n",
		},
		{"short abstracts", "Mar 17\n\nOn X\n\nX is fine.\n\nOn Y\n\nY is too.\n", 0, "P3 On X | X is fine. | --03-17\nP7 On Y | Y is too. | --03-17\n"},
		{
			"titles with full stops", "Mar 17\n\nOn X.\n\nLONG\n\nOn Y.\n\nY too.\n\nOn Z.\n\nZ, without a stop\n\nOn W.\n\nLONG\n", 0,
			"P3 On X. | LONG | --03-17\nP7 On Y. | Y too. | --03-17\nP11 On Z. | Z, without a stop | --03-17\nP15 On W. | LONG | --03-17\n",
		},
		{
			"one title with a full stop", "Mar 17\n\nOn X\n\nLONG\n\nOn Y.\n\nLONG\n\nOn Z?\n\nLONG\n", 0,
			"P3 On X | LONG | --03-17\nP7 On Y. | LONG | --03-17\nP11 On Z? | LONG | --03-17\n",
		},
		{"title of several lines", "Mar 17\n\nOn X\nand Y\n\nLONG\n", 0, "P3 On X and Y | LONG | --03-17\n"},
		{"missing abstract", "Mar 17\n\nOn X\n\nOn Y\n\nLONG\n", 0, "R3 On X\nP5 On Y | LONG | --03-17\n"},
		{"two missing abstracts", "Mar 17\n\nOn X\n\nOn Y\n\nOn Z\n\nLONG\n", 0, "R3 On X\nR5 On Y\nP7 On Z | LONG | --03-17\n"},
		{"missing abstract before a date", "Mar 17\n\nOn X\n\nMar 16\n\nOn Y\n\nLONG\n", 0, "R3 On X\nP7 On Y | LONG | --03-16\n"},
		{"missing title", "Mar 17\n\nLONG\n\nOn Y\n\nLONG\n", 0, "R3 " + long + "\nP5 On Y | LONG | --03-17\n"},
		{"two paragraphs", "Mar 17\n\nOn X\n\nLONG\n\nLONG\n\nOn Y\n\nLONG\n", 0, "P3 On X | LONG LONG | --03-17\nP9 On Y | LONG | --03-17\n"},
		{"a short second paragraph", "Mar 17\n\nOn X\n\nLONG\n\nCode will follow.\n\nOn Y\n\nLONG\n", 0, "P3 On X | LONG Code will follow. | --03-17\nP9 On Y | LONG | --03-17\n"},
		{"a link as second paragraph", "Mar 17\n\nOn X\n\nLONG\n\nhttps://x.example\n\nOn Y\n\nLONG\n", 0, "P3 On X | LONG https://x.example | --03-17\nP9 On Y | LONG | --03-17\n"},
		{"footer", "Mar 17\n\nOn X\n\nLONG\n\nPrevious\nNext\n\n© 2025 A Page\n\nTOS\n", 0, "P3 On X | LONG | --03-17\n"},
		{"two pages in one file", "new\n\nMar 17\n\nOn X\n\nLONG\n\nnew\n\nSubscribe\n\nMar 14\n\nOn Y\n\nLONG\n", 0, "P5 On X | LONG | --03-17\nP15 On Y | LONG | --03-14\n"},
		{"header lost", "On X\n\nLONG\n\nMar 16\n\nOn Y\n\nLONG\n", 0, "P1 On X | LONG\nP7 On Y | LONG | --03-16\n"},
		{"not a day of the calendar", "Mar 17\n\nFeb 31\n\nLONG\n", 0, "P3 Feb 31 | LONG | --03-17\n"},
		{"not a day of that year", "Feb 29\n\nOn X\n\nLONG\n", 2025, "P3 On X | LONG\n"},
		{"title without a letter", "Mar 17\n\n???\n\nLONG\n", 0, "P3 ??? | LONG | --03-17\n"},
		{"not UTF-8", "Mar 17\n\nOn \xff\n\nLONG\n", 0, "R3 On \xff | " + long + "\n"},

		{"cut off in an abstract", "Mar 17\n\nOn X\n\nLONG\n\nOn Y\n\nLONG And th", 0, "P3 On X | LONG | --03-17\nR7 On Y | " + long + " And th\n"},
		{"cut off in the first words of an abstract", "Mar 17\n\nOn X\n\nLONG\n\nOn Y\n\nThe qu", 0, "P3 On X | LONG | --03-17\nR7 On Y | The qu\n"},
		{"cut off after an abbreviation", "Mar 17\n\nOn Y\n\nLONG We use some (e.g.", 0, "R3 On Y | " + long + " We use some (e.g.\n"},
		{"cut off in a title", "Mar 17\n\nOn X\n\nLONG\n\nOn", 0, "P3 On X | LONG | --03-17\nR7 On\n"},
		{"cut off after a title", "Mar 17\n\nOn X\n\nLONG\n\nOn Y\n\n", 0, "P3 On X | LONG | --03-17\nR7 On Y\n"},
		{"whole, no full stop, but a line end", "Mar 17\n\nOn X\n\nLONG And the method is called X\n", 0, "P3 On X | LONG And the method is called X | --03-17\n"},
		{"whole, ends with a link", "Mar 17\n\nOn X\n\nLONG Code: (https://x.example/y)", 0, "P3 On X | LONG Code: (https://x.example/y) | --03-17\n"},
		{"whole, ends with a quotation", "Mar 17\n\nOn X\n\nLONG It says \"no.\"", 0, "P3 On X | LONG It says \"no.\" | --03-17\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.ReplaceAll(tc.text, "LONG", long)
			got := outline(readText(t, text, Options{Year: tc.year, Format: "listing"}))
			if got != tc.want {
				t.Errorf("got:\n%swant:\n%s", got, tc.want)
			}
		})
	}
}

func TestHeading(t *testing.T) {
	for line, want := range map[string]string{
		"Mar 17": "--03-17", "March 17": "--03-17", "MAR. 7": "--03-07", "17 Mar": "--03-17", "Sept 3rd": "--09-03",
		"Mar 17, 2025": "2025-03-17", "17 March 2025": "2025-03-17", "2025-03-17": "2025-03-17",
		"Mon, Mar 17": "--03-17", "Monday 17 March 2025": "2025-03-17", "Thurs. May 1": "--05-01", "Feb 29": "--02-29",
		"Mar": "", "17": "", "Mar 32": "", "Feb 30": "", "Feb 29, 2025": "", "Mar 17 25": "", "Mar 2025": "", "2025-03": "",
		"Martian 17": "", "Mar 17 is a date": "", "Mar th": "", "": "", "Monday": "", "--03-17": "", "Mar 1ts": "",
	} {
		d, ok := parseHeading(line)
		if got := d.String(); ok != (want != "") || ok && got != want {
			t.Errorf("parseHeading(%q) = %q, %v, want %q", line, got, ok, want)
		}
	}
}

// shared gives a path below the data that is shared between working copies, or
// skips the test.
func shared(t *testing.T, path string) string {
	t.Helper()
	root := "../../../shared"
	if _, err := os.Stat(root); err != nil {
		t.Skip("the shared data folder is not beside this repository, so there are no real files to read")
	}
	return filepath.Join(root, "data", path)
}

// TestRealListings holds what was counted by other means (a Python script that
// takes paragraphs in pairs after the date line) in the four feed pages given
// with the project.
func TestRealListings(t *testing.T) {
	folder := shared(t, "listings")
	files, err := Walk([]string{folder})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"000_2ec82ac80f1aeec2.txt": 48, "001_45a7c13d423bcaf6.txt": 57,
		"002_fda98fe266b185f5.txt": 69, "004_34e54fe70e6bfd50.txt": 60,
	}
	if len(files) != len(want) {
		t.Errorf("found %d files, want %d", len(files), len(want))
	}
	abstracts, rows := map[string]string{}, map[string]int{}
	for row, err := range Papers(t.Context(), []string{folder}, Options{Year: 2025}) {
		if err != nil {
			t.Fatal(err)
		}
		p, name := row.Paper, filepath.Base(row.Source.File)
		rows[name]++
		day := 17
		if name == "002_fda98fe266b185f5.txt" {
			day = 14
		}
		if len(p.ListedDates) != 1 || p.ListedDates[0] != (paper.Date{Year: 2025, Month: 3, Day: day}) || !p.PublishDate.IsZero() {
			t.Errorf("%s: listed %v, published %v", p.ID, p.ListedDates, p.PublishDate)
		}
		if row.Source.Line%4 != 3 { // titles stand on lines 11, 15, 19 …
			t.Errorf("%s:%d: a title where there should be none: %q", name, row.Source.Line, p.Title)
		}
		if before, seen := abstracts[p.ID]; seen && before != p.Abstract {
			t.Errorf("%s has two abstracts", p.ID)
		}
		abstracts[p.ID] = p.Abstract
	}
	for name, n := range want {
		if rows[name] != n {
			t.Errorf("%s has %d papers, want %d", name, rows[name], n)
		}
	}
	if len(abstracts) != 182 {
		t.Errorf("%d distinct papers, want 182", len(abstracts))
	}
}

// TestRealListingsCutOff cuts each real page off at many places. What was read
// before must stay; the paper in which the cut falls is rejected unless the
// text ends as if it were whole.
func TestRealListingsCutOff(t *testing.T) {
	files, err := Walk([]string{shared(t, "listings")})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(content)
		whole := readText(t, text, Options{})
		cuts, passed := 0, 0
		for cut := len(text) - 5000; cut < len(text); cut += 61 {
			cuts++
			got := readText(t, text[:cut], Options{})
			last := got[len(got)-1]
			if last.Paper != nil {
				passed++
				if !strings.HasSuffix(text[:cut], "\n") && !endsWhole(text[:cut]) {
					t.Errorf("%s cut at %d: %q passed as whole", file, cut, last.Paper.Title)
				}
			}
			for i, r := range got[:len(got)-1] {
				if r.Paper == nil || r.Paper.ID != whole[i].Paper.ID || r.Paper.Abstract != whole[i].Paper.Abstract {
					t.Errorf("%s cut at %d: row %d changed", file, cut, i)
				}
			}
		}
		if passed*20 > cuts {
			t.Errorf("%s: %d of %d cuts were not noticed", file, passed, cuts)
		}
	}
}

// TestListingOfCorpora writes real titles and abstracts as a listing and reads
// them back: it measures the grammar on many more styles of title and abstract
// than four pages have (the corpora hold titles with full stops, abstracts of
// one line without one, lower case throughout).
func TestListingOfCorpora(t *testing.T) {
	for _, tc := range []struct {
		path   string
		papers int // with title and abstract
		lost   int // at most
	}{
		{"eval/search/scifact-train/corpus.jsonl.gz", 5183, 0},
		{"eval/search/cranfield/corpus.jsonl.gz", 1398, 0},
		{"eval/search/scitldr-dev/corpus.jsonl.gz", 3229, 0},
		{"eval/similar/csfcube-fold1/corpus.jsonl.gz", 4205, 1},
		{"eval/recommend/reviews/corpus.jsonl.gz", 4730, 7},
	} {
		t.Run(tc.path, func(t *testing.T) {
			var b strings.Builder
			b.WriteString("Mar 17\n\n")
			type text struct{ title, abstract string }
			want := map[text]int{}
			n := 0
			for row, err := range Papers(t.Context(), []string{shared(t, tc.path)}, Options{}) {
				if p := row.Paper; err == nil && p.Title != "" && p.Abstract != "" {
					n++
					want[text{p.Title, p.Abstract}]++
					b.WriteString(p.Title + "\n\n" + p.Abstract + "\n\n")
				}
			}
			if n != tc.papers {
				t.Errorf("%d papers have title and abstract, want %d", n, tc.papers)
			}
			for _, r := range readText(t, b.String(), Options{}) {
				if r.Paper != nil {
					want[text{r.Paper.Title, r.Paper.Abstract}]--
				}
			}
			lost := 0
			for _, missing := range want {
				lost += max(0, missing)
			}
			if lost > tc.lost {
				t.Errorf("%d of %d papers were lost, want at most %d", lost, n, tc.lost)
			}
		})
	}
}

// TestListingWithoutTitles feeds paragraphs that all look like parts of one
// abstract: they must not be gathered without end.
func TestListingWithoutTitles(t *testing.T) {
	text := "Mar 17\n\nOn X\n\n" + strings.Repeat("www.x.example\n\n", 4*paper.MaxAbstractBytes/10)
	r, err := NewReader("test", strings.NewReader(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Next(context.Background())
	var rejected *RejectedError
	if !errors.As(err, &rejected) || !strings.Contains(rejected.Reason, "the abstract is longer than 262144 bytes") {
		t.Fatalf("got %v", err)
	}
	if n := len(readAll(t, r)); n < 1000 {
		t.Errorf("%d further rows, want every paragraph that is left", n)
	}
}
