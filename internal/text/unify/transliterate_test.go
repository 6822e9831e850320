package unify

import (
	"slices"
	"testing"
)

func TestTransliterated(t *testing.T) {
	for text, want := range map[string]string{
		"Schölkopf": "schoelkopf", "SØGAARD": "soegaard", "Åström": "aastroem", "Mu\u0308ller": "mueller", "Daumé": "daume",
		"Weiß": "weiss", "Plain Name": "plain name", "Łukasz": "lukasz", "": "",
	} {
		if got := Transliterated(text); got != want {
			t.Errorf("%q is %q, not %q", text, got, want)
		}
	}
}

// What was written as two letters is found again among few.
func TestUntransliterated(t *testing.T) {
	for _, name := range []string{"Schölkopf", "Åström", "Jürgen", "Søgaard", "Bøåü"} {
		if got := Untransliterated(Transliterated(name)); !slices.Contains(got, Plain(name)) {
			t.Errorf("%q is none of %q", name, got)
		}
	}
	if got := Untransliterated("gradient"); len(got) > 0 {
		t.Errorf("gradient may be %q", got)
	}
	if got := Untransliterated("aeoeueaaaeoeueaa"); len(got) != 1<<mostDigraphs-1 {
		t.Errorf("%d words", len(got))
	}
}
