package ingest

import (
	"strings"
	"testing"
)

// TestRIS: whatever stands before TY, and however tags are spaced, references
// are read; and what is lost is said.
func TestRIS(t *testing.T) {
	const one = "TY  - JOUR\nAU  - Holt, Mira\nTI  - On Stones\nPY  - 2019\nER  - \n"
	for name, tc := range map[string]struct{ text, want string }{
		"alone":                     {one, "P1 On Stones | | 2019"},
		"a mark":                    {"\uFEFF" + one, "P1 On Stones | | 2019"},
		"a header":                  {"% Encoding: UTF-8\n\nDatabase: Stones\n" + one, "P4 On Stones | | 2019"},
		"records with a number":     {"Record #1 of 2\nProvider: P\n\n" + one + "\n2.\n" + one, "P4 On Stones | | 2019;P11 On Stones | | 2019"},
		"numbers in signs":          {"<1>\n" + one + "<2>\n" + one, "P2 On Stones | | 2019;P8 On Stones | | 2019"},
		"tags after the last":       {strings.TrimSuffix(one, "\n") + "\nNL  - J. Stones\n\nLink to it: x\n" + one, "P1 On Stones | | 2019;P9 On Stones | | 2019"},
		"tabs":                      {strings.ReplaceAll(one, "  - ", "\t- "), "P1 On Stones | | 2019"},
		"one space":                 {strings.ReplaceAll(one, "  - ", " - "), "P1 On Stones | | 2019"},
		"no space":                  {strings.ReplaceAll(one, "  - ", "-"), "P1 On Stones | | 2019"},
		"white space before it":     {"  " + strings.ReplaceAll(strings.TrimSuffix(one, "\n"), "\n", "\n  "), "P1 On Stones | | 2019"},
		"a text like a tag":         {"TY  - JOUR\nTI  - On Stones\nAB  - We use\nCT - a scan.\nER  -", "P1 On Stones | We use CT - a scan. | "},
		"tags before the first":     {"ID  - 7\n" + one, "P1 On Stones | | 2019"},
		"no first tag":              {"TI  - On Stones\nAU  - Holt, M.\nER  - \n", "P1 On Stones | | "},
		"no last tag":               {strings.ReplaceAll(one, "ER  - \n", "") + one, "P1 On Stones | | 2019 (ER);P5 On Stones | | 2019"},
		"no last tag in the file":   {strings.ReplaceAll(one, "ER  - \n", ""), "P1 On Stones | | 2019 (ER)"},
		"cut off in a line":         {"TY  - JOUR\nTI  - On Sto", "R1 the file ends in the middle of this reference"},
		"keywords on lines":         {"TY  - JOUR\nTI  - On Stones\nKW  - big\nsmall; flat\nKW  - round\nER  - ", "P1 On Stones | | [big small flat round]"},
		"names in one tag":          {"TY  - JOUR\nTI  - On Stones\nAU  - S&aacute;nchez, Ana; Moe, I.\nAU  - et al.\nER  - ", "P1 On Stones | | {Ana Sánchez,I. Moe}"},
		"a month alone":             {"TY  - JOUR\nTI  - On Stones\nDA  - MAY 12\nPY  - 2019\nER  - ", "P1 On Stones | | 2019-05-12"},
		"a day with its month last": {"TY  - JOUR\nTI  - On Stones\nPY  - 2019\nY1  - 2019/05/12/\nER  - ", "P1 On Stones | | 2019-05-12"},
		"a date that is none":       {"TY  - JOUR\nTI  - On Stones\nDA  - soon\nER  - ", "P1 On Stones | | (publish_date)"},
		"a DOI elsewhere":           {"TY  - JOUR\nTI  - On Stones\nM3  - doi: 10.1000/AB\nER  - ", "P1 On Stones | | #doi:10.1000/ab"},
		"arXiv in the venue":        {"TY  - JOUR\nTI  - On Stones\nT2  - arXiv preprint arXiv:2101.00001\nER  - ", "P1 On Stones | | #arXiv:2101.00001"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := NewReader("test", strings.NewReader(tc.text), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Format() != "ris" {
				t.Fatalf("guessed %s", r.Format())
			}
			if got := brief(t, r, tc.want); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
