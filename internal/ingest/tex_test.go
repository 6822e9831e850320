package ingest

import (
	"slices"
	"strings"
	"testing"
)

func TestPlainTeX(t *testing.T) {
	for text, want := range map[string]string{
		`{\"o}`: "ö", `\"{o}`: "ö", `\'{e}`: "é", `\'e`: "é", `\'{\i}`: "í", `\'\i`: "í", "\\`a": "à", `\^{o}`: "ô", `\~n`: "ñ",
		`\ss`: "ß", `Stra\ss e`: "Straße", `{\o}`: "ø", `\AA ngstr\"om`: "Ångström", `\c{c}`: "ç", `\c c`: "ç", `\k{a}`: "ą", `\v{s}`: "š", `\r{u}`: "ů", `\.z`: "ż", `\={a}`: "ā", `\u{g}`: "ğ", `\d{s}`: "ṣ",
		`a -- b --- c`: "a – b — c", "``so''": "“so”", `Tom~\& Co.`: "Tom & Co.", `50\% \#1 a\_b \$5 \{x\}`: "50% #1 a_b $5 {x}",
		`$x_{1} \alpha$ and \beta`: `$x_{1} \alpha$ and \beta`, `cost $5`: "cost $5", `\$5 and \$6`: "$5 and $6",
		`\textbf{bold} {Case}`: "bold Case", `\TeX{} book`: "TeX book", "plain": "plain", `a\\b`: "a b",
		`\`: `\`, `\'`: "", `\'{`: "", `{`: "", `$`: "$", `\'{}`: "", `\"`: "", "e\\'\xff": "e\xff\u0301",
		`\'{\'{\'{\'{\'{\'{\'{\'{\'{\'{e}}}}}}}}}}`: "",
	} {
		got := plainTeX(text)
		if strings.Count(text, `\'`) > 5 || strings.Contains(text, "\xff") {
			continue // only that it ends
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestBibAuthors(t *testing.T) {
	for text, want := range map[string][]string{
		"Holt, Mira and Jon Aske":           {"Mira Holt", "Jon Aske"},
		"Holt, Mira\n  AND\tAske, Jon":      {"Mira Holt", "Jon Aske"},
		"{Sea and Sand, Inc.} and A. Brand": {"Sea and Sand, Inc.", "A. Brand"},
		"de la Cruz, Jr., Ana":              {"Ana de la Cruz Jr."},
		`G{\"o}del, Kurt and others`:        {"Kurt Gödel"},
		"":                                  nil,
		"and":                               {"and"},
		", ,":                               nil,
	} {
		var got []string
		for _, a := range bibAuthors(text) {
			got = append(got, a.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestBibTeXMacros(t *testing.T) {
	bomb := "@string{a = {" + strings.Repeat("x", 1000) + "}}\n@misc{k, title = {T}, note = a" + strings.Repeat("#a", MaxLineBytes/1000) + "}\n@misc{l, title = {U}}\n"
	got := readText(t, bomb, Options{})
	if len(got) != 2 || !strings.Contains(got[0].Rejected, "with its macros the entry is longer than the limit") || got[1].Paper == nil {
		t.Errorf("a macro that grows: got %.300v", got)
	}
	got = readText(t, "@string{a = {"+strings.Repeat("x", maxMacroBytes+1)+"}}\n@misc{l, title = {U}}\n", Options{Format: "bibtex"})
	if len(got) != 2 || !strings.Contains(got[0].Rejected, `the macro "a" is not kept`) {
		t.Errorf("a long macro: got %.300v", got)
	}
}
