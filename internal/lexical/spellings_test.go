package lexical

import (
	"slices"
	"testing"
)

// What is one word in several spellings is found by each of them, in texts of each.
func TestOneWordInManySpellings(t *testing.T) {
	for _, forms := range [][]string{
		{"data set", "dataset", "data-set", "Data-Sets"},
		{"pre-training", "pretraining", "pre training", "pre\u2010training", "pre\u2011training", "pre\u00adtraining"},
		{"fine-tuning", "finetuning", "fine tuning", "\ufb01ne-tuning", "fine\u2013tuning"},
		{"β-catenin", "beta-catenin", "beta catenin", `$\beta$-catenin`, "β\u2011catenin", "Β-catenin"},
		{"TNF-α", "TNFα", "TNF-alpha", "TNF alpha", `TNF-$\alpha$`},
		{"μ-opioid", "µ-opioid", "mu-opioid", "mu opioid"},
		{"efficient", "eﬃcient", "effi\u00adcient"},
		{"behaviour", "behavior", "Behaviours"},
		{"tumour", "tumor"},
		{"optimisation", "optimization", "optimizations"},
		{"centre", "center"},
		{"modelling", "modeling"},
		{"haemoglobin", "hemoglobin"},
		{"analyse", "analyze"},
		{"catalogue", "catalog"},
		{"naïve", "naive", "nai\u0308ve"},
		{"coöperation", "cooperation", "co-operation"},
		{"Schrödinger", "Schrodinger", `Schr\"odinger`},
		{"email", "e-mail"},
		{"3-D", "3D"},
	} {
		for i, text := range forms {
			x := fill(t, nil, Options{})
			add := func(ordinal uint32, title string) {
				if err := x.Upsert(ordinal, title, "", nil); err != nil {
					t.Fatal(err)
				}
			}
			add(0, "We look at "+text+" here")
			for k := range uint32(6) { // so that parts of words are known
				add(k+1, []string{"data", "set", "pre", "training", "fine", "tuning"}[k]+" alone")
				add(k+11, []string{"data", "set", "pre", "training", "fine", "tuning"}[k]+" elsewhere")
			}
			for j, query := range forms {
				found := search(t, x, query)
				if !slices.Contains(found, 0) {
					t.Errorf("%q (%d) does not find %q (%d)", query, j, text, i)
				}
			}
		}
	}
}
